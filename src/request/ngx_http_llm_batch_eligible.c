
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Who may be held, and for how long.  What clients say is advice: a value
 * that makes no sense is as none, so nobody is turned away for it.
 */


#include "ngx_http_llm_batch.h"


static ngx_int_t ngx_http_llm_batch_parse_budget(ngx_str_t *value,
    uint32_t *number);
static ngx_int_t ngx_http_llm_batch_parse_tolerance(ngx_str_t *value,
    uint32_t *number);
static ngx_int_t ngx_http_llm_batch_parse_priority(ngx_str_t *value,
    uint32_t *number);
static ngx_int_t ngx_http_llm_batch_inherit(ngx_conf_t *cf,
    ngx_http_complex_value_t *prev, ngx_http_complex_value_t **conf,
    ngx_uint_t i);
static ngx_uint_t ngx_http_llm_batch_is_variable(ngx_conf_t *cf,
    ngx_str_t *name);
static ngx_int_t ngx_http_llm_batch_ask(ngx_http_llm_batch_ctx_t *ctx,
    ngx_http_complex_value_t *cv, ngx_str_t *value);
static ngx_uint_t ngx_http_llm_batch_is_eligible_task(
    ngx_http_llm_batch_ctx_t *ctx);
static ngx_int_t ngx_http_llm_batch_scale(ngx_http_llm_batch_ctx_t *ctx,
    ngx_http_complex_value_t *cv, ngx_http_llm_batch_scale_t *scale,
    uint32_t *number);
static int64_t ngx_http_llm_batch_passed(ngx_http_request_t *r);


ngx_http_llm_batch_scale_t  ngx_http_llm_batch_budget_scale = {
    "latency budget",
    "a time",
    ngx_http_llm_batch_parse_budget,
    0
};

ngx_http_llm_batch_scale_t  ngx_http_llm_batch_tolerance_scale = {
    "latency tolerance",
    "\"low\", \"medium\" or \"high\"",
    ngx_http_llm_batch_parse_tolerance,
    100
};

ngx_http_llm_batch_scale_t  ngx_http_llm_batch_priority_scale = {
    "priority",
    "a number from 0 to 9",
    ngx_http_llm_batch_parse_priority,
    5
};


/* a bare number, which elsewhere in nginx is seconds, is milliseconds */

static ngx_int_t
ngx_http_llm_batch_parse_budget(ngx_str_t *value, uint32_t *number)
{
    ngx_int_t  ms;

    ms = ngx_atoi(value->data, value->len);

    if (ms == NGX_ERROR) {

        /* without a unit behind it, a last part would be seconds */

        if (value->len == 0 || value->data[value->len - 1] <= '9') {
            return NGX_ERROR;
        }

        ms = ngx_parse_time(value, 0);

        if (ms == NGX_ERROR) {
            return NGX_ERROR;
        }
    }

    /* "0" is the shortest budget, not none */

    ms = ngx_max(ms, 1);
    *number = (uint32_t) ngx_min(ms, NGX_MAX_INT32_VALUE);

    return NGX_OK;
}


static ngx_int_t
ngx_http_llm_batch_parse_tolerance(ngx_str_t *value, uint32_t *number)
{
    ngx_uint_t  i;

    static ngx_conf_enum_t  words[] = {
        { ngx_string("low"), 0 },
        { ngx_string("medium"), 50 },
        { ngx_string("high"), 100 },
        { ngx_null_string, 0 }
    };

    for (i = 0; words[i].name.len; i++) {
        if (value->len == words[i].name.len
            && ngx_strncasecmp(value->data, words[i].name.data, value->len)
               == 0)
        {
            *number = words[i].value;
            return NGX_OK;
        }
    }

    return NGX_ERROR;
}


static ngx_int_t
ngx_http_llm_batch_parse_priority(ngx_str_t *value, uint32_t *number)
{
    if (value->len != 1 || value->data[0] < '0' || value->data[0] > '9') {
        return NGX_ERROR;
    }

    *number = value->data[0] - '0';

    return NGX_OK;
}


char *
ngx_http_llm_batch_scaled(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char  *p = conf;

    char                         *rv;
    uint32_t                      number;
    ngx_http_complex_value_t     *cv;
    ngx_http_llm_batch_scale_t   *scale = cmd->post;

    rv = ngx_http_llm_batch_value(cf, cmd, conf);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    cv = *(ngx_http_complex_value_t **) (p + cmd->offset);

    if (cv == NULL || cv->lengths
        || scale->parse(&cv->value, &number) == NGX_OK)
    {
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid value \"%V\" in \"%V\" directive, %s expected",
                       &cv->value, &cmd->name, scale->expected);

    return NGX_CONF_ERROR;
}


