
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What the core has to know of an API that takes several inputs in a call.
 * An adapter is a constant description, in a file of its own in adapters/,
 * and one row in adapters/llmb_adapters.h.
 *
 * An adapter has one or more forms: an API may take its items in one of
 * several members, and answer accordingly.  A request is in the first form
 * whose path is that of its URI and whose columns are all in its body, but for
 * the optional ones.
 */


#ifndef _LLMB_ADAPTER_H_INCLUDED_
#define _LLMB_ADAPTER_H_INCLUDED_


#include "llmb_form.h"


#pragma GCC visibility push(hidden)


/*
 * A request that has this member is not batched.  If "value" is not empty,
 * only a member with this value, as JSON text, counts ("true", "\"bytes\"";
 * "[" and "{" stand for any array and object), or, with "but", one with any
 * other value.
 */

typedef struct {
    llmb_str_t            member;
    llmb_str_t            value;
    unsigned              but:1;
} llmb_refusal_t;


typedef struct {
    llmb_str_t            name;
    llmb_str_t            operation;  /* a word for what it does, as those of
                                         "gen_ai.operation.name" */

    /* results do not depend on the neighbours: on under "auto" */
    unsigned              neutral:1;
    /* sending it twice does no harm */
    unsigned              idempotent:1;
    /* equal items have equal results: they may be sent once */
    unsigned              pure:1;

    /* the most items, and bytes of items, gathered; 0 bytes: no limit */
    uint32_t              max_items;
    size_t                max_bytes;

    /*
     * The most that servers of this API are known to take in a call, which a
     * client may send on its own; 0: it is not known, or there is no limit.
     */
    uint32_t              most_items;
    size_t                most_bytes;

    const llmb_form_t    *forms[LLMB_MAX_FORMS];     /* up to a NULL */
    const llmb_refusal_t *refusals;   /* ends with an empty member; NULL:
                                         none */
    /*
     * Members that results depend on, beside all that are named above.  Ends
     * with llmb_null_string; NULL: none.
     */
    const llmb_str_t     *matter;
} llmb_adapter_t;


/* all adapters, in the order of the table */

extern const llmb_adapter_t *const  llmb_adapters[];
extern const unsigned               llmb_nadapters;

/*
 * The adapter for a URI path (no arguments) among those enabled, bit i of
 * "enabled" standing for the i-th of "adapters"; NULL if there is none.  The
 * ending with the most literal characters wins, then the first of the table.
 * "extra" are further "nextra" adapters, that follow the table.
 */
const llmb_adapter_t *llmb_adapter_find(llmb_str_t path, uint64_t enabled,
    const llmb_adapter_t *const *extra, unsigned nextra);

/*
 * The next one whose ending has as many, after "adapter", which was found for
 * this path: what tells them apart is the body.  NULL if there is none.
 */
const llmb_adapter_t *llmb_adapter_next(llmb_str_t path, uint64_t enabled,
    const llmb_adapter_t *const *extra, unsigned nextra,
    const llmb_adapter_t *adapter);

/* whether this path of the adapter's alone tells that requests are of it */
unsigned llmb_adapter_is_told(const llmb_adapter_t *adapter, llmb_str_t path);

/*
 * Whether results depend on a member of this name in a format of the table, or
 * in one of "extra": a row names it, or all formats have it.
 */
unsigned llmb_adapter_needs(llmb_str_t name,
    const llmb_adapter_t *const *extra, unsigned nextra);

/* whether the path has one of these endings; they are as those of a form */
unsigned llmb_paths_match(const llmb_str_t *paths, llmb_str_t path);

/* whether the path is one of the form's */
unsigned llmb_form_matches(const llmb_form_t *form, llmb_str_t path);

/* its place in llmb_adapters[]; llmb_nadapters if it is not there */
unsigned llmb_adapter_id(const llmb_adapter_t *adapter);

/* the adapter of this name, or NULL */
const llmb_adapter_t *llmb_adapter_by_name(llmb_str_t name);


#pragma GCC visibility pop


#endif /* _LLMB_ADAPTER_H_INCLUDED_ */
