
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * "proxy_ignore_client_abort" and its like, while a request is held.  What
 * other modules are configured to is theirs alone, but for this: the settings
 * of those that pass requests to an upstream begin with the ones that nginx's
 * upstream module defines for all of them.
 */


#include "ngx_http_llm_batch.h"


static char  *ngx_http_llm_batch_passing[] = {
    "ngx_http_proxy_module",
    "ngx_http_fastcgi_module",
    "ngx_http_uwsgi_module",
    "ngx_http_scgi_module",
    NULL
};


ngx_int_t
ngx_http_llm_batch_find_passing(ngx_conf_t *cf, ngx_array_t *passing)
{
    char           **name;
    ngx_uint_t       i, *index;
    ngx_module_t   **modules;

    if (ngx_array_init(passing, cf->pool, 4, sizeof(ngx_uint_t)) != NGX_OK) {
        return NGX_ERROR;
    }

    modules = cf->cycle->modules;

    for (i = 0; modules[i]; i++) {

        if (modules[i]->type != NGX_HTTP_MODULE) {
            continue;
        }

        for (name = ngx_http_llm_batch_passing; *name; name++) {

            if (ngx_strcmp(modules[i]->name, *name) != 0) {
                continue;
            }

            index = ngx_array_push(passing);
            if (index == NULL) {
                return NGX_ERROR;
            }

            *index = modules[i]->ctx_index;
        }
    }

    return NGX_OK;
}


/*
 * Of the module that the location has an upstream of.  With variables in its
 * "proxy_pass" that is not to be seen, nor where "try_files" leads; then any
 * one that is told to ignore aborts will do.
 */

ngx_uint_t
ngx_http_llm_batch_ignores_abort(ngx_http_request_t *r)
{
    ngx_uint_t                       i, *index, ignore;
    ngx_http_upstream_conf_t        *conf;
    ngx_http_llm_batch_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_llm_batch_module);

    index = mcf->passing.elts;
    ignore = 0;

    for (i = 0; i < mcf->passing.nelts; i++) {
        conf = r->loc_conf[index[i]];

        if (conf->upstream) {
            return conf->ignore_client_abort == 1;
        }

        if (conf->ignore_client_abort == 1) {
            ignore = 1;
        }
    }

    return ignore;
}
