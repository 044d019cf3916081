
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The formats, as data, and what a body in one of them says.
 */


#include <string.h>

#include "llmb_adapter.h"
#include "llmb_generate.h"
#include "llmb_json.h"
#include "llmb_json_text.h"


static llmb_rc_e llmb_generate_member(llmb_chat_t *chat, llmb_str_t name,
    llmb_json_type_e type, llmb_str_t value);
static unsigned llmb_generate_is(llmb_str_t token, const llmb_head_t *head);
static llmb_rc_e llmb_generate_set(llmb_str_t *s, llmb_str_t value);


static const llmb_str_t  llmb_generate_chat_paths[] = {
    llmb_string("/chat/completions"),
    llmb_null_string
};

static const llmb_str_t  llmb_generate_responses_paths[] = {
    llmb_string("/responses"),
    llmb_null_string
};

static const llmb_str_t  llmb_generate_messages_paths[] = {
    llmb_string("/v1/messages"),
    llmb_null_string
};

static const llmb_str_t  llmb_generate_gemini_paths[] = {
    llmb_string("/models/*:generateContent"),
    llmb_string("/models/*:streamGenerateContent"),
    llmb_null_string
};

static const llmb_str_t  llmb_generate_gemini_stream[] = {
    llmb_string("/models/*:streamGenerateContent"),
    llmb_null_string
};


#define llmb_spent_in_one(one, what)                                          \
    { { llmb_string(one), llmb_null_string, llmb_null_string }, what }
#define llmb_spent_in_two(one, two, what)                                     \
    { { llmb_string(one), llmb_string(two), llmb_null_string }, what }
#define llmb_spent_in(one, two, three, what)                                  \
    { { llmb_string(one), llmb_string(two), llmb_string(three) }, what }
#define llmb_null_spent                                                       \
    { { llmb_null_string, llmb_null_string, llmb_null_string },               \
      LLMB_SPENT_N }


/* prompt_cache_hit_tokens: DeepSeek; usage.cached_tokens: Moonshot */

static const llmb_spent_row_t  llmb_generate_chat_counts[] = {
    llmb_spent_in_two("usage", "prompt_tokens", LLMB_SPENT_INPUT),
    llmb_spent_in_two("usage", "completion_tokens", LLMB_SPENT_OUTPUT),
    llmb_spent_in("usage", "prompt_tokens_details", "cached_tokens",
                  LLMB_SPENT_CACHED),
    llmb_spent_in("usage", "prompt_tokens_details", "cache_write_tokens",
                  LLMB_SPENT_WRITTEN),
    llmb_spent_in_two("usage", "prompt_cache_hit_tokens", LLMB_SPENT_CACHED),
    llmb_spent_in_two("usage", "cached_tokens", LLMB_SPENT_CACHED),
    llmb_spent_in_one("service_tier", LLMB_SPENT_TIER),
    llmb_null_spent
};

static const llmb_spent_row_t  llmb_generate_responses_counts[] = {
    llmb_spent_in_two("usage", "input_tokens", LLMB_SPENT_INPUT),
    llmb_spent_in_two("usage", "output_tokens", LLMB_SPENT_OUTPUT),
    llmb_spent_in("usage", "input_tokens_details", "cached_tokens",
                  LLMB_SPENT_CACHED),
    llmb_spent_in("usage", "input_tokens_details", "cache_write_tokens",
                  LLMB_SPENT_WRITTEN),
    llmb_spent_in_one("service_tier", LLMB_SPENT_TIER),
    llmb_null_spent
};

static const llmb_spent_row_t  llmb_generate_messages_counts[] = {
    llmb_spent_in_two("usage", "input_tokens", LLMB_SPENT_INPUT),
    llmb_spent_in_two("usage", "output_tokens", LLMB_SPENT_OUTPUT),
    llmb_spent_in_two("usage", "cache_read_input_tokens", LLMB_SPENT_CACHED),
    llmb_spent_in_two("usage", "cache_creation_input_tokens",
                      LLMB_SPENT_WRITTEN),
    llmb_spent_in_two("usage", "service_tier", LLMB_SPENT_TIER),
    llmb_null_spent
};

static const llmb_spent_row_t  llmb_generate_gemini_counts[] = {
    llmb_spent_in_two("usageMetadata", "promptTokenCount", LLMB_SPENT_INPUT),
    llmb_spent_in_two("usageMetadata", "toolUsePromptTokenCount",
                      LLMB_SPENT_TOOLS),
    llmb_spent_in_two("usageMetadata", "cachedContentTokenCount",
                      LLMB_SPENT_CACHED),
    llmb_spent_in_two("usageMetadata", "candidatesTokenCount",
                      LLMB_SPENT_OUTPUT),
    llmb_spent_in_two("usageMetadata", "thoughtsTokenCount",
                      LLMB_SPENT_THOUGHTS),
    llmb_spent_in_two("usageMetadata", "serviceTier", LLMB_SPENT_TIER),
    llmb_spent_in_one("serviceTier", LLMB_SPENT_TIER),
    llmb_null_spent
};


