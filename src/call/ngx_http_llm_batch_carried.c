
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Variables on their way into a call.  A value of one member may be taken
 * along only if it has been compared, and what is compared is what is taken
 * along: both are made of the lists that are made here.  All other variables
 * are found out anew, from what the call has of its own.
 */


#include "ngx_http_llm_batch.h"


typedef enum {

    /* has a value of its own if an earlier phase has looked at it or set it */
    NGX_HTTP_LLM_BATCH_VAR_SEEN = 0,

    /* equal for all members, and only their connections could tell */
    NGX_HTTP_LLM_BATCH_VAR_CONNECTION,

    /* who a client is: equal wherever its credentials have to be */
    NGX_HTTP_LLM_BATCH_VAR_IDENTITY,

    /* an address or a port, of one member, that its connection has to tell */
    NGX_HTTP_LLM_BATCH_VAR_LENT,

    /* of the call itself, or of headers, which it has only if all agree */
    NGX_HTTP_LLM_BATCH_VAR_ANEW,

    /* of the body and the path: even where a member's have been compared */
    NGX_HTTP_LLM_BATCH_VAR_OWN

} ngx_http_llm_batch_var_e;


typedef struct {
    ngx_str_t                  name;      /* with a last "*": the beginning */
    ngx_http_llm_batch_var_e   how;
} ngx_http_llm_batch_var_name_t;


static ngx_uint_t ngx_http_llm_batch_is_told(ngx_str_t *name);
static ngx_http_llm_batch_var_e ngx_http_llm_batch_variable_class(
    ngx_http_variable_t *v);
static ngx_int_t ngx_http_llm_batch_carry_all(ngx_http_request_t *r,
    ngx_array_t *list, ngx_array_t *from);
static ngx_int_t ngx_http_llm_batch_lend_variable(ngx_http_request_t *fr,
    ngx_http_request_t *r, ngx_uint_t index);


/* nginx's own; of those that a configuration may redefine, the first two */

static ngx_http_llm_batch_var_name_t  ngx_http_llm_batch_var_names[] = {

    { ngx_string("scheme"), NGX_HTTP_LLM_BATCH_VAR_CONNECTION },
    { ngx_string("https"), NGX_HTTP_LLM_BATCH_VAR_CONNECTION },
    { ngx_string("server_addr"), NGX_HTTP_LLM_BATCH_VAR_CONNECTION },
    { ngx_string("server_port"), NGX_HTTP_LLM_BATCH_VAR_CONNECTION },
    { ngx_string("proxy_protocol_server_addr"),
      NGX_HTTP_LLM_BATCH_VAR_CONNECTION },
    { ngx_string("proxy_protocol_server_port"),
      NGX_HTTP_LLM_BATCH_VAR_CONNECTION },
    { ngx_string("ssl_early_data"), NGX_HTTP_LLM_BATCH_VAR_CONNECTION },

    { ngx_string("remote_user"), NGX_HTTP_LLM_BATCH_VAR_IDENTITY },
    { ngx_string("ssl_client_*"), NGX_HTTP_LLM_BATCH_VAR_IDENTITY },

    { ngx_string("realip_remote_addr"), NGX_HTTP_LLM_BATCH_VAR_LENT },
    { ngx_string("realip_remote_port"), NGX_HTTP_LLM_BATCH_VAR_LENT },
    { ngx_string("proxy_protocol_addr"), NGX_HTTP_LLM_BATCH_VAR_LENT },
    { ngx_string("proxy_protocol_port"), NGX_HTTP_LLM_BATCH_VAR_LENT },

    { ngx_string("remote_addr"), NGX_HTTP_LLM_BATCH_VAR_ANEW },
    { ngx_string("remote_port"), NGX_HTTP_LLM_BATCH_VAR_ANEW },
    { ngx_string("binary_remote_addr"), NGX_HTTP_LLM_BATCH_VAR_ANEW },
    { ngx_string("proxy_add_x_forwarded_for"), NGX_HTTP_LLM_BATCH_VAR_ANEW },
    { ngx_string("http_*"), NGX_HTTP_LLM_BATCH_VAR_ANEW },
    { ngx_string("cookie_*"), NGX_HTTP_LLM_BATCH_VAR_ANEW },
    { ngx_string("content_type"), NGX_HTTP_LLM_BATCH_VAR_ANEW },
    { ngx_string("host"), NGX_HTTP_LLM_BATCH_VAR_ANEW },
    { ngx_string("server_protocol"), NGX_HTTP_LLM_BATCH_VAR_ANEW },
    { ngx_string("request"), NGX_HTTP_LLM_BATCH_VAR_ANEW },
    { ngx_string("request_id"), NGX_HTTP_LLM_BATCH_VAR_ANEW },
    { ngx_string("request_completion"), NGX_HTTP_LLM_BATCH_VAR_ANEW },
    { ngx_string("connection*"), NGX_HTTP_LLM_BATCH_VAR_ANEW },
    { ngx_string("http2"), NGX_HTTP_LLM_BATCH_VAR_ANEW },
    { ngx_string("http3"), NGX_HTTP_LLM_BATCH_VAR_ANEW },
    { ngx_string("pid"), NGX_HTTP_LLM_BATCH_VAR_ANEW },
    { ngx_string("pipe"), NGX_HTTP_LLM_BATCH_VAR_ANEW },
    { ngx_string("bytes_sent"), NGX_HTTP_LLM_BATCH_VAR_ANEW },
    { ngx_string("body_bytes_sent"), NGX_HTTP_LLM_BATCH_VAR_ANEW },

    { ngx_string("content_length"), NGX_HTTP_LLM_BATCH_VAR_OWN },
    { ngx_string("request_body"), NGX_HTTP_LLM_BATCH_VAR_OWN },
    { ngx_string("request_body_file"), NGX_HTTP_LLM_BATCH_VAR_OWN },
    { ngx_string("request_length"), NGX_HTTP_LLM_BATCH_VAR_OWN },
    { ngx_string("request_uri"), NGX_HTTP_LLM_BATCH_VAR_OWN },

    { ngx_null_string, 0 }
};


