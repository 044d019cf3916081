
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What a location is configured to do: defaults, and how they are inherited.
 */


#include "ngx_http_llm_batch.h"


static char *ngx_http_llm_batch_check_ignored(ngx_conf_t *cf,
    ngx_http_llm_batch_loc_conf_t *conf);
static char *ngx_http_llm_batch_check_members(ngx_conf_t *cf,
    ngx_http_llm_batch_main_conf_t *mcf, ngx_http_llm_batch_loc_conf_t *conf);
static char *ngx_http_llm_batch_set_compared(ngx_conf_t *cf,
    ngx_http_llm_batch_loc_conf_t *conf);
static char *ngx_http_llm_batch_set_place(ngx_conf_t *cf,
    ngx_http_llm_batch_main_conf_t *mcf, ngx_http_llm_batch_loc_conf_t *conf);


void *
ngx_http_llm_batch_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_llm_batch_main_conf_t  *mcf;

    mcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_llm_batch_main_conf_t));
    if (mcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&mcf->zones, cf->pool, 2,
                       sizeof(ngx_http_llm_batch_zone_t *))
        != NGX_OK
        || ngx_array_init(&mcf->formats, cf->pool, 2,
                          sizeof(const llmb_adapter_t *))
           != NGX_OK
        || ngx_array_init(&mcf->models, cf->pool, 16, sizeof(llmb_model_t))
           != NGX_OK
        || ngx_array_init(&mcf->locations, cf->pool, 8,
                          sizeof(ngx_http_llm_batch_loc_conf_t *))
           != NGX_OK
        || ngx_array_init(&mcf->fds, cf->pool, 8, sizeof(ngx_socket_t))
           != NGX_OK
        || ngx_array_init(&mcf->variables, cf->pool, 32, sizeof(ngx_uint_t))
           != NGX_OK
        || ngx_array_init(&mcf->connection, cf->pool, 4, sizeof(ngx_uint_t))
           != NGX_OK
        || ngx_array_init(&mcf->identity, cf->pool, 4, sizeof(ngx_uint_t))
           != NGX_OK
        || ngx_array_init(&mcf->lent, cf->pool, 4, sizeof(ngx_uint_t))
           != NGX_OK
        || ngx_array_init(&mcf->own, cf->pool, 4, sizeof(ngx_uint_t))
           != NGX_OK)
    {
        return NULL;
    }

    mcf->headers = ngx_http_llm_batch_known_create(cf->pool);
    mcf->paths = ngx_http_llm_batch_known_create(cf->pool);

    mcf->frames = ngx_pcalloc(cf->pool, NGX_HTTP_LLM_BATCH_FRAMES
                                        * sizeof(llmb_frame_memo_t));

    if (mcf->headers == NULL || mcf->paths == NULL || mcf->frames == NULL) {
        return NULL;
    }

    return mcf;
}


