
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include "llmb_list.h"


void
llmb_list_init(llmb_list_t *list)
{
    list->head = LLMB_NIL;
    list->tail = LLMB_NIL;
    list->n = 0;
}


void
llmb_list_push(llmb_list_t *list, llmb_link_t *links, uint32_t i)
{
    llmb_list_insert(list, links, i, LLMB_NIL);
}


void
llmb_list_push_head(llmb_list_t *list, llmb_link_t *links, uint32_t i)
{
    llmb_list_insert(list, links, i, list->head);
}


void
llmb_list_insert(llmb_list_t *list, llmb_link_t *links, uint32_t i,
    uint32_t before)
{
    uint32_t  prev;

    prev = before == LLMB_NIL ? list->tail : links[before].prev;

    links[i].prev = prev;
    links[i].next = before;
    links[i].linked = 1;

    if (prev == LLMB_NIL) {
        list->head = i;

    } else {
        links[prev].next = i;
    }

    if (before == LLMB_NIL) {
        list->tail = i;

    } else {
        links[before].prev = i;
    }

    list->n++;
}


void
llmb_list_remove(llmb_list_t *list, llmb_link_t *links, uint32_t i)
{
    if (links[i].prev == LLMB_NIL) {
        list->head = links[i].next;

    } else {
        links[links[i].prev].next = links[i].next;
    }

    if (links[i].next == LLMB_NIL) {
        list->tail = links[i].prev;

    } else {
        links[links[i].next].prev = links[i].prev;
    }

    links[i].linked = 0;
    list->n--;
}


uint32_t
llmb_list_pop(llmb_list_t *list, llmb_link_t *links)
{
    uint32_t  i;

    i = list->head;

    if (i != LLMB_NIL) {
        llmb_list_remove(list, links, i);
    }

    return i;
}
