
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * "llm_batch_format" makes an adapter of the core out of words of the
 * configuration; from there on it is one like any other.
 */


#include "ngx_http_llm_batch.h"


/* names of a path, as in "response=a.b.c" */

#define NGX_HTTP_LLM_BATCH_PATH_NAMES  4


/* all that an adapter points to */

typedef struct {
    llmb_adapter_t   adapter;
    llmb_form_t      form;
    llmb_column_t    columns[2];
    llmb_str_t       paths[2];
} ngx_http_llm_batch_format_t;


typedef struct {
    ngx_str_t        name;
    ngx_int_t      (*check)(ngx_str_t *value);
    size_t           offset;          /* of an llmb_str_t in the format */
} ngx_http_llm_batch_format_parameter_t;


static ngx_int_t ngx_http_llm_batch_format_name(ngx_conf_t *cf,
    ngx_command_t *cmd, ngx_str_t *name);
static ngx_int_t ngx_http_llm_batch_format_parameter(ngx_conf_t *cf,
    ngx_command_t *cmd, ngx_str_t *value, ngx_http_llm_batch_format_t *format);
static ngx_int_t ngx_http_llm_batch_format_match(ngx_str_t *match);
static ngx_int_t ngx_http_llm_batch_format_items(ngx_str_t *name);
static ngx_int_t ngx_http_llm_batch_format_member(ngx_str_t *name);
static ngx_int_t ngx_http_llm_batch_format_list(ngx_str_t *path);
static ngx_int_t ngx_http_llm_batch_format_usage(ngx_str_t *path);
static ngx_int_t ngx_http_llm_batch_format_path(ngx_str_t *path);
static ngx_uint_t ngx_http_llm_batch_format_holds(const llmb_str_t *path,
    const llmb_str_t *inner);
static ngx_int_t ngx_http_llm_batch_format_complete(ngx_conf_t *cf,
    ngx_command_t *cmd, ngx_http_llm_batch_format_t *format);


static ngx_http_llm_batch_format_parameter_t
    ngx_http_llm_batch_format_parameters[] =
{
    { ngx_string("match="), ngx_http_llm_batch_format_match,
      offsetof(ngx_http_llm_batch_format_t, paths) },

    { ngx_string("request="), ngx_http_llm_batch_format_items,
      offsetof(ngx_http_llm_batch_format_t, columns[0].name) },

    { ngx_string("response="), ngx_http_llm_batch_format_list,
      offsetof(ngx_http_llm_batch_format_t, form.list) },

    { ngx_string("index="), ngx_http_llm_batch_format_member,
      offsetof(ngx_http_llm_batch_format_t, form.index) },

    { ngx_string("usage="), ngx_http_llm_batch_format_usage,
      offsetof(ngx_http_llm_batch_format_t, form.usage) },

    { ngx_null_string, NULL, 0 }
};


char *
ngx_http_llm_batch_format(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                       *value;
    ngx_uint_t                       i;
    const llmb_adapter_t           **adapter;
    ngx_http_llm_batch_format_t     *format;
    ngx_http_llm_batch_main_conf_t  *mcf = conf;

    value = cf->args->elts;

    if (ngx_http_llm_batch_format_name(cf, cmd, &value[1]) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (mcf->formats.nelts == NGX_HTTP_LLM_BATCH_FORMATS) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "too many \"%V\" directives, \"%V\" would be one "
                           "more than %d", &cmd->name, &value[1],
                           NGX_HTTP_LLM_BATCH_FORMATS);
        return NGX_CONF_ERROR;
    }

    format = ngx_pcalloc(cf->pool, sizeof(ngx_http_llm_batch_format_t));
    if (format == NULL) {
        return NGX_CONF_ERROR;
    }

    format->form.paths = format->paths;
    format->form.columns = format->columns;
    format->form.declared = 1;
    format->form.input_tokens.data = (u_char *) "prompt_tokens";
    format->form.input_tokens.len = sizeof("prompt_tokens") - 1;

    format->columns[0].input = LLMB_INPUT_LIST_OR_BARE;
    format->columns[0].kinds = LLMB_KIND_TEXT|LLMB_KIND_TOKENS
                               |LLMB_KIND_OBJECT|LLMB_KIND_VALUE;

    format->adapter.name = ngx_http_llm_batch_str(&value[1]);
    format->adapter.neutral = 1;
    format->adapter.pure = 1;
    format->adapter.max_items = NGX_HTTP_LLM_BATCH_MAX_SIZE;
    format->adapter.forms[0] = &format->form;

    for (i = 2; i < cf->args->nelts; i++) {
        if (ngx_http_llm_batch_format_parameter(cf, cmd, &value[i], format)
            != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    if (ngx_http_llm_batch_format_complete(cf, cmd, format) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    adapter = ngx_array_push(&mcf->formats);
    if (adapter == NULL) {
        return NGX_CONF_ERROR;
    }

    *adapter = &format->adapter;

    return NGX_CONF_OK;
}


/* a name is a value of "llm_batch_adapter" and of a label of the metrics */

static ngx_int_t
ngx_http_llm_batch_format_name(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *name)
{
    u_char                           ch;
    ngx_uint_t                       i;
    ngx_http_llm_batch_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_llm_batch_module);

    for (i = 0; i < name->len; i++) {
        ch = name->data[i];

        if ((ch < 'a' || ch > 'z') && (ch < '0' || ch > '9') && ch != '_') {
            break;
        }
    }

    if (i < name->len || name->len == 0
        || name->len > NGX_HTTP_LLM_BATCH_NAME_LEN
        || ngx_strcmp(name->data, "auto") == 0
        || ngx_strcmp(name->data, "none") == 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid name \"%V\" in \"%V\" directive, up to %d "
                           "of \"a-z\", \"0-9\" and \"_\" expected",
                           name, &cmd->name, NGX_HTTP_LLM_BATCH_NAME_LEN);
        return NGX_ERROR;
    }

    if (ngx_http_llm_batch_adapter_by_name(mcf, name) != NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate format \"%V\" in \"%V\" directive",
                           name, &cmd->name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_llm_batch_format_parameter(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *value, ngx_http_llm_batch_format_t *format)
{
    ngx_str_t                               s;
    llmb_str_t                             *dst;
    ngx_http_llm_batch_format_parameter_t  *p;

    for (p = ngx_http_llm_batch_format_parameters; p->name.len; p++) {
        if (ngx_strncmp(value->data, p->name.data, p->name.len) == 0) {
            break;
        }
    }

    s.data = value->data + p->name.len;
    s.len = value->len - p->name.len;

    if (p->name.len == 0 || p->check(&s) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" in \"%V\" directive",
                           value, &cmd->name);
        return NGX_ERROR;
    }

    dst = (llmb_str_t *) ((char *) format + p->offset);

    if (dst->len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate parameter \"%V\" in \"%V\" directive",
                           value, &cmd->name);
        return NGX_ERROR;
    }

    *dst = ngx_http_llm_batch_str(&s);

    return NGX_OK;
}


