
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Only groups that are new get here.  The key of the one before is copied step
 * by step, and compared without the lock; if it is gone meanwhile, it is not a
 * whole key, and there is nothing to be told.
 */


#include "ngx_http_llm_batch.h"


/* bytes of a name in the log: each may be written as four */

#define NGX_HTTP_LLM_BATCH_ESCAPED(n)  (4 * (n) + 1)


static size_t ngx_http_llm_batch_read_key(ngx_http_llm_batch_zone_t *zone,
    ngx_http_llm_batch_entry_t *entry, u_char *key);
static void ngx_http_llm_batch_tell(ngx_http_llm_batch_ctx_t *ctx,
    llmb_family_t *f);
static u_char *ngx_http_llm_batch_tell_difference(u_char *p, u_char *last,
    ngx_http_llm_batch_ctx_t *ctx, llmb_difference_t *differs);
static u_char *ngx_http_llm_batch_escape(u_char *p, u_char *last,
    u_char *data, size_t len);


void
ngx_http_llm_batch_differ(ngx_http_llm_batch_ctx_t *ctx,
    ngx_http_llm_batch_entry_t *entry)
{
    u_char                     *key;
    unsigned                    n, tell;
    llmb_str_t                  before;
    llmb_family_t              *f, copy;
    llmb_difference_t           differs[LLMB_DIFFER_MAX];
    ngx_http_llm_batch_zone_t  *zone;

    if (entry->before == LLMB_NIL) {
        return;
    }

    zone = ctx->zone;

    key = ngx_alloc(LLMB_KEY_MAX, ctx->request->connection->log);
    if (key == NULL) {
        return;
    }

    before.data = key;
    before.len = ngx_http_llm_batch_read_key(zone, entry, key);

    n = llmb_differ(before, ngx_http_llm_batch_str(&entry->key), differs);

    ngx_free(key);

    tell = 0;

    ngx_http_llm_batch_lock(zone);

    f = llmb_family(zone->tables, entry->kin);

    if (zone->tables->epoch == zone->epoch
        && f->groups && f->hash == entry->family)
    {
        llmb_family_note(f, differs, n);
        tell = llmb_family_tell(zone->tables, f, ngx_current_msec);
        copy = *f;
    }

    ngx_http_llm_batch_unlock(zone);

    if (tell) {
        ngx_http_llm_batch_tell(ctx, &copy);
    }
}


static size_t
ngx_http_llm_batch_read_key(ngx_http_llm_batch_zone_t *zone,
    ngx_http_llm_batch_entry_t *entry, u_char *key)
{
    size_t  n, len;

    len = 0;

    do {
        n = 0;

        ngx_http_llm_batch_lock(zone);

        if (zone->tables->epoch == zone->epoch) {
            n = llmb_group_read_key(zone->tables, entry->before,
                                    entry->before_hash, len, key + len);
        }

        ngx_http_llm_batch_unlock(zone);

        len += n;

    } while (n == LLMB_GROUP_STEP && len < LLMB_KEY_MAX);

    return len;
}


static void
ngx_http_llm_batch_tell(ngx_http_llm_batch_ctx_t *ctx, llmb_family_t *f)
{
    u_char      *p, *last, name[NGX_HTTP_LLM_BATCH_ESCAPED(LLMB_GROUP_NAME)];
    ngx_uint_t   i;

    u_char  text[LLMB_FAMILY_DIFFERS
                 * (NGX_HTTP_LLM_BATCH_ESCAPED(LLMB_DIFFER_NAME) + 64)];

    last = text + sizeof(text) - 1;
    p = text;

    for (i = 0; i < f->ndiffers; i++) {
        p = ngx_slprintf(p, last, i ? ", " : "");
        p = ngx_http_llm_batch_tell_difference(p, last, ctx, &f->differs[i]);
    }

    *p = '\0';

    *ngx_http_llm_batch_escape(name, name + sizeof(name) - 1, f->name,
                               f->name_len) = '\0';

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "zone \"%V\": more than %d keys of \"%s\" within a minute, "
                  "few of its requests can share a call; they differ in %s",
                  &ctx->zone->name, LLMB_FAMILY_MANY, name,
                  f->ndiffers ? text : (u_char *) "what is not known");
}


/* with what may be done about it */

static u_char *
ngx_http_llm_batch_tell_difference(u_char *p, u_char *last,
    ngx_http_llm_batch_ctx_t *ctx, llmb_difference_t *differs)
{
    char       *what, *see;
    ngx_str_t   name;

    name.data = differs->name;
    name.len = differs->len;

    switch (differs->kind) {

    case LLMB_DIFFER_HEADER:

        if (ngx_http_llm_batch_is_credential(ctx->conf, &name)) {
            what = "credential ";
            see = " (llm_batch_tenant)";
            break;
        }

        what = "header ";
        see = " (llm_batch_ignore_headers)";
        break;

    case LLMB_DIFFER_MEMBER:
        what = "member ";
        see = " (llm_batch_ignore_members)";
        break;

    case LLMB_DIFFER_VARIABLE:
        what = "variable ";
        see = "";
        break;

    default: /* LLMB_DIFFER_WORD */
        what = "";
        see = "";
        break;
    }

    p = ngx_slprintf(p, last, "%s\"", what);
    p = ngx_http_llm_batch_escape(p, last, name.data, name.len);

    return ngx_slprintf(p, last, "\"%s", see);
}


/* clients have chosen it: in ASCII, and it cannot look like our own words */

static u_char *
ngx_http_llm_batch_escape(u_char *p, u_char *last, u_char *data, size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {

        if (data[i] < 0x20 || data[i] > 0x7e || data[i] == '"'
            || data[i] == '\\')
        {
            p = ngx_slprintf(p, last, "\\x%02xd", (int) data[i]);

        } else {
            p = ngx_slprintf(p, last, "%c", data[i]);
        }
    }

    return p;
}
