
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "zone_table.h"
#include "llmb_sched_leave.h"


/* a member that has all of its room, or LLMB_NIL */

static uint32_t
member_of(llmb_zone_t *z, uint32_t group, uint32_t len)
{
    uint32_t   i;
    llmb_rc_e  rc;

    i = llmb_member_alloc(z, group, 0, len);

    if (i == LLMB_NIL) {
        return i;
    }

    do {
        rc = llmb_member_grow(z, i);
    } while (rc == LLMB_AGAIN);

    if (rc == LLMB_OK) {
        return i;
    }

    llmb_sched_leave(z, i, 0);

    return LLMB_NIL;
}


static void
a_zone_too_small_is_refused_untouched(void **state)
{
    size_t        size;
    uint8_t      *p;

    (void) state;

    for (size = 0; size < 140 * 1024; size += size < 1024 ? 16 : 4096) {
        p = malloc(size + 16);
        assert_non_null(p);
        memset(p + size, 0x77, 16);

        if (llmb_zone_init((llmb_zone_t *) p, size, 8) == LLMB_OK) {
            assert_true(size > 64 * LLMB_CHUNK_SIZE);
        }

        assert_int_equal(p[size], 0x77);
        free(p);
    }
}


static void
a_zone_is_sound_at_every_size(void **state)
{
    size_t        size;
    llmb_zone_t  *z;

    (void) state;

    for (size = 240 * 1024; size < 260 * 1024; size += 112) {
        z = aligned_alloc(16, size);
        assert_non_null(z);

        assert_int_equal(llmb_zone_init(z, size, 3), LLMB_OK);
        assert_null(sched_check_drained(z));
        assert_true(z->chunks_at + (uint64_t) z->nchunks * LLMB_CHUNK_SIZE
                    <= size);
        assert_int_equal(llmb_zone_free(z),
                         (uint64_t) z->nchunks * LLMB_CHUNK_SIZE);
        free(z);
    }
}


static void
a_list_keeps_its_order(void **state)
{
    uint32_t     i;
    llmb_list_t  list;
    llmb_link_t  links[8];

    static const uint32_t  order[] = { 5, 0, 3, 1, 4, 2 };

    (void) state;

    llmb_list_init(&list);
    assert_int_equal(llmb_list_pop(&list, links), LLMB_NIL);

    llmb_list_push(&list, links, 1);
    llmb_list_push(&list, links, 2);
    llmb_list_push_head(&list, links, 0);
    llmb_list_insert(&list, links, 3, 1);
    llmb_list_insert(&list, links, 4, 2);
    llmb_list_insert(&list, links, 5, 0);
    llmb_list_insert(&list, links, 6, LLMB_NIL);
    llmb_list_remove(&list, links, 6);

    assert_int_equal(list.n, 6);

    for (i = 0; i < 6; i++) {
        assert_int_equal(llmb_list_pop(&list, links), order[i]);
        assert_int_equal(links[order[i]].linked, 0);
    }

    assert_int_equal(list.head, LLMB_NIL);
    assert_int_equal(list.tail, LLMB_NIL);
}


static void
a_list_loses_what_is_removed_wherever_it_is(void **state)
{
    uint32_t     i, j, n;
    llmb_list_t  list;
    llmb_link_t  links[4];

    (void) state;

    for (i = 0; i < 4; i++) {
        llmb_list_init(&list);

        for (j = 0; j < 4; j++) {
            llmb_list_push(&list, links, j);
        }

        llmb_list_remove(&list, links, i);

        for (n = 0, j = list.tail; j != LLMB_NIL; j = links[j].prev) {
            assert_int_not_equal(j, i);
            n++;
        }

        assert_int_equal(n, 3);
    }
}


