
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The content handler of "llm_batch_status": chooses the format.
 */


#include "ngx_http_llm_batch.h"


typedef enum {
    NGX_HTTP_LLM_BATCH_FORMAT_AUTO = 0,
    NGX_HTTP_LLM_BATCH_FORMAT_HTML,
    NGX_HTTP_LLM_BATCH_FORMAT_JSON,
    NGX_HTTP_LLM_BATCH_FORMAT_PROMETHEUS
} ngx_http_llm_batch_format_e;


static ngx_int_t ngx_http_llm_batch_status_any(ngx_http_request_t *r);
static ngx_int_t ngx_http_llm_batch_status_page(ngx_http_request_t *r);
static ngx_int_t ngx_http_llm_batch_status_as_html(ngx_http_request_t *r);
static ngx_int_t ngx_http_llm_batch_status_as_json(ngx_http_request_t *r);
static ngx_int_t ngx_http_llm_batch_status_as_prometheus(
    ngx_http_request_t *r);
static ngx_http_llm_batch_format_e ngx_http_llm_batch_get_format(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_llm_batch_status_send(ngx_http_request_t *r,
    ngx_str_t *type, ngx_str_t *page);


/* reads its own JSON again every second */

static ngx_str_t  ngx_http_llm_batch_html = ngx_string(
    "<!DOCTYPE html>\n"
    "<html lang=\"en\"><head><meta charset=\"utf-8\">"
    "<title>llm batch</title>\n"
    "<style>body{font:14px sans-serif;margin:2em}"
    "table{border-collapse:collapse;margin:1em 0}"
    "td,th{border:1px solid #ccc;padding:.3em .6em;text-align:right}"
    "th{background:#eee}</style></head>\n"
    "<body><h1>llm batch</h1><div id=\"zones\"></div>\n"
    "<script>\n"
    "const el = (name, text) => { const e = document.createElement(name);\n"
    "  if (text !== undefined) e.textContent = text; return e; };\n"
    "const row = (name, cells) => { const tr = el('tr');\n"
    "  cells.forEach(c => tr.append(el(name, c))); return tr; };\n"
    "const show = v => Array.isArray(v) ? v.join(', ') :\n"
    "  typeof v === 'object' ? JSON.stringify(v) : v;\n"
    "async function load() {\n"
    "  const s = await (await fetch('?format=json')).json();\n"
    "  const out = document.getElementById('zones'); out.textContent = '';\n"
    "  for (const [name, z] of Object.entries(s.zones)) {\n"
    "    out.append(el('h2', name)); const t = el('table');\n"
    "    for (const k of ['requests', 'single', 'dry_run', 'calls',\n"
    "      'memory'])\n"
    "      for (const [n, v] of Object.entries(z[k]))\n"
    "        t.append(row('td', [k, n, show(v)]));\n"
    "    out.append(t);\n"
    "    if (!z.groups.length) continue;\n"
    "    const g = el('table'); const keys =\n"
    "      [...new Set(z.groups.flatMap(x => Object.keys(x)))];\n"
    "    g.append(row('th', keys));\n"
    "    z.groups.forEach(x => g.append(row('td',\n"
    "      keys.map(k => show(x[k])))));\n"
    "    out.append(g);\n"
    "  }\n"
    "}\n"
    "load(); setInterval(load, 1000);\n"
    "</script></body></html>\n");


char *
ngx_http_llm_batch_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                 *value;
    ngx_uint_t                 i;
    ngx_http_core_loc_conf_t  *clcf;

    ngx_http_llm_batch_main_conf_t  *mcf;

    static struct {
        char                 *name;
        ngx_http_handler_pt   handler;

    } formats[] = {
        { "html", ngx_http_llm_batch_status_page },
        { "json", ngx_http_llm_batch_status_as_json },
        { "prometheus", ngx_http_llm_batch_status_as_prometheus },
        { NULL, NULL }
    };

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_llm_batch_module);
    mcf->metered = 1;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (cf->args->nelts == 1) {
        clcf->handler = ngx_http_llm_batch_status_any;
        return NGX_CONF_OK;
    }

    value = cf->args->elts;

    for (i = 0; formats[i].name; i++) {
        if (ngx_strcmp(value[1].data, formats[i].name) == 0) {
            clcf->handler = formats[i].handler;
            return NGX_CONF_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid format \"%V\" in \"%V\" directive, \"html\", "
                       "\"json\" or \"prometheus\" expected",
                       &value[1], &cmd->name);

    return NGX_CONF_ERROR;
}


