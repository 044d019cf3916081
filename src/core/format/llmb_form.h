
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * In which way a request of an API is written, and answered.
 */


#ifndef _LLMB_FORM_H_INCLUDED_
#define _LLMB_FORM_H_INCLUDED_


#include "llmb.h"
#include "llmb_reasons.h"


#pragma GCC visibility push(hidden)


#define LLMB_MAX_COLUMNS  8       /* the tensors of a request, too */
#define LLMB_MAX_FORMS    8
#define LLMB_MAX_LISTS    8
#define LLMB_MAX_DEFAULTS  8


/* what an item is; kinds never mix within a call */

typedef enum {
    LLMB_KIND_TEXT   = 0x01,      /* a string */
    LLMB_KIND_TOKENS = 0x02,      /* an array of token numbers */
    LLMB_KIND_OBJECT = 0x04,
    LLMB_KIND_VALUE  = 0x08       /* any other JSON value, or a mixture */
} llmb_kind_e;


/* how the value of a column holds its items */

typedef enum {
    /* an item, or an array of items; a bare array of numbers is an item */
    LLMB_INPUT_ITEMS = 0,

    /* an array; each element is an item, whatever it is */
    LLMB_INPUT_LIST,

    /* the same, or a bare value that is no array, which is one item */
    LLMB_INPUT_LIST_OR_BARE,

    /*
     * Sequences of TEI: a string, or an array of one or two strings, is an
     * item; an array of such arrays holds items.  In a call a string becomes
     * an array of one.
     */
    LLMB_INPUT_SEQUENCES,

    /* the value is one item, whatever it is */
    LLMB_INPUT_WHOLE,

    /*
     * There is no such member: the whole body, an object, is the item, as an
     * element of the list of the call.  If the URI has "/models/<name>:",
     * and the body no "model", a member "model":"models/<name>" is added to
     * it.  (Gemini)
     */
    LLMB_INPUT_BODY
} llmb_input_e;


/*
 * A member of a request that has a value for each item.  The number of items
 * is that of the longest column, and all others have as many.  The first one
 * tells the kind of the items.
 */

typedef struct {
    llmb_str_t            name;
    llmb_input_e          input;
    unsigned              kinds;      /* allowed, llmb_kind_e */
    llmb_str_t            member;     /* that items, objects, have: a text that
                                         is not empty; or empty */
    unsigned              optional:1; /* may be missing */
    unsigned              each:1;     /* a single value is meant for each of
                                         the items of the request */
    unsigned              alone:1;    /* but not an array of one, nor is an
                                         array taken beside a bare item */
    llmb_str_t            type;       /* of a list of objects: all that is
                                         named "type" in them, or the request
                                         is not batched; empty: anything */
} llmb_column_t;


#define llmb_null_column  { .kinds = 0 }


/*
 * A member of a request whose documented default is "value", as JSON text
 * without white space, with all servers that speak the format: a request that
 * has it with this value is equal to one without it, and that is how it is
 * sent.
 */

typedef struct {
    llmb_str_t            member;
    llmb_str_t            value;
} llmb_default_t;


/* what a client is answered that sent a single item */

typedef enum {
    LLMB_SINGLE_LIST = 0,         /* a list of one */
    LLMB_SINGLE_SCALAR,           /* the bare element, if the client sent a
                                     bare item */
    LLMB_SINGLE_ONE               /* the bare element, of whatever has one
                                     item, also if it was sent as a list */
} llmb_single_e;


/* llmb_request.h, llmb_split.h */

typedef struct llmb_request_s  llmb_request_t;
typedef struct llmb_split_s  llmb_split_t;


