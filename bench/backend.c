
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * A backend that costs next to nothing: it answers POST requests in the format
 * of OpenAI embeddings for as many inputs as it got, from memory, and GET
 * /stats with the number of calls and items so far.  One process, keep-alive,
 * bodies with Content-Length only.
 *
 * Three more paths change it while it runs: GET /cost/fixed/each/parallel, as
 * below; GET /refuse/milliseconds/seconds: for so long it answers 429 with this
 * number of seconds in Retry-After; and GET /limit/calls/seconds: so does any
 * call beyond so many in a second, of which a second may be saved up.  Calls
 * that are refused are counted apart.
 *
 * usage: backend port dimension [fixed each parallel]
 *
 * With a cost, in microseconds, a call of n inputs is answered after fixed + n
 * * each, as soon as one of "parallel" workers is free; calls wait in the order
 * in which they came.
 */


#include <arpa/inet.h>
#include <errno.h>
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


#define MAX_ITEMS   2048
#define IN_SIZE     (256 * 1024)
#define MAX_EVENTS  256
#define MAX_WORKERS 1024


typedef struct {
    char           *data;
    size_t          len;
} answer_t;


typedef struct conn_s  conn_t;

struct conn_s {
    int             fd;
    int             waiting;      /* until it is answered */
    int             gone;         /* the client, meanwhile */
    uint64_t        due;          /* us */
    conn_t         *next;
    size_t          got;
    const char     *out;
    size_t          left;
    char            stats[256];
    char            in[IN_SIZE + 1];
};


static answer_t       answers[MAX_ITEMS + 1];
static int            dimension;
static int            epfd;
static uint64_t       fixed_cost, each_cost;
static uint64_t       free_at[MAX_WORKERS];
static int            parallel;
static int            timer;
static conn_t        *pending;      /* by the time that they are due */
static unsigned long  calls;
static unsigned long  items;
static unsigned long  refused;
static uint64_t       refusing;     /* until then, us */
static double         limit;        /* calls in a second; 0: any number */
static double         credit;       /* calls that may come now */
static uint64_t       credited;     /* when it was counted, us */
static char           refusal[256];


static void
die(const char *what)
{
    perror(what);
    exit(1);
}


/* the answer for n items, header included, made when it is first needed */

static answer_t *
answer(int n)
{
    int        i, k, head;
    char      *body, *p;
    size_t     size;
    answer_t  *a;

    a = &answers[n];

    if (a->data) {
        return a;
    }

    size = (size_t) n * (64 + (size_t) dimension * 12) + 256;
    body = malloc(size);
    a->data = malloc(size + 256);

    if (body == NULL || a->data == NULL) {
        die("malloc()");
    }

    p = body;
    p += sprintf(p, "{\"object\":\"list\",\"data\":[");

    for (i = 0; i < n; i++) {
        p += sprintf(p, "%s{\"object\":\"embedding\",\"index\":%d,"
                     "\"embedding\":[", i ? "," : "", i);

        for (k = 0; k < dimension; k++) {
            p += sprintf(p, "%s0.%07d", k ? "," : "",
                         (i * 7919 + k * 104729 + 1) % 9999999);
        }

        p += sprintf(p, "]}");
    }

    p += sprintf(p, "],\"model\":\"m\",\"usage\":{\"prompt_tokens\":%d,"
                 "\"total_tokens\":%d}}", n * 4, n * 4);

    head = sprintf(a->data, "HTTP/1.1 200 OK\r\n"
                   "Content-Type: application/json\r\n"
                   "Content-Length: %zu\r\n\r\n", (size_t) (p - body));
    memcpy(a->data + head, body, (size_t) (p - body));
    a->len = (size_t) head + (size_t) (p - body);

    free(body);

    return a;
}


/* elements of the array after "input":, 1 if it is not an array */

static int
count_items(const char *p, const char *end)
{
    int  n, depth, commas, quoted;

    p = memmem(p, (size_t) (end - p), "\"input\":", 8);

    if (p == NULL) {
        return 1;
    }

    for (p += 8; p < end && *p == ' '; p++) { /* void */ }

    if (p == end || *p != '[') {
        return 1;
    }

    depth = 0;
    commas = 0;
    quoted = 0;

    for ( /* void */ ; p < end; p++) {

        if (quoted) {
            p += (*p == '\\');
            quoted = (*p != '"');
            continue;
        }

        quoted = (*p == '"');
        depth += (*p == '[') - (*p == ']');
        commas += (*p == ',' && depth == 1);

        if (depth == 0) {
            break;
        }
    }

    n = commas + 1;

    return n > MAX_ITEMS ? MAX_ITEMS : n;
}


