
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * A worker that stands still, and comes back where it was.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "llmb_chunks.h"
#include "llmb_group.h"
#include "llmb_sched.h"
#include "llmb_sched_call.h"
#include "llmb_sched_leave.h"
#include "llmb_sched_lost.h"
#include "llmb_sched_pause.h"
#include "sched_table.h"


#define LATER       (T0 + LLMB_SCHED_LOST)

#define next_of(i)  (*llmb_at(z, uint32_t, next_chunk_at, i))


static void
give_up(uint32_t worker, uint32_t orphans)
{
    assert_int_equal(llmb_sched_give_up(z, worker, LATER), orphans);
    assert_sound();
}


static void
a_worker_is_lost_after_three_seconds(void **state)
{
    llmb_worker_t  *w;

    (void) state;

    w = llmb_worker(z, 0);
    llmb_sched_seen(z, 0, T0);

    assert_false(llmb_sched_is_lost(w, T0));
    assert_false(llmb_sched_is_lost(w, T0 + LLMB_SCHED_LOST - 1));
    assert_true(llmb_sched_is_lost(w, T0 + LLMB_SCHED_LOST));

    /* clocks of workers differ */

    assert_false(llmb_sched_is_lost(w, T0 - 1));
    assert_false(llmb_sched_is_lost(w, 0));

    llmb_sched_seen(z, 0, LATER);
    assert_false(llmb_sched_is_lost(w, LATER + 1));

    /* nobody is there to be lost */

    w->pid = 0;
    assert_false(llmb_sched_is_lost(w, LATER + LLMB_SCHED_LOST));
}


static void
others_do_not_wait_for_its_call(void **state)
{
    uint32_t  call, m[4];

    (void) state;

    call = sent(2, 4, m);
    give_up(0, 2);

    /* they go, its own wait for it, and its slot is free */

    assert_int_equal(single(1, LATER), m[1]);
    assert_int_equal(single(1, LATER), m[3]);
    assert_int_equal(llmb_member(z, m[1])->result.reason,
                     LLMB_REASON_WORKER_LOST);
    assert_state(m[0], CLAIMED);
    assert_state(m[2], CLAIMED);
    assert_int_equal(llmb_call(z, call)->state, LLMB_CALL_LOST);
    assert_int_equal(inflight(), 2);

    /* once */

    give_up(0, 0);
    assert_int_equal(inflight(), 2);

    /* the others are served, and it comes back with the answer */

    llmb_sched_leave(z, m[1], LATER);
    llmb_sched_seen(z, 0, LATER);
    assert_sound();

    llmb_sched_end(z, call, 0, LATER);
    assert_sound();
    assert_int_equal(llmb_call(z, call)->state, LLMB_CALL_FREE);
    assert_int_equal(single(0, LATER), m[0]);
    assert_int_equal(single(0, LATER), m[2]);
    assert_int_equal(inflight(), 3);
    leave_all(LATER);
}


static void
clients_that_have_left_its_call_are_forgotten(void **state)
{
    uint32_t  call, m[4];

    (void) state;

    call = sent(2, 4, m);
    llmb_sched_leave(z, m[0], T0);
    llmb_sched_leave(z, m[1], T0);
    assert_int_equal(llmb_member_room(z, m[1], 5000), LLMB_OK);

    give_up(0, 1);
    assert_state(m[1], FREE);
    assert_state(m[0], ABANDONED);

    llmb_sched_seen(z, 0, LATER);
    llmb_sched_end(z, call, 0, LATER);
    leave_all(LATER);
}


/* what it was about to write to is nobody's until it is back */