static void
members_have_room_and_give_it_back(void **state)
{
    uint32_t      i, gen, group;
    llmb_zone_t  *z = zone(2);

    (void) state;

    group = group_n(z, 1);
    i = llmb_member_alloc(z, group, 1, 3 * LLMB_CHUNK_SIZE + 1);

    assert_int_not_equal(i, LLMB_NIL);
    assert_int_equal(llmb_member(z, i)->state, LLMB_MEMBER_WRITING);
    assert_int_equal(llmb_member(z, i)->text.n, 4);
    assert_int_equal(llmb_zone_used(z), 4 * LLMB_CHUNK_SIZE);
    assert_sound(z);

    gen = llmb_member(z, i)->gen;
    llmb_member_free(z, i);

    assert_int_not_equal(llmb_member(z, i)->gen, gen);
    assert_null(sched_check_drained(z));
    free(z);
}


static void
a_full_zone_says_so(void **state)
{
    uint32_t      i, n, group;
    llmb_zone_t  *z = zone(1);

    (void) state;

    group = group_n(z, 1);

    for (n = 0; ; n++) {
        i = llmb_member_alloc(z, group, 0, 1);

        if (i == LLMB_NIL) {
            break;
        }

        assert_true(n < z->nmembers);
    }

    assert_int_equal(n, z->nchunks - 1);
    assert_int_equal(llmb_zone_free(z), LLMB_CHUNK_SIZE);
    assert_int_equal(group_n(z, 2), LLMB_NIL);
    assert_sound(z);
    free(z);
}


static void
records_run_out_before_chunks_do_no_harm(void **state)
{
    uint32_t      i, group;
    llmb_zone_t  *z = zone(1);

    (void) state;

    group = group_n(z, 1);

    while (z->free_members.n) {
        i = llmb_list_pop(&z->free_members, llmb_queue_links(z));
    }

    i = llmb_member_alloc(z, group, 0, 1);
    assert_int_equal(i, LLMB_NIL);

    for (i = 0; i < z->ncalls; i++) {
        if (llmb_call_is_single(z, i)) {
            llmb_call_open(z, i, group);

        } else {
            assert_int_not_equal(llmb_call_alloc(z, group), LLMB_NIL);
        }
    }

    assert_int_equal(llmb_call_alloc(z, group), LLMB_NIL);
    assert_int_equal(llmb_group(z, group)->refs, z->ncalls);

    for (i = 0; i < z->ncalls; i++) {
        llmb_call_free(z, i);
    }

    assert_int_equal(llmb_group(z, group)->refs, 0);
    free(z);
}


static void
a_key_finds_its_group_whatever_the_hash(void **state)
{
    char          key[3 * LLMB_CHUNK_SIZE + 5];
    uint32_t      a, b, c;
    unsigned      fresh;
    llmb_zone_t  *z = zone(1);

    (void) state;

    memset(key, 'x', sizeof(key));
    key[sizeof(key) - 1] = '\0';

    a = group_of(z, key, 7, &fresh);
    assert_true(fresh);

    /* the same hash, and a difference at the very end */

    key[sizeof(key) - 2] = 'y';
    b = group_of(z, key, 7, &fresh);
    assert_true(fresh);
    assert_int_not_equal(a, b);

    /* the same bucket, and a shorter key */

    key[sizeof(key) - 3] = '\0';
    c = group_of(z, key, 7, &fresh);
    assert_true(fresh);
    assert_sound(z);

    assert_int_equal(group_of(z, key, 7, &fresh), c);
    assert_false(fresh);

    key[sizeof(key) - 3] = 'x';
    assert_int_equal(group_of(z, key, 7, &fresh), b);

    key[sizeof(key) - 2] = 'x';
    assert_int_equal(group_of(z, key, 7, &fresh), a);

    assert_int_equal(group_of(z, "", 7, &fresh), LLMB_NIL);
    assert_sound(z);

    /* the low half of the hash is the same: that is another bucket's matter */

    assert_int_not_equal(group_of(z, key, 7 + (UINT64_C(1) << 32), &fresh), a);
    assert_true(fresh);
    assert_sound(z);
    free(z);
}


