
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Two clients' bodies, whatever they are.  If both may be batched, they are
 * merged, the first is cut and made one again, and jansson says what is in
 * the bodies that come out.
 *
 * The input: which format, which of its forms' paths, and limits, a byte
 * each; the first body, 0xff, the second body.
 */


#include "adapters/llmb_adapters.h"
#include "buffer.h"
#include "llmb_frame.h"
#include "llmb_merge.h"
#include "llmb_payload.h"
#include "llmb_piece.h"
#include "llmb_request.h"
#include "oracle.h"


#define MAX_PARTS  64
#define MAX_ITEMS  4096


typedef struct {
    llmb_request_t   rq;
    json_t          *root;        /* NULL if jansson cannot read it */
    llmb_str_t       payload;
} client_t;


static char  path[256];

static const llmb_secret_t  secret = { { 1, 2, 3, 4, 5, 6, 7, 8 } };


/* the first path of a form, its "*" replaced */

static void
set_path(const llmb_adapter_t *adapter, uint8_t which)
{
    size_t             i, n;
    unsigned           forms;
    const llmb_str_t  *ending;

    for (forms = 0; forms < LLMB_MAX_FORMS && adapter->forms[forms]; ) {
        forms++;
    }

    ending = adapter->forms[which % forms]->paths;
    n = 0;

    for (i = 0; i < ending->len; i++) {
        path[n++] = (ending->data[i] == '*') ? 'm' : (char) ending->data[i];
    }

    path[n] = '\0';
}


static unsigned
is_body(const llmb_form_t *form)
{
    return !form->read_answer && form->columns->input == LLMB_INPUT_BODY;
}


static llmb_str_t
pack(const llmb_request_t *rq, const llmb_piece_t *piece)
{
    buffer_t     b;
    llmb_str_t   payload;
    llmb_sink_t  sink = buffer_sink(&b);

    require(llmb_piece_pack(rq, piece, &sink) == LLMB_OK);
    require(b.len == piece->size);

    payload.data = b.data;
    payload.len = b.len;

    return payload;
}


static json_t *
value_of(const client_t *client, unsigned c)
{
    llmb_str_t  name = client->rq.form->columns[c].name;

    return json_object_getn(client->root, (const char *) name.data, name.len);
}


static void
check_request(const client_t *client)
{
    json_t                *value;
    unsigned               c;
    const llmb_request_t  *rq = &client->rq;

    require(rq->items > 0);
    require(rq->tokens >= rq->items);
    require(rq->per > 0);
    require(rq->nholes > 0);

    for (c = 1; c < rq->nholes; c++) {
        require(rq->holes[c - 1].end <= rq->holes[c].start);
    }

    for (c = 0; c < rq->ncolumns; c++) {

        if (!rq->columns[c].present) {
            require(rq->form->columns[c].optional);
            continue;
        }

        require(rq->columns[c].span.data >= rq->columns[c].list.data);
        require(rq->columns[c].span.data + rq->columns[c].span.len
                <= rq->columns[c].list.data + rq->columns[c].list.len);

        if (client->root == NULL || rq->form->read_answer
            || is_body(rq->form))
        {
            continue;
        }

        value = value_of(client, c);

        require(rq->columns[c].items
                == (rq->columns[c].bare ? 1 : json_array_size(value)));
    }
}


/* whether an element of a call is the i-th item of a client */

static unsigned
is_item(const client_t *client, unsigned c, uint32_t i, json_t *element)
{
    json_t               *value;
    const llmb_values_t  *values = &client->rq.columns[c];

    if (is_body(client->rq.form)) {

        if (client->rq.model.len) {
            return json_equal(element, client->root);
        }

        return json_object_size(element) == json_object_size(client->root) + 1
               && json_string_length(json_object_get(element, "model"))
                  == sizeof("models/m") - 1;
    }

    value = value_of(client, c);

    if (client->rq.form->columns[c].input == LLMB_INPUT_SEQUENCES
        && json_is_string(value))
    {
        return json_array_size(element) == 1
               && json_equal(json_array_get(element, 0), value);
    }

    if (values->bare) {
        return json_equal(element, value);
    }

    return json_equal(element,
                      json_array_get(value, values->items == 1 ? 0 : i));
}


