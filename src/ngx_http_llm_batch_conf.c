
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Directives: what they accept, their defaults and how they are inherited.
 */


#include "ngx_http_llm_batch.h"


#define NGX_HTTP_LLM_BATCH_MIN_ZONE         (1024 * 1024)

#define NGX_HTTP_LLM_BATCH_MAX_SIZE         2048
#define NGX_HTTP_LLM_BATCH_CONCURRENCY      16


static ngx_int_t ngx_http_llm_batch_parse_mode(ngx_str_t *value,
    ngx_http_llm_batch_mode_e *mode);
static ngx_http_llm_batch_zone_t *ngx_http_llm_batch_find_zone(ngx_conf_t *cf,
    ngx_str_t *name);
static ngx_http_complex_value_t *ngx_http_llm_batch_compile(ngx_conf_t *cf,
    ngx_str_t *value);
static uint64_t ngx_http_llm_batch_neutral_adapters(void);
static ngx_int_t ngx_http_llm_batch_parse_number(ngx_str_t *value,
    ngx_uint_t min, ngx_uint_t max, ngx_uint_t *number);


char *
ngx_http_llm_batch_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    u_char                          *p;
    ssize_t                          size;
    ngx_str_t                       *value, name, s;
    ngx_http_llm_batch_zone_t      **zonep;
    ngx_http_llm_batch_main_conf_t  *mcf = conf;

    value = cf->args->elts;

    if (ngx_strncmp(value[1].data, "zone=", 5) != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" in \"%V\" directive, "
                           "\"zone=name:size\" expected",
                           &value[1], &cmd->name);
        return NGX_CONF_ERROR;
    }

    name.data = value[1].data + 5;
    p = (u_char *) ngx_strchr(name.data, ':');

    if (p == NULL || p == name.data) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid zone \"%V\" in \"%V\" directive, "
                           "\"zone=name:size\" expected",
                           &value[1], &cmd->name);
        return NGX_CONF_ERROR;
    }

    name.len = p - name.data;

    s.data = p + 1;
    s.len = value[1].data + value[1].len - s.data;

    size = ngx_parse_size(&s);

    if (size == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid zone size \"%V\" in \"%V\" directive",
                           &value[1], &cmd->name);
        return NGX_CONF_ERROR;
    }

    if (size < NGX_HTTP_LLM_BATCH_MIN_ZONE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone \"%V\" in \"%V\" directive is too small, "
                           "at least 1m is needed",
                           &value[1], &cmd->name);
        return NGX_CONF_ERROR;
    }

    if (ngx_http_llm_batch_find_zone(cf, &name) != NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate zone \"%V\" in \"%V\" directive",
                           &name, &cmd->name);
        return NGX_CONF_ERROR;
    }

    zonep = ngx_array_push(&mcf->zones);
    if (zonep == NULL) {
        return NGX_CONF_ERROR;
    }

    *zonep = ngx_http_llm_batch_zone_add(cf, &name, size);

    return *zonep ? NGX_CONF_OK : NGX_CONF_ERROR;
}


char *
ngx_http_llm_batch(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                       *value, name;
    ngx_http_llm_batch_loc_conf_t   *lcf = conf;
    ngx_http_llm_batch_main_conf_t  *mcf;

    if (lcf->zone != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {

        if (cf->args->nelts == 3) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" in \"%V\" directive",
                               &value[2], &cmd->name);
            return NGX_CONF_ERROR;
        }

        lcf->zone = NULL;
        lcf->dry_run = 0;
        return NGX_CONF_OK;
    }

    if (ngx_strncmp(value[1].data, "zone=", 5) != 0 || value[1].len == 5) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" in \"%V\" directive, "
                           "\"zone=name\" or \"off\" expected",
                           &value[1], &cmd->name);
        return NGX_CONF_ERROR;
    }

    name.data = value[1].data + 5;
    name.len = value[1].len - 5;

    lcf->zone = ngx_http_llm_batch_find_zone(cf, &name);

    if (lcf->zone == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown zone \"%V\" in \"%V\" directive, it has "
                           "to be declared by \"llm_batch_zone\" before",
                           &name, &cmd->name);
        return NGX_CONF_ERROR;
    }

    lcf->dry_run = 0;

    if (cf->args->nelts == 3) {

        if (ngx_strcmp(value[2].data, "dry_run") != 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" in \"%V\" directive",
                               &value[2], &cmd->name);
            return NGX_CONF_ERROR;
        }

        lcf->dry_run = 1;
    }

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_llm_batch_module);
    mcf->used = 1;

    return NGX_CONF_OK;
}


