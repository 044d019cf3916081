
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The life of a held request (a member) and of an upstream call, written
 * once: every change of state goes through these tables.
 */


#ifndef _LLMB_STATES_H_INCLUDED_
#define _LLMB_STATES_H_INCLUDED_


#include "llmb.h"


#pragma GCC visibility push(hidden)


#define LLMB_MEMBER_STATES(x)                                                 \
    x(FREE,       "free")                                                     \
    x(WRITING,    "writing")      /* its items are being copied in */         \
    x(QUEUED,     "queued")       /* waits in its group */                    \
    x(CLAIMED,    "claimed")      /* is in a call, with others or alone */    \
    x(ANSWERED,   "answered")     /* its worker has to fetch the answer */    \
    x(ABANDONED,  "abandoned")    /* client gone, its call needs the text */


#define LLMB_MEMBER_EVENTS(x)                                                 \
    x(RESERVE,    "reserve")                                                  \
    x(JOIN,       "join")                                                     \
    x(CLAIM,      "claim")                                                    \
    x(REQUEUE,    "requeue")                                                  \
    x(ANSWER,     "answer")                                                   \
    x(REFUSE,     "refuse")       /* by us, as its upstream is busy */        \
    x(LEAVE,      "leave")        /* done, or the client is gone */           \
    x(DROP,       "drop")


/* from, event, to */

#define LLMB_MEMBER_TRANSITIONS(x)                                            \
    x(FREE,       RESERVE,    WRITING)                                        \
    x(WRITING,    JOIN,       QUEUED)                                         \
    x(WRITING,    LEAVE,      FREE)                                           \
    x(QUEUED,     CLAIM,      CLAIMED)                                        \
    x(QUEUED,     REFUSE,     ANSWERED)                                       \
    x(QUEUED,     LEAVE,      FREE)                                           \
    x(CLAIMED,    REQUEUE,    QUEUED)                                         \
    x(CLAIMED,    ANSWER,     ANSWERED)                                       \
    x(CLAIMED,    LEAVE,      ABANDONED)                                      \
    x(ANSWERED,   LEAVE,      FREE)                                           \
    x(ABANDONED,  DROP,       FREE)


#define LLMB_CALL_STATES(x)                                                   \
    x(FREE,       "free")                                                     \
    x(SEALED,     "sealed")       /* its worker has to send it */             \
    x(SENT,       "sent")                                                     \
    x(LOST,       "lost")         /* its worker stands still, nobody waits */


#define LLMB_CALL_EVENTS(x)                                                   \
    x(SEAL,       "seal")                                                     \
    x(SEND,       "send")                                                     \
    x(RETURN,     "return")       /* came back, has to be sent again */       \
    x(LOSE,       "lose")                                                     \
    x(FIND,       "find")         /* its worker goes on */                    \
    x(END,        "end")


#define LLMB_CALL_TRANSITIONS(x)                                              \
    x(FREE,       SEAL,       SEALED)                                         \
    x(SEALED,     SEND,       SENT)                                           \
    x(SEALED,     LOSE,       LOST)                                           \
    x(SEALED,     END,        FREE)                                           \
    x(SENT,       RETURN,     SEALED)                                         \
    x(SENT,       LOSE,       LOST)                                           \
    x(SENT,       END,        FREE)                                           \
    x(LOST,       FIND,       SEALED)                                         \
    x(LOST,       END,        FREE)


#define llmb_member_state_enum(name, text)  LLMB_MEMBER_##name,
#define llmb_member_event_enum(name, text)  LLMB_MEMBER_DO_##name,
#define llmb_call_state_enum(name, text)    LLMB_CALL_##name,
#define llmb_call_event_enum(name, text)    LLMB_CALL_DO_##name,

typedef enum {
    LLMB_MEMBER_STATES(llmb_member_state_enum)
    LLMB_MEMBER_NSTATES
} llmb_member_state_e;

typedef enum {
    LLMB_MEMBER_EVENTS(llmb_member_event_enum)
    LLMB_MEMBER_NEVENTS
} llmb_member_event_e;

typedef enum {
    LLMB_CALL_STATES(llmb_call_state_enum)
    LLMB_CALL_NSTATES
} llmb_call_state_e;

typedef enum {
    LLMB_CALL_EVENTS(llmb_call_event_enum)
    LLMB_CALL_NEVENTS
} llmb_call_event_e;

#undef llmb_member_state_enum
#undef llmb_member_event_enum
#undef llmb_call_state_enum
#undef llmb_call_event_enum


/*
 * Performs the transition on *state and returns LLMB_OK; an event that the
 * table does not know in this state leaves it alone and is LLMB_INVALID.
 */
llmb_rc_e llmb_member_step(uint8_t *state, llmb_member_event_e event);
llmb_rc_e llmb_call_step(uint8_t *state, llmb_call_event_e event);

extern const llmb_str_t  llmb_member_state_names[LLMB_MEMBER_NSTATES];
extern const llmb_str_t  llmb_call_state_names[LLMB_CALL_NSTATES];


#pragma GCC visibility pop


#endif /* _LLMB_STATES_H_INCLUDED_ */
