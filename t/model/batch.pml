/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The life of members and calls among workers that die.  Each locked section
 * of src/core/llmb_sched*.c is one atomic step.  See README.md for what is left
 * out.  The states are those of src/core/zone/llmb_states.h, see states.in.
 */

/* pan: -w24 */

#include "states.pml"

#ifndef WORKERS
#define WORKERS  2
#endif

#ifndef MEMBERS
#define MEMBERS  3
#endif

#ifndef CALLS
#define CALLS    2
#endif

#ifndef MAX
#define MAX      3              /* members in a call */
#endif

#define SLOTS    1
#define NIL      255

#define owner(i)  ((i) % WORKERS)


/* the tables */

mtype m[MEMBERS];
bit   mailed[MEMBERS];
bit   slot[MEMBERS];
byte  in_call[MEMBERS];
byte  place[MEMBERS];           /* index of the result */
byte  answer[MEMBERS];          /* whose answer its chunks hold */

mtype c[CALLS];
byte  sender[CALLS];
bit   posted[CALLS];
bit   tried[CALLS];
byte  body[CALLS * MEMBERS];    /* whose text is where in it */

byte  inflight;
bit   paused;
bit   epoch;
bit   settled = 1;
bit   bell[WORKERS];

/* what the workers know */

mtype = { AWAY, HELD, TOLD_ANSWER, TOLD_ALONE, GONE, SERVED };

mtype client[MEMBERS];
byte  outcomes[MEMBERS];
mtype call_at[CALLS];           /* what a worker does with it */
byte  holder[CALLS];            /* which one */
bit   dead[WORKERS];
bit   knows[WORKERS];           /* the epoch */

mtype = { TO_SEND, UNDER_WAY, ANSWERING };

/* of one step only */

hidden byte  i, j, k, n, first, queued, found, count, other;

/* how much may still go wrong */

byte  deaths = 1;
byte  deaf = 1;
byte  pauses = 1;
byte  leavers = 1;              /* who do not wait */


inline ring(w)
{
    if
    :: dead[w]
    :: else -> bell[w] = 1
    fi
}


inline mail_member(i)
{
    mailed[i] = 1;

    if
    :: deaf > 0 -> deaf--
    :: ring(owner(i))
    fi
}


inline mail_call(k, w)
{
    sender[k] = w;
    posted[k] = 1;
    ring(w)
}


inline serve(i)
{
    outcomes[i]++;
    assert(outcomes[i] == 1);
    client[i] = SERVED
}


/* the oldest in the queue, and how many there are */

inline look_at_queue()
{
    first = NIL;
    queued = 0;

    for (j : 0 .. MEMBERS - 1) {
        if
        :: m[j] == M_QUEUED ->
            first = (first == NIL -> j : first);
            queued++
        :: else
        fi
    }
}


/* somebody is asked to look after the queue */

inline attend()
{
    look_at_queue();

    if
    :: queued > 0 && (paused || inflight < SLOTS) -> mail_member(first)
    :: else
    fi;

    first = NIL;
    queued = 0
}


inline single(i)
{
    member_step(m[i], M_DO_RELEASE);
    mailed[i] = 0;
    slot[i] = 1;
    inflight++;
    mail_member(i)
}


/* it cannot wait for the end of a pause: a 429, as good as its own answer */

inline refuse(i)
{
    member_step(m[i], M_DO_REFUSE);
    mailed[i] = 0;
    answer[i] = i;
    mail_member(i)
}


/* the oldest up to MAX, or with a lender that is not among them, as the last */