char *
ngx_http_llm_batch_mode(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                      *value;
    ngx_http_llm_batch_mode_e       mode;
    ngx_http_llm_batch_loc_conf_t  *lcf = conf;

    if (lcf->mode != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    lcf->mode = ngx_http_llm_batch_compile(cf, &value[1]);
    if (lcf->mode == NULL) {
        return NGX_CONF_ERROR;
    }

    if (lcf->mode->lengths != NULL) {
        return NGX_CONF_OK;
    }

    switch (ngx_http_llm_batch_parse_mode(&value[1], &mode)) {

    case NGX_OK:
        return NGX_CONF_OK;

    case NGX_DECLINED:
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "mode \"%V\" in \"%V\" directive is not supported "
                           "by this version", &value[1], &cmd->name);
        return NGX_CONF_ERROR;

    default: /* NGX_ERROR */
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown mode \"%V\" in \"%V\" directive",
                           &value[1], &cmd->name);
        return NGX_CONF_ERROR;
    }
}


/* NGX_DECLINED: a mode of the documentation that is not built yet */

static ngx_int_t
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


ngx_http_llm_batch_mode_e
ngx_http_llm_batch_get_mode(ngx_http_request_t *r,
    ngx_http_llm_batch_loc_conf_t *conf)
{
    ngx_str_t                  value;
    ngx_http_llm_batch_mode_e  mode;

    if (conf->mode == NULL
        || ngx_http_complex_value(r, conf->mode, &value) != NGX_OK
        || ngx_http_llm_batch_parse_mode(&value, &mode) != NGX_OK)
    {
        return NGX_HTTP_LLM_BATCH_MODE_AUTO;
    }

    return mode;
}


char *
ngx_http_llm_batch_adapter(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    uint64_t                        bit;
    ngx_str_t                      *value;
    ngx_uint_t                      i;
    const llmb_adapter_t           *adapter;
    ngx_http_llm_batch_loc_conf_t  *lcf = conf;

    if (lcf->adapters) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "auto") == 0) {
        lcf->adapters = ngx_http_llm_batch_neutral_adapters();
        return NGX_CONF_OK;
    }

    for (i = 1; i < cf->args->nelts; i++) {
        adapter = llmb_adapter_by_name(ngx_http_llm_batch_str(&value[i]));

        if (adapter == NULL) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "unknown adapter \"%V\" in \"%V\" directive",
                               &value[i], &cmd->name);
            return NGX_CONF_ERROR;
        }

        bit = (uint64_t) 1 << llmb_adapter_id(adapter);

        if (lcf->adapters & bit) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate adapter \"%V\" in \"%V\" directive",
                               &value[i], &cmd->name);
            return NGX_CONF_ERROR;
        }

        lcf->adapters |= bit;
    }

    return NGX_CONF_OK;
}


/* a value with variables; "off" takes back an inherited one */

char *
ngx_http_llm_batch_value(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char  *p = conf;

    ngx_str_t                  *value;
    ngx_http_complex_value_t  **cv;

    cv = (ngx_http_complex_value_t **) (p + cmd->offset);

    if (*cv != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        *cv = NULL;
        return NGX_CONF_OK;
    }

    *cv = ngx_http_llm_batch_compile(cf, &value[1]);

    return *cv ? NGX_CONF_OK : NGX_CONF_ERROR;
}


