
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * "llm_batch_secret": the file is read whenever the configuration is, by the
 * master process, so workers need not be able to.  Nothing of it is kept but
 * a digest.
 */


#include "ngx_http_llm_batch.h"

#include <ngx_sha1.h>


static char *ngx_http_llm_batch_read_secret(ngx_conf_t *cf, ngx_str_t *name,
    u_char *text, size_t *len);
static char *ngx_http_llm_batch_secret_error(ngx_conf_t *cf, ngx_str_t *name,
    const char *what, ngx_err_t err);


char *
ngx_http_llm_batch_secret(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                            *rv;
    size_t                           len;
    u_char                           digest[20];
    ngx_str_t                       *value, name;
    ngx_sha1_t                       sha1;
    ngx_http_llm_batch_main_conf_t  *mcf = conf;

    u_char  text[NGX_HTTP_LLM_BATCH_SECRET_MAX + 3];

    if (mcf->secret_there) {
        return "is duplicate";
    }

    mcf->secret_there = 1;

    value = cf->args->elts;
    name = value[1];

    if (ngx_strcmp(name.data, "off") == 0) {
        return NGX_CONF_OK;
    }

    if (name.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid file \"\" in \"%V\" directive",
                           &cmd->name);
        return NGX_CONF_ERROR;
    }

    if (ngx_conf_full_name(cf->cycle, &name, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    rv = ngx_http_llm_batch_read_secret(cf, &name, text, &len);

    if (rv == NGX_CONF_OK) {
        ngx_sha1_init(&sha1);
        ngx_sha1_update(&sha1, text, len);
        ngx_sha1_final(digest, &sha1);

        ngx_memcpy(mcf->secret.key, digest, sizeof(mcf->secret.key));
        mcf->secret_set = 1;
    }

    ngx_explicit_memzero(text, sizeof(text));

    return rv;
}


/* an end of the line is there or not as the editor likes */

static char *
ngx_http_llm_batch_read_secret(ngx_conf_t *cf, ngx_str_t *name, u_char *text,
    size_t *len)
{
    char             *rv;
    ssize_t           n;
    ngx_fd_t          fd;
    ngx_file_info_t   fi;

    /* not to wait for whoever writes to what is no file */

    fd = ngx_open_file(name->data, NGX_FILE_RDONLY|NGX_FILE_NONBLOCK,
                       NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        return ngx_http_llm_batch_secret_error(cf, name,
                                               ngx_open_file_n " failed",
                                               ngx_errno);
    }

    rv = NGX_CONF_OK;
    n = 0;

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR) {
        rv = ngx_http_llm_batch_secret_error(cf, name, ngx_fd_info_n " failed",
                                             ngx_errno);

    } else if (!ngx_is_file(&fi)
               || ngx_file_size(&fi) > NGX_HTTP_LLM_BATCH_SECRET_MAX + 2)
    {
        rv = ngx_http_llm_batch_secret_error(cf, name, "is not a file of up "
                                             "to 4096 bytes", 0);

    } else {
        n = ngx_read_fd(fd, text, NGX_HTTP_LLM_BATCH_SECRET_MAX + 2);

        if (n == -1) {
            rv = ngx_http_llm_batch_secret_error(cf, name,
                                                 ngx_read_fd_n " failed",
                                                 ngx_errno);
        }
    }

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, cf->log, ngx_errno,
                      ngx_close_file_n " \"%V\" failed", name);
    }

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    while (n && (text[n - 1] == LF || text[n - 1] == CR)) {
        n--;
    }

    if (n < NGX_HTTP_LLM_BATCH_SECRET_MIN) {
        return ngx_http_llm_batch_secret_error(cf, name, n ? "is too short, "
                                               "at least 16 bytes are needed"
                                               : "is empty", 0);
    }

    *len = n;

    return NGX_CONF_OK;
}


static char *
ngx_http_llm_batch_secret_error(ngx_conf_t *cf, ngx_str_t *name,
    const char *what, ngx_err_t err)
{
    ngx_conf_log_error(NGX_LOG_EMERG, cf, err, "llm_batch_secret: \"%V\" %s",
                       name, what);

    return NGX_CONF_ERROR;
}
