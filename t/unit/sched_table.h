
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * A zone with one group, small limits and three workers, and the steps that
 * most tests of the scheduler begin with.
 */


#ifndef _SCHED_TABLE_H_INCLUDED_
#define _SCHED_TABLE_H_INCLUDED_


#include <stdlib.h>
#include <string.h>

#include "sched_check.h"
#include "llmb_group.h"
#include "llmb_sched_call.h"
#include "llmb_sched_leave.h"
#include "llmb_sched_mail.h"


#ifndef ZONE_SIZE
#define ZONE_SIZE  (512 * 1024)
#endif

#define T0         1000000
#define WAIT       100

static llmb_zone_t  *z;
static uint32_t      group;


static inline int
setup(void **state)
{
    uint32_t        i;
    unsigned        fresh;
    llmb_str_t      key = llmb_string("a key");
    llmb_policy_t  *p;

    (void) state;

    z = aligned_alloc(16, ZONE_SIZE);
    assert_non_null(z);
    assert_int_equal(llmb_zone_init(z, ZONE_SIZE, 3), LLMB_OK);

    for (i = 0; i < 3; i++) {
        llmb_worker(z, i)->pid = 100 + i;
    }

    group = llmb_group_get(z, key, 1, &fresh);

    p = &llmb_group(z, group)->policy;

    p->window = LLMB_WINDOW_SLOT;
    p->concurrency = 1;
    p->min_size = 2;
    p->max_size = 4;
    p->max_bytes = 100000;
    p->max_wait = WAIT;

    return 0;
}


static inline int
teardown(void **state)
{
    (void) state;

    free(z);

    return 0;
}


#define assert_sound()                                                        \
    do {                                                                      \
        const char  *wrong_ = sched_check(z);                                 \
                                                                              \
        if (wrong_) {                                                         \
            fail_msg("%s", wrong_);                                           \
        }                                                                     \
    } while (0)

#define assert_drained()  assert_null(sched_check_drained(z))

#define assert_state(i, s)                                                    \
    assert_int_equal(llmb_member(z, i)->state, LLMB_MEMBER_##s)

/* it is a call of one, not sent yet */

#define assert_sealed(i)                                                      \
    do {                                                                      \
        assert_state(i, CLAIMED);                                             \
        assert_int_equal(llmb_member(z, i)->call, i);                         \
        assert_int_equal(llmb_call(z, i)->state, LLMB_CALL_SEALED);           \
    } while (0)

#define inflight()  llmb_group(z, group)->inflight
#define queued()    llmb_group(z, group)->queue.n


static inline uint32_t
reserve(uint32_t worker, uint32_t items)
{
    uint32_t  i;

    i = llmb_member_alloc(z, group, worker, 10 * items);
    assert_int_not_equal(i, LLMB_NIL);

    llmb_member(z, i)->items = items;
    llmb_member(z, i)->tokens = 5 * items;
    llmb_member(z, i)->wait = WAIT;
    llmb_member(z, i)->tolerance = 100;
    llmb_member(z, i)->priority = LLMB_FAIR_PRIORITY;

    return i;
}


static inline uint32_t
join(uint32_t worker, uint32_t items, uint64_t now)
{
    uint32_t  i = reserve(worker, items);

    llmb_sched_join(z, i, now);
    assert_sound();

    return i;
}


/* the next piece of mail has to be this */

static inline uint32_t
expect(uint32_t worker, llmb_mail_e mail, uint64_t now)
{
    uint32_t  i;

    assert_int_equal(llmb_sched_mail(z, worker, now, &i), mail);
    assert_sound();

    return i;
}


/* the next piece is a call of one, whose client's own request carries it */

static inline uint32_t
single(uint32_t worker, uint64_t now)
{
    uint32_t  i = expect(worker, LLMB_MAIL_SEND, now);

    assert_true(llmb_call_is_single(z, i));
    assert_int_equal(llmb_sched_send(z, i, worker), i);

    llmb_sched_go(z, i);
    assert_sound();

    return i;
}


/* a call of another group's worth keeps the only slot busy */

static inline uint32_t
plug(void)
{
    uint32_t  i = join(0, 1, T0);

    assert_int_equal(single(0, T0), i);
    assert_int_equal(inflight(), 1);

    return i;
}


static inline void
unplug(uint32_t i, uint64_t now)
{
    llmb_sched_leave(z, i, now);
    assert_sound();
}


/* a call of n members of each worker, sent by the first */

static inline uint32_t
sent(uint32_t workers, uint32_t n, uint32_t *members)
{
    uint32_t  i, plugged, call;

    plugged = plug();

    for (i = 0; i < n; i++) {
        members[i] = join(i % workers, 1, T0);
    }

    unplug(plugged, T0);

    call = expect(0, LLMB_MAIL_SEND, T0);
    assert_int_not_equal(llmb_sched_send(z, call, 0), LLMB_NIL);
    assert_sound();

    return call;
}


static inline void
answer(uint32_t member)
{
    assert_int_equal(llmb_member_room(z, member, 3000), LLMB_OK);
    llmb_sched_answer(z, member, 3000);
    assert_sound();
}


/* where it is in the queue, from 0 */

static inline unsigned
place(uint32_t member)
{
    uint32_t  i;
    unsigned  n;

    n = 0;

    for (i = llmb_group(z, group)->queue.head;
         i != member;
         i = llmb_queue_links(z)[i].next)
    {
        assert_int_not_equal(i, LLMB_NIL);
        n++;
    }

    return n;
}


/* everybody leaves, whatever it is at */

static inline void
leave_all(uint64_t now)
{
    uint32_t  i, w;

    for (i = 0; i < z->nmembers; i++) {
        if (llmb_member(z, i)->state != LLMB_MEMBER_FREE
            && llmb_member(z, i)->state != LLMB_MEMBER_ABANDONED)
        {
            llmb_sched_leave(z, i, now);
            assert_sound();
        }
    }

    for (w = 0; w < 3; w++) {
        while (llmb_sched_mail(z, w, now, &i) != LLMB_MAIL_NONE) {
            (void) llmb_sched_send(z, i, w);
        }
    }

    for (i = 0; i < z->ncalls; i++) {
        if (llmb_call(z, i)->state != LLMB_CALL_FREE) {
            llmb_sched_end(z, i, llmb_call(z, i)->worker, now);
        }
    }

    assert_drained();
}


#define sched_test(f)  cmocka_unit_test_setup_teardown(f, setup, teardown)


#endif /* _SCHED_TABLE_H_INCLUDED_ */