char *
ngx_http_llm_batch_vary(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                         *value;
    ngx_uint_t                         i;
    ngx_http_compile_complex_value_t   ccv;
    ngx_http_llm_batch_loc_conf_t     *lcf = conf;

    if (lcf->vary != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        lcf->vary = NULL;
        return NGX_CONF_OK;
    }

    lcf->vary = ngx_array_create(cf->pool, cf->args->nelts - 1,
                                 sizeof(ngx_http_complex_value_t));
    if (lcf->vary == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {
        ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

        ccv.cf = cf;
        ccv.value = &value[i];
        ccv.complex_value = ngx_array_push(lcf->vary);

        if (ccv.complex_value == NULL
            || ngx_http_compile_complex_value(&ccv) != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


char *
ngx_http_llm_batch_ignore_headers(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_str_t                      *value, *name;
    ngx_uint_t                      i;
    ngx_http_llm_batch_loc_conf_t  *lcf = conf;

    if (lcf->ignore != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        lcf->ignore = NULL;
        return NGX_CONF_OK;
    }

    lcf->ignore = ngx_array_create(cf->pool, cf->args->nelts - 1,
                                   sizeof(ngx_str_t));
    if (lcf->ignore == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_http_llm_batch_is_credential(&value[i])) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" in \"%V\" directive is a credential, "
                               "use \"llm_batch_tenant\" to merge across "
                               "credentials", &value[i], &cmd->name);
            return NGX_CONF_ERROR;
        }

        name = ngx_array_push(lcf->ignore);
        if (name == NULL) {
            return NGX_CONF_ERROR;
        }

        *name = value[i];
        ngx_strlow(name->data, name->data, name->len);
    }

    return NGX_CONF_OK;
}


/* a number; cmd->post is its ngx_conf_num_bounds_t */

char *
ngx_http_llm_batch_number(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char  *p = conf;

    ngx_str_t              *value;
    ngx_uint_t             *np;
    ngx_conf_num_bounds_t  *bounds = cmd->post;

    np = (ngx_uint_t *) (p + cmd->offset);

    if (*np != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_http_llm_batch_parse_number(&value[1], bounds->low, bounds->high,
                                        np)
        != NGX_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"%V\" directive, it must "
                           "be between %i and %i",
                           &value[1], &cmd->name, bounds->low, bounds->high);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* nginx's own setters would not name the token */

char *
ngx_http_llm_batch_size(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char  *p = conf;

    size_t     *sp;
    ssize_t     size;
    ngx_str_t  *value;

    sp = (size_t *) (p + cmd->offset);

    if (*sp != NGX_CONF_UNSET_SIZE) {
        return "is duplicate";
    }

    value = cf->args->elts;
    size = ngx_parse_size(&value[1]);

    if (size <= 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid size \"%V\" in \"%V\" directive",
                           &value[1], &cmd->name);
        return NGX_CONF_ERROR;
    }

    *sp = size;

    return NGX_CONF_OK;
}


char *
ngx_http_llm_batch_time(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char  *p = conf;

    ngx_int_t    time;
    ngx_str_t   *value;
    ngx_msec_t  *msp;

    msp = (ngx_msec_t *) (p + cmd->offset);

    if (*msp != NGX_CONF_UNSET_MSEC) {
        return "is duplicate";
    }

    value = cf->args->elts;
    time = ngx_parse_time(&value[1], 0);

    if (time == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid time \"%V\" in \"%V\" directive",
                           &value[1], &cmd->name);
        return NGX_CONF_ERROR;
    }

    *msp = time;

    return NGX_CONF_OK;
}


char *
ngx_http_llm_batch_window(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                      *value;
    ngx_http_llm_batch_loc_conf_t  *lcf = conf;

    if (lcf->window != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "slot") == 0) {
        lcf->window = LLMB_WINDOW_SLOT;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value[1].data, "fixed") == 0) {
        lcf->window = LLMB_WINDOW_FIXED;
        return NGX_CONF_OK;
    }

    if (ngx_strncmp(value[1].data, "rate=", 5) == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "window \"%V\" in \"%V\" directive is not "
                           "supported by this version",
                           &value[1], &cmd->name);
        return NGX_CONF_ERROR;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid window \"%V\" in \"%V\" directive, \"slot\" "
                       "or \"fixed\" expected", &value[1], &cmd->name);

    return NGX_CONF_ERROR;
}


