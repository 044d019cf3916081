
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * A shape is written while the text is walked over, once.  Elements of an
 * array that are alike are a run, which is written as its length and one of
 * them; so each element is written behind the run, and taken away again if it
 * is one more of it.  Nothing in a shape is ambiguous: kinds are control
 * characters, which no name has, and numbers of elements are bytes from 0x80 on
 * in a place where no name is.
 */


#include <string.h>

#include "llmb_alike.h"
#include "llmb_json.h"
#include "llmb_json_each.h"
#include "llmb_json_skip.h"


#define LLMB_ALIKE_COUNT  5       /* bytes of a length: 7 bits in each */


typedef enum {
    LLMB_ALIKE_INTEGER = 1,
    LLMB_ALIKE_FLOAT,
    LLMB_ALIKE_UNSIGNED,          /* an integer that takes all of 64 bits */
    LLMB_ALIKE_LARGE,             /* one that takes more */
    LLMB_ALIKE_TEXT,
    LLMB_ALIKE_BOOLEAN,
    LLMB_ALIKE_NULL
} llmb_alike_e;


/* a container that has not ended yet */

typedef struct {
    uint32_t          run;        /* where the last run is */
    uint32_t          element;    /* where the one being read is */
    uint32_t          n;          /* elements of the run; 0: there is none */
    unsigned          object:1;
    unsigned          name:1;     /* a name comes next */
} llmb_alike_open_t;


typedef struct {
    llmb_rc_e         rc;
    uint32_t          len;
    unsigned          depth;
    llmb_alike_open_t open[LLMB_JSON_MAX_DEPTH];
    uint8_t           text[LLMB_ALIKE_MAX];
} llmb_alike_t;


static const uint8_t *llmb_alike_item(llmb_alike_t *a, const uint8_t *p,
    const uint8_t *end);
static const uint8_t *llmb_alike_string(llmb_alike_t *a, const uint8_t *p,
    const uint8_t *end);
static const uint8_t *llmb_alike_number(llmb_alike_t *a, const uint8_t *p,
    const uint8_t *end);
static unsigned llmb_alike_fits(const uint8_t *digits, size_t len,
    const char *most);
static const uint8_t *llmb_alike_word(llmb_alike_t *a, const uint8_t *p,
    const uint8_t *end);
static void llmb_alike_scalar(llmb_alike_t *a, llmb_alike_e kind);
static void llmb_alike_begin(llmb_alike_t *a, uint8_t c);
static void llmb_alike_open(llmb_alike_t *a, uint8_t c);
static void llmb_alike_close(llmb_alike_t *a, uint8_t c);
static void llmb_alike_end(llmb_alike_t *a);
static void llmb_alike_end_run(llmb_alike_t *a, const llmb_alike_open_t *open);
static unsigned llmb_alike_unite(uint8_t *one, const uint8_t *two, size_t len);
static void llmb_alike_put(llmb_alike_t *a, const void *p, size_t len);


llmb_rc_e
llmb_alike(llmb_str_t items)
{
    llmb_alike_t    first, other;
    const uint8_t  *p, *end;

    end = items.data + items.len;
    p = llmb_alike_item(&first, items.data, end);

    while (first.rc == LLMB_OK) {
        p = llmb_json_skip_spaces(p, end);

        if (p == end) {
            break;
        }

        /* it is a comma */

        p = llmb_alike_item(&other, p + 1, end);

        if (other.rc != LLMB_OK) {
            return other.rc;
        }

        if (other.len != first.len
            || memcmp(other.text, first.text, first.len) != 0)
        {
            return LLMB_DECLINED;
        }
    }

    return first.rc;
}


llmb_rc_e
llmb_alike_write(llmb_str_t items, llmb_sink_t *sink)
{
    llmb_alike_t  first;

    (void) llmb_alike_item(&first, items.data, items.data + items.len);

    if (first.rc != LLMB_OK) {
        return first.rc;
    }

    return sink->write(sink->data, first.text, first.len);
}


/* returns what is behind the value, unless it fails */

static const uint8_t *
llmb_alike_item(llmb_alike_t *a, const uint8_t *p, const uint8_t *end)
{
    a->rc = LLMB_OK;
    a->len = 0;
    a->depth = 0;

    do {

        if (p == end) {
            break;
        }

        switch (*p) {

        case ' ': case '\t': case '\n': case '\r':
            p = llmb_json_skip_spaces(p, end);
            continue;

        case '{': case '[':
            llmb_alike_open(a, *p++);
            break;

        case '}': case ']':
            llmb_alike_close(a, *p++);
            break;

        case ',':
            a->open[a->depth - 1].name = a->open[a->depth - 1].object;
            p++;
            break;

        case ':':
            p++;
            break;

        case '"':
            p = llmb_alike_string(a, p, end);
            break;

        case 't': case 'f': case 'n':
            p = llmb_alike_word(a, p, end);
            break;

        default:
            p = llmb_alike_number(a, p, end);
        }

    } while ((a->depth || a->len == 0) && a->rc == LLMB_OK);

    return p;
}


static const uint8_t *
llmb_alike_string(llmb_alike_t *a, const uint8_t *p, const uint8_t *end)
{
    const uint8_t      *start;
    llmb_alike_open_t  *open;

    start = p;
    p = llmb_json_each_string(p, end);

    if (a->depth) {
        open = &a->open[a->depth - 1];

        if (open->name) {
            open->name = 0;
            llmb_alike_put(a, start, (size_t) (p - start));

            return p;
        }
    }

    llmb_alike_scalar(a, LLMB_ALIKE_TEXT);

    return p;
}


