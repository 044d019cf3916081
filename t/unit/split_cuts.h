
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Answers, and what each member gets of them.
 */


#ifndef _SPLIT_CUTS_H_INCLUDED_
#define _SPLIT_CUTS_H_INCLUDED_


#include "adapters/llmb_adapters.h"
#include "llmb_split.h"


#define openai  (&llmb_adapter_openai_embeddings)
#define tei     (&llmb_adapter_tei_embed)
#define labels  (&llmb_adapter_tei_predict)
#define cohere  (&llmb_adapter_cohere_embed)
#define gemini  (&llmb_adapter_gemini_embed)
#define llama   (&llmb_adapter_llamacpp_completion)
#define sglang  (&llmb_adapter_sglang_generate)
#define texts   (&llmb_adapter_openai_completions)
#define chat    (&llmb_adapter_vllm_chat_batch)
#define rerank  (&llmb_adapter_rerank)


typedef struct {
    const char            *name;
    const llmb_adapter_t  *adapter;
    uint32_t               items;     /* as sent */
    uint32_t               per;
    const char            *unique;    /* positions of the members' items */
    unsigned               strip;
    llmb_share_t           shares[3];
    uint32_t               members;
    const char            *answer;
    const char            *own[3];
} cut_case_t;


/* what a client sends, in a table */

#define LIST(n, t)       { .items = (n), .tokens = (t) }
#define SCALAR(t)        { .items = 1, .tokens = (t), .scalar = 1 }
#define PART(n)          { .items = (n), .part = 1 }
#define TOP(n, t)        { .items = (n), .top = (t) }
#define ECHO(n, id)      { .items = (n), .echo = llmb_string(id) }


