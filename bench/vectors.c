
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * A backend that answers in the format of OpenAI embeddings, with as many
 * vectors as there were inputs, whatever their number: each answer is written
 * as it is read.  Bodies with Content-Length only, keep-alive, one process.
 *
 * usage: vectors port dimension
 */


#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>


#define IN_SIZE     (4 * 1024 * 1024)
#define OUT_SIZE    (64 * 1024)
#define MAX_EVENTS  256


typedef struct {
    int      fd;
    char    *in;
    size_t   got;
    char    *out;                 /* what is being written */
    size_t   pos;
    size_t   len;
    long     items;               /* of the answer; 0: a request is read */
    long     next;
    int      ended;
} conn_t;


static char    *vector;
static size_t   vector_len;
static int      epfd;


static void
fail(const char *what)
{
    perror(what);
    exit(1);
}


static void
make_vector(int dimension)
{
    int    i;
    char  *p;

    vector = malloc((size_t) dimension * 16 + 64);

    if (vector == NULL) {
        fail("malloc");
    }

    p = vector + sprintf(vector, ",\"embedding\":[");

    for (i = 0; i < dimension; i++) {
        p += sprintf(p, "%s%.8f", i ? "," : "", (i % 97) / 98.0 - 0.5);
    }

    p += sprintf(p, "]}");
    vector_len = (size_t) (p - vector);
}


static const char  head[] = "{\"object\":\"list\",\"data\":[";
static const char  element[] = "{\"object\":\"embedding\",\"index\":";
static const char  tail[] = "],\"model\":\"m\",\"usage\":"
    "{\"prompt_tokens\":%ld,\"total_tokens\":%ld}}";


static size_t
digits(long n)
{
    size_t  k;

    for (k = 1; n > 9; k++) {
        n /= 10;
    }

    return k;
}


/* the inputs of a body are counted by the commas of its array */

static long
count(const char *body)
{
    long         n;
    const char  *p;

    p = strstr(body, "\"input\":");

    if (p == NULL) {
        return 1;
    }

    for (p += sizeof("\"input\":") - 1; *p == ' '; p++) { /* void */ }

    if (*p != '[') {
        return 1;
    }

    n = 1;

    for ( /* void */ ; *p && *p != ']'; p++) {
        n += (*p == ',');
    }

    return n;
}


static void
begin(conn_t *c, const char *body)
{
    long    i;
    size_t  size;

    c->items = count(body);
    c->next = 0;
    c->ended = 0;

    size = sizeof(head) - 1 + sizeof(tail) - 1 - 2 * (sizeof("%ld") - 1)
           + 2 * digits(c->items)
           + (size_t) c->items * (sizeof(element) - 1 + vector_len)
           + (size_t) c->items - 1;

    for (i = 0; i < c->items; i++) {
        size += digits(i);
    }

    c->pos = 0;
    c->len = (size_t) snprintf(c->out, OUT_SIZE, "HTTP/1.1 200 OK\r\n"
                               "Content-Type: application/json\r\n"
                               "Content-Length: %zu\r\n\r\n%s", size, head);
}


/* puts more of the answer into the buffer; 0: there is no more */

static int
refill(conn_t *c)
{
    c->pos = 0;
    c->len = 0;

    while (c->next < c->items
           && c->len + sizeof(element) + 32 + vector_len < OUT_SIZE)
    {
        c->len += (size_t) sprintf(c->out + c->len, "%s%s%ld",
                                   c->next ? "," : "", element, c->next);
        memcpy(c->out + c->len, vector, vector_len);
        c->len += vector_len;
        c->next++;
    }

    if (c->next == c->items && !c->ended && c->len + 128 < OUT_SIZE) {
        c->len += (size_t) sprintf(c->out + c->len, tail, c->items, c->items);
        c->ended = 1;
    }

    return c->len > 0;
}


static void
watch(conn_t *c, int op, unsigned events)
{
    struct epoll_event  ev;

    ev.events = events;
    ev.data.ptr = c;

    if (epoll_ctl(epfd, op, c->fd, &ev) == -1) {
        fail("epoll_ctl");
    }
}


static void
drop(conn_t *c)
{
    close(c->fd);
    free(c->in);
    free(c->out);
    free(c);
}


/* -1: the connection is gone */

static int
send_more(conn_t *c)
{
    ssize_t  n;

    do {
        while (c->pos < c->len) {
            n = send(c->fd, c->out + c->pos, c->len - c->pos, MSG_NOSIGNAL);

            if (n == -1 && errno == EAGAIN) {
                watch(c, EPOLL_CTL_MOD, EPOLLOUT);
                return 0;
            }

            if (n <= 0) {
                drop(c);
                return -1;
            }

            c->pos += (size_t) n;
        }
    } while (refill(c));

    c->items = 0;
    watch(c, EPOLL_CTL_MOD, EPOLLIN);

    return 0;
}


static void
receive(conn_t *c)
{
    char     *body, *length;
    size_t    size;
    ssize_t   n;

    n = recv(c->fd, c->in + c->got, IN_SIZE - c->got, 0);

    if (n == -1 && errno == EAGAIN) {
        return;
    }

    if (n <= 0) {
        drop(c);
        return;
    }

    c->got += (size_t) n;
    c->in[c->got] = '\0';

    body = strstr(c->in, "\r\n\r\n");
    length = strcasestr(c->in, "\r\nContent-Length:");

    if (body == NULL || length == NULL) {
        return;
    }

    body += 4;
    size = strtoul(length + sizeof("\r\nContent-Length:") - 1, NULL, 10);

    if (c->got - (size_t) (body - c->in) < size) {
        return;
    }

    begin(c, body);
    c->got = 0;

    (void) send_more(c);
}


static void
take(int s)
{
    conn_t  *c;

    c = calloc(1, sizeof(conn_t));

    if (c == NULL) {
        fail("calloc");
    }

    c->fd = accept4(s, NULL, NULL, SOCK_NONBLOCK);

    if (c->fd == -1) {
        free(c);
        return;
    }

    c->in = malloc(IN_SIZE + 1);
    c->out = malloc(OUT_SIZE);

    if (c->in == NULL || c->out == NULL) {
        fail("malloc");
    }

    watch(c, EPOLL_CTL_ADD, EPOLLIN);
}


int
main(int argc, char **argv)
{
    int                  i, n, s, on;
    conn_t              *c;
    struct epoll_event   ev, events[MAX_EVENTS];
    struct sockaddr_in   sin;

    if (argc != 3) {
        fprintf(stderr, "usage: vectors port dimension\n");
        return 1;
    }

    make_vector(atoi(argv[2]));
    signal(SIGPIPE, SIG_IGN);

    on = 1;
    s = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_port = htons((unsigned short) atoi(argv[1]));
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    if (bind(s, (struct sockaddr *) &sin, sizeof(sin)) == -1
        || listen(s, 1024) == -1)
    {
        fail("bind");
    }

    epfd = epoll_create1(0);
    ev.events = EPOLLIN;
    ev.data.ptr = NULL;
    epoll_ctl(epfd, EPOLL_CTL_ADD, s, &ev);

    for ( ;; ) {
        n = epoll_wait(epfd, events, MAX_EVENTS, -1);

        for (i = 0; i < n; i++) {
            c = events[i].data.ptr;

            if (c == NULL) {
                take(s);

            } else if (c->items) {
                (void) send_more(c);

            } else {
                receive(c);
            }
        }
    }
}
