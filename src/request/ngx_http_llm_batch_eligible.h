
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What a request says of itself, in headers or by other values of the
 * location: its task, how long it can wait, how much it matters; and whether
 * it may be held at all.
 */


#ifndef _NGX_HTTP_LLM_BATCH_ELIGIBLE_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_ELIGIBLE_H_INCLUDED_


/*
 * A value that is a word or a number.  parse() may write to *number only if it
 * returns NGX_OK.
 */

typedef struct {
    char            *name;
    char            *expected;    /* for messages */
    ngx_int_t      (*parse)(ngx_str_t *value, uint32_t *number);
    uint32_t         number;      /* without a value, or with an unknown one */
} ngx_http_llm_batch_scale_t;


/* milliseconds, 0 if there is none; percent of the longest hold; 0 to 9 */

extern ngx_http_llm_batch_scale_t  ngx_http_llm_batch_budget_scale;
extern ngx_http_llm_batch_scale_t  ngx_http_llm_batch_tolerance_scale;
extern ngx_http_llm_batch_scale_t  ngx_http_llm_batch_priority_scale;


/*
 * Setters.  scaled() takes a value with variables, or a constant that
 * cmd->post, its ngx_http_llm_batch_scale_t, can parse.
 */
char *ngx_http_llm_batch_scaled(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_llm_batch_eligible_tasks(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* inherits the values of these directives */
char *ngx_http_llm_batch_merge_eligible(ngx_conf_t *cf,
    ngx_http_llm_batch_loc_conf_t *prev, ngx_http_llm_batch_loc_conf_t *conf);


/*
 * Finds out the task of the request, once, and not before the model is known,
 * of which it may be made.
 */
ngx_int_t ngx_http_llm_batch_set_task(ngx_http_llm_batch_ctx_t *ctx);

/*
 * Sets budget, wait and priority of the request, whose task is set.
 * LLMB_REASON_NONE, or why it must not be held: then they may be unset.
 */
llmb_reason_e ngx_http_llm_batch_eligible(ngx_http_llm_batch_ctx_t *ctx);

/* ms that are left of the budget, at least 1; 0 if the request has none */
uint32_t ngx_http_llm_batch_budget_left(ngx_http_llm_batch_ctx_t *ctx);

/* more time has passed than there was */
ngx_uint_t ngx_http_llm_batch_budget_missed(ngx_http_llm_batch_ctx_t *ctx);


#endif /* _NGX_HTTP_LLM_BATCH_ELIGIBLE_H_INCLUDED_ */
