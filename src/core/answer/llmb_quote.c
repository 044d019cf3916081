
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * All windows of the texts are in a hash table; the items pass by once, each
 * byte being the end of a window that is looked for there.  Nothing is taken
 * from a hash alone: windows are compared.
 */


#include <string.h>

#include "llmb_json_each.h"
#include "llmb_quote.h"
#include "llmb_payload.h"
#include "llmb_quote_names.h"
#include "llmb_json_text.h"


/* escapings that are undone; with the text as it is one more */

#define LLMB_QUOTE_LEVELS  3

/* where a window is not within so many slots, it is not in the table */

#define LLMB_QUOTE_PROBES  16

#define LLMB_QUOTE_NONE    UINT32_MAX


/* the last bytes of words in a row */

typedef struct {
    uint64_t               high;
    uint64_t               low;
    size_t                 n;         /* in the row, those before included */
    unsigned               gap:1;     /* a space is due */
} llmb_quote_row_t;


/* where we are in the items */

typedef struct {
    llmb_quote_t          *quote;
    llmb_quote_row_t       row;
    size_t                 longest;   /* row of this item */
    unsigned               found:1;
} llmb_quote_walk_t;


static size_t llmb_quote_slots(size_t len);
static unsigned llmb_quote_take(llmb_quote_t *q, llmb_str_t text);
static void llmb_quote_segment(llmb_quote_t *q, llmb_str_t text);
static void llmb_quote_put(llmb_quote_t *q, llmb_quote_row_t *row, uint8_t c);
static uint8_t llmb_quote_fold(uint8_t c);
static void llmb_quote_shift(llmb_quote_row_t *row, uint8_t c);
static uint32_t llmb_quote_find(const llmb_quote_t *q,
    const llmb_quote_row_t *row, uint32_t *slot);
static uint64_t llmb_quote_load(const uint8_t *p);
static size_t llmb_quote_unescape(const uint8_t *p, size_t len, uint8_t *out);
static const uint8_t *llmb_quote_escape(const uint8_t *p, const uint8_t *end,
    uint32_t *code, unsigned *byte);
static const uint8_t *llmb_quote_hex(const uint8_t *p, const uint8_t *end,
    unsigned digits, uint32_t *code);
static const uint8_t *llmb_quote_string(llmb_quote_walk_t *w,
    const uint8_t *p, const uint8_t *end);
static void llmb_quote_feed(llmb_quote_walk_t *w, uint8_t c);
static void llmb_quote_look(llmb_quote_walk_t *w, uint8_t c);
static void llmb_quote_end_row(llmb_quote_walk_t *w);
static void llmb_quote_end_item(llmb_quote_walk_t *w);
static unsigned llmb_quote_short(llmb_quote_t *q,
    const llmb_quote_row_t *row);
static unsigned llmb_quote_search(const llmb_quote_t *q, size_t from,
    size_t to, const uint8_t *word, size_t len, unsigned words);


size_t
llmb_quote_room(size_t len)
{
    if (len > LLMB_QUOTE_MAX_TEXT) {
        return 0;
    }

    /* known words and texts are set apart by a space before and behind */

    return llmb_quote_slots(len) * sizeof(uint32_t)
           + len + (LLMB_QUOTE_LEVELS + 1) * 2 * (len + 1);
}


void
llmb_quote_init(llmb_quote_t *q, size_t len, unsigned words, void *memory)
{
    size_t  slots;

    memset(q, 0, sizeof(llmb_quote_t));

    slots = llmb_quote_slots(len);

    q->table = memory;
    q->mask = (uint32_t) slots - 1;

    for (q->shift = 32; slots >> (32 - q->shift) != 1; q->shift--) {
        /* void */
    }

    q->scratch = (uint8_t *) (q->table + slots);
    q->text = q->scratch + len;
    q->left = len;
    q->words = words & 1;

    memset(q->table, 0, slots * sizeof(uint32_t));
}


/* a power of two, at least four for each window */

static size_t
llmb_quote_slots(size_t len)
{
    size_t  slots;

    for (slots = 64; slots < 4 * (LLMB_QUOTE_LEVELS + 1) * len; slots *= 2) {
        /* void */
    }

    return slots;
}


void
llmb_quote_know(llmb_quote_t *q, llmb_str_t text)
{
    if (llmb_quote_take(q, text)) {
        llmb_quote_segment(q, text);
        q->known = q->len;
    }
}


