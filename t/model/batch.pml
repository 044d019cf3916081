/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The life of members and calls among workers that die or stand still.  Each
 * locked section of src/core/llmb_sched*.c is one atomic step.  See README.md
 * for what is left out.  The states are those of llmb_states.h, see states.in.
 */

/* pan: -w25 */

#include "states.pml"

#ifndef WORKERS
#define WORKERS  2
#endif

#ifndef MEMBERS
#define MEMBERS  3
#endif

#ifndef CALLS
#define CALLS    2              /* of several */
#endif

#ifndef MAX
#define MAX      3              /* members in a call */
#endif

#ifndef MISHAPS
#define MISHAPS  2
#endif

#define SLOTS    1
#define NIL      255

/* a call of one has the index of its member */

#define RECORDS        (MEMBERS + CALLS)
#define is_single(k)   ((k) < MEMBERS)

#define owner(i)       ((i) % WORKERS)


/* the tables */

mtype m[MEMBERS];
bit   mailed[MEMBERS];
byte  in_call[MEMBERS];
byte  place[MEMBERS];           /* index of the result */
byte  answer[MEMBERS];          /* whose answer its chunks hold */

mtype c[RECORDS];
byte  sender[RECORDS];
bit   posted[RECORDS];
bit   ours[MEMBERS];            /* a call of one, carried by our request */
bit   direct[MEMBERS];          /* only its client's request can carry it */
byte  body[CALLS * MEMBERS];    /* whose text is where in it */

#define body_of(k, n)  body[((k) - MEMBERS) * MEMBERS + (n)]

byte  inflight;
bit   paused;
bit   epoch;
bit   settled = 1;
bit   bell[WORKERS];
bit   lost[WORKERS];

/* what the workers know */

mtype = { AWAY, HELD, TOLD_ANSWER, GONE, SERVED };
mtype = { UNDER_WAY, ANSWERING };

mtype client[MEMBERS];          /* GONE: its own request carries its call */
byte  outcomes[MEMBERS];
byte  sending[WORKERS];         /* the call that was in the mail */
mtype call_at[RECORDS];         /* what its sender does with it */
bit   dead[WORKERS];
bit   knows[WORKERS];           /* the epoch */

byte  h;                        /* of steps with a choice, 0 between them */

/* of one d_step only: what is hidden is not restored */

hidden byte  i, j, k, n, s, first, queued, found, count, other, w;
hidden byte  over;

/* how much may still go wrong */

byte  mishaps = MISHAPS;        /* of these, together */
byte  deaths = 1;
byte  pauses = 1;
byte  leavers = 1;              /* who do not wait */
byte  stops = 1;
byte  fails = 1;                /* calls that are sent again */
bit   forever;                  /* who stands still does not go on */


#define may(trouble)    (trouble > 0 && mishaps > 0)

inline spend(trouble)
{
    trouble--;
    mishaps--
}


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
    ring(owner(i))
}


inline take_slot()
{
    inflight++
}


inline free_slot()
{
    assert(inflight > 0);
    inflight--
}


inline open_call(k)
{
    call_step(c[k], C_DO_SEAL);
    assert(!posted[k] && call_at[k] == NOTHING)
}


inline close_call(k)
{
    call_step(c[k], C_DO_END);
    assert(!posted[k]);
    call_at[k] = NOTHING;
    sender[k] = 0;

    if
    :: is_single(k) ->
        ours[k] = 0;
        direct[k] = 0
    :: else
    fi
}


/* it is in the mail once; who stands still has no slot for it */

inline post(k, w)
{
    assert(!posted[k]);
    call_at[k] = NOTHING;
    sender[k] = w;
    posted[k] = 1;
    ring(w);

    if
    :: lost[w] ->
        call_step(c[k], C_DO_LOSE);
        free_slot()
    :: else
    fi
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
            assert(!lost[owner(j)]);
            first = (first == NIL -> j : first);
            queued++
        :: else
        fi
    }
}


/* each call has its slot, unless nobody waits for it */

