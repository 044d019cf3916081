
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The tables of the module: directives, variables, contexts.  The rest is in
 * src/, in files that follow the life of a request; HACKING.md has a map.
 */


#include "ngx_http_llm_batch.h"


static ngx_int_t ngx_http_llm_batch_add_vars(ngx_conf_t *cf);
static ngx_int_t ngx_http_llm_batch_init(ngx_conf_t *cf);
static ngx_int_t ngx_http_llm_batch_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_llm_batch_init_process(ngx_cycle_t *cycle);
static void ngx_http_llm_batch_exit_process(ngx_cycle_t *cycle);


#define NGX_HTTP_LLM_BATCH_CONF                                               \
    (NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF)


static ngx_conf_num_bounds_t  ngx_http_llm_batch_size_bounds = {
    ngx_conf_check_num_bounds, 1, NGX_HTTP_LLM_BATCH_MAX_SIZE
};

static ngx_conf_num_bounds_t  ngx_http_llm_batch_tokens_bounds = {
    ngx_conf_check_num_bounds, 0, 1000000000
};


static ngx_command_t  ngx_http_llm_batch_commands[] = {

    { ngx_string("llm_batch_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_llm_batch_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("llm_batch_format"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_http_llm_batch_format,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("llm_batch_models"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_llm_batch_models,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("llm_batch_secret"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_llm_batch_secret,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("llm_batch"),
      NGX_HTTP_LLM_BATCH_CONF|NGX_HTTP_LIF_CONF|NGX_CONF_TAKE12,
      ngx_http_llm_batch,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("llm_batch_mode"),
      NGX_HTTP_LLM_BATCH_CONF|NGX_CONF_TAKE1,
      ngx_http_llm_batch_mode,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("llm_batch_adapter"),
      NGX_HTTP_LLM_BATCH_CONF|NGX_CONF_1MORE,
      ngx_http_llm_batch_adapter,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("llm_batch_group"),
      NGX_HTTP_LLM_BATCH_CONF|NGX_CONF_TAKE1,
      ngx_http_llm_batch_value,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_llm_batch_loc_conf_t, group),
      NULL },

    { ngx_string("llm_batch_tenant"),
      NGX_HTTP_LLM_BATCH_CONF|NGX_CONF_TAKE1,
      ngx_http_llm_batch_value,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_llm_batch_loc_conf_t, tenant),
      NULL },

    { ngx_string("llm_batch_ignore_members"),
      NGX_HTTP_LLM_BATCH_CONF|NGX_CONF_1MORE,
      ngx_http_llm_batch_ignore_members,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("llm_batch_credentials"),
      NGX_HTTP_LLM_BATCH_CONF|NGX_CONF_1MORE,
      ngx_http_llm_batch_credential_names,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("llm_batch_vary"),
      NGX_HTTP_LLM_BATCH_CONF|NGX_CONF_1MORE,
      ngx_http_llm_batch_vary,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("llm_batch_ignore_headers"),
      NGX_HTTP_LLM_BATCH_CONF|NGX_CONF_1MORE,
      ngx_http_llm_batch_ignore_headers,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("llm_batch_task"),
      NGX_HTTP_LLM_BATCH_CONF|NGX_CONF_TAKE1,
      ngx_http_llm_batch_value,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_llm_batch_loc_conf_t, task),
      NULL },

    { ngx_string("llm_batch_eligible_tasks"),
      NGX_HTTP_LLM_BATCH_CONF|NGX_CONF_1MORE,
      ngx_http_llm_batch_eligible_tasks,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("llm_batch_latency_budget"),
      NGX_HTTP_LLM_BATCH_CONF|NGX_CONF_TAKE1,
      ngx_http_llm_batch_scaled,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_llm_batch_loc_conf_t, budget),
      &ngx_http_llm_batch_budget_scale },

    { ngx_string("llm_batch_latency_threshold"),
      NGX_HTTP_LLM_BATCH_CONF|NGX_CONF_TAKE1,
      ngx_http_llm_batch_time,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_llm_batch_loc_conf_t, threshold),
      NULL },

    { ngx_string("llm_batch_latency_tolerance"),
      NGX_HTTP_LLM_BATCH_CONF|NGX_CONF_TAKE1,
      ngx_http_llm_batch_scaled,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_llm_batch_loc_conf_t, tolerance),
      &ngx_http_llm_batch_tolerance_scale },

    { ngx_string("llm_batch_priority"),
      NGX_HTTP_LLM_BATCH_CONF|NGX_CONF_TAKE1,
      ngx_http_llm_batch_scaled,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_llm_batch_loc_conf_t, priority),
      &ngx_http_llm_batch_priority_scale },

    { ngx_string("llm_batch_min_size"),
      NGX_HTTP_LLM_BATCH_CONF|NGX_CONF_TAKE1,
      ngx_http_llm_batch_number,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_llm_batch_loc_conf_t, min_size),
      &ngx_http_llm_batch_size_bounds },

    { ngx_string("llm_batch_max_size"),
      NGX_HTTP_LLM_BATCH_CONF|NGX_CONF_TAKE1,
      ngx_http_llm_batch_number,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_llm_batch_loc_conf_t, max_size),
      &ngx_http_llm_batch_size_bounds },

    { ngx_string("llm_batch_max_tokens"),
      NGX_HTTP_LLM_BATCH_CONF|NGX_CONF_TAKE1,
      ngx_http_llm_batch_number,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_llm_batch_loc_conf_t, max_tokens),
      &ngx_http_llm_batch_tokens_bounds },

    { ngx_string("llm_batch_max_body"),
      NGX_HTTP_LLM_BATCH_CONF|NGX_CONF_TAKE1,
      ngx_http_llm_batch_size,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_llm_batch_loc_conf_t, max_body),
      NULL },

    { ngx_string("llm_batch_max_response"),
      NGX_HTTP_LLM_BATCH_CONF|NGX_CONF_TAKE1,
      ngx_http_llm_batch_size,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_llm_batch_loc_conf_t, max_response),
      NULL },

    { ngx_string("llm_batch_max_wait"),
      NGX_HTTP_LLM_BATCH_CONF|NGX_CONF_TAKE1,
      ngx_http_llm_batch_time,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_llm_batch_loc_conf_t, max_wait),
      NULL },

    { ngx_string("llm_batch_patience"),
      NGX_HTTP_LLM_BATCH_CONF|NGX_CONF_TAKE12,
      ngx_http_llm_batch_patience,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("llm_batch_window"),
      NGX_HTTP_LLM_BATCH_CONF|NGX_CONF_TAKE1,
      ngx_http_llm_batch_window,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("llm_batch_concurrency"),
      NGX_HTTP_LLM_BATCH_CONF|NGX_CONF_TAKE12,
      ngx_http_llm_batch_concurrency,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("llm_batch_split"),
      NGX_HTTP_LLM_BATCH_CONF|NGX_CONF_TAKE12,
      ngx_http_llm_batch_split,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("llm_batch_dedup"),
      NGX_HTTP_LLM_BATCH_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_llm_batch_loc_conf_t, dedup),
      NULL },

    { ngx_string("llm_batch_repair_encoding"),
      NGX_HTTP_LLM_BATCH_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_llm_batch_loc_conf_t, repair_encoding),
      NULL },

    { ngx_string("llm_batch_fallback"),
      NGX_HTTP_LLM_BATCH_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_llm_batch_loc_conf_t, fallback),
      NULL },

    { ngx_string("llm_batch_fallback_limit"),
      NGX_HTTP_LLM_BATCH_CONF|NGX_CONF_TAKE1,
      ngx_http_llm_batch_percent,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("llm_batch_breaker"),
      NGX_HTTP_LLM_BATCH_CONF|NGX_CONF_TAKE12,
      ngx_http_llm_batch_breaker,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("llm_batch_headers"),
      NGX_HTTP_LLM_BATCH_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_llm_batch_loc_conf_t, headers),
      NULL },

    { ngx_string("llm_batch_status"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_http_llm_batch_status,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_llm_batch_module_ctx = {
    ngx_http_llm_batch_add_vars,           /* preconfiguration */
    ngx_http_llm_batch_init,               /* postconfiguration */

    ngx_http_llm_batch_create_main_conf,   /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_llm_batch_create_loc_conf,    /* create location configuration */
    ngx_http_llm_batch_merge_loc_conf      /* merge location configuration */
};


ngx_module_t  ngx_http_llm_batch_module = {
    NGX_MODULE_V1,
    &ngx_http_llm_batch_module_ctx,        /* module context */
    ngx_http_llm_batch_commands,           /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_http_llm_batch_init_module,        /* init module */
    ngx_http_llm_batch_init_process,       /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_llm_batch_exit_process,       /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_http_variable_t  ngx_http_llm_batch_vars[] = {

    { ngx_string("llm_batch_status"), NULL, ngx_http_llm_batch_variable_word,
      NGX_HTTP_LLM_BATCH_VAR_STATUS, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("llm_batch_reason"), NULL, ngx_http_llm_batch_variable_word,
      NGX_HTTP_LLM_BATCH_VAR_REASON, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("llm_batch_close"), NULL, ngx_http_llm_batch_variable_word,
      NGX_HTTP_LLM_BATCH_VAR_CLOSE, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("llm_batch_adapter"), NULL, ngx_http_llm_batch_variable_word,
      NGX_HTTP_LLM_BATCH_VAR_ADAPTER, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("llm_batch_provider"), NULL, ngx_http_llm_batch_variable_word,
      NGX_HTTP_LLM_BATCH_VAR_PROVIDER, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("llm_batch_operation"), NULL,
      ngx_http_llm_batch_variable_word,
      NGX_HTTP_LLM_BATCH_VAR_OPERATION, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("llm_batch_mode"), NULL, ngx_http_llm_batch_variable_word,
      NGX_HTTP_LLM_BATCH_VAR_MODE, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("llm_batch_group"), NULL, ngx_http_llm_batch_variable_string,
      NGX_HTTP_LLM_BATCH_VAR_GROUP, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("llm_batch_model"), NULL, ngx_http_llm_batch_variable_string,
      NGX_HTTP_LLM_BATCH_VAR_MODEL, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("llm_batch_task"), NULL, ngx_http_llm_batch_variable_string,
      NGX_HTTP_LLM_BATCH_VAR_TASK, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("llm_batch_key"), NULL, ngx_http_llm_batch_variable_key,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("llm_batch_prefix"), NULL, ngx_http_llm_batch_variable_prefix,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("llm_batch_tier"), NULL, ngx_http_llm_batch_variable_tier,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("llm_batch_id"), NULL, ngx_http_llm_batch_variable_string,
      NGX_HTTP_LLM_BATCH_VAR_ID, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("llm_batch_size"), NULL, ngx_http_llm_batch_variable_number,
      NGX_HTTP_LLM_BATCH_VAR_SIZE, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("llm_batch_index"), NULL, ngx_http_llm_batch_variable_number,
      NGX_HTTP_LLM_BATCH_VAR_INDEX, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("llm_batch_tokens"), NULL, ngx_http_llm_batch_variable_number,
      NGX_HTTP_LLM_BATCH_VAR_TOKENS, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("llm_batch_output_tokens"), NULL,
      ngx_http_llm_batch_variable_number,
      NGX_HTTP_LLM_BATCH_VAR_OUTPUT, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("llm_batch_cached_tokens"), NULL,
      ngx_http_llm_batch_variable_number,
      NGX_HTTP_LLM_BATCH_VAR_CACHED, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("llm_batch_cost"), NULL, ngx_http_llm_batch_variable_money,
      NGX_HTTP_LLM_BATCH_VAR_COST, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("llm_batch_saved"), NULL, ngx_http_llm_batch_variable_money,
      NGX_HTTP_LLM_BATCH_VAR_SAVED, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("llm_batch_wait"), NULL, ngx_http_llm_batch_variable_time,
      NGX_HTTP_LLM_BATCH_VAR_WAIT, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("llm_batch_upstream_time"), NULL,
      ngx_http_llm_batch_variable_time,
      NGX_HTTP_LLM_BATCH_VAR_UPSTREAM, NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


static ngx_int_t
ngx_http_llm_batch_add_vars(ngx_conf_t *cf)
{
    return ngx_http_llm_batch_add_variables(cf, ngx_http_llm_batch_vars);
}


static ngx_int_t
ngx_http_llm_batch_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt             *h;
    ngx_http_core_main_conf_t       *cmcf;
    ngx_http_llm_batch_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_llm_batch_module);

    if (!mcf->used) {
        return NGX_OK;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PRECONTENT_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_llm_batch_handler;

    if (ngx_http_llm_batch_headers_init(cf, &mcf->neutral) != NGX_OK
        || ngx_http_llm_batch_find_passing(cf, &mcf->passing) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_llm_batch_capture_init(cf);
}


/*
 * In the master process, also for a mere test of the configuration.  An error
 * would end it: by now the old configuration is given up.
 */

static ngx_int_t
ngx_http_llm_batch_init_module(ngx_cycle_t *cycle)
{
    ngx_uint_t                        i;
    ngx_http_llm_batch_zone_t       **zones;
    ngx_http_llm_batch_main_conf_t   *mcf;

    mcf = ngx_http_cycle_get_module_main_conf(cycle,
                                              ngx_http_llm_batch_module);

    if (mcf == NULL || mcf->zones.nelts == 0 || ngx_test_config) {
        return NGX_OK;
    }

    zones = mcf->zones.elts;

    for (i = 0; i < mcf->zones.nelts; i++) {
        ngx_http_llm_batch_actions_init(zones[i]);
    }

    ngx_http_llm_batch_ipc_create(cycle, mcf);

    return ngx_http_llm_batch_sort_variables(cycle, mcf);
}


/*
 * An error would not be tried again: nginx takes a worker that fails to start
 * for hopeless.  Without batching it still serves.
 */

static ngx_int_t
ngx_http_llm_batch_init_process(ngx_cycle_t *cycle)
{
    ngx_uint_t                        i;
    ngx_http_llm_batch_zone_t       **zones;
    ngx_http_llm_batch_main_conf_t   *mcf;

    mcf = ngx_http_cycle_get_module_main_conf(cycle,
                                              ngx_http_llm_batch_module);

    if (mcf == NULL || mcf->zones.nelts == 0
        || (ngx_process != NGX_PROCESS_WORKER
            && ngx_process != NGX_PROCESS_SINGLE))
    {
        return NGX_OK;
    }

    zones = mcf->zones.elts;

    if (ngx_http_llm_batch_ipc_open(cycle, mcf) != NGX_OK) {
        goto failed;
    }

    for (i = 0; i < mcf->zones.nelts; i++) {
        if (ngx_http_llm_batch_zone_attach(zones[i], cycle) != NGX_OK) {
            goto failed;
        }
    }

    return NGX_OK;

failed:

    ngx_log_error(NGX_LOG_ERR, cycle->log, 0,
                  "llm batch is off in this worker: out of resources");

    return NGX_OK;
}


static void
ngx_http_llm_batch_exit_process(ngx_cycle_t *cycle)
{
    ngx_uint_t                        i;
    ngx_http_llm_batch_zone_t       **zones;
    ngx_http_llm_batch_main_conf_t   *mcf;

    mcf = ngx_http_cycle_get_module_main_conf(cycle,
                                              ngx_http_llm_batch_module);

    if (mcf == NULL) {
        return;
    }

    zones = mcf->zones.elts;

    for (i = 0; i < mcf->zones.nelts; i++) {
        ngx_http_llm_batch_zone_detach(zones[i]);
    }
}
