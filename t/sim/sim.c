
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * usage: sim [option=value ...]
 *
 * Without options all scenarios are run, each from a new seed or from SEED.
 * The options are the members of sim_options_t.
 */


#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim.h"


typedef struct {
    const char  *name;
    const char  *options;
} scenario_t;


static const scenario_t  scenarios[] = {
    { "light load", "rate=50 requests=20000 max_size=10" },
    { "steady load", "rate=2000" },
    { "one worker", "workers=1 rate=2000" },
    { "serial upstream", "serial=1 rate=1000 a=3150 b=620 concurrency=1" },
    { "fixed window", "fixed=1 rate=1000 max_wait=50" },
    { "bursts of large requests", "burst=40 items=6 bytes=900 rate=1500" },
    { "bounded tokens", "max_tokens=40 items=3 burst=8" },
    { "small zone", "zone=300 burst=60 rate=4000 groups=40" },
    { "a failing upstream",
      "busy=0.05 broken=0.1 wrong=0.05 poison=0.01 burst=10 items=2" },
    { "poison", "poison=0.03 burst=30 max_size=40 rate=3000" },
    { "nothing but 429", "busy=0.9 rate=500 max_wait=200 burst=5" },
    { "long pauses", "busy=0.02 pause=8000 rate=300 max_wait=700 burst=3" },
    { "long pauses, fixed window, mortal workers",
      "busy=0.02 pause=8000 fixed=1 rate=300 max_wait=700 burst=3 life=2000 "
      "drain=3000 broken=0.05 cancel=0.05" },
    { "impatient clients", "cancel=0.5 burst=10 broken=0.05 workers=6" },
    { "mortal workers",
      "life=200 cancel=0.05 broken=0.05 busy=0.02 burst=6 workers=5" },
    { "workers that die within the lock",
      "life=100 torn=0.5 cancel=0.05 burst=6 poison=0.01" },
    { "lost rings", "deaf=0.2 burst=6 rate=3000 busy=0.02" },
    { "workers that stand still",
      "stop=0.0001 rate=400 burst=6 workers=5" },
    { "workers that stand still for a moment",
      "stop=0.002 still=20 rate=1000 burst=6" },
    { "workers that stand still, a failing upstream, a small zone",
      "stop=0.0002 rate=400 burst=8 items=3 bytes=700 zone=700 broken=0.05 "
      "wrong=0.05 poison=0.01 cancel=0.05 deaf=0.05 workers=6 groups=6" },
    { "workers that stand still, and others that die",
      "stop=0.0002 rate=400 burst=6 workers=6 life=8000 "
      "cancel=0.05 broken=0.05 drain=500" },
    { "workers that stand still, and others that die within the lock",
      "stop=0.0002 rate=400 burst=6 workers=6 life=8000 torn=0.5 "
      "broken=0.05" },
    { "workers that stand still, long pauses",
      "stop=0.0001 busy=0.02 pause=8000 rate=300 max_wait=700 burst=3" },
    { "everything",
      "life=300 torn=0.2 stop=0.00005 drain=50 cancel=0.1 deaf=0.05 "
      "busy=0.05 broken=0.05 wrong=0.05 poison=0.01 burst=12 items=2 zone=500 "
      "groups=12 fixed=1 workers=8 rate=4000" }
};


static const char         *running;
static unsigned long long  seed;


static const struct {
    const char  *name;
    size_t       offset;
} options[] = {
#define option(name)  { #name, offsetof(sim_options_t, name) }
    option(workers), option(groups), option(requests), option(rate),
    option(burst), option(items), option(bytes), option(zone), option(fixed),
    option(concurrency), option(max_size), option(max_tokens),
    option(max_wait), option(a), option(b), option(serial), option(busy),
    option(pause), option(broken), option(wrong), option(poison),
    option(cancel), option(deaf), option(life), option(torn), option(drain),
    option(stop), option(still)
#undef option
};

#define NOPTIONS  (sizeof(options) / sizeof(options[0]))


void
sim_fail(const char *format, ...)
{
    va_list  args;

    printf("not ok - ");

    va_start(args, format);
    vprintf(format, args);
    va_end(args);

    printf("\n# SEED=%llu sim %s\n", seed, running);
    exit(1);
}


static void
set_option(sim_options_t *o, const char *text, size_t len)
{
    size_t       i, n;
    double       value;
    const char  *eq;

    eq = memchr(text, '=', len);

    if (eq) {
        n = (size_t) (eq - text);
        value = strtod(eq + 1, NULL);

        for (i = 0; i < NOPTIONS; i++) {
            if (strlen(options[i].name) == n
                && memcmp(options[i].name, text, n) == 0)
            {
                memcpy((char *) o + options[i].offset, &value, sizeof(value));
                return;
            }
        }
    }

    fprintf(stderr, "sim: unknown option \"%.*s\"\n", (int) len, text);
    exit(2);
}