void
llmb_quote_add(llmb_quote_t *q, llmb_str_t text)
{
    unsigned  level;

    if (!llmb_quote_take(q, text)) {
        return;
    }

    llmb_quote_segment(q, text);

    for (level = 0; level < LLMB_QUOTE_LEVELS; level++) {

        if (memchr(text.data, '\\', text.len) == NULL) {
            break;
        }

        text.len = llmb_quote_unescape(text.data, text.len, q->scratch);
        text.data = q->scratch;

        llmb_quote_segment(q, text);
    }
}


/* whether there is a text, and room for it */

static unsigned
llmb_quote_take(llmb_quote_t *q, llmb_str_t text)
{
    if (text.len > q->left) {
        q->unsure = 1;
        return 0;
    }

    q->left -= text.len;

    return text.len > 0;
}


/* the words of a text, between spaces, and their windows */

static void
llmb_quote_segment(llmb_quote_t *q, llmb_str_t text)
{
    size_t            i;
    uint8_t           c;
    llmb_quote_row_t  row;

    memset(&row, 0, sizeof(llmb_quote_row_t));

    q->text[q->len++] = ' ';

    for (i = 0; i < text.len; i++) {
        c = llmb_quote_fold(text.data[i]);

        if (c == 0) {
            row.gap = 1;
            continue;
        }

        if (row.gap && row.n) {
            llmb_quote_put(q, &row, ' ');
        }

        llmb_quote_put(q, &row, c);
        row.gap = 0;
    }

    q->text[q->len++] = ' ';
}


static void
llmb_quote_put(llmb_quote_t *q, llmb_quote_row_t *row, uint8_t c)
{
    uint32_t  slot;

    llmb_quote_shift(row, c);
    q->text[q->len++] = c;

    if (row->n < LLMB_QUOTE_WINDOW
        || llmb_quote_find(q, row, &slot) != LLMB_QUOTE_NONE)
    {
        return;
    }

    if (slot == LLMB_QUOTE_NONE) {
        q->unsure = 1;
        return;
    }

    q->table[slot] = (uint32_t) (q->len - LLMB_QUOTE_WINDOW) + 1;
}


/* what is left of a byte: 0 if nothing is */

static uint8_t
llmb_quote_fold(uint8_t c)
{
    if (c >= 'A' && c <= 'Z') {
        return c | 0x20;
    }

    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c >= 0x80) {
        return c;
    }

    return 0;
}


static void
llmb_quote_shift(llmb_quote_row_t *row, uint8_t c)
{
    row->high = row->high << 8 | row->low >> 56;
    row->low = row->low << 8 | c;
    row->n++;
}


/*
 * Where the last bytes of the row are in the text; or LLMB_QUOTE_NONE: then
 * *slot is where they belong, LLMB_QUOTE_NONE if there is no room.
 */

static uint32_t
llmb_quote_find(const llmb_quote_t *q, const llmb_quote_row_t *row,
    uint32_t *slot)
{
    uint32_t  i, at;
    uint64_t  hash;
    unsigned  n;

    /* the upper bits of a product depend on all those of its factors */

    hash = row->low * 0x9e3779b97f4a7c15;
    hash = (row->high ^ hash ^ hash >> 32) * 0xff51afd7ed558ccd;
    i = (uint32_t) (hash >> 32) >> q->shift;

    for (n = 0; n < LLMB_QUOTE_PROBES; n++, i++) {
        i &= q->mask;

        if (q->table[i] == 0) {
            *slot = i;
            return LLMB_QUOTE_NONE;
        }

        at = q->table[i] - 1;

        if (llmb_quote_load(q->text + at) == row->high
            && llmb_quote_load(q->text + at + 8) == row->low)
        {
            return at;
        }
    }

    *slot = LLMB_QUOTE_NONE;

    return LLMB_QUOTE_NONE;
}


static uint64_t
llmb_quote_load(const uint8_t *p)
{
    unsigned  i;
    uint64_t  value;

    value = 0;

    for (i = 0; i < sizeof(uint64_t); i++) {
        value = value << 8 | p[i];
    }

    return value;
}


/*
 * Undoes escapes, those of JSON and, of other languages, "\xe9", in whatever
 * it is; "out" may be the text itself.  Returns the bytes, not more than len.
 */

