
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Plays a game with the scheduler: each byte is a move of one of several
 * workers, and after each move all that has to hold is looked at.  Workers
 * die, inside the lock and outside, and their clocks differ.  What the workers
 * know of the tables is kept beside them, as in their own processes.
 */


#ifndef _SCHED_PLAY_H_INCLUDED_
#define _SCHED_PLAY_H_INCLUDED_


#include "llmb_sched_parts.h"
#include "sched_check.h"


#define PLAY_WORKERS  4
#define PLAY_GROUPS   10
#define PLAY_SKEW     5           /* ms between two clocks, at most */


typedef enum {
    PLAY_NONE = 0,
    PLAY_WRITING,
    PLAY_HELD,                    /* somebody's task: queued or in a call */
    PLAY_ANSWER,                  /* was told to fetch its answer */
    PLAY_GONE                     /* is under way alone */
} play_phase_e;


typedef struct {
    play_phase_e     phase;
    uint32_t         worker;
    uint32_t         gen;
    uint64_t         timer;
    unsigned         counted;     /* its call was, among the probes */
} play_member_t;


typedef struct {
    unsigned         held;        /* 1: from the mail, 2: sent */
    uint32_t         worker;
    uint32_t         gen;
} play_call_t;


typedef struct {
    unsigned         dead;
    unsigned         rung;
    uint64_t         later;       /* its timer for calls to be sent later */
    uint64_t         epoch;
} play_worker_t;


typedef struct {
    llmb_zone_t     *z;
    uint64_t         now;
    const uint8_t   *p;
    const uint8_t   *end;

    play_worker_t    workers[PLAY_WORKERS];
    play_member_t   *members;
    play_call_t     *calls;
    uint64_t        *probes;      /* by group: when the last one was sent */
    unsigned         resets;
    unsigned         merged;      /* members sent in calls */
} play_t;


/* the n-th group, which is made if there is none; or LLMB_NIL */
uint32_t play_group(play_t *play, unsigned n);

/* NULL, or what is wrong; with all of it, with a probe that left just then */
const char *play_check(play_t *play);
const char *play_check_probe(play_t *play, uint32_t group, unsigned close,
    uint64_t at);

/*
 * Plays the bytes and then to the end.  NULL, or what went wrong in the move
 * counted last; *merged is how many members were sent in calls.
 */
const char *sched_play(const uint8_t *data, size_t size, unsigned *moves,
    unsigned *merged);


#endif /* _SCHED_PLAY_H_INCLUDED_ */
