
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Both keys are gone through at the same time, type by type.
 */


#include <string.h>

#include "llmb_differ.h"
#include "llmb_json_text.h"


typedef struct {
    llmb_difference_t  *out;
    unsigned            n;
} llmb_differ_t;


static unsigned llmb_differ_run(llmb_str_t *key, llmb_part_e type,
    llmb_str_t *run);
static void llmb_differ_values(llmb_differ_t *d, llmb_part_e type,
    llmb_str_t a, llmb_str_t b);
static void llmb_differ_uri(llmb_differ_t *d, llmb_str_t a, llmb_str_t b);
static void llmb_differ_variables(llmb_differ_t *d, llmb_str_t a,
    llmb_str_t b, unsigned values);
static void llmb_differ_headers(llmb_differ_t *d, llmb_str_t a, llmb_str_t b);
static void llmb_differ_bodies(llmb_differ_t *d, llmb_str_t a, llmb_str_t b);
static unsigned llmb_differ_member(llmb_str_t *text, llmb_key_part_t *member);
static const uint8_t *llmb_differ_string(const uint8_t *p,
    const uint8_t *end);
static void llmb_differ_add(llmb_differ_t *d, llmb_differ_e kind,
    llmb_str_t name);
static void llmb_differ_add_member(llmb_differ_t *d, llmb_str_t name);
static unsigned llmb_differ_equal(llmb_str_t a, llmb_str_t b);
static int llmb_differ_cmp(llmb_str_t a, llmb_str_t b);


#define llmb_part_word(name, text)  llmb_string(text),

static const llmb_str_t  llmb_part_words[LLMB_PART_N] = {
    LLMB_PART_LIST(llmb_part_word)
};


void
llmb_part_write(uint8_t *head, llmb_part_e type, size_t name, size_t value)
{
    uint32_t  size[2];

    size[0] = (uint32_t) name;
    size[1] = (uint32_t) value;

    head[0] = (uint8_t) type;
    memcpy(&head[1], size, sizeof(size));
}


unsigned
llmb_part_next(llmb_str_t *key, llmb_key_part_t *part)
{
    uint32_t  size[2];

    if (key->len < LLMB_PART_HEAD || key->data[0] >= LLMB_PART_N) {
        return 0;
    }

    memcpy(size, &key->data[1], sizeof(size));

    if (key->len - LLMB_PART_HEAD < (uint64_t) size[0] + size[1]) {
        return 0;
    }

    part->type = key->data[0];
    part->name.data = key->data + LLMB_PART_HEAD;
    part->name.len = size[0];
    part->value.data = part->name.data + size[0];
    part->value.len = size[1];

    key->len -= LLMB_PART_HEAD + (size_t) size[0] + size[1];
    key->data = part->value.data + size[1];

    return 1;
}


unsigned
llmb_differ(llmb_str_t a, llmb_str_t b, llmb_difference_t *out)
{
    unsigned       type;
    llmb_str_t     first, second;
    llmb_differ_t  d;

    d.out = out;
    d.n = 0;

    for (type = 0; type < LLMB_PART_N; type++) {

        if (!llmb_differ_run(&a, type, &first)
            || !llmb_differ_run(&b, type, &second))
        {
            return 0;
        }

        switch (type) {

        case LLMB_PART_REQUEST_URI:
            llmb_differ_uri(&d, first, second);
            break;

        case LLMB_PART_VARIABLE:
        case LLMB_PART_IDENTITY:
            llmb_differ_variables(&d, first, second, 1);
            llmb_differ_variables(&d, second, first, 0);
            break;

        case LLMB_PART_HEADER:
            llmb_differ_headers(&d, first, second);
            break;

        case LLMB_PART_BODY:
            llmb_differ_bodies(&d, first, second);
            break;

        default:
            llmb_differ_values(&d, type, first, second);
            break;
        }
    }

    return a.len || b.len ? 0 : d.n;
}


/* all parts of one type, taken off the key; 0: what is there is no part */

static unsigned
llmb_differ_run(llmb_str_t *key, llmb_part_e type, llmb_str_t *run)
{
    llmb_key_part_t  part;

    *run = *key;

    while (key->len && key->data[0] == type) {
        if (!llmb_part_next(key, &part)) {
            return 0;
        }
    }

    run->len -= key->len;

    return 1;
}


static void
llmb_differ_values(llmb_differ_t *d, llmb_part_e type, llmb_str_t a,
    llmb_str_t b)
{
    if (llmb_differ_equal(a, b)) {
        return;
    }

    llmb_differ_add(d, type == LLMB_PART_HOST ? LLMB_DIFFER_HEADER
                                              : LLMB_DIFFER_WORD,
                    llmb_part_words[type]);
}


/* arguments and all */

static void
llmb_differ_uri(llmb_differ_t *d, llmb_str_t a, llmb_str_t b)
{
    const uint8_t    *p;
    llmb_key_part_t   first, second;

    if (llmb_differ_equal(a, b)
        || !llmb_part_next(&a, &first) || !llmb_part_next(&b, &second))
    {
        return;
    }

    p = memchr(first.value.data, '?', first.value.len);
    first.value.len = p ? (size_t) (p - first.value.data) : first.value.len;

    p = memchr(second.value.data, '?', second.value.len);
    second.value.len = p ? (size_t) (p - second.value.data)
                         : second.value.len;

    llmb_differ_add(d, LLMB_DIFFER_WORD,
                    llmb_differ_equal(first.value, second.value)
                    ? llmb_part_words[LLMB_PART_ARGUMENTS]
                    : llmb_part_words[LLMB_PART_URI]);
}


/* those of a that b has not, or with another value; the configuration's */