static const cut_case_t  cuts[] = {

    { "a bare array",
      tei, 3, 1, NULL, 0,
      { LIST(2, 0), LIST(1, 0) }, 2,
      "[[1],\n [2], [3]]",
      { "[[1],\n [2]]",
        "[[3]]" } },

    { "a scalar gets a list where that is the custom",
      tei, 2, 1, NULL, 0,
      { SCALAR(0), LIST(1, 0) }, 2,
      "[[1],[2]]",
      { "[[1]]",
        "[[2]]" } },

    { "a bare element for a bare item",
      labels, 4, 1, NULL, 0,
      { SCALAR(0), LIST(1, 0), LIST(2, 0) }, 3,
      " [[{\"a\":1}], [{\"b\":2}],[3] ,[4]] ",
      { " [{\"a\":1}] ",
        " [[{\"b\":2}]] ",
        " [[3] ,[4]] " } },

    { "a bare element for one item",
      llama, 4, 1, NULL, 0,
      { LIST(1, 0), SCALAR(0), LIST(2, 0) }, 3,
      "[{\"index\":0,\"v\":1},{\"v\":2,\"index\":1},{\"index\":3},{\"index\":"
      "2,\"x\":5}]",
      { "{\"index\":0,\"v\":1}",
        "{\"v\":2,\"index\":0}",
        "[{\"index\":0,\"x\":5},{\"index\":1}]" } },

    { "a list of one from a bare element",
      sglang, 1, 1, NULL, 0,
      { LIST(1, 0) }, 1,
      "{\"text\":\"a\"}",
      { "[{\"text\":\"a\"}]" } },

    { "a bare element stays one",
      sglang, 1, 1, NULL, 0,
      { SCALAR(0) }, 1,
      "{\"text\":\"a\"}",
      { "{\"text\":\"a\"}" } },

    { "a part gets a list",
      llama, 2, 1, NULL, 0,
      { PART(1), LIST(1, 0) }, 2,
      "[{\"index\":1,\"v\":\"b\"},{\"index\":0,\"v\":\"a\"}]",
      { "[{\"index\":0,\"v\":\"a\"}]",
        "{\"index\":0,\"v\":\"b\"}" } },

    { "a part of one bare element gets a list",
      llama, 1, 1, NULL, 0,
      { PART(1) }, 1,
      "{\"index\":0}",
      { "[{\"index\":0}]" } },

    { "another name for a single one",
      gemini, 3, 1, NULL, 0,
      { SCALAR(2), LIST(1, 1), SCALAR(4) }, 3,
      "{\"embeddings\": [{\"values\":[1]},{\"values\":[2]},{\"values\":[3]}],"
      "\"usageMetadata\":{\"promptTokenCount\":7,\"totalTokenCount\":7}}",
      { "{\"embedding\": {\"values\":[1]},\"usageMetadata\":{\"promptTokenCou"
        "nt\":2,\"totalTokenCount\":2}}",
        "{\"embeddings\": [{\"values\":[2]}],\"usageMetadata\":{\"promptToken"
        "Count\":1,\"totalTokenCount\":1}}",
        "{\"embedding\": {\"values\":[3]},\"usageMetadata\":{\"promptTokenCou"
        "nt\":4,\"totalTokenCount\":4}}" } },

    { "every array of an object",
      cohere, 3, 1, NULL, 0,
      { LIST(2, 4), LIST(1, 5) }, 2,
      "{\"id\":\"e\",\"embeddings\":{\"float\":[[1],[2] , [3]],\"ubinary\":nu"
      "ll,\"int8\":[ [4],[5],[6] ]},\"texts\":[\"a\",\"b\",\"c\"],\"meta\":{"
      "\"api_version\":{\"version\":\"2\"},\"billed_units\":{\"input_tokens\""
      ":9},\"tokens\":{\"input_tokens\":10}}}",
      { "{\"id\":\"e-0\",\"embeddings\":{\"float\":[[1],[2]],\"ubinary\":null"
        ",\"int8\":[ [4],[5] ]},\"texts\":[\"a\",\"b\"],\"meta\":{\"api_versi"
        "on\":{\"version\":\"2\"},\"billed_units\":{\"input_tokens\":4},\"tok"
        "ens\":{\"input_tokens\":4}}}",
        "{\"id\":\"e-1\",\"embeddings\":{\"float\":[[3]],\"ubinary\":null,\"i"
        "nt8\":[ [6] ]},\"texts\":[\"c\"],\"meta\":{\"api_version\":{\"versio"
        "n\":\"2\"},\"billed_units\":{\"input_tokens\":5},\"tokens\":{\"input"
        "_tokens\":6}}}" } },

    { "several elements for each item",
      texts, 3, 2, NULL, 0,
      { LIST(1, 0), LIST(2, 0) }, 2,
      "{\"choices\":[{\"index\":5,\"text\":\"f\"},{\"index\":0,\"text\":\"a\""
      "},{\"index\":1,\"text\":\"b\"},{\"index\":3,\"text\":\"d\"},{\"index\""
      ":2,\"text\":\"c\"},{\"index\":4,\"text\":\"e\"}]}",
      { "{\"choices\":[{\"index\":0,\"text\":\"a\"},{\"index\":1,\"text\":\"b"
        "\"}]}",
        "{\"choices\":[{\"index\":0,\"text\":\"c\"},{\"index\":1,\"text\":\"d"
        "\"},{\"index\":2,\"text\":\"e\"},{\"index\":3,\"text\":\"f\"}]}" } },

    { "by rank, and not more than asked for",
      rerank, 5, 1, NULL, 0,
      { TOP(2, 0), TOP(2, 1), TOP(1, 9) }, 3,
      "{\"results\":[{\"index\":3,\"s\":9}, {\"index\":1,\"s\":8},{\"index\":"
      "4,\"s\":7},{\"index\":2,\"s\":6},{\"index\":0,\"s\":5}],\"usage\":{\"t"
      "otal_tokens\":10}}",
      { "{\"results\":[{\"index\":1,\"s\":8}, {\"index\":0,\"s\":5}],\"usage"
        "\":{\"total_tokens\":4}}",
        "{\"results\":[{\"index\":1,\"s\":9}],\"usage\":{\"total_tokens\":4}}",
        "{\"results\":[{\"index\":0,\"s\":7}],"
        "\"usage\":{\"total_tokens\":2}}" } },

    { "items that were sent once",
      openai, 2, 1, "00110", 0,
      { LIST(2, 2), LIST(1, 1), LIST(2, 2) }, 3,
      "{\"data\":[{\"index\":1,\"e\":\"B\"},{\"index\":0,\"e\":\"A\"}],\"usag"
      "e\":{\"prompt_tokens\":10,\"total_tokens\":10}}",
      { "{\"data\":[{\"index\":0,\"e\":\"A\"},{\"index\":1,\"e\":\"A\"}],\"us"
        "age\":{\"prompt_tokens\":4,\"total_tokens\":4}}",
        "{\"data\":[{\"index\":0,\"e\":\"B\"}],\"usage\":{\"prompt_tokens\":2"
        ",\"total_tokens\":2}}",
        "{\"data\":[{\"index\":0,\"e\":\"B\"},{\"index\":1,\"e\":\"A\"}],\"us"
        "age\":{\"prompt_tokens\":4,\"total_tokens\":4}}" } },

    { "items that were sent once go by place, too",
      tei, 2, 1, "10110", 0,
      { LIST(2, 0), LIST(3, 0) }, 2,
      "[[1] ,[2]]",
      { "[[2] ,[1]]",
        "[[2] ,[2] ,[1]]" } },

    { "copies of one are set apart by a comma",
      tei, 1, 1, "000", 0,
      { LIST(2, 0), LIST(1, 0) }, 2,
      "[ [1] ]",
      { "[ [1],[1] ]",
        "[ [1] ]" } },

    { "copies in every list",
      cohere, 1, 1, "00", 0,
      { LIST(2, 0) }, 1,
      "{\"embeddings\":{\"a\":[1],\"b\":[\"x\"]},\"texts\":[\"t\"]}",
      { "{\"embeddings\":{\"a\":[1,1],\"b\":[\"x\",\"x\"]},\"texts\":[\"t\","
        "\"t\"]}" } },

    { "ids that nobody asked for",
      texts, 2, 1, NULL, 1,
      { LIST(1, 9), LIST(1, 1) }, 2,
      "{\"choices\":[{\"index\":0,\"text\":\"a\",\"token_ids\":[7,8,9],\"prom"
      "pt_token_ids\":[1]},{\"index\":1,\"prompt_token_ids\":[2,3,4],\"token_"
      "ids\":[1],\"text\":\"b\"}],\"usage\":{\"prompt_tokens\":4,\"completion"
      "_tokens\":4,\"total_tokens\":8,\"completion_tokens_details\":{\"reason"
      "ing_tokens\":4},\"prompt_tokens_details\":null}}",
      { "{\"choices\":[{\"index\":0,\"text\":\"a\",\"token_ids\":null,\"promp"
        "t_token_ids\":null}],\"usage\":{\"prompt_tokens\":1,\"completion_tok"
        "ens\":3,\"total_tokens\":4,\"completion_tokens_details\":{\"reasonin"
        "g_tokens\":3},\"prompt_tokens_details\":null}}",
        "{\"choices\":[{\"index\":0,\"prompt_token_ids\":null,\"token_ids\":n"
        "ull,\"text\":\"b\"}],\"usage\":{\"prompt_tokens\":3,\"completion_tok"
        "ens\":1,\"total_tokens\":4,\"completion_tokens_details\":{\"reasonin"
        "g_tokens\":1},\"prompt_tokens_details\":null}}" } },

    { "ids that were asked for stay, and count",
      texts, 2, 1, NULL, 0,
      { LIST(1, 9), LIST(1, 1) }, 2,
      "{\"choices\":[{\"index\":0,\"prompt_token_ids\":[1,2],\"token_ids\":[7"
      "]},{\"index\":1,\"prompt_token_ids\":[ 2 , 3 ],\"token_ids\":[]}],\"us"
      "age\":{\"prompt_tokens\":4,\"completion_tokens\":1}}",
      { "{\"choices\":[{\"index\":0,\"prompt_token_ids\":[1,2],\"token_ids\":"
        "[7]}],\"usage\":{\"prompt_tokens\":2,\"completion_tokens\":1}}",
        "{\"choices\":[{\"index\":0,\"prompt_token_ids\":[ 2 , 3 ],\"token_id"
        "s\":[]}],\"usage\":{\"prompt_tokens\":2,\"completion_tokens\":0}}" } },

    { "ids are of an item once, whatever it has",
      texts, 2, 2, NULL, 0,
      { LIST(1, 9), LIST(1, 1) }, 2,
      "{\"choices\":[{\"index\":0,\"prompt_token_ids\":[1]},{\"index\":1,\"pr"
      "ompt_token_ids\":[1]},{\"index\":2,\"prompt_token_ids\":[1,2]},{\"inde"
      "x\":3,\"prompt_token_ids\":[1,2]}],\"usage\":{\"prompt_tokens\":3}}",
      { "{\"choices\":[{\"index\":0,\"prompt_token_ids\":[1]},{\"index\":1,\""
        "prompt_token_ids\":[1]}],\"usage\":{\"prompt_tokens\":1}}",
        "{\"choices\":[{\"index\":0,\"prompt_token_ids\":[1,2]},{\"index\":1,"
        "\"prompt_token_ids\":[1,2]}],\"usage\":{\"prompt_tokens\":2}}" } },

    { "ids that contradict the usage do not count",
      texts, 2, 1, NULL, 1,
      { LIST(1, 2), LIST(1, 1) }, 2,
      "{\"choices\":[{\"index\":0,\"prompt_token_ids\":[1]},{\"index\":1,\"pr"
      "ompt_token_ids\":[1]}],\"usage\":{\"prompt_tokens\":3}}",
      { "{\"choices\":[{\"index\":0,\"prompt_token_ids\":null}],\"usage\":{\""
        "prompt_tokens\":2}}",
        "{\"choices\":[{\"index\":0,\"prompt_token_ids\":null}],\"usage\":{\""
        "prompt_tokens\":1}}" } },

    { "output by its length",
      chat, 2, 1, NULL, 0,
      { LIST(1, 3), LIST(1, 3) }, 2,
      "{\"id\":\"c\",\"choices\":[{\"index\":0,\"m\":\"12345678\"},{\"index\""
      ":1,\"m\":\"123456781234567812345678\"}],\"usage\":{\"prompt_tokens\":8"
      ",\"completion_tokens\":14,\"total_tokens\":22,\"x\":4}}",
      { "{\"id\":\"c-0\",\"choices\":[{\"index\":0,\"m\":\"12345678\"}],\"usa"
        "ge\":{\"prompt_tokens\":4,\"completion_tokens\":5,\"total_tokens\":9"
        ",\"x\":2}}",
        "{\"id\":\"c-1\",\"choices\":[{\"index\":0,\"m\":\"123456781234567812"
        "345678\"}],\"usage\":{\"prompt_tokens\":4,\"completion_tokens\":9,\""
        "total_tokens\":13,\"x\":2}}" } }
};


#endif /* _SPLIT_CUTS_H_INCLUDED_ */
