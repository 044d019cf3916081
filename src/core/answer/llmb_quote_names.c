
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include "llmb_json.h"
#include "llmb_quote_names.h"
#include "llmb_json_text.h"


typedef struct {
    llmb_str_t             name;
    unsigned               fixed:1;   /* so is its value */
} llmb_quote_name_t;


static const llmb_quote_name_t  llmb_quote_names[] = {

    /* about the call and who answers it */

    { llmb_string("id"), 1 },
    { llmb_string("object"), 1 },
    { llmb_string("created"), 1 },
    { llmb_string("model"), 1 },
    { llmb_string("model_name"), 1 },
    { llmb_string("model_version"), 1 },
    { llmb_string("version"), 1 },
    { llmb_string("deployedModelId"), 1 },
    { llmb_string("modelDisplayName"), 1 },
    { llmb_string("modelVersionId"), 1 },
    { llmb_string("system_fingerprint"), 1 },
    { llmb_string("response_type"), 1 },
    { llmb_string("service_tier"), 1 },
    { llmb_string("modality"), 1 },
    { llmb_string("pooling"), 1 },
    { llmb_string("datatype"), 1 },
    { llmb_string("api_version"), 0 },
    { llmb_string("is_deprecated"), 0 },
    { llmb_string("is_experimental"), 0 },
    { llmb_string("errors"), 0 },
    { llmb_string("messages"), 0 },
    { llmb_string("meta"), 0 },
    { llmb_string("metadata"), 0 },
    { llmb_string("success"), 0 },
    { llmb_string("warnings"), 0 },

    /* lists and elements */

    { llmb_string("choices"), 0 },
    { llmb_string("data"), 0 },
    { llmb_string("embedding"), 0 },
    { llmb_string("embeddings"), 0 },
    { llmb_string("index"), 0 },
    { llmb_string("name"), 0 },
    { llmb_string("outputs"), 0 },
    { llmb_string("parameters"), 0 },
    { llmb_string("predictions"), 0 },
    { llmb_string("rankings"), 0 },
    { llmb_string("result"), 0 },
    { llmb_string("results"), 0 },
    { llmb_string("shape"), 0 },
    { llmb_string("text"), 0 },
    { llmb_string("texts"), 0 },

    /* what is counted, and timed */

    { llmb_string("accepted_prediction_tokens"), 0 },
    { llmb_string("audio_tokens"), 0 },
    { llmb_string("billableCharacterCount"), 0 },
    { llmb_string("billed_units"), 0 },
    { llmb_string("cached_tokens"), 0 },
    { llmb_string("completion_tokens"), 0 },
    { llmb_string("completion_tokens_details"), 0 },
    { llmb_string("image_tokens"), 0 },
    { llmb_string("images"), 0 },
    { llmb_string("input_tokens"), 0 },
    { llmb_string("load_duration"), 0 },
    { llmb_string("output_tokens"), 0 },
    { llmb_string("prompt_eval_count"), 0 },
    { llmb_string("promptTokenCount"), 0 },
    { llmb_string("promptTokensDetails"), 0 },
    { llmb_string("prompt_tokens"), 0 },
    { llmb_string("prompt_tokens_details"), 0 },
    { llmb_string("reasoning_tokens"), 0 },
    { llmb_string("rejected_prediction_tokens"), 0 },
    { llmb_string("search_units"), 0 },
    { llmb_string("text_tokens"), 0 },
    { llmb_string("tokenCount"), 0 },
    { llmb_string("tokens"), 0 },
    { llmb_string("total_duration"), 0 },
    { llmb_string("total_tokens"), 0 },
    { llmb_string("totalTokenCount"), 0 },
    { llmb_string("usage"), 0 },
    { llmb_string("usageMetadata"), 0 },

    /* of items that are objects */

    { llmb_string("content"), 0 },
    { llmb_string("image"), 0 },
    { llmb_string("image_url"), 0 },
    { llmb_string("outputDimensionality"), 0 },
    { llmb_string("parts"), 0 },
    { llmb_string("prompt"), 0 },
    { llmb_string("role"), 0 },
    { llmb_string("taskType"), 0 },
    { llmb_string("title"), 0 },
    { llmb_string("type"), 0 },
    { llmb_string("url"), 0 },

    { llmb_null_string, 0 }
};


unsigned
llmb_quote_names_has(llmb_str_t token, unsigned fixed)
{
    const llmb_quote_name_t  *n;

    for (n = llmb_quote_names; n->name.len; n++) {

        if ((n->fixed || !fixed) && llmb_json_is(token, n->name)) {
            return 1;
        }
    }

    return 0;
}
