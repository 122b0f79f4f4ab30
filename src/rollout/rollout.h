/* SPDX-License-Identifier: MPL-2.0 */
/*  rollout/rollout.h - bringing a release to many nodes in waves, as a pure state machine

        [queued ->] [approval ->] updating -> soaking -> (next wave) ... -> done
                                      \          \
                                       `----------`--> halted [-> reverting -> reverted]

    Events of nodes and operators go in. Orders to nodes come out of rollout_next, one action at a time. Each
    action is also a change of the machine's own state. The owner makes that change durable in the same
    transaction as the order: so nothing is ordered twice, whenever the owner dies. Actions that are still
    pending at the end of a transaction are made durable with it, so that no consequence of an event is lost.
    It uses no socket, file, clock or randomness.

    Times, except the window's, are milliseconds of the owner's clock. It cannot be set, and it only runs
    while the owner watches (deploy/clock.h). Time in which the owner did not run is counted nowhere:

        soak            only watched time counts: a broker that was down has seen no node fail
        node deadline   a node cannot report its end while there is no broker
        wave deadline   no wave proceeds then either; it also stops while paused and outside the window
        stagger         continues where it was, so that the remaining nodes are not all started at once
        silence         starts again: a node that lost the broker has to find it first
        revert limit    time that was not watched is not measured

    The wall clock opens the window and dates events for operators. Setting it charges no node and keeps no
    deadline from passing.

    A node is charged to its wave's budget and to the rollout's if it failed its update, did not end in time,
    or lost contact (dark) during the update while others like it did not. A node that had failed already
    when its wave began uses up the budget, too. A node whose host is unfit for the update is not charged: at
    its deadline it is skipped. A budget that is exceeded halts the rollout in the same call. Each wave ends:
    every node has a deadline, and so has the wave. A wave that ends without an updated node has proven
    nothing: whatever the budgets allow, the next one starts only if an operator approves it.

    A queued rollout does not control its nodes yet: its owner begins it once no other rollout has one of
    them. Another rollout can take over nodes of a halted or paused one; when none is left, that one has
    ended.

    A paused rollout starts no further nodes. Nodes under way continue, and their results count. */

#ifndef ROLLOUT_ROLLOUT_H
#define ROLLOUT_ROLLOUT_H

#include "rollout/evidence.h"
#include "wire/wire.h"

enum { ROLLOUT_REASON = 256, ROLLOUT_WAVES = 32 /* as in schemas/rollout.def */ };

/*  The action for a member. */
enum rollout_kind {
    ROLLOUT_WAIT,      /* none */
    ROLLOUT_ORDER,     /* order it to update */
    ROLLOUT_REVERT,    /* order it to revert */
    ROLLOUT_CANCEL,    /* order it to cancel its update, if it has not switched yet */
    ROLLOUT_KEEP,      /* store its changed state; nothing is sent */
    ROLLOUT_TRANSITION /* for no member: the rollout itself has changed: phase, wave, pause or reason */
};

enum { ROLLOUT_NOBODY = UINT32_MAX };

/*  A node in a rollout. */
struct rollout_member {
    /*  durable */
    uint32_t wave;
    enum wire_member state;
    uint64_t since_ms;         /* in this state */
    uint64_t start_ms;         /* not started before this time; set when its wave begins */
    uint64_t revert_ms;        /* duration of its rehearsed revert; 0: none yet */
    bool confirmed;            /* it runs the release, even if contact is lost */
    bool lost_before;          /* it had lost contact when its wave began */
    bool charged;              /* to the budgets */
    bool was_unfit;            /* since it was ordered; the owner stores it with the reason */
    enum rollout_kind pending; /* the value KEEP need not be stored */

    /*  set again after a restart */
    uint32_t failure_domain; /* number of the failure domain: its nodes lose the broker together */
    bool online;
    bool unfit;       /* ordered: its host is unfit now, and the node tries again by itself */
    uint64_t lost_ms; /* time of losing contact; 0: in contact, or counted already */

