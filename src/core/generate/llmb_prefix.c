
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Each value has a hash, which begins with what the value is; that of a
 * container is made of those of what is in it.
 */


#include <string.h>

#include "llmb_json.h"
#include "llmb_json_each.h"
#include "llmb_json_text.h"
#include "llmb_prefix.h"


/* where a prefix ends, in a list */

typedef struct {
    unsigned              found:1;
    unsigned              within:1;   /* behind a block of that element */
    size_t                element;
    size_t                block;
} llmb_prefix_end_t;


/* a container that has not ended yet */

typedef struct {
    llmb_siphash_t        list;       /* of an array */
    uint64_t              sum;        /* of an object */
    uint64_t              name;
    unsigned              object:1;
} llmb_prefix_open_t;


typedef struct {
    llmb_siphash_t        hash;
    const llmb_secret_t  *secret;
    llmb_prefix_t        *prefix;
} llmb_prefix_sum_t;


static void llmb_prefix_last_mark(const llmb_chat_t *chat, llmb_str_t list,
    llmb_prefix_end_t *end);
static void llmb_prefix_last_user(llmb_str_t list, llmb_prefix_end_t *end);
static unsigned llmb_prefix_marked(llmb_str_t value);
static unsigned llmb_prefix_member(llmb_str_t object, llmb_str_t name,
    llmb_str_t *value);
static unsigned llmb_prefix_is_empty(llmb_str_t value);
static void llmb_prefix_add_list(llmb_prefix_sum_t *sum,
    const llmb_chat_t *chat, llmb_str_t list, const llmb_prefix_end_t *end);
static void llmb_prefix_add_blocks(llmb_prefix_sum_t *sum,
    const llmb_chat_t *chat, llmb_str_t message, size_t last);
static void llmb_prefix_add_value(llmb_prefix_sum_t *sum, char what,
    llmb_str_t value);
static void llmb_prefix_add(llmb_siphash_t *h, char what, uint64_t hash);
static uint64_t llmb_prefix_scalar(llmb_str_t text, llmb_json_type_e type,
    const llmb_secret_t *secret);


llmb_rc_e
llmb_prefix_find(llmb_prefix_t *prefix, const llmb_chat_t *chat,
    llmb_str_t model, const llmb_secret_t *secret)
{
    unsigned            i, last, nheads;
    llmb_prefix_end_t   end;
    llmb_prefix_sum_t   sum;

    memset(prefix, 0, sizeof(llmb_prefix_t));
    memset(&end, 0, sizeof(llmb_prefix_end_t));

    nheads = 0;

    while (nheads < LLMB_GENERATE_HEADS
           && chat->format->heads[nheads].name.len)
    {
        nheads++;
    }

    /* the last mark: in the messages, or else in what is before them */

    last = nheads;

    if (chat->format->blocks.len) {
        llmb_prefix_last_mark(chat, chat->messages, &end);

        while (!end.found && last) {
            llmb_prefix_last_mark(chat, chat->heads[--last], &end);
        }

        if (!end.found) {
            last = nheads;
        }
    }

    prefix->marked = end.found;

    if (!end.found) {
        llmb_prefix_last_user(chat->messages, &end);
    }

    llmb_siphash_init(&sum.hash, secret);

    sum.secret = secret;
    sum.prefix = prefix;

    llmb_prefix_add(&sum.hash, 'm', llmb_siphash(secret, model));

    for (i = 0; i < last; i++) {

        if (!llmb_prefix_is_empty(chat->heads[i])) {
            llmb_prefix_add_value(&sum, (char) ('0' + i), chat->heads[i]);
        }
    }

    if (last < nheads) {
        llmb_prefix_add(&sum.hash, (char) ('0' + last), 0);
        llmb_prefix_add_list(&sum, chat, chat->heads[last], &end);

    } else {
        llmb_prefix_add_list(&sum, chat, chat->messages, &end);
    }

    prefix->hash = llmb_siphash_final(&sum.hash);

    return prefix->bytes ? LLMB_OK : LLMB_DECLINED;
}


/* left as it is if there is no mark in the list */