static void
a_key_has_a_greatest_length(void **state)
{
    char         *key = malloc(LLMB_KEY_MAX + 2);
    unsigned      fresh;
    uint32_t      used;
    llmb_zone_t  *z = zone(1);

    (void) state;

    memset(key, 'x', LLMB_KEY_MAX + 1);
    key[LLMB_KEY_MAX + 1] = '\0';
    used = z->nfree;

    assert_int_equal(group_of(z, key, 7, &fresh), LLMB_NIL);
    assert_int_equal(z->nfree, used);

    key[LLMB_KEY_MAX] = '\0';
    assert_int_not_equal(group_of(z, key, 7, &fresh), LLMB_NIL);
    assert_true(fresh);
    assert_int_not_equal(group_of(z, key, 7, &fresh), LLMB_NIL);
    assert_false(fresh);
    assert_int_equal(z->nkeys, LLMB_KEY_MAX / LLMB_CHUNK_SIZE);
    assert_sound(z);
    free(key);
    free(z);
}


static void
the_group_used_least_recently_gives_way(void **state)
{
    uint32_t      i, n, member, first, second;
    unsigned      fresh;
    llmb_zone_t  *z = zone(1);

    (void) state;

    n = z->ngroups;

    for (i = 0; i < n; i++) {
        assert_int_not_equal(group_n(z, i), LLMB_NIL);
    }

    first = group_n(z, 0);
    second = group_n(z, 1);

    llmb_group(z, first)->proven.items = 5;

    /* the first one is used again, the second is not */

    member = llmb_member_alloc(z, first, 0, 1);
    llmb_member_free(z, member);

    assert_int_equal(group_n(z, n), second);
    assert_sound(z);

    assert_int_equal(group_of(z, "key 0", 0, &fresh), first);
    assert_false(fresh);
    assert_int_equal(llmb_group(z, first)->proven.items, 5);
    free(z);
}


static void
a_group_in_use_is_never_evicted(void **state)
{
    uint32_t      i, held;
    llmb_zone_t  *z = zone(1);

    (void) state;

    held = group_n(z, 0);
    assert_int_not_equal(llmb_member_alloc(z, held, 0, 1), LLMB_NIL);

    for (i = 1; i < 3 * z->ngroups; i++) {
        assert_int_not_equal(group_n(z, i), held);
    }

    assert_int_equal(group_n(z, 0), held);

    /* when all are in use, there is none to be had */

    for (i = 0; i < z->ngroups; i++) {
        if (llmb_group(z, i)->refs == 0) {
            (void) llmb_member_alloc(z, i, 0, 1);
        }
    }

    assert_int_equal(group_n(z, 100000), LLMB_NIL);
    assert_sound(z);
    free(z);
}


static void
keys_give_way_to_members_but_not_in_vain(void **state)
{
    uint32_t      i, group;
    llmb_zone_t  *z = zone(1);

    (void) state;

    for (i = 0; i < z->ngroups; i++) {
        (void) group_n(z, i);
    }

    group = group_n(z, 0);

    /* more than there is: no group is lost for it */

    assert_int_equal(llmb_member_alloc(z, group, 0, z->nchunks
                                                    * LLMB_CHUNK_SIZE + 1),
                     LLMB_NIL);
    assert_int_equal(z->idle_groups.n, z->ngroups);
    assert_int_equal(llmb_group(z, group)->refs, 0);
    assert_sound(z);

    /* all but the group's own key: the group must not be evicted for it */

    assert_int_equal(member_of(z, group, z->nchunks * LLMB_CHUNK_SIZE),
                     LLMB_NIL);
    assert_true(llmb_group(z, group)->used);
    assert_sound(z);

    for (i = 1; i < z->ngroups; i++) {
        (void) group_n(z, i);
    }

    assert_int_not_equal(member_of(z, group_n(z, 0),
                                   (z->nchunks - 1) * LLMB_CHUNK_SIZE),
                         LLMB_NIL);
    assert_int_equal(z->free_groups.n, z->ngroups - 1);
    assert_sound(z);
    free(z);
}


