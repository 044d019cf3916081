
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What a step of the scheduler costs, as the module takes it under the lock:
 * with so many members held, in one group or one in each of many, while calls
 * come back, are sealed, sent and answered, and whoever was served comes again.
 * The members are those of two workers in turn.
 *
 * Times are of clock_gettime(), less what it takes itself; on a machine that
 * does other work the largest say nothing.  Instructions, the mean of all
 * steps, are counted by callgrind, if valgrind is there.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "llmb_sched_parts.h"
#include "llmb_group.h"
#include "llmb_sched.h"
#include "llmb_sched_call.h"
#include "llmb_sched_leave.h"
#include "llmb_sched_limits.h"
#include "llmb_sched_mail.h"
#include "llmb_sched_queue.h"
#include "llmb_sched_share.h"
#include "llmb_upstream.h"


#define STEPS      60000          /* of the most frequent kind, timed */
#define COUNTED    6000           /* the same, counted */
#define WORKERS    2
#define ZONE_SIZE  ((size_t) 256 << 20)
#define ANSWER     8000           /* bytes, of a member */
#define TEXT       200
#define KEY        300
#define NOW        1000000


typedef struct {
    const char   *name;
    uint32_t      held;           /* in each group */
    uint32_t      groups;
    uint32_t      size;           /* of a call */
    uint32_t      flows;
    uint32_t      slots;          /* that the groups share; 0: nothing is */
} case_t;


typedef enum {
    STEP_ENTER = 0,
    STEP_JOIN,
    STEP_WAKE,
    STEP_LOOK,
    STEP_LEAVE,
    STEP_DUE,
    STEP_END,
    STEP_END_ALONE,
    STEP_MAIL,
    STEP_SEND,
    STEP_GO,
    STEP_ROOM,
    STEP_ANSWER,
    STEP_OWN,
    STEP_FETCHED,
    STEP_N
} step_e;


typedef struct {
    const char   *function;       /* step_... */
    const char   *name;
} step_t;


typedef struct {
    uint32_t      group;
    uint32_t      flow;
} client_t;


typedef struct {
    uint32_t      index;
    unsigned      call;           /* or a member that went alone */
} flight_t;


/* what steps copy, or the compiler might leave it out */

llmb_policy_t  policy;
llmb_member_t  list[64];


static const step_t  steps[STEP_N] = {
    { "enter", "enter: group, member, room for its text" },
    { "join", "join, and when to wake" },
    { "wake", "wake: set a timer" },
    { "look", "look: a timer, nothing is due" },
    { "leave", "leave: a client is gone, from anywhere" },
    { "due", "due: a deadline, from anywhere: a call" },
    { "end", "end of a call, the next one is sealed" },
    { "end_alone", "end of a lone request, the next goes" },
    { "mail", "mail: the next piece" },
    { "send", "send a call" },
    { "go", "go alone" },
    { "room", "answer to another worker: room" },
    { "answer", "answer to another worker: told" },
    { "own", "answer to an own member" },
    { "fetched", "answer of another worker, was fetched" }
};


static const case_t  cases[] = {
    { "1 held", 1, 1, 64, 1, 0 },
    { "100 held, calls of 10", 100, 1, 10, 1, 0 },
    { "10,000 held, calls of 10", 10000, 1, 10, 1, 0 },
    { "10,000 held, calls of 64", 10000, 1, 64, 1, 0 },
    { "10,000 held, 16 tenants, calls of 64", 10000, 1, 64, 16, 0 },
    { "10,000 held, 1000 tenants, calls of 64", 10000, 1, 64, 1000, 0 },
    { "10,000 groups, 1 held in each", 1, 10000, 64, 1, 0 },
    { "10,000 groups that share 100 slots, 1 held in each", 1, 10000, 64, 1,
      100 }
};


static llmb_zone_t   *z;
static const case_t  *current;
static uint64_t       now;
static uint32_t       sizes[16];  /* tokens of a flow's members */

