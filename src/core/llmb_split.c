
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Checks an answer while it arrives and cuts it.
 *
 * Reading notes where the elements of the list lie, by position, and where
 * the few things lie that are written anew; it decides, alone, whether the
 * answer may be cut at all.  Writing copies spans that reading has noted: an
 * element belongs to one position, and a position to one member, so nothing
 * can reach a neighbor.
 */


#include "llmb_split.h"

#include <string.h>


/* the members of the answer that matter */

typedef enum {
    LLMB_MEMBER_OTHER = 0x00,
    LLMB_MEMBER_LIST  = 0x01,
    LLMB_MEMBER_USAGE = 0x02,
    LLMB_MEMBER_ID    = 0x04
} llmb_member_e;


typedef struct {
    const llmb_split_t    *sp;
    const uint8_t         *base;
    const llmb_share_t    *share;
    uint32_t               k;
    llmb_sink_t           *out;
} llmb_cut_t;


typedef struct {
    const llmb_span_t     *span;
    llmb_rc_e            (*write)(llmb_cut_t *cut);
} llmb_piece_t;


static llmb_mismatch_e llmb_split_token(llmb_split_t *sp, const uint8_t *base,
    const llmb_json_token_t *tok);
static llmb_mismatch_e llmb_split_open(llmb_split_t *sp,
    const llmb_json_token_t *tok);
static llmb_mismatch_e llmb_split_member(llmb_split_t *sp,
    const uint8_t *base, const llmb_json_token_t *tok);
static llmb_mismatch_e llmb_split_element(llmb_split_t *sp,
    const llmb_json_token_t *tok);
static llmb_mismatch_e llmb_split_index(llmb_split_t *sp,
    const uint8_t *base, const llmb_json_token_t *tok);
static llmb_mismatch_e llmb_split_end(llmb_split_t *sp, const uint8_t *base,
    size_t len);

static llmb_rc_e llmb_split_write_list(llmb_cut_t *cut);
static llmb_rc_e llmb_split_write_usage(llmb_cut_t *cut);
static llmb_rc_e llmb_split_write_id(llmb_cut_t *cut);
static llmb_rc_e llmb_split_write_number(llmb_sink_t *out, uint64_t value);
static llmb_rc_e llmb_split_copy(llmb_cut_t *cut, size_t start, size_t end);

static llmb_str_t llmb_split_usage(const llmb_split_t *sp,
    const uint8_t *base);


void
llmb_split_init(llmb_split_t *sp, const llmb_adapter_t *adapter,
    llmb_elem_t *elems, uint32_t n)
{
    unsigned  depth;

    memset(sp, 0, sizeof(llmb_split_t));
    memset(elems, 0, n * sizeof(llmb_elem_t));

    sp->adapter = adapter;
    sp->elems = elems;
    sp->n = n;

    /* elements; with an index their members, too, but not what is in these */

    depth = adapter->list.len ? 2 : 1;

    llmb_json_init(&sp->json, adapter->index.len ? depth + 1 : depth);
}


llmb_rc_e
llmb_split_read(llmb_split_t *sp, const uint8_t *base, size_t len,
    unsigned last)
{
    llmb_rc_e          rc;
    llmb_json_token_t  tok;

    while (sp->mismatch == LLMB_MISMATCH_NONE && sp->len == 0) {

        rc = llmb_json_next(&sp->json, base, len, 0, &tok);

        if (rc == LLMB_AGAIN) {

            if (!last) {
                return LLMB_AGAIN;
            }

            /* what was fine so far can only fail for its end */

            rc = llmb_json_next(&sp->json, base, len, 1, &tok);

            if (rc != LLMB_OK) {
                sp->mismatch = LLMB_MISMATCH_TRUNCATED;
                break;
            }
        }

        if (rc == LLMB_LIMIT) {
            sp->mismatch = LLMB_MISMATCH_SHAPE;

        } else if (rc != LLMB_OK) {
            sp->mismatch = LLMB_MISMATCH_JSON;

        } else if (tok.type == LLMB_JSON_END) {
            sp->mismatch = llmb_split_end(sp, base, len);

        } else {
            sp->mismatch = llmb_split_token(sp, base, &tok);
        }
    }

    return (sp->mismatch == LLMB_MISMATCH_NONE) ? LLMB_OK : LLMB_INVALID;
}