static void
a_member_grows_until_it_has_room_for_its_text(void **state)
{
    uint32_t      i, j, n, group, steps;
    llmb_rc_e     rc;
    llmb_zone_t  *z = zone(1);

    (void) state;

    group = group_n(z, 1);
    n = 2 * LLMB_CHUNKS_STEP + 3;

    i = llmb_member_alloc(z, group, 0, n * LLMB_CHUNK_SIZE);
    assert_int_not_equal(i, LLMB_NIL);
    assert_int_equal(llmb_member(z, i)->text.n, LLMB_CHUNKS_STEP);
    assert_sound(z);

    for (steps = 1; (rc = llmb_member_grow(z, i)) == LLMB_AGAIN; steps++) {
        assert_sound(z);
    }

    assert_int_equal(rc, LLMB_OK);
    assert_int_equal(steps, 2);
    assert_int_equal(llmb_member(z, i)->text.n, n);
    llmb_sched_leave(z, i, 0);
    assert_null(sched_check_drained(z));

    /* two that want more than half of it each: one of them gives way */

    n = z->nchunks / 2 + 1;

    i = llmb_member_alloc(z, group, 0, n * LLMB_CHUNK_SIZE);
    j = llmb_member_alloc(z, group, 0, n * LLMB_CHUNK_SIZE);
    assert_int_not_equal(j, LLMB_NIL);

    do {
        rc = llmb_member_grow(z, i);
    } while (rc == LLMB_AGAIN);

    assert_int_equal(rc, LLMB_OK);
    assert_int_equal(llmb_member_grow(z, j), LLMB_NOMEM);
    assert_int_equal(llmb_member(z, j)->text.n, 0);
    assert_sound(z);

    llmb_sched_leave(z, i, 0);
    llmb_sched_leave(z, j, 0);
    assert_null(sched_check_drained(z));
    free(z);
}


static void
room_for_a_large_answer_is_made_in_steps(void **state)
{
    uint32_t      i, n;
    llmb_zone_t  *z = zone(1);

    (void) state;

    i = llmb_member_alloc(z, group_n(z, 1), 0, 1);
    n = LLMB_CHUNKS_STEP + 5;

    assert_int_equal(llmb_member_room(z, i, n * LLMB_CHUNK_SIZE), LLMB_AGAIN);
    assert_sound(z);

    /* its client or its worker may go at any step */

    llmb_sched_leave(z, i, 0);
    assert_null(sched_check_drained(z));

    i = llmb_member_alloc(z, group_n(z, 1), 0, 1);

    assert_int_equal(llmb_member_room(z, i, n * LLMB_CHUNK_SIZE), LLMB_AGAIN);
    assert_int_equal(llmb_member_room(z, i, n * LLMB_CHUNK_SIZE), LLMB_OK);
    assert_int_equal(llmb_member(z, i)->room.n, n);

    (void) llmb_sched_reap(z, 0, 0);
    assert_null(sched_check_drained(z));
    free(z);
}


static void
room_belongs_to_its_member(void **state)
{
    uint32_t      i;
    llmb_zone_t  *z = zone(1);

    (void) state;

    i = llmb_member_alloc(z, group_n(z, 1), 0, 1);

    assert_int_equal(llmb_member_room(z, i, 5 * LLMB_CHUNK_SIZE), LLMB_OK);
    assert_int_equal(llmb_zone_used(z), 6 * LLMB_CHUNK_SIZE);
    assert_sound(z);

    /* a second one instead of the first */

    (void) llmb_member_room(z, i, 1);
    assert_int_equal(llmb_zone_used(z), 2 * LLMB_CHUNK_SIZE);
    assert_sound(z);

    assert_int_equal(llmb_member_room(z, i, z->nchunks * LLMB_CHUNK_SIZE),
                     LLMB_NOMEM);
    assert_int_equal(llmb_zone_used(z), LLMB_CHUNK_SIZE);
    assert_sound(z);

    (void) llmb_member_room(z, i, 4000);
    llmb_member_free(z, i);

    assert_null(sched_check_drained(z));
    free(z);
}