static void
llmb_prefix_last_mark(const llmb_chat_t *chat, llmb_str_t list,
    llmb_prefix_end_t *end)
{
    size_t            i, k;
    llmb_str_t        value;
    llmb_json_each_t  each, block;

    if (list.len == 0 || *list.data != '[') {
        return;
    }

    llmb_json_each(&each, list);

    for (i = 0; llmb_json_each_next(&each); i++) {

        if (llmb_prefix_marked(each.value)) {
            end->found = 1;
            end->within = 0;
            end->element = i;
            continue;
        }

        if (!llmb_prefix_member(each.value, chat->format->blocks, &value)
            || *value.data != '[')
        {
            continue;
        }

        llmb_json_each(&block, value);

        for (k = 0; llmb_json_each_next(&block); k++) {

            if (llmb_prefix_marked(block.value)) {
                end->found = 1;
                end->within = 1;
                end->element = i;
                end->block = k;
            }
        }
    }
}


/* a message without a role is the user's, and so is a text alone */

static void
llmb_prefix_last_user(llmb_str_t list, llmb_prefix_end_t *end)
{
    size_t                   i;
    llmb_str_t               role;
    llmb_json_each_t         each;

    static const llmb_str_t  name = llmb_string("role");
    static const llmb_str_t  user = llmb_string("user");
    static const llmb_str_t  type = llmb_string("type");

    end->found = 1;
    end->within = 0;
    end->element = 0;

    if (list.len == 0 || *list.data != '[') {
        return;
    }

    llmb_json_each(&each, list);

    for (i = 0; llmb_json_each_next(&each); i++) {

        if (llmb_prefix_member(each.value, name, &role)
            ? *role.data == '"' && llmb_json_is(role, user)
            : !llmb_prefix_member(each.value, type, &role))
        {
            end->element = i;
            end->block = 1;
        }
    }

    if (end->block == 0) {

        /* there is no user: all of it is said before anything is asked */

        end->element = i;
    }
}


static unsigned
llmb_prefix_marked(llmb_str_t value)
{
    llmb_str_t               mark;

    static const llmb_str_t  name = llmb_string("cache_control");

    return llmb_prefix_member(value, name, &mark) && *mark.data != 'n';
}


/* the last one of that name */

static unsigned
llmb_prefix_member(llmb_str_t object, llmb_str_t name, llmb_str_t *value)
{
    unsigned          found;
    llmb_json_each_t  each;

    if (*object.data != '{') {
        return 0;
    }

    found = 0;

    llmb_json_each(&each, object);

    while (llmb_json_each_next(&each)) {

        if (llmb_json_is(each.name, name)) {
            *value = each.value;
            found = 1;
        }
    }

    return found;
}


/* "", [] and {} say as little as no value does */

static unsigned
llmb_prefix_is_empty(llmb_str_t value)
{
    llmb_json_each_t  each;

    if (value.len <= 2) {
        return 1;
    }

    if (*value.data != '[' && *value.data != '{') {
        return 0;
    }

    llmb_json_each(&each, value);

    return !llmb_json_each_next(&each);
}


/* the elements before the end, or up to and with it if that is a mark */

static void
llmb_prefix_add_list(llmb_prefix_sum_t *sum, const llmb_chat_t *chat,
    llmb_str_t list, const llmb_prefix_end_t *end)
{
    size_t            i;
    llmb_json_each_t  each;

    if (list.len == 0 || *list.data != '[') {
        return;
    }

    llmb_json_each(&each, list);

    for (i = 0; i <= end->element && llmb_json_each_next(&each); i++) {

        if (i == end->element && !sum->prefix->marked) {
            break;
        }

        if (i == end->element && end->within) {
            llmb_prefix_add_blocks(sum, chat, each.value, end->block);
            break;
        }

        llmb_prefix_add_value(sum, 'e', each.value);
    }
}


static void
llmb_prefix_add_blocks(llmb_prefix_sum_t *sum, const llmb_chat_t *chat,
    llmb_str_t message, size_t last)
{
    size_t                   i;
    llmb_str_t               value;
    llmb_json_each_t         each;

    static const llmb_str_t  role = llmb_string("role");

    if (llmb_prefix_member(message, role, &value)) {
        llmb_prefix_add_value(sum, 'r', value);
    }

    if (!llmb_prefix_member(message, chat->format->blocks, &value)) {
        return;
    }

    llmb_json_each(&each, value);

    for (i = 0; i <= last && llmb_json_each_next(&each); i++) {
        llmb_prefix_add_value(sum, 'b', each.value);
    }
}


