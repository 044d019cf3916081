
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Clients that each send a request, wait for the answer and send the next one.
 * Every request is timed; nothing is sampled or rounded.
 *
 * usage: load port uri connections milliseconds body [header]
 *
 * A "#" in the body becomes the number of the request.  Prints the number of
 * requests, requests per second, and p50, p90, p99 and the largest time in
 * microseconds.  An answer other than 200 ends the program.
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
#include <time.h>
#include <unistd.h>


#define IN_SIZE    (1024 * 1024)
#define OUT_SIZE   8192
#define MAX_TIMES  (16 * 1024 * 1024)


typedef struct {
    int             fd;
    uint64_t        sent;
    size_t          got;
    char            in[IN_SIZE + 1];
} client_t;


static const char  *uri;
static const char  *body;
static const char  *header;
static uint32_t    *times;
static size_t       ntimes;
static unsigned     serial;


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

    return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}


static void
send_request(client_t *c)
{
    int          len, n;
    char         text[OUT_SIZE / 2], out[OUT_SIZE];
    const char  *mark;

    mark = strchr(body, '#');

    if (mark) {
        len = snprintf(text, sizeof(text), "%.*s%u%s", (int) (mark - body),
                       body, serial++, mark + 1);

    } else {
        len = snprintf(text, sizeof(text), "%s", body);
    }

    if (len >= (int) sizeof(text)) {
        fprintf(stderr, "load: body too long\n");
        exit(1);
    }

    n = snprintf(out, sizeof(out), "POST %s HTTP/1.1\r\nHost: localhost\r\n"
                 "Content-Type: application/json\r\n%s%s"
                 "Content-Length: %d\r\n\r\n%s",
                 uri, header, *header ? "\r\n" : "", len, text);

    c->got = 0;
    c->sent = now();

    if (send(c->fd, out, (size_t) n, MSG_NOSIGNAL) != n) {
        die("send()");
    }
}


/* 1 if the answer is complete */

static int
read_answer(client_t *c)
{
    char     *end, *length;
    ssize_t   n;
    size_t    need;

    n = recv(c->fd, c->in + c->got, IN_SIZE - c->got, 0);

    if (n < 0 && errno == EAGAIN) {
        return 0;
    }

    if (n <= 0) {
        fprintf(stderr, "load: connection closed\n");
        exit(1);
    }

    c->got += (size_t) n;
    c->in[c->got] = '\0';
    end = strstr(c->in, "\r\n\r\n");

    if (end == NULL) {
        return 0;
    }

    if (strncmp(c->in, "HTTP/1.1 200", 12) != 0) {
        fprintf(stderr, "load: %.300s\n", c->in);
        exit(1);
    }

    length = strcasestr(c->in, "\r\ncontent-length:");

    if (length == NULL || length > end) {

        /* chunked: the answers of the backend have no empty line inside */

        return c->got >= 5 && memcmp(c->in + c->got - 5, "0\r\n\r\n", 5) == 0;
    }

    need = (size_t) (end + 4 - c->in) + strtoul(length + 17, NULL, 10);

    return c->got >= need;
}


static client_t *
connect_client(int port, int epfd)
{
    int                 one;
    client_t           *c;
    struct sockaddr_in  sin;
    struct epoll_event  ev;

    c = malloc(sizeof(client_t));

    if (c == NULL) {
        die("malloc()");
    }

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_port = htons((uint16_t) port);
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    c->fd = socket(AF_INET, SOCK_STREAM, 0);

    if (connect(c->fd, (struct sockaddr *) &sin, sizeof(sin)) < 0) {
        die("connect()");
    }

    one = 1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));

    ev.events = EPOLLIN;
    ev.data.ptr = c;
    epoll_ctl(epfd, EPOLL_CTL_ADD, c->fd, &ev);

    return c;
}


static int
compare(const void *one, const void *two)
{
    uint32_t  a, b;

    a = *(const uint32_t *) one;
    b = *(const uint32_t *) two;

    return (a > b) - (a < b);
}


static double
percentile(double p)
{
    return times[(size_t) ((double) (ntimes - 1) * p)] / 1000.0;
}


int
main(int argc, char **argv)
{
    int                 epfd, i, n, clients;
    uint64_t            start, end, t;
    client_t           *c;
    struct epoll_event  events[256];

    if (argc != 6 && argc != 7) {
        fprintf(stderr, "usage: load port uri connections milliseconds body"
                " [header]\n");
        return 2;
    }

    uri = argv[2];
    clients = atoi(argv[3]);
    body = argv[5];
    header = argc == 7 ? argv[6] : "";
    times = malloc(MAX_TIMES * sizeof(uint32_t));

    if (times == NULL) {
        die("malloc()");
    }

    epfd = epoll_create1(0);
    start = now();
    end = start + strtoull(argv[4], NULL, 10) * 1000000;

    for (i = 0; i < clients; i++) {
        send_request(connect_client(atoi(argv[1]), epfd));
    }

    do {
        n = epoll_wait(epfd, events, 256, 10000);

        if (n <= 0) {
            fprintf(stderr, "load: no answer\n");
            return 1;
        }

        for (i = 0; i < n; i++) {
            c = events[i].data.ptr;

            if (!read_answer(c)) {
                continue;
            }

            t = now();

            if (ntimes < MAX_TIMES) {
                times[ntimes++] = (uint32_t) (t - c->sent);
            }

            send_request(c);
        }

        t = now();

    } while (t < end);

    if (ntimes == 0) {
        fprintf(stderr, "load: no answers\n");
        return 1;
    }

    qsort(times, ntimes, sizeof(uint32_t), compare);

    printf("%zu %.0f %.1f %.1f %.1f %.1f\n", ntimes,
           (double) ntimes * 1e9 / (double) (t - start), percentile(0.50),
           percentile(0.90), percentile(0.99), percentile(1));

    return 0;
}
