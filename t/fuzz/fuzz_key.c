
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The canonical text stays the same when a document is written otherwise, with
 * members in another order, white space and escapes; it changes with any
 * value or name; jansson reads the same from it; and values that are left out
 * are those, and only those, that are missing in it.
 */


#include <stdio.h>

#include "buffer.h"
#include "json_oracle.h"
#include "llmb_key.h"
#include "tokens.h"
#include "llmb_json_text.h"


#define NONE  ((size_t) -1)

#define MAX_LEFT  3

/* in the place of a value that is left out */

#define MARK      "\"\\b left out \\b\""


/* how to write a document */

typedef struct {
    const uint8_t   *base;
    const tokens_t  *t;
    uint64_t        *seed;
    buffer_t        *out;
    size_t           change;      /* the token to change */
    unsigned         nleft;       /* the values to leave out */
    size_t           left[MAX_LEFT];
    unsigned         marks;       /* written for them */
} writer_t;


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t write_value(writer_t *w, size_t i);


static void
put(writer_t *w, const char *s, size_t len)
{
    check(buffer_write(w->out, (const uint8_t *) s, len) == LLMB_OK);
}


static void
write_spaces(writer_t *w)
{
    while (random_below(w->seed, 4) == 0) {
        put(w, &" \t\r\n"[random_below(w->seed, 4)], 1);
    }
}


/* some characters as escapes that say the same */

static void
write_string(writer_t *w, size_t i)
{
    char            escape[8];
    uint32_t        c;
    const uint8_t  *p, *next, *end;

    p = w->base + w->t->tok[i].start + 1;
    end = w->base + w->t->tok[i].end - 1;

    put(w, "\"", 1);

    for ( /* void */ ; p < end; p = next) {
        next = llmb_json_char(p, &c);

        if (c < 0x10000 && random_below(w->seed, 4) == 0) {
            sprintf(escape, random_below(w->seed, 2) ? "\\u%04x" : "\\u%04X",
                    c);
            put(w, escape, 6);

        } else {
            put(w, (const char *) p, (size_t) (next - p));
        }
    }

    if (i == w->change) {
        put(w, "x", 1);
    }

    put(w, "\"", 1);
}


static void
write_scalar(writer_t *w, size_t i)
{
    const llmb_json_token_t  *tok;

    tok = &w->t->tok[i];

    if (i != w->change) {
        put(w, (const char *) w->base + tok->start, tok->end - tok->start);
        return;
    }

    switch (tok->type) {

    case LLMB_JSON_NUMBER:
        put(w, (const char *) w->base + tok->start, tok->end - tok->start);

        /* a zero may have no digit behind it, anything may have this */

        if (memchr(w->base + tok->start, '.', tok->end - tok->start)
            || memchr(w->base + tok->start, 'e', tok->end - tok->start)
            || memchr(w->base + tok->start, 'E', tok->end - tok->start))
        {
            put(w, "0", 1);

        } else {
            put(w, ".0", 2);
        }

        break;

    case LLMB_JSON_TRUE:
        put(w, "false", 5);
        break;

    case LLMB_JSON_FALSE:
        put(w, "null", 4);
        break;

    default: /* LLMB_JSON_NULL */
        put(w, "true", 4);
        break;
    }
}


/* the token behind the value at i */

static size_t
behind(const tokens_t *t, size_t i)
{
    unsigned  depth;

    depth = t->tok[i].depth;

    if (t->tok[i].type != LLMB_JSON_OBJECT
        && t->tok[i].type != LLMB_JSON_ARRAY)
    {
        return i + 1;
    }

    for (i++; t->tok[i].depth != depth; i++) {
        /* void */
    }

    return i + 1;
}


static llmb_str_t
text_of(const writer_t *w, size_t i)
{
    llmb_str_t  text;

    text.data = w->base + w->t->tok[i].start;
    text.len = w->t->tok[i].end - w->t->tok[i].start;

    return text;
}


/* exchanges members at random, but never two of one name */

static void
shuffle(writer_t *w, size_t *members, size_t n)
{
    size_t  i, tries;

    for (tries = 0; n > 1 && tries < 2 * n; tries++) {
        i = random_below(w->seed, n - 1);

        if (llmb_json_cmp(text_of(w, members[i]), text_of(w, members[i + 1]))
            != 0)
        {
            members[n] = members[i];
            members[i] = members[i + 1];
            members[i + 1] = members[n];
        }
    }
}


static size_t
write_object(writer_t *w, size_t i)
{
    size_t      j, n, *members;
    unsigned    written;

    members = malloc((behind(w->t, i) - i) * sizeof(size_t));
    check(members != NULL);

    for (n = 0, i++; w->t->tok[i].type == LLMB_JSON_KEY; n++) {
        members[n] = i;
        i = behind(w->t, i + 1);
    }

    shuffle(w, members, n);

    written = 0;
    put(w, "{", 1);

    for (j = 0; j < n; j++) {
        put(w, ",", written++ ? 1 : 0);
        write_spaces(w);
        write_string(w, members[j]);
        write_spaces(w);
        put(w, ":", 1);
        write_value(w, members[j] + 1);
    }

    write_spaces(w);
    put(w, "}", 1);

    free(members);

    return i + 1;
}


static size_t
write_array(writer_t *w, size_t i)
{
    unsigned  written;

    written = 0;
    put(w, "[", 1);

    for (i++; w->t->tok[i].type != LLMB_JSON_ARRAY_END; /* void */) {
        put(w, ",", written++ ? 1 : 0);
        i = write_value(w, i);
    }

    write_spaces(w);
    put(w, "]", 1);

    return i + 1;
}