/* whatever was there, and wherever it was torn */

static void
a_reset_empties_the_tables(void **state)
{
    uint32_t      i, n, gen, group;
    uint64_t      epoch;
    llmb_zone_t  *z;

    (void) state;

    for (n = 0; n < 100; n++) {
        z = zone(3);
        group = group_n(z, n);

        for (i = 0; i < n; i++) {
            assert_int_not_equal(llmb_member_alloc(z, group, i % 3, 100),
                                 LLMB_NIL);
        }

        epoch = z->epoch;
        gen = llmb_member(z, 0)->gen;

        /* half of a change */

        memset((uint8_t *) llmb_queue_links(z) + 8 * n, 0x5a, 16);
        memset(llmb_member(z, n), 0xff, sizeof(llmb_member_t));
        memset(&z->free_members, (int) n, sizeof(llmb_list_t));
        memset(llmb_group(z, group), 0x5a, sizeof(llmb_group_t));
        llmb_worker(z, 1)->members.head = n;
        z->nkeys = n;
        z->nfree = 0;
        z->bells = 1000;

        llmb_zone_reset(z);

        assert_null(sched_check_drained(z));
        assert_int_equal(z->nkeys, 0);
        assert_int_equal(z->free_groups.n, z->ngroups);
        assert_int_not_equal(z->epoch, epoch);
        assert_int_not_equal(llmb_member(z, 0)->gen, gen);
        assert_int_equal(llmb_worker(z, 2)->pid, 102);
        free(z);
    }
}


/* writes to the memory behind the head of the zone are seen, the first one */

static llmb_zone_t  *watched;
static size_t        watched_size;
static uint64_t      epoch_at_write;


static void
first_write(int sig, siginfo_t *info, void *context)
{
    (void) sig;
    (void) info;
    (void) context;

    epoch_at_write = watched->epoch;

    if (mprotect(watched, watched_size, PROT_READ|PROT_WRITE) != 0) {
        _exit(2);
    }
}


static void
a_reset_changes_the_epoch_before_anything_moves(void **state)
{
    size_t            page = (size_t) sysconf(_SC_PAGESIZE);
    uint64_t          epoch;
    struct sigaction  action, old;

    (void) state;

    watched_size = ZONE_SIZE;
    watched = mmap(NULL, watched_size, PROT_READ|PROT_WRITE,
                   MAP_PRIVATE|MAP_ANONYMOUS, -1, 0);

    assert_true(watched != MAP_FAILED);
    assert_true(sizeof(llmb_zone_t) <= page);
    assert_int_equal(llmb_zone_init(watched, watched_size, 2), LLMB_OK);

    epoch = watched->epoch;
    epoch_at_write = (uint64_t) -1;

    memset(&action, 0, sizeof(action));
    action.sa_sigaction = first_write;
    action.sa_flags = SA_SIGINFO;

    assert_int_equal(sigaction(SIGSEGV, &action, &old), 0);
    assert_int_equal(mprotect((uint8_t *) watched + page, watched_size - page,
                              PROT_READ), 0);

    llmb_zone_reset(watched);

    assert_int_equal(sigaction(SIGSEGV, &old, NULL), 0);
    assert_int_equal(epoch_at_write, epoch + 1);
    assert_int_equal(munmap(watched, watched_size), 0);
}


static void
after_a_reset_every_worker_is_woken(void **state)
{
    llmb_zone_t  *z = zone(4);

    (void) state;

    llmb_worker(z, 2)->pid = 0;
    llmb_zone_reset(z);

    assert_int_equal(z->bells, 3);
    assert_int_equal(llmb_worker(z, 0)->bell, 1);
    assert_int_equal(llmb_worker(z, 2)->bell, 0);

    /* once more before they woke up */

    llmb_zone_reset(z);
    assert_int_equal(z->bells, 3);
    assert_sound(z);
    free(z);
}