static json_t *
merge(const llmb_request_t *rq, const llmb_merge_t *m, llmb_str_t *body)
{
    buffer_t     b;
    llmb_sink_t  sink = buffer_sink(&b);

    require(llmb_merge_write(rq, m, &sink) == LLMB_OK);
    require(b.len <= llmb_merge_bound(rq, m));

    body->data = b.data;
    body->len = b.len;

    return oracle_read(b.data, b.len);
}


/* the items of a call are those of its members, in their order */

static void
check_items(const client_t *clients, unsigned n, const llmb_merge_t *m,
    json_t *root, unsigned c)
{
    json_t       *list;
    uint32_t      i, item;
    unsigned      k;
    llmb_str_t    name;

    name = clients[0].rq.form->columns[c].name;

    list = is_body(clients[0].rq.form)
           ? json_object_get(root, "requests")
           : json_object_getn(root, (const char *) name.data, name.len);

    require(json_is_array(list));
    require(json_array_size(list) == m->items);

    item = 0;

    for (k = 0; k < n; k++) {

        for (i = 0; i < clients[k].rq.items; i++, item++) {

            if (clients[k].root == NULL) {
                continue;
            }

            require(is_item(&clients[k], c, i,
                            json_array_get(list, m->unique
                                                 ? m->unique[item].position
                                                 : item)));
        }
    }
}


static void
check_call(const client_t *clients, unsigned n, const llmb_merge_t *m)
{
    json_t                *root;
    unsigned               c;
    llmb_str_t             body, top;
    llmb_reason_e          reason;
    llmb_request_t         again;
    const llmb_request_t  *rq = &clients[0].rq;

    root = merge(rq, m, &body);

    if (root) {
        require(json_is_object(root));

        top = rq->form->top;

        if (top.len && json_object_getn(root, (const char *) top.data, top.len))
        {
            require(json_integer_value(json_object_getn(root,
                                                     (const char *) top.data,
                                                     top.len))
                    == m->items);
        }

        if (m->token_ids) {
            require(json_is_true(json_object_get(root, "return_token_ids")));
        }

        for (c = 0; c < rq->ncolumns && !rq->form->read_answer; c++) {

            if (rq->columns[c].present) {
                check_items(clients, n, m, root, c);
            }
        }

        json_decref(root);
    }

    if (!m->token_ids && !rq->form->read_answer && !is_body(rq->form)
        && rq->form->columns->input != LLMB_INPUT_WHOLE)
    {
        /* an item may be as deep as allowed, and is a level deeper now */

        if (llmb_request_read(&again, rq->adapter, rq->path, body, &reason)
            == LLMB_OK)
        {
            require(again.kind == rq->kind);
            require(again.items == m->items);
            require(!again.scalar);

        } else {
            require(reason == LLMB_REASON_JSON);
            require(rq->kind & (LLMB_KIND_OBJECT|LLMB_KIND_VALUE));
        }
    }

    free((void *) body.data);
}


static void
check_unique(const client_t *clients, unsigned n, llmb_merge_t *m)
{
    uint32_t              i, k, size;
    llmb_merge_t          unique = *m;

    static uint32_t       table[4 * MAX_ITEMS];
    static llmb_item_t    items[2 * MAX_ITEMS];

    for (size = 2; size < 2 * m->items; size *= 2) {
        /* void */
    }

    unique.unique = items;
    unique.items = llmb_merge_dedup(&clients[0].rq, &secret, m->payloads, n,
                                    items, m->items, table, size);

    require(unique.items > 0 && unique.items <= m->items);

    for (i = 0, k = 0; i < m->items; i++) {
        require(items[i].position <= k);
        k += (items[i].position == k);
    }

    require(k == unique.items);

    check_call(clients, n, &unique);
}


/* a single value that is meant for each of several items is put for each */