static ngx_int_t
ngx_http_llm_batch_format_match(ngx_str_t *match)
{
    /* more than the "/", which every path has */

    if (match->len < 2 || match->data[0] != '/') {
        return NGX_ERROR;
    }

    return ngx_strlchr(match->data, match->data + match->len, '?') == NULL
           ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_llm_batch_format_items(ngx_str_t *name)
{
    /* these have their own meaning, whatever the format */

    if ((name->len == 6 && ngx_strncmp(name->data, "stream", 6) == 0)
        || (name->len == 5 && ngx_strncmp(name->data, "model", 5) == 0))
    {
        return NGX_ERROR;
    }

    return ngx_http_llm_batch_format_member(name);
}


static ngx_int_t
ngx_http_llm_batch_format_member(ngx_str_t *name)
{
    /* no path: only the outermost members are looked at */

    return name->len
           && ngx_strlchr(name->data, name->data + name->len, '.') == NULL
           ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_llm_batch_format_list(ngx_str_t *path)
{
    if (path->len == 1 && path->data[0] == '.') {
        /* the answer itself */
        return NGX_OK;
    }

    return ngx_http_llm_batch_format_path(path);
}


static ngx_int_t
ngx_http_llm_batch_format_usage(ngx_str_t *path)
{
    if (path->len && path->data[path->len - 1] == '*') {
        return NGX_ERROR;
    }

    return ngx_http_llm_batch_format_path(path);
}


/* names separated by "."; the last one may be "*", behind another one */

static ngx_int_t
ngx_http_llm_batch_format_path(ngx_str_t *path)
{
    u_char      *p, *name, *last;
    ngx_uint_t   n;

    last = path->data + path->len;
    name = path->data;
    n = 0;

    for (p = name; p <= last; p++) {

        if (p < last && *p != '.') {
            continue;
        }

        n++;

        if (p == name || n > NGX_HTTP_LLM_BATCH_PATH_NAMES) {
            return NGX_ERROR;
        }

        if (p == name + 1 && *name == '*' && (p < last || n == 1)) {
            return NGX_ERROR;
        }

        name = p + 1;
    }

    return NGX_OK;
}


/* whether what is at the path has the inner one in it, or is that */

static ngx_uint_t
ngx_http_llm_batch_format_holds(const llmb_str_t *path,
    const llmb_str_t *inner)
{
    return path->len
           && path->len <= inner->len
           && ngx_memcmp(path->data, inner->data, path->len) == 0
           && (path->len == inner->len || inner->data[path->len] == '.');
}


static ngx_int_t
ngx_http_llm_batch_format_complete(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_http_llm_batch_format_t *format)
{
    char         *missing;
    ngx_str_t     name;
    ngx_uint_t    bare;
    llmb_form_t  *form;

    missing = NULL;
    form = &format->form;
    name = ngx_http_llm_batch_ngx_str(&format->adapter.name);

    if (format->paths[0].len == 0) {
        missing = "match";

    } else if (format->columns[0].name.len == 0) {
        missing = "request";

    } else if (form->list.len == 0) {
        missing = "response";
    }

    if (missing) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "no \"%s=\" parameter of format \"%V\" in \"%V\" "
                           "directive", missing, &name, &cmd->name);
        return NGX_ERROR;
    }

    bare = (form->list.data[0] == '.');

    if (bare) {
        form->list.len = 0;
    }

    if (form->index.len && form->list.len
        && form->list.data[form->list.len - 1] == '*')
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "several lists have no common \"index=\" in format "
                           "\"%V\" in \"%V\" directive", &name, &cmd->name);
        return NGX_ERROR;
    }

    if (bare && form->usage[0].len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "a bare list has no \"usage=\" in format \"%V\" in "
                           "\"%V\" directive", &name, &cmd->name);
        return NGX_ERROR;
    }

    if (ngx_http_llm_batch_format_holds(&form->usage[0], &form->list)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"response=\" is in \"usage=\" of format \"%V\" "
                           "in \"%V\" directive", &name, &cmd->name);
        return NGX_ERROR;
    }

    return NGX_OK;
}
