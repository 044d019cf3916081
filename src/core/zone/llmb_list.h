
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Lists of records that are addressed by index.
 */


#ifndef _LLMB_LIST_H_INCLUDED_
#define _LLMB_LIST_H_INCLUDED_


#include "llmb.h"


#pragma GCC visibility push(hidden)


#define LLMB_NIL  0xffffffff      /* no index */


typedef struct {
    uint32_t         prev;
    uint32_t         next;
    uint32_t         linked;
} llmb_link_t;


/* the links are in an array beside the records, and belong to one list */

typedef struct {
    uint32_t         head;
    uint32_t         tail;
    uint32_t         n;
} llmb_list_t;


/* chunks of text: each tells the next one; nothing, if n is 0 */

typedef struct {
    uint32_t         first;
    uint32_t         last;
    uint32_t         n;
} llmb_chain_t;


void llmb_list_init(llmb_list_t *list);
void llmb_list_push(llmb_list_t *list, llmb_link_t *links, uint32_t i);
void llmb_list_push_head(llmb_list_t *list, llmb_link_t *links, uint32_t i);
void llmb_list_insert(llmb_list_t *list, llmb_link_t *links, uint32_t i,
    uint32_t before);
void llmb_list_remove(llmb_list_t *list, llmb_link_t *links, uint32_t i);
uint32_t llmb_list_pop(llmb_list_t *list, llmb_link_t *links);


#pragma GCC visibility pop


#endif /* _LLMB_LIST_H_INCLUDED_ */
