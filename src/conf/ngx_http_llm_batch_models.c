
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * "llm_batch_models" reads the catalogue of models.  The parser knows the line
 * of an error of syntax only; that of a value which is not what it should be
 * is looked up in the text when it is needed.
 */


#include "ngx_http_llm_batch.h"

#include <jansson.h>


#define NGX_HTTP_LLM_BATCH_MODELS_SIZE    (4 * 1024 * 1024)

/* limits, and USD per million tokens */

#define NGX_HTTP_LLM_BATCH_MODELS_NUMBER  1000000000
#define NGX_HTTP_LLM_BATCH_MODELS_PRICE   100000

/* of the price, in a tier */

#define NGX_HTTP_LLM_BATCH_MODELS_FACTOR  100

#define NGX_HTTP_LLM_BATCH_MODELS_SHOWN   64


typedef struct {
    ngx_conf_t      *cf;
    ngx_str_t       *name;        /* as it is in the directive */
    ngx_str_t        text;
    ngx_uint_t       index;       /* of the model */
    const char      *match;       /* its, once known */
} ngx_http_llm_batch_catalogue_t;


typedef struct {
    const char      *name;
    size_t           offset;
} ngx_http_llm_batch_limit_t;


static char *ngx_http_llm_batch_read_file(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *text);
static char *ngx_http_llm_batch_read_models(
    ngx_http_llm_batch_catalogue_t *cat, json_t *root);
static char *ngx_http_llm_batch_read_model(
    ngx_http_llm_batch_catalogue_t *cat, json_t *json, llmb_model_t *model);
static char *ngx_http_llm_batch_read_string(
    ngx_http_llm_batch_catalogue_t *cat, json_t *json, const char *member,
    llmb_str_t *s);
static char *ngx_http_llm_batch_read_limit(
    ngx_http_llm_batch_catalogue_t *cat, json_t *json,
    ngx_http_llm_batch_limit_t *limit, llmb_model_t *model);
static char *ngx_http_llm_batch_read_prices(
    ngx_http_llm_batch_catalogue_t *cat, json_t *json, llmb_model_t *model);
static char *ngx_http_llm_batch_read_tiers(
    ngx_http_llm_batch_catalogue_t *cat, json_t *json, llmb_model_t *model);
static char *ngx_http_llm_batch_read_reasoning(
    ngx_http_llm_batch_catalogue_t *cat, json_t *json, llmb_model_t *model);
static char *ngx_http_llm_batch_read_number(
    ngx_http_llm_batch_catalogue_t *cat, json_t *json, const char *member,
    ngx_uint_t max, double *number);
static char *ngx_http_llm_batch_models_error(
    ngx_http_llm_batch_catalogue_t *cat, const char *member,
    const char *what);
static ngx_uint_t ngx_http_llm_batch_models_line(
    ngx_http_llm_batch_catalogue_t *cat, const char *member);
static size_t ngx_http_llm_batch_models_find(
    ngx_http_llm_batch_catalogue_t *cat, const char *member);


static ngx_http_llm_batch_limit_t  ngx_http_llm_batch_limits[] = {
    { "max_input_tokens", offsetof(llmb_model_t, max_input_tokens) },
    { "max_items", offsetof(llmb_model_t, max_items) },
    { "max_call_tokens", offsetof(llmb_model_t, max_call_tokens) },
    { NULL, 0 }
};


char *
ngx_http_llm_batch_models(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                            *rv;
    json_t                          *root;
    ngx_str_t                       *value, file;
    json_error_t                     error;
    ngx_http_llm_batch_catalogue_t   cat;
    ngx_http_llm_batch_main_conf_t  *mcf = conf;

    if (mcf->models_set) {
        return "is duplicate";
    }

    mcf->models_set = 1;

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        return NGX_CONF_OK;
    }

    file = value[1];

    if (ngx_conf_full_name(cf->cycle, &file, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&cat, sizeof(ngx_http_llm_batch_catalogue_t));

    cat.cf = cf;
    cat.name = &value[1];

    rv = ngx_http_llm_batch_read_file(cf, &file, &cat.text);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    root = json_loadb((char *) cat.text.data, cat.text.len,
                      JSON_REJECT_DUPLICATES, &error);

    if (root == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "llm_batch_models \"%V\":%d: "
                           "%s", &value[1], error.line, error.text);
        return NGX_CONF_ERROR;
    }

    rv = ngx_http_llm_batch_read_models(&cat, root);

    json_decref(root);

    return rv;
}


