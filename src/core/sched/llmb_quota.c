
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include "llmb_quota.h"


#define LLMB_QUOTA_SECOND   1000000

/* the share of the rate that was too much that is sent from then on */

#define LLMB_QUOTA_LESS     0.9

/* what is sent of a rate that was found before, if that is too much, too; and
   by how much it becomes less, at most */

#define LLMB_QUOTA_AGAIN    0.8
#define LLMB_QUOTA_LEAST    4

/* answers of which there is a rate */

#define LLMB_QUOTA_FEW      10

/* us for which it is kept at first, and at most; then how often, and by how
   much, it is raised */

#define LLMB_QUOTA_KEPT     60000000
#define LLMB_QUOTA_LONGEST  480000000
#define LLMB_QUOTA_STEP     10000000
#define LLMB_QUOTA_MORE     1.05f

/* us, from when it is raised, after which it is forgotten */

#define LLMB_QUOTA_FORGOT   240000000

/* ms; a limit of which one has to wait so long is not by the second */

#define LLMB_QUOTA_LONG     5000

/* us; between two calls at most; and what may be spent at once */

#define LLMB_QUOTA_MOST     10000000
#define LLMB_QUOTA_BURST    100000


static unsigned llmb_quota_is_known(const llmb_quota_t *q, uint64_t now);
static double llmb_quota_found(const llmb_quota_t *q, uint64_t now);
static double llmb_quota_again(const llmb_quota_t *q, uint64_t retry,
    uint64_t now);
static double llmb_quota_mean(const llmb_quota_t *q, uint64_t now);


void
llmb_quota_answered(llmb_quota_t *q, uint64_t now)
{
    if (now >= q->second + LLMB_QUOTA_SECOND) {
        q->before = now < q->second + 2 * LLMB_QUOTA_SECOND ? q->calls : 0;
        q->calls = 0;
        q->second = now;
    }

    q->calls++;
    q->all++;
}


/* once for all calls that were in flight together */

void
llmb_quota_exceeded(llmb_quota_t *q, uint64_t sent, uint64_t retry,
    uint64_t now)
{
    double    rate;
    unsigned  known;

    if (q->limited && sent < q->limited) {
        return;
    }

    known = llmb_quota_is_known(q, now);

    rate = known ? llmb_quota_again(q, retry, now)
                 : llmb_quota_found(q, now);

    q->kept = known ? llmb_min(q->kept * 2, LLMB_QUOTA_LONGEST)
                    : LLMB_QUOTA_KEPT;

    q->limited = now;
    q->raised = now + q->kept;

    if (rate > 0) {
        q->interval = (float) llmb_min(1e6 / rate, LLMB_QUOTA_MOST);
        q->first = known ? q->first : q->interval;
        q->next = llmb_max(q->next, now);
    }

    if (rate > 0 || q->since == 0 || now > q->since + LLMB_QUOTA_FORGOT) {
        q->since = now;
        q->all = 0;
    }
}


/* calls in a second that are not too many; 0: there is no telling */

static double
llmb_quota_found(const llmb_quota_t *q, uint64_t now)
{
    double  rate;

    rate = llmb_max(q->calls, q->before);

    if (rate >= LLMB_QUOTA_FEW) {
        return rate * LLMB_QUOTA_LESS;
    }

    if (q->since == 0 || q->all < LLMB_QUOTA_FEW) {
        return 0;
    }

    return llmb_quota_mean(q, now);
}


/* the same of a rate that was found before */

static double
llmb_quota_again(const llmb_quota_t *q, uint64_t retry, uint64_t now)
{
    double  rate;

    rate = 1e6 / (double) q->interval * LLMB_QUOTA_AGAIN;

    if (retry >= LLMB_QUOTA_LONG) {
        return llmb_min(rate, llmb_quota_mean(q, now));
    }

    return llmb_max(rate, 1e6 / (double) q->first / LLMB_QUOTA_LEAST);
}


static double
llmb_quota_mean(const llmb_quota_t *q, uint64_t now)
{
    double  time;

    time = now > q->since ? (double) (now - q->since) : 0;

    return q->all * LLMB_QUOTA_LESS * 1e6 / llmb_max(time, LLMB_QUOTA_SECOND);
}


static unsigned
llmb_quota_is_known(const llmb_quota_t *q, uint64_t now)
{
    return q->interval > 0 && now < q->limited + q->kept + LLMB_QUOTA_FORGOT;
}


void
llmb_quota_spend(llmb_quota_t *q, uint64_t now)
{
    if (!llmb_quota_is_known(q, now)) {
        q->interval = 0;
        return;
    }

    if (now >= q->raised) {
        q->interval /= LLMB_QUOTA_MORE;
        q->raised = now + LLMB_QUOTA_STEP;
    }

    q->next = llmb_max(q->next, now - llmb_min(now, LLMB_QUOTA_BURST));
    q->next += (uint64_t) q->interval;

    /* what was sent at deadlines is not owed for ever */

    q->next = llmb_min(q->next, now + (uint64_t) q->interval
                                + LLMB_QUOTA_SECOND);
}


uint64_t
llmb_quota_until(const llmb_quota_t *q, uint64_t now)
{
    return llmb_quota_is_known(q, now) ? q->next : 0;
}


double
llmb_quota_rate(const llmb_quota_t *q, uint64_t now)
{
    return llmb_quota_is_known(q, now) ? 1e6 / (double) q->interval : 0;
}