static const uint8_t *
llmb_alike_number(llmb_alike_t *a, const uint8_t *p, const uint8_t *end)
{
    size_t          len;
    unsigned        negative;
    llmb_alike_e    kind;
    const uint8_t  *digits;

    negative = (*p == '-');
    p += negative;

    for (digits = p; p < end && *p >= '0' && *p <= '9'; p++) { /* void */ }

    len = (size_t) (p - digits);

    if (p < end && (*p == '.' || *p == 'e' || *p == 'E')) {
        kind = LLMB_ALIKE_FLOAT;

        do {
            p++;
        } while (p < end && *p > ' ' && *p != ',' && *p != ']' && *p != '}');

    } else if (llmb_alike_fits(digits, len, negative ? "9223372036854775808"
                                                     : "9223372036854775807"))
    {
        kind = LLMB_ALIKE_INTEGER;

    } else {
        kind = (!negative
                && llmb_alike_fits(digits, len, "18446744073709551615"))
               ? LLMB_ALIKE_UNSIGNED : LLMB_ALIKE_LARGE;
    }

    llmb_alike_scalar(a, kind);

    return p;
}


/* whether a number without zeros in front is at most "most" */

static unsigned
llmb_alike_fits(const uint8_t *digits, size_t len, const char *most)
{
    size_t  n;

    n = strlen(most);

    return len < n || (len == n && memcmp(digits, most, n) <= 0);
}


static const uint8_t *
llmb_alike_word(llmb_alike_t *a, const uint8_t *p, const uint8_t *end)
{
    llmb_alike_scalar(a, *p == 'n' ? LLMB_ALIKE_NULL : LLMB_ALIKE_BOOLEAN);

    while (p < end && *p >= 'a' && *p <= 'z') {
        p++;
    }

    return p;
}


static void
llmb_alike_scalar(llmb_alike_t *a, llmb_alike_e kind)
{
    llmb_alike_open_t  *open;

    if (a->depth) {
        open = &a->open[a->depth - 1];

        /* one more of many */

        if (open->n && a->len == open->run + LLMB_ALIKE_COUNT + 1
            && a->text[a->len - 1] == kind)
        {
            open->n++;
            return;
        }
    }

    llmb_alike_begin(a, (uint8_t) kind);
    llmb_alike_end(a);
}


/* a value, which begins with that */

static void
llmb_alike_begin(llmb_alike_t *a, uint8_t c)
{
    llmb_alike_open_t  *open;

    static const uint8_t  count[LLMB_ALIKE_COUNT];

    if (a->depth) {
        open = &a->open[a->depth - 1];

        if (!open->object) {
            open->element = a->len;
            llmb_alike_put(a, count, LLMB_ALIKE_COUNT);
        }
    }

    llmb_alike_put(a, &c, 1);
}


static void
llmb_alike_open(llmb_alike_t *a, uint8_t c)
{
    llmb_alike_open_t  *open;

    llmb_alike_begin(a, c);

    if (a->depth == LLMB_JSON_MAX_DEPTH) {
        a->rc = LLMB_LIMIT;
        return;
    }

    open = &a->open[a->depth++];

    open->n = 0;
    open->object = (c == '{');
    open->name = open->object;
}


static void
llmb_alike_close(llmb_alike_t *a, uint8_t c)
{
    llmb_alike_end_run(a, &a->open[--a->depth]);
    llmb_alike_put(a, &c, 1);
    llmb_alike_end(a);
}


/* the value is complete */

static void
llmb_alike_end(llmb_alike_t *a)
{
    size_t              len;
    uint8_t            *run, *element;
    llmb_alike_open_t  *open;

    if (a->depth == 0 || a->rc != LLMB_OK) {
        return;
    }

    open = &a->open[a->depth - 1];

    if (open->object) {
        return;
    }

    if (open->n) {
        run = a->text + open->run + LLMB_ALIKE_COUNT;
        element = a->text + open->element + LLMB_ALIKE_COUNT;
        len = (size_t) (a->text + a->len - element);

        if (open->element - open->run == len + LLMB_ALIKE_COUNT
            && llmb_alike_unite(run, element, len))
        {
            open->n++;
            a->len = open->element;
            return;
        }

        llmb_alike_end_run(a, open);
    }

    open->run = open->element;
    open->n = 1;
}


static void
llmb_alike_end_run(llmb_alike_t *a, const llmb_alike_open_t *open)
{
    uint32_t  n;
    unsigned  i;

    if (open->n == 0 || a->rc != LLMB_OK) {
        return;
    }

    n = open->n;

    for (i = 0; i < LLMB_ALIKE_COUNT; i++) {
        a->text[open->run + i] = (uint8_t) (0x80 | (n & 0x7f));
        n >>= 7;
    }
}


/* makes one shape of two, if they differ in integers and floats at most */

static unsigned
llmb_alike_unite(uint8_t *one, const uint8_t *two, size_t len)
{
    size_t  i;

    if (memcmp(one, two, len) == 0) {
        return 1;
    }

    for (i = 0; i < len; i++) {

        if (one[i] != two[i]
            && llmb_max(one[i], two[i]) != LLMB_ALIKE_FLOAT)
        {
            return 0;
        }
    }

    for (i = 0; i < len; i++) {
        one[i] = llmb_max(one[i], two[i]);
    }

    return 1;
}


static void
llmb_alike_put(llmb_alike_t *a, const void *p, size_t len)
{
    if (a->rc != LLMB_OK || len > LLMB_ALIKE_MAX - a->len) {
        a->rc = LLMB_LIMIT;
        return;
    }

    memcpy(a->text + a->len, p, len);
    a->len += (uint32_t) len;
}
