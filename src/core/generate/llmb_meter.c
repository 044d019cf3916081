
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Of an answer only brackets, strings, and the names in objects on the way to
 * a count are looked at.
 */


#include <string.h>

#include "llmb_json_skip.h"
#include "llmb_meter.h"


/* in a text */

enum {
    LLMB_METER_BETWEEN = 0,
    LLMB_METER_SCALAR,            /* a number or word */
    LLMB_METER_STRING,
    LLMB_METER_ESCAPE             /* behind a backslash in it */
};


/* in a line of events; fewer: so many bytes of "data:" have come */

enum {
    LLMB_METER_START = 0,
    LLMB_METER_DATA = 5,
    LLMB_METER_OTHER
};


static void llmb_meter_events(llmb_meter_t *m, const uint8_t *p,
    const uint8_t *end);
static void llmb_meter_reset(llmb_meter_t *m);
static void llmb_meter_text(llmb_meter_t *m, const uint8_t *p,
    const uint8_t *end);
static const uint8_t *llmb_meter_string(llmb_meter_t *m, const uint8_t *p,
    const uint8_t *end);
static void llmb_meter_between(llmb_meter_t *m, uint8_t c);
static void llmb_meter_enter(llmb_meter_t *m, uint8_t c);
static void llmb_meter_leave(llmb_meter_t *m);
static void llmb_meter_keep(llmb_meter_t *m, const uint8_t *p, size_t len);
static void llmb_meter_named(llmb_meter_t *m);
static void llmb_meter_value(llmb_meter_t *m, unsigned string);
static void llmb_meter_count(llmb_meter_t *m, llmb_spent_e count);

/* whether names and values here may matter; the array is around the objects */
#define llmb_meter_follows(m)                                                 \
    ((m)->open && (m)->depth == (m)->open + (m)->array + (m)->within)


void
llmb_meter_init(llmb_meter_t *meter, const llmb_generate_t *format,
    unsigned events)
{
    memset(meter, 0, sizeof(llmb_meter_t));

    meter->format = format;
    meter->events = events ? 1 : 0;
}


void
llmb_meter_read(llmb_meter_t *meter, const uint8_t *p, size_t len)
{
    if (meter->events) {
        llmb_meter_events(meter, p, p + len);

    } else {
        llmb_meter_text(meter, p, p + len);
    }
}


/* lines end with CR, LF or both; an empty one ends an event */

static void
llmb_meter_events(llmb_meter_t *m, const uint8_t *p, const uint8_t *end)
{
    const uint8_t           *last, *lf, *cr;

    static const uint8_t     data[] = "data:";

    while (p < end) {

        if (*p == '\n' || *p == '\r') {

            if (m->line == LLMB_METER_START) {
                llmb_meter_reset(m);
            }

            m->line = LLMB_METER_START;
            p++;
            continue;
        }

        if (m->line < LLMB_METER_DATA) {

            if (*p != data[m->line]) {
                m->line = LLMB_METER_OTHER;
                continue;
            }

            m->line++;
            p++;

            if (m->line == LLMB_METER_DATA && m->depth == 0) {
                /* some leave the empty line out */
                llmb_meter_reset(m);
            }

            continue;
        }

        last = end;
        lf = memchr(p, '\n', (size_t) (last - p));
        last = lf ? lf : last;
        cr = memchr(p, '\r', (size_t) (last - p));
        last = cr ? cr : last;

        if (m->line == LLMB_METER_DATA) {
            llmb_meter_text(m, p, last);
        }

        p = last;
    }
}


/* another text begins */

static void
llmb_meter_reset(llmb_meter_t *m)
{
    m->state = LLMB_METER_BETWEEN;
    m->depth = 0;
    m->open = 0;
    m->array = 0;
    m->within = 0;
    m->enters = 0;
    m->name = 0;
    m->named = 0;
}


