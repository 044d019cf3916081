
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The members of what a trace is made of.  Those that nobody knows are left
 * alone; one that is missing or of a wrong type is an error that names file,
 * line and member.
 */


#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "llmb_tokens.h"
#include "trace.h"


/* ms from 1970; JSON has numbers that no clock has */

#define SIM_LATEST  1e14

#define SIM_KEY     1024

/* items of a request */

#define SIM_MOST    100000


static const char *sim_field_string(const sim_place_t *place, json_t *object,
    const char *name, unsigned required);
static unsigned sim_field_number(const sim_place_t *place, json_t *object,
    const char *name, unsigned required, double max, double *value);
static double sim_field_time(const sim_place_t *place, json_t *object,
    const char *name, double max);
static void sim_field_id(sim_request_t *request, sim_place_t *place,
    json_t *object);
static void sim_field_analysis(sim_request_t *request,
    const sim_place_t *place, json_t *object);
static void sim_field_status(sim_request_t *request, const sim_place_t *place,
    const char *status, const char *word);
static void sim_field_client(sim_request_t *request, const sim_place_t *place,
    json_t *object);
static void sim_field_share(sim_request_t *request, const sim_place_t *place,
    json_t *object);


void
sim_field_text(sim_request_t *request, sim_place_t *place, const json_t *text)
{
    char        *token, id[32];
    llmb_str_t   s;

    token = json_dumps(text, JSON_ENCODE_ANY|JSON_COMPACT);

    if (token == NULL) {
        sim_die(1, "%s:%u: out of memory", place->file, place->line);
    }

    s.data = (const uint8_t *) token;
    s.len = strlen(token);

    request->tokens = llmb_tokens_estimate(s);
    request->bytes = s.len;

    free(token);

    if (request->id[0] == '\0') {
        snprintf(id, sizeof(id), "%zu", json_object_size(place->ids) + 1);
        json_object_set_new(place->ids, id, json_true());
        request->id = sim_strdup(id, strlen(id));
    }
}


void
sim_field_request(sim_request_t *request, sim_place_t *place, json_t *object)
{
    double       x;
    json_t      *text;
    const char  *s;

    sim_field_id(request, place, object);

    x = sim_field_time(place, object, "created_at_ms", SIM_LATEST);
    request->at = (uint64_t) llround(x * 1000);

    (void) sim_field_string(place, object, "prompt", 1);
    text = json_object_get(object, "prompt");

    s = sim_field_string(place, object, "shortened_query", 0);

    if (s && *s) {
        text = json_object_get(object, "shortened_query");
    }

    sim_field_text(request, place, text);

    if (sim_field_number(place, object, "token_count", 0, 1e12, &x)) {
        request->tokens = (uint64_t) x;
    }

    s = sim_field_string(place, object, "selected_model", 0);
    request->model = s ? sim_strdup(s, strlen(s)) : "";

    s = sim_field_string(place, object, "task_type", 0);
    request->task = s ? sim_strdup(s, strlen(s)) : "";

    if (sim_field_number(place, object, "latency_budget_ms", 0, 1e9, &x)) {
        /* 0 is the shortest budget, not none */
        request->budget = llmb_max((uint64_t) x, 1);
    }

    if (sim_field_number(place, object, "priority", 0, 9, &x)) {
        request->priority = (unsigned) x;
    }

    sim_field_share(request, place, object);
    sim_field_analysis(request, place, object);
}