ngx_int_t
ngx_http_llm_batch_sort_variables(ngx_cycle_t *cycle,
    ngx_http_llm_batch_main_conf_t *mcf)
{
    ngx_uint_t                  i, *index;
    ngx_array_t                *list;
    ngx_http_variable_t        *v;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_core_module);
    v = cmcf->variables.elts;

    for (i = 0; i < cmcf->variables.nelts; i++) {

        if (v[i].name.len == sizeof("llm_batch_key") - 1
            && ngx_strncmp(v[i].name.data, "llm_batch_key", v[i].name.len)
               == 0)
        {
            mcf->keyed = 1;
        }

        if (ngx_http_llm_batch_is_told(&v[i].name)) {
            mcf->metered = 1;
        }

        switch (ngx_http_llm_batch_variable_class(&v[i])) {

        case NGX_HTTP_LLM_BATCH_VAR_SEEN:
            list = &mcf->variables;
            break;

        case NGX_HTTP_LLM_BATCH_VAR_CONNECTION:
            list = &mcf->connection;
            break;

        case NGX_HTTP_LLM_BATCH_VAR_IDENTITY:
            list = &mcf->identity;
            break;

        case NGX_HTTP_LLM_BATCH_VAR_LENT:
            list = &mcf->lent;
            break;

        case NGX_HTTP_LLM_BATCH_VAR_OWN:
            list = &mcf->own;
            break;

        default: /* NGX_HTTP_LLM_BATCH_VAR_ANEW */
            continue;
        }

        index = ngx_array_push(list);
        if (index == NULL) {
            return NGX_ERROR;
        }

        *index = i;
    }

    return NGX_OK;
}


/* the variables that an answer tells */

