
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Calls of some formats go to another path than the requests in them came for
 * ("to" of llmb_form_t), and not every upstream has it.  A 404 alone does not
 * tell: it may as well be about what was asked for, or an upstream that is just
 * being replaced.  So the path is taken for absent only once a request of the
 * same group, sent after that to its own path, has succeeded; and not for ever.
 * Only the group that has seen it is concerned, since others may be sent
 * elsewhere.
 */


#ifndef _LLMB_MOVED_H_INCLUDED_
#define _LLMB_MOVED_H_INCLUDED_


#include "llmb.h"


#pragma GCC visibility push(hidden)


/* ms for which an absent path is not tried */

#define LLMB_MOVED_ABSENT  300000

/* ms after which one is tried if nobody has told whether it is absent */

#define LLMB_MOVED_DOUBT   60000


typedef enum {
    LLMB_MOVED_HERE = 0,          /* as far as is known */
    LLMB_MOVED_DOUBTED,           /* 404: the path, or what was asked for? */
    LLMB_MOVED_GONE,
    LLMB_MOVED_DUE,               /* the next call is to find out */
    LLMB_MOVED_TRIED              /* that call is under way */
} llmb_moved_e;


/* of a group; zero is the beginning */

typedef struct {
    uint8_t          state;       /* llmb_moved_e */
    uint64_t         since;       /* us; of the doubt */
    uint64_t         until;       /* ms; it is not tried before */
} llmb_moved_t;


/* whether requests of the group go alone; "now" is in ms */
unsigned llmb_moved_off(llmb_moved_t *moved, uint64_t now);

/* the same, as it was when that was last asked */
unsigned llmb_moved_is_off(const llmb_moved_t *moved);

/* a call is sent; now in ms */
void llmb_moved_sent(llmb_moved_t *moved, uint64_t now);

/* it was answered 200, or that there is no such path; in us and ms */
void llmb_moved_found(llmb_moved_t *moved);
void llmb_moved_missed(llmb_moved_t *moved, uint64_t usec, uint64_t now);

/*
 * A request that went alone at "sent", in us, was answered with this status;
 * returns whether the path is known to be absent since.
 */
unsigned llmb_moved_alone(llmb_moved_t *moved, unsigned status,
    uint64_t sent, uint64_t now);


#pragma GCC visibility pop


#endif /* _LLMB_MOVED_H_INCLUDED_ */