    uint32_t pending_next; /* next in the list of members with a pending action */
    bool kept;             /* for the owner: stored since it was put into that list */
};

struct rollout_wave {
    uint32_t first, count; /* its members, which are consecutive */
    uint32_t cursor;       /* members before it have been started, or were skipped without contact */
    uint32_t under_way, confirmed;
    uint32_t charged, lost_before; /* no node is in both */
};

/*  Nodes of one failure domain that are not updated. */
struct rollout_failure_domain {
    uint32_t others, others_lost;
};

struct rollout {
    struct wire_rollout spec;       /* owned; with the defaults filled in */
    struct rollout_member *members; /* owned; wave by wave, in the order in which they are started */
    uint32_t n_members;
    struct rollout_failure_domain *failure_domains; /* owned */
    uint32_t n_failure_domains;

    struct rollout_wave waves[ROLLOUT_WAVES];
    uint32_t n_waves, wave;
    enum wire_phase phase;
    bool paused;
    uint64_t phase_ms;   /* time of entering the phase */
    uint64_t wave_ms;    /* time at which the wave began */
    uint64_t stopped_ms; /* of the wave: time paused or outside the window, without the current stop */
    uint64_t stop_ms;    /* time of the current stop; 0: not stopped */
    char reason[ROLLOUT_REASON]; /* why it is halted, reverting, aborted, or paused without an operator */
    enum wire_gate gate;         /* that the reason is of; WIRE_GATE_NULL: of none */
    struct rollout_evidence evidence;

    uint32_t under_way, charged; /* in all waves */
    uint32_t pending_first, pending_last;
    uint64_t look_ms;   /* time at which the first deadline of a member may have passed */
    uint64_t settle_ms; /* until a lost contact counts: by then the owner has noticed the others', too */
    bool changed;       /* ROLLOUT_TRANSITION is due */
};

/*  A node when a rollout is made. */
struct rollout_candidate {
    uint32_t wave;           /* from 0, without gaps */
    uint32_t failure_domain; /* below n_failure_domains */
    bool online;
};

/*  Fills in the defaults of a spec, except the waves. */
void rollout_set_defaults (struct wire_rollout *spec);

/*  Begins a rollout at its first wave. spec is copied; candidates are ordered by wave, at least one. Returns
    0, -EINVAL or -ENOMEM. */
int rollout_init (struct rollout *rollout, const struct wire_rollout *spec,
                  const struct rollout_candidate *candidates, uint32_t n_candidates,
                  uint32_t n_failure_domains, uint64_t now_ms);
/*  The same, queued. */
int rollout_init_queued (struct rollout *rollout, const struct wire_rollout *spec,
                         const struct rollout_candidate *candidates, uint32_t n_candidates,
                         uint32_t n_failure_domains, uint64_t now_ms);
/*  Begins a queued rollout; does nothing if it is not queued, or is paused. */
void rollout_begin (struct rollout *rollout, uint64_t now_ms);

void rollout_deinit (struct rollout *rollout);

/*  After a restart: the owner has set the durable parts of all members and of the rollout itself; the rest is
    derived from them. Returns 0, or -EBADMSG if they contradict each other. */
int rollout_resume (struct rollout *rollout);

/*  Events. index: of a member. An event that does not fit is ignored. */

/*  A node has ended. Confirmed: it runs the release and has confirmed it. Reverted: it runs the previous
    version again, as ordered. Failed: neither. Skipped: the order ended for a reason that does not concern
    the release: an operator holds the node, or the order was cancelled; not charged. Unserved: the node could
    not get the release from its origin; not charged, and it waits to be ordered again: the owner pauses the
    rollout. */
enum rollout_result {
    ROLLOUT_CONFIRMED,
    ROLLOUT_REVERTED,
    ROLLOUT_FAILED,
    ROLLOUT_SKIPPED,
    ROLLOUT_UNSERVED
};
void rollout_ended (struct rollout *rollout, uint32_t index, enum rollout_result result, uint64_t now_ms);