inline seal(w, lender)
{
    k = NIL;

    for (j : 0 .. CALLS - 1) {
        if
        :: c[j] == C_FREE && k == NIL -> k = j
        :: else
        fi
    }

    if
    :: k == NIL -> single(first)
    :: else ->
        call_step(c[k], C_DO_SEAL);
        tried[k] = 0;
        n = MAX - (found == lender && lender != NIL -> 1 : 0);

        for (j : 0 .. MEMBERS - 1) {
            if
            :: m[j] == M_QUEUED && (n > 0 || j == found) ->
                n = (j == found && found == lender -> n : n - 1);
                member_step(m[j], M_DO_CLAIM);
                mailed[j] = 0;
                in_call[j] = k
            :: else
            fi
        }

        inflight++;
        mail_call(k, w)
    fi;

    k = NIL;
    n = 0
}


#define may_send             (inflight < SLOTS && !paused)
#define is_due(lender, due)  (due && lender != NIL && m[lender] == M_QUEUED)


inline flush(w, lender, due)
{
    do
    :: true ->
        look_at_queue();

        if
        :: queued == 0 || !(may_send || is_due(lender, due)) -> break
        :: paused && is_due(lender, due) ->
            /* a probe has just been sent */
            refuse(lender);
            break
        :: else
        fi;

        found = NIL;
        n = 0;

        for (j : 0 .. MEMBERS - 1) {
            if
            :: m[j] == M_QUEUED && n < MAX ->
                n++;
                found = (owner(j) == w && found == NIL -> j : found)
            :: else
            fi
        }

        found = (found == NIL && is_due(lender, true) -> lender : found);
        n = 0;

        if
        :: queued == 1 -> single(first)
        :: queued > 1 && found != NIL -> seal(w, lender)
        :: else -> mail_member(first); break
        fi
    od;

    first = NIL;
    queued = 0;
    found = NIL;
    n = 0
}


inline forget(i)
{
    slot[i] = 0;
    mailed[i] = 0;
    in_call[i] = NIL;
    place[i] = 0;
    answer[i] = NIL
}


/* the client is gone, or has got what it came for */

inline leave(i)
{
    if
    :: m[i] == M_QUEUED ->
        member_step(m[i], M_DO_LEAVE);
        attend();
        forget(i)
    :: m[i] == M_CLAIMED ->
        member_step(m[i], M_DO_LEAVE)
    :: else ->
        member_step(m[i], M_DO_LEAVE);

        if
        :: slot[i] ->
            inflight--;
            forget(i);
            flush(owner(i), NIL, false)
        :: else -> forget(i)
        fi
    fi
}


inline drop(k)
{
    count = 0;

    for (i : 0 .. MEMBERS - 1) {
        if
        :: in_call[i] == k && m[i] == M_ABANDONED ->
            member_step(m[i], M_DO_DROP);
            forget(i)
        :: in_call[i] == k && m[i] == M_CLAIMED -> count++
        :: else
        fi
    }
}


inline release(i)
{
    if
    :: m[i] == M_ABANDONED ->
        member_step(m[i], M_DO_DROP);
        forget(i)
    :: else ->
        in_call[i] = NIL;
        single(i)
    fi
}


inline release_all(k)
{
    for (i : 0 .. MEMBERS - 1) {
        if
        :: in_call[i] == k -> release(i)
        :: else
        fi
    }
}


inline end_call(k)
{
    release_all(k);
    call_step(c[k], C_DO_END);
    inflight--;
    call_at[k] = NOTHING;
    sender[k] = 0
}


/* a sealed call goes to who has a member of it, or comes to an end */

inline place_call(k, w)
{
    drop(k);
    call_at[k] = NOTHING;

    if
    :: count < 2 ->
        release_all(k);
        call_step(c[k], C_DO_END);
        inflight--;
        sender[k] = 0;
        attend()
    :: else ->
        found = NIL;

        for (i : 0 .. MEMBERS - 1) {
            if
            :: in_call[i] == k && (found == NIL || owner(i) == w) ->
                found = owner(i)
            :: else
            fi
        }

        mail_call(k, found);
        found = NIL
    fi;

    count = 0
}