static size_t
write_value(writer_t *w, size_t i)
{
    unsigned  k;

    for (k = 0; k < w->nleft; k++) {
        if (w->left[k] == i) {
            put(w, MARK, sizeof(MARK) - 1);
            w->marks++;

            return behind(w->t, i);
        }
    }

    write_spaces(w);

    switch (w->t->tok[i].type) {

    case LLMB_JSON_OBJECT:
        i = write_object(w, i);
        break;

    case LLMB_JSON_ARRAY:
        i = write_array(w, i);
        break;

    case LLMB_JSON_STRING:
        write_string(w, i++);
        break;

    default:
        write_scalar(w, i++);
        break;
    }

    write_spaces(w);

    return i;
}


static buffer_t
canonical(llmb_str_t json, const llmb_span_t *skip, unsigned nskip)
{
    size_t        size;
    buffer_t      out;
    llmb_sink_t   sink;
    llmb_arena_t  scratch;

    /* five bytes make a member, two an object */

    size = 24 * (json.len / 2 + 1 + nskip);

    sink = buffer_sink(&out);
    scratch.pos = malloc(size);
    check(scratch.pos != NULL);
    scratch.end = scratch.pos + size;

    check(llmb_key_canonical(json, skip, nskip, scratch, &sink) == LLMB_OK);

    free(scratch.pos);

    return out;
}


/* the canonical text of what w writes */

static buffer_t
rewritten(writer_t *w)
{
    buffer_t    text, out;
    llmb_str_t  json;

    buffer_sink(&text);
    w->out = &text;
    write_value(w, 0);

    json.data = text.data;
    json.len = text.len;
    out = canonical(json, NULL, 0);

    free(text.data);

    return out;
}


static void
check_rewritten(writer_t *w, llmb_str_t expected, unsigned equal)
{
    buffer_t  out;

    out = rewritten(w);
    check(buffer_is(&out, expected) == equal);
    free(out.data);
}


/* something that has a value, or the name of one */

static void
check_change(writer_t *w, llmb_str_t key)
{
    size_t  i;

    i = random_below(w->seed, w->t->n);

    if (w->t->tok[i].type >= LLMB_JSON_KEY
        && w->t->tok[i].type <= LLMB_JSON_NULL)
    {
        w->change = i;
        check_rewritten(w, key, 0);
        w->change = NONE;
    }
}


static unsigned
is_value(const llmb_json_token_t *tok)
{
    return tok->type != LLMB_JSON_KEY && tok->type != LLMB_JSON_OBJECT_END
           && tok->type != LLMB_JSON_ARRAY_END && tok->type != LLMB_JSON_END;
}


/* chooses values to leave out, in the order of the text */

static void
choose_left(writer_t *w)
{
    size_t    i, n;
    unsigned  k;

    w->nleft = 0;
    n = 1 + random_below(w->seed, MAX_LEFT);
    i = random_below(w->seed, w->t->n);

    for (k = 0; k < n && i < w->t->n; k++) {

        if (is_value(&w->t->tok[i])) {
            w->left[w->nleft++] = i;
        }

        i += 1 + random_below(w->seed, 8);
    }
}


/* takes all marks out; returns how many there were */

static unsigned
erase_marks(buffer_t *b)
{
    uint8_t   *p;
    unsigned   n;

    for (n = 0; b->len; n++) {
        p = memmem(b->data, b->len, MARK, sizeof(MARK) - 1);

        if (p == NULL) {
            break;
        }

        b->len -= sizeof(MARK) - 1;
        memmove(p, p + sizeof(MARK) - 1, (size_t) (b->data + b->len - p));
    }

    return n;
}


static void
check_left(writer_t *w, llmb_str_t json)
{
    buffer_t     less, out;
    unsigned     k;
    llmb_str_t   expected;
    llmb_span_t  skip[MAX_LEFT];

    choose_left(w);

    for (k = 0; k < w->nleft; k++) {
        skip[k].start = w->t->tok[w->left[k]].start;
        skip[k].end = skip[k].start + 1;
    }

    less = canonical(json, skip, w->nleft);
    expected.data = less.data;
    expected.len = less.len;

    w->marks = 0;
    out = rewritten(w);
    w->nleft = 0;

    /* a text of its own may look like a mark */

    if (erase_marks(&out) == w->marks) {
        check(buffer_is(&out, expected));
    }

    free(out.data);
    free(less.data);
}


static void
check_reading(llmb_str_t json, llmb_str_t key)
{
    json_t    *a, *b;
    unsigned   silent;

    a = oracle_read(json, &silent);
    b = oracle_read(key, &silent);

    check((a == NULL) == (b == NULL));
    check(a == NULL || json_equal(a, b));

    json_decref(a);
    json_decref(b);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    buffer_t    out, again;
    tokens_t    t;
    writer_t    w;
    uint64_t    seed;
    llmb_str_t  json, key;

    tokens_start(&t, LLMB_JSON_MAX_DEPTH);
    tokens_feed(&t, data, size, 1);

    if (t.rc == LLMB_OK) {
        json.data = data;
        json.len = size;
        out = canonical(json, NULL, 0);

        key.data = out.data;
        key.len = out.len;
        again = canonical(key, NULL, 0);

        check(buffer_is(&again, key));
        check_reading(json, key);

        seed = random_seed(data, size);

        memset(&w, 0, sizeof(writer_t));
        w.base = data;
        w.t = &t;
        w.seed = &seed;
        w.change = NONE;

        check_rewritten(&w, key, 1);
        check_change(&w, key);
        check_left(&w, json);

        free(again.data);
        free(out.data);
    }

    tokens_free(&t);

    return 0;
}
