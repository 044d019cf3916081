
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * A hostile upstream.  Whatever it answers, an answer that is accepted holds
 * what every member needs, and no member sees a byte of the elements of
 * another.
 *
 * The input: which format; the number of items; how many items each member
 * has, as the bits of a byte (a new member begins where one is set); their
 * weight; the size of the pieces in which the answer comes; the answer.
 */


#define CALL_MAX_MEMBERS  16

#include "call.h"
#include "oracle.h"


#define HEADER  5


typedef struct {
    call_t         *call;
    llmb_str_t      answer;
    uint32_t        k;
    buffer_t        out;
} member_t;


static void
make_call(call_t *call, const uint8_t *header)
{
    uint32_t       i, n;
    llmb_share_t  *share;

    n = 1 + (uint8_t) (header[1] - '0') % CALL_MAX_MEMBERS;
    share = NULL;

    for (i = 0; i < n; i++) {

        if (i == 0 || header[2] >> (i % 8) & 1) {
            share = &call->shares[call->members++];
            share->first = i;
        }

        share->items++;
        share->tokens += (uint8_t) (header[3] * (i + 1));
    }

    call->items = n;
}


/* piece by piece, and nothing where the text was before */

static llmb_rc_e
read_in_pieces(call_t *call, llmb_str_t answer, size_t step)
{
    size_t      len;
    uint8_t    *piece;
    llmb_rc_e   rc;

    call_start(call);

    step = llmb_max(step, answer.len / 64 + 1);

    for (len = 0; len < answer.len; len += step) {
        piece = malloc(len ? len : 1);
        memcpy(piece, answer.data, len);

        rc = llmb_split_read(&call->split, piece, len, 0);
        free(piece);

        if (rc != LLMB_AGAIN) {
            require(rc == LLMB_INVALID);
            return rc;
        }
    }

    return llmb_split_read(&call->split, answer.data, answer.len, 1);
}


static void
check_elements(call_t *call, llmb_str_t answer)
{
    uint32_t            i, j;
    const llmb_elem_t  *a, *b;

    for (i = 0; i < call->items; i++) {
        a = &call->elems[i];

        require(a->value.start < a->value.end);
        require(a->value.start >= call->split.list.start);
        require(a->value.end <= call->split.list.end);
        require(a->value.end < answer.len);

        for (j = 0; j < i; j++) {
            b = &call->elems[j];
            require(a->value.end <= b->value.start
                    || b->value.end <= a->value.start);
        }
    }
}


/* whether what is written comes from an element of somebody else */

static llmb_rc_e
member_write(void *data, const uint8_t *p, size_t len)
{
    size_t               start;
    member_t            *member = data;
    uint32_t             i;
    const llmb_elem_t   *elem;
    const llmb_share_t  *share = &member->call->shares[member->k];

    require(len);

    if (p >= member->answer.data
        && p < member->answer.data + member->answer.len)
    {
        start = (size_t) (p - member->answer.data);
        require(start + len <= member->answer.len);

        for (i = 0; i < member->call->items; i++) {

            if (i >= share->first && i < share->first + share->items) {
                continue;
            }

            elem = &member->call->elems[i];
            require(start + len <= elem->value.start
                    || start >= elem->value.end);
        }
    }

    return buffer_write(&member->out, p, len);
}


static json_t *
list_in(const llmb_adapter_t *adapter, json_t *root)
{
    return adapter->list.len
           ? json_object_get(root, (const char *) adapter->list.data) : root;
}


/* the element of the answer with this position */

static json_t *
element_of(const llmb_adapter_t *adapter, json_t *root, uint32_t position)
{
    size_t   i;
    json_t  *elem, *list = list_in(adapter, root);

    if (adapter->index.len == 0) {
        return json_array_get(list, position);
    }

    json_array_foreach(list, i, elem) {

        if (json_integer_value(json_object_get(elem,
                                          (const char *) adapter->index.data))
            == position)
        {
            return elem;
        }
    }

    return NULL;
}


static void
check_own_elements(call_t *call, uint32_t k, json_t *whole, json_t *own)
{
    json_t              *list = list_in(call->adapter, own), *elem, *mine;
    uint32_t             i;
    const char          *index;
    const llmb_share_t  *share = &call->shares[k];

    require(json_array_size(list) == share->items);

    for (i = 0; i < share->items; i++) {
        elem = json_copy(element_of(call->adapter, whole, share->first + i));
        mine = json_array_get(list, i);

        if (call->adapter->index.len) {
            index = (const char *) call->adapter->index.data;
            json_object_set_new(elem, index, json_integer(i));
        }

        require(json_equal(elem, mine));
        json_decref(elem);
    }
}


/* takes the counts of a member from those of the call, in place */