unsigned
sim_field_log(sim_request_t *request, sim_place_t *place, json_t *object)
{
    double       end, took, tokens;
    const char  *s, *status;

    end = sim_field_time(place, object, "time", SIM_LATEST / 1000);
    took = sim_field_time(place, object, "request_time", 1e9);

    status = sim_field_string(place, object, "status", 1);

    if (*status == '\0' || strcmp(status, "-") == 0) {
        return 0;
    }

    /* it came when it was logged less what it took; the log has ms */

    request->at = (uint64_t) llround(fmax(end - took, 0) * 1000) * 1000;

    sim_field_status(request, place, status,
                     sim_field_string(place, object, "reason", 1));

    s = sim_field_string(place, object, "model", 1);
    request->model = sim_strdup(s, strlen(s));

    s = sim_field_string(place, object, "task", 1);
    request->task = sim_strdup(s, strlen(s));

    tokens = 0;
    (void) sim_field_number(place, object, "tokens", 1, 1e12, &tokens);
    request->tokens = (uint64_t) tokens;
    request->bytes = 4 * request->tokens;

    s = sim_field_string(place, object, "request_id", 0);
    request->id = s ? sim_strdup(s, strlen(s)) : "";

    sim_field_share(request, place, object);
    sim_field_client(request, place, object);

    return 1;
}


/* NULL if it is missing or null, which one that is required must not be */

static const char *
sim_field_string(const sim_place_t *place, json_t *object, const char *name,
    unsigned required)
{
    json_t  *value;

    value = json_object_get(object, name);

    if ((value == NULL || json_is_null(value)) && !required) {
        return NULL;
    }

    if (value == NULL) {
        sim_die(1, "%s:%u: no \"%s\"", place->file, place->line, name);
    }

    if (!json_is_string(value)) {
        sim_die(1, "%s:%u: \"%s\" is not a text", place->file, place->line,
                name);
    }

    return json_string_value(value);
}


/*
 * A number, or the text of one: a log has variables in quotes, since one that
 * is empty would not be JSON otherwise.  0 if there is none.
 */

static unsigned
sim_field_number(const sim_place_t *place, json_t *object, const char *name,
    unsigned required, double max, double *value)
{
    json_t  *v;

    v = json_object_get(object, name);

    if (v == NULL && required) {
        sim_die(1, "%s:%u: no \"%s\"", place->file, place->line, name);
    }

    if (v == NULL || (json_is_null(v) && !required)
        || (json_is_string(v) && json_string_length(v) == 0))
    {
        return 0;
    }

    if (json_is_string(v) && sim_number(json_string_value(v), 0, max, value)) {
        return 1;
    }

    *value = json_number_value(v);

    if (!json_is_number(v) || *value < 0 || *value > max) {
        sim_die(1, "%s:%u: \"%s\" is not a number from 0 to %g", place->file,
                place->line, name, max);
    }

    return 1;
}


/* one without which a request is nowhere, so it must not be empty, too */

static double
sim_field_time(const sim_place_t *place, json_t *object, const char *name,
    double max)
{
    double  value;

    if (!sim_field_number(place, object, name, 1, max, &value)) {
        sim_die(1, "%s:%u: \"%s\" is empty", place->file, place->line, name);
    }

    return value;
}


static void
sim_field_id(sim_request_t *request, sim_place_t *place, json_t *object)
{
    char        *id, number[32];
    json_t      *value, *known;
    const char  *s;

    value = json_object_get(object, "request_id");

    if (json_is_integer(value)) {
        snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT,
                 json_integer_value(value));
        s = number;

    } else {
        s = sim_field_string(place, object, "request_id", 1);
    }

    if (*s == '\0') {
        sim_die(1, "%s:%u: \"request_id\" is empty", place->file,
                place->line);
    }

    known = json_object_get(place->ids, s);

    if (known) {
        sim_die(1, "%s:%u: \"request_id\" is \"%s\", as in line %d",
                place->file, place->line, s, (int) json_integer_value(known));
    }

    id = sim_strdup(s, strlen(s));
    json_object_set_new(place->ids, id, json_integer(place->line));

    request->id = id;
}


/* an object, or a text that is one */

