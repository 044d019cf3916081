
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The values of options and settings, and what to do where there is no use in
 * going on.
 */


#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sim.h"


void
sim_die(int code, const char *format, ...)
{
    int      len;
    char    *text;
    va_list  args;

    va_start(args, format);
    len = vsnprintf(NULL, 0, format, args);
    va_end(args);

    text = malloc((size_t) llmb_max(len, 0) + 1);

    fflush(stdout);
    fprintf(stderr, "llm-batch-sim: ");

    if (text && len >= 0) {
        va_start(args, format);
        (void) vsnprintf(text, (size_t) len + 1, format, args);
        va_end(args);

        sim_print(stderr, text, 0);
    }

    fprintf(stderr, "\n");

    exit(code);
}


void
sim_print(FILE *out, const char *text, int width)
{
    int                   n;
    const unsigned char  *p;

    n = 0;

    for (p = (const unsigned char *) text; *p; p++) {

        if (*p < ' ' || *p == 0x7f
            || (*p == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f))
        {
            n += fprintf(out, "\\x%02x", *p);

            if (*p == 0xc2) {
                n += fprintf(out, "\\x%02x", *++p);
            }

        } else {
            fputc(*p, out);
            n++;
        }
    }

    for ( /* void */ ; n < width; n++) {
        fputc(' ', out);
    }
}


void *
sim_realloc(void *p, size_t n, size_t size)
{
    p = realloc(p, n * size + 1);

    if (p == NULL) {
        sim_die(1, "out of memory");
    }

    return p;
}


char *
sim_strdup(const char *s, size_t len)
{
    char  *p;

    p = sim_realloc(NULL, len + 1, 1);
    memcpy(p, s, len);
    p[len] = '\0';

    return p;
}


/* a number without sign; *end is what follows */

static unsigned
sim_leading(const char *s, double *value, char **end)
{
    /* strtod() takes much that is no number to us */

    if (!isdigit((unsigned char) *s) && *s != '.') {
        return 0;
    }

    if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) {
        return 0;
    }

    *value = strtod(s, end);

    return *end != s && isfinite(*value);
}


unsigned
sim_number(const char *s, double min, double max, double *value)
{
    char  *end;

    return sim_leading(s, value, &end) && *end == '\0'
           && *value >= min && *value <= max;
}


unsigned
sim_integer(const char *s, uint64_t min, uint64_t max, uint64_t *value)
{
    double  x;

    if (strspn(s, "0123456789") != strlen(s) || !sim_number(s, 0, 1e15, &x)) {
        return 0;
    }

    *value = (uint64_t) x;

    return *value >= min && *value <= max;
}


/* a bare number is ms */

unsigned
sim_time(const char *s, uint64_t max, uint64_t *ms)
{
    char    *end;
    double   x;

    if (!sim_leading(s, &x, &end)) {
        return 0;
    }

    if (strcmp(end, "s") == 0) {
        x *= 1000;

    } else if (strcmp(end, "m") == 0) {
        x *= 60000;

    } else if (*end != '\0' && strcmp(end, "ms") != 0) {
        return 0;
    }

    if (x != floor(x) || x > (double) max) {
        return 0;
    }

    *ms = (uint64_t) x;

    return 1;
}


unsigned
sim_size(const char *s, uint64_t min, uint64_t max, uint64_t *bytes)
{
    char    *end;
    double   x;

    if (!sim_leading(s, &x, &end)) {
        return 0;
    }

    if (strcmp(end, "k") == 0 || strcmp(end, "K") == 0) {
        x *= 1024;

    } else if (strcmp(end, "m") == 0 || strcmp(end, "M") == 0) {
        x *= 1024 * 1024;

    } else if (*end != '\0') {
        return 0;
    }

    if (x < (double) min || x > (double) max) {
        return 0;
    }

    *bytes = (uint64_t) x;

    return 1;
}


unsigned
sim_share(const char *s, double *share)
{
    char  *end;

    if (!sim_leading(s, share, &end) || strcmp(end, "%") != 0) {
        return 0;
    }

    *share /= 100;

    return *share <= 1;
}


unsigned
sim_rate(const char *s, double *per_second)
{
    char  *end;

    if (!sim_leading(s, per_second, &end)) {
        return 0;
    }

    if (strcmp(end, "r/m") == 0) {
        *per_second /= 60;

    } else if (strcmp(end, "r/s") != 0) {
        return 0;
    }

    return *per_second > 0 && *per_second <= 1e6;
}


/* "3.15+0.62n", "180 + 0.6*n + 0.01*t": ms, for n items and t tokens */

unsigned
sim_cost(const char *s, sim_cost_t *cost)
{
    char    *end;
    double   x, *where, *seen[3];
    size_t   i, n;

    n = 0;
    cost->fixed = 0;
    cost->each = 0;
    cost->token = 0;

    for ( ;; ) {
        s += strspn(s, " ");

        if (!sim_leading(s, &x, &end) || x > 1e7) {
            return 0;
        }

        s = end + strspn(end, " *");

        where = *s == 'n' ? &cost->each
                : *s == 't' ? &cost->token : &cost->fixed;

        if (where == &cost->fixed) {

            if (memchr(end, '*', (size_t) (s - end))) {
                return 0;
            }

        } else {
            s++;
        }

        for (i = 0; i < n; i++) {
            if (seen[i] == where) {
                return 0;
            }
        }

        seen[n++] = where;
        *where = x * 1000;

        s += strspn(s, " ");

        if (*s == '\0') {
            return 1;
        }

        if (*s++ != '+') {
            return 0;
        }
    }
}


unsigned
sim_tolerance(const char *s, sim_tolerance_e *tolerance)
{
    *tolerance = strcasecmp(s, "low") == 0 ? SIM_TOLERANCE_LOW
                 : strcasecmp(s, "medium") == 0 ? SIM_TOLERANCE_MEDIUM
                 : strcasecmp(s, "high") == 0 ? SIM_TOLERANCE_HIGH
                 : SIM_TOLERANCE_UNSET;

    return *tolerance != SIM_TOLERANCE_UNSET;
}
