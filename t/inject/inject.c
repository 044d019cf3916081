
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * A library for LD_PRELOAD that has calls of libc fail.  The file that the
 * environment names in LLMB_INJECT, SIZE bytes long, holds
 *
 *     a text of lines "name probability [min max]", ended by a zero: the
 *     probability is of 1, min and max bound the size that is asked for;
 *     at COUNTERS a 64-bit number for each name, of calls that have failed.
 *
 * It is mapped, so what is written to it holds from then on for all processes.
 * The process that loads the library, which is nginx's master, is spared, but
 * for names that begin with "master_".
 */


#define _GNU_SOURCE

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>


#define SIZE      4096
#define COUNTERS  2048


/* the order is that of the counters */

enum {
    MALLOC = 0,
    MEMALIGN,
    SOCKET,
    CONNECT,
    EPOLL_CTL,
    WRITEV,
    RECV,
    WRITE,
    MASTER_EVENTFD,
    N
};

static const char *const  names[N] = {
    "malloc", "memalign", "socket", "connect", "epoll_ctl", "writev", "recv",
    "write", "master_eventfd"
};


static char   *map;
static pid_t   master;

static __typeof__(posix_memalign)  *real_memalign;
static __typeof__(socket)          *real_socket;
static __typeof__(connect)         *real_connect;
static __typeof__(epoll_ctl)       *real_epoll_ctl;
static __typeof__(writev)          *real_writev;
static __typeof__(recv)            *real_recv;
static __typeof__(write)           *real_write;
static __typeof__(eventfd)         *real_eventfd;

extern void *__libc_malloc(size_t size);


/* before anything of this process can fail */

__attribute__((constructor)) static void
load(void)
{
    int          fd;
    const char  *file;

    real_memalign = (__typeof__(real_memalign)) dlsym(RTLD_NEXT,
                                                      "posix_memalign");
    real_socket = (__typeof__(real_socket)) dlsym(RTLD_NEXT, "socket");
    real_connect = (__typeof__(real_connect)) dlsym(RTLD_NEXT, "connect");
    real_epoll_ctl = (__typeof__(real_epoll_ctl)) dlsym(RTLD_NEXT,
                                                        "epoll_ctl");
    real_writev = (__typeof__(real_writev)) dlsym(RTLD_NEXT, "writev");
    real_recv = (__typeof__(real_recv)) dlsym(RTLD_NEXT, "recv");
    real_write = (__typeof__(real_write)) dlsym(RTLD_NEXT, "write");
    real_eventfd = (__typeof__(real_eventfd)) dlsym(RTLD_NEXT, "eventfd");

    master = getpid();
    file = getenv("LLMB_INJECT");

    if (file == NULL) {
        return;
    }

    fd = open(file, O_RDWR);

    if (fd != -1) {
        map = mmap(NULL, SIZE, PROT_READ|PROT_WRITE, MAP_SHARED, fd, 0);

        if (map == MAP_FAILED) {
            map = NULL;
        }

        close(fd);
    }
}


static double
dice(void)
{
    static uint64_t  state;
    static pid_t     pid;

    if (pid != getpid()) {
        pid = getpid();
        state = (uint64_t) pid * 0x9e3779b97f4a7c15u;
    }

    /* xorshift64* */

    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;

    return (double) ((state * 0x2545f4914f6cdd1du) >> 11) / (1ull << 53);
}


/* whether a call about so many bytes is to fail with that error */

static int
fails(int name, size_t size, int error)
{
    char           text[COUNTERS], *line, *next, *p;
    size_t         len;
    double         probability;
    uint64_t      *n;
    unsigned long  min, max, last;

    if (map == NULL || map[0] == '\0'
        || (getpid() == master && strncmp(names[name], "master_", 7) != 0))
    {
        return 0;
    }

    memcpy(text, map, COUNTERS - 1);
    text[COUNTERS - 1] = '\0';
    len = strlen(names[name]);

    for (line = text; *line; line = next) {
        next = strchr(line, '\n');

        if (next) {
            *next++ = '\0';

        } else {
            next = line + strlen(line);
        }

        if (strncmp(line, names[name], len) != 0 || line[len] != ' ') {
            continue;
        }

        probability = strtod(line + len, &p);
        min = strtoul(p, &p, 10);
        max = strtoul(p, &p, 10);
        last = strtoul(p, NULL, 10);

        n = &((uint64_t *) (void *) (map + COUNTERS))[name];

        if ((max && (size < min || size > max)) || (last && *n >= last)
            || dice() >= probability)
        {
            continue;
        }

        __sync_fetch_and_add(n, 1);
        errno = error;
        return 1;
    }

    return 0;
}


void *
malloc(size_t size)
{
    return fails(MALLOC, size, ENOMEM) ? NULL : __libc_malloc(size);
}


int
posix_memalign(void **p, size_t alignment, size_t size)
{
    return fails(MEMALIGN, size, ENOMEM) ? ENOMEM
                                         : real_memalign(p, alignment, size);
}


int
socket(int domain, int type, int protocol)
{
    return fails(SOCKET, (size_t) domain, EMFILE)
           ? -1 : real_socket(domain, type, protocol);
}


int
connect(int fd, const struct sockaddr *addr, socklen_t len)
{
    return fails(CONNECT, len, ECONNREFUSED) ? -1
                                             : real_connect(fd, addr, len);
}


int
epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
    return fails(EPOLL_CTL, (size_t) op, ENOMEM)
           ? -1 : real_epoll_ctl(epfd, op, fd, event);
}


ssize_t
writev(int fd, const struct iovec *iov, int n)
{
    return fails(WRITEV, (size_t) n, ECONNRESET) ? -1
                                                 : real_writev(fd, iov, n);
}


ssize_t
recv(int fd, void *buf, size_t len, int flags)
{
    return fails(RECV, len, ECONNRESET) ? -1 : real_recv(fd, buf, len, flags);
}


ssize_t
write(int fd, const void *buf, size_t len)
{
    return fails(WRITE, len, EAGAIN) ? -1 : real_write(fd, buf, len);
}


int
eventfd(unsigned n, int flags)
{
    return fails(MASTER_EVENTFD, 0, EMFILE) ? -1 : real_eventfd(n, flags);
}