static size_t
llmb_quote_unescape(const uint8_t *p, size_t len, uint8_t *out)
{
    uint8_t        *start;
    uint32_t        code;
    unsigned        byte;
    const uint8_t  *end;

    start = out;
    end = p + len;

    while (p < end) {

        if (*p != '\\' || end - p < 2) {
            *out++ = *p++;
            continue;
        }

        p = llmb_quote_escape(p + 1, end, &code, &byte);

        if (byte) {
            *out++ = (uint8_t) code;

        } else {
            out += llmb_json_encode(code, out);
        }
    }

    return (size_t) (out - start);
}


/* p is behind the backslash, and not at the end */

static const uint8_t *
llmb_quote_escape(const uint8_t *p, const uint8_t *end, uint32_t *code,
    unsigned *byte)
{
    uint32_t        low;
    const uint8_t  *next;

    *byte = 1;
    *code = *p;

    switch (*p) {

    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
    case 'v':
        /* whatever is between words */
        *code = ' ';
        return p + 1;

    case 'x':
        next = llmb_quote_hex(p + 1, end, 2, code);
        break;

    case 'u':
        next = llmb_quote_hex(p + 1, end, 4, code);
        *byte = 0;

        if (next == NULL || *code >> 11 != 0xd800 >> 11) {
            break;
        }

        /* half of a character, which alone is none */

        if (end - next >= 6 && next[0] == '\\' && next[1] == 'u'
            && llmb_quote_hex(next + 2, end, 4, &low)
            && *code >> 10 == 0xd800 >> 10 && low >> 10 == 0xdc00 >> 10)
        {
            *code = 0x10000 + ((*code & 0x3ff) << 10 | (low & 0x3ff));
            return next + 6;
        }

        *code = ' ';
        break;

    default:
        return p + 1;
    }

    if (next == NULL) {
        *byte = 1;
        *code = *p;
        next = p + 1;
    }

    return next;
}


/* behind so many hexadecimal digits, or NULL */

static const uint8_t *
llmb_quote_hex(const uint8_t *p, const uint8_t *end, unsigned digits,
    uint32_t *code)
{
    uint8_t   c;
    uint32_t  value;

    if ((size_t) (end - p) < digits) {
        return NULL;
    }

    value = 0;

    for ( /* void */ ; digits; digits--) {
        c = *p++;

        if (c >= '0' && c <= '9') {
            value = value << 4 | (uint32_t) (c - '0');
            continue;
        }

        c |= 0x20;

        if (c < 'a' || c > 'f') {
            return NULL;
        }

        value = value << 4 | (uint32_t) (c - 'a' + 10);
    }

    *code = value;

    return p;
}


unsigned
llmb_quote_items(llmb_quote_t *q, llmb_str_t items)
{
    unsigned            depth;
    const uint8_t      *p, *end;
    llmb_quote_walk_t   w;

    memset(&w, 0, sizeof(llmb_quote_walk_t));

    w.quote = q;

    depth = 0;
    p = items.data;
    end = p + items.len;

    while (p < end && *p <= ' ') {
        p++;
    }

    if (p == end) {
        /* a column that is not there, an echo that nobody wants */
        return q->unsure;
    }

    q->work += (uint64_t) items.len * LLMB_QUOTE_BYTE;

    if (q->work > LLMB_QUOTE_MAX_WORK) {
        q->unsure = 1;
    }

    while (p < end && !w.found && !q->unsure) {

        switch (*p) {

        case '"':
            llmb_quote_end_row(&w);
            p = llmb_quote_string(&w, p, end);
            continue;

        case '[':
        case '{':
            depth++;
            w.row.gap = 1;
            break;

        case ']':
        case '}':
            depth--;
            w.row.gap = 1;
            break;

        case ',':
            w.row.gap = 1;

            if (depth == 0) {
                llmb_quote_end_item(&w);
            }

            break;

        case 't':
        case 'f':
        case 'n':
            /* true, false, null */

            for (p++; p < end && *p >= 'a' && *p <= 'z'; p++) { /* void */ }

            w.row.gap = 1;
            continue;

        default:
            /* numbers in a row, and what is between them */

            llmb_quote_feed(&w, *p);
            break;
        }

        p++;
    }

    llmb_quote_end_item(&w);

    return w.found || q->unsure;
}


/* from a quote; returns what is behind the string */