static void
the_room_that_it_writes_to_stays_its(void **state)
{
    uint32_t             i, k, call, m[4];
    uint8_t              text[5000];
    llmb_rc_e            rc;
    llmb_chain_t         taken;
    llmb_chunk_writer_t  w;

    (void) state;

    call = sent(2, 4, m);
    assert_int_equal(llmb_member_room(z, m[1], 5000), LLMB_OK);
    assert_int_equal(llmb_member_room(z, m[3], 3000), LLMB_OK);

    w.zone = z;
    w.chunk = llmb_member(z, m[1])->room.first;
    w.pos = 0;

    memset(text, 'x', sizeof(text));
    assert_int_equal(llmb_chunks_write(&w, text, 1000), LLMB_OK);

    give_up(0, 2);

    /* both go, and others take all there is */

    for (i = 0; i < 2; i++) {
        k = single(1, LATER);
        llmb_sched_leave(z, k, LATER);
        assert_sound();
    }

    assert_int_equal(llmb_worker(z, 0)->room.n, 5);

    memset(&taken, 0, sizeof(llmb_chain_t));

    do {
        rc = llmb_chain_grow(z, &taken, taken.n + z->nfree);
    } while (rc == LLMB_AGAIN);

    assert_int_equal(rc, LLMB_OK);

    for (i = taken.first; i != LLMB_NIL; i = next_of(i)) {
        memset(llmb_at(z, uint8_t, chunks_at, (size_t) i * LLMB_CHUNK_SIZE),
               'o', LLMB_CHUNK_SIZE);
    }

    /* it goes on where it was */

    assert_int_equal(llmb_chunks_write(&w, text, 4000), LLMB_OK);

    for (i = taken.first; i != LLMB_NIL; i = next_of(i)) {
        assert_null(memchr(llmb_at(z, uint8_t, chunks_at,
                                   (size_t) i * LLMB_CHUNK_SIZE),
                           'x', LLMB_CHUNK_SIZE));
    }

    assert_int_equal(z->nfree, 0);
    llmb_sched_seen(z, 0, LATER);
    assert_int_equal(z->nfree, 5);
    assert_int_equal(llmb_worker(z, 0)->room.n, 0);

    llmb_chain_free(z, &taken);
    assert_sound();

    llmb_sched_end(z, call, 0, LATER);
    leave_all(LATER);
}


static void
what_it_reads_is_marked_before_it_is_anybody_elses(void **state)
{
    uint32_t  m[2];
    uint64_t  losses;

    (void) state;

    (void) sent(2, 2, m);
    losses = llmb_worker(z, 0)->losses;

    give_up(0, 1);
    assert_int_not_equal(llmb_worker(z, 0)->losses, losses);

    /* also when it is back */

    llmb_sched_seen(z, 0, LATER);
    assert_int_not_equal(llmb_worker(z, 0)->losses, losses);
    leave_all(LATER);
}


static void
a_call_that_it_has_not_sent_is_not_sent_later(void **state)
{
    uint32_t  plugged, a, b, call;
    unsigned  popped;

    (void) state;

    for (popped = 0; popped < 2; popped++) {
        plugged = plug();
        a = join(0, 1, T0);
        b = join(1, 1, T0);
        unplug(plugged, T0);

        call = popped ? expect(0, LLMB_MAIL_SEND, T0) : LLMB_NIL;

        give_up(0, 1);
        assert_int_equal(single(1, LATER), b);
        llmb_sched_leave(z, b, LATER);
        assert_sound();

        llmb_sched_seen(z, 0, LATER);

        if (!popped) {
            call = expect(0, LLMB_MAIL_SEND, LATER);
        }

        assert_int_equal(llmb_sched_send(z, call, 0), LLMB_NIL);
        assert_sound();
        assert_int_equal(llmb_call(z, call)->state, LLMB_CALL_FREE);
        assert_int_equal(single(0, LATER), a);
        llmb_sched_leave(z, a, LATER);
        assert_drained();
    }
}


static void
its_own_members_keep_no_slot_and_no_queue(void **state)
{
    uint32_t  alone, queue, b;

    (void) state;

    alone = plug();
    queue = join(0, 1, T0);
    llmb_member(z, queue)->part = 1;
    b = reserve(1, 1);
    llmb_member(z, b)->part = 1;
    llmb_sched_join(z, b, T0);
    assert_int_equal(queued(), 2);

    /* a part has no deadline: without the slot it would wait for ever */

    give_up(0, 0);
    assert_int_equal(llmb_call(z, queue)->state, LLMB_CALL_LOST);
    assert_int_equal(inflight(), 0);
    assert_int_equal(single(1, LATER), b);
    assert_int_equal(inflight(), 1);

    llmb_sched_seen(z, 0, LATER);
    assert_int_equal(single(0, LATER), queue);
    assert_int_equal(llmb_member(z, queue)->result.close, LLMB_CLOSE_ORPHAN);

    llmb_sched_leave(z, queue, LATER);
    llmb_sched_leave(z, alone, LATER);
    assert_sound();
    assert_int_equal(inflight(), 1);
    leave_all(LATER);
}


static void
its_members_in_calls_of_others_are_answered(void **state)
{
    uint32_t  call, m[4];

    (void) state;

    call = sent(2, 4, m);
    give_up(1, 0);
    assert_state(m[1], CLAIMED);

    answer(m[1]);
    llmb_sched_release(z, m[3], LLMB_REASON_MISMATCH);
    assert_sound();
    assert_int_equal(inflight(), 1);

    llmb_sched_seen(z, 1, LATER);
    assert_int_equal(single(1, LATER), m[3]);
    assert_int_equal(expect(1, LLMB_MAIL_ANSWER, LATER), m[1]);
    llmb_sched_end(z, call, 0, LATER);
    leave_all(LATER);
}