static void
close_conn(conn_t *c)
{
    close(c->fd);
    free(c);
}


static int
send_answer(conn_t *c)
{
    ssize_t             n;
    struct epoll_event  ev;

    while (c->left) {
        n = send(c->fd, c->out, c->left, MSG_NOSIGNAL);

        if (n < 0 && errno == EAGAIN) {
            ev.events = EPOLLOUT;
            ev.data.ptr = c;
            epoll_ctl(epfd, EPOLL_CTL_MOD, c->fd, &ev);
            return 1;
        }

        if (n < 0) {
            return -1;
        }

        c->out += n;
        c->left -= (size_t) n;
    }

    return 0;
}


static uint64_t
now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}


static void
set_timer(void)
{
    struct itimerspec  its;

    memset(&its, 0, sizeof(its));

    if (pending) {
        its.it_value.tv_sec = (time_t) (pending->due / 1000000);
        its.it_value.tv_nsec = (long) (pending->due % 1000000) * 1000;
    }

    timerfd_settime(timer, TFD_TIMER_ABSTIME, &its, NULL);
}


/* the first worker that is free takes the call */

static void
delay(conn_t *c, int n)
{
    int                 i, best;
    conn_t            **p;
    struct epoll_event  ev;

    best = 0;

    for (i = 1; i < parallel; i++) {
        if (free_at[i] < free_at[best]) {
            best = i;
        }
    }

    if (free_at[best] < now()) {
        free_at[best] = now();
    }

    free_at[best] += fixed_cost + (uint64_t) n * each_cost;

    c->due = free_at[best];
    c->waiting = 1;

    for (p = &pending; *p && (*p)->due <= c->due; p = &(*p)->next) {
        /* void */
    }

    c->next = *p;
    *p = c;

    ev.events = 0;
    ev.data.ptr = c;
    epoll_ctl(epfd, EPOLL_CTL_MOD, c->fd, &ev);

    set_timer();
}


static void
refuse_with(unsigned long seconds)
{
    snprintf(refusal, sizeof(refusal), "HTTP/1.1 429 Too Many Requests\r\n"
             "Retry-After: %lu\r\n"
             "Content-Type: application/json\r\n"
             "Content-Length: 32\r\n\r\n"
             "{\"error\":{\"message\":\"too many\"}}", seconds);
}


/* 1 if this call is not answered */

static int
is_refused(void)
{
    uint64_t  time;

    time = now();

    if (time < refusing) {
        return 1;
    }

    if (limit == 0) {
        return 0;
    }

    credit += limit * (double) (time - credited) / 1e6;
    credited = time;

    if (credit > limit) {
        credit = limit;
    }

    if (credit < 1) {
        return 1;
    }

    credit--;

    return 0;
}


/* what a GET asks for is done; the answer is always the numbers */

static void
control(conn_t *c)
{
    int            n, workers;
    char           text[128];
    unsigned long  fixed, each, ms, most, seconds;

    if (sscanf(c->in, "GET /cost/%lu/%lu/%d", &fixed, &each, &workers) == 3
        && workers > 0 && workers <= MAX_WORKERS)
    {
        fixed_cost = fixed;
        each_cost = each;
        parallel = workers;
    }

    if (sscanf(c->in, "GET /refuse/%lu/%lu", &ms, &seconds) == 2) {
        refusing = now() + ms * 1000;
        refuse_with(seconds);
    }

    if (sscanf(c->in, "GET /limit/%lu/%lu", &most, &seconds) == 2) {
        limit = credit = (double) most;
        credited = now();
        refuse_with(seconds);
    }

    n = sprintf(text, "{\"calls\":%lu,\"items\":%lu,\"refused\":%lu}\n",
                calls, items, refused);
    c->left = (size_t) sprintf(c->stats, "HTTP/1.1 200 OK\r\n"
                               "Content-Length: %d\r\n\r\n%s", n, text);
    c->out = c->stats;
}


static void
make_answer(conn_t *c, const char *body, const char *end)
{
    int        n;
    answer_t  *a;

    if (strncmp(c->in, "GET ", 4) == 0) {
        control(c);
        return;
    }

    if (is_refused()) {
        refused++;
        c->out = refusal;
        c->left = strlen(refusal);
        return;
    }

    n = count_items(body, end);
    a = answer(n);

    calls++;
    items += (unsigned long) n;

    c->out = a->data;
    c->left = a->len;

    if (parallel) {
        delay(c, n);
    }
}


/* answers what is complete: 1 if a request is, 0 if not yet, -1 on error */