char *
ngx_http_llm_batch_eligible_tasks(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_str_t                      *value, *names;
    ngx_uint_t                      i, k;
    ngx_http_llm_batch_loc_conf_t  *lcf = conf;

    if (lcf->tasks != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2
        && (ngx_strcmp(value[1].data, "any") == 0
            || ngx_strcmp(value[1].data, "off") == 0))
    {
        lcf->tasks = NULL;
        return NGX_CONF_OK;
    }

    lcf->tasks = ngx_array_create(cf->pool, cf->args->nelts - 1,
                                  sizeof(ngx_str_t));
    if (lcf->tasks == NULL) {
        return NGX_CONF_ERROR;
    }

    names = lcf->tasks->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        /* words that do not mean what they seem to: there are no variables */

        if (value[i].len == 0
            || ngx_strchr(value[i].data, '$')
            || ngx_strcmp(value[i].data, "any") == 0
            || ngx_strcmp(value[i].data, "off") == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid task \"%V\" in \"%V\" directive, "
                               "\"any\" or names expected",
                               &value[i], &cmd->name);
            return NGX_CONF_ERROR;
        }

        for (k = 0; k < lcf->tasks->nelts; k++) {
            if (ngx_strcmp(names[k].data, value[i].data) == 0) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "duplicate task \"%V\" in \"%V\" directive",
                                   &value[i], &cmd->name);
                return NGX_CONF_ERROR;
            }
        }

        /* there is room for all */

        names[lcf->tasks->nelts++] = value[i];
    }

    return NGX_CONF_OK;
}