static void
nothing_is_handed_to_it(void **state)
{
    uint32_t  call, i, m[3];

    (void) state;

    /* of a call that is to be sent again, by who has a member of it */

    call = sent(3, 3, m);
    give_up(1, 0);
    llmb_sched_leave(z, m[0], LATER);
    i = reserve(0, 1);
    llmb_sched_again(z, call, 0, LLMB_REASON_UPSTREAM_ERROR, LATER);
    assert_sound();
    assert_int_equal(llmb_call(z, call)->worker, 2);
    assert_int_equal(expect(2, LLMB_MAIL_SEND, LATER + 1000), call);
    llmb_member_free(z, i);
    leave_all(LATER);
}


static void
a_call_of_lost_workers_only_takes_no_slot(void **state)
{
    uint32_t  call, m[4];

    (void) state;

    call = sent(2, 4, m);
    give_up(1, 0);
    llmb_sched_leave(z, m[0], LATER);
    llmb_sched_leave(z, m[2], LATER);
    llmb_sched_again(z, call, 0, LLMB_REASON_UPSTREAM_ERROR, LATER);
    assert_sound();
    assert_int_equal(llmb_call(z, call)->state, LLMB_CALL_LOST);
    assert_int_equal(inflight(), 0);

    llmb_sched_seen(z, 1, LATER);
    assert_int_equal(expect(1, LLMB_MAIL_SEND, LATER + 1000), call);
    assert_int_equal(llmb_sched_send(z, call, 1), LLMB_NIL);
    assert_int_equal(single(1, LATER), m[1]);
    assert_int_equal(single(1, LATER), m[3]);
    leave_all(LATER);
}


static void
in_a_pause_it_is_in_no_queue(void **state)
{
    uint32_t  call, m[2];

    (void) state;

    call = sent(2, 2, m);
    llmb_member(z, m[0])->deadline = LATER + 10000;
    llmb_member(z, m[1])->deadline = LATER + 10000;
    give_up(1, 0);

    (void) llmb_sched_pause(z, call, LATER + 1000, LATER);
    assert_sound();
    assert_state(m[0], QUEUED);
    assert_int_equal(llmb_call(z, m[1])->state, LLMB_CALL_LOST);
    assert_int_equal(queued(), 1);

    llmb_sched_end(z, call, 0, LATER);
    leave_all(LATER);
}


static void
it_may_die_in_the_end(void **state)
{
    uint32_t  call, m[4];

    (void) state;

    call = sent(2, 4, m);
    assert_int_equal(llmb_member_room(z, m[1], 5000), LLMB_OK);
    give_up(0, 2);

    assert_int_equal(llmb_sched_reap(z, 0, LATER), 0);
    assert_sound();
    assert_int_equal(llmb_call(z, call)->state, LLMB_CALL_FREE);
    assert_int_equal(llmb_worker(z, 0)->room.n, 0);
    assert_state(m[0], FREE);
    leave_all(LATER);
}


static void
a_reset_forgets_that_it_was_lost(void **state)
{
    uint32_t  m[4];

    (void) state;

    (void) sent(2, 4, m);
    assert_int_equal(llmb_member_room(z, m[1], 5000), LLMB_OK);
    give_up(0, 2);

    llmb_zone_reset(z);
    assert_sound();
    assert_int_equal(llmb_worker(z, 0)->lost, 0);

    /* it may still write: nobody gets a chunk */

    llmb_zone_settle(z, 1);
    llmb_zone_settle(z, 2);
    assert_int_equal(z->settled, 0);

    llmb_sched_seen(z, 0, LATER);
    llmb_zone_settle(z, 0);
    assert_int_equal(z->settled, 1);
    assert_drained();
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        sched_test(a_worker_is_lost_after_three_seconds),
        sched_test(others_do_not_wait_for_its_call),
        sched_test(clients_that_have_left_its_call_are_forgotten),
        sched_test(the_room_that_it_writes_to_stays_its),
        sched_test(what_it_reads_is_marked_before_it_is_anybody_elses),
        sched_test(a_call_that_it_has_not_sent_is_not_sent_later),
        sched_test(its_own_members_keep_no_slot_and_no_queue),
        sched_test(its_members_in_calls_of_others_are_answered),
        sched_test(nothing_is_handed_to_it),
        sched_test(a_call_of_lost_workers_only_takes_no_slot),
        sched_test(in_a_pause_it_is_in_no_queue),
        sched_test(it_may_die_in_the_end),
        sched_test(a_reset_forgets_that_it_was_lost),
    };

    return cmocka_run_group_tests_name("sched_lost", tests, NULL, NULL);
}
