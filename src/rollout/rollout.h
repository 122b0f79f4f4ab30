/*  rollout/rollout.h - bringing a release to many nodes in waves, as a pure state machine

        [queued ->] [approval ->] updating -> soaking -> (next wave) ... -> done
                                      \          \
                                       `----------`--> halted [-> reverting -> reverted]

    What nodes and people do goes in as events; what is to be told to nodes comes out of rollout_next, one
    action at a time, and each action is a change of the machine's own state that its owner makes durable
    in the same transaction as the order that it gives: so nothing is ordered twice, whenever the owner
    dies. What is still pending when a transaction ends is made durable with it, so that nothing of what an
    event led to is forgotten. No socket, file, clock or randomness.

    Times, but for the window's, are milliseconds of the owner's clock, which nobody can set and which only
    counts while the owner watches (broker/watch.h). A time in which he did not run is in none of them:

        soak            is only what was watched: a broker that was away has seen no node fail
        node deadline   a node cannot say that it has ended while there is no broker
        wave deadline   no wave goes on then either; paused, and outside of the window, it stands still
        spread          goes on where it was, so that what was to be spread is not begun with at once
        silence         begins anew: who lost the broker has to find it again
        revert limit    an instant that nobody saw is not measured

    The wall clock opens the window, and names times for people; whoever sets it charges nobody, and keeps
    no deadline from passing.

    A node is charged to a wave's budget, and to the rollout's, when it failed its update, did not end in
    time, or fell silent (dark) after it had been begun with while others like it did not; what was bad
    already when its wave began uses the budget up, too. A node whose host is unfit for the update is charged to
    nobody: at its deadline it is left out. A budget that is exceeded halts the rollout in the
    same call. Each wave ends: every node has a deadline, and so has the wave. A wave of which no node is updated
    in the end has proven nothing: whatever the budgets allow, the next one is not begun, but for a person who
    says so.

    One that is queued has its nodes in none of its hands yet: its owner begins it once no other rollout has one
    of them. Nodes of one that is halted or paused can be taken over by another one; where none is left, it has
    ended.

    A rollout that is paused begins with nothing new; nodes under way go on, and their results count. */

#ifndef ROLLOUT_ROLLOUT_H
#define ROLLOUT_ROLLOUT_H

#include "rollout/evidence.h"
#include "wire/wire.h"

enum { ROLLOUT_REASON = 256, ROLLOUT_WAVES = 32 /* as in schemas/rollout.def */ };

/*  What is to be done about a member. */
enum rollout_kind {
    ROLLOUT_WAIT,   /* nothing */
    ROLLOUT_ORDER,  /* tell it to update */
    ROLLOUT_BACK,   /* tell it to go back */
    ROLLOUT_CANCEL, /* tell it to end its update, where it has not switched yet */
    ROLLOUT_KEEP,   /* its state changed, and nothing is to be told */
    ROLLOUT_TURN    /* no member: the rollout itself has changed: phase, wave, pause or reason */
};

enum { ROLLOUT_NOBODY = UINT32_MAX };

/*  A node in a rollout. */
struct rollout_member {
    /*  durable */
    uint32_t wave;
    enum wire_member state;
    uint64_t since_ms;         /* in this state */
    uint64_t start_ms;         /* not to be begun with before; set when its wave begins */
    uint64_t revert_ms;        /* that its rehearsed revert took; 0: none yet */
    bool confirmed;            /* it runs the release, even should it be dark */
    bool was_bad;              /* when its wave began */
    bool charged;              /* to the budgets */
    bool was_unfit;            /* since it was ordered; the owner keeps it with the reason */
    enum rollout_kind pending; /* KEEP need not be kept */

    /*  told anew after a restart */
    uint32_t neighbours; /* who lose their broker together share this number */
    bool online;
    bool unfit;       /* ordered: its host is unfit now, and it tries again by itself */
    uint64_t dark_ms; /* since when it is silent; 0: it is not, or the silence has been judged */

    uint32_t pending_next; /* behind it in the list of those with something pending */
    bool kept;             /* of the owner: made durable since it came into that list */
};

struct rollout_wave {
    uint32_t first, count; /* its members, which lie together */
    uint32_t cursor;       /* those before it have been begun with, or were away when it was their turn */
    uint32_t under_way, confirmed;
    uint32_t charged, already_bad; /* no node is in both */
};

/*  Nodes that are not updated, of those who lose their broker together. */
struct rollout_neighbours {
    uint32_t others, others_dark;
};

struct rollout {
    struct wire_rollout spec;       /* owned; with the defaults filled in */
    struct rollout_member *members; /* owned; wave by wave, in the order in which they are begun with */
    uint32_t n_members;
    struct rollout_neighbours *neighbours; /* owned */
    uint32_t n_neighbours;

    struct rollout_wave waves[ROLLOUT_WAVES];
    uint32_t n_waves, wave;
    enum wire_phase phase;
    bool paused;
    uint64_t phase_ms;           /* since when it stands there */
    uint64_t wave_ms;            /* when the wave began */
    uint64_t stopped_ms;         /* of the wave: paused, or outside of the window */
    uint64_t stop_ms;            /* since when it is; 0: it is not */
    char reason[ROLLOUT_REASON]; /* why it is halted, reverting, aborted, or was paused by nobody */
    struct rollout_evidence evidence;

    uint32_t under_way, charged; /* in all waves */
    uint32_t pending_first, pending_last;
    uint64_t look_ms;   /* when the first deadline of a member may have passed */
    uint64_t settle_ms; /* until a silence is judged; of the owner: by then he has noticed the others', too */
    bool changed;       /* to be told as ROLLOUT_TURN */
};

