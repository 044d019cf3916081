
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Bytes are moves of workers, see t/unit/sched_play.h.
 */


#include <stdlib.h>

#include "sched_play.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned     moves, merged;
    const char  *problem;

    problem = sched_play(data, size, &moves, &merged);

    if (problem) {
        fprintf(stderr, "move %u: %s\n", moves, problem);
        abort();
    }

    return 0;
}