char *
ngx_http_llm_batch_concurrency(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                      *value, s;
    ngx_http_llm_batch_loc_conf_t  *lcf = conf;

    if (lcf->concurrency != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;
    s = value[1];

    if (ngx_strcmp(value[1].data, "auto") == 0) {

        if (cf->args->nelts == 2) {
            lcf->concurrency = NGX_HTTP_LLM_BATCH_CONCURRENCY;
            return NGX_CONF_OK;
        }

        s = value[2];

        if (ngx_strncmp(s.data, "max=", 4) != 0) {
            goto invalid;
        }

        s.data += 4;
        s.len -= 4;

    } else if (cf->args->nelts == 3) {
        s = value[2];
        goto invalid;
    }

    if (ngx_http_llm_batch_parse_number(&s, 1, 65535, &lcf->concurrency)
        == NGX_OK)
    {
        return NGX_CONF_OK;
    }

invalid:

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid value \"%V\" in \"%V\" directive, a number "
                       "from 1 or \"auto [max=number]\" expected",
                       &value[cf->args->nelts - 1], &cmd->name);

    return NGX_CONF_ERROR;
}


char *
ngx_http_llm_batch_percent(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                      *value, s;
    ngx_http_llm_batch_loc_conf_t  *lcf = conf;

    if (lcf->fallback_limit != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;
    s = value[1];

    if (s.len && s.data[s.len - 1] == '%') {
        s.len--;

        if (ngx_http_llm_batch_parse_number(&s, 0, 1000, &lcf->fallback_limit)
            == NGX_OK)
        {
            return NGX_CONF_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid value \"%V\" in \"%V\" directive, a "
                       "percentage such as \"50%%\" expected",
                       &value[1], &cmd->name);

    return NGX_CONF_ERROR;
}


char *
ngx_http_llm_batch_breaker(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_int_t                       cooldown;
    ngx_str_t                      *value, s;
    ngx_uint_t                      i;
    ngx_http_llm_batch_loc_conf_t  *lcf = conf;

    if (lcf->breaker_failures != NGX_CONF_UNSET_UINT
        || lcf->breaker_cooldown != NGX_CONF_UNSET_MSEC)
    {
        return "is duplicate";
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "failures=", 9) == 0) {
            s.data = value[i].data + 9;
            s.len = value[i].len - 9;

            if (ngx_http_llm_batch_parse_number(&s, 1, 1000000,
                                                &lcf->breaker_failures)
                == NGX_OK)
            {
                continue;
            }

        } else if (ngx_strncmp(value[i].data, "cooldown=", 9) == 0) {
            s.data = value[i].data + 9;
            s.len = value[i].len - 9;

            cooldown = ngx_parse_time(&s, 0);

            if (cooldown != NGX_ERROR) {
                lcf->breaker_cooldown = cooldown;
                continue;
            }
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" in \"%V\" directive, "
                           "\"failures=number\" or \"cooldown=time\" expected",
                           &value[i], &cmd->name);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


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
        || ngx_array_init(&mcf->fds, cf->pool, 8, sizeof(ngx_socket_t))
           != NGX_OK)
    {
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
     */

    conf->zone = NGX_CONF_UNSET_PTR;
    conf->dry_run = NGX_CONF_UNSET_UINT;
    conf->mode = NGX_CONF_UNSET_PTR;
    conf->group = NGX_CONF_UNSET_PTR;
    conf->tenant = NGX_CONF_UNSET_PTR;
    conf->vary = NGX_CONF_UNSET_PTR;
    conf->ignore = NGX_CONF_UNSET_PTR;
    conf->min_size = NGX_CONF_UNSET_UINT;
    conf->max_size = NGX_CONF_UNSET_UINT;
    conf->max_tokens = NGX_CONF_UNSET_UINT;
    conf->max_body = NGX_CONF_UNSET_SIZE;
    conf->max_response = NGX_CONF_UNSET_SIZE;
    conf->max_wait = NGX_CONF_UNSET_MSEC;
    conf->window = NGX_CONF_UNSET_UINT;
    conf->concurrency = NGX_CONF_UNSET_UINT;
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
    ngx_conf_merge_uint_value(conf->min_size, prev->min_size, 2);
    ngx_conf_merge_uint_value(conf->max_size, prev->max_size, 10);
    ngx_conf_merge_uint_value(conf->max_tokens, prev->max_tokens, 0);
    ngx_conf_merge_size_value(conf->max_body, prev->max_body, 256 * 1024);
    ngx_conf_merge_size_value(conf->max_response, prev->max_response,
                              64 * 1024 * 1024);
    ngx_conf_merge_msec_value(conf->max_wait, prev->max_wait, 500);
    ngx_conf_merge_uint_value(conf->window, prev->window, LLMB_WINDOW_SLOT);
    ngx_conf_merge_uint_value(conf->concurrency, prev->concurrency,
                              NGX_HTTP_LLM_BATCH_CONCURRENCY);
    ngx_conf_merge_value(conf->fallback, prev->fallback, 1);
    ngx_conf_merge_uint_value(conf->fallback_limit, prev->fallback_limit, 50);
    ngx_conf_merge_uint_value(conf->breaker_failures, prev->breaker_failures,
                              5);
    ngx_conf_merge_msec_value(conf->breaker_cooldown, prev->breaker_cooldown,
                              10000);
    ngx_conf_merge_value(conf->headers, prev->headers, 0);

    if (conf->adapters == 0) {
        conf->adapters = prev->adapters ? prev->adapters
                                  : ngx_http_llm_batch_neutral_adapters();
    }

    if (conf->zone == NULL) {
        return NGX_CONF_OK;
    }

    conf->min_size = ngx_min(conf->min_size, conf->max_size);

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_llm_batch_module);
    conf->id = ++mcf->locations;

    return NGX_CONF_OK;
}


