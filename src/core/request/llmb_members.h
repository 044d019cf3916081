
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The members of a body, in its order, as they are found; what they mean shows
 * when all of them are known.
 */


#ifndef _LLMB_MEMBERS_H_INCLUDED_
#define _LLMB_MEMBERS_H_INCLUDED_


#include "llmb_items.h"
#include "llmb_json.h"


#pragma GCC visibility push(hidden)


#define LLMB_MEMBERS_MAX  64


/*
 * A member of the body.  Names are kept in order, once there is one that is not
 * cheap to compare: each of them knows how many characters it has in common
 * with the one before it, and where it goes on behind these.
 */

typedef struct {
    llmb_str_t           name;    /* quotes included */
    uint32_t             next;
    uint32_t             common;
    const uint8_t       *behind;
    llmb_str_t           value;   /* of an object or array: its bracket */
    size_t               end;     /* of the value; not of a watched one */
    llmb_json_type_e     type;
    const llmb_seen_t   *seen;
    unsigned             plain:1;     /* no escapes in the name */
    unsigned             duplicate:1;
    unsigned             watched:1;   /* a column of some form, not null */
    unsigned             left:1;  /* its value is the default */
} llmb_body_member_t;


typedef struct {
    uint32_t             order;   /* the first one, by name */
    uint32_t             nordered;    /* members that are in it */
    uint32_t             n;
    uint32_t             kept;    /* the last one that is not left out */
    llmb_body_member_t   elems[LLMB_MEMBERS_MAX];
} llmb_members_t;


void llmb_members_init(llmb_members_t *members);

/*
 * The next member, of this name, quotes included, and whether there is one of
 * the same decoded name before it; the caller tells the rest.  NULL: there are
 * LLMB_MEMBERS_MAX already.  No character of a name is compared twice, but
 * for those of a few short ones.
 */
llmb_body_member_t *llmb_members_add(llmb_members_t *members,
    llmb_str_t name);

/* whether the member has this name, which is not empty */
unsigned llmb_member_is(const llmb_body_member_t *m, llmb_str_t name);


#pragma GCC visibility pop


#endif /* _LLMB_MEMBERS_H_INCLUDED_ */
