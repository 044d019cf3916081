
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What the catalogue of models is used for: limits, and what requests cost.
 */


#ifndef _NGX_HTTP_LLM_BATCH_COST_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_COST_H_INCLUDED_


/* finds the model of a request in the catalogue; none is fine, too */
void ngx_http_llm_batch_find_model(ngx_http_llm_batch_ctx_t *ctx);

/* whether the model takes each item of the request, which was read */
ngx_uint_t ngx_http_llm_batch_model_takes(ngx_http_llm_batch_ctx_t *ctx);

/* narrows the limits of a call to those of its model */
void ngx_http_llm_batch_limit_policy(const llmb_model_t *model,
    llmb_policy_t *policy);

/* sets cost and savings of a member whose part of the answer is known */
void ngx_http_llm_batch_price(ngx_http_llm_batch_call_t *call,
    llmb_share_t *share, llmb_result_t *result);

/* sets the cost of a request, unless its calls have, and counts it */
void ngx_http_llm_batch_charge(ngx_http_llm_batch_ctx_t *ctx);


#endif /* _NGX_HTTP_LLM_BATCH_COST_H_INCLUDED_ */