inline count_slots()
{
    n = 0;

    for (j : 0 .. RECORDS - 1) {
        n = (c[j] == C_FREE || c[j] == C_LOST -> n : n + 1)
    }

    assert(n == inflight)
}


/* somebody is asked to look after the queue */

inline attend()
{
    look_at_queue();

    if
    :: queued > 0 && (paused || inflight < SLOTS) -> mail_member(first)
    :: else
    fi
}


inline claim(x, call)
{
    member_step(m[x], M_DO_CLAIM);
    mailed[x] = 0;
    in_call[x] = call
}


inline single(i)
{
    open_call(i);
    claim(i, i);
    take_slot();
    post(i, owner(i))
}


/* it cannot wait for the end of a pause: a 429, as good as its own answer */

inline refuse(i)
{
    member_step(m[i], M_DO_REFUSE);
    mailed[i] = 0;
    answer[i] = i;
    mail_member(i)
}


inline find_call()
{
    other = NIL;

    for (j : MEMBERS .. RECORDS - 1) {
        other = (c[j] == C_FREE && other == NIL -> j : other)
    }
}


/* the oldest up to MAX, or with a lender that is not among them, as the last */

inline seal(w, lender)
{
    find_call();

    if
    :: other == NIL -> single(first)
    :: else ->
        open_call(other);
        n = MAX - (found == lender && lender != NIL -> 1 : 0);

        for (j : 0 .. MEMBERS - 1) {
            if
            :: m[j] == M_QUEUED && (n > 0 || j == found) ->
                n = (j == found && found == lender -> n : n - 1);
                claim(j, other)
            :: else
            fi
        }

        take_slot();
        post(other, w)
    fi
}


#define may_send             (inflight < SLOTS && !paused)
#define is_due(lender, due)  (due && lender != NIL && m[lender] == M_QUEUED)


inline flush(w, lender, due)
{
    count_slots();

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

        if
        :: queued == 1 -> single(first)
        :: queued > 1 && found != NIL -> seal(w, lender)
        :: else -> mail_member(first); break
        fi
    od
}


inline forget(i)
{
    mailed[i] = 0;
    in_call[i] = NIL;
    place[i] = 0;
    answer[i] = NIL
}


inline drop_member(i)
{
    member_step(m[i], M_DO_DROP);
    forget(i)
}


inline drop(k)
{
    count = 0;

    for (i : 0 .. MEMBERS - 1) {
        if
        :: in_call[i] == k && m[i] == M_ABANDONED -> drop_member(i)
        :: in_call[i] == k && m[i] == M_CLAIMED -> count++
        :: else
        fi
    }
}


/* into a call of its own, or sent once more by its client's own request */

