
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Private to model_*.c: what all servers have in common, and the servers.
 */


#ifndef _MODEL_PARTS_H_INCLUDED_
#define _MODEL_PARTS_H_INCLUDED_


#include "model_server.h"


/* a request that is being answered */

typedef struct {
    const char       *path;
    json_t           *body;
    unsigned          options;
    uint64_t          frame;      /* of all that is no item */
    uint64_t         *seed;
} model_t;


/* aborts with a message if the condition does not hold */
void model_require(int condition, const char *what);

/* what there is to say about an item: numbers, a string, another for a salt */
uint64_t model_value(model_t *m, json_t *item, uint64_t salt);
json_t *model_vector(model_t *m, json_t *item);
json_t *model_word(model_t *m, json_t *item, uint64_t salt);

/* by place, one for each of the items */
json_t *model_vectors(model_t *m, json_t *items);

/* how many tokens are in an item, and in all */
json_int_t model_tokens(json_t *item);
json_int_t model_sum(json_t *items);

/* a member of the body, or the first of several; NULL if it is not there */
json_t *model_get(model_t *m, const char *name);
json_t *model_either(model_t *m, const char *a, const char *b, const char *c);

/* an item, or an array of items; a bare array of numbers is an item */
json_t *model_items(json_t *value);

/* elements have an index, so they may come in any order */
void model_any_order(model_t *m, json_t *list);

/* an id that depends on the whole request */
json_t *model_id(model_t *m, const char *prefix);


/* the answer to a request, format by format */

json_t *model_embeddings(model_t *m);
json_t *model_moderations(model_t *m);
json_t *model_ollama(model_t *m);
json_t *model_classify(model_t *m);
json_t *model_pooling(model_t *m);
json_t *model_llamacpp_embedding(model_t *m);
json_t *model_vertex(model_t *m);
json_t *model_cloudflare(model_t *m);
json_t *model_ranking(model_t *m);
json_t *model_tei_embed(model_t *m);
json_t *model_predict(model_t *m);
json_t *model_cohere(model_t *m);
json_t *model_gemini(model_t *m);
json_t *model_completions(model_t *m);
json_t *model_chat(model_t *m);
json_t *model_sglang(model_t *m);
json_t *model_llamacpp(model_t *m);
json_t *model_rerank(model_t *m);
json_t *model_score(model_t *m);
json_t *model_kserve(model_t *m);
json_t *model_oip(model_t *m);


#endif /* _MODEL_PARTS_H_INCLUDED_ */