inline send(k, w)
{
    drop(k);
    found = NIL;

    for (i : 0 .. MEMBERS - 1) {
        if
        :: in_call[i] == k && owner(i) == w -> found = i
        :: else
        fi
    }

    if
    :: count < 2 || found == NIL ->
        found = NIL;
        place_call(k, w)
    :: else ->
        call_step(c[k], C_DO_SEND);
        call_at[k] = UNDER_WAY;
        n = 0;

        for (i : 0 .. MEMBERS - 1) {
            if
            :: in_call[i] == k ->
#ifdef FAULT_INDEX
                /* a planted error: everybody is the first */
#else
                place[i] = n;
#endif
                body[k * MEMBERS + n] = i;
                n++
            :: else
            fi
        }
    fi;

    found = NIL;
    count = 0;
    n = 0
}


inline take_mail(w)
{
    bell[w] = 0;

    for (k : 0 .. CALLS - 1) {
        if
        :: posted[k] && sender[k] == w ->
            assert(c[k] == C_SEALED);
            posted[k] = 0;
            holder[k] = w;
            call_at[k] = TO_SEND
        :: else
        fi
    }

    k = NIL;

    for (i : 0 .. MEMBERS - 1) {
        if
        :: mailed[i] && owner(i) == w ->
            mailed[i] = 0;
            assert(client[i] == HELD);

            if
            :: m[i] == M_ANSWERED -> client[i] = TOLD_ANSWER
            :: m[i] == M_RELEASED -> client[i] = TOLD_ALONE
            :: m[i] == M_QUEUED -> flush(w, i, false)
            :: else -> assert(false)
            fi
        :: else
        fi
    }
}


/* the halves of a call: all but the last one stay */

inline halve(k, w)
{
    drop(k);
    n = NIL;

    for (j : 0 .. CALLS - 1) {
        if
        :: c[j] == C_FREE -> n = j
        :: else
        fi
    }

    call_step(c[k], C_DO_RETURN);

    if
    :: count < 2 || n == NIL ->
        release_all(k);
        place_call(k, w)
    :: else ->
        call_step(c[n], C_DO_SEAL);
        tried[n] = 1;
        tried[k] = 1;
        found = NIL;

        for (i : 0 .. MEMBERS - 1) {
            found = (in_call[i] == k -> i : found)
        }

        in_call[found] = n;
        inflight++;
        other = n;
        place_call(k, w);
        k = other;
        place_call(k, w)
    fi;

    n = 0;
    found = NIL;
    count = 0
}


/* those who can wait go back, and those in the queue who cannot are refused */

inline pause(k)
{
    paused = 1;
    pauses--;

    for (i : 0 .. MEMBERS - 1) {
        if
        :: m[i] == M_QUEUED ->
            if
            :: refuse(i)
            :: true
            fi
        :: in_call[i] == k && m[i] == M_CLAIMED ->
            if
            :: member_step(m[i], M_DO_REQUEUE);
               in_call[i] = NIL;
               mail_member(i)
            :: true
            fi
        :: else
        fi
    }

    attend()
}


inline reap(w)
{
    for (i : 0 .. MEMBERS - 1) {
        if
        :: owner(i) == w && m[i] != M_FREE && m[i] != M_ABANDONED ->
            member_step(m[i], M_DO_LEAVE);
            inflight = inflight - slot[i];

            if
            :: m[i] == M_FREE -> forget(i)
            :: else
            fi
        :: else
        fi
    }

#ifdef FAULT_REAP
    /* a planted error: the members of its calls stay claimed */
#else
    for (k : 0 .. CALLS - 1) {
        if
        :: c[k] != C_FREE && sender[k] == w ->
            posted[k] = 0;
            end_call(k)
        :: else
        fi
    }
#endif

    k = NIL;
    bell[w] = 0;
    attend()
}


/* everything is empty, and nobody gets chunks until all know */