static void
llmb_differ_variables(llmb_differ_t *d, llmb_str_t a, llmb_str_t b,
    unsigned values)
{
    unsigned         found;
    llmb_str_t       left;
    llmb_key_part_t  first, second;

    while (llmb_part_next(&a, &first)) {
        left = b;
        found = 0;

        while (!found && llmb_part_next(&left, &second)) {
            found = llmb_differ_equal(first.name, second.name)
                    && (!values
                        || llmb_differ_equal(first.value, second.value));
        }

        if (!found) {
            llmb_differ_add(d, LLMB_DIFFER_VARIABLE, first.name);
        }
    }
}


static void
llmb_differ_headers(llmb_differ_t *d, llmb_str_t a, llmb_str_t b)
{
    int              rc;
    unsigned         one, two;
    llmb_key_part_t  first, second;

    one = llmb_part_next(&a, &first);
    two = llmb_part_next(&b, &second);

    while (one || two) {
        rc = !one ? 1 : !two ? -1 : llmb_differ_cmp(first.name, second.name);

        if (rc || !llmb_differ_equal(first.value, second.value)) {
            llmb_differ_add(d, LLMB_DIFFER_HEADER,
                            rc <= 0 ? first.name : second.name);
        }

        if (rc <= 0) {
            one = llmb_part_next(&a, &first);
        }

        if (rc >= 0) {
            two = llmb_part_next(&b, &second);
        }
    }
}


/* as canonical texts they have their members in order */

static void
llmb_differ_bodies(llmb_differ_t *d, llmb_str_t a, llmb_str_t b)
{
    int              rc;
    unsigned         one, two;
    llmb_key_part_t  first, second;

    if (llmb_differ_equal(a, b)
        || !llmb_part_next(&a, &first) || !llmb_part_next(&b, &second))
    {
        return;
    }

    a = first.value;
    b = second.value;

    one = llmb_differ_member(&a, &first);
    two = llmb_differ_member(&b, &second);

    while (one || two) {
        rc = !one ? 1 : !two ? -1 : llmb_json_cmp(first.name, second.name);

        if (rc || !llmb_differ_equal(first.value, second.value)) {
            llmb_differ_add_member(d, rc <= 0 ? first.name : second.name);
        }

        if (rc <= 0) {
            one = llmb_differ_member(&a, &first);
        }

        if (rc >= 0) {
            two = llmb_differ_member(&b, &second);
        }
    }
}


/*
 * The first member of what is left of an object: a bracket or comma, the name,
 * a colon, and the value, if it is not left out.
 */

static unsigned
llmb_differ_member(llmb_str_t *text, llmb_key_part_t *member)
{
    unsigned        depth;
    const uint8_t  *p, *end;

    p = text->data;
    end = p + text->len;

    if (end - p < 4 || p[1] != '"') {
        return 0;
    }

    member->name.data = ++p;
    p = llmb_differ_string(p, end);
    member->name.len = (size_t) (p - member->name.data);

    member->value.data = p;
    depth = 0;

    while (p < end && (depth || (*p != ',' && *p != '}'))) {

        if (*p == '"') {
            p = llmb_differ_string(p, end);
            continue;
        }

        depth += (*p == '{' || *p == '[');
        depth -= (depth && (*p == '}' || *p == ']'));
        p++;
    }

    member->value.len = (size_t) (p - member->value.data);

    text->data = p;
    text->len = (size_t) (end - p);

    return 1;
}


/* behind the string that begins at p */

static const uint8_t *
llmb_differ_string(const uint8_t *p, const uint8_t *end)
{
    for (p++; p < end && *p != '"'; p++) {
        if (*p == '\\' && p + 1 < end) {
            p++;
        }
    }

    return p < end ? p + 1 : end;
}


static void
llmb_differ_add(llmb_differ_t *d, llmb_differ_e kind, llmb_str_t name)
{
    unsigned            i;
    llmb_difference_t  *o;

    if (d->n == LLMB_DIFFER_MAX) {
        return;
    }

    o = &d->out[d->n];

    memset(o, 0, sizeof(llmb_difference_t));

    if (name.len > LLMB_DIFFER_NAME) {

        /* not within a character of UTF-8 */

        for (name.len = LLMB_DIFFER_NAME;
             name.len && (name.data[name.len] & 0xc0) == 0x80;
             name.len--)
        {
            /* void */
        }
    }

    o->kind = (uint8_t) kind;
    o->len = (uint8_t) name.len;
    memcpy(o->name, name.data, name.len);

    for (i = 0; i < d->n; i++) {
        if (memcmp(&d->out[i], o, sizeof(llmb_difference_t)) == 0) {
            return;
        }
    }

    d->n++;
}


static void
llmb_differ_add_member(llmb_differ_t *d, llmb_str_t name)
{
    uint32_t        c;
    uint8_t         text[LLMB_DIFFER_NAME + 4];
    llmb_str_t      decoded;
    const uint8_t  *p, *end;

    p = name.data + 1;
    end = name.data + name.len - 1;

    decoded.data = text;
    decoded.len = 0;

    /* one more character than there is room for tells that it is cut */

    while (p < end && decoded.len <= LLMB_DIFFER_NAME) {
        p = llmb_json_char(p, &c);
        decoded.len += llmb_json_encode(c, text + decoded.len);
    }

    llmb_differ_add(d, LLMB_DIFFER_MEMBER, decoded);
}


static unsigned
llmb_differ_equal(llmb_str_t a, llmb_str_t b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}


static int
llmb_differ_cmp(llmb_str_t a, llmb_str_t b)
{
    int  rc;

    rc = memcmp(a.data, b.data, llmb_min(a.len, b.len));

    return rc ? rc : (a.len > b.len) - (a.len < b.len);
}