static void
spell_out(json_t *root, const llmb_request_t *rq)
{
    json_t               *value, *array;
    unsigned              i;
    uint32_t              n;
    const char           *name;
    const llmb_column_t  *column;

    for (i = 0; i < rq->ncolumns; i++) {
        column = &rq->form->columns[i];

        if (!column->each) {
            continue;
        }

        name = (const char *) column->name.data;
        value = json_object_get(root, name);

        if (json_array_size(value) == 1) {
            value = json_array_get(value, 0);
        }

        if (value == NULL || json_is_array(value)) {
            continue;
        }

        json_incref(value);
        array = json_array();

        for (n = 0; n < rq->items; n++) {
            require(json_array_append(array, value) == 0);
        }

        json_decref(value);
        require(json_object_set_new(root, name, array) == 0);
    }
}


static void
check_parts(client_t *client, uint8_t how)
{
    json_t          *whole, *joined;
    uint32_t         i, n;
    uint64_t         tokens;
    llmb_str_t       payloads[MAX_PARTS], body;
    llmb_merge_t     m;
    llmb_piece_t     piece;
    llmb_limits_t    limits;
    llmb_cutter_t    cutter;

    limits.items = how & 3;
    limits.tokens = (uint64_t) (how >> 2 & 3) * 3;
    limits.bytes = (size_t) (how >> 4 & 15) * 9;

    n = 0;
    i = 0;
    tokens = 0;

    llmb_piece_cut(&cutter, &client->rq, 0);

    while (llmb_piece_next(&cutter, &client->rq, client->rq.items, &limits,
                           &piece))
    {
        require(piece.first == i);
        i += piece.items;
        tokens += piece.tokens;

        require(n < MAX_PARTS);
        payloads[n++] = pack(&client->rq, &piece);

        if (n == MAX_PARTS - 1) {

            /* the last part takes what is left */

            memset(&limits, 0, sizeof(llmb_limits_t));
        }
    }

    require(i == client->rq.items);
    require(tokens == client->rq.tokens);

    memset(&m, 0, sizeof(llmb_merge_t));

    m.payloads = payloads;
    m.members = n;
    m.items = i;

    joined = merge(&client->rq, &m, &body);
    free((void *) body.data);

    m.payloads = &client->payload;
    m.members = 1;

    whole = merge(&client->rq, &m, &body);
    free((void *) body.data);

    require((joined == NULL) == (whole == NULL));

    if (joined && n > 1) {
        spell_out(joined, &client->rq);
        spell_out(whole, &client->rq);
    }

    require(joined == NULL || json_equal(joined, whole));

    json_decref(joined);
    json_decref(whole);

    while (n) {
        free((void *) payloads[--n].data);
    }
}


static buffer_t
shape(const llmb_request_t *rq)
{
    buffer_t     b;
    llmb_sink_t  sink = buffer_sink(&b);

    require(llmb_frame_shape(rq, &sink) == LLMB_OK);

    return b;
}


static unsigned
same_shape(const llmb_request_t *a, const llmb_request_t *b)
{
    unsigned  same;
    buffer_t  one, two;

    one = shape(a);
    two = shape(b);

    same = (one.len == two.len
            && (one.len == 0 || memcmp(one.data, two.data, one.len) == 0));

    free(one.data);
    free(two.data);

    return same;
}


/*
 * What becomes of items where one array is made of all of them: the arrays
 * and objects are the same, and of what is in them the same sorts.
 */

static void
check_array(json_t *value, json_t *like, unsigned *sorts)
{
    size_t       i;
    void        *a, *b;
    json_t      *element;

    if (!json_is_array(like) && !json_is_object(like)) {
        require(!json_is_array(value) && !json_is_object(value));
        *sorts |= json_is_boolean(value) ? 1U << JSON_TRUE
                                         : 1U << json_typeof(value);
        return;
    }

    require(json_typeof(value) == json_typeof(like));

    json_array_foreach(value, i, element) {
        check_array(element, json_array_get(like, i), sorts);
    }

    require(json_array_size(value) == json_array_size(like));
    require(json_object_size(value) == json_object_size(like));

    a = json_object_iter(value);
    b = json_object_iter(like);

    while (a) {
        require(strcmp(json_object_iter_key(a), json_object_iter_key(b)) == 0);

        check_array(json_object_iter_value(a), json_object_iter_value(b),
                    sorts);

        a = json_object_iter_next(value, a);
        b = json_object_iter_next(like, b);
    }
}


