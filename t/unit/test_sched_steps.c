
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * However many wait, no step under the lock does more than a bounded part of
 * what there is to do.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "llmb_sched_parts.h"

#define ZONE_SIZE  (32 * 1024 * 1024)

#include "sched_table.h"
#include "llmb_group.h"
#include "llmb_sched_call.h"
#include "llmb_sched_leave.h"
#include "llmb_sched_mail.h"
#include "llmb_sched_queue.h"


/* ten times as many as a usual queue has */

#define MANY       5000

/* a way through a tree of so many, and back, twice */

#define WAY        100


static uint32_t  held[MANY];


static uint32_t
reserve_of(uint32_t flow, uint64_t tokens)
{
    uint32_t  i = reserve(0, 1);

    llmb_member(z, i)->flow = flow;
    llmb_member(z, i)->tokens = tokens;
    llmb_member(z, i)->wait = 1000000;

    return i;
}


/* one flow has many small ones in the queue, another joins among them */

static void
a_place_in_the_queue_is_found_in_few_steps(void **state)
{
    uint32_t       i, n;
    unsigned long  most;

    (void) state;

    (void) plug();

    for (n = 0; n < MANY; n++) {
        held[n] = reserve_of(1, 1);
        llmb_sched_join(z, held[n], T0);
    }

    most = 0;

    for (n = 0; n < 20; n++) {
        i = reserve_of(2, MANY / 40);

        llmb_steps = 0;
        llmb_sched_join(z, i, T0);
        most = llmb_max(most, llmb_steps);
    }

    assert_in_range(place(i), MANY / 4, MANY - 1);
    assert_in_range(most, 1, WAY);

    /* nor does one that comes back, and is neither young nor old */

    for (n = 0; n < MANY; n++) {
        llmb_steps = 0;
        llmb_sched_leave(z, held[(n * 7) % MANY], T0);
        most = llmb_max(most, llmb_steps);
    }

    assert_in_range(most, 1, WAY);
    assert_sound();
}


static void
so_is_one_by_age(void **state)
{
    uint32_t  n;

    (void) state;

    (void) plug();

    for (n = 0; n < MANY; n++) {
        held[n] = reserve_of(1, 1);
        llmb_sched_join(z, held[n], T0 + n);
    }

    n = MANY / 2;
    llmb_sched_dequeue(z, held[n]);

    llmb_steps = 0;
    llmb_sched_enqueue(z, held[n]);
    assert_in_range(llmb_steps, 1, WAY);

    assert_int_equal(llmb_age_links(z)[held[n]].prev, held[n - 1]);
    assert_int_equal(llmb_age_links(z)[held[n]].next, held[n + 1]);
    assert_sound();
}


/* many calls may be sent at once; each hold of the lock makes some of them */

static void
all_are_sent_in_steps(void **state)
{
    uint32_t       i, n, before, plugged;
    unsigned       steps;
    llmb_mail_e    mail;
    llmb_group_t  *g = llmb_group(z, group);

    (void) state;

    plugged = plug();

    for (n = 0; n < MANY; n++) {
        held[n] = reserve(n % 2, 1);
        llmb_member(z, held[n])->wait = 1000000;
        llmb_sched_join(z, held[n], T0);
    }

    g->policy.concurrency = MANY;

    llmb_sched_flush(z, group, 0, held[0], T0);

    assert_in_range(queued(), MANY - LLMB_SCHED_STEP - g->policy.max_size,
                    MANY - 1);

    for (steps = 0; queued() && steps < 10 * MANY; steps++) {
        before = queued();

        mail = llmb_sched_mail(z, steps % 2, T0, &i);
        assert_in_range(before - queued(), 0,
                        LLMB_SCHED_STEP + g->policy.max_size);

        if (mail == LLMB_MAIL_SEND && llmb_call_is_single(z, i)) {
            assert_int_equal(llmb_sched_send(z, i, steps % 2), i);
            llmb_sched_go(z, i);
        }
    }

    /* nobody was forgotten */

    assert_int_equal(queued(), 0);
    assert_sound();
    unplug(plugged, T0);
}


/* those of one pass are in as many groups as there are */

static void
a_piece_of_mail_is_about_one_group(void **state)
{
    char           name[16];
    uint32_t       i, n, first;
    unsigned       fresh;
    llmb_str_t     key;
    unsigned long  most;

    (void) state;

    first = group;

    for (n = 0; n < MANY / 10; n++) {
        key.data = (uint8_t *) name;
        key.len = (size_t) snprintf(name, sizeof(name), "key %u", n);

        group = llmb_group_get(z, key, 1000 + n, &fresh);
        assert_int_not_equal(group, LLMB_NIL);

        llmb_group(z, group)->policy = llmb_group(z, first)->policy;
        held[n] = reserve(0, 1);
        llmb_sched_join(z, held[n], T0);
    }

    most = 0;

    for (n = 0; n < MANY / 10; n++) {
        llmb_steps = 0;
        assert_int_equal(llmb_sched_mail(z, 0, T0, &i), LLMB_MAIL_SEND);
        most = llmb_max(most, llmb_steps);
    }

    assert_in_range(most, 1, WAY);
    assert_int_equal(llmb_sched_mail(z, 0, T0, &i), LLMB_MAIL_NONE);
    assert_sound();
}


/* calls that are sent again a little later, and are all due by now */

static void
those_of_later_come_in_steps(void **state)
{
    uint32_t       i, n, calls[MANY / 10];
    unsigned long  most;

    (void) state;

    llmb_group(z, group)->policy.concurrency = MANY;

    for (n = 0; n < MANY / 10; n++) {
        llmb_sched_join(z, reserve(0, 1), T0);
        llmb_sched_join(z, reserve(0, 1), T0);

        assert_int_equal(llmb_sched_mail(z, 0, T0, &calls[n]),
                         LLMB_MAIL_SEND);
        assert_int_not_equal(llmb_sched_send(z, calls[n], 0), LLMB_NIL);
    }

    most = 0;

    for (n = 0; n < MANY / 10; n++) {
        llmb_steps = 0;
        llmb_sched_again(z, calls[n], 0, LLMB_REASON_UPSTREAM_ERROR,
                         T0 + n / 20);
        most = llmb_max(most, llmb_steps);
    }

    assert_sound();

    for (n = 0; n < MANY / 10; n++) {
        llmb_steps = 0;
        assert_int_equal(llmb_sched_mail(z, 0, T0 + 1000, &i),
                         LLMB_MAIL_SEND);
        most = llmb_max(most, llmb_steps);

        (void) llmb_sched_send(z, i, 0);
    }

    assert_in_range(most, 1, WAY);
    assert_int_equal(llmb_sched_later(z, 0), UINT64_MAX);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        sched_test(a_place_in_the_queue_is_found_in_few_steps),
        sched_test(so_is_one_by_age),
        sched_test(all_are_sent_in_steps),
        sched_test(a_piece_of_mail_is_about_one_group),
        sched_test(those_of_later_come_in_steps),
    };

    return cmocka_run_group_tests_name("steps", tests, NULL, NULL);
}
