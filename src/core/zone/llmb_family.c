
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * There are as many records as there are groups, and each group refers to one
 * at most, so there always is one left.
 */


#include <string.h>

#include "llmb_family.h"
#include "llmb_zone_parts.h"


#define LLMB_FAMILY_MINUTE  60000


static uint32_t llmb_family_find(llmb_zone_t *z, uint64_t hash);
static uint32_t llmb_family_make(llmb_zone_t *z, uint64_t hash);
static void llmb_family_turn(llmb_family_t *f, uint64_t now);
static uint32_t *llmb_family_bucket(llmb_zone_t *z, uint64_t hash);


void
llmb_families_clear(llmb_zone_t *z)
{
    uint32_t  i;

    z->free_family = LLMB_NIL;

    for (i = z->ngroups; i--; /* void */ ) {
        llmb_family(z, i)->groups = 0;
        llmb_family(z, i)->chain = z->free_family;
        z->free_family = i;
    }

    for (i = 0; i < z->nbuckets; i++) {
        *llmb_family_bucket(z, i) = LLMB_NIL;
    }
}


uint32_t
llmb_family_attach(llmb_zone_t *z, uint32_t group, llmb_str_t name,
    uint64_t hash, uint64_t generation, uint64_t now)
{
    uint32_t        before;
    llmb_group_t   *g;
    llmb_family_t  *f;

    g = llmb_group(z, group);
    g->family = llmb_family_find(z, hash);

    if (g->family == LLMB_NIL) {
        g->family = llmb_family_make(z, hash);

        f = llmb_family(z, g->family);

        f->generation = generation;
        f->name_len = (uint32_t) llmb_min(name.len, LLMB_GROUP_NAME);
        memcpy(f->name, name.data, f->name_len);
    }

    f = llmb_family(z, g->family);

    llmb_family_turn(f, now);

    f->groups++;
    f->made++;

    before = f->made <= LLMB_FAMILY_COMPARE ? f->newest : LLMB_NIL;
    f->newest = group;

    return before;
}


static uint32_t
llmb_family_find(llmb_zone_t *z, uint64_t hash)
{
    uint32_t  i;

    i = *llmb_family_bucket(z, hash);

    while (i != LLMB_NIL && llmb_family(z, i)->hash != hash) {
        i = llmb_family(z, i)->chain;
    }

    return i;
}


static uint32_t
llmb_family_make(llmb_zone_t *z, uint64_t hash)
{
    uint32_t        i;
    llmb_family_t  *f;

    i = z->free_family;
    f = llmb_family(z, i);

    z->free_family = f->chain;

    memset(f, 0, sizeof(llmb_family_t));

    f->hash = hash;
    f->newest = LLMB_NIL;

    f->chain = *llmb_family_bucket(z, hash);
    *llmb_family_bucket(z, hash) = i;

    return i;
}


/* clocks of workers differ: none goes back */

static void
llmb_family_turn(llmb_family_t *f, uint64_t now)
{
    uint64_t  minute;

    minute = now / LLMB_FAMILY_MINUTE;

    if (minute <= f->minute) {
        return;
    }

    f->before = minute == f->minute + 1 ? f->requests : 0;
    f->requests = 0;
    f->made = 0;
    f->minute = minute;
}


void
llmb_family_count(llmb_family_t *f, uint64_t now)
{
    llmb_family_turn(f, now);

    f->requests++;
    f->seen = llmb_max(f->seen, now);

    llmb_arrivals_add(&f->arrivals, now * 1000);
}


uint32_t
llmb_family_recent(const llmb_family_t *f, uint64_t now)
{
    uint64_t  minute, left;

    minute = now / LLMB_FAMILY_MINUTE;
    left = LLMB_FAMILY_MINUTE - now % LLMB_FAMILY_MINUTE;

    if (minute <= f->minute) {
        return f->requests + (uint32_t) (f->before * left
                                         / LLMB_FAMILY_MINUTE);
    }

    return minute == f->minute + 1
           ? (uint32_t) (f->requests * left / LLMB_FAMILY_MINUTE) : 0;
}


/*
 * Clients may make up names to fill the table.  A new one takes the place of
 * the one found least often, and its count (Metwally, Agrawal, El Abbadi:
 * Efficient Computation of Frequent and Top-k Elements in Data Streams, ICDT
 * 2005): what keeps most keys apart stays.
 */

void
llmb_family_note(llmb_family_t *f, const llmb_difference_t *differs,
    unsigned n)
{
    unsigned  i, k, least;

    for (i = 0; i < n; i++) {
        least = 0;

        for (k = 0; k < f->ndiffers; k++) {

            if (memcmp(&f->differs[k], &differs[i], sizeof(llmb_difference_t))
                == 0)
            {
                break;
            }

            if (f->often[k] < f->often[least]) {
                least = k;
            }
        }

        if (k == f->ndiffers) {

            if (f->ndiffers < LLMB_FAMILY_DIFFERS) {
                f->ndiffers++;

            } else {
                k = least;
            }

            f->differs[k] = differs[i];
        }

        if (f->often[k] < UINT32_MAX) {
            f->often[k]++;
        }
    }
}


unsigned
llmb_family_tell(llmb_zone_t *z, llmb_family_t *f, uint64_t now)
{
    uint64_t  hour;

    if (f->told || f->made <= LLMB_FAMILY_MANY) {
        return 0;
    }

    hour = now / (60 * LLMB_FAMILY_MINUTE);

    if (hour > z->hour) {
        z->hour = hour;
        z->told = 0;
    }

    if (z->told == LLMB_FAMILY_TELL) {
        return 0;
    }

    z->told++;
    f->told = 1;

    return 1;
}


void
llmb_family_detach(llmb_zone_t *z, uint32_t group)
{
    uint32_t       *p, i;
    llmb_family_t  *f;

    i = llmb_group(z, group)->family;

    if (i == LLMB_NIL) {
        return;
    }

    llmb_group(z, group)->family = LLMB_NIL;

    f = llmb_family(z, i);

    if (f->newest == group) {
        f->newest = LLMB_NIL;
    }

    if (--f->groups) {
        return;
    }

    for (p = llmb_family_bucket(z, f->hash);
         *p != i;
         p = &llmb_family(z, *p)->chain)
    {
        /* void */
    }

    *p = f->chain;

    f->chain = z->free_family;
    z->free_family = i;
}


llmb_family_t *
llmb_family_of(llmb_zone_t *z, const llmb_group_t *g)
{
    return g->family == LLMB_NIL ? NULL : llmb_family(z, g->family);
}


static uint32_t *
llmb_family_bucket(llmb_zone_t *z, uint64_t hash)
{
    return llmb_at(z, uint32_t, families_by_hash_at,
                   hash & (z->nbuckets - 1));
}