const llmb_generate_t  llmb_generate[] = {

    {
        .name      = llmb_string("openai_chat"),
        .operation = llmb_string("chat"),
        .paths     = llmb_generate_chat_paths,
        .heads     = { { llmb_string("tools"), llmb_string("functions") } },
        .messages  = llmb_string("messages"),
        .blocks    = llmb_string("content"),
        .tier      = { llmb_string("service_tier"), llmb_null_string },
        .counts    = llmb_generate_chat_counts
    },

    {
        .name      = llmb_string("openai_responses"),
        .operation = llmb_string("chat"),
        .paths     = llmb_generate_responses_paths,
        .heads     = { { llmb_string("tools"), llmb_null_string },
                       { llmb_string("instructions"), llmb_null_string } },
        .messages  = llmb_string("input"),
        .tier      = { llmb_string("service_tier"), llmb_null_string },
        .counts    = llmb_generate_responses_counts,
        .within    = llmb_string("response")
    },

    {
        .name      = llmb_string("anthropic_messages"),
        .operation = llmb_string("chat"),
        .paths     = llmb_generate_messages_paths,
        .heads     = { { llmb_string("tools"), llmb_null_string },
                       { llmb_string("system"), llmb_null_string } },
        .messages  = llmb_string("messages"),
        .blocks    = llmb_string("content"),
        .tier      = { llmb_string("service_tier"), llmb_null_string },
        .counts    = llmb_generate_messages_counts,
        .within    = llmb_string("message"),
        .apart     = 1
    },

    {
        .name      = llmb_string("gemini_generate"),
        .operation = llmb_string("generate_content"),
        .paths     = llmb_generate_gemini_paths,
        .stream    = llmb_generate_gemini_stream,
        .heads     = { { llmb_string("cachedContent"),
                         llmb_string("cached_content") },
                       { llmb_string("systemInstruction"),
                         llmb_string("system_instruction") },
                       { llmb_string("tools"), llmb_null_string } },
        .messages  = llmb_string("contents"),
        .tier      = { llmb_string("serviceTier"),
                       llmb_string("service_tier") },
        .counts    = llmb_generate_gemini_counts
    }
};

const unsigned  llmb_ngenerate = sizeof(llmb_generate)
                                 / sizeof(llmb_generate[0]);


/* nearly all requests are none, which two characters tell */

const llmb_generate_t *
llmb_generate_find(llmb_str_t path)
{
    unsigned           i;
    const llmb_str_t  *ending;

    for (i = 0; i < llmb_ngenerate; i++) {

        for (ending = llmb_generate[i].paths; ending->len; ending++) {

            if (path.len >= ending->len
                && path.data[path.len - 1] == ending->data[ending->len - 1]
                && path.data[path.len - 2] == ending->data[ending->len - 2]
                && llmb_paths_match(llmb_generate[i].paths, path))
            {
                return &llmb_generate[i];
            }
        }
    }

    return NULL;
}


llmb_rc_e
llmb_generate_read(llmb_chat_t *chat, const llmb_generate_t *format,
    llmb_str_t path, llmb_str_t body)
{
    llmb_rc_e          rc, seen;
    llmb_str_t         name, value;
    llmb_json_t        json;
    llmb_json_type_e   type;
    llmb_json_token_t  tok;

    memset(chat, 0, sizeof(llmb_chat_t));

    chat->format = format;
    chat->stream = (format->stream && llmb_paths_match(format->stream, path));

    seen = LLMB_OK;
    name.len = 0;
    value = name;
    type = LLMB_JSON_END;

    llmb_json_init(&json, 1);

    do {
        rc = llmb_json_next(&json, body.data, body.len, 1, &tok);

        if (rc != LLMB_OK) {
            return LLMB_INVALID;
        }

        if (tok.depth == 0 && tok.type != LLMB_JSON_OBJECT
            && tok.type != LLMB_JSON_OBJECT_END && tok.type != LLMB_JSON_END)
        {
            return LLMB_INVALID;
        }

        if (tok.depth == 0) {
            continue;
        }

        if (tok.type == LLMB_JSON_KEY) {
            name.data = body.data + tok.start;
            name.len = tok.end - tok.start;
            continue;
        }

        if (!llmb_json_closes(&tok)) {
            type = tok.type;
            value.data = body.data + tok.start;
        }

        value.len = (size_t) (body.data + tok.end - value.data);

        if (tok.type == LLMB_JSON_OBJECT || tok.type == LLMB_JSON_ARRAY) {

            /* its end is the next token */

            continue;
        }

        rc = llmb_generate_member(chat, name, type, value);

        if (rc != LLMB_OK) {
            seen = rc;
        }

    } while (tok.type != LLMB_JSON_END);

    return seen;
}


static llmb_rc_e
llmb_generate_member(llmb_chat_t *chat, llmb_str_t name,
    llmb_json_type_e type, llmb_str_t value)
{
    unsigned                i;
    const llmb_generate_t  *format;

    static const llmb_str_t  stream = llmb_string("stream");

    if (type == LLMB_JSON_NULL) {
        return LLMB_OK;
    }

    format = chat->format;

    if (llmb_json_is(name, stream)) {
        chat->stream |= (type == LLMB_JSON_TRUE);
        return LLMB_OK;
    }

    if (llmb_json_is(name, format->messages)) {
        return llmb_generate_set(&chat->messages, value);
    }

    if (llmb_generate_is(name, &format->tier)) {
        return (type == LLMB_JSON_STRING)
               ? llmb_generate_set(&chat->tier, value) : LLMB_OK;
    }

    for (i = 0; i < LLMB_GENERATE_HEADS && format->heads[i].name.len; i++) {

        if (llmb_generate_is(name, &format->heads[i])) {
            return llmb_generate_set(&chat->heads[i], value);
        }
    }

    return LLMB_OK;
}


static unsigned
llmb_generate_is(llmb_str_t token, const llmb_head_t *head)
{
    return llmb_json_is(token, head->name)
           || (head->other.len && llmb_json_is(token, head->other));
}


static llmb_rc_e
llmb_generate_set(llmb_str_t *s, llmb_str_t value)
{
    if (s->len) {
        return LLMB_DECLINED;
    }

    *s = value;

    return LLMB_OK;
}
