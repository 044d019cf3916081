
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The record of a family, see llmb_family.h.
 */


#ifndef _LLMB_FAMILY_RECORD_H_INCLUDED_
#define _LLMB_FAMILY_RECORD_H_INCLUDED_


#include "llmb_arrivals.h"
#include "llmb_differ.h"


/* bytes of a name that are kept */

#define LLMB_GROUP_NAME      64

/* names of what keys differ in that are kept, by how often */

#define LLMB_FAMILY_DIFFERS  8


/*
 * All groups of one name, of one configuration: what they have done together,
 * for whoever looks at them.  Nothing is decided by it.
 */

typedef struct {
    uint64_t         hash;        /* of the name */
    uint32_t         chain;       /* next in the bucket, or next free one */
    uint32_t         groups;      /* keys; 0: free */
    uint32_t         here;        /* members, and all there were; that wraps */
    uint32_t         came;
    uint64_t         seen;        /* ms; the last one came */
    llmb_arrivals_t  arrivals;

    uint64_t         minute;      /* of the clock: */
    uint32_t         made;        /* keys in it */
    uint32_t         requests;    /* and members */
    uint32_t         before;      /* members in the one before */

    uint64_t         generation;  /* of the configuration */
    uint32_t         newest;      /* group, that was made last; or LLMB_NIL */
    uint8_t          told;        /* that there are many */
    uint8_t          ndiffers;
    uint32_t         often[LLMB_FAMILY_DIFFERS];
    llmb_difference_t  differs[LLMB_FAMILY_DIFFERS];

    uint8_t          name[LLMB_GROUP_NAME];
    uint32_t         name_len;
} llmb_family_t;


#endif /* _LLMB_FAMILY_RECORD_H_INCLUDED_ */
