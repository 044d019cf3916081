
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * A call whose answer is cut, and what has to be true of the pieces.
 */


#ifndef _SPLIT_CHECK_H_INCLUDED_
#define _SPLIT_CHECK_H_INCLUDED_


#include <string.h>

#include "adapters/llmb_adapters.h"
#include "buffer.h"
#include "llmb_counts.h"
#include "llmb_split.h"
#include "llmb_split_write.h"
#include "oracle.h"


#define CALL_ITEMS  16


typedef struct {
    llmb_split_conf_t   conf;
    llmb_split_t        split;
    void               *room;
    llmb_str_t          answer;

    llmb_item_t         unique[CALL_ITEMS];
    uint32_t            own;          /* items of all members */
    llmb_share_t        shares[CALL_ITEMS];
    uint32_t            members;
    json_t             *whole;        /* or NULL */
} call_t;


call_t *call_create(const uint8_t *header);
void call_start(call_t *c);
void call_destroy(call_t *c);

/* where an item of a member was sent */
uint32_t call_position(const call_t *c, uint32_t k, uint32_t item);

void check_spans(const call_t *c);
void check_members(call_t *c);
void check_joint(call_t *c);

/* the value at the end of a path, or NULL; and what it is in, with its name */
json_t *json_at(json_t *root, llmb_str_t path);
json_t *json_around(json_t *root, llmb_str_t path, char *name);

/* the path of the list in this answer */
llmb_str_t list_path(const llmb_form_t *form, json_t *root);

/* has the lists of two kinds of servers; then members are not compared here */
unsigned has_both(const llmb_form_t *form, json_t *root);

/* without what is different for each member */
json_t *check_frame(const call_t *c, json_t *root);


#endif /* _SPLIT_CHECK_H_INCLUDED_ */