static ngx_int_t
ngx_http_llm_batch_status_any(ngx_http_request_t *r)
{
    switch (ngx_http_llm_batch_get_format(r)) {

    case NGX_HTTP_LLM_BATCH_FORMAT_HTML:
        return ngx_http_llm_batch_status_as_html(r);

    case NGX_HTTP_LLM_BATCH_FORMAT_JSON:
        return ngx_http_llm_batch_status_as_json(r);

    default:
        return ngx_http_llm_batch_status_as_prometheus(r);
    }
}


/* "html": the page, and its own data */

static ngx_int_t
ngx_http_llm_batch_status_page(ngx_http_request_t *r)
{
    ngx_str_t  format;

    if (ngx_http_arg(r, (u_char *) "format", 6, &format) == NGX_OK) {
        return ngx_http_llm_batch_status_any(r);
    }

    return ngx_http_llm_batch_status_as_html(r);
}


/* by ?format=, or what a browser, a program or Prometheus says it accepts */

static ngx_http_llm_batch_format_e
ngx_http_llm_batch_get_format(ngx_http_request_t *r)
{
    ngx_str_t                   format;
    ngx_uint_t                  key;
    ngx_http_variable_value_t  *v;

    static ngx_str_t  accept = ngx_string("http_accept");

    if (ngx_http_arg(r, (u_char *) "format", 6, &format) == NGX_OK) {

        if (format.len == 4 && ngx_strncmp(format.data, "html", 4) == 0) {
            return NGX_HTTP_LLM_BATCH_FORMAT_HTML;
        }

        if (format.len == 4 && ngx_strncmp(format.data, "json", 4) == 0) {
            return NGX_HTTP_LLM_BATCH_FORMAT_JSON;
        }

        return NGX_HTTP_LLM_BATCH_FORMAT_PROMETHEUS;
    }

    key = ngx_hash_key(accept.data, accept.len);
    v = ngx_http_get_variable(r, &accept, key);

    if (v && !v->not_found) {

        if (ngx_strlcasestrn(v->data, v->data + v->len,
                             (u_char *) "text/html", 9 - 1))
        {
            return NGX_HTTP_LLM_BATCH_FORMAT_HTML;
        }

        if (ngx_strlcasestrn(v->data, v->data + v->len,
                             (u_char *) "application/json", 16 - 1))
        {
            return NGX_HTTP_LLM_BATCH_FORMAT_JSON;
        }
    }

    return NGX_HTTP_LLM_BATCH_FORMAT_PROMETHEUS;
}


static ngx_int_t
ngx_http_llm_batch_status_as_html(ngx_http_request_t *r)
{
    static ngx_str_t  type = ngx_string("text/html; charset=utf-8");

    return ngx_http_llm_batch_status_send(r, &type, &ngx_http_llm_batch_html);
}


static ngx_int_t
ngx_http_llm_batch_status_as_json(ngx_http_request_t *r)
{
    ngx_str_t  page;

    static ngx_str_t  type = ngx_string("application/json");

    if (ngx_http_llm_batch_status_json(r, &page) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_llm_batch_status_send(r, &type, &page);
}


static ngx_int_t
ngx_http_llm_batch_status_as_prometheus(ngx_http_request_t *r)
{
    ngx_str_t  page;

    static ngx_str_t  type = ngx_string("text/plain; version=0.0.4; "
                                        "charset=utf-8");

    if (ngx_http_llm_batch_status_prometheus(r, &page) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_llm_batch_status_send(r, &type, &page);
}


static ngx_int_t
ngx_http_llm_batch_status_send(ngx_http_request_t *r, ngx_str_t *type,
    ngx_str_t *page)
{
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_chain_t   out;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = page->len;
    r->headers_out.content_type = *type;
    r->headers_out.content_type_len = type->len;

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b->pos = page->data;
    b->last = page->data + page->len;
    b->memory = 1;
    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}
