
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Requests that come at random times (a Poisson process), whether or not those
 * before were answered.  The time of a request counts from the moment at which
 * it was to be sent, so what waits here for a connection is not left out.
 *
 * usage: open [-l] [-e] [-b min-max] [-c max] [-k burst] [-s seed] [-H header]
 *            port uri rate milliseconds body
 *
 * A "#" in the body becomes the number of the request.  Prints the number of
 * requests, p50, p90, p99 and the largest time in microseconds.
 *
 *   -l          prints a line for each request instead, as they are answered:
 *               when it was due since the start and how long it took, in
 *               microseconds, status, budget
 *   -e          an answer other than 200 is one as well; else it ends the
 *               program
 *   -b min-max  each request has X-LLM-Latency-Budget-Ms, at random
 *   -c max      so many connections at most, 2048 by default
 *   -k burst    in bursts of so many, in the mean, at ten times the rate, and
 *               quiet between them, as those of llm-batch-sim
 *   -s seed     of what is random
 *   -H header   each request has this one
 */


#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>


#define MAX_EVENTS  256
#define IN_SIZE     (256 * 1024)
#define OUT_SIZE    8192

#define BURST_SPEED 10

typedef struct conn_s  conn_t;

struct conn_s {
    int             fd;
    uint64_t        start;
    unsigned        budget;
    size_t          got;
    conn_t         *next;
    char            in[IN_SIZE + 1];
};


static const char  *uri, *body, *header;
static unsigned     budget_min, budget_max;
static unsigned     max_conns = 2048;
static long         seed;
static double       burst;
static double       left;         /* of this burst */
static int          lines, errors;
static uint64_t     began;
static uint64_t    *times, *queue;
static size_t       ntimes, head, tail;
static unsigned     serial, nconns;
static conn_t      *idle;
static int          epfd, port;


static void
die(const char *what)
{
    perror(what);
    exit(1);
}


static uint64_t
now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}


static conn_t *
connection(void)
{
    int                 one;
    conn_t             *c;
    struct sockaddr_in  sin;
    struct epoll_event  ev;

    if (idle) {
        c = idle;
        idle = c->next;
        return c;
    }

    if (nconns == max_conns) {
        return NULL;
    }

    c = malloc(sizeof(conn_t));

    if (c == NULL) {
        die("malloc()");
    }

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_port = htons((uint16_t) port);
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));

    if (connect(c->fd, (struct sockaddr *) &sin, sizeof(sin)) < 0) {
        die("connect()");
    }

    ev.events = EPOLLIN;
    ev.data.ptr = c;
    epoll_ctl(epfd, EPOLL_CTL_ADD, c->fd, &ev);
    nconns++;

    return c;
}


/* what waits is sent, as far as there are connections */

static void
send_waiting(void)
{
    int          n;
    char         text[OUT_SIZE], out[2 * OUT_SIZE], budget[64];
    conn_t      *c;
    const char  *mark;

    while (head < tail && (c = connection()) != NULL) {
        mark = strchr(body, '#');
        n = mark ? snprintf(text, sizeof(text), "%.*s%u%s",
                            (int) (mark - body), body, serial, mark + 1)
                 : snprintf(text, sizeof(text), "%s", body);
        serial++;

        c->start = queue[head++];
        c->got = 0;
        c->budget = 0;
        budget[0] = '\0';

        if (budget_max) {
            c->budget = budget_min + (unsigned)
                        (drand48() * (budget_max - budget_min + 1));
            sprintf(budget, "X-LLM-Latency-Budget-Ms: %u\r\n", c->budget);
        }

        n = snprintf(out, sizeof(out), "POST %s HTTP/1.1\r\n"
                     "Host: localhost\r\n"
                     "Content-Type: application/json\r\n%s%s%s"
                     "Content-Length: %d\r\n\r\n%s", uri, budget,
                     header ? header : "", header ? "\r\n" : "", n, text);

        if (send(c->fd, out, (size_t) n, MSG_NOSIGNAL) != n) {
            die("send()");
        }
    }
}


static void
receive(conn_t *c)
{
    char     *end, *length;
    size_t    need;
    ssize_t   n;

    n = recv(c->fd, c->in + c->got, IN_SIZE - c->got, 0);

    if (n <= 0) {
        die("recv()");
    }

    c->got += (size_t) n;
    c->in[c->got] = '\0';

    end = strstr(c->in, "\r\n\r\n");
    length = strcasestr(c->in, "\r\ncontent-length:");

    if (end == NULL) {
        return;
    }

    if (strncmp(c->in, "HTTP/1.1 ", 9) != 0
        || (strncmp(c->in + 9, "200 ", 4) != 0 && !errors)
        || length == NULL)
    {
        fprintf(stderr, "%.*s\n", 300, c->in);
        exit(1);
    }

    need = (size_t) (end + 4 - c->in) + strtoul(length + 17, NULL, 10);

    if (c->got < need) {
        return;
    }

    times[ntimes++] = now() - c->start;

    if (lines) {
        printf("%llu %llu %.3s %u\n", (unsigned long long) (c->start - began),
               (unsigned long long) times[ntimes - 1], c->in + 9, c->budget);
    }

    c->next = idle;
    idle = c;
}


