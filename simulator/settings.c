
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The directives, as options ("--max-size 32") and as words of a setting that
 * is compared ("max_size=32").  Defaults and bounds are those of the module.
 */


#include <string.h>

#include "sim.h"


typedef struct {
    const char  *name;
    unsigned   (*set)(sim_settings_t *settings, const char *value);
    const char  *wanted;
} sim_setter_t;


static unsigned sim_set_window(sim_settings_t *settings, const char *value);
static unsigned sim_set_concurrency(sim_settings_t *settings,
    const char *value);
static unsigned sim_set_slots(sim_settings_t *settings, const char *value);
static unsigned sim_set_min_size(sim_settings_t *settings, const char *value);
static unsigned sim_set_max_size(sim_settings_t *settings, const char *value);
static unsigned sim_set_max_tokens(sim_settings_t *settings,
    const char *value);
static unsigned sim_set_max_wait(sim_settings_t *settings, const char *value);
static unsigned sim_set_patience(sim_settings_t *settings, const char *value);
static unsigned sim_set_budget(sim_settings_t *settings, const char *value);
static unsigned sim_set_threshold(sim_settings_t *settings,
    const char *value);
static unsigned sim_set_tolerance(sim_settings_t *settings,
    const char *value);
static unsigned sim_set_tasks(sim_settings_t *settings, const char *value);
static unsigned sim_set_zone(sim_settings_t *settings, const char *value);
static unsigned sim_set_split(sim_settings_t *settings, const char *value);
static unsigned sim_set_nodes(sim_settings_t *settings, const char *value);
static unsigned sim_set_by(sim_settings_t *settings, const char *value);


static const sim_setter_t  sim_setters[] = {
    { "window", sim_set_window,
      "\"slot\", \"fixed\", \"rate=...r/s\", \"rate=...r/m\" or \"none\"" },
    { "concurrency", sim_set_concurrency,
      "a number up to 65535, or \"auto\" [\"max=number\"]" },
    { "max", sim_set_slots, "a number up to 65535" },
    { "min_size", sim_set_min_size, "1 to 2048" },
    { "max_size", sim_set_max_size, "1 to 2048" },
    { "max_tokens", sim_set_max_tokens, "a number" },
    { "max_wait", sim_set_max_wait, "a time up to an hour" },
    { "patience", sim_set_patience,
      "\"off\", or up to 100% [\",budget\"]" },
    { "latency_budget", sim_set_budget, "a time up to an hour" },
    { "latency_threshold", sim_set_threshold, "a time up to an hour" },
    { "latency_tolerance", sim_set_tolerance,
      "\"low\", \"medium\" or \"high\"" },
    { "tolerance", sim_set_tolerance, "\"low\", \"medium\" or \"high\"" },
    { "eligible_tasks", sim_set_tasks,
      "\"any\", or up to 64 names with commas in between" },
    { "zone", sim_set_zone, "a size from 1m to 4096m" },
    { "split", sim_set_split, "\"on\" [\"max=1 to 65535\"] or \"off\"" },
    { "nodes", sim_set_nodes, "1 to 1000" },
    { "by", sim_set_by, "\"random\" or \"key\"" }
};


#define SIM_NSETTERS  (sizeof(sim_setters) / sizeof(sim_setters[0]))
#define SIM_HOUR      3600000


void
sim_settings_init(sim_settings_t *settings)
{
    memset(settings, 0, sizeof(sim_settings_t));

    settings->window = SIM_WINDOW_SLOT;
    settings->automatic = 1;
    settings->concurrency = 16;
    settings->min_size = 2;
    settings->max_size = 32;
    settings->patience = 10;
    settings->max_wait = 500;
    settings->latency_threshold = 200;
    settings->tolerance = SIM_TOLERANCE_HIGH;
    settings->split = 64;
    settings->nodes = 1;
}


/* 0 if there is no such setting; else *problem tells what it has to be */

unsigned
sim_setting(sim_settings_t *settings, const char *name, const char *value,
    const char **problem)
{
    size_t  i, j;

    for (i = 0; i < SIM_NSETTERS; i++) {

        for (j = 0; sim_setters[i].name[j]; j++) {
            if (sim_setters[i].name[j] != (name[j] == '-' ? '_' : name[j])) {
                break;
            }
        }

        if (sim_setters[i].name[j] || name[j]) {
            continue;
        }

        *problem = NULL;

        if (!sim_setters[i].set(settings, value)) {
            *problem = sim_setters[i].wanted;
        }

        return 1;
    }

    return 0;
}


void
sim_settings_words(sim_settings_t *settings, const char *words)
{
    char        *word, *value;
    size_t       len;
    const char  *s, *problem;

    settings->name = words;

    for (s = words; *s; s += len) {
        s += strspn(s, " ");
        len = strcspn(s, " ");

        if (len == 0) {
            break;
        }

        word = sim_strdup(s, len);

        /* of a window the value is enough */

        if (sim_set_window(settings, word)) {
            continue;
        }

        value = strchr(word, '=');

        if (value == NULL) {
            sim_die(2, "--compare \"%s\": \"%s\" is no setting; the list of "
                    "settings ends at the next option, or at \"--\"", words,
                    word);
        }

        *value++ = '\0';

        if (!sim_setting(settings, word, value, &problem)) {
            sim_die(2, "--compare \"%s\": unknown setting \"%s\"", words,
                    word);
        }

        if (problem) {
            sim_die(2, "--compare \"%s\": \"%s\" must be %s, not \"%s\"",
                    words, word, problem, value);
        }
    }
}