inline reset(w)
{
    for (i : 0 .. MEMBERS - 1) {
        m[i] = M_FREE;
        forget(i)
    }

    for (k : 0 .. CALLS - 1) {
        c[k] = C_FREE;
        posted[k] = 0;
        sender[k] = 0;
        tried[k] = 0
    }

    k = NIL;
    inflight = 0;
    paused = 0;
    epoch = 1 - epoch;
    settled = 0;

    for (j : 0 .. WORKERS - 1) {
        bell[j] = 0;
        ring(j)
    }
}


inline settle(w)
{
    knows[w] = epoch;
    settled = 1;

    for (j : 0 .. WORKERS - 1) {
        settled = (knows[j] == epoch -> settled : 0)
    }
}


inline die(w)
{
    dead[w] = 1;
    bell[w] = 0;
    deaths--;

    for (i : 0 .. MEMBERS - 1) {
        if
        :: owner(i) == w && client[i] != SERVED && client[i] != AWAY ->
            serve(i)
        :: else
        fi
    }

    for (k : 0 .. CALLS - 1) {
        if
        :: call_at[k] != NOTHING && holder[k] == w -> call_at[k] = NOTHING
        :: else
        fi
    }
}


#define is_served(i)  (client[i] == SERVED)

#if MEMBERS == 3
#define all_served    (is_served(0) && is_served(1) && is_served(2))
#else
#define all_served    (is_served(0) && is_served(1) && is_served(2)           \
                       && is_served(3))
#endif

#define here          (!dead[w] && knows[w] == epoch)
#define mine(i)       (owner(i) == w && here)
#define my_call(k, s) (call_at[k] == s && !dead[holder[k]] &&                \
                       knows[holder[k]] == epoch)



/* the steps that a worker may take about a member */

proctype client_of(byte x)
{
    byte  w = owner(x);
end_member:
    do
    :: atomic {
        mine(x) && client[x] == AWAY && settled ->
        member_step(m[x], M_DO_RESERVE);
        client[x] = HELD
    }

    :: atomic {
        /* the tables are not to be had: it goes its own way */
        mine(x) && client[x] == AWAY && !settled ->
        serve(x)
    }

    :: atomic {
        mine(x) && client[x] == HELD && m[x] == M_WRITING ->
        member_step(m[x], M_DO_JOIN);

        if
        :: !paused && inflight < SLOTS -> mail_member(x)
        :: paused -> refuse(x)
        :: paused -> mail_member(x)
        :: else
        fi
    }

    /* its deadline */

    :: atomic {
        mine(x) && client[x] == HELD && m[x] == M_QUEUED ->
        flush(w, x, true);
        assert(m[x] != M_QUEUED)
    }

    /* its timer looks for a ring that was lost */

    :: atomic {
        mine(x) && client[x] == HELD && mailed[x] ->
        take_mail(w)
    }

    :: atomic {
        mine(x) && client[x] == TOLD_ANSWER ->
        assert(m[x] == M_ANSWERED);
        assert(answer[x] == x);
        leave(x);
        serve(x)
    }

    :: atomic {
        mine(x) && client[x] == TOLD_ALONE ->
        member_step(m[x], M_DO_GO);
        client[x] = GONE
    }

    :: atomic {
        mine(x) && client[x] == GONE ->
        leave(x);
        serve(x)
    }

    /* the client does not wait */

    :: atomic {
        mine(x) && client[x] != AWAY && client[x] != SERVED && leavers > 0 ->
        leavers--;
        leave(x);
        serve(x)
    }

    :: client[x] == SERVED && m[x] == M_FREE -> break
    od
}


/* and about a call */

