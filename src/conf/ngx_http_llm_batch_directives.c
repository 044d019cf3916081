
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Directives with a syntax of their own.
 */


#include "ngx_http_llm_batch.h"


#define NGX_HTTP_LLM_BATCH_MIN_ZONE  (1024 * 1024)


static ngx_int_t ngx_http_llm_batch_parse_rate(ngx_str_t *value,
    ngx_uint_t *interval);
static ngx_http_llm_batch_zone_t *ngx_http_llm_batch_find_zone(ngx_conf_t *cf,
    ngx_str_t *name);
static ngx_array_t *ngx_http_llm_batch_header_names(ngx_conf_t *cf,
    ngx_command_t *cmd, ngx_uint_t wildcards);


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


char *
ngx_http_llm_batch_adapter(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    uint64_t                         bit;
    ngx_str_t                       *value;
    ngx_uint_t                       i;
    const llmb_adapter_t            *adapter;
    ngx_http_llm_batch_loc_conf_t   *lcf = conf;
    ngx_http_llm_batch_main_conf_t  *mcf;

    if (lcf->adapters) {
        return "is duplicate";
    }

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_llm_batch_module);

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "auto") == 0) {
        lcf->adapters = NGX_HTTP_LLM_BATCH_AUTO;
        return NGX_CONF_OK;
    }

    for (i = 1; i < cf->args->nelts; i++) {
        adapter = ngx_http_llm_batch_adapter_by_name(mcf, &value[i]);

        if (adapter == NULL) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "unknown adapter \"%V\" in \"%V\" directive, "
                               "a format of one's own has to be declared by "
                               "\"llm_batch_format\" before",
                               &value[i], &cmd->name);
            return NGX_CONF_ERROR;
        }

        bit = (uint64_t) 1 << ngx_http_llm_batch_adapter_id(mcf, adapter);

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


char *
ngx_http_llm_batch_ignore_headers(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_str_t                      *value;
    ngx_http_llm_batch_loc_conf_t  *lcf = conf;

    if (lcf->ignore != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        lcf->ignore = NULL;
        return NGX_CONF_OK;
    }

    lcf->ignore = ngx_http_llm_batch_header_names(cf, cmd, 1);

    return lcf->ignore ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/* not what the answer is made of, whatever the format */

char *
ngx_http_llm_batch_ignore_members(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_str_t                       *value;
    llmb_str_t                      *name;
    ngx_uint_t                       i;
    ngx_http_llm_batch_loc_conf_t   *lcf = conf;
    ngx_http_llm_batch_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_llm_batch_module);

    if (lcf->ignore_members != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        lcf->ignore_members = NULL;
        return NGX_CONF_OK;
    }

    if (cf->args->nelts - 1 > NGX_HTTP_LLM_BATCH_IGNORED) {
        return "has too many names";
    }

    lcf->ignore_members = ngx_array_create(cf->pool, cf->args->nelts - 1,
                                           sizeof(llmb_str_t));
    if (lcf->ignore_members == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        /* formats that are declared further down are looked at later */

        if (ngx_http_llm_batch_adapters_need(mcf, &value[i])) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" in \"%V\" directive is what the "
                               "answer is made of", &value[i], &cmd->name);
            return NGX_CONF_ERROR;
        }

        name = ngx_array_push(lcf->ignore_members);
        if (name == NULL) {
            return NGX_CONF_ERROR;
        }

        *name = ngx_http_llm_batch_str(&value[i]);
    }

    return NGX_CONF_OK;
}


char *
ngx_http_llm_batch_credential_names(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_llm_batch_loc_conf_t  *lcf = conf;

    if (lcf->credentials != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    lcf->credentials = ngx_http_llm_batch_header_names(cf, cmd, 0);

    return lcf->credentials ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/* in lower case; NULL after an error, which has been told */

static ngx_array_t *
ngx_http_llm_batch_header_names(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_uint_t wildcards)
{
    u_char       *star;
    ngx_str_t    *value, *name;
    ngx_uint_t    i;
    ngx_array_t  *names;

    value = cf->args->elts;

    names = ngx_array_create(cf->pool, cf->args->nelts - 1,
                             sizeof(ngx_str_t));
    if (names == NULL) {
        return NULL;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        star = (u_char *) ngx_strchr(value[i].data, '*');

        if (value[i].len == 0 || (star && !wildcards)
            || (star && (star == value[i].data
                         || star != value[i].data + value[i].len - 1)))
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid name of a header \"%V\" in \"%V\" "
                               "directive", &value[i], &cmd->name);
            return NULL;
        }

        name = ngx_array_push(names);
        if (name == NULL) {
            return NULL;
        }

        name->len = value[i].len;
        name->data = ngx_pnalloc(cf->pool, name->len);
        if (name->data == NULL) {
            return NULL;
        }

        ngx_strlow(name->data, value[i].data, name->len);
    }

    return names;
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

    if (ngx_http_llm_batch_parse_rate(&value[1], &lcf->interval) == NGX_OK) {
        lcf->window = LLMB_WINDOW_RATE;
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid window \"%V\" in \"%V\" directive, \"slot\", "
                       "\"fixed\" or \"rate=\" with a number of calls and "
                       "\"r/s\" or \"r/m\" expected", &value[1], &cmd->name);

    return NGX_CONF_ERROR;
}