typedef struct {
    /*
     * Endings of the URI, each from a "/" on; "*" stands for any characters
     * but "/", at least one.  "/" alone is all of the path.  Ends with
     * llmb_null_string.
     */
    const llmb_str_t     *paths;

    /*
     * The members that a body may have besides the columns, where the path
     * tells little; another body is none of this format.  Ends with
     * llmb_null_string; NULL: any.
     */
    const llmb_str_t     *only;
    /*
     * A header, in small letters, of all answers of such servers; one without
     * it is no answer of theirs.  Or empty.
     */
    llmb_str_t            proof;

    /*
     * Where the call goes: the ending "from" of the path is replaced by "to"
     * ("" appends).  Nothing is replaced if both are empty.
     */
    llmb_str_t            from;
    llmb_str_t            to;

    /* the request; ends with llmb_null_column */
    const llmb_column_t  *columns;

    /*
     * At most LLMB_MAX_DEFAULTS, none of them a column; ends with an empty
     * member; NULL: none.
     */
    const llmb_default_t *defaults;

    /*
     * What stands before and behind the items in the place of the first
     * column; "[" and "]" if empty.
     */
    llmb_str_t            open;
    llmb_str_t            close;

    /*
     * A member that is the number of elements for each item, 1 if it is
     * missing (completions: "n").
     */
    llmb_str_t            per;
    /*
     * A member that tells how many of its elements a client wants to see; in
     * a call it is the number of all items (rerank: "top_n").
     */
    llmb_str_t            top;
    /*
     * A member of the request, a string, that the answer repeats in the
     * member of the same name: each client's own (Open Inference: "id").
     */
    llmb_str_t            echo;

    /*
     * The answer: the path, names separated by ".", of the array that has an
     * element for each item; empty if the answer is that array.  A last name
     * "*" means every array in that object, of which there is at least one.
     */
    llmb_str_t            list;
    /* where it is with other servers of this API; never a bare element */
    llmb_str_t            or_list;
    /* a further top-level member that is cut alike if it is an array */
    llmb_str_t            also;
    /* which may have no elements at all */
    unsigned              also_none:1;
    /* the path of an array that begins with the number of the elements */
    llmb_str_t            shape;
    /* the path of an array that is about the call, whoever its members are */
    llmb_str_t            common;
    /* the member of an element that tells its position; empty: its place */
    llmb_str_t            index;

    llmb_single_e         single;
    /* the name that the list's member has then, in an object; or empty */
    llmb_str_t            single_name;

    /* some servers give no index, but elements that are arrays, by place */
    unsigned              or_place:1;
    /* elements are arrays; others are those of another API */
    unsigned              arrays:1;
    /* elements come by rank, and keep that order; never with "per" */
    unsigned              ranked:1;
    /* by the configuration: nobody has looked at what such servers answer */
    unsigned              declared:1;
    /*
     * The model is the one that the path names, whatever the body says; else
     * it is the other way round.
     */
    unsigned              path_model:1;
    /*
     * Servers make one array, or table, of all items of a call: these are of
     * one shape (see llmb_alike.h), or the request goes alone.
     */
    unsigned              alike:1;

    /*
     * Paths of the members that count tokens of the whole call, each a number
     * or an object of numbers, to be shared out.
     */
    llmb_str_t            usage[2];
    /* names within them: of the input tokens, the output's, and of both */
    llmb_str_t            input_tokens;
    llmb_str_t            output_tokens;
    llmb_str_t            total_tokens;
    /*
     * A count in them that is of calls, as they are billed: one for each
     * "unit_items" items of a call that are begun.  A client is told how many
     * it would have been alone, so all of them may be more.
     */
    llmb_str_t            units;
    uint32_t              unit_items;

    /*
     * Members of an element.  "vector": an array of numbers, or the base64 of
     * 32-bit floats if "encoding_format" asks for it.  The ids of the tokens
     * of the item and of this element, which vLLM and SGLang give on request
     * ("return_token_ids"), and tell by the members' presence that they could.
     */
    llmb_str_t            vector;
    llmb_str_t            prompt_ids;
    llmb_str_t            token_ids;
    /*
     * Members of a request in whose answer more would be changed by these than
     * what is taken out again, unless they are false or null.  Ends with
     * llmb_null_string; NULL: none.
     */
    const llmb_str_t     *ids_not_with;

    /*
     * What finds the items of a request, and the lists of an answer, where
     * "columns" and "list" cannot tell, and are empty; or NULL.  Both are
     * valid JSON then.  Such a form has an "echo" (see llmb_tensor.h).
     */
    llmb_reason_e       (*read_request)(llmb_request_t *rq);
    llmb_mismatch_e     (*read_answer)(llmb_split_t *sp, const uint8_t *base);
    /* the member of such a list that tells its name, a word of the model's */
    llmb_str_t            label;
} llmb_form_t;


#pragma GCC visibility pop


#endif /* _LLMB_FORM_H_INCLUDED_ */
