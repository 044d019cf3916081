
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What must hold of a zone whenever its lock is free.
 */


#ifndef _SCHED_CHECK_H_INCLUDED_
#define _SCHED_CHECK_H_INCLUDED_


#include <stdio.h>

#include "llmb_returned.h"


#define sched_fail(...)                                                       \
    do {                                                                      \
        (void) snprintf(sched_problem, sizeof(sched_problem), __VA_ARGS__);   \
        return sched_problem;                                                 \
    } while (0)

#define sched_try(problem)                                                    \
    do {                                                                      \
        const char  *p_ = (problem);                                          \
                                                                              \
        if (p_) {                                                             \
            return p_;                                                        \
        }                                                                     \
    } while (0)


extern char  sched_problem[256];


/* NULL, or what is wrong */
const char *sched_check(llmb_zone_t *z);

/*
 * The tree below a node, of n nodes; "last", LLMB_NIL at first, is the last one
 * that was seen, and "count" how many there were.
 */
const char *sched_check_tree(const llmb_tree_node_t *nodes, uint32_t i,
    uint32_t n, uint32_t *last, uint32_t *count);

/* the part of it that is about upstreams */
const char *sched_check_share(llmb_zone_t *z);

/* NULL if nothing of members is left: all is as at the start but the keys */
const char *sched_check_drained(llmb_zone_t *z);


#endif /* _SCHED_CHECK_H_INCLUDED_ */
