
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * A zone for tests of the tables.
 */


#ifndef _ZONE_TABLE_H_INCLUDED_
#define _ZONE_TABLE_H_INCLUDED_


#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sched_check.h"
#include "llmb_chunks.h"
#include "llmb_group.h"


#define ZONE_SIZE  (1024 * 1024)


static inline llmb_zone_t *
zone(uint32_t workers)
{
    uint32_t      i;
    llmb_zone_t  *z = aligned_alloc(16, ZONE_SIZE);

    assert_non_null(z);
    memset(z, 0xa5, ZONE_SIZE);

    assert_int_equal(llmb_zone_init(z, ZONE_SIZE, workers), LLMB_OK);

    for (i = 0; i < workers; i++) {
        llmb_worker(z, i)->pid = 100 + i;
    }

    return z;
}


static inline uint32_t
group_of(llmb_zone_t *z, const char *key, uint64_t hash, unsigned *fresh)
{
    llmb_str_t  str;

    str.data = (const uint8_t *) key;
    str.len = strlen(key);

    return llmb_group_get(z, str, hash, fresh);
}


static inline uint32_t
group_n(llmb_zone_t *z, unsigned n)
{
    char      key[16];
    unsigned  fresh;

    (void) snprintf(key, sizeof(key), "key %u", n);

    return group_of(z, key, n, &fresh);
}


/* whether a chunk is to be had */

static inline llmb_rc_e
chunk(llmb_zone_t *z)
{
    llmb_chain_t  chain = { 0, 0, 0 };

    return llmb_chain_grow(z, &chain, 1);
}


#define assert_sound(z)  assert_null(sched_check(z))


#endif /* _ZONE_TABLE_H_INCLUDED_ */