static void
set_options(sim_options_t *o, const char *text)
{
    size_t  n;

    memset(o, 0, sizeof(sim_options_t));

    o->workers = 4;
    o->groups = 3;
    o->requests = 60000;
    o->rate = 2000;
    o->burst = 1;
    o->items = 1;
    o->bytes = 60;
    o->zone = 8192;
    o->concurrency = 2;
    o->max_size = 10;
    o->max_wait = 500;
    o->pause = 300;
    o->still = 4000;
    o->a = 5000;
    o->b = 300;

    while (*text) {
        n = strcspn(text, " ");

        if (n) {
            set_option(o, text, n);
        }

        text += n + (text[n] == ' ');
    }
}


static unsigned
percentile(const uint64_t *counts, double share)
{
    unsigned  i;
    uint64_t  n, all;

    all = 0;

    for (i = 0; i < 1000; i++) {
        all += counts[i];
    }

    n = 0;

    for (i = 0; i < 999; i++) {
        n += counts[i];

        if ((double) n >= share * (double) all) {
            break;
        }
    }

    return i;
}


static void
print_stats(const char *name, const sim_stats_t *s)
{
    unsigned  i;

    static const char *const  names[] = {
#define outcome_name(name)  #name,
        SIM_OUTCOMES(outcome_name)
#undef outcome_name
    };

    printf("ok - %s\n#   %llu events, %llu requests:", name,
           (unsigned long long) s->events, (unsigned long long) s->arrived);

    for (i = 0; i < SIM_NOUTCOMES; i++) {
        if (s->outcomes[i]) {
            printf(" %s %llu", names[i], (unsigned long long) s->outcomes[i]);
        }
    }

    printf("\n#   %llu calls of %.2f items, %llu again, %llu halved, "
           "%llu paused, %llu probes, %llu not again\n",
           (unsigned long long) s->calls,
           s->calls ? (double) s->call_items / (double) s->calls : 0.0,
           (unsigned long long) s->again, (unsigned long long) s->halved,
           (unsigned long long) s->paused, (unsigned long long) s->probes,
           (unsigned long long) s->yielded);

    printf("#   wait p50 %u p99 %u ms, time p50 %u p99 %u ms\n",
           percentile(s->waits, 0.5), percentile(s->waits, 0.99),
           percentile(s->times, 0.5), percentile(s->times, 0.99));

    if (s->deaths || s->drains) {
        printf("#   %llu deaths, %llu resets, %llu orphans, %llu drains\n",
               (unsigned long long) s->deaths, (unsigned long long) s->resets,
               (unsigned long long) s->orphans,
               (unsigned long long) s->drains);
    }

    if (s->stops) {
        printf("#   %llu stops:", (unsigned long long) s->stops);

#define print_step(step, text)                                                \
        printf(" %s %llu,", text, (unsigned long long) s->stops_at[step]);

        SIM_STEPS(print_step)
#undef print_step

        printf(" elsewhere the rest;\n#   %llu given up, %llu came back, "
               "%llu calls were lost\n", (unsigned long long) s->given_up,
               (unsigned long long) s->returned, (unsigned long long) s->lost);
    }
}


static void
run(const char *name, const char *text)
{
    sim_stats_t    stats;
    sim_options_t  o;

    running = text;
    set_options(&o, text);

    memset(&stats, 0, sizeof(sim_stats_t));
    sim_seed(seed);
    sim_world(&o, &stats);

    print_stats(name, &stats);
}


int
main(int argc, char **argv)
{
    int          i;
    char         text[4096];
    size_t       n;
    const char  *s;

    s = getenv("SEED");
    seed = s && *s ? strtoull(s, NULL, 10)
                   : (unsigned long long) time(NULL) % 1000000;

    printf("# SEED=%llu\n", seed);

    if (argc == 1) {
        for (n = 0; n < sizeof(scenarios) / sizeof(scenarios[0]); n++) {
            run(scenarios[n].name, scenarios[n].options);
        }

        return 0;
    }

    text[0] = '\0';

    for (i = 1; i < argc; i++) {
        if (strlen(text) + strlen(argv[i]) + 2 > sizeof(text)) {
            return 2;
        }

        strcat(text, argv[i]);
        strcat(text, " ");
    }

    run("options", text);

    return 0;
}
