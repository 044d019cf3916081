
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Many clients of all formats, whose requests are cut and share calls at
 * random; a server that is played here answers.  What a client gets has to
 * be what the server would have answered to its request alone, but for ids
 * and token counts, which have to add up.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define CALL_MAX_MEMBERS  64

#include "adapters/llmb_adapters.h"
#include "call.h"
#include "call_key.h"
#include "join.h"
#include "model_client.h"
#include "model_server.h"


#define CLIENTS     256
#define MAX_PIECES  8


typedef struct {
    model_request_t   text;
    llmb_request_t    rq;
    llmb_str_t        key;
    unsigned          estimated;  /* in a call without ids of tokens */
    unsigned          deduped;
    unsigned          npieces;
    llmb_piece_t      pieces[MAX_PIECES];
    llmb_str_t        answers[MAX_PIECES];
} client_t;


/* a part of a request */

typedef struct {
    client_t         *client;
    unsigned          piece;
} unit_t;


typedef struct {
    const llmb_adapter_t  *adapter;
    uint64_t               seed;
    client_t               clients[CLIENTS];
    unsigned               nunits;        /* those that have no answer yet */
    unit_t                 units[CLIENTS * MAX_PIECES];

    unsigned               shared;        /* calls of several members */
    unsigned               joined;        /* requests in several calls */
} play_t;


static llmb_str_t
play_answer(play_t *p, const llmb_request_t *rq, llmb_str_t path,
    llmb_str_t body)
{
    unsigned  options;

    options = model_below(&p->seed, 2) ? MODEL_ORDERED : 0;
    options |= (rq->base64 && model_below(&p->seed, 2)) ? MODEL_FLOATS : 0;

    return model_answer(p->adapter, path, body, options, &p->seed);
}


static json_t *
play_load(llmb_str_t text)
{
    json_t  *value;

    value = json_loadb((const char *) text.data, text.len, JSON_DECODE_ANY,
                       NULL);

    if (value == NULL) {
        fail_msg("not JSON: %.*s", (int) text.len, (const char *) text.data);
    }

    return value;
}


/* the object that has the last name of the path; NULL if it is not there */

static json_t *
play_parent(json_t *value, llmb_str_t path, char *name)
{
    char  *dot;

    snprintf(name, 64, "%.*s", (int) path.len, (const char *) path.data);

    for (dot = strchr(name, '.'); dot; dot = strchr(name, '.')) {
        *dot = '\0';
        value = json_object_get(value, name);
        memmove(name, dot + 1, strlen(dot + 1) + 1);
    }

    return json_object_get(value, name) ? value : NULL;
}


static json_t *
play_usage(json_t *answer, llmb_str_t path)
{
    char     name[64];
    json_t  *parent;

    parent = path.len ? play_parent(answer, path, name) : NULL;

    return json_object_get(parent, name);
}


/* without what may be another one in a call */

static char *
play_rest(const llmb_form_t *form, llmb_str_t answer)
{
    char      name[64], *text;
    json_t   *value, *parent;
    unsigned  i;

    value = play_load(answer);

    if (form->echo.len == 0) {
        json_object_del(value, "id");
    }

    for (i = 0; i < 2 && form->usage[i].len; i++) {
        parent = play_parent(value, form->usage[i], name);
        json_object_del(parent, name);
    }

    text = json_dumps(value, JSON_ENCODE_ANY|JSON_SORT_KEYS|JSON_COMPACT);
    json_decref(value);

    return text;
}


static void
play_same(const llmb_form_t *form, llmb_str_t got, llmb_str_t alone)
{
    char  *a, *b;

    a = play_rest(form, got);
    b = play_rest(form, alone);

    if (strcmp(a, b) != 0) {
        fail_msg("not what it would be alone:\n%s\n%s", a, b);
    }

    free(a);
    free(b);
}


/* adds the counts of a value to those of another of the same shape */

static void
play_add(json_t *sum, json_t *value)
{
    json_t      *own, *other;
    const char  *key;

    assert_int_equal(json_typeof(sum), json_typeof(value));

    if (json_is_integer(sum)) {
        json_integer_set(sum, json_integer_value(sum)
                              + json_integer_value(value));
    }

    if (json_is_object(sum)) {
        assert_int_equal(json_object_size(sum), json_object_size(value));

        json_object_foreach(sum, key, own) {
            other = json_object_get(value, key);
            assert_non_null(other);
            play_add(own, other);
        }
    }
}


