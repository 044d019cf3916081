
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What each member gets.
 */


#include <math.h>

#include "split_check.h"


typedef struct {
    call_t     *c;
    uint32_t    k;
    buffer_t    out;
} member_t;


static unsigned
is_own(const call_t *c, uint32_t k, uint32_t position)
{
    uint32_t  i;

    for (i = 0; i < c->shares[k].items; i++) {

        if (call_position(c, k, i) == position) {
            return 1;
        }
    }

    return 0;
}


static void
check_apart(const llmb_span_t *span, size_t start, size_t len)
{
    require(start + len <= span->start || start >= span->end);
}


/* whether what is written comes from an element of somebody else */

static llmb_rc_e
member_write(void *data, const uint8_t *p, size_t len)
{
    size_t               start;
    unsigned             l;
    member_t            *member = data;
    uint32_t             i;
    const call_t        *c = member->c;
    const llmb_split_t  *sp = &c->split;

    if (p < c->answer.data || p >= c->answer.data + c->answer.len) {
        return buffer_write(&member->out, p, len);
    }

    start = (size_t) (p - c->answer.data);
    require(start + len <= c->answer.len);

    for (i = 0; i < c->conf.items; i++) {

        if (is_own(c, member->k, i)) {
            continue;
        }

        for (l = 0; l < c->conf.per && !c->conf.form->read_answer; l++) {
            check_apart(&sp->elems[i * c->conf.per + l].value, start, len);
        }

        for (l = 0; l < sp->nlists; l++) {
            check_apart(&sp->lists[l].elems[i], start, len);
        }
    }

    return buffer_write(&member->out, p, len);
}


static unsigned
digit(char c)
{
    static const char  alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    return (unsigned) (strchr(alphabet, c) - alphabet);
}


/* whether the text is the base64 of these numbers, give or take a bit */

static void
check_vector(json_t *numbers, json_t *text)
{
    float        expected, found;
    size_t       i, n;
    uint8_t      bytes[4];
    unsigned     bits;
    const char  *p = json_string_value(text);

    require(p);

    n = json_array_size(numbers) * 4;
    require(strlen(p) == (n + 2) / 3 * 4);

    for (i = 0; i < n; i++) {
        bits = digit(p[i / 3 * 4]) << 18 | digit(p[i / 3 * 4 + 1]) << 12;

        if (p[i / 3 * 4 + 2] != '=') {
            bits |= digit(p[i / 3 * 4 + 2]) << 6;
        }

        if (p[i / 3 * 4 + 3] != '=') {
            bits |= digit(p[i / 3 * 4 + 3]);
        }

        bytes[i % 4] = (uint8_t) (bits >> (16 - i % 3 * 8));

        if (i % 4 != 3) {
            continue;
        }

        memcpy(&found, bytes, 4);
        expected = (float) json_number_value(json_array_get(numbers, i / 4));

        require(found == expected || found == nextafterf(expected, INFINITY)
                || found == nextafterf(expected, -INFINITY));
    }
}


/* an element of the member, and the same one as it came */

static void
check_element(const call_t *c, json_t *came, json_t *mine, uint32_t number)
{
    char                name[64];
    json_t             *vector;
    const llmb_form_t  *form = c->conf.form;

    came = json_is_object(came) ? json_copy(came) : json_incref(came);
    mine = json_is_object(mine) ? json_copy(mine) : json_incref(mine);

    if (form->index.len) {
        (void) json_around(came, form->index, name);
        json_object_set_new(came, name, json_integer(number));
    }

    if (c->conf.strip && form->prompt_ids.len && json_at(came,
                                                         form->prompt_ids))
    {
        (void) json_around(came, form->prompt_ids, name);
        json_object_set_new(came, name, json_null());
    }

    if (c->conf.strip && form->token_ids.len && json_at(came,
                                                        form->token_ids))
    {
        (void) json_around(came, form->token_ids, name);
        json_object_set_new(came, name, json_null());
    }

    if (c->conf.repair && form->vector.len && json_is_object(came)) {
        vector = json_at(came, form->vector);

        if (json_is_array(vector)) {
            check_vector(vector, json_at(mine, form->vector));
            (void) json_around(came, form->vector, name);
            json_object_del(came, name);
            json_object_del(mine, name);
        }
    }

    require(json_equal(came, mine));

    json_decref(came);
    json_decref(mine);
}