static uint32_t      *queued;     /* whoever is held or served, in no order */
static uint32_t      *place;      /* of a member among them */
static uint32_t       nqueued;
static flight_t      *flights;
static uint32_t       nflights;
static client_t      *clients;    /* that are to come again */
static uint32_t       nclients;

static uint32_t      *samples[STEP_N];
static unsigned       times[STEP_N];
static uint32_t       overhead;
static uint32_t       arg, result, count;    /* of a step */


static uint64_t
nanoseconds(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}


static void
sample(step_e step, uint64_t ns)
{
    if (step == STEP_N) {
        return;
    }

    ns = ns > overhead ? ns - overhead : 0;

    if (times[step] < STEPS) {
        samples[step][times[step]] = (uint32_t) ns;
    }

    times[step]++;
}


#define TIMED(step, call)                                                     \
    do {                                                                      \
        uint64_t  start_ = nanoseconds();                                     \
                                                                              \
        call;                                                                 \
        sample(step, nanoseconds() - start_);                                 \
    } while (0)


static int
compare(const void *a, const void *b)
{
    const uint32_t  *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}


/* the median of nothing */

static uint32_t
measure_overhead(void)
{
    uint32_t  i, t[1001];
    uint64_t  start;

    for (i = 0; i < 1001; i++) {
        start = nanoseconds();
        t[i] = (uint32_t) (nanoseconds() - start);
    }

    qsort(t, 1001, sizeof(uint32_t), compare);

    return t[500];
}


/*
 * The steps, as in the functions of src/ that hold the lock.  Some are the
 * same: "result" keeps the compiler from making them one.
 */

#define STEP  __attribute__((noinline)) static


static void
make_key(uint32_t number, char *key)
{
    memset(key, 'k', KEY);
    memcpy(key + KEY / 2, &number, sizeof(uint32_t));
}


static void
fill_group(uint32_t group)
{
    uint32_t       i;
    llmb_group_t  *g;
    llmb_sample_t  s;

    g = llmb_group(z, group);

    g->policy.window = LLMB_WINDOW_SLOT;
    g->policy.concurrency = 1;
    g->policy.learned = 1;
    g->policy.min_size = 8;
    g->policy.max_size = current->size;
    g->policy.max_tokens = 1000000;
    g->policy.max_bytes = 1 << 24;
    g->policy.max_wait = 60000;

    llmb_upstream_init(z, group);
    llmb_calibrate_learn(&g->calibration, 1000, 1100);

    for (i = 0; i < 40; i++) {
        s.items = 1 + i % 16;
        s.inflight = 1;
        s.time = 20000 + 1000 * s.items;
        s.end = LLMB_LEARN_GOOD;
        llmb_upstream_sample(z, group, &s, (uint64_t) NOW * 1000 + i);
    }

    if (current->slots) {
        llmb_sched_goes_to(z, group, 1, 0);
    }
}


/* _join.c: find_group, reserve */

STEP uint32_t
step_enter(const char *key, uint32_t hash, uint32_t worker)
{
    uint32_t    g;
    unsigned    fresh;
    llmb_str_t  text;

    text.data = (const uint8_t *) key;
    text.len = KEY;

    g = llmb_group_get(z, text, hash, &fresh);

    if (fresh) {
        fill_group(g);
    }

    if (llmb_health_open(&llmb_group(z, g)->health, now)) {
        return LLMB_NIL;
    }

    policy = llmb_group_policy(llmb_group(z, g));

    return llmb_member_alloc(z, g, worker, TEXT);
}


/* join_parts */

STEP void
step_join(uint32_t i)
{
    llmb_sched_join(z, i, now);
    result = (uint32_t) llmb_sched_wake(z, i, now);
}


/* _held.c: set_timer */

STEP void
step_wake(uint32_t i)
{
    result = (uint32_t) llmb_sched_wake(z, i, now);
}


/* timer_handler */

STEP void
step_look(uint32_t i)
{
    llmb_sched_flush(z, llmb_member(z, i)->group, llmb_member(z, i)->worker,
                     i, now);
}