char *
ngx_http_llm_batch_merge_eligible(ngx_conf_t *cf,
    ngx_http_llm_batch_loc_conf_t *prev, ngx_http_llm_batch_loc_conf_t *conf)
{
    ngx_conf_merge_ptr_value(conf->tasks, prev->tasks, NULL);
    ngx_conf_merge_msec_value(conf->threshold, prev->threshold, 200);

    if (conf->zone == NULL) {

        /* nobody asks for values here, but maybe further down */

        ngx_conf_merge_ptr_value(conf->task, prev->task, NGX_CONF_UNSET_PTR);
        ngx_conf_merge_ptr_value(conf->budget, prev->budget,
                                 NGX_CONF_UNSET_PTR);
        ngx_conf_merge_ptr_value(conf->tolerance, prev->tolerance,
                                 NGX_CONF_UNSET_PTR);
        ngx_conf_merge_ptr_value(conf->priority, prev->priority,
                                 NGX_CONF_UNSET_PTR);
        return NGX_CONF_OK;
    }

    if (ngx_http_llm_batch_inherit(cf, prev->task, &conf->task, 0) != NGX_OK
        || ngx_http_llm_batch_inherit(cf, prev->budget, &conf->budget, 1)
           != NGX_OK
        || ngx_http_llm_batch_inherit(cf, prev->tolerance, &conf->tolerance, 2)
           != NGX_OK
        || ngx_http_llm_batch_inherit(cf, prev->priority, &conf->priority, 3)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* the default is compiled once */

static ngx_int_t
ngx_http_llm_batch_inherit(ngx_conf_t *cf, ngx_http_complex_value_t *prev,
    ngx_http_complex_value_t **conf, ngx_uint_t i)
{
    ngx_str_t                        value, name;
    ngx_http_llm_batch_main_conf_t  *mcf;

    static ngx_str_t  advice[NGX_HTTP_LLM_BATCH_ADVICE] = {
        ngx_string("$http_x_llm_task"),
        ngx_string("$http_x_llm_latency_budget_ms"),
        ngx_string("$http_x_llm_latency_tolerance"),
        ngx_string("$http_x_llm_priority")
    };

    ngx_conf_merge_ptr_value(*conf, prev, NGX_CONF_UNSET_PTR);

    if (*conf != NGX_CONF_UNSET_PTR) {
        return NGX_OK;
    }

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_llm_batch_module);

    if (mcf->advice[i]) {
        *conf = mcf->advice[i];
        return NGX_OK;
    }

    value = advice[i];
    *conf = ngx_http_llm_batch_compile(cf, &value);

    if (*conf == NULL) {
        return NGX_ERROR;
    }

    name.data = advice[i].data + 1;
    name.len = advice[i].len - 1;

    if (!ngx_http_llm_batch_is_variable(cf, &name)) {
        mcf->advice[i] = *conf;
    }

    return NGX_OK;
}


/* whether a "map" or so makes a variable of this name, which is no header */

static ngx_uint_t
ngx_http_llm_batch_is_variable(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_uint_t                  i;
    ngx_hash_key_t             *key;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    key = cmcf->variables_keys->keys.elts;

    for (i = 0; i < cmcf->variables_keys->keys.nelts; i++) {
        if (key[i].key.len == name->len
            && ngx_strncmp(key[i].key.data, name->data, name->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_http_llm_batch_set_task(ngx_http_llm_batch_ctx_t *ctx)
{
    ngx_str_t  value;

    if (ctx->tasked || ctx->conf->task == NULL) {
        return NGX_OK;
    }

    /* now, since the value may be made of the task itself */

    ctx->tasked = 1;

    if (ngx_http_llm_batch_ask(ctx, ctx->conf->task, &value) != NGX_OK) {
        return NGX_ERROR;
    }

    ctx->task = value;

    return NGX_OK;
}


llmb_reason_e
ngx_http_llm_batch_eligible(ngx_http_llm_batch_ctx_t *ctx)
{
    uint32_t                        tolerance, priority;
    uint64_t                        wait;
    ngx_http_llm_batch_loc_conf_t  *conf;

    conf = ctx->conf;

    if (!ngx_http_llm_batch_is_eligible_task(ctx)) {
        ngx_log_debug1(NGX_LOG_DEBUG_HTTP, ctx->request->connection->log, 0,
                       "llm batch task is not eligible: \"%V\"", &ctx->task);
        return LLMB_REASON_TASK;
    }

    if (ngx_http_llm_batch_scale(ctx, conf->budget,
                                 &ngx_http_llm_batch_budget_scale,
                                 &ctx->budget)
        != NGX_OK
        || ngx_http_llm_batch_scale(ctx, conf->tolerance,
                                    &ngx_http_llm_batch_tolerance_scale,
                                    &tolerance)
           != NGX_OK
        || ngx_http_llm_batch_scale(ctx, conf->priority,
                                    &ngx_http_llm_batch_priority_scale,
                                    &priority)
           != NGX_OK)
    {
        return LLMB_REASON_INTERNAL;
    }

    if (ctx->budget && ctx->budget < conf->threshold) {
        ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ctx->request->connection->log, 0,
                       "llm batch budget of %uD ms is below %M ms",
                       ctx->budget, conf->threshold);
        return LLMB_REASON_BUDGET;
    }

    wait = (uint64_t) conf->max_wait * tolerance / 100;

    ctx->wait = (uint32_t) ngx_min(wait, NGX_MAX_INT32_VALUE);
    ctx->tolerance = (uint8_t) tolerance;
    ctx->priority = (uint8_t) priority;

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, ctx->request->connection->log, 0,
                   "llm batch task:\"%V\" budget:%uD wait:%uD priority:%uD",
                   &ctx->task, ctx->budget, ctx->wait, priority);

    return LLMB_REASON_NONE;
}


static ngx_uint_t
ngx_http_llm_batch_is_eligible_task(ngx_http_llm_batch_ctx_t *ctx)
{
    ngx_str_t   *name;
    ngx_uint_t   i;

    if (ctx->conf->tasks == NULL) {
        return 1;
    }

    name = ctx->conf->tasks->elts;

    for (i = 0; i < ctx->conf->tasks->nelts; i++) {
        if (name[i].len == ctx->task.len
            && ngx_memcmp(name[i].data, ctx->task.data, ctx->task.len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_llm_batch_scale(ngx_http_llm_batch_ctx_t *ctx,
    ngx_http_complex_value_t *cv, ngx_http_llm_batch_scale_t *scale,
    uint32_t *number)
{
    ngx_str_t  value;

    *number = scale->number;

    if (cv == NULL) {
        return NGX_OK;
    }

    if (ngx_http_llm_batch_ask(ctx, cv, &value) != NGX_OK) {
        return NGX_ERROR;
    }

    if (value.len && scale->parse(&value, number) != NGX_OK) {
        ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ctx->request->connection->log, 0,
                       "llm batch ignores %s: \"%V\"", scale->name, &value);
    }

    return NGX_OK;
}


/* a value that is that of a header needs no look if there is none of these */

static ngx_int_t
ngx_http_llm_batch_ask(ngx_http_llm_batch_ctx_t *ctx,
    ngx_http_complex_value_t *cv, ngx_str_t *value)
{
    ngx_uint_t  i;

    for (i = 0; ctx->unadvised && i < NGX_HTTP_LLM_BATCH_ADVICE; i++) {

        if (cv == ctx->zone->mcf->advice[i]) {
            ngx_str_null(value);
            return NGX_OK;
        }
    }

    return ngx_http_llm_batch_evaluate(ctx->request, cv, value);
}


uint32_t
ngx_http_llm_batch_budget_left(ngx_http_llm_batch_ctx_t *ctx)
{
    int64_t  left;

    if (ctx->budget == 0) {
        return 0;
    }

    left = (int64_t) ctx->budget - ngx_http_llm_batch_passed(ctx->request);
    left = ngx_max(left, 1);

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, ctx->request->connection->log, 0,
                   "llm batch budget left: %L", left);

    return (uint32_t) left;
}


ngx_uint_t
ngx_http_llm_batch_budget_missed(ngx_http_llm_batch_ctx_t *ctx)
{
    return ctx->budget
           && ngx_http_llm_batch_passed(ctx->request) > (int64_t) ctx->budget;
}


/* ms, as $request_time, by a clock that may have been set back */

static int64_t
ngx_http_llm_batch_passed(ngx_http_request_t *r)
{
    int64_t      passed;
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    passed = (int64_t) (tp->sec - r->start_sec) * 1000
             + ((int64_t) tp->msec - (int64_t) r->start_msec);

    return ngx_max(passed, 0);
}
