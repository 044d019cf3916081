
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Groups whose calls go to one upstream, which works on one call at a time.
 * Each group has a worker of its own.
 */


#ifndef _SHARE_TABLE_H_INCLUDED_
#define _SHARE_TABLE_H_INCLUDED_


#include "llmb_sched.h"
#include "llmb_sched_share.h"
#include "llmb_slots.h"
#include "llmb_upstream.h"
#include "sched_table.h"


#define GROUPS  3
#define SLOTS   2                     /* of each, as its policy says */
#define NAME    77


static uint32_t  groups[GROUPS];
static unsigned  priority[GROUPS];


/* a new one, with calls of one member; nobody knows yet where they go */

static inline uint32_t
new_group_of(uint64_t tenant, const char *name, unsigned learned)
{
    uint32_t        i;
    unsigned        fresh;
    llmb_str_t      key;
    llmb_policy_t  *p;

    key.data = (const uint8_t *) name;
    key.len = strlen(name);

    i = llmb_group_get(z, key, 5, &fresh);
    assert_int_equal(fresh, 1);

    p = &llmb_group(z, i)->policy;

    p->window = LLMB_WINDOW_SLOT;
    p->concurrency = SLOTS;
    p->learned = learned;
    p->max_size = 1;
    p->max_bytes = 100000;
    p->max_wait = 10000;

    llmb_group(z, i)->tenant = tenant;
    llmb_upstream_init(z, i);

    return i;
}


static inline uint32_t
new_group(const char *name, unsigned learned)
{
    return new_group_of(1, name, learned);
}


static inline llmb_upstream_t *
upstream(void)
{
    return llmb_upstream_of(z, llmb_group(z, groups[0]));
}


/* all of them go to one upstream, which works on one call at a time */

static inline int
setup_groups(void **state)
{
    unsigned  i;

    static const char  *names[GROUPS] = { "one", "two", "three" };

    (void) setup(state);

    for (i = 0; i < GROUPS; i++) {
        groups[i] = new_group(names[i], 1);
        priority[i] = LLMB_FAIR_PRIORITY;
        llmb_sched_goes_to(z, groups[i], NAME, T0 * 1000);
        assert_sound();
    }

    llmb_slots_bounds(&upstream()->slots, 1, 1, 0);

    return 0;
}


static inline uint32_t
join_group(unsigned n, uint32_t items, uint64_t now)
{
    uint32_t  i;

    i = llmb_member_alloc(z, groups[n], n, 10);
    assert_int_not_equal(i, LLMB_NIL);

    llmb_member(z, i)->items = items;
    llmb_member(z, i)->tokens = 5 * items;
    llmb_member(z, i)->wait = 10000;
    llmb_member(z, i)->priority = (uint8_t) priority[n];

    llmb_sched_join(z, i, now);
    assert_sound();

    return i;
}


/* all look at their mail; which group sends a request, LLMB_NIL if none */

static inline uint32_t
who_goes(uint32_t *member, uint64_t now)
{
    uint32_t     n, i, who;
    llmb_mail_e  mail;

    who = LLMB_NIL;

    for (n = 0; n < GROUPS; n++) {
        while ((mail = llmb_sched_mail(z, n, now, &i)) != LLMB_MAIL_NONE) {
            assert_sound();

            if (mail == LLMB_MAIL_SEND) {
                assert_int_equal(llmb_sched_send(z, i, n), i);
                llmb_sched_go(z, i);

                assert_int_equal(who, LLMB_NIL);
                *member = i;
                who = n;
            }
        }
    }

    return who;
}


#define share_test(f)                                                         \
    cmocka_unit_test_setup_teardown(f, setup_groups, teardown)


#endif /* _SHARE_TABLE_H_INCLUDED_ */