STEP void
step_due(uint32_t i)
{
    step_look(i);
}


/* leave */

STEP void
step_leave(uint32_t i)
{
    llmb_sched_leave(z, i, now);
    result = STEP_LEAVE;
}


/* _call.c: finish */

STEP void
step_end(uint32_t call)
{
    llmb_sched_end(z, call, llmb_call(z, call)->worker, now);
}


/* _held.c: alone_done */

STEP void
step_end_alone(uint32_t i)
{
    llmb_sample_t  s;

    s.items = 1;
    s.inflight = 1;
    s.time = 21000;
    s.end = LLMB_LEARN_GOOD;

    llmb_upstream_sample(z, llmb_member(z, i)->group, &s, now * 1000);
    llmb_sched_leave(z, i, now);
}


/* _ipc.c: mail_handler */

STEP llmb_mail_e
step_mail(uint32_t worker)
{
    return llmb_sched_mail(z, worker, now, &result);
}


/* _dispatch.c: claim; the list of members is made there, too */

STEP void
step_send(uint32_t call)
{
    uint32_t  i;

    result = llmb_sched_send(z, call, llmb_call(z, call)->worker);
    count = 0;

    for (i = llmb_call(z, call)->members.head;
         i != LLMB_NIL;
         i = llmb_queue_links(z)[i].next)
    {
        list[count++ % 64] = *llmb_member(z, i);
    }
}


/* _held.c: alone */

STEP void
step_go(uint32_t i)
{
    policy = llmb_group_policy(llmb_group(z, llmb_member(z, i)->group));
    llmb_sched_go(z, i);
}


/* _members.c: answer_remote */

STEP void
step_room(uint32_t i)
{
    result = llmb_member_room(z, i, ANSWER);
}


STEP void
step_answer(uint32_t i)
{
    llmb_sched_answer(z, i, ANSWER);
}


/* answer_local */

STEP void
step_own(uint32_t i)
{
    llmb_sched_leave(z, i, now);
    result = STEP_OWN;
}


/* _deliver.c: fetch */

STEP void
step_fetched(uint32_t i)
{
    llmb_sched_leave(z, i, now);
    result = STEP_FETCHED;
}


/* the world around them */

static void
listed(uint32_t i)
{
    place[i] = nqueued;
    queued[nqueued++] = i;
}


static void
unlisted(uint32_t i)
{
    queued[place[i]] = queued[--nqueued];
    place[queued[place[i]]] = place[i];
}


static void
come(const client_t *client)
{
    char            key[KEY];
    uint32_t        i, hash;
    uint64_t        start;
    llmb_member_t  *m;

    static uint32_t  serial;

    make_key(client->group, key);
    hash = client->group * 2654435769U;

    start = nanoseconds();
    i = step_enter(key, hash, serial++ % WORKERS);
    sample(STEP_ENTER, nanoseconds() - start);

    if (i == LLMB_NIL) {
        fprintf(stderr, "bench: the zone is full\n");
        exit(1);
    }

    m = llmb_member(z, i);
    m->items = 1;
    m->tokens = sizes[client->flow % 16];
    m->wait = 60000;
    m->budget = 50000;
    m->priority = (uint8_t) (current->flows > 1 ? client->flow % 10
                                                : LLMB_FAIR_PRIORITY);
    m->flow = client->flow;
    m->top = client->group;               /* not used by the scheduler */

    TIMED(STEP_JOIN, step_join(i));
    listed(i);
}


/* it is not held any more: who is to come in its place */

static void
gone(uint32_t i, client_t *client)
{
    client->group = llmb_member(z, i)->top;
    client->flow = llmb_member(z, i)->flow;
    unlisted(i);
}


static void
sent(uint32_t index, unsigned call)
{
    flights[nflights].index = index;
    flights[nflights++].call = call;
}


/* all mail of both workers */