static void
llmb_meter_text(llmb_meter_t *m, const uint8_t *p, const uint8_t *end)
{
    while (p < end) {

        switch (m->state) {

        case LLMB_METER_STRING:
            p = llmb_meter_string(m, p, end);
            break;

        case LLMB_METER_ESCAPE:
            m->state = LLMB_METER_STRING;
            m->len = LLMB_METER_TEXT + 1;
            p++;
            break;

        case LLMB_METER_SCALAR:

            if ((*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'z')
                || *p == '.' || *p == '-' || *p == '+' || *p == 'E')
            {
                llmb_meter_keep(m, p++, 1);
                break;
            }

            m->state = LLMB_METER_BETWEEN;
            llmb_meter_value(m, 0);
            break;

        default: /* LLMB_METER_BETWEEN */
            llmb_meter_between(m, *p++);
            break;
        }
    }
}


static const uint8_t *
llmb_meter_string(llmb_meter_t *m, const uint8_t *p, const uint8_t *end)
{
    const uint8_t  *run;

    run = p;

    do {
        p = llmb_json_skip_plain(p, end);

        while (p < end && (*p & 0x80)) {
            p++;
        }

    } while (p < end && *p != '"' && *p != '\\' && ++p < end);

    llmb_meter_keep(m, run, (size_t) (p - run));

    if (p == end) {
        return p;
    }

    if (*p == '\\') {
        m->state = LLMB_METER_ESCAPE;
        return p + 1;
    }

    m->state = LLMB_METER_BETWEEN;

    if (!llmb_meter_follows(m)) {
        return p + 1;
    }

    if (m->name) {
        llmb_meter_named(m);

    } else {
        llmb_meter_value(m, 1);
    }

    return p + 1;
}


static void
llmb_meter_between(llmb_meter_t *m, uint8_t c)
{
    switch (c) {

    case '"':
        m->state = LLMB_METER_STRING;
        m->len = 0;
        break;

    case '{':
    case '[':
        llmb_meter_enter(m, c);
        break;

    case '}':
    case ']':
        llmb_meter_leave(m);
        break;

    case ',':
        m->name = llmb_meter_follows(m);
        m->named = 0;
        m->enters = 0;
        break;

    case ':':
        m->name = 0;
        break;

    default:

        if (c > ' ') {
            m->state = LLMB_METER_SCALAR;
            m->len = 0;
            llmb_meter_keep(m, &c, 1);
        }

        break;
    }
}


static void
llmb_meter_enter(llmb_meter_t *m, uint8_t c)
{
    uint16_t                 all;
    const llmb_spent_row_t  *row;

    if (m->depth == m->array && m->open == 0) {

        /* the answer, or an array of answers */

        if (c == '[') {

            if (m->depth == 0) {
                m->array = 1;
            }

        } else {
            all = 0;

            for (row = m->format->counts; row->names[0].len; row++) {
                all = (uint16_t) (all << 1 | 1);
            }

            m->rows[0] = all;
            m->open = 1;
            m->name = 1;
        }

    } else if (c == '{' && llmb_meter_follows(m)) {

        if (m->enters) {

            /* its members are as those of the answer */

            m->within = 1;
            m->name = 1;

        } else if (m->named && m->open < LLMB_GENERATE_DEPTH) {
            m->rows[m->open++] = m->named;
            m->name = 1;
        }
    }

    m->depth++;
    m->named = 0;
    m->enters = 0;
}


static void
llmb_meter_leave(llmb_meter_t *m)
{
    if (m->depth == 0) {
        return;
    }

    if (llmb_meter_follows(m)) {

        if (m->open == 1 && m->within) {
            m->within = 0;

        } else {
            m->open--;
        }
    }

    m->depth--;

    if (m->depth == 0) {
        m->array = 0;
    }

    m->name = 0;
    m->named = 0;
    m->enters = 0;
}