static char *
ngx_http_llm_batch_read_file(ngx_conf_t *cf, ngx_str_t *name, ngx_str_t *text)
{
    char             *rv;
    off_t             size;
    ngx_file_t        file;
    ngx_file_info_t   fi;

    ngx_memzero(&file, sizeof(ngx_file_t));

    file.name = *name;
    file.log = cf->log;

    /* not to wait for whoever writes to what is no file */

    file.fd = ngx_open_file(name->data, NGX_FILE_RDONLY|NGX_FILE_NONBLOCK,
                            NGX_FILE_OPEN, 0);

    if (file.fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno, "llm_batch_models: "
                           ngx_open_file_n " \"%V\" failed", name);
        return NGX_CONF_ERROR;
    }

    rv = NGX_CONF_ERROR;

    if (ngx_fd_info(file.fd, &fi) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno, "llm_batch_models: "
                           ngx_fd_info_n " \"%V\" failed", name);
        goto done;
    }

    size = ngx_file_size(&fi);

    if (!ngx_is_file(&fi) || size > NGX_HTTP_LLM_BATCH_MODELS_SIZE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "llm_batch_models \"%V\": "
                           "not a file of up to 4 megabytes", name);
        goto done;
    }

    text->len = (size_t) size;

    text->data = ngx_pnalloc(cf->temp_pool, text->len + 1);
    if (text->data == NULL) {
        goto done;
    }

    if (ngx_read_file(&file, text->data, text->len, 0) != (ssize_t) size) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno, "llm_batch_models: "
                           ngx_read_file_n " \"%V\" failed", name);
        goto done;
    }

    rv = NGX_CONF_OK;

done:

    if (ngx_close_file(file.fd) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, cf->log, ngx_errno,
                      ngx_close_file_n " \"%V\" failed", name);
    }

    return rv;
}