static void
take_mail(void)
{
    uint32_t     worker;
    llmb_mail_e  mail;

    for (worker = 0; worker < WORKERS; /* void */ ) {
        TIMED(STEP_MAIL, mail = step_mail(worker));

        switch (mail) {

        case LLMB_MAIL_SEND:
            arg = result;
            TIMED(STEP_SEND, step_send(arg));

            if (llmb_call_is_single(z, arg)) {
                TIMED(STEP_GO, step_go(arg));
            }

            sent(arg, !llmb_call_is_single(z, arg));
            break;

        case LLMB_MAIL_ANSWER:
            arg = result;
            TIMED(STEP_FETCHED, step_fetched(arg));
            break;

        case LLMB_MAIL_NONE:
            worker++;
            break;

        default:
            break;
        }
    }
}


static void
answer_call(uint32_t call)
{
    uint32_t  i, next;

    for (i = llmb_call(z, call)->members.head; i != LLMB_NIL; i = next) {
        next = llmb_queue_links(z)[i].next;
        gone(i, &clients[nclients++]);

        if (llmb_member(z, i)->worker == llmb_call(z, call)->worker) {
            TIMED(STEP_OWN, step_own(i));
            continue;
        }

        TIMED(STEP_ROOM, step_room(i));
        arg = result;
        TIMED(STEP_ANSWER, step_answer(i));
    }
}


/* what is in flight is answered, the next is sent, the clients come again */

static void
finish(uint32_t k)
{
    uint32_t   group;
    unsigned   full;
    flight_t   f;

    f = flights[k];
    flights[k] = flights[--nflights];
    nclients = 0;

    group = f.call ? llmb_call(z, f.index)->group
                   : llmb_member(z, f.index)->group;
    full = (llmb_group(z, group)->inflight == 1);

    if (f.call) {
        answer_call(f.index);
        TIMED(full ? STEP_END : STEP_N, step_end(f.index));

    } else {
        gone(f.index, &clients[nclients++]);
        TIMED(full ? STEP_END_ALONE : STEP_N, step_end_alone(f.index));
    }

    take_mail();

    while (nclients) {
        come(&clients[--nclients]);
    }

    take_mail();
}


/* timers fire, a client leaves, and one of those that wait is due */

static void
disturb(void)
{
    uint32_t  i;

    i = queued[(uint32_t) rand() % nqueued];

    if (llmb_member(z, i)->state != LLMB_MEMBER_QUEUED) {
        return;
    }

    TIMED(STEP_WAKE, step_wake(i));
    TIMED(STEP_LOOK, step_look(i));

    gone(i, clients);
    TIMED(STEP_LEAVE, step_leave(i));
    come(clients);

    i = queued[(uint32_t) rand() % nqueued];

    if (llmb_member(z, i)->state == LLMB_MEMBER_QUEUED) {
        llmb_member(z, i)->deadline = now;
        TIMED(STEP_DUE, step_due(i));
        take_mail();
        finish(nflights - 1);
    }
}


__attribute__((noinline)) void
run_steps(unsigned joins)
{
    unsigned  turn;

    for (turn = 0; times[STEP_JOIN] < joins; turn++) {
        now += (turn % 16 == 0);
        finish((uint32_t) rand() % nflights);
        disturb();
    }
}


static void
make_world(void)
{
    uint32_t  i, k, all;
    client_t  client;

    z = aligned_alloc(64, ZONE_SIZE);

    if (z == NULL || llmb_zone_init(z, ZONE_SIZE, 128) != LLMB_OK) {
        fprintf(stderr, "bench: no zone\n");
        exit(1);
    }

    for (i = 0; i < WORKERS; i++) {
        llmb_worker(z, i)->pid = 100 + i;
    }

    now = NOW;
    srand(1);

    /* one more, that is in flight and keeps the others waiting */

    all = (current->held + 1) * current->groups;

    place = calloc(z->nmembers, sizeof(uint32_t));
    queued = calloc(all, sizeof(uint32_t));
    flights = calloc(all, sizeof(flight_t));
    clients = calloc(all, sizeof(client_t));

    nqueued = 0;
    nflights = 0;

    for (i = 0; i < all; i++) {

        /* of each flow as many more as its number */

        k = (uint32_t) rand() % (current->flows * (current->flows + 1) / 2);

        for (client.flow = 0; k > client.flow; k -= client.flow) {
            client.flow++;
        }

        client.group = i % current->groups;
        come(&client);

        if (i < current->groups) {
            take_mail();
        }
    }

    if (current->slots) {
        llmb_slots_bounds(&llmb_upstream_of(z, llmb_group(z, 0))->slots, 1,
                          current->slots, 0);

        while (nflights > current->slots) {
            finish(nflights - 1);
        }
    }

    memset(times, 0, sizeof(times));
}