static json_t *
subtract(json_t *left, json_t *part, unsigned named)
{
    size_t       i;
    void        *iter;
    json_t      *value;
    const char  *key;

    require(json_typeof(left) == json_typeof(part));

    if (json_is_object(left)) {
        for (iter = json_object_iter(left); iter;
             iter = json_object_iter_next(left, iter))
        {
            key = json_object_iter_key(iter);
            value = subtract(json_object_iter_value(iter),
                             json_object_get(part, key), 1);
            json_object_iter_set_new(left, iter, value);
        }

    } else if (json_is_array(left)) {
        for (i = 0; i < json_array_size(left); i++) {
            value = subtract(json_array_get(left, i),
                             json_array_get(part, i), 0);
            json_array_set_new(left, i, value);
        }

    } else if (json_is_integer(left) && named
               && json_integer_value(left) >= 0
               && json_integer_value(left) <= LLMB_USAGE_MAX)
    {
        return json_integer(json_integer_value(left)
                            - json_integer_value(part));

    } else {
        require(json_equal(left, part));
    }

    return json_incref(left);
}


/* whether all counts have been given out */

static void
check_nothing_left(json_t *left, unsigned named)
{
    void    *iter;
    size_t   i;
    json_t  *value;

    if (json_is_object(left)) {
        for (iter = json_object_iter(left); iter;
             iter = json_object_iter_next(left, iter))
        {
            check_nothing_left(json_object_iter_value(iter), 1);
        }

    } else if (json_is_array(left)) {
        json_array_foreach(left, i, value) {
            check_nothing_left(value, 0);
        }

    } else if (json_is_integer(left) && named) {
        require(json_integer_value(left) <= 0
                || json_integer_value(left) > LLMB_USAGE_MAX);
    }
}


static void
check_id(call_t *call, uint32_t k, json_t *whole, json_t *own)
{
    size_t   len;
    char     tail[16];
    json_t  *id = json_object_get(whole, "id"),
            *mine = json_object_get(own, "id");

    if (!json_is_string(id) || call->members == 1) {
        require(id == mine || json_equal(id, mine));
        return;
    }

    sprintf(tail, "-%u", k);
    len = json_string_length(id);

    require(json_string_length(mine) == len + strlen(tail));
    require(memcmp(json_string_value(mine), json_string_value(id), len) == 0);
    require(strcmp(json_string_value(mine) + len, tail) == 0);
}


static json_t *
usage_in(const llmb_adapter_t *adapter, json_t *root)
{
    return adapter->usage.len
           ? json_object_get(root, (const char *) adapter->usage.data) : NULL;
}


static void
check_members(call_t *call, llmb_str_t answer)
{
    json_t                *whole, *own, *left, *usage;
    unsigned               exact;
    member_t               member;
    uint64_t               tokens;
    llmb_sink_t            sink;
    const llmb_adapter_t  *adapter = call->adapter;

    whole = oracle_read(answer.data, answer.len);
    left = json_deep_copy(usage_in(adapter, whole));
    tokens = 0;

    member.call = call;
    member.answer = answer;

    for (member.k = 0; member.k < call->members; member.k++) {
        (void) buffer_sink(&member.out);
        sink.write = member_write;
        sink.data = &member;

        require(call_write(call, answer, member.k, &sink) == LLMB_OK);

        require(member.out.len
                <= llmb_split_bound(&call->split, &call->shares[member.k]));

        tokens += llmb_split_tokens(&call->split, &call->shares[member.k],
                                    &exact);

        own = oracle_read(member.out.data, member.out.len);
        free(member.out.data);

        require((own == NULL) <= (whole == NULL));

        if (whole == NULL || own == NULL) {
            json_decref(own);
            continue;
        }

        check_own_elements(call, member.k, whole, own);

        if (adapter->list.len) {
            check_id(call, member.k, whole, own);
        }

        usage = left;

        if (usage) {
            left = subtract(usage, usage_in(adapter, own), 1);
            json_decref(usage);
        }

        json_decref(own);
    }

    require(!call->split.counted || tokens == call->split.input);

    check_nothing_left(left, 1);

    json_decref(left);
    json_decref(whole);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    call_t                *call;
    llmb_rc_e              rc;
    llmb_str_t             answer;
    llmb_mismatch_e        mismatch;
    const llmb_adapter_t  *adapter;

    if (size < HEADER) {
        return 0;
    }

    adapter = llmb_adapters[(uint8_t) (data[0] - '0') % llmb_nadapters];

    answer.data = data + HEADER;
    answer.len = size - HEADER;

    call = call_create(adapter);
    make_call(call, data);

    (void) call_read(call, answer);
    mismatch = call->split.mismatch;

    rc = read_in_pieces(call, answer, data[4]);

    require(rc == LLMB_OK || rc == LLMB_INVALID);
    require((rc == LLMB_OK) == (mismatch == LLMB_MISMATCH_NONE));
    require(call->split.mismatch == mismatch);

    if (rc == LLMB_OK) {
        check_elements(call, answer);
        check_members(call, answer);
    }

    call_destroy(call);

    return 0;
}