inline release(i)
{
    if
    :: m[i] == M_ABANDONED -> drop_member(i)
    :: m[i] != M_ABANDONED && in_call[i] != i ->
        open_call(i);
        in_call[i] = i;
        take_slot();
        post(i, owner(i))
    :: else ->
        assert(client[i] == HELD);
        direct[i] = 1;
        ours[i] = 0;

        if
        :: c[i] == C_SENT -> call_step(c[i], C_DO_RETURN)
        :: c[i] == C_LOST ->
            call_step(c[i], C_DO_FIND);
            take_slot()
        :: else
        fi;

        posted[i] = 0;
        post(i, owner(i))
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


/* a call of one is not over if it is sent once more */

inline end_call(k)
{
    over = (c[k] != C_LOST);
    release_all(k);

    if
    :: is_single(k) && in_call[k % MEMBERS] == k -> over = 0
    :: else ->
        if
        :: over -> free_slot()
        :: else
        fi;
        close_call(k)
    fi
}


inline end_and_flush(k, w)
{
    end_call(k);

    if
    :: over -> flush(w, NIL, false)
    :: else
    fi
}


/*
 * The client is gone, or has got what it came for.  Its call of one is over,
 * unless a request of ours still carries it.
 */

inline leave(x)
{
    if
    :: m[x] == M_QUEUED ->
        member_step(m[x], M_DO_LEAVE);
        forget(x);
        attend()
    :: m[x] == M_CLAIMED ->
        member_step(m[x], M_DO_LEAVE);

        if
#ifdef FAULT_KEPT
        /* a planted error: it stays */
        :: in_call[x] == x && !ours[x] && c[x] != C_SENT ->
#else
        :: in_call[x] == x && !ours[x] ->
#endif
            posted[x] = 0;
            end_and_flush(x, owner(x))
        :: else
        fi
    :: else ->
        member_step(m[x], M_DO_LEAVE);
        forget(x)
    fi
}


#define is_better(w)  (found == NIL || (lost[found] && !lost[w]))


/* a sealed call goes to who has a member of it, or comes to an end */

inline place_call(k, w)
{
    drop(k);
    call_at[k] = NOTHING;

    if
    :: count == 0 || (count == 1 && !is_single(k)) ->
        release_all(k);
        free_slot();
        close_call(k);
        attend()
    :: else ->
        found = NIL;

        for (i : 0 .. MEMBERS - 1) {
            if
            :: in_call[i] == k && owner(i) == w -> found = w
            :: in_call[i] == k && owner(i) != w && is_better(owner(i)) ->
                found = owner(i)
            :: else
            fi
        }

        post(k, found)
    fi
}


/* whoever has waited for its worker only is sent now */

inline send(k, w)
{
    if
    :: c[k] == C_LOST && !is_single(k) -> end_call(k)
    :: else ->
        if
        :: c[k] == C_LOST ->
#ifdef FAULT_FIND
            /* a planted error: nobody sends it any more */
            goto not_sent;
#else
            call_step(c[k], C_DO_FIND);
            take_slot()
#endif
        :: else
        fi;

        drop(k);
        found = NIL;

        for (i : 0 .. MEMBERS - 1) {
            if
            :: in_call[i] == k && owner(i) == w -> found = i
            :: else
            fi
        }

        if
        :: is_single(k) ->
            assert(found == k);
            call_step(c[k], C_DO_SEND)
        :: !is_single(k) && (count < 2 || found == NIL) -> place_call(k, w)
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
                    body_of(k, n) = i;
                    n++
                :: else
                fi
            }
        fi
    fi;
not_sent:
    skip
}


/* one call after the other, then the members */

inline take_mail(w)
{
    found = NIL;

    for (i : 0 .. RECORDS - 1) {
        found = (posted[i] && sender[i] == w && found == NIL -> i : found)
    }

    if
    :: found != NIL ->
        assert(c[found] == C_SEALED || c[found] == C_LOST);
        posted[found] = 0;
        sending[w] = found
    :: else ->
        bell[w] = 0;

        for (i : 0 .. MEMBERS - 1) {
            if
            :: mailed[i] && owner(i) == w ->
                mailed[i] = 0;
                assert(client[i] == HELD);

                if
                :: m[i] == M_ANSWERED -> client[i] = TOLD_ANSWER
                :: m[i] == M_QUEUED -> flush(w, i, false)
                :: else -> assert(false)
                fi
            :: else
            fi
        }
    fi
}


/* the halves of a call: all but the last one stay */

inline halve(k, w)
{
    drop(k);
    find_call();
    call_step(c[k], C_DO_RETURN);

    if
    :: count < 2 || other == NIL ->
        release_all(k);
        place_call(k, w)
    :: else ->
        s = other;
        open_call(s);
        found = NIL;

        for (i : 0 .. MEMBERS - 1) {
            found = (in_call[i] == k -> i : found)
        }

        in_call[found] = s;
        take_slot();
        place_call(k, w);
        place_call(s, w)
    fi
}


/* those in the queue who cannot wait are refused */

inline halt()
{
    spend(pauses);
    paused = 1;

    for (h : 0 .. MEMBERS - 1) {
        if
        :: m[h] == M_QUEUED -> d_step { refuse(h) }
        :: true
        fi
    }

    h = 0;
    d_step { attend() }
}