llmb_rc_e
llmb_split_write(const llmb_split_t *sp, const uint8_t *base,
    const llmb_share_t *shares, uint32_t members, uint32_t k,
    llmb_sink_t *out)
{
    size_t        pos;
    unsigned      i, n;
    llmb_rc_e     rc;
    llmb_cut_t    cut;
    llmb_piece_t  pieces[3], piece;

    cut.sp = sp;
    cut.base = base;
    cut.share = &shares[k];
    cut.k = k;
    cut.out = out;

    n = 0;

    pieces[n].span = &sp->list;
    pieces[n++].write = llmb_split_write_list;

    if (sp->usage.end) {
        pieces[n].span = &sp->usage;
        pieces[n++].write = llmb_split_write_usage;
    }

    if (sp->id.end && members > 1) {
        pieces[n].span = &sp->id;
        pieces[n++].write = llmb_split_write_id;
    }

    for (pos = 0; n; n--) {

        /* the next one goes to the end of the array */

        for (i = 0; i < n - 1; i++) {
            if (pieces[i].span->start < pieces[n - 1].span->start) {
                piece = pieces[i];
                pieces[i] = pieces[n - 1];
                pieces[n - 1] = piece;
            }
        }

        rc = llmb_split_copy(&cut, pos, pieces[n - 1].span->start);

        if (rc == LLMB_OK) {
            rc = pieces[n - 1].write(&cut);
        }

        if (rc != LLMB_OK) {
            return rc;
        }

        pos = pieces[n - 1].span->end;
    }

    return llmb_split_copy(&cut, pos, sp->len);
}


/*
 * Positions and counts only become smaller, and their texts not longer; the
 * id gets longer by "-" and a number of 32 bits.
 */

size_t
llmb_split_bound(const llmb_split_t *sp, const llmb_share_t *share)
{
    size_t              size;
    uint32_t            i;
    const llmb_elem_t  *elem;

    elem = &sp->elems[share->first];
    size = sp->len - (sp->list.end - sp->list.start)
           + sizeof("-4294967295") - 1;

    if (elem->index.end == 0) {
        return size + (elem[share->items - 1].value.end - elem->value.start);
    }

    for (i = 0; i < share->items; i++, elem++) {
        size += elem->value.end - elem->value.start;
    }

    return size + (share->items - 1) * (sp->gap.end - sp->gap.start);
}


uint64_t
llmb_split_tokens(const llmb_split_t *sp, const llmb_share_t *share,
    unsigned *exact)
{
    if (!sp->counted) {
        *exact = 0;
        return share->tokens;
    }

    *exact = (sp->input == share->weight.tokens.total);

    return llmb_usage_part(&share->weight, sp->input);
}


static llmb_mismatch_e
llmb_split_token(llmb_split_t *sp, const uint8_t *base,
    const llmb_json_token_t *tok)
{
    unsigned  depth;

    /* of the brackets of the list */

    depth = sp->adapter->list.len ? 1 : 0;

    if (sp->listed) {

        if (tok->depth == depth + 1) {
            return llmb_split_element(sp, tok);
        }

        if (tok->depth > depth) {
            return llmb_split_index(sp, base, tok);
        }

        sp->listed = 0;

        return (sp->seen == sp->n) ? LLMB_MISMATCH_NONE : LLMB_MISMATCH_COUNT;
    }

    if (depth == 0) {
        return llmb_split_open(sp, tok);
    }

    if (tok->depth == 0) {
        return (tok->type == LLMB_JSON_OBJECT
                || tok->type == LLMB_JSON_OBJECT_END)
               ? LLMB_MISMATCH_NONE : LLMB_MISMATCH_SHAPE;
    }

    return (tok->depth == 1) ? llmb_split_member(sp, base, tok)
                             : LLMB_MISMATCH_NONE;
}


static llmb_mismatch_e
llmb_split_open(llmb_split_t *sp, const llmb_json_token_t *tok)
{
    if (tok->type != LLMB_JSON_ARRAY) {
        return LLMB_MISMATCH_SHAPE;
    }

    sp->listed = 1;
    sp->members |= LLMB_MEMBER_LIST;

    return LLMB_MISMATCH_NONE;
}


