
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The words a user sees in variables, metrics and logs.  Each list is written
 * once; enums, names and the tables of the documentation follow from it.
 */


#ifndef _LLMB_REASONS_H_INCLUDED_
#define _LLMB_REASONS_H_INCLUDED_


#include "llmb.h"


#pragma GCC visibility push(hidden)


/* what became of a request: $llm_batch_status */

#define LLMB_STATUS_LIST(x)                                                   \
    x(NONE,        "")                                                        \
    x(MERGED,      "MERGED")                                                  \
    x(BUNDLED,     "BUNDLED")                                                 \
    x(PACKED,      "PACKED")                                                  \
    x(DEFERRED,    "DEFERRED")                                                \
    x(DEDUP,       "DEDUP")                                                   \
    x(SINGLE,      "SINGLE")                                                  \
    x(FALLBACK,    "FALLBACK")                                                \
    x(BYPASS,      "BYPASS")                                                  \
    x(DRYRUN,      "DRYRUN")                                                  \
    x(FAILED,      "FAILED")


/* why it was not batched, or alone, or failed: $llm_batch_reason */

#define LLMB_REASON_LIST(x)                                                   \
    x(NONE,            "")                                                    \
    x(METHOD,          "method")                                              \
    x(CONTENT_TYPE,    "content_type")                                        \
    x(ENCODING,        "encoding")                                            \
    x(JSON,            "json")                                                \
    x(DUPLICATE_KEY,   "duplicate_key")                                       \
    x(STREAM,          "stream")                                              \
    x(ITEM,            "item")                                                \
    x(IDEMPOTENCY,     "idempotency")                                         \
    x(BODY_SIZE,       "body_size")                                           \
    x(ADAPTER,         "adapter")                                             \
    x(MODE,            "mode")                                                \
    x(TASK,            "task")                                                \
    x(BUDGET,          "budget")                                              \
    x(TOKENS,          "tokens")                                              \
    x(ZONE_FULL,       "zone_full")                                           \
    x(BREAKER,         "breaker")                                             \
    x(DRAINING,        "draining")                                            \
    x(UPSTREAM_ERROR,  "upstream_error")                                      \
    x(MISMATCH,        "mismatch")                                            \
    x(TRUNCATED,       "truncated")                                           \
    x(RESPONSE_SIZE,   "response_size")                                       \
    x(TIMEOUT,         "timeout")                                             \
    x(WORKER_LOST,     "worker_lost")                                         \
    x(PARTS,           "parts")                                               \
    x(MEMORY,          "memory")                                              \
    x(FORMAT_OFF,      "format_off")                                          \
    x(COMPANY,         "company")                                             \
    x(KEY,             "key")                                                 \
    x(SLOT,            "slot")                                                \
    x(INTERNAL,        "internal")


/* why a call was sent: $llm_batch_close */

#define LLMB_CLOSE_LIST(x)                                                    \
    x(NONE,        "")                                                        \
    x(SLOT,        "slot")                                                    \
    x(SIZE,        "size")                                                    \
    x(TOKENS,      "tokens")                                                  \
    x(BYTES,       "bytes")                                                   \
    x(EARLY,       "early")                                                   \
    x(DEADLINE,    "deadline")                                                \
    x(RATE,        "rate")                                                    \
    x(DRAIN,       "drain")                                                   \
    x(ORPHAN,      "orphan")


/* what was wrong with an answer: llm_batch_mismatch_total{kind} */

#define LLMB_MISMATCH_LIST(x)                                                 \
    x(NONE,        "")                                                        \
    x(JSON,        "json")            /* not JSON */                          \
    x(SHAPE,       "shape")           /* no list where it should be */        \
    x(COUNT,       "count")           /* too few or too many elements */      \
    x(INDEX,       "index")           /* missing, duplicate or foreign */     \
    x(TRUNCATED,   "truncated")       /* the body ended too early */          \
    x(ENCODING,    "encoding")        /* a content coding */                  \
    x(SIZE,        "size")            /* above llm_batch_max_response */      \
    x(CACHE,       "cache")           /* out of one, hence not the call's */


#define llmb_status_enum(name, text)    LLMB_STATUS_##name,
#define llmb_reason_enum(name, text)    LLMB_REASON_##name,
#define llmb_close_enum(name, text)     LLMB_CLOSE_##name,
#define llmb_mismatch_enum(name, text)  LLMB_MISMATCH_##name,

typedef enum {
    LLMB_STATUS_LIST(llmb_status_enum)
    LLMB_STATUS_N
} llmb_status_e;

typedef enum {
    LLMB_REASON_LIST(llmb_reason_enum)
    LLMB_REASON_N
} llmb_reason_e;

typedef enum {
    LLMB_CLOSE_LIST(llmb_close_enum)
    LLMB_CLOSE_N
} llmb_close_e;

typedef enum {
    LLMB_MISMATCH_LIST(llmb_mismatch_enum)
    LLMB_MISMATCH_N
} llmb_mismatch_e;

#undef llmb_status_enum
#undef llmb_reason_enum
#undef llmb_close_enum
#undef llmb_mismatch_enum


/* the text of each, by number */

extern const llmb_str_t  llmb_status_names[LLMB_STATUS_N];
extern const llmb_str_t  llmb_reason_names[LLMB_REASON_N];
extern const llmb_str_t  llmb_close_names[LLMB_CLOSE_N];
extern const llmb_str_t  llmb_mismatch_names[LLMB_MISMATCH_N];


#pragma GCC visibility pop


#endif /* _LLMB_REASONS_H_INCLUDED_ */