static void
free_world(void)
{
    free(z);
    free(place);
    free(queued);
    free(flights);
    free(clients);
}


/* runs itself in callgrind; instructions by step, 0 if nobody can tell */

static void
count_instructions(const char *self, unsigned c, double *counts)
{
    char      command[1024], line[512], *p, name[64];
    FILE     *pipe;
    double    value;
    unsigned  i, calls[STEP_N];

    memset(counts, 0, STEP_N * sizeof(double));
    memset(calls, 0, sizeof(calls));

    snprintf(command, sizeof(command),
             "f=$(mktemp); valgrind --tool=callgrind --callgrind-out-file=$f "
             "--toggle-collect=run_steps '%s' count %u 2> /dev/null && "
             "callgrind_annotate --inclusive=yes --threshold=100 $f "
             "2> /dev/null; rm -f $f", self, c);

    pipe = popen(command, "r");
    if (pipe == NULL) {
        return;
    }

    while (fgets(line, sizeof(line), pipe)) {

        if (sscanf(line, "calls %u %u", &i, &count) == 2 && i < STEP_N) {
            calls[i] = count;
            continue;
        }

        p = strstr(line, ":step_");

        if (p == NULL || sscanf(p, ":step_%63[a-z_]", name) != 1) {
            continue;
        }

        for (p = line, value = 0; *p && *p != '('; p++) {
            if (*p >= '0' && *p <= '9') {
                value = value * 10 + (*p - '0');
            }
        }

        for (i = 0; i < STEP_N; i++) {
            if (strcmp(steps[i].function, name) == 0 && calls[i]) {
                counts[i] = value / calls[i];
            }
        }
    }

    pclose(pipe);
}


static void
print_case(const char *self, unsigned c)
{
    double     counts[STEP_N];
    unsigned   i, k;
    uint32_t  *t;

    printf("\n%-42s %7s %7s %8s %7s\n", current->name, "median", "p99", "max",
           "insn");

    count_instructions(self, c, counts);

    for (i = 0; i < STEP_N; i++) {
        t = samples[i];
        k = llmb_min(times[i], STEPS);

        if (k < 100) {
            continue;
        }

        qsort(t, k, sizeof(uint32_t), compare);

        printf("%-42s %7u %7u %8u ", steps[i].name, t[k / 2], t[k * 99 / 100],
               t[k - 1]);

        if (counts[i] > 0) {
            printf("%7.0f\n", counts[i]);

        } else {
            printf("%7s\n", "-");
        }
    }

    fflush(stdout);
}


int
main(int argc, char **argv)
{
    unsigned  i, c;

    for (i = 0; i < STEP_N; i++) {
        samples[i] = calloc(STEPS, sizeof(uint32_t));
    }

    for (i = 0; i < 16; i++) {
        sizes[i] = 8 + 4 * ((i * 5) % 16);
    }

    if (argc == 3 && strcmp(argv[1], "count") == 0) {
        current = &cases[atoi(argv[2])];
        make_world();
        run_steps(COUNTED);

        for (i = 0; i < STEP_N; i++) {
            printf("calls %u %u\n", i, times[i]);
        }

        return 0;
    }

    overhead = measure_overhead();

    printf("steps under the lock, ns, less %u for the clock\n", overhead);

    for (c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
        current = &cases[c];

        make_world();
        run_steps(STEPS);
        print_case(argv[0], c);
        free_world();
    }

    return 0;
}