static llmb_mismatch_e
llmb_split_member(llmb_split_t *sp, const uint8_t *base,
    const llmb_json_token_t *tok)
{
    llmb_str_t             key;
    llmb_member_e          member;
    const llmb_adapter_t  *adapter;

    static const llmb_str_t  id = llmb_string("id");

    adapter = sp->adapter;

    if (tok->type == LLMB_JSON_KEY) {

        key.len = tok->end - tok->start;
        key.data = base + tok->start;

        if (llmb_json_is(key, adapter->list)) {
            member = LLMB_MEMBER_LIST;

        } else if (adapter->usage.len && llmb_json_is(key, adapter->usage)) {
            member = LLMB_MEMBER_USAGE;

        } else if (llmb_json_is(key, id)) {
            member = LLMB_MEMBER_ID;

        } else {
            member = LLMB_MEMBER_OTHER;
        }

        if (sp->members & member) {
            return LLMB_MISMATCH_SHAPE;
        }

        sp->member = member;
        sp->members |= member;

        return LLMB_MISMATCH_NONE;
    }

    switch (sp->member) {

    case LLMB_MEMBER_LIST:
        return llmb_split_open(sp, tok);

    case LLMB_MEMBER_USAGE:

        if (sp->usage.start == 0) {
            sp->usage.start = tok->start;
        }

        sp->usage.end = tok->end;

        return LLMB_MISMATCH_NONE;

    case LLMB_MEMBER_ID:

        if (tok->type == LLMB_JSON_STRING) {
            sp->id.start = tok->start;
            sp->id.end = tok->end;
        }

        return LLMB_MISMATCH_NONE;

    default:
        return LLMB_MISMATCH_NONE;
    }
}


static llmb_mismatch_e
llmb_split_element(llmb_split_t *sp, const llmb_json_token_t *tok)
{
    if (tok->type != LLMB_JSON_OBJECT_END && tok->type != LLMB_JSON_ARRAY_END)
    {
        if (sp->seen == sp->n) {
            return LLMB_MISMATCH_COUNT;
        }

        if (sp->adapter->index.len && tok->type != LLMB_JSON_OBJECT) {
            return LLMB_MISMATCH_INDEX;
        }

        memset(&sp->elem, 0, sizeof(llmb_elem_t));

        sp->elem.value.start = tok->start;
        sp->position = sp->seen;

        if (sp->seen == 0) {
            sp->list.start = tok->start;

        } else if (sp->seen == 1) {
            sp->gap.end = tok->start;
        }

        if (tok->type == LLMB_JSON_OBJECT || tok->type == LLMB_JSON_ARRAY) {
            return LLMB_MISMATCH_NONE;
        }
    }

    if (sp->adapter->index.len && sp->elem.index.end == 0) {
        return LLMB_MISMATCH_INDEX;
    }

    sp->elem.value.end = tok->end;
    sp->elems[sp->position] = sp->elem;

    if (sp->seen == 0) {
        sp->gap.start = tok->end;
    }

    sp->list.end = tok->end;
    sp->seen++;

    return LLMB_MISMATCH_NONE;
}


static llmb_mismatch_e
llmb_split_index(llmb_split_t *sp, const uint8_t *base,
    const llmb_json_token_t *tok)
{
    uint64_t    position;
    llmb_str_t  text;

    text.len = tok->end - tok->start;
    text.data = base + tok->start;

    if (tok->type == LLMB_JSON_KEY) {
        sp->indexed = llmb_json_is(text, sp->adapter->index) ? 1 : 0;
        return LLMB_MISMATCH_NONE;
    }

    if (!sp->indexed) {
        return LLMB_MISMATCH_NONE;
    }

    if (tok->type != LLMB_JSON_NUMBER
        || llmb_json_uint(text, &position) != LLMB_OK
        || position >= sp->n
        || sp->elems[position].value.end
        || sp->elem.index.end)
    {
        return LLMB_MISMATCH_INDEX;
    }

    sp->elem.index.start = tok->start;
    sp->elem.index.end = tok->end;
    sp->position = (uint32_t) position;

    return LLMB_MISMATCH_NONE;
}


