
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * How far the token estimate is off for a model, learned from what the
 * upstream has counted.
 */


#ifndef _LLMB_CALIBRATE_H_INCLUDED_
#define _LLMB_CALIBRATE_H_INCLUDED_


#include "llmb.h"


#pragma GCC visibility push(hidden)


/* ratios are in units of 1/4096 */

#define LLMB_CALIBRATE_ONE   4096

/* beyond it the upstream counts something else than tokens */

#define LLMB_CALIBRATE_MAX   4


/* zeros: nothing is known, the ratio is 1 */

typedef struct {
    uint64_t         estimate;    /* of the latest calls, older ones less */
    uint64_t         actual;
} llmb_calibration_t;


/*
 * A call of which so many tokens were estimated and counted; neither may be
 * 0.  The latest 16 calls or so matter, by their size: what long texts are
 * like is what limits are about.  The first ones count less.
 */
void llmb_calibrate_learn(llmb_calibration_t *c, uint64_t estimate,
    uint64_t actual);

/* actual / estimate, 1/4 to 4 */
uint32_t llmb_calibrate_ratio(const llmb_calibration_t *c);

/* what the upstream will probably count; at least 1 if the estimate is */
uint64_t llmb_calibrate(const llmb_calibration_t *c, uint64_t estimate);

/* the estimate that corresponds to a limit; not 0 if the limit is not */
uint64_t llmb_calibrate_limit(const llmb_calibration_t *c, uint64_t limit);


#pragma GCC visibility pop


#endif /* _LLMB_CALIBRATE_H_INCLUDED_ */
