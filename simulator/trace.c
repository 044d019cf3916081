
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Reads a trace: a JSON list of texts or of objects, or lines with an object
 * each, be they such objects or those of a log.  Elements are parsed one by
 * one, so that a message can name the line.
 */


#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "trace.h"


typedef struct {
    const char   *data;
    size_t        len;
    size_t        pos;
    uint64_t      interval;
    sim_place_t   place;
    json_type     kind;           /* of the elements of a list so far */
    unsigned      log;            /* lines are those of a log */
} sim_source_t;


static void sim_source_open(sim_source_t *source, const char *file);
static void sim_source_space(sim_source_t *source);
static json_t *sim_source_value(sim_source_t *source);
static void sim_read_list(sim_trace_t *trace, sim_source_t *source);
static void sim_read_element(sim_trace_t *trace, sim_source_t *source,
    json_t *value);
static void sim_read_lines(sim_trace_t *trace, sim_source_t *source);
static void sim_read_log(sim_trace_t *trace, sim_source_t *source,
    json_t *value);


void
sim_trace_read(sim_trace_t *trace, const char *file, uint64_t interval)
{
    sim_source_t  source;

    memset(&source, 0, sizeof(sim_source_t));
    memset(trace, 0, sizeof(sim_trace_t));

    source.place.file = strcmp(file, "-") == 0 ? "standard input" : file;
    source.place.line = 1;
    source.place.ids = json_object();
    source.kind = JSON_NULL;
    source.interval = interval;

    sim_source_open(&source, file);
    sim_source_space(&source);

    trace->source = source.place.file;

    if (source.pos == source.len) {
        sim_die(1, "%s: empty", source.place.file);
    }

    switch (source.data[source.pos]) {

    case '[':
        sim_read_list(trace, &source);
        break;

    case '{':
        sim_read_lines(trace, &source);
        break;

    default:
        sim_die(1, "%s:%u: neither a JSON list nor lines with a JSON object "
                "each", source.place.file, source.place.line);
    }

    json_decref(source.place.ids);

    if (trace->n == 0) {
        sim_die(1, "%s: no requests", source.place.file);
    }

    sim_trace_sort(trace);
}


sim_request_t *
sim_trace_add(sim_trace_t *trace)
{
    sim_request_t  *request;

    if (trace->n == trace->room) {

        if (trace->n >= 1 << 28) {
            sim_die(1, "%s: too many requests", trace->source);
        }

        trace->room = 2 * trace->room + 256;
        trace->requests = sim_realloc(trace->requests, trace->room,
                                      sizeof(sim_request_t));
    }

    request = &trace->requests[trace->n];

    memset(request, 0, sizeof(sim_request_t));

    request->order = trace->n++;
    request->items = 1;
    request->id = "";
    request->model = "";
    request->task = "";
    request->priority = 5;

    return request;
}


static int
sim_earlier(const void *one, const void *two)
{
    const sim_request_t  *a = one, *b = two;

    if (a->at != b->at) {
        return a->at < b->at ? -1 : 1;
    }

    return a->order < b->order ? -1 : 1;
}


/* in the order of their times, which then start at 0 */

void
sim_trace_sort(sim_trace_t *trace)
{
    uint32_t  i;
    uint64_t  first;

    qsort(trace->requests, trace->n, sizeof(sim_request_t), sim_earlier);

    first = trace->n ? trace->requests[0].at : 0;

    for (i = 0; i < trace->n; i++) {
        trace->requests[i].at -= first;
        trace->unkeyed += trace->requests[i].key == NULL
                          && trace->requests[i].reason == LLMB_REASON_NONE;
    }

    trace->span = trace->n ? trace->requests[trace->n - 1].at : 0;
}


const char *
sim_request_id(const sim_request_t *rq, char *buf, size_t size)
{
    if (rq->id) {
        return rq->id;
    }

    snprintf(buf, size, "%u", rq->order + 1);

    return buf;
}


static void
sim_source_open(sim_source_t *source, const char *file)
{
    FILE    *fh;
    char    *data;
    size_t   n, len, room;

    fh = strcmp(file, "-") == 0 ? stdin : fopen(file, "rb");

    if (fh == NULL) {
        sim_die(1, "%s: %s", file, strerror(errno));
    }

    data = NULL;
    len = 0;
    room = 0;

    do {
        if (len == room) {
            room = 2 * room + 65536;
            data = sim_realloc(data, room, 1);
        }

        n = fread(data + len, 1, room - len, fh);
        len += n;
    } while (n);

    if (ferror(fh)) {
        sim_die(1, "%s: %s", file, strerror(errno));
    }

    if (fh != stdin) {
        fclose(fh);
    }

    source->data = data;
    source->len = len;
}