/* of those in the call, who can wait goes back */

#define is_in(i, k)  (in_call[i] == k && m[i] == M_CLAIMED)

inline requeue(k)
{
    for (h : 0 .. MEMBERS - 1) {
        if
        :: is_in(h, k) && lost[owner(h)] -> d_step { release(h) }
        :: is_in(h, k) && !lost[owner(h)] ->
            d_step {
                member_step(m[h], M_DO_REQUEUE);
                in_call[h] = NIL;
                place[h] = 0;
                mail_member(h)
            }
        :: !is_in(h, k) || !lost[owner(h)]
        fi
    }

    h = 0;
    d_step { attend() }
}


inline reap(w)
{
    for (i : 0 .. MEMBERS - 1) {
        if
        :: owner(i) == w && m[i] != M_FREE && m[i] != M_ABANDONED ->
            member_step(m[i], M_DO_LEAVE);

            if
            :: m[i] == M_FREE -> forget(i)
            :: else
            fi
        :: else
        fi
    }

    lost[w] = 0;

#ifdef FAULT_REAP
    /* a planted error: the members of its calls stay claimed */
#else
    for (k : 0 .. RECORDS - 1) {
        if
        :: c[k] != C_FREE && sender[k] == w ->
            posted[k] = 0;
            end_call(k);
            assert(c[k] == C_FREE)
        :: else
        fi
    }
#endif

    bell[w] = 0;
    attend()
}


/*
 * It stands still.  Its members that are in the queue wait for it in calls of
 * their own, and those of others in its calls do not.
 */

inline give_up(w)
{
    lost[w] = 1;

    for (i : 0 .. MEMBERS - 1) {
        if
        :: m[i] == M_QUEUED && owner(i) == w ->
            open_call(i);
            claim(i, i);
            take_slot();
            post(i, w)
        :: else
        fi
    }

    for (k : 0 .. RECORDS - 1) {
        if
        :: c[k] != C_FREE && c[k] != C_LOST && sender[k] == w ->

            for (i : 0 .. MEMBERS - 1) {
                if
#ifdef FAULT_WAIT
                /* a planted error: all wait for it */
                :: false
#else
                :: in_call[i] == k && owner(i) != w -> release(i)
#endif
                :: else
                fi
            }

            call_step(c[k], C_DO_LOSE);
            free_slot()
        :: else
        fi
    }

    attend()
}


/* everything is empty, and nobody gets chunks until all know */

inline reset()
{
    for (i : 0 .. MEMBERS - 1) {
        m[i] = M_FREE;
        ours[i] = 0;
        direct[i] = 0;
        forget(i)
    }

    for (k : 0 .. RECORDS - 1) {
        c[k] = C_FREE;
        posted[k] = 0;
        sender[k] = 0;
        call_at[k] = NOTHING
    }

    inflight = 0;
    paused = 0;
    epoch = 1 - epoch;
    settled = 0;
    forever = 0;

    for (j : 0 .. WORKERS - 1) {
        bell[j] = 0;
        lost[j] = 0;
        sending[j] = NIL;
        ring(j)
    };

    skip
}


inline settle(w)
{
    knows[w] = epoch;
    settled = 1;

    for (j : 0 .. WORKERS - 1) {
        settled = (knows[j] == epoch -> settled : 0)
    };

    skip
}


inline die(w)
{
    dead[w] = 1;
    bell[w] = 0;
    sending[w] = NIL;
    spend(deaths);
    forever = (lost[w] -> 0 : forever);

    for (i : 0 .. MEMBERS - 1) {
        if
        :: owner(i) == w && client[i] != SERVED && client[i] != AWAY ->
            serve(i)
        :: else
        fi
    }

    for (k : 0 .. RECORDS - 1) {
        call_at[k] = (sender[k] == w -> NOTHING : call_at[k])
    };

    skip
}


/* but for those of a worker that stands still forever */