static void
play_usage_adds_up(const llmb_form_t *form, llmb_str_t answer,
    llmb_str_t *outs, unsigned n)
{
    json_t    *all, *usage, *sum, *own;
    unsigned   i, k;

    all = play_load(answer);

    for (i = 0; i < 2; i++) {
        usage = play_usage(all, form->usage[i]);
        sum = NULL;

        for (k = 0; usage && k < n; k++) {
            own = play_load(outs[k]);

            if (sum == NULL) {
                sum = json_deep_copy(play_usage(own, form->usage[i]));

            } else {
                play_add(sum, play_usage(own, form->usage[i]));
            }

            json_decref(own);
        }

        if (usage && !json_equal(usage, sum)) {
            fail_msg("usage does not add up to that of %.*s",
                     (int) answer.len, (const char *) answer.data);
        }

        json_decref(sum);
    }

    json_decref(all);
}


/* what variables tell of a member is what its answer says */

static void
play_tokens_are(call_t *call, uint32_t k, llmb_str_t out)
{
    char                name[64];
    json_t             *answer, *usage;
    unsigned            exact;
    uint64_t            tokens;
    const llmb_form_t  *form = call->rq[k].form;

    answer = play_load(out);
    usage = play_usage(answer, form->usage[0]);
    tokens = llmb_counts_tokens(&call->split, &call->shares[k], &exact);

    if (json_is_object(usage)) {
        snprintf(name, sizeof(name), "%.*s", (int) form->input_tokens.len,
                 (const char *) form->input_tokens.data);
        usage = json_object_get(usage, name);
    }

    if (usage) {
        assert_int_equal(tokens, json_integer_value(usage));
    }

    json_decref(answer);
}


static void
play_id_is_own(call_t *call, uint32_t k, llmb_str_t answer, llmb_str_t out)
{
    char     id[256], tail[16];
    json_t  *all, *own;

    all = play_load(answer);
    own = play_load(out);

    if (call->rq[0].form->echo.len == 0 && json_object_get(all, "id")) {
        snprintf(tail, sizeof(tail), "-%u", (unsigned) k);
        snprintf(id, sizeof(id), "%s%s",
                 json_string_value(json_object_get(all, "id")),
                 (call->members > 1) ? tail : "");

        assert_string_equal(json_string_value(json_object_get(own, "id")),
                            id);
    }

    json_decref(all);
    json_decref(own);
}


/* the answer to another request is not taken for that to the call */

static void
play_refuses(play_t *p, call_t *call)
{
    uint32_t         k;
    llmb_str_t       other;
    llmb_request_t  *rq;

    for (k = 0; k < call->members; k++) {
        rq = &call->rq[k];

        if (rq->form->single != LLMB_SINGLE_LIST
            || (rq->form->ranked && rq->top)
            || rq->items == call->merge.items)
        {
            continue;
        }

        other = play_answer(p, rq, rq->path, rq->body);

        assert_int_equal(call_read(call, other), LLMB_INVALID);
        assert_int_not_equal(call->split.mismatch, LLMB_MISMATCH_NONE);

        free((void *) other.data);
    }
}


static llmb_str_t
play_send(play_t *p, call_t *call)
{
    buffer_t         b, path;
    llmb_str_t       body, where, answer;
    llmb_sink_t      sink;
    llmb_request_t  *rq = &call->rq[0];

    sink = buffer_sink(&b);
    assert_int_equal(call_merge(call, &sink), LLMB_OK);
    assert_true(b.len <= llmb_merge_bound(rq, &call->merge));

    body.data = b.data;
    body.len = b.len;

    path.data = call_alloc(rq->path.len + rq->form->to.len);
    where.data = path.data;
    where.len = llmb_merge_path(rq, path.data);

    answer = play_answer(p, rq, where.len ? where : rq->path, body);

    free(b.data);
    free(path.data);

    return answer;
}


static void
play_options(play_t *p, call_t *call)
{
    const llmb_request_t  *rq = &call->rq[0];

    call->repair = 1;
    call->dedup = p->adapter->pure && rq->ncolumns == 1
                  && model_below(&p->seed, 2);
    call->token_ids = rq->form->prompt_ids.len && !rq->token_ids
                      && model_below(&p->seed, 2);
}


/* the members are in units[0 .. members) */

