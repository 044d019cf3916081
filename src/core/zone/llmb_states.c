
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include "llmb_states.h"


/* the state to go to, plus one; zero marks an event that is not allowed */

#define llmb_member_row(from, event, to)                                      \
    [LLMB_MEMBER_##from][LLMB_MEMBER_DO_##event] = LLMB_MEMBER_##to + 1,

#define llmb_call_row(from, event, to)                                        \
    [LLMB_CALL_##from][LLMB_CALL_DO_##event] = LLMB_CALL_##to + 1,

#define llmb_state_name(name, text)  llmb_string(text),


static const uint8_t  llmb_member_table[LLMB_MEMBER_NSTATES]
                                       [LLMB_MEMBER_NEVENTS] = {
    LLMB_MEMBER_TRANSITIONS(llmb_member_row)
};


static const uint8_t  llmb_call_table[LLMB_CALL_NSTATES][LLMB_CALL_NEVENTS] = {
    LLMB_CALL_TRANSITIONS(llmb_call_row)
};


const llmb_str_t  llmb_member_state_names[LLMB_MEMBER_NSTATES] = {
    LLMB_MEMBER_STATES(llmb_state_name)
};


const llmb_str_t  llmb_call_state_names[LLMB_CALL_NSTATES] = {
    LLMB_CALL_STATES(llmb_state_name)
};


llmb_rc_e
llmb_member_step(uint8_t *state, llmb_member_event_e event)
{
    uint8_t  to;

    to = llmb_member_table[*state][event];

    if (to == 0) {
        return LLMB_INVALID;
    }

    *state = (uint8_t) (to - 1);

    return LLMB_OK;
}


llmb_rc_e
llmb_call_step(uint8_t *state, llmb_call_event_e event)
{
    uint8_t  to;

    to = llmb_call_table[*state][event];

    if (to == 0) {
        return LLMB_INVALID;
    }

    *state = (uint8_t) (to - 1);

    return LLMB_OK;
}