/*  A node under way has found its host unfit and will try again by itself; or it tries again. Its deadline
    keeps running: a node that is unfit when it passes is skipped and not charged; one that tries gets one
    more deadline. */
enum rollout_fitness { ROLLOUT_TRIES, ROLLOUT_UNFIT };
void rollout_unfit (struct rollout *rollout, uint32_t index, enum rollout_fitness fitness);

/*  A member is in contact, or has lost contact. */
enum rollout_contact { ROLLOUT_CONTACT_LOST, ROLLOUT_CONTACT };
void rollout_heard (struct rollout *rollout, uint32_t index, enum rollout_contact contact, uint64_t now_ms);

/*  A node that is no member was added or removed, or lost or regained contact: changes how many nodes there
    are, and how many of them have lost contact, in its failure domain. Members are counted by
    rollout_heard. */
void rollout_other (struct rollout *rollout, uint32_t failure_domain, int all, int lost);

/*  The result of a round of checking all nodes, for comparing updated ones with the others. */
void rollout_compare (struct rollout *rollout, const struct rollout_sample *sample, uint64_t now_ms);

/*  An operator's command. Resuming a halted rollout restarts the budgets; a wave that waited for its approval
    waits for it again; an unproven wave is tried again with those of its nodes that are in contact. Approving
    a halted rollout with an unproven wave continues without that proof. Members to retry are those that are
    charged, or skipped, in the waves up to this one. Returns 0, or -EINVAL if the rollout's phase does not
    permit it; text says why. */
int rollout_command (struct rollout *rollout, enum wire_command command, uint32_t member, uint64_t now_ms,
                     char text[ROLLOUT_REASON]);

/*  Whether each node of the current wave has ended, or was never started, and none is updated. */
bool rollout_is_unproven (const struct rollout *rollout);

/*  The wave that an approval would begin, counted from 0; n_waves: it would end the last one; ROLLOUT_NOBODY:
    no approval is awaited. */
uint32_t rollout_approves (const struct rollout *rollout);

/*  Whether a member was not updated and an operator has accepted that. */
bool rollout_is_forgiven (const struct rollout_member *member);

/*  Halts the rollout for an external reason, such as a withdrawn release. Does nothing if it does not run. */
void rollout_halt (struct rollout *rollout, const char *reason, uint64_t now_ms);

/*  Whether a node in this state is under way. */
bool rollout_is_under_way (enum wire_member state);

/*  Whether its nodes can be taken over: it is halted or paused. */
bool rollout_gives (const struct rollout *rollout);
/*  Another rollout takes a member over; by: its id. Returns whether it did: not if nodes cannot be taken
    over, the node is under way, or it was taken before. A pending cancellation is still sent. If it was the
    last member, the rollout has ended. */
bool rollout_take (struct rollout *rollout, uint32_t index, const char *by, uint64_t now_ms);

/*  A member was removed from the fleet: if it has not ended, it is skipped, and it is no longer charged. */
void rollout_forget (struct rollout *rollout, uint32_t index, uint64_t now_ms);

/*  Pauses the rollout for an external reason. Does nothing if it does not run, or is paused. */
void rollout_pause (struct rollout *rollout, const char *reason);

/*  Returns the next action. wall_ms: since 1970, UTC, for the window alone, which may open or close at any
    time: the owner of a rollout with a window has to call again and again. Each call changes the machine and
    returns one change; call until it returns ROLLOUT_WAIT. */
struct rollout_action {
    enum rollout_kind kind;
    uint32_t member;   /* ROLLOUT_NOBODY: none */
    uint64_t until_ms; /* WAIT: nothing before that except for an event; UINT64_MAX: nothing at all */
};
struct rollout_action rollout_next (struct rollout *rollout, uint64_t now_ms, uint64_t wall_ms);

/*  Whether it has ended. A node that confirms late in a reverted rollout opens it again. */
bool rollout_is_over (const struct rollout *rollout);

#endif