static void
play_call(play_t *p, call_t *call, const unit_t *units)
{
    buffer_t     b;
    uint32_t     k;
    client_t    *client;
    llmb_str_t   answer, outs[CALL_MAX_MEMBERS];
    llmb_sink_t  sink;

    play_options(p, call);

    answer = play_send(p, call);

    play_refuses(p, call);

    if (call_read(call, answer) != LLMB_OK) {
        fail_msg("mismatch %s: %.*s",
                 llmb_mismatch_names[call->split.mismatch].data,
                 (int) answer.len, (const char *) answer.data);
    }

    for (k = 0; k < call->members; k++) {
        sink = buffer_sink(&b);
        assert_int_equal(call_write(call, answer, k, &sink), LLMB_OK);
        assert_true(b.len <= llmb_split_write_bound(&call->split,
                                                    &call->shares[k]));

        outs[k] = call_text(&b);

        play_tokens_are(call, k, outs[k]);
        play_id_is_own(call, k, answer, outs[k]);

        client = units[k].client;
        client->answers[units[k].piece] = outs[k];
        client->estimated |= !call->token_ids && !client->rq.token_ids;
        client->deduped |= call->dedup;
    }

    play_usage_adds_up(call->rq[0].form, answer, outs, call->members);

    p->shared += (call->members > 1);

    free((void *) answer.data);
}


/* a random part of the rest, and others that may be in a call with it */

static void
play_next_call(play_t *p)
{
    call_t    *call;
    unit_t     units[CALL_MAX_MEMBERS];
    client_t  *first, *client;
    unsigned   i, n, most;

    call = call_create(p->adapter);
    most = model_below(&p->seed, 8) ? 6 : CALL_MAX_MEMBERS;
    most = 1 + (unsigned) model_below(&p->seed, most);
    i = (unsigned) model_below(&p->seed, p->nunits);
    first = p->units[i].client;
    n = 0;

    for (i = 0; i < p->nunits && n < most; /* void */) {
        client = p->units[i].client;

        if (client->key.len != first->key.len
            || memcmp(client->key.data, first->key.data, first->key.len) != 0)
        {
            i++;
            continue;
        }

        (void) call_add_piece(call, &client->rq,
                              &client->pieces[p->units[i].piece]);

        units[n++] = p->units[i];
        p->units[i] = p->units[--p->nunits];
    }

    play_call(p, call, units);
    call_destroy(call);
}


static void
play_cut(play_t *p, client_t *client)
{
    uint32_t         items;
    llmb_limits_t    limits;
    llmb_cutter_t    cutter;
    llmb_request_t  *rq = &client->rq;

    memset(&limits, 0, sizeof(llmb_limits_t));

    switch (rq->divisible ? model_below(&p->seed, 5) : 0) {

    case 1:
        limits.items = 1 + (uint32_t) model_below(&p->seed, 3);
        break;

    case 2:
        limits.bytes = 1 + (size_t) model_below(&p->seed, 60);
        break;

    case 3:
        limits.tokens = 1 + model_below(&p->seed, 8);
        break;

    default:
        llmb_piece_all(rq, &client->pieces[0]);
        client->npieces = 1;
        return;
    }

    items = 0;
    llmb_piece_cut(&cutter, rq, 0);

    while (client->npieces < MAX_PIECES
           && llmb_piece_next(&cutter, rq, rq->items, &limits,
                              &client->pieces[client->npieces]))
    {
        assert_int_equal(client->pieces[client->npieces].first, items);
        items += client->pieces[client->npieces++].items;
    }

    assert_int_equal(items, rq->items);
    p->joined += (client->npieces > 1);
}


static void
play_ask(play_t *p, client_t *client)
{
    unsigned        i;
    llmb_reason_e   reason;

    client->text = model_request(p->adapter, &p->seed);

    assert_ptr_equal(llmb_adapter_find(client->text.path,
                                       (uint64_t) 1
                                       << llmb_adapter_id(p->adapter),
                                       NULL, 0),
                     p->adapter);

    if (llmb_request_read(&client->rq, p->adapter, client->text.path,
                          client->text.body, &reason)
        != LLMB_OK)
    {
        fail_msg("%s: %.*s", llmb_reason_names[reason].data,
                 (int) client->text.body.len,
                 (const char *) client->text.body.data);
    }

    llmb_request_count(&client->rq);

    client->key = call_key(&client->rq);

    play_cut(p, client);

    for (i = 0; i < client->npieces; i++) {
        p->units[p->nunits].client = client;
        p->units[p->nunits++].piece = i;
    }
}


/* the answers to the parts of a request become one */