void *
ngx_http_llm_batch_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_llm_batch_loc_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_llm_batch_loc_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     conf->adapters = 0;
     *     conf->id = 0;
     *     conf->interval = 0;
     *     conf->compared = NULL;
     */

    conf->zone = NGX_CONF_UNSET_PTR;
    conf->dry_run = NGX_CONF_UNSET_UINT;
    conf->mode = NGX_CONF_UNSET_PTR;
    conf->group = NGX_CONF_UNSET_PTR;
    conf->tenant = NGX_CONF_UNSET_PTR;
    conf->vary = NGX_CONF_UNSET_PTR;
    conf->ignore = NGX_CONF_UNSET_PTR;
    conf->credentials = NGX_CONF_UNSET_PTR;
    conf->ignore_members = NGX_CONF_UNSET_PTR;
    conf->task = NGX_CONF_UNSET_PTR;
    conf->budget = NGX_CONF_UNSET_PTR;
    conf->tolerance = NGX_CONF_UNSET_PTR;
    conf->priority = NGX_CONF_UNSET_PTR;
    conf->tasks = NGX_CONF_UNSET_PTR;
    conf->threshold = NGX_CONF_UNSET_MSEC;
    conf->min_size = NGX_CONF_UNSET_UINT;
    conf->max_size = NGX_CONF_UNSET_UINT;
    conf->max_tokens = NGX_CONF_UNSET_UINT;
    conf->max_body = NGX_CONF_UNSET_SIZE;
    conf->max_response = NGX_CONF_UNSET_SIZE;
    conf->max_wait = NGX_CONF_UNSET_MSEC;
    conf->patience = NGX_CONF_UNSET_UINT;
    conf->spend = NGX_CONF_UNSET_UINT;
    conf->window = NGX_CONF_UNSET_UINT;
    conf->concurrency = NGX_CONF_UNSET_UINT;
    conf->learned = NGX_CONF_UNSET_UINT;
    conf->split = NGX_CONF_UNSET;
    conf->split_max = NGX_CONF_UNSET_UINT;
    conf->dedup = NGX_CONF_UNSET;
    conf->repair_encoding = NGX_CONF_UNSET;
    conf->fallback = NGX_CONF_UNSET;
    conf->fallback_limit = NGX_CONF_UNSET_UINT;
    conf->breaker_failures = NGX_CONF_UNSET_UINT;
    conf->breaker_cooldown = NGX_CONF_UNSET_MSEC;
    conf->headers = NGX_CONF_UNSET;

    return conf;
}