static void
sim_field_analysis(sim_request_t *request, const sim_place_t *place,
    json_t *object)
{
    json_t        *value;
    const char    *s;
    json_error_t   error;

    value = json_object_get(object, "analysis_json");

    if (value == NULL || json_is_null(value)) {
        return;
    }

    if (json_is_string(value)) {

        if (json_string_length(value) == 0) {
            return;
        }

        value = json_loads(json_string_value(value), 0, &error);

        if (value == NULL) {
            sim_die(1, "%s:%u: \"analysis_json\": %s", place->file,
                    place->line, error.text);
        }

    } else {
        json_incref(value);
    }

    if (!json_is_object(value)) {
        sim_die(1, "%s:%u: \"analysis_json\" is not an object", place->file,
                place->line);
    }

    s = sim_field_string(place, value, "latency_tolerance", 0);

    if (s && *s && !sim_tolerance(s, &request->tolerance)) {
        sim_die(1, "%s:%u: \"latency_tolerance\" is \"%s\", not \"low\", "
                "\"medium\" or \"high\"", place->file, place->line, s);
    }

    json_decref(value);
}


/*
 * What was not held because of settings, or of the state that things were in,
 * is decided anew.
 */

static void
sim_field_status(sim_request_t *request, const sim_place_t *place,
    const char *status, const char *word)
{
    size_t  i;

    for (i = 1; i < LLMB_STATUS_N; i++) {
        if (strcmp(status, (const char *) llmb_status_names[i].data) == 0) {
            break;
        }
    }

    if (i == LLMB_STATUS_N) {
        sim_die(1, "%s:%u: \"status\" is \"%s\"", place->file, place->line,
                status);
    }

    if (i != LLMB_STATUS_BYPASS && i != LLMB_STATUS_DRYRUN) {
        return;
    }

    for (i = 0; i < LLMB_REASON_N; i++) {
        if (strcmp(word, (const char *) llmb_reason_names[i].data) == 0) {
            break;
        }
    }

    switch (i) {

    case LLMB_REASON_N:
        sim_die(1, "%s:%u: \"reason\" is \"%s\"", place->file, place->line,
                word);

    case LLMB_REASON_TASK:
    case LLMB_REASON_BUDGET:
    case LLMB_REASON_TOKENS:
    case LLMB_REASON_ZONE_FULL:
    case LLMB_REASON_BREAKER:
    case LLMB_REASON_DRAINING:
    case LLMB_REASON_INTERNAL:
        break;

    default:
        request->reason = (llmb_reason_e) i;
    }
}


/* what clients wrote is taken as the module takes it: nonsense is nothing */

static void
sim_field_client(sim_request_t *request, const sim_place_t *place,
    json_t *object)
{
    double       x;
    uint64_t     budget;
    const char  *s;

    s = sim_field_string(place, object, "budget", 0);

    if (s && *s) {
        request->budget = sim_time(s, 1000000000, &budget)
                          ? llmb_max(budget, 1) : 0;
    }

    s = sim_field_string(place, object, "tolerance", 0);

    if (s) {
        (void) sim_tolerance(s, &request->tolerance);
    }

    s = sim_field_string(place, object, "priority", 0);

    if (s && sim_number(s, 0, 9, &x)) {
        request->priority = (unsigned) x;
    }
}


/* who may share its call, and how many items it is; tokens are of all */

static void
sim_field_share(sim_request_t *request, const sim_place_t *place,
    json_t *object)
{
    double       x;
    const char  *s;

    s = sim_field_string(place, object, "key", 0);

    if (s && *s && strcmp(s, "-") != 0) {

        if (strlen(s) > SIM_KEY) {
            sim_die(1, "%s:%u: \"key\" is longer than %u", place->file,
                    place->line, SIM_KEY);
        }

        request->key = sim_strdup(s, strlen(s));
    }

    if (sim_field_number(place, object, "items", 0, SIM_MOST, &x)) {

        if (x < 1 || x != floor(x)) {
            sim_die(1, "%s:%u: \"items\" is not a number from 1 to %u",
                    place->file, place->line, SIM_MOST);
        }

        request->items = (uint32_t) x;
    }
}