static llmb_str_t
play_join(client_t *client)
{
    void               *rooms[MAX_PIECES];
    unsigned            i;
    join_part_t        *joints;
    join_play_t         play;
    llmb_split_conf_t   conf;

    joints = call_alloc(client->npieces * sizeof(join_part_t));

    memset(&conf, 0, sizeof(llmb_split_conf_t));
    conf.form = client->rq.form;
    conf.per = client->rq.per;

    for (i = 0; i < client->npieces; i++) {
        conf.items = client->pieces[i].items;
        rooms[i] = call_alloc(llmb_split_room(&conf));
        joints[i].base = client->answers[i].data;

        llmb_split_init(&joints[i].split, &conf, rooms[i]);

        assert_int_equal(llmb_split_read(&joints[i].split, joints[i].base,
                                         client->answers[i].len, 1),
                         LLMB_OK);
    }

    memset(&play, 0, sizeof(join_play_t));
    play.step = client->npieces * 16;

    assert_int_equal(join_parts(&play, joints, client->npieces), LLMB_OK);

    for (i = 0; i < client->npieces; i++) {
        free(rooms[i]);
    }

    free(joints);

    return call_text(&play.out);
}


/* counts that are known exactly are those of the request alone */

static void
play_counts_are(client_t *client, llmb_str_t got, llmb_str_t alone)
{
    char                name[64];
    json_t             *a, *b, *own, *other;
    const llmb_form_t  *form = client->rq.form;

    a = play_load(got);
    b = play_load(alone);

    own = play_usage(a, form->usage[0]);
    other = play_usage(b, form->usage[0]);

    if (form->prompt_ids.len && !client->estimated) {
        assert_true(json_equal(own, other));

    } else if (client->rq.kind == LLMB_KIND_TOKENS && !client->deduped) {
        snprintf(name, sizeof(name), "%.*s", (int) form->input_tokens.len,
                 (const char *) form->input_tokens.data);

        if (form->input_tokens.len) {
            assert_int_equal(json_integer_value(json_object_get(own, name)),
                             json_integer_value(json_object_get(other,
                                                                name)));
        }
    }

    json_decref(a);
    json_decref(b);
}


static void
play_check(play_t *p, client_t *client)
{
    unsigned     i;
    llmb_str_t   got, alone;

    alone = model_answer(p->adapter, client->rq.path, client->rq.body,
                         MODEL_ORDERED, &p->seed);
    got = client->answers[0];

    if (client->npieces > 1) {
        got = play_join(client);

        play_usage_adds_up(client->rq.form, got, client->answers,
                           client->npieces);
    }

    play_same(client->rq.form, got, alone);
    play_counts_are(client, got, alone);

    if (client->npieces > 1) {
        free((void *) got.data);
    }

    for (i = 0; i < client->npieces; i++) {
        free((void *) client->answers[i].data);
    }

    free((void *) alone.data);
    free((void *) client->key.data);
    free((void *) client->text.body.data);
}


static void
everybody_gets_what_he_would_get_alone(void **state)
{
    play_t    *p = call_alloc(sizeof(play_t));
    unsigned   i, k, divisible, forms;

    p->adapter = *state;
    p->seed = 0x2545f4914f6cdd1d + llmb_adapter_id(p->adapter);
    divisible = 0;
    forms = 0;

    for (i = 0; i < CLIENTS; i++) {
        play_ask(p, &p->clients[i]);
        divisible += p->clients[i].rq.divisible;

        for (k = 0; k < LLMB_MAX_FORMS; k++) {
            forms |= (p->clients[i].rq.form == p->adapter->forms[k]) << k;
        }
    }

    while (p->nunits) {
        play_next_call(p);
    }

    for (i = 0; i < CLIENTS; i++) {
        play_check(p, &p->clients[i]);
    }

    /* or it would not be much of a test */

    assert_true(p->shared >= CLIENTS / 16);
    assert_true(divisible == 0 || p->joined >= CLIENTS / 16);

    for (k = 0; k < LLMB_MAX_FORMS; k++) {
        assert_true(p->adapter->forms[k] == NULL || (forms >> k & 1));
    }

    free(p);
}


int
main(void)
{
    unsigned                  i;
    static struct CMUnitTest  tests[64];

    for (i = 0; i < llmb_nadapters; i++) {
        tests[i].name = (const char *) llmb_adapters[i]->name.data;
        tests[i].test_func = everybody_gets_what_he_would_get_alone;
        tests[i].initial_state = (void *) llmb_adapters[i];
    }

    return _cmocka_run_group_tests("conformance of generated calls", tests,
                                   llmb_nadapters, NULL, NULL);
}