static ngx_uint_t
ngx_http_llm_batch_is_told(ngx_str_t *name)
{
    ngx_uint_t  i;

    static ngx_str_t  names[] = {
        ngx_string("llm_batch_tier"),
        ngx_string("llm_batch_tokens"),
        ngx_string("llm_batch_cached_tokens"),
        ngx_string("llm_batch_output_tokens"),
        ngx_string("llm_batch_cost"),
        ngx_null_string
    };

    for (i = 0; names[i].len; i++) {
        if (names[i].len == name->len
            && ngx_strncmp(names[i].data, name->data, name->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


static ngx_http_llm_batch_var_e
ngx_http_llm_batch_variable_class(ngx_http_variable_t *v)
{
    size_t                          len;
    ngx_http_llm_batch_var_name_t  *n;

    for (n = ngx_http_llm_batch_var_names; n->name.len; n++) {

        len = n->name.len;

        if (n->name.data[len - 1] == '*') {
            len--;

            if (v->name.len < len) {
                continue;
            }

        } else if (v->name.len != len) {
            continue;
        }

        if (ngx_strncmp(v->name.data, n->name.data, len) != 0) {
            continue;
        }

        /* not nginx's, if it was made by "set", "map" and the like */

        if ((v->flags & NGX_HTTP_VAR_CHANGEABLE)
            && n->how > NGX_HTTP_LLM_BATCH_VAR_IDENTITY)
        {
            continue;
        }

        return n->how;
    }

    return NGX_HTTP_LLM_BATCH_VAR_SEEN;
}


/*
 * What is not cacheable, as that of a "volatile" map, is not a value that an
 * earlier phase has decided on.
 */

ngx_int_t
ngx_http_llm_batch_see_variables(ngx_http_llm_batch_ctx_t *ctx)
{
    ngx_uint_t                       i, *index, *seen;
    ngx_array_t                     *list;
    ngx_http_request_t              *r;
    ngx_http_llm_batch_main_conf_t  *mcf;

    r = ctx->request;
    mcf = ctx->zone->mcf;

    list = &mcf->variables;
    index = list->elts;

    for (i = 0; i < list->nelts; i++) {

        if (!r->variables[index[i]].valid
            || r->variables[index[i]].no_cacheable)
        {
            continue;
        }

        if (ctx->carried.elts == NULL
            && ngx_array_init(&ctx->carried, r->pool, 8, sizeof(ngx_uint_t))
               != NGX_OK)
        {
            return NGX_ERROR;
        }

        seen = ngx_array_push(&ctx->carried);
        if (seen == NULL) {
            return NGX_ERROR;
        }

        *seen = index[i];
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_llm_batch_carry_variables(ngx_http_llm_batch_ctx_t *ctx)
{
    ngx_http_request_t              *r;
    ngx_http_llm_batch_main_conf_t  *mcf;

    if (ctx->carries) {
        return NGX_OK;
    }

    ctx->carries = 1;

    r = ctx->request;
    mcf = ctx->zone->mcf;

    if (ngx_http_llm_batch_carry_all(r, &ctx->carried, &mcf->connection)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ctx->conf->compared
        && ngx_http_llm_batch_carry_all(r, &ctx->carried, ctx->conf->compared)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_llm_batch_carry_all(r, &ctx->identity, &mcf->identity);
}


static ngx_int_t
ngx_http_llm_batch_carry_all(ngx_http_request_t *r, ngx_array_t *list,
    ngx_array_t *from)
{
    ngx_uint_t                      i, *index, *carried;
    ngx_http_variable_value_t      *v;
    ngx_http_llm_batch_captures_t   captures;

    index = from->elts;

    if (ngx_http_llm_batch_save_captures(r, &captures) != NGX_OK) {
        return NGX_ERROR;
    }

    for (i = 0; i < from->nelts; i++) {

        v = ngx_http_get_indexed_variable(r, index[i]);

        ngx_http_llm_batch_restore_captures(r, &captures);

        if (v == NULL || v->not_found) {
            continue;
        }

        if (list->elts == NULL
            && ngx_array_init(list, r->pool, 8, sizeof(ngx_uint_t)) != NGX_OK)
        {
            return NGX_ERROR;
        }

        carried = ngx_array_push(list);
        if (carried == NULL) {
            return NGX_ERROR;
        }

        *carried = index[i];
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_llm_batch_lend_variables(ngx_http_request_t *fr,
    ngx_http_llm_batch_ctx_t *lender, ngx_uint_t credentials)
{
    ngx_uint_t                       i, *index;
    ngx_http_request_t              *r;
    ngx_http_llm_batch_main_conf_t  *mcf;

    r = lender->request;
    mcf = lender->zone->mcf;

    index = mcf->lent.elts;

    for (i = 0; i < mcf->lent.nelts; i++) {
        (void) ngx_http_get_indexed_variable(r, index[i]);

        if (ngx_http_llm_batch_lend_variable(fr, r, index[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    index = lender->carried.elts;

    for (i = 0; i < lender->carried.nelts; i++) {
        if (ngx_http_llm_batch_lend_variable(fr, r, index[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    index = lender->identity.elts;

    for (i = 0; credentials && i < lender->identity.nelts; i++) {
        if (ngx_http_llm_batch_lend_variable(fr, r, index[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    /* a member may have had to agree in its own, but the call has another */

    index = mcf->own.elts;

    for (i = 0; i < mcf->own.nelts; i++) {
        fr->variables[index[i]].valid = 0;
    }

    return NGX_OK;
}


/* not to be found out again, even if it is not cacheable elsewhere */

static ngx_int_t
ngx_http_llm_batch_lend_variable(ngx_http_request_t *fr,
    ngx_http_request_t *r, ngx_uint_t index)
{
    ngx_str_t  value, copy;

    if (!r->variables[index].valid) {
        return NGX_OK;
    }

    value.data = r->variables[index].data;
    value.len = r->variables[index].len;

    if (ngx_http_llm_batch_dup(fr->pool, &copy, &value) != NGX_OK) {
        return NGX_ERROR;
    }

    fr->variables[index] = r->variables[index];
    fr->variables[index].data = copy.data;
    fr->variables[index].no_cacheable = 0;

    return NGX_OK;
}


ngx_int_t
ngx_http_llm_batch_evaluate(ngx_http_request_t *r,
    ngx_http_complex_value_t *cv, ngx_str_t *value)
{
    ngx_int_t                      rc;
    ngx_http_llm_batch_captures_t  captures;

    if (cv->lengths == NULL) {
        *value = cv->value;
        return NGX_OK;
    }

    if (ngx_http_llm_batch_save_captures(r, &captures) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_http_complex_value(r, cv, value);

    ngx_http_llm_batch_restore_captures(r, &captures);

    return rc;
}


ngx_int_t
ngx_http_llm_batch_save_captures(ngx_http_request_t *r,
    ngx_http_llm_batch_captures_t *saved)
{
    ngx_memzero(saved, sizeof(ngx_http_llm_batch_captures_t));

#if (NGX_PCRE)

    saved->n = r->ncaptures;
    saved->data = r->captures_data;

    if (r->ncaptures <= 2) {
        /* none that could be asked for; the array may not even be there */
        return NGX_OK;
    }

    saved->captures = ngx_palloc(r->pool, r->ncaptures * sizeof(int));
    if (saved->captures == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(saved->captures, r->captures, r->ncaptures * sizeof(int));

#endif

    return NGX_OK;
}


void
ngx_http_llm_batch_restore_captures(ngx_http_request_t *r,
    ngx_http_llm_batch_captures_t *saved)
{
#if (NGX_PCRE)

    /* the array has room for those of any expression */

    if (saved->captures) {
        ngx_memcpy(r->captures, saved->captures, saved->n * sizeof(int));
    }

    r->ncaptures = saved->n;
    r->captures_data = saved->data;

#endif
}


char *
ngx_http_llm_batch_compare_variables(ngx_conf_t *cf, ngx_array_t **compared,
    ngx_str_t *value)
{
    u_char      *p, *end;
    ngx_int_t    index;
    ngx_str_t    name;
    ngx_uint_t  *elt;

    p = value->data;
    end = p + value->len;

    while (p < end) {

        if (*p++ != '$') {
            continue;
        }

        if (p < end && *p == '{') {
            p++;
        }

        name.data = p;

        while (p < end
               && ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z')
                   || (*p >= '0' && *p <= '9') || *p == '_'))
        {
            p++;
        }

        name.len = p - name.data;

        if (name.len == 0
            || (name.data[0] >= '0' && name.data[0] <= '9'))
        {
            /* a capture, which is always compared */
            continue;
        }

        index = ngx_http_get_variable_index(cf, &name);
        if (index == NGX_ERROR) {
            return NGX_CONF_ERROR;
        }

        if (*compared == NULL) {
            *compared = ngx_array_create(cf->pool, 4, sizeof(ngx_uint_t));
            if (*compared == NULL) {
                return NGX_CONF_ERROR;
            }
        }

        elt = ngx_array_push(*compared);
        if (elt == NULL) {
            return NGX_CONF_ERROR;
        }

        *elt = index;
    }

    return NGX_CONF_OK;
}