proctype call_of(byte x)
{
    byte  w;

end_calls:
    do
    :: atomic {
        my_call(x, TO_SEND) ->
        w = holder[x];
        k = x;
        send(k, w);
        k = NIL;
        w = 0
    }

    /* what the upstream may say */

    :: atomic {
        my_call(x, UNDER_WAY) ->
        w = holder[x];
        call_at[x] = ANSWERING;
        w = 0
    }

    :: atomic {
        my_call(x, UNDER_WAY) && !tried[x] ->
        w = holder[x];
        call_step(c[x], C_DO_RETURN);
        tried[x] = 1;
        k = x;
        place_call(k, w);
        k = NIL;
        w = 0
    }

    :: atomic {
        my_call(x, UNDER_WAY) && !tried[x] ->
        w = holder[x];
        k = x;
        halve(k, w);
        k = NIL;
        w = 0
    }

    :: atomic {
        my_call(x, UNDER_WAY) && pauses > 0 ->
        w = holder[x];
        k = x;
        pause(k);
        end_call(k);
        k = NIL;
        flush(w, NIL, false);
        w = 0
    }

    :: atomic {
        my_call(x, UNDER_WAY) ->
        w = holder[x];
        k = x;
        end_call(k);
        k = NIL;
        flush(w, NIL, false);
        w = 0
    }

    /* one answer after the other */

    :: atomic {
        my_call(x, ANSWERING) ->
        w = holder[x];
        found = NIL;

        for (i : 0 .. MEMBERS - 1) {
            found = (in_call[i] == x && found == NIL -> i : found)
        }

        if
        :: found == NIL ->
            k = x;
            end_call(k);
            k = NIL;
            flush(w, NIL, false)
        :: else ->
            in_call[found] = NIL;
            answer[found] = body[x * MEMBERS + place[found]];

            if
            :: m[found] == M_ABANDONED ->
                member_step(m[found], M_DO_DROP);
                forget(found)
            :: else ->
                member_step(m[found], M_DO_ANSWER);
#ifdef FAULT_MAIL
                /* a planted error: nobody is told */
#else
                mail_member(found)
#endif
            fi;

            found = NIL
        fi;
        w = 0
    }

    :: all_served && call_at[x] == NOTHING && c[x] == C_FREE -> break
    od
}


/* what happens to a worker as a whole */

proctype worker(byte w)
{
end_worker:
    do
    :: atomic { here && bell[w] -> take_mail(w) }

    :: atomic { !dead[w] && !all_served && deaths > 0 -> die(w) }

    :: atomic {
        !dead[w] && !all_served && deaths > 0 ->
        die(w);
        reset(w)
    }

    /* its successor */

    :: atomic {
        dead[w] ->
        dead[w] = 0;
        reap(w);

        if
        :: knows[w] != epoch -> settle(w)
        :: else
        fi
    }

    /* the tables were emptied: everybody goes alone */

    :: atomic {
        !dead[w] && knows[w] != epoch ->

        for (i : 0 .. MEMBERS - 1) {
            if
            :: owner(i) == w && client[i] != AWAY && client[i] != SERVED ->
                serve(i)
            :: else
            fi
        }

        for (k : 0 .. CALLS - 1) {
            if
            :: call_at[k] != NOTHING && holder[k] == w -> call_at[k] = NOTHING
            :: else
            fi
        }

        k = NIL;
        settle(w)
    }

    :: atomic { here && paused -> paused = 0; attend() }
    od
}


init
{
    atomic {
        for (i : 0 .. MEMBERS - 1) {
            m[i] = M_FREE;
            client[i] = AWAY;
            in_call[i] = NIL;
            answer[i] = NIL
        }

        for (i : 0 .. CALLS - 1) {
            c[i] = C_FREE;
            call_at[i] = NOTHING
        }

        for (i : 0 .. WORKERS - 1) {
            run worker(i)
        }

        for (i : 0 .. MEMBERS - 1) {
            run client_of(i)
        }

        for (i : 0 .. CALLS - 1) {
            run call_of(i)
        }
    }

    /* at the end nothing is left */

    all_served;
    atomic {
        timeout;
        assert(inflight == 0);

        for (i : 0 .. MEMBERS - 1) {
            assert(m[i] == M_FREE);
            assert(!mailed[i])
        }

        for (i : 0 .. CALLS - 1) {
            assert(c[i] == C_FREE);
            assert(!posted[i])
        }
    }
}


ltl everybody_is_served { <> all_served }
