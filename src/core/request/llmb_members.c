
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include <string.h>

#include "llmb_json_text.h"
#include "llmb_members.h"


#define LLMB_MEMBERS_NONE   UINT32_MAX

#define LLMB_MEMBERS_SHORT  64    /* bytes of a name that is cheap to compare */


static unsigned llmb_members_plain(llmb_str_t name);
static unsigned llmb_members_duplicate(llmb_members_t *members,
    const llmb_body_member_t *m);
static unsigned llmb_members_put_in_order(llmb_members_t *members,
    uint32_t i);


void
llmb_members_init(llmb_members_t *members)
{
    members->order = LLMB_MEMBERS_NONE;
    members->nordered = 0;
    members->n = 0;
    members->kept = 0;
}


llmb_body_member_t *
llmb_members_add(llmb_members_t *members, llmb_str_t name)
{
    llmb_body_member_t  *m;

    if (members->n == LLMB_MEMBERS_MAX) {
        return NULL;
    }

    m = &members->elems[members->n];

    m->name = name;
    m->plain = llmb_members_plain(name) & 1;
    m->seen = NULL;
    m->watched = 0;
    m->left = 0;
    m->duplicate = llmb_members_duplicate(members, m) & 1;

    members->n++;

    return m;
}


static unsigned
llmb_members_plain(llmb_str_t name)
{
    size_t  i;

    for (i = 0; i < name.len; i++) {

        if (name.data[i] == '\\') {
            return 0;
        }
    }

    return 1;
}


/* whether it has the name of one before it; it is the next one of those */

static unsigned
llmb_members_duplicate(llmb_members_t *members, const llmb_body_member_t *m)
{
    uint32_t                   i;
    unsigned                   known;
    const llmb_body_member_t  *other;

    known = 0;

    if (members->nordered == 0 && m->plain
        && m->name.len <= LLMB_MEMBERS_SHORT)
    {
        for (i = 0; i < members->n; i++) {
            other = &members->elems[i];

            if (other->name.len == m->name.len
                && memcmp(other->name.data, m->name.data, m->name.len) == 0)
            {
                return 1;
            }
        }

        return 0;
    }

    while (members->nordered <= members->n) {
        known = llmb_members_put_in_order(members, members->nordered++);
    }

    return known;
}


/*
 * The text of a name is compared only behind what it is known to have in common
 * with the one before it, so however many there are, and however they begin,
 * none of its characters is looked at twice for it.  Returns whether there is
 * one of the same name, which stays the only one then.
 */

static unsigned
llmb_members_put_in_order(llmb_members_t *members, uint32_t i)
{
    int                  rc;
    uint32_t             n, *place;
    llmb_body_member_t  *m, *other;
    llmb_json_chars_t    first, second;

    m = &members->elems[i];

    m->common = 0;
    m->behind = m->name.data + 1;

    for (place = &members->order; *place != LLMB_MEMBERS_NONE;
         place = &other->next)
    {
        other = &members->elems[*place];

        if (other->common > m->common) {
            continue;
        }

        if (other->common < m->common) {
            break;
        }

        first.p = other->behind;
        first.end = other->name.data + other->name.len - 1;

        second.p = m->behind;
        second.end = m->name.data + m->name.len - 1;

        n = m->common;
        rc = llmb_json_chars_cmp(&first, &second, &n);

        if (rc == 0) {
            return 1;
        }

        if (rc > 0) {
            other->common = n;
            other->behind = first.p;
            break;
        }

        m->common = n;
        m->behind = second.p;
    }

    m->next = *place;
    *place = i;

    return 0;
}


unsigned
llmb_member_is(const llmb_body_member_t *m, llmb_str_t name)
{
    if (!m->plain) {
        return llmb_json_is(m->name, name);
    }

    return m->name.len - 2 == name.len && m->name.data[1] == name.data[0]
           && memcmp(m->name.data + 1, name.data, name.len) == 0;
}
