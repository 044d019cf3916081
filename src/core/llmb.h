
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The vocabulary of the core.  The core is a library that cannot see nginx:
 * it allocates nothing, reads no clock and does no I/O.  Memory, time and the
 * place where output goes are arguments.
 */


#ifndef _LLMB_H_INCLUDED_
#define _LLMB_H_INCLUDED_


#include <stddef.h>
#include <stdint.h>


#pragma GCC visibility push(hidden)


typedef enum {
    LLMB_OK = 0,
    LLMB_AGAIN,                   /* more bytes are needed */
    LLMB_DECLINED,                /* well formed, but not to be batched */
    LLMB_INVALID,                 /* malformed, or not what was expected */
    LLMB_LIMIT,                   /* a bound of ours would be exceeded */
    LLMB_NOMEM                    /* the caller's memory is used up */
} llmb_rc_e;


/* member order of ngx_str_t; never owns what it points to */

typedef struct {
    size_t          len;
    const uint8_t  *data;
} llmb_str_t;


#define llmb_string(s)    { sizeof(s) - 1, (const uint8_t *) (s) }
#define llmb_null_string  { 0, NULL }


/* offsets in a text; of what is not there the end is 0 */

typedef struct {
    size_t          start;
    size_t          end;
} llmb_span_t;


/* where output goes; write() returns LLMB_OK or the error to hand back */

typedef struct {
    llmb_rc_e     (*write)(void *data, const uint8_t *p, size_t len);
    void           *data;
} llmb_sink_t;


/* scratch memory lent by the caller, handed out from pos upwards */

typedef struct {
    uint8_t        *pos;
    uint8_t        *end;
} llmb_arena_t;


#define llmb_min(a, b)  ((a) < (b) ? (a) : (b))
#define llmb_max(a, b)  ((a) > (b) ? (a) : (b))


/*
 * What is done under the zone's lock must not take longer the more clients
 * there are.  Tests, which are built with LLMB_CHECK, count the steps of loops.
 */

#if (LLMB_CHECK)

extern unsigned long  llmb_steps;

#define llmb_count_step()  (llmb_steps++)

#else

#define llmb_count_step()

#endif


#pragma GCC visibility pop


#endif /* _LLMB_H_INCLUDED_ */
