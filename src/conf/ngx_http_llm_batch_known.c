
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include "ngx_http_llm_batch.h"


ngx_http_llm_batch_known_t *
ngx_http_llm_batch_known_create(ngx_pool_t *pool)
{
    return ngx_pcalloc(pool, NGX_HTTP_LLM_BATCH_KNOWN
                             * sizeof(ngx_http_llm_batch_known_t));
}


ngx_uint_t
ngx_http_llm_batch_known(ngx_http_llm_batch_known_t *known,
    ngx_http_llm_batch_loc_conf_t *conf, ngx_uint_t hash, ngx_str_t *text,
    ngx_http_llm_batch_known_t **place)
{
    ngx_http_llm_batch_known_t  *k;

    k = &known[hash % NGX_HTTP_LLM_BATCH_KNOWN];
    *place = k;

    return k->conf == conf
           && k->hash == hash
           && k->len == text->len
           && ngx_memcmp(k->text, text->data, text->len) == 0;
}


void
ngx_http_llm_batch_known_set(ngx_http_llm_batch_known_t *place,
    ngx_http_llm_batch_loc_conf_t *conf, ngx_uint_t hash, ngx_str_t *text,
    uintptr_t found)
{
    if (text->len > NGX_HTTP_LLM_BATCH_KNOWN_TEXT) {
        return;
    }

    place->conf = conf;
    place->hash = hash;
    place->len = text->len;
    place->found = found;

    ngx_memcpy(place->text, text->data, text->len);
}