static void
no_chunk_is_given_out_until_all_workers_have_settled(void **state)
{
    uint32_t      i, group;
    unsigned      order, fresh;
    llmb_zone_t  *z;

    static const uint32_t  orders[6][3] = {
        { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
        { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 }
    };

    (void) state;

    for (order = 0; order < 6; order++) {
        z = zone(4);

        /* a free place has nobody to wait for */

        llmb_worker(z, 3)->pid = 0;
        llmb_zone_reset(z);

        for (i = 0; i < 3; i++) {
            assert_int_equal(chunk(z), LLMB_NOMEM);
            assert_int_equal(group_of(z, "key", 1, &fresh), LLMB_NIL);

            llmb_zone_settle(z, orders[order][i]);

            if (i == 1) {
                llmb_zone_settle(z, orders[order][i]);
                llmb_zone_settle(z, orders[order][0]);
            }
        }

        group = group_of(z, "key", 1, &fresh);
        assert_int_not_equal(group, LLMB_NIL);
        assert_int_not_equal(llmb_member_alloc(z, group, 0, 1), LLMB_NIL);
        assert_sound(z);
        free(z);
    }
}


static void
a_second_reset_has_everybody_settle_again(void **state)
{
    llmb_zone_t  *z = zone(2);

    (void) state;

    llmb_zone_reset(z);
    llmb_zone_settle(z, 0);
    llmb_zone_reset(z);
    llmb_zone_settle(z, 1);

    assert_int_equal(chunk(z), LLMB_NOMEM);

    llmb_zone_settle(z, 0);

    assert_int_equal(chunk(z), LLMB_OK);
    free(z);
}


static void
a_worker_that_dies_unsettled_is_not_waited_for(void **state)
{
    llmb_zone_t  *z = zone(3);

    (void) state;

    llmb_zone_reset(z);
    llmb_zone_settle(z, 0);
    llmb_zone_settle(z, 1);

    assert_int_equal(chunk(z), LLMB_NOMEM);

    (void) llmb_sched_reap(z, 2, 0);

    assert_int_equal(chunk(z), LLMB_OK);
    free(z);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(a_zone_too_small_is_refused_untouched),
        cmocka_unit_test(a_zone_is_sound_at_every_size),
        cmocka_unit_test(a_list_keeps_its_order),
        cmocka_unit_test(a_list_loses_what_is_removed_wherever_it_is),
        cmocka_unit_test(members_have_room_and_give_it_back),
        cmocka_unit_test(a_full_zone_says_so),
        cmocka_unit_test(records_run_out_before_chunks_do_no_harm),
        cmocka_unit_test(a_key_finds_its_group_whatever_the_hash),
        cmocka_unit_test(a_key_has_a_greatest_length),
        cmocka_unit_test(the_group_used_least_recently_gives_way),
        cmocka_unit_test(a_group_in_use_is_never_evicted),
        cmocka_unit_test(keys_give_way_to_members_but_not_in_vain),
        cmocka_unit_test(a_member_grows_until_it_has_room_for_its_text),
        cmocka_unit_test(room_for_a_large_answer_is_made_in_steps),
        cmocka_unit_test(room_belongs_to_its_member),
        cmocka_unit_test(a_reset_empties_the_tables),
        cmocka_unit_test(a_reset_changes_the_epoch_before_anything_moves),
        cmocka_unit_test(after_a_reset_every_worker_is_woken),
        cmocka_unit_test(no_chunk_is_given_out_until_all_workers_have_settled),
        cmocka_unit_test(a_second_reset_has_everybody_settle_again),
        cmocka_unit_test(a_worker_that_dies_unsettled_is_not_waited_for),
    };

    return cmocka_run_group_tests_name("zone", tests, NULL, NULL);
}