/* the element of the answer with this position */

static json_t *
element_of(const call_t *c, json_t *list, uint32_t position)
{
    size_t   i;
    json_t  *elem;

    if (!json_is_array(list)) {
        return list;
    }

    if (c->conf.form->index.len == 0) {
        return json_array_get(list, position);
    }

    json_array_foreach(list, i, elem) {

        if (json_integer_value(json_at(elem, c->conf.form->index))
            == position)
        {
            return elem;
        }
    }

    return NULL;
}


static void
check_ranked(const call_t *c, uint32_t k, json_t *whole, json_t *own)
{
    size_t               i, n;
    json_t              *elem;
    uint32_t             j;
    const llmb_share_t  *share = &c->shares[k];

    n = 0;

    json_array_foreach(whole, i, elem) {

        for (j = 0; j < share->items; j++) {

            if (json_integer_value(json_at(elem, c->conf.form->index))
                == call_position(c, k, j)
                && (share->top == 0 || n < share->top))
            {
                check_element(c, elem, json_array_get(own, n++), j);
            }
        }
    }

    require(n == json_array_size(own));
}


static void
check_list(const call_t *c, uint32_t k, json_t *root, json_t *own)
{
    json_t              *list, *mine;
    uint32_t             i, j, per = c->conf.per;
    const llmb_form_t   *form = c->conf.form;
    const llmb_share_t  *share = &c->shares[k];

    list = json_at(root, list_path(form, root));
    mine = json_at(own, list_path(form, root));

    if (form->ranked) {
        check_ranked(c, k, list, mine);
        return;
    }

    if (form->single != LLMB_SINGLE_LIST && share->items == 1 && per == 1
        && !share->part
        && (form->single == LLMB_SINGLE_ONE || share->scalar))
    {
        if (form->single_name.len) {
            mine = json_at(own, form->single_name);
        }

        check_element(c, element_of(c, list, call_position(c, k, 0)), mine,
                      0);
        return;
    }

    require(json_array_size(mine) == share->items * per);

    for (i = 0; i < share->items; i++) {

        for (j = 0; j < per; j++) {
            check_element(c, element_of(c, list,
                                        call_position(c, k, i) * per + j),
                          json_array_get(mine, i * per + j), i * per + j);
        }
    }
}


/* arrays that go by place, of whatever name */

static void
check_column(const call_t *c, uint32_t k, json_t *whole, json_t *own)
{
    uint32_t  i;

    if (!json_is_array(whole)) {
        require(own == whole || json_equal(own, whole));
        return;
    }

    require(json_array_size(whole) == c->conf.items);
    require(json_array_size(own) == c->shares[k].items);

    for (i = 0; i < c->shares[k].items; i++) {
        require(json_equal(json_array_get(own, i),
                           json_array_get(whole, call_position(c, k, i))));
    }
}


static void
check_lists(const call_t *c, uint32_t k, json_t *whole, json_t *own)
{
    char                name[64];
    json_t             *value, *mine;
    const char         *key;
    const llmb_form_t  *form = c->conf.form;

    if (form->list.len && form->list.data[form->list.len - 1] == '*') {
        mine = json_around(own, form->list, name);

        json_object_foreach(json_around(whole, form->list, name), key, value)
        {
            check_column(c, k, value, json_object_get(mine, key));
        }

    } else {
        check_list(c, k, whole, own);
    }

    if (form->also.len) {
        check_column(c, k, json_at(whole, form->also),
                     json_at(own, form->also));
    }
}


static size_t
leaves(json_t *value)
{
    size_t   i, n;
    json_t  *elem;

    if (!json_is_array(value)) {
        return 1;
    }

    n = 0;

    json_array_foreach(value, i, elem) {
        n += leaves(elem);
    }

    return n;
}