const char *
sim_window_text(const sim_settings_t *settings, char *buf, size_t size)
{
    switch (settings->window) {

    case SIM_WINDOW_NONE:
        return "none";

    case SIM_WINDOW_SLOT:
        return "slot";

    case SIM_WINDOW_FIXED:
        return "fixed";

    default: /* SIM_WINDOW_RATE */
        snprintf(buf, size, "rate=%gr/s", settings->rate);
        return buf;
    }
}


static unsigned
sim_set_window(sim_settings_t *settings, const char *value)
{
    if (strcmp(value, "none") == 0) {
        settings->window = SIM_WINDOW_NONE;
        return 1;
    }

    if (strcmp(value, "slot") == 0) {
        settings->window = SIM_WINDOW_SLOT;
        return 1;
    }

    if (strcmp(value, "fixed") == 0) {
        settings->window = SIM_WINDOW_FIXED;
        return 1;
    }

    if (strncmp(value, "rate=", 5) == 0
        && sim_rate(value + 5, &settings->rate))
    {
        settings->window = SIM_WINDOW_RATE;
        return 1;
    }

    return 0;
}


static unsigned
sim_set_number(const char *value, uint64_t max, uint32_t *number)
{
    uint64_t  n;

    if (!sim_integer(value, 1, max, &n)) {
        return 0;
    }

    *number = (uint32_t) n;

    return 1;
}


static unsigned
sim_set_concurrency(sim_settings_t *settings, const char *value)
{
    settings->automatic = 0;

    if (strncmp(value, "auto", 4) != 0) {
        return sim_set_number(value, 65535, &settings->concurrency);
    }

    settings->automatic = 1;
    settings->concurrency = 16;
    value += 4;

    if (*value == '\0') {
        return 1;
    }

    value += strspn(value, " ");

    return strncmp(value, "max=", 4) == 0
           && sim_set_slots(settings, value + 4);
}


/* of "auto": in a setting that is compared a blank is the end of a word */

static unsigned
sim_set_slots(sim_settings_t *settings, const char *value)
{
    settings->automatic = 1;

    return sim_set_number(value, 65535, &settings->concurrency);
}


static unsigned
sim_set_min_size(sim_settings_t *settings, const char *value)
{
    return sim_set_number(value, 2048, &settings->min_size);
}


static unsigned
sim_set_max_size(sim_settings_t *settings, const char *value)
{
    return sim_set_number(value, 2048, &settings->max_size);
}


static unsigned
sim_set_max_tokens(sim_settings_t *settings, const char *value)
{
    return sim_integer(value, 0, 1000000000000, &settings->max_tokens);
}


static unsigned
sim_set_max_wait(sim_settings_t *settings, const char *value)
{
    return sim_time(value, SIM_HOUR, &settings->max_wait);
}


/* in a setting that is compared a blank is the end of a word */

static unsigned
sim_set_patience(sim_settings_t *settings, const char *value)
{
    char      number[8];
    size_t    len;
    uint64_t  n;

    settings->patience = 0;
    settings->spend = 0;

    if (strcmp(value, "off") == 0) {
        return 1;
    }

    len = strcspn(value, "%");

    if (value[len] == '\0' || len >= sizeof(number)) {
        return 0;
    }

    memcpy(number, value, len);
    number[len] = '\0';

    if (!sim_integer(number, 0, 100, &n)) {
        return 0;
    }

    settings->patience = (uint32_t) n;
    value += len + 1;

    if (*value == '\0') {
        return 1;
    }

    settings->spend = 1;

    return strcmp(value, ",budget") == 0 || strcmp(value, " budget") == 0;
}


static unsigned
sim_set_budget(sim_settings_t *settings, const char *value)
{
    return sim_time(value, SIM_HOUR, &settings->latency_budget);
}


static unsigned
sim_set_threshold(sim_settings_t *settings, const char *value)
{
    return sim_time(value, SIM_HOUR, &settings->latency_threshold);
}


static unsigned
sim_set_tolerance(sim_settings_t *settings, const char *value)
{
    return sim_tolerance(value, &settings->tolerance);
}


static unsigned
sim_set_tasks(sim_settings_t *settings, const char *value)
{
    size_t  len;

    settings->ntasks = 0;

    if (strcmp(value, "any") == 0) {
        return 1;
    }

    for ( ;; ) {
        len = strcspn(value, ", ");

        if (len == 0 || settings->ntasks == SIM_TASKS) {
            return 0;
        }

        settings->tasks[settings->ntasks++] = sim_strdup(value, len);
        value += len;

        if (*value == '\0') {
            return 1;
        }

        value++;
    }
}


static unsigned
sim_set_zone(sim_settings_t *settings, const char *value)
{
    return sim_size(value, 1024 * 1024, (uint64_t) 4096 * 1024 * 1024,
                    &settings->zone);
}


static unsigned
sim_set_split(sim_settings_t *settings, const char *value)
{
    settings->split = 0;

    if (strcmp(value, "off") == 0) {
        return 1;
    }

    if (strncmp(value, "on", 2) != 0) {
        return 0;
    }

    settings->split = 64;
    value += 2;

    if (*value == '\0') {
        return 1;
    }

    value += strspn(value, " ");

    return strncmp(value, "max=", 4) == 0
           && sim_set_number(value + 4, 65535, &settings->split);
}


static unsigned
sim_set_nodes(sim_settings_t *settings, const char *value)
{
    return sim_set_number(value, SIM_NODES, &settings->nodes);
}


static unsigned
sim_set_by(sim_settings_t *settings, const char *value)
{
    settings->by_key = strcmp(value, "key") == 0;

    return settings->by_key || strcmp(value, "random") == 0;
}