char *
ngx_http_llm_batch_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_llm_batch_loc_conf_t   *prev = parent;
    ngx_http_llm_batch_loc_conf_t   *conf = child;
    ngx_http_llm_batch_main_conf_t  *mcf;

    ngx_conf_merge_ptr_value(conf->zone, prev->zone, NULL);
    ngx_conf_merge_uint_value(conf->dry_run, prev->dry_run, 0);
    ngx_conf_merge_ptr_value(conf->mode, prev->mode, NULL);
    ngx_conf_merge_ptr_value(conf->group, prev->group, NULL);
    ngx_conf_merge_ptr_value(conf->tenant, prev->tenant, NULL);
    ngx_conf_merge_ptr_value(conf->vary, prev->vary, NULL);
    ngx_conf_merge_ptr_value(conf->ignore, prev->ignore, NULL);
    ngx_conf_merge_ptr_value(conf->credentials, prev->credentials,
                             &ngx_http_llm_batch_credentials_default);
    ngx_conf_merge_ptr_value(conf->ignore_members, prev->ignore_members, NULL);
    ngx_conf_merge_uint_value(conf->min_size, prev->min_size, 2);
    ngx_conf_merge_uint_value(conf->max_size, prev->max_size, 32);
    ngx_conf_merge_uint_value(conf->max_tokens, prev->max_tokens, 0);
    ngx_conf_merge_size_value(conf->max_body, prev->max_body, 256 * 1024);
    ngx_conf_merge_size_value(conf->max_response, prev->max_response,
                              64 * 1024 * 1024);
    ngx_conf_merge_msec_value(conf->max_wait, prev->max_wait, 500);
    ngx_conf_merge_uint_value(conf->patience, prev->patience, 10);
    ngx_conf_merge_uint_value(conf->spend, prev->spend, 0);

    if (conf->window == NGX_CONF_UNSET_UINT) {
        conf->interval = prev->interval;
    }

    ngx_conf_merge_uint_value(conf->window, prev->window, LLMB_WINDOW_SLOT);
    ngx_conf_merge_uint_value(conf->concurrency, prev->concurrency,
                              NGX_HTTP_LLM_BATCH_CONCURRENCY);
    ngx_conf_merge_uint_value(conf->learned, prev->learned, 1);
    ngx_conf_merge_value(conf->split, prev->split, 1);
    ngx_conf_merge_uint_value(conf->split_max, prev->split_max,
                              NGX_HTTP_LLM_BATCH_PARTS);
    ngx_conf_merge_value(conf->dedup, prev->dedup, 0);
    ngx_conf_merge_value(conf->repair_encoding, prev->repair_encoding, 1);
    ngx_conf_merge_value(conf->fallback, prev->fallback, 1);
    ngx_conf_merge_uint_value(conf->fallback_limit, prev->fallback_limit, 50);
    ngx_conf_merge_uint_value(conf->breaker_failures, prev->breaker_failures,
                              5);
    ngx_conf_merge_msec_value(conf->breaker_cooldown, prev->breaker_cooldown,
                              10000);
    ngx_conf_merge_value(conf->headers, prev->headers, 0);

    if (ngx_http_llm_batch_merge_eligible(cf, prev, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_llm_batch_module);

    if (conf->adapters == 0) {
        conf->adapters = prev->adapters;
    }

    if (conf->adapters == 0 || conf->adapters == NGX_HTTP_LLM_BATCH_AUTO) {
        /* all formats have been declared by now */
        conf->adapters = ngx_http_llm_batch_auto_adapters(mcf);
    }

    if (conf->zone == NULL) {
        return NGX_CONF_OK;
    }

    conf->min_size = ngx_min(conf->min_size, conf->max_size);

    if (ngx_http_llm_batch_check_ignored(cf, conf) != NGX_CONF_OK
        || ngx_http_llm_batch_check_members(cf, mcf, conf) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_llm_batch_set_compared(cf, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_llm_batch_set_place(cf, mcf, conf);
}


/*
 * Numbers the location, and names it as other nodes do: by server, location,
 * and which one it is of those of these names, such as blocks of "if".
 */

static char *
ngx_http_llm_batch_set_place(ngx_conf_t *cf,
    ngx_http_llm_batch_main_conf_t *mcf, ngx_http_llm_batch_loc_conf_t *conf)
{
    size_t                           len;
    u_char                          *p;
    ngx_str_t                        server;
    ngx_uint_t                       i, n;
    ngx_http_core_loc_conf_t        *clcf;
    ngx_http_core_srv_conf_t        *cscf;
    ngx_http_llm_batch_loc_conf_t  **other;

    cscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);
    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    server = cscf->server_name;

    if (server.len == cf->cycle->hostname.len
        && ngx_strncmp(server.data, cf->cycle->hostname.data, server.len) == 0)
    {
        /* "$hostname" is another one on each node */
        server.len = 0;
    }

    len = server.len + 1 + clcf->name.len + 1;

    p = ngx_pnalloc(cf->pool, len + NGX_INT_T_LEN);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    conf->place.data = p;
    conf->place.len = len + NGX_INT_T_LEN;

    p = ngx_cpymem(p, server.data, server.len);
    *p++ = '\0';
    p = ngx_cpymem(p, clcf->name.data, clcf->name.len);
    *p++ = '\0';

    n = 0;
    other = mcf->locations.elts;

    for (i = 0; i < mcf->locations.nelts; i++) {
        n += (other[i]->place.len > len
              && ngx_memcmp(other[i]->place.data, conf->place.data, len) == 0);
    }

    conf->place.len = ngx_sprintf(p, "%ui", n) - conf->place.data;

    other = ngx_array_push(&mcf->locations);
    if (other == NULL) {
        return NGX_CONF_ERROR;
    }

    *other = conf;
    conf->id = mcf->locations.nelts;

    return NGX_CONF_OK;
}


/* either may be inherited */

static char *
ngx_http_llm_batch_check_ignored(ngx_conf_t *cf,
    ngx_http_llm_batch_loc_conf_t *conf)
{
    ngx_str_t   *name;
    ngx_uint_t   i;

    if (conf->ignore == NULL) {
        return NGX_CONF_OK;
    }

    name = conf->credentials->elts;

    for (i = 0; i < conf->credentials->nelts; i++) {

        if (ngx_http_llm_batch_in_list(conf->ignore, &name[i])) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"llm_batch_ignore_headers\" has the "
                               "credential \"%V\", use "
                               "\"llm_batch_tenant\" to merge across "
                               "credentials, or leave it out of "
                               "\"llm_batch_credentials\"", &name[i]);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/* all formats have been declared by now */

static char *
ngx_http_llm_batch_check_members(ngx_conf_t *cf,
    ngx_http_llm_batch_main_conf_t *mcf, ngx_http_llm_batch_loc_conf_t *conf)
{
    ngx_str_t    name;
    llmb_str_t  *names;
    ngx_uint_t   i;

    if (conf->ignore_members == NULL) {
        return NGX_CONF_OK;
    }

    names = conf->ignore_members->elts;

    for (i = 0; i < conf->ignore_members->nelts; i++) {
        name = ngx_http_llm_batch_ngx_str(&names[i]);

        if (ngx_http_llm_batch_adapters_need(mcf, &name)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" in \"llm_batch_ignore_members\" "
                               "directive is what the answer is made of, in "
                               "a format of \"llm_batch_format\"", &name);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/* all members agree in these values, so in each of the variables, too */

static char *
ngx_http_llm_batch_set_compared(ngx_conf_t *cf,
    ngx_http_llm_batch_loc_conf_t *conf)
{
    ngx_uint_t                 i;
    ngx_http_complex_value_t  *cv;

    if (conf->group
        && ngx_http_llm_batch_compare_variables(cf, &conf->compared,
                                                &conf->group->value)
           != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (conf->tenant
        && ngx_http_llm_batch_compare_variables(cf, &conf->compared,
                                                &conf->tenant->value)
           != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (conf->vary == NULL) {
        return NGX_CONF_OK;
    }

    cv = conf->vary->elts;

    for (i = 0; i < conf->vary->nelts; i++) {
        if (ngx_http_llm_batch_compare_variables(cf, &conf->compared,
                                                 &cv[i].value)
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


ngx_http_llm_batch_mode_e
ngx_http_llm_batch_get_mode(ngx_http_request_t *r,
    ngx_http_llm_batch_loc_conf_t *conf)
{
    ngx_str_t                  value;
    ngx_http_llm_batch_mode_e  mode;

    if (conf->mode == NULL
        || ngx_http_llm_batch_evaluate(r, conf->mode, &value) != NGX_OK
        || ngx_http_llm_batch_parse_mode(&value, &mode) != NGX_OK)
    {
        return NGX_HTTP_LLM_BATCH_MODE_AUTO;
    }

    return mode;
}


ngx_int_t
ngx_http_llm_batch_parse_mode(ngx_str_t *value,
    ngx_http_llm_batch_mode_e *mode)
{
    ngx_uint_t  i;

    static ngx_conf_enum_t  modes[] = {
        { ngx_string("auto"), NGX_HTTP_LLM_BATCH_MODE_AUTO },
        { ngx_string("merge"), NGX_HTTP_LLM_BATCH_MODE_MERGE },
        { ngx_string("per_request"), NGX_HTTP_LLM_BATCH_MODE_PER_REQUEST },
        { ngx_null_string, 0 }
    };

    static ngx_str_t  planned[] = {
        ngx_string("serial_bundle"),
        ngx_string("pack"),
        ngx_string("batch_api"),
        ngx_null_string
    };

    for (i = 0; modes[i].name.len; i++) {
        if (value->len == modes[i].name.len
            && ngx_strncmp(value->data, modes[i].name.data, value->len) == 0)
        {
            *mode = modes[i].value;
            return NGX_OK;
        }
    }

    for (i = 0; planned[i].len; i++) {
        if (value->len == planned[i].len
            && ngx_strncmp(value->data, planned[i].data, value->len) == 0)
        {
            return NGX_DECLINED;
        }
    }

    return NGX_ERROR;
}