static llmb_mismatch_e
llmb_split_end(llmb_split_t *sp, const uint8_t *base, size_t len)
{
    llmb_str_t    input;
    llmb_usage_t  us;

    if (!(sp->members & LLMB_MEMBER_LIST)) {
        return LLMB_MISMATCH_SHAPE;
    }

    sp->len = len;

    input = sp->adapter->input_tokens;

    llmb_usage_init(&us, llmb_split_usage(sp, base));

    while (llmb_usage_next(&us)) {

        if (us.name.len == 0
            || (us.tok.depth == 1 && llmb_json_is(us.name, input)))
        {
            sp->input = us.value;
            sp->counted = 1;
        }
    }

    return LLMB_MISMATCH_NONE;
}


static llmb_rc_e
llmb_split_write_list(llmb_cut_t *cut)
{
    uint32_t            i;
    llmb_rc_e           rc;
    const llmb_elem_t  *elem;

    elem = &cut->sp->elems[cut->share->first];

    if (elem->index.end == 0) {

        /* by place: what is in a row here came in a row */

        return llmb_split_copy(cut, elem->value.start,
                               elem[cut->share->items - 1].value.end);
    }

    for (i = 0; i < cut->share->items; i++, elem++) {

        if (i) {
            rc = llmb_split_copy(cut, cut->sp->gap.start, cut->sp->gap.end);

            if (rc != LLMB_OK) {
                return rc;
            }
        }

        rc = llmb_split_copy(cut, elem->value.start, elem->index.start);

        if (rc == LLMB_OK) {
            rc = llmb_split_write_number(cut->out, i);
        }

        if (rc == LLMB_OK) {
            rc = llmb_split_copy(cut, elem->index.end, elem->value.end);
        }

        if (rc != LLMB_OK) {
            return rc;
        }
    }

    return LLMB_OK;
}


static llmb_rc_e
llmb_split_write_usage(llmb_cut_t *cut)
{
    size_t        pos, start;
    llmb_rc_e     rc;
    llmb_usage_t  us;

    start = cut->sp->usage.start;
    pos = start;

    llmb_usage_init(&us, llmb_split_usage(cut->sp, cut->base));

    while (llmb_usage_next(&us)) {

        rc = llmb_split_copy(cut, pos, start + us.tok.start);

        if (rc == LLMB_OK) {
            rc = llmb_split_write_number(cut->out,
                                         llmb_usage_part(&cut->share->weight,
                                                         us.value));
        }

        if (rc != LLMB_OK) {
            return rc;
        }

        pos = start + us.tok.end;
    }

    return llmb_split_copy(cut, pos, cut->sp->usage.end);
}


static llmb_rc_e
llmb_split_write_id(llmb_cut_t *cut)
{
    llmb_rc_e           rc;
    const llmb_span_t  *id;

    id = &cut->sp->id;

    rc = llmb_split_copy(cut, id->start, id->end - 1);

    if (rc == LLMB_OK) {
        rc = cut->out->write(cut->out->data, (const uint8_t *) "-", 1);
    }

    if (rc == LLMB_OK) {
        rc = llmb_split_write_number(cut->out, cut->k);
    }

    if (rc == LLMB_OK) {
        rc = llmb_split_copy(cut, id->end - 1, id->end);
    }

    return rc;
}


static llmb_rc_e
llmb_split_write_number(llmb_sink_t *out, uint64_t value)
{
    size_t   pos;
    uint8_t  text[sizeof("18446744073709551615") - 1];

    pos = sizeof(text);

    do {
        text[--pos] = (uint8_t) ('0' + value % 10);
        value /= 10;
    } while (value);

    return out->write(out->data, &text[pos], sizeof(text) - pos);
}


static llmb_rc_e
llmb_split_copy(llmb_cut_t *cut, size_t start, size_t end)
{
    if (start == end) {
        return LLMB_OK;
    }

    return cut->out->write(cut->out->data, cut->base + start, end - start);
}


static llmb_str_t
llmb_split_usage(const llmb_split_t *sp, const uint8_t *base)
{
    llmb_str_t  text;

    text.len = sp->usage.end - sp->usage.start;
    text.data = base + sp->usage.start;

    return text;
}