static void
llmb_prefix_add_value(llmb_prefix_sum_t *sum, char what, llmb_str_t value)
{
    llmb_prefix_add(&sum->hash, what, llmb_prefix_value(value, sum->secret));

    sum->prefix->bytes += value.len;
}


/* least byte first, on all machines */

static void
llmb_prefix_add(llmb_siphash_t *h, char what, uint64_t hash)
{
    unsigned  i;
    uint8_t   bytes[9];

    bytes[0] = (uint8_t) what;

    for (i = 0; i < 8; i++) {
        bytes[i + 1] = (uint8_t) (hash >> (8 * i));
    }

    llmb_siphash_update(h, bytes, sizeof(bytes));
}


uint64_t
llmb_prefix_value(llmb_str_t json, const llmb_secret_t *secret)
{
    uint64_t             hash;
    unsigned             n;
    llmb_str_t           text;
    llmb_json_t          js;
    llmb_siphash_t       h;
    llmb_json_token_t    tok;
    llmb_prefix_open_t  *open, opened[LLMB_JSON_MAX_DEPTH];

    hash = 0;
    n = 0;

    llmb_json_init(&js, LLMB_JSON_MAX_DEPTH);

    while (llmb_json_next(&js, json.data, json.len, 1, &tok) == LLMB_OK
           && tok.type != LLMB_JSON_END)
    {
        text.data = json.data + tok.start;
        text.len = tok.end - tok.start;

        switch (tok.type) {

        case LLMB_JSON_OBJECT:
        case LLMB_JSON_ARRAY:
            open = &opened[n++];
            open->object = (tok.type == LLMB_JSON_OBJECT);
            open->sum = 0;
            open->name = 0;
            llmb_siphash_init(&open->list, secret);
            continue;

        case LLMB_JSON_KEY:
            opened[n - 1].name = llmb_prefix_scalar(text, LLMB_JSON_STRING,
                                                    secret);
            continue;

        case LLMB_JSON_OBJECT_END:
            llmb_siphash_init(&h, secret);
            llmb_prefix_add(&h, '{', opened[--n].sum);
            hash = llmb_siphash_final(&h);
            break;

        case LLMB_JSON_ARRAY_END:
            llmb_siphash_update(&opened[--n].list, "[", 1);
            hash = llmb_siphash_final(&opened[n].list);
            break;

        default:
            hash = llmb_prefix_scalar(text, tok.type, secret);
            break;
        }

        if (n == 0) {
            continue;
        }

        open = &opened[n - 1];

        if (open->object) {
            llmb_siphash_init(&h, secret);
            llmb_prefix_add(&h, ':', open->name);
            llmb_prefix_add(&h, ':', hash);

            open->sum += llmb_siphash_final(&h);

        } else {
            llmb_prefix_add(&open->list, ',', hash);
        }
    }

    return hash;
}


static uint64_t
llmb_prefix_scalar(llmb_str_t text, llmb_json_type_e type,
    const llmb_secret_t *secret)
{
    uint8_t         out[4];
    uint32_t        code;
    const uint8_t  *p, *run, *end;
    llmb_siphash_t  h;

    llmb_siphash_init(&h, secret);

    if (type != LLMB_JSON_STRING) {
        llmb_siphash_update(&h, text.data, text.len);
        return llmb_siphash_final(&h);
    }

    llmb_siphash_update(&h, "\"", 1);

    p = text.data + 1;
    end = text.data + text.len - 1;

    while (p < end) {
        run = p;
        p = memchr(p, '\\', (size_t) (end - p));
        p = p ? p : end;

        llmb_siphash_update(&h, run, (size_t) (p - run));

        if (p < end) {
            p = llmb_json_char(p, &code);
            llmb_siphash_update(&h, out, llmb_json_encode(code, out));
        }
    }

    return llmb_siphash_final(&h);
}