static void
check_tensors(const call_t *c, uint32_t k, json_t *whole, json_t *own)
{
    size_t               i, j, row;
    json_t              *output, *mine, *data, *part;
    const llmb_share_t  *share = &c->shares[k];

    require(json_array_size(json_object_get(whole, "outputs"))
            == json_array_size(json_object_get(own, "outputs")));

    json_array_foreach(json_object_get(whole, "outputs"), i, output) {
        mine = json_array_get(json_object_get(own, "outputs"), i);

        require(json_integer_value(json_array_get(json_object_get(mine,
                                                             "shape"), 0))
                == share->items);

        data = json_object_get(output, "data");
        part = json_object_get(mine, "data");

        require(leaves(data) * share->items
                == leaves(part) * c->conf.items);

        row = json_array_size(data) / c->conf.items;

        require(json_array_size(part) == row * share->items);

        json_array_foreach(part, j, mine) {
            require(json_equal(mine,
                              json_array_get(data, share->first * row + j)));
        }
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
check_id(const call_t *c, uint32_t k, json_t *whole, json_t *own)
{
    size_t   len;
    char     tail[16];
    json_t  *id = json_object_get(whole, "id"),
            *mine = json_object_get(own, "id");

    if (!json_is_string(id) || c->members == 1) {
        require(id == mine || json_equal(id, mine));
        return;
    }

    if (c->shares[k].echo.len) {
        require(strcmp(json_string_value(mine), "own id") == 0);
        return;
    }

    if (c->conf.form->echo.len) {
        require(mine == NULL);
        return;
    }

    sprintf(tail, "-%u", k);
    len = json_string_length(id);

    require(json_string_length(mine) == len + strlen(tail));
    require(memcmp(json_string_value(mine), json_string_value(id), len) == 0);
    require(strcmp(json_string_value(mine) + len, tail) == 0);
}


static void
check_member(call_t *c, uint32_t k, json_t *own, json_t **left)
{
    json_t   *frame, *mine, *usage;
    unsigned  i;

    if (has_both(c->conf.form, c->whole)) {
        return;
    }

    if (c->conf.form->read_answer) {
        check_tensors(c, k, c->whole, own);

    } else {
        check_lists(c, k, c->whole, own);
    }

    frame = check_frame(c, c->whole);
    mine = check_frame(c, own);

    require(json_equal(frame, mine));

    json_decref(frame);
    json_decref(mine);

    if (!json_is_object(c->whole)
        || (c->conf.form->list.len == 0 && !c->conf.form->read_answer))
    {
        return;
    }

    check_id(c, k, c->whole, own);

    for (i = 0; i < 2; i++) {
        usage = left[i];

        if (usage) {
            left[i] = subtract(usage, json_at(own, c->conf.form->usage[i]), 1);
            json_decref(usage);
        }
    }
}


void
check_members(call_t *c)
{
    json_t       *own, *left[2];
    unsigned      i, exact;
    member_t      member;
    uint64_t      tokens;
    llmb_sink_t   sink;

    c->whole = oracle_read(c->answer.data, c->answer.len);

    for (i = 0; i < 2; i++) {
        left[i] = c->conf.form->usage[i].len
                  ? json_deep_copy(json_at(c->whole, c->conf.form->usage[i]))
                  : NULL;
    }

    tokens = 0;
    member.c = c;

    llmb_counts_weigh(&c->split, c->answer.data, c->shares, c->members);

    for (member.k = 0; member.k < c->members; member.k++) {
        (void) buffer_sink(&member.out);
        sink.write = member_write;
        sink.data = &member;

        require(llmb_split_write(&c->split, c->answer.data, c->shares,
                                 c->members, member.k, &sink)
                == LLMB_OK);

        require(member.out.len
                <= llmb_split_write_bound(&c->split, &c->shares[member.k]));

        tokens += llmb_counts_tokens(&c->split, &c->shares[member.k], &exact);

        own = oracle_read(member.out.data, member.out.len);
        free(member.out.data);

        require((own == NULL) <= (c->whole == NULL));

        if (c->whole && own) {
            check_member(c, member.k, own, left);
        }

        json_decref(own);
    }

    require(!c->split.counted || tokens == c->split.input);

    check_nothing_left(left[0], 1);
    check_nothing_left(left[1], 1);

    json_decref(left[0]);
    json_decref(left[1]);
}