static int
compare(const void *a, const void *b)
{
    uint64_t  x = *(const uint64_t *) a, y = *(const uint64_t *) b;

    return (x > y) - (x < y);
}


static void
arm(int timer, double at)
{
    struct itimerspec  its;

    memset(&its, 0, sizeof(its));

    its.it_value.tv_sec = (time_t) (at / 1e6);
    its.it_value.tv_nsec = (long) (fmod(at, 1e6) * 1000);

    timerfd_settime(timer, TFD_TIMER_ABSTIME, &its, NULL);
}


static double
exponential(double mean)
{
    return -log(1 - drand48()) * mean;
}


/* us to the next request */

static double
gap(double mean)
{
    double  quick;

    if (burst == 0) {
        return exponential(mean);
    }

    quick = mean / BURST_SPEED;

    if (left >= 1) {
        left--;
        return exponential(quick);
    }

    left = floor(exponential(burst - 1) + 0.5);

    /* a burst and the quiet before it take what so many requests do */

    return exponential(burst * (mean - quick) + quick);
}


static void
options(int argc, char **argv)
{
    int  opt;

    while ((opt = getopt(argc, argv, "leb:c:k:s:H:")) != -1) {

        switch (opt) {

        case 'l':
            lines = 1;
            break;

        case 'e':
            errors = 1;
            break;

        case 'c':
            max_conns = (unsigned) atoi(optarg);
            break;

        case 'k':
            burst = atof(optarg);
            break;

        case 's':
            seed = atol(optarg);
            break;

        case 'H':
            header = optarg;
            break;

        case 'b':
            if (sscanf(optarg, "%u-%u", &budget_min, &budget_max) == 2
                && budget_min <= budget_max)
            {
                break;
            }

            /* fall through */

        default:
            argc = 0;
        }

        if (argc == 0) {
            break;
        }
    }

    if (argc - optind != 5) {
        fprintf(stderr, "usage: open [-l] [-e] [-b min-max] [-c max] "
                        "[-k burst] [-s seed] [-H header] port uri "
                        "rate milliseconds body\n");
        exit(2);
    }
}


int
main(int argc, char **argv)
{
    int                 i, n, timer;
    double              rate, next, stop;
    size_t              max;
    uint64_t            expired;
    struct epoll_event  ev, events[MAX_EVENTS];

    options(argc, argv);
    argv += optind;

    port = atoi(argv[0]);
    uri = argv[1];
    rate = atof(argv[2]);
    body = argv[4];

    srand48(seed ? seed : getpid());

    max = (size_t) (rate * atof(argv[3]) / 1000 * 2) + 1000;
    times = malloc(max * sizeof(uint64_t));
    queue = malloc(max * sizeof(uint64_t));

    if (times == NULL || queue == NULL) {
        die("malloc()");
    }

    epfd = epoll_create1(0);
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);

    ev.events = EPOLLIN;
    ev.data.ptr = NULL;
    epoll_ctl(epfd, EPOLL_CTL_ADD, timer, &ev);

    began = now();
    next = (double) began;
    stop = next + atof(argv[3]) * 1000;

    arm(timer, next);

    while (next < stop || ntimes < tail) {
        n = epoll_wait(epfd, events, MAX_EVENTS, 10000);

        if (n == 0) {
            fprintf(stderr, "open: no answer for 10 s\n");
            return 1;
        }

        for (i = 0; i < n; i++) {
            if (events[i].data.ptr) {
                receive(events[i].data.ptr);

            } else {
                (void) !read(timer, &expired, sizeof(expired));
            }
        }

        while (next < stop && next <= (double) now() && tail < max) {
            queue[tail++] = (uint64_t) next;
            next += gap(1e6 / rate);
        }

        if (next < stop) {
            arm(timer, next);
        }

        send_waiting();
    }

    if (lines) {
        return 0;
    }

    qsort(times, ntimes, sizeof(uint64_t), compare);

    printf("%zu %llu %llu %llu %llu\n", ntimes,
           (unsigned long long) times[ntimes / 2],
           (unsigned long long) times[ntimes * 9 / 10],
           (unsigned long long) times[ntimes * 99 / 100],
           (unsigned long long) times[ntimes - 1]);

    return 0;
}