/* "10%", "10% budget", "off" */

char *
ngx_http_llm_batch_patience(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_int_t                       n;
    ngx_str_t                      *value;
    ngx_http_llm_batch_loc_conf_t  *lcf = conf;

    if (lcf->patience != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    lcf->patience = 0;
    lcf->spend = 0;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        return NGX_CONF_OK;
    }

    n = NGX_ERROR;

    if (value[1].len > 1 && value[1].data[value[1].len - 1] == '%') {
        n = ngx_atoi(value[1].data, value[1].len - 1);
    }

    if (n == NGX_ERROR || n > NGX_HTTP_LLM_BATCH_PATIENCE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"%V\" directive, "
                           "\"off\" or a percentage up to %d%% expected",
                           &value[1], &cmd->name,
                           NGX_HTTP_LLM_BATCH_PATIENCE);
        return NGX_CONF_ERROR;
    }

    lcf->patience = n;

    if (cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value[2].data, "budget") != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" in \"%V\" directive, "
                           "\"budget\" expected", &value[2], &cmd->name);
        return NGX_CONF_ERROR;
    }

    lcf->spend = 1;

    return NGX_CONF_OK;
}


/* "rate=50r/s", as with limit_req_zone; the time between two calls */

static ngx_int_t
ngx_http_llm_batch_parse_rate(ngx_str_t *value, ngx_uint_t *interval)
{
    ngx_str_t   s;
    ngx_uint_t  n, unit;

    if (value->len < sizeof("rate=1r/s") - 1
        || ngx_strncmp(value->data, "rate=", 5) != 0)
    {
        return NGX_ERROR;
    }

    s.data = value->data + value->len - 3;
    unit = 0;

    if (ngx_strncmp(s.data, "r/s", 3) == 0) {
        unit = 1;

    } else if (ngx_strncmp(s.data, "r/m", 3) == 0) {
        unit = 60;
    }

    s.len = s.data - (value->data + 5);
    s.data = value->data + 5;

    if (unit == 0
        || ngx_http_llm_batch_parse_number(&s, 1, 1000000, &n) != NGX_OK)
    {
        return NGX_ERROR;
    }

    *interval = 1000000 * unit / n;

    return NGX_OK;
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

    lcf->learned = 0;

    if (ngx_strcmp(value[1].data, "auto") == 0) {

        lcf->learned = 1;

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
ngx_http_llm_batch_split(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                      *value, s;
    ngx_uint_t                      on;
    ngx_http_llm_batch_loc_conf_t  *lcf = conf;

    if (lcf->split != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    value = cf->args->elts;
    on = (ngx_strcmp(value[1].data, "on") == 0);

    if (!on && (ngx_strcmp(value[1].data, "off") != 0
                || cf->args->nelts == 3))
    {
        goto invalid;
    }

    lcf->split = on;

    if (cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    s = value[2];

    if (ngx_strncmp(s.data, "max=", 4) == 0) {
        s.data += 4;
        s.len -= 4;

        if (ngx_http_llm_batch_parse_number(&s, 1,
                                            NGX_HTTP_LLM_BATCH_MAX_PARTS,
                                            &lcf->split_max)
            == NGX_OK)
        {
            return NGX_CONF_OK;
        }
    }

invalid:

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid value \"%V\" in \"%V\" directive, "
                       "\"on [max=calls]\", with calls from 1 to %d, or "
                       "\"off\" expected",
                       &value[cf->args->nelts - 1], &cmd->name,
                       NGX_HTTP_LLM_BATCH_MAX_PARTS);

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