static ngx_http_llm_batch_zone_t *
ngx_http_llm_batch_find_zone(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_uint_t                       i;
    ngx_http_llm_batch_zone_t      **zones;
    ngx_http_llm_batch_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_llm_batch_module);
    zones = mcf->zones.elts;

    for (i = 0; i < mcf->zones.nelts; i++) {
        if (zones[i]->name.len == name->len
            && ngx_strncmp(zones[i]->name.data, name->data, name->len) == 0)
        {
            return zones[i];
        }
    }

    return NULL;
}


static ngx_http_complex_value_t *
ngx_http_llm_batch_compile(ngx_conf_t *cf, ngx_str_t *value)
{
    ngx_http_compile_complex_value_t  ccv;

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = value;
    ccv.complex_value = ngx_palloc(cf->pool, sizeof(ngx_http_complex_value_t));

    if (ccv.complex_value == NULL
        || ngx_http_compile_complex_value(&ccv) != NGX_OK)
    {
        return NULL;
    }

    return ccv.complex_value;
}


static uint64_t
ngx_http_llm_batch_neutral_adapters(void)
{
    uint64_t    enabled;
    ngx_uint_t  i;

    enabled = 0;

    for (i = 0; i < llmb_nadapters; i++) {
        if (llmb_adapters[i]->neutral) {
            enabled |= (uint64_t) 1 << i;
        }
    }

    return enabled;
}


static ngx_int_t
ngx_http_llm_batch_parse_number(ngx_str_t *value, ngx_uint_t min,
    ngx_uint_t max, ngx_uint_t *number)
{
    ngx_int_t  n;

    n = ngx_atoi(value->data, value->len);

    if (n == NGX_ERROR || (ngx_uint_t) n < min || (ngx_uint_t) n > max) {
        return NGX_ERROR;
    }

    *number = n;

    return NGX_OK;
}
