
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#ifndef _NGX_HTTP_LLM_BATCH_CONF_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_CONF_H_INCLUDED_


/* upstream calls in flight per group, unless configured */

#define NGX_HTTP_LLM_BATCH_CONCURRENCY  16

/* calls that one request may be cut into, unless configured, and at most */

#define NGX_HTTP_LLM_BATCH_PARTS        64

/* percent of a call that a request may wait for others, at most */

#define NGX_HTTP_LLM_BATCH_PATIENCE     100
#define NGX_HTTP_LLM_BATCH_MAX_PARTS    1024

/* items in a call, at most */

#define NGX_HTTP_LLM_BATCH_MAX_SIZE     2048


/* headers by which clients tell what their requests are like */

#define NGX_HTTP_LLM_BATCH_ADVICE       4

/* frames of bodies that a worker remembers */

#define NGX_HTTP_LLM_BATCH_FRAMES       16

/* names of members that do not count, at most */

#define NGX_HTTP_LLM_BATCH_IGNORED      16


typedef enum {
    NGX_HTTP_LLM_BATCH_MODE_AUTO = 0,
    NGX_HTTP_LLM_BATCH_MODE_MERGE,
    NGX_HTTP_LLM_BATCH_MODE_PER_REQUEST
} ngx_http_llm_batch_mode_e;


struct ngx_http_llm_batch_main_conf_s {
    ngx_array_t                   zones;    /* ngx_http_llm_batch_zone_t * */
    ngx_array_t                   formats;  /* const llmb_adapter_t *, in the
                                               order of their declaration */
    ngx_array_t                   models;   /* llmb_model_t, the catalogue */
    ngx_array_t                   fds;      /* an eventfd per worker */
    ngx_array_t                   passing;  /* see find_passing() */

    /* indexes of variables, by how they get into a call */
    ngx_array_t                   variables;  /* if they have a value */
    ngx_array_t                   connection; /* are asked for their value */
    ngx_array_t                   identity;   /* the same, as credentials */
    ngx_array_t                   lent;       /* one member's address */
    ngx_array_t                   own;        /* never those of a member */

    llmb_secret_t                 secret;   /* of $llm_batch_key, if it is */
    ngx_uint_t                    secret_set;
    ngx_uint_t                    secret_there;   /* the directive was */
    ngx_uint_t                    keyed;    /* somebody asks for that */
    ngx_uint_t                    metered;  /* or for what answers cost */

    ngx_hash_t                    neutral;  /* headers that do not count */

    ngx_http_llm_batch_known_t   *headers;  /* classes of names */
    ngx_http_llm_batch_known_t   *paths;    /* adapters */
    llmb_frame_memo_t            *frames;   /* by their length */

    ngx_http_complex_value_t     *advice[NGX_HTTP_LLM_BATCH_ADVICE];
                                         /* of "X-LLM-...", where nothing else
                                            is configured; NULL: no default is
                                            only a header */

    ngx_array_t                   locations;  /* of those with llm_batch:
                                            ngx_http_llm_batch_loc_conf_t * */
    ngx_uint_t                    used;     /* llm_batch is on somewhere */
    ngx_uint_t                    models_set;   /* the directive was there */
};


struct ngx_http_llm_batch_loc_conf_s {
    ngx_http_llm_batch_zone_t    *zone;     /* NULL: off */
    ngx_uint_t                    dry_run;
    ngx_uint_t                    id;       /* of the location */
    ngx_str_t                     place;    /* the same, on all nodes that
                                               have it: its names */

    ngx_http_complex_value_t     *mode;     /* NULL: auto */
    uint64_t                      adapters; /* a bit for each, or
                                               NGX_HTTP_LLM_BATCH_AUTO; 0:
                                               inherited */
    ngx_http_complex_value_t     *group;    /* NULL: task and model */
    ngx_http_complex_value_t     *tenant;   /* NULL: by credentials */
    ngx_array_t                  *vary;     /* of complex values */
    ngx_array_t                  *compared; /* indexes of the variables in
                                               group, tenant and vary */
    ngx_array_t                  *ignore;   /* of ngx_str_t, in lower case */
    ngx_array_t                  *credentials;  /* the same */
    ngx_array_t                  *ignore_members;   /* of llmb_str_t; NULL:
                                                       none */

    /* what requests are like; NULL: all the same */
    ngx_http_complex_value_t     *task;
    ngx_http_complex_value_t     *budget;
    ngx_http_complex_value_t     *tolerance;
    ngx_http_complex_value_t     *priority;
    ngx_array_t                  *tasks;    /* of ngx_str_t; NULL: any */
    ngx_msec_t                    threshold;

    ngx_uint_t                    min_size;
    ngx_uint_t                    max_size;
    ngx_uint_t                    max_tokens;
    size_t                        max_body;
    size_t                        max_response;
    ngx_msec_t                    max_wait;
    ngx_uint_t                    patience;  /* percent of a call; 0: off */
    ngx_uint_t                    spend;     /* budgets, on that */
    ngx_uint_t                    window;
    ngx_uint_t                    concurrency;     /* at most */
    ngx_uint_t                    learned;         /* up to that */
    ngx_uint_t                    interval;        /* us between calls, with
                                                      LLMB_WINDOW_RATE */

    ngx_flag_t                    split;
    ngx_uint_t                    split_max;       /* calls for one request */
    ngx_flag_t                    dedup;
    ngx_flag_t                    repair_encoding;

    ngx_flag_t                    fallback;
    ngx_uint_t                    fallback_limit;  /* percent */
    ngx_uint_t                    breaker_failures;
    ngx_msec_t                    breaker_cooldown;
    ngx_flag_t                    headers;

    time_t                        warned;   /* that credentials are missed */
};


void *ngx_http_llm_batch_create_main_conf(ngx_conf_t *cf);

void *ngx_http_llm_batch_create_loc_conf(ngx_conf_t *cf);
char *ngx_http_llm_batch_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);

/*
 * NGX_OK, or NGX_DECLINED for a mode that this version does not have, or
 * NGX_ERROR for an unknown word.
 */
ngx_int_t ngx_http_llm_batch_parse_mode(ngx_str_t *value,
    ngx_http_llm_batch_mode_e *mode);

/* the mode a request is to be served in */
ngx_http_llm_batch_mode_e ngx_http_llm_batch_get_mode(ngx_http_request_t *r,
    ngx_http_llm_batch_loc_conf_t *conf);


#endif /* _NGX_HTTP_LLM_BATCH_CONF_H_INCLUDED_ */