static int
serve(conn_t *c)
{
    char    *body, *length;
    size_t   need;

    c->in[c->got] = '\0';
    body = strstr(c->in, "\r\n\r\n");

    if (body == NULL) {
        return c->got == IN_SIZE ? -1 : 0;
    }

    body += 4;
    length = strcasestr(c->in, "\r\ncontent-length:");
    need = (size_t) (body - c->in);

    if (length && length < body) {
        need += strtoul(length + 17, NULL, 10);
    }

    if (c->got < need) {
        return need > IN_SIZE ? -1 : 0;
    }

    make_answer(c, body, c->in + need);

    c->got -= need;
    memmove(c->in, c->in + need, c->got);

    return 1;
}


static void
handle(conn_t *c, uint32_t events)
{
    int                 rc;
    ssize_t             n;
    struct epoll_event  ev;

    if (c->waiting) {
        c->gone = 1;
        epoll_ctl(epfd, EPOLL_CTL_DEL, c->fd, NULL);
        return;
    }

    if (events & EPOLLOUT) {
        rc = send_answer(c);

        if (rc > 0) {
            return;
        }

        if (rc < 0) {
            close_conn(c);
            return;
        }

        ev.events = EPOLLIN;
        ev.data.ptr = c;
        epoll_ctl(epfd, EPOLL_CTL_MOD, c->fd, &ev);
    }

    for ( ;; ) {
        rc = serve(c);

        if (rc > 0) {

            if (c->waiting) {
                return;
            }

            rc = send_answer(c);

            if (rc > 0) {
                return;
            }

            if (rc == 0) {
                continue;
            }
        }

        if (rc < 0) {
            break;
        }

        n = recv(c->fd, c->in + c->got, IN_SIZE - c->got, 0);

        if (n < 0 && errno == EAGAIN) {
            return;
        }

        if (n <= 0) {
            break;
        }

        c->got += (size_t) n;
    }

    close_conn(c);
}


static void
answer_due(void)
{
    conn_t    *c;
    uint64_t   expired, time;

    (void) !read(timer, &expired, sizeof(expired));

    time = now();

    while (pending && pending->due <= time) {
        c = pending;
        pending = c->next;
        c->waiting = 0;

        if (c->gone) {
            close_conn(c);
            continue;
        }

        handle(c, EPOLLOUT);
    }

    set_timer();
}


static void
accept_all(int listening)
{
    int                 fd, one;
    conn_t             *c;
    struct epoll_event  ev;

    for ( ;; ) {
        fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK);

        if (fd < 0) {
            return;
        }

        one = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));

        c = malloc(sizeof(conn_t));

        if (c == NULL) {
            die("malloc()");
        }

        c->fd = fd;
        c->got = 0;
        c->left = 0;
        c->waiting = 0;
        c->gone = 0;

        ev.events = EPOLLIN;
        ev.data.ptr = c;

        if (epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &ev) < 0) {
            die("epoll_ctl()");
        }
    }
}


int
main(int argc, char **argv)
{
    int                 fd, i, n, one;
    struct sockaddr_in  sin;
    struct epoll_event  ev, events[MAX_EVENTS];

    if (argc != 3 && argc != 6) {
        fprintf(stderr, "usage: backend port dimension "
                        "[fixed each parallel]\n");
        return 2;
    }

    dimension = atoi(argv[2]);

    if (argc == 6) {
        fixed_cost = strtoul(argv[3], NULL, 10);
        each_cost = strtoul(argv[4], NULL, 10);
        parallel = atoi(argv[5]);

        if (parallel < 1 || parallel > MAX_WORKERS) {
            fprintf(stderr, "backend: 1 to %d workers\n", MAX_WORKERS);
            return 2;
        }
    }

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_port = htons((uint16_t) atoi(argv[1]));
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    one = 1;
    fd = socket(AF_INET, SOCK_STREAM|SOCK_NONBLOCK, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));

    if (bind(fd, (struct sockaddr *) &sin, sizeof(sin)) < 0
        || listen(fd, 1024) < 0)
    {
        die("listen");
    }

    epfd = epoll_create1(0);
    ev.events = EPOLLIN;
    ev.data.ptr = NULL;
    epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &ev);

    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    ev.data.ptr = &timer;
    epoll_ctl(epfd, EPOLL_CTL_ADD, timer, &ev);

    for ( ;; ) {
        n = epoll_wait(epfd, events, MAX_EVENTS, -1);

        for (i = 0; i < n; i++) {

            if (events[i].data.ptr == NULL) {
                accept_all(fd);

            } else if (events[i].data.ptr == &timer) {
                answer_due();

            } else {
                handle(events[i].data.ptr, events[i].events);
            }
        }
    }
}