static void
llmb_meter_keep(llmb_meter_t *m, const uint8_t *p, size_t len)
{
    if (m->len + len > LLMB_METER_TEXT) {
        m->len = LLMB_METER_TEXT + 1;
        return;
    }

    memcpy(m->text + m->len, p, len);
    m->len += (unsigned) len;
}


/* which rows have the name that was read */

static void
llmb_meter_named(llmb_meter_t *m)
{
    unsigned           i;
    const llmb_str_t  *name;

    m->named = 0;
    m->enters = 0;

    if (m->len == 0 || m->len > LLMB_METER_TEXT) {
        return;
    }

    for (i = 0; m->rows[m->open - 1] >> i; i++) {
        name = &m->format->counts[i].names[m->open - 1];

        if ((m->rows[m->open - 1] >> i & 1) && name->len == m->len
            && memcmp(name->data, m->text, m->len) == 0)
        {
            m->named |= (uint16_t) (1U << i);
        }
    }

    name = &m->format->within;

    m->enters = (m->open == 1 && !m->within && name->len == m->len
                 && memcmp(name->data, m->text, m->len) == 0);
}


/* a scalar that may be what a row tells */

static void
llmb_meter_value(llmb_meter_t *m, unsigned string)
{
    unsigned                 i;
    const llmb_spent_row_t  *row;

    if (!llmb_meter_follows(m) || m->named == 0
        || m->len > LLMB_METER_TEXT)
    {
        return;
    }

    for (i = 0; m->named >> i; i++) {
        row = &m->format->counts[i];

        if (!(m->named >> i & 1)
            || (m->open < LLMB_GENERATE_DEPTH && row->names[m->open].len))
        {
            continue;
        }

        if (row->count == LLMB_SPENT_TIER) {

            if (string) {
                memcpy(m->tier, m->text, m->len);
                m->tier_len = m->len;
            }

        } else if (!string) {
            llmb_meter_count(m, row->count);
        }
    }

    m->named = 0;
}


/* no number of tokens has more than 15 digits */

static void
llmb_meter_count(llmb_meter_t *m, llmb_spent_e count)
{
    unsigned  i;
    uint64_t  n;

    if (m->len == 0 || m->len > 15) {
        return;
    }

    n = 0;

    for (i = 0; i < m->len; i++) {

        if (m->text[i] < '0' || m->text[i] > '9') {
            return;
        }

        n = n * 10 + (uint64_t) (m->text[i] - '0');
    }

    m->counts[count] = llmb_max(m->counts[count], n);
    m->counted = 1;
}


void
llmb_meter_spent(const llmb_meter_t *meter, llmb_spent_t *spent)
{
    unsigned         i;
    const uint64_t  *counts;

    counts = meter->counts;

    memset(spent, 0, sizeof(llmb_spent_t));

    spent->counted = meter->counted;
    spent->cached = counts[LLMB_SPENT_CACHED];
    spent->written = counts[LLMB_SPENT_WRITTEN];
    spent->input = counts[LLMB_SPENT_INPUT] + counts[LLMB_SPENT_TOOLS];
    spent->output = counts[LLMB_SPENT_OUTPUT] + counts[LLMB_SPENT_THOUGHTS];

    if (meter->format->apart) {
        spent->input += spent->cached + spent->written;

    } else {
        spent->cached = llmb_min(spent->cached, spent->input);
        spent->written = llmb_min(spent->written,
                                  spent->input - spent->cached);
    }

    /* a word that may be in a log, or nothing */

    for (i = 0; i < meter->tier_len; i++) {

        if (!((meter->tier[i] >= 'a' && meter->tier[i] <= 'z')
              || (meter->tier[i] >= 'A' && meter->tier[i] <= 'Z')
              || (meter->tier[i] >= '0' && meter->tier[i] <= '9')
              || meter->tier[i] == '_' || meter->tier[i] == '-'))
        {
            return;
        }
    }

    memcpy(spent->tier, meter->tier, meter->tier_len);
    spent->tier_len = meter->tier_len;
}