#define is_waived(i)  (forever && lost[owner(i)])
#define is_served(i)  (client[i] == SERVED || is_waived(i))

#if MEMBERS == 3
#define all_served    (is_served(0) && is_served(1) && is_served(2))
#else
#define all_served    (is_served(0) && is_served(1) && is_served(2)           \
                       && is_served(3))
#endif

/* who can take the lock, and is not in the middle of something */

#define here(w)       (!dead[w] && !lost[w] && knows[w] == epoch)
#define idle(w)       (here(w) && sending[w] == NIL)
#define mine(i)       idle(owner(i))
#define is_at(k, at)  (call_at[k] == at && idle(sender[k]))
#define is_one_sent(k)  (is_single(k) && c[k] == C_SENT)
#define is_back(i)    (is_at(i, UNDER_WAY) && client[i] == HELD               \
                       && c[i] == C_SENT)


/* the steps that a worker may take about a member, and its call of one */

proctype client_of(byte x)
{
end_member:
    do
    :: d_step {
        mine(x) && client[x] == AWAY && settled ->
        member_step(m[x], M_DO_RESERVE);
        client[x] = HELD
    }

    :: d_step {
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

    :: d_step {
        mine(x) && client[x] == HELD && m[x] == M_QUEUED ->
        flush(owner(x), x, true);
        assert(m[x] != M_QUEUED)
    }

    :: d_step {
        mine(x) && client[x] == TOLD_ANSWER ->
        assert(m[x] == M_ANSWERED);
        assert(answer[x] == x);
        leave(x);
        serve(x)
    }

    /* the response to its own request */

    :: d_step {
        mine(x) && client[x] == GONE ->
        leave(x);
        serve(x)
    }

    :: atomic {
        mine(x) && client[x] == GONE && c[x] == C_SENT && may(pauses) ->
        halt();
        d_step { leave(x); serve(x) }
    }

    /* and what becomes of a request of ours */

    :: d_step {
        is_at(x, UNDER_WAY) && client[x] == HELD ->
        assert(m[x] == M_CLAIMED && in_call[x] == x);
        leave(x);
        serve(x)
    }

    :: d_step {
        is_back(x) && may(fails) ->
        spend(fails);
        ours[x] = 0;
        call_step(c[x], C_DO_RETURN);
        place_call(x, owner(x))
    }

    :: atomic {
        is_back(x) && may(pauses) ->
        halt();
        requeue(x);

        if
        :: in_call[x] == x
        :: else -> d_step { end_and_flush(x, owner(x)) }
        fi
    }

    :: d_step {
        is_at(x, UNDER_WAY) ->
        end_and_flush(x, owner(x))
    }

    /* the client does not wait */

    :: d_step {
        mine(x) && client[x] != AWAY && client[x] != SERVED && may(leavers) ->
        spend(leavers);
        leave(x);
        serve(x)
    }

    :: client[x] == SERVED && m[x] == M_FREE && c[x] == C_FREE -> break
    od
}


/* and about a call of several */

proctype call_of(byte x)
{
end_calls:
    do

    /* what the upstream may say */

    :: d_step {
        is_at(x, UNDER_WAY) && c[x] == C_SENT ->
        call_at[x] = ANSWERING
    }

    :: d_step {
        is_at(x, UNDER_WAY) && c[x] == C_SENT && may(fails) ->
        spend(fails);
        w = sender[x];
        call_step(c[x], C_DO_RETURN);
        place_call(x, w)
    }

    :: d_step {
        is_at(x, UNDER_WAY) && c[x] == C_SENT && may(fails) ->
        spend(fails);
        w = sender[x];
        halve(x, w)
    }

    :: atomic {
        is_at(x, UNDER_WAY) && c[x] == C_SENT && may(pauses) ->
        halt();
        requeue(x);
        call_at[x] = ANSWERING
    }

    :: d_step {
        is_at(x, UNDER_WAY) ->
        w = sender[x];
        end_and_flush(x, w)
    }

    /* those of other workers by mail, one after the other, then ours */

    :: d_step {
        is_at(x, ANSWERING) ->
        w = sender[x];
        found = NIL;
        first = NIL;

        for (i : 0 .. MEMBERS - 1) {
            found = (in_call[i] == x && owner(i) != w && found == NIL
                     -> i : found);
            first = (in_call[i] == x && owner(i) == w && m[i] == M_CLAIMED
                     && first == NIL -> i : first)
        }

        if
        :: found != NIL ->
            in_call[found] = NIL;
            answer[found] = body_of(x, place[found]);

            if
            :: m[found] == M_ABANDONED -> drop_member(found)
            :: else ->
                member_step(m[found], M_DO_ANSWER);
#ifdef FAULT_MAIL
                /* a planted error: nobody is told */
#else
                mail_member(found)
#endif
            fi
        :: found == NIL && first != NIL ->
            assert(body_of(x, place[first]) == first);
            member_step(m[first], M_DO_LEAVE);
            serve(first)
        :: else -> end_and_flush(x, w)
        fi
    }

    :: all_served && call_at[x] == NOTHING && c[x] == C_FREE -> break
    od
}


/* what happens to a worker as a whole */

proctype worker(byte x)
{
    byte  next = (x + 1) % WORKERS;

end_worker:
    do
    :: d_step { idle(x) && bell[x] -> take_mail(x) }

    :: atomic {
        here(x) && sending[x] != NIL ->
        d_step { k = sending[x]; send(k, x) }

        /* who carries a call of one */

        if
        :: is_one_sent(sending[x]) -> client[sending[x]] = GONE
        :: is_one_sent(sending[x]) && !direct[sending[x]] ->
            ours[sending[x]] = 1;
            call_at[sending[x]] = UNDER_WAY
        :: !is_one_sent(sending[x])
        fi;

        sending[x] = NIL
    }

    :: d_step { !dead[x] && !all_served && may(deaths) -> die(x) }

    :: d_step {
        !dead[x] && !lost[x] && !all_served && may(deaths) ->
        die(x);
        reset()
    }

    /* its successor */

    :: d_step {
        dead[x] ->
        dead[x] = 0;
        reap(x);

        if
        :: knows[x] != epoch -> settle(x)
        :: else
        fi
    }

    /* another one was not seen for a while, and may go on at any time */

    :: atomic {
        idle(x) && !lost[next] && !all_served && may(stops) ->
        d_step { spend(stops); give_up(next) }

        if
        :: !dead[next] -> forever = 1
        :: true
        fi
    }

    :: d_step { lost[x] && !dead[x] && !forever -> lost[x] = 0 }

    /* the tables were emptied: everybody goes alone */

    :: d_step {
        !dead[x] && !lost[x] && knows[x] != epoch ->

        for (i : 0 .. MEMBERS - 1) {
            if
            :: owner(i) == x && client[i] != AWAY && client[i] != SERVED ->
                serve(i)
            :: else
            fi
        }

        settle(x)
    }

    :: d_step { idle(x) && paused -> paused = 0; attend() }
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

        for (i : 0 .. RECORDS - 1) {
            c[i] = C_FREE;
            call_at[i] = NOTHING
        }

        for (i : 0 .. WORKERS - 1) {
            sending[i] = NIL;
            run worker(i)
        }

        for (i : 0 .. MEMBERS - 1) {
            run client_of(i)
        }

        for (i : MEMBERS .. RECORDS - 1) {
            run call_of(i)
        }
    }

    /* at the end nothing is left, and nobody keeps a slot */

    all_served;
    atomic {
        timeout;
        assert(inflight == 0);

        for (i : 0 .. MEMBERS - 1) {
            assert(is_waived(i) || (m[i] == M_FREE && !mailed[i]))
        }

        for (i : 0 .. RECORDS - 1) {
            assert((forever && lost[sender[i]] && c[i] == C_LOST)
                   || (c[i] == C_FREE && !posted[i]))
        }
    }
}


ltl everybody_is_served { <> all_served }