static void
sim_source_space(sim_source_t *source)
{
    for ( /* void */ ; source->pos < source->len; source->pos++) {

        switch (source->data[source->pos]) {

        case '\n':
            source->place.line++;
            break;

        case ' ':
        case '\t':
        case '\r':
            break;

        default:
            return;
        }
    }
}


static json_t *
sim_source_value(sim_source_t *source)
{
    size_t         i, end;
    json_t        *value;
    json_error_t   error;

    value = json_loadb(source->data + source->pos, source->len - source->pos,
                       JSON_DISABLE_EOF_CHECK|JSON_DECODE_ANY
                       |JSON_REJECT_DUPLICATES, &error);

    if (value == NULL) {
        sim_die(1, "%s:%u: %s", source->place.file,
                source->place.line + (unsigned) error.line - 1, error.text);
    }

    end = source->pos + (size_t) error.position;

    for (i = source->pos; i < end; i++) {
        source->place.line += source->data[i] == '\n';
    }

    source->pos = end;

    return value;
}


static void
sim_read_list(sim_trace_t *trace, sim_source_t *source)
{
    char       c;
    json_t    *value;
    unsigned   line, end;

    source->pos++;
    sim_source_space(source);

    for ( ;; ) {
        line = source->place.line;

        if (trace->n == 0 && source->pos < source->len
            && source->data[source->pos] == ']')
        {
            break;
        }

        value = sim_source_value(source);

        /* messages name the line on which an element starts */

        end = source->place.line;
        source->place.line = line;

        sim_read_element(trace, source, value);
        json_decref(value);

        source->place.line = end;
        sim_source_space(source);

        c = source->pos < source->len ? source->data[source->pos] : '\0';

        if (c == ']') {
            break;
        }

        if (c != ',') {
            sim_die(1, "%s:%u: \",\" or \"]\" expected", source->place.file,
                    source->place.line);
        }

        source->pos++;
        sim_source_space(source);
    }

    source->pos++;
    sim_source_space(source);

    if (source->pos < source->len) {
        sim_die(1, "%s:%u: something behind the end of the list",
                source->place.file, source->place.line);
    }
}


static void
sim_read_element(sim_trace_t *trace, sim_source_t *source, json_t *value)
{
    uint32_t        n;
    json_type       kind;
    sim_request_t  *request;

    kind = json_typeof(value);

    if (kind != JSON_STRING && kind != JSON_OBJECT) {
        sim_die(1, "%s:%u: neither a text nor an object", source->place.file,
                source->place.line);
    }

    if (source->kind != JSON_NULL && source->kind != kind) {
        sim_die(1, "%s:%u: %s in a list of %s", source->place.file,
                source->place.line,
                kind == JSON_STRING ? "a text" : "an object",
                kind == JSON_STRING ? "objects" : "texts");
    }

    source->kind = kind;

    n = trace->n;
    request = sim_trace_add(trace);

    if (kind == JSON_OBJECT) {
        sim_field_request(request, &source->place, value);
        return;
    }

    request->at = n * source->interval;
    sim_field_text(request, &source->place, value);
}


static void
sim_read_lines(sim_trace_t *trace, sim_source_t *source)
{
    json_t    *value;
    unsigned   line, end, first;

    for (first = 1; source->pos < source->len; first = 0) {
        line = source->place.line;
        value = sim_source_value(source);
        end = source->place.line;
        source->place.line = line;

        if (!json_is_object(value)) {
            sim_die(1, "%s:%u: not an object", source->place.file, line);
        }

        if (first) {
            source->log = json_object_get(value, "created_at_ms") == NULL;
        }

        if (source->log) {
            sim_read_log(trace, source, value);

        } else {
            sim_field_request(sim_trace_add(trace), &source->place, value);
        }

        json_decref(value);
        source->place.line = end;
        sim_source_space(source);

        if (source->pos < source->len && source->place.line == end) {
            sim_die(1, "%s:%u: something behind the object",
                    source->place.file, end);
        }
    }
}


static void
sim_read_log(sim_trace_t *trace, sim_source_t *source, json_t *value)
{
    sim_request_t  *request;

    request = sim_trace_add(trace);

    if (!sim_field_log(request, &source->place, value)) {
        trace->n--;
        trace->skipped++;
    }
}