static void
check_alike(const client_t *a, const client_t *b)
{
    size_t     i;
    json_t    *list, *first, *item;
    unsigned   c, one, two;

    for (c = 0; c < a->rq.ncolumns; c++) {
        list = value_of(a, c);
        first = json_array_get(list, 0);
        one = 0;
        two = 0;

        json_array_foreach(list, i, item) {
            check_array(item, first, &one);
        }

        json_array_foreach(value_of(b, c), i, item) {
            check_array(item, first, &two);
        }

        if ((one | two) & 1U << JSON_REAL) {
            require(one & two & 1U << JSON_REAL);
            one |= 1U << JSON_INTEGER;
            two |= 1U << JSON_INTEGER;
        }

        require(one == two);
    }
}


/* whether the two have the same holes; the rest is the key's affair */

static unsigned
alike(const llmb_request_t *a, const llmb_request_t *b)
{
    unsigned  c;

    if (a->form != b->form || a->kind != b->kind
        || a->ncolumns != b->ncolumns
        || a->items + b->items > 2 * MAX_ITEMS || !same_shape(a, b))
    {
        return 0;
    }

    for (c = 0; c < a->ncolumns; c++) {

        if (a->columns[c].present != b->columns[c].present) {
            return 0;
        }
    }

    return 1;
}


static unsigned
client_read(client_t *client, const llmb_adapter_t *adapter, llmb_str_t body)
{
    llmb_str_t     uri;
    llmb_piece_t   piece;
    llmb_reason_e  reason;

    uri.data = (const uint8_t *) path;
    uri.len = strlen(path);

    require(llmb_request_read(&client->rq, NULL, uri, body, &reason)
            == LLMB_DECLINED);

    if (llmb_request_read(&client->rq, adapter, uri, body, &reason)
        != LLMB_OK)
    {
        require(reason != LLMB_REASON_NONE);
        return 0;
    }

    llmb_request_count(&client->rq);

    client->root = oracle_read(body.data, body.len);

    check_request(client);

    llmb_piece_all(&client->rq, &piece);
    client->payload = pack(&client->rq, &piece);

    return 1;
}


static void
client_free(client_t *client)
{
    json_decref(client->root);
    free((void *) client->payload.data);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned               n;
    client_t               clients[2];
    llmb_str_t             first, second, payloads[2];
    llmb_merge_t           m;
    const uint8_t         *end;
    const llmb_adapter_t  *adapter;

    if (size < 3) {
        return 0;
    }

    adapter = llmb_adapters[(uint8_t) (data[0] - 'a') % llmb_nadapters];
    set_path(adapter, (uint8_t) (data[1] - '0'));

    first.data = data + 3;
    first.len = size - 3;
    second = first;

    end = memchr(first.data, 0xff, first.len);

    if (end) {
        first.len = (size_t) (end - first.data);
        second.data = end + 1;
        second.len -= first.len + 1;
    }

    if (!client_read(&clients[0], adapter, first)) {
        return 0;
    }

    n = 1;

    if (clients[0].rq.divisible) {
        check_parts(&clients[0], data[2]);
    }

    if (client_read(&clients[1], adapter, second)) {
        n = 2;
    }

    if (n == 2 && alike(&clients[0].rq, &clients[1].rq)) {

        if (clients[0].rq.form->alike && clients[0].root && clients[1].root) {
            check_alike(&clients[0], &clients[1]);
        }

        memset(&m, 0, sizeof(llmb_merge_t));

        payloads[0] = clients[0].payload;
        payloads[1] = clients[1].payload;

        m.payloads = payloads;
        m.members = 2;
        m.items = clients[0].rq.items + clients[1].rq.items;
        m.n = m.items;
        m.token_ids = (data[2] & 1) && !clients[0].rq.token_ids
                      && !is_body(clients[0].rq.form);

        check_call(clients, 2, &m);

        if (clients[0].rq.ncolumns == 1 && !clients[0].rq.form->read_answer) {
            check_unique(clients, 2, &m);
        }
    }

    while (n) {
        client_free(&clients[--n]);
    }

    return 0;
}