static const uint8_t *
llmb_quote_string(llmb_quote_walk_t *w, const uint8_t *p, const uint8_t *end)
{
    size_t          n, i;
    uint8_t         utf8[4];
    uint32_t        code;
    llmb_str_t      token;
    const uint8_t  *last, *next;

    token.data = p;

    token.len = (size_t) (llmb_json_each_string(p, end) - p);

    last = p + token.len - 1;

    for (next = last + 1; next < end && *next <= ' '; next++) { /* void */ }

    if (next < end && *next == ':' && llmb_quote_names_has(token, 0)) {
        return next;
    }

    for (end = last, p++; p < end && !w->found; /* void */ ) {

        if (*p != '\\') {
            llmb_quote_feed(w, *p++);
            continue;
        }

        p = llmb_json_char(p, &code);
        n = llmb_json_encode(code, utf8);

        for (i = 0; i < n; i++) {
            llmb_quote_feed(w, utf8[i]);
        }
    }

    llmb_quote_end_row(w);

    return token.data + token.len;
}


static void
llmb_quote_feed(llmb_quote_walk_t *w, uint8_t c)
{
    c = llmb_quote_fold(c);

    if (c == 0) {
        w->row.gap = 1;
        return;
    }

    if (w->row.gap && w->row.n) {
        llmb_quote_look(w, ' ');
    }

    llmb_quote_look(w, c);
    w->row.gap = 0;
}


static void
llmb_quote_look(llmb_quote_walk_t *w, uint8_t c)
{
    uint32_t  at, slot;

    llmb_quote_shift(&w->row, c);

    if (w->row.n < LLMB_QUOTE_WINDOW) {
        return;
    }

    at = llmb_quote_find(w->quote, &w->row, &slot);

    w->found |= (at != LLMB_QUOTE_NONE && at >= w->quote->known);
}


static void
llmb_quote_end_row(llmb_quote_walk_t *w)
{
    w->longest = llmb_max(w->longest, w->row.n);

    if (w->row.n && w->row.n < LLMB_QUOTE_WINDOW && !w->found) {
        w->found = llmb_quote_short(w->quote, &w->row) & 1;
    }

    memset(&w->row, 0, sizeof(llmb_quote_row_t));
}


static void
llmb_quote_end_item(llmb_quote_walk_t *w)
{
    llmb_quote_end_row(w);

    if (w->longest < LLMB_QUOTE_SHORTEST && !w->quote->words) {
        w->quote->unsure = 1;
    }

    w->longest = 0;
}


/* whether the text has all of a row that is shorter than a window */

static unsigned
llmb_quote_short(llmb_quote_t *q, const llmb_quote_row_t *row)
{
    size_t    i, n;
    uint8_t   word[LLMB_QUOTE_WINDOW];
    uint64_t  low, high;

    n = row->n;

    if (n < LLMB_QUOTE_SHORTEST && !q->words) {
        return 0;
    }

    q->work += q->len;

    if (q->work > LLMB_QUOTE_MAX_WORK) {
        q->unsure = 1;
        return 0;
    }

    low = row->low;
    high = row->high;

    for (i = n; i; i--) {
        word[i - 1] = (uint8_t) low;
        low = low >> 8 | high << 56;
        high >>= 8;
    }

    return llmb_quote_search(q, q->known, q->len, word, n, q->words)
           && !llmb_quote_search(q, 0, q->known, word, n, q->words);
}


static unsigned
llmb_quote_search(const llmb_quote_t *q, size_t from, size_t to,
    const uint8_t *word, size_t len, unsigned words)
{
    const uint8_t  *p, *end;

    p = q->text + from;
    end = q->text + to;

    while ((size_t) (end - p) >= len) {
        p = memchr(p, word[0], (size_t) (end - p) - len + 1);

        if (p == NULL) {
            return 0;
        }

        /* a space is before the first word and behind the last */

        if (memcmp(p, word, len) == 0
            && (!words
                || ((p[-1] == ' ' || word[0] >= 0x80)
                    && (p[len] == ' ' || word[len - 1] >= 0x80))))
        {
            return 1;
        }

        p++;
    }

    return 0;
}


uint32_t
llmb_quote_whose(llmb_quote_t *q, const llmb_senders_t *senders)
{
    uint32_t    k, whose;
    llmb_str_t  left, items;

    whose = LLMB_QUOTE_NOBODY;

    for (k = 0; k < senders->n; k++) {
        left = senders->payloads[k];

        while (llmb_payload_next(senders->form, &left, &items)) {

            if (!llmb_quote_items(q, items)) {
                continue;
            }

            if (q->unsure || whose != LLMB_QUOTE_NOBODY) {
                return LLMB_QUOTE_UNKNOWN;
            }

            whose = k;
            break;
        }
    }

    return q->unsure ? LLMB_QUOTE_UNKNOWN : whose;
}