/*  How a node is when a rollout is made. */
struct rollout_candidate {
    uint32_t wave;       /* counts from 0; none is left out */
    uint32_t neighbours; /* below n_neighbours */
    bool online;
};

/*  Fills in what a spec leaves to noded, but for the waves. */
void rollout_set_defaults (struct wire_rollout *spec);

/*  Begins one at its first wave. spec is copied; candidates are ordered by wave, one or more of them.
    Returns 0, -EINVAL or -ENOMEM. */
int rollout_init (struct rollout *rollout, const struct wire_rollout *spec,
                  const struct rollout_candidate *candidates, uint32_t n_candidates, uint32_t n_neighbours,
                  uint64_t now_ms);
/*  The same, queued. */
int rollout_init_queued (struct rollout *rollout, const struct wire_rollout *spec,
                         const struct rollout_candidate *candidates, uint32_t n_candidates,
                         uint32_t n_neighbours, uint64_t now_ms);
/*  Begins one that is queued; does nothing where it is not, or is paused. */
void rollout_begin (struct rollout *rollout, uint64_t now_ms);

void rollout_deinit (struct rollout *rollout);

/*  After a restart: the owner has set the durable parts of all members and of the rollout itself; what
    follows from them is counted anew. */
void rollout_resume (struct rollout *rollout);

/*  Events. index: of a member. What does not fit is ignored. */

/*  A node has ended: it runs the release and has confirmed it, it runs the previous version again as it was
    told, or neither. Skipped: nothing came of its order for a reason that says nothing of the release: a
    person holds it, or the order was cancelled; it is charged to nobody. Unserved: it could not get the release
    from its origin; it is charged to nobody, and waits to be ordered again: the owner pauses the rollout. */
enum rollout_result {
    ROLLOUT_CONFIRMED,
    ROLLOUT_REVERTED,
    ROLLOUT_FAILED,
    ROLLOUT_SKIPPED,
    ROLLOUT_UNSERVED
};
void rollout_ended (struct rollout *rollout, uint32_t index, enum rollout_result result, uint64_t now_ms);

/*  A node that is under way finds its host unfit, and tries again by itself; or it tries. Its deadline passes
    meanwhile: a node that is unfit then is left out and charged to nobody, one that tries has the time of one more
    deadline. */
void rollout_unfit (struct rollout *rollout, uint32_t index, bool unfit);

/*  A member is heard of, or has fallen silent. */
void rollout_heard (struct rollout *rollout, uint32_t index, bool online, uint64_t now_ms);

/*  A node that is no member came, went, fell silent or was heard of again: changes how many there are, and
    how many of them are dark, among those with whom it would lose the broker. Members are counted by
    rollout_heard. */
void rollout_other (struct rollout *rollout, uint32_t neighbours, int all, int dark);

/*  What a round of looking at all nodes found, for the comparison of updated ones with the others. */
void rollout_compare (struct rollout *rollout, const struct rollout_round *round, uint64_t now_ms);

/*  What a person asks for. Resuming a halt counts budgets from there on, and a wave that waited for its
    approval waits for it again; a wave that is unproven is tried again, as far as its nodes are there. Approving
    such a one, halted, goes on without it. Members to retry are those that are charged, or left out, in the waves
    up to this one. Returns 0, or -EINVAL where the rollout does not stand where that can be done; text says why. */
int rollout_command (struct rollout *rollout, enum wire_command command, uint32_t member, uint64_t now_ms,
                     char text[ROLLOUT_REASON]);

/*  Whether each node of its wave has ended, or was never begun with, and none is updated. */
bool rollout_is_unproven (const struct rollout *rollout);

/*  The wave that an approval lets begin, counted from 0; their number where it lets the last one end;
    ROLLOUT_NOBODY: none waits for one. */
uint32_t rollout_approves (const struct rollout *rollout);

/*  Whether a member did not come through, and a person has taken that upon himself. */
bool rollout_is_forgiven (const struct rollout_member *member);

/*  Halts it for a reason that lies outside of it, such as a release that was withdrawn. Does nothing where
    it does not run. */
void rollout_halt (struct rollout *rollout, const char *reason, uint64_t now_ms);

/*  Whether a node in this state has something to end. */
bool rollout_is_under_way (enum wire_member state);

/*  Whether nodes of it can be taken over: it is halted, or paused. */
bool rollout_gives (const struct rollout *rollout);
/*  Another rollout takes a member over; by: its id. Returns whether it has it now: not where nodes cannot be
    taken over, the node is under way, or was taken before. A cancellation that is pending is still told. Where
    it was the last member, the rollout has ended. */
bool rollout_take (struct rollout *rollout, uint32_t index, const char *by, uint64_t now_ms);

/*  A member is not known any more: it is left out where it has not ended, and charged to nobody from there on. */
void rollout_forget (struct rollout *rollout, uint32_t index, uint64_t now_ms);

/*  Pauses it for such a reason. Does nothing where it does not run, or is paused. */
void rollout_pause (struct rollout *rollout, const char *reason);

/*  What is to be done now. wall_ms: since 1970, UTC, for the window alone, which may open or close at any
    time: an owner of a rollout with one asks again and again. Each call changes the machine, and returns one
    change; call until it says ROLLOUT_WAIT. */
struct rollout_action {
    enum rollout_kind kind;
    uint32_t member;   /* ROLLOUT_NOBODY: none */
    uint64_t until_ms; /* WAIT: nothing before, but for an event; UINT64_MAX: nothing at all */
};
struct rollout_action rollout_next (struct rollout *rollout, uint64_t now_ms, uint64_t wall_ms);

/*  Whether it has come to its end. A node that confirms late in one that was reverted opens it again. */
bool rollout_is_over (const struct rollout *rollout);

#endif