static char *
ngx_http_llm_batch_read_models(ngx_http_llm_batch_catalogue_t *cat,
    json_t *root)
{
    char                            *rv;
    json_t                          *list;
    ngx_conf_t                      *cf;
    ngx_uint_t                       i;
    llmb_model_t                    *model;
    ngx_http_llm_batch_main_conf_t  *mcf;

    cf = cat->cf;
    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_llm_batch_module);

    list = json_object_get(root, "models");

    if (!json_is_array(list)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "llm_batch_models \"%V\":1: "
                           "an object with an array \"models\" expected",
                           cat->name);
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < json_array_size(list); i++) {

        model = ngx_array_push(&mcf->models);
        if (model == NULL) {
            return NGX_CONF_ERROR;
        }

        ngx_memzero(model, sizeof(llmb_model_t));

        cat->index = i;
        cat->match = NULL;

        rv = ngx_http_llm_batch_read_model(cat, json_array_get(list, i),
                                           model);

        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_llm_batch_read_model(ngx_http_llm_batch_catalogue_t *cat,
    json_t *json, llmb_model_t *model)
{
    char                        *rv;
    double                       discount;
    ngx_http_llm_batch_limit_t  *limit;

    if (!json_is_object(json)) {
        return ngx_http_llm_batch_models_error(cat, NULL,
                                               "must be an object");
    }

    if (json_object_get(json, "match") == NULL) {
        return ngx_http_llm_batch_models_error(cat, NULL,
                                               "must have a \"match\"");
    }

    rv = ngx_http_llm_batch_read_string(cat, json, "match", &model->match);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    cat->match = json_string_value(json_object_get(json, "match"));

    rv = ngx_http_llm_batch_read_string(cat, json, "provider",
                                        &model->provider);

    for (limit = ngx_http_llm_batch_limits;
         limit->name && rv == NGX_CONF_OK;
         limit++)
    {
        rv = ngx_http_llm_batch_read_limit(cat, json, limit, model);
    }

    if (rv == NGX_CONF_OK) {
        rv = ngx_http_llm_batch_read_prices(cat, json, model);
    }

    if (rv == NGX_CONF_OK) {
        rv = ngx_http_llm_batch_read_tiers(cat, json, model);
    }

    if (rv == NGX_CONF_OK) {
        rv = ngx_http_llm_batch_read_reasoning(cat, json, model);
    }

    discount = 0;

    if (rv == NGX_CONF_OK) {
        rv = ngx_http_llm_batch_read_number(cat, json, "batch_discount", 1,
                                            &discount);
    }

    model->batch_discount = (uint32_t) (discount * 1000 + 0.5);

    return rv;
}


/* a string that is not empty, or is not there */

static char *
ngx_http_llm_batch_read_string(ngx_http_llm_batch_catalogue_t *cat,
    json_t *json, const char *member, llmb_str_t *s)
{
    ngx_str_t   text;
    json_t     *value;

    value = json_object_get(json, member);

    if (value == NULL) {
        return NGX_CONF_OK;
    }

    text.data = (u_char *) json_string_value(value);
    text.len = json_string_length(value);

    if (text.len == 0) {
        return ngx_http_llm_batch_models_error(cat, member,
                                        "must be a string that is not empty");
    }

    s->data = ngx_pstrdup(cat->cf->pool, &text);
    s->len = text.len;

    return s->data ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static char *
ngx_http_llm_batch_read_limit(ngx_http_llm_batch_catalogue_t *cat,
    json_t *json, ngx_http_llm_batch_limit_t *limit, llmb_model_t *model)
{
    json_t      *value;
    json_int_t   n;

    value = json_object_get(json, limit->name);

    if (value == NULL) {
        return NGX_CONF_OK;
    }

    n = json_integer_value(value);

    if (n < 1 || n > NGX_HTTP_LLM_BATCH_MODELS_NUMBER) {
        return ngx_http_llm_batch_models_error(cat, limit->name,
                                   "must be an integer of 1 to 1000000000");
    }

    *(uint64_t *) ((char *) model + limit->offset) = (uint64_t) n;

    return NGX_CONF_OK;
}


static char *
ngx_http_llm_batch_read_prices(ngx_http_llm_batch_catalogue_t *cat,
    json_t *json, llmb_model_t *model)
{
    char        *rv;
    double       number;
    json_t      *price;
    ngx_uint_t   i;

    static struct {
        char    *name;
        size_t   offset;

    } prices[] = {
        { "input", offsetof(llmb_model_t, input) },
        { "cached", offsetof(llmb_model_t, cached) },
        { "cache_write", offsetof(llmb_model_t, cache_write) },
        { "output", offsetof(llmb_model_t, output) },
        { NULL, 0 }
    };

    price = json_object_get(json, "price");

    if (price == NULL) {
        return NGX_CONF_OK;
    }

    if (json_object_get(price, "input") == NULL) {
        return ngx_http_llm_batch_models_error(cat, "price",
                                      "must be an object with an \"input\"");
    }

    for (i = 0; prices[i].name; i++) {
        number = 0;

        rv = ngx_http_llm_batch_read_number(cat, price, prices[i].name,
                                            NGX_HTTP_LLM_BATCH_MODELS_PRICE,
                                            &number);

        if (rv != NGX_CONF_OK) {
            return rv;
        }

        *(uint64_t *) ((char *) model + prices[i].offset) =
                                       (uint64_t) (number * 1000000 + 0.5);
    }

    /* without a price of their own, these are input as any other */

    if (json_object_get(price, "cached") == NULL) {
        model->cached = model->input;
    }

    if (json_object_get(price, "cache_write") == NULL) {
        model->cache_write = model->input;
    }

    model->priced = 1;

    return NGX_CONF_OK;
}


/* {"flex": 0.5}: what of the price it costs */

static char *
ngx_http_llm_batch_read_tiers(ngx_http_llm_batch_catalogue_t *cat,
    json_t *json, llmb_model_t *model)
{
    double              factor;
    json_t             *tiers, *value;
    ngx_str_t           text;
    const char         *name;
    llmb_model_tier_t  *tier;

    tiers = json_object_get(json, "tiers");

    if (tiers == NULL) {
        return NGX_CONF_OK;
    }

    if (!json_is_object(tiers)
        || json_object_size(tiers) > LLMB_CATALOGUE_TIERS)
    {
        return ngx_http_llm_batch_models_error(cat, "tiers",
                                      "must be an object of up to 8 numbers");
    }

    json_object_foreach(tiers, name, value) {
        text.data = (u_char *) name;
        text.len = ngx_strlen(name);

        factor = json_number_value(value);

        if (text.len == 0 || text.len > LLMB_METER_TEXT
            || !json_is_number(value) || factor < 0
            || factor > NGX_HTTP_LLM_BATCH_MODELS_FACTOR)
        {
            return ngx_http_llm_batch_models_error(cat, "tiers",
                               "must have names of up to 32 characters, and "
                               "numbers of 0 to 100");
        }

        tier = &model->tiers[model->ntiers++];

        tier->name.data = ngx_pstrdup(cat->cf->pool, &text);
        tier->name.len = text.len;
        tier->factor = (uint32_t) (factor * 1000 + 0.5);

        if (tier->name.data == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_llm_batch_read_reasoning(ngx_http_llm_batch_catalogue_t *cat,
    json_t *json, llmb_model_t *model)
{
    json_t  *value;

    value = json_object_get(json, "reasoning");

    if (value && !json_is_boolean(value)) {
        return ngx_http_llm_batch_models_error(cat, "reasoning",
                                               "must be true or false");
    }

    model->reasoning = !json_is_false(value);

    return NGX_CONF_OK;
}


static char *
ngx_http_llm_batch_read_number(ngx_http_llm_batch_catalogue_t *cat,
    json_t *json, const char *member, ngx_uint_t max, double *number)
{
    json_t  *value;

    value = json_object_get(json, member);

    if (value == NULL) {
        return NGX_CONF_OK;
    }

    *number = json_number_value(value);

    if (json_is_number(value) && *number >= 0 && *number <= (double) max) {
        return NGX_CONF_OK;
    }

    *number = 0;

    return ngx_http_llm_batch_models_error(cat, member,
                                           max == 1
                                           ? "must be a number of 0 to 1"
                                           : "must be a number of 0 to "
                                             "100000");
}


static char *
ngx_http_llm_batch_models_error(ngx_http_llm_batch_catalogue_t *cat,
    const char *member, const char *what)
{
    u_char      shown[NGX_HTTP_LLM_BATCH_MODELS_SHOWN];
    u_char      about[NGX_HTTP_LLM_BATCH_MODELS_SHOWN];
    ngx_str_t   s, name;
    ngx_uint_t  line;

    line = ngx_http_llm_batch_models_line(cat, member);

    s.data = shown;
    s.len = ngx_snprintf(shown, sizeof(shown), "model %ui", cat->index + 1)
            - shown;

    if (cat->match) {
        s.len = ngx_snprintf(shown, sizeof(shown), "model \"%s\"", cat->match)
                - shown;
    }

    ngx_str_null(&name);

    if (member) {
        name.data = about;
        name.len = ngx_snprintf(about, sizeof(about), "\"%s\" of ", member)
                   - about;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cat->cf, 0, "llm_batch_models "
                       "\"%V\":%ui: %V%V %s", cat->name, line, &name, &s,
                       what);

    return NGX_CONF_ERROR;
}


static ngx_uint_t
ngx_http_llm_batch_models_line(ngx_http_llm_batch_catalogue_t *cat,
    const char *member)
{
    size_t      i, end;
    ngx_uint_t  line;

    end = ngx_http_llm_batch_models_find(cat, member);
    line = 1;

    for (i = 0; i < end; i++) {
        line += (cat->text.data[i] == LF);
    }

    return line;
}


/* where the member of the model is in the text, or else the model */

static size_t
ngx_http_llm_batch_models_find(ngx_http_llm_batch_catalogue_t *cat,
    const char *member)
{
    size_t             where;
    ngx_uint_t         n, models;
    llmb_str_t         name, key;
    llmb_json_t        json;
    llmb_json_token_t  tok;

    static const llmb_str_t  list = llmb_string("models");

    name.data = (const uint8_t *) (member ? member : "");
    name.len = member ? ngx_strlen(member) : 0;

    where = 0;
    models = 0;
    n = 0;

    /* what is at depth 2 in "models" is a model; prices are at depth 4 */

    llmb_json_init(&json, 4);

    while (llmb_json_next(&json, cat->text.data, cat->text.len, 1, &tok)
           == LLMB_OK
           && tok.type != LLMB_JSON_END)
    {
        key.data = cat->text.data + tok.start;
        key.len = tok.end - tok.start;

        if (tok.depth == 1 && tok.type == LLMB_JSON_KEY) {
            models = llmb_json_is(key, list);

        } else if (models && tok.depth == 2
                   && tok.type != LLMB_JSON_OBJECT_END
                   && tok.type != LLMB_JSON_ARRAY_END
                   && n++ == cat->index)
        {
            where = tok.start;

        } else if (models && tok.depth > 2 && n == cat->index + 1
                   && tok.type == LLMB_JSON_KEY && llmb_json_is(key, name))
        {
            return tok.start;
        }
    }

    return where;
}
