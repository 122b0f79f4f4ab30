/*  broker/rollout.h - rollouts in memory: what the broker keeps of each, and who is in it

    Below everything else that has to do with rollouts: nothing here writes, waits, or tells a node or a
    person. */

#ifndef BROKER_ROLLOUT_H
#define BROKER_ROLLOUT_H

#include "broker/store_rollouts.h"
#include "broker/watch.h"

struct broker;

/*  What the broker knows of a member beside what the machine does. Owns its texts. */
struct broker_member {
    char *id;
    uint64_t epoch; /* of the last order; 0: none */
    enum wire_verb verb;
    char *transaction;
    uint64_t ordered_ms, took_ms;
    uint64_t since_ms, real_ms; /* the machine's since_ms, and the real time at which it came up */
    char *step, *reason;
    uint64_t revision;
    uint64_t settle_ms; /* since boot: until then its result may still come; 0: none is missing */
    enum { BROKER_LOOK_NONE, BROKER_LOOK_UPDATED, BROKER_LOOK_OTHER } look; /* at the last round */
    uint64_t restarts;                                                      /* at the last round */
    bool queued;                                                            /* to be looked at */
};

struct broker_rollout {
    uint64_t serial;
    struct rollout machine;
    struct broker_member *members; /* owned; as many as the machine has, in its order */
    uint32_t *by_id;               /* owned; their indices, sorted by id */
    uint32_t *queue;               /* owned; indices of those who told something */
    uint32_t n_queue;
    const char **values; /* owned; of the neighbours' label, by number; texts below */
    char *value_texts;
    struct rollout_neighbours *others; /* owned; who is no member, as the machine was told */
    struct wire_rollout_state state;   /* owned; as it was written last */
    uint64_t sequences[WIRE_PHASE_END];
    uint64_t since_ms; /* the machine's phase_ms of which state.since tells */
    uint64_t due_ms;   /* when it has to be looked at */
    uint64_t compared_ms;
    char *blocked;     /* owned; of one that is queued: what it waits for */
    uint32_t waits_at; /* queued: the member for which it waited last */
    bool live, broken; /* broken: it is to be loaded again */
    bool older;        /* than a node of it: to be paused */
    bool doubted;      /* it was, since this broker runs: who has resumed it has looked */
};

/*  Those of which something may still come, and when they are attended to. */
struct broker_rollouts {
    struct broker_rollout **live; /* owned; in the order in which they were begun */
    size_t n_live;
    int timer;
    uint64_t timer_ms; /* when it fires */
    struct broker_watch watch;
    bool others_changed;
    uint64_t swept_ms;
};

/*  The step that a member is shown with while its host is unfit for its update. *_NEXT ends the reason. */
#define BROKER_UNFIT_STEP "unfit"
#define BROKER_UNFIT_NEXT "; next try at "

/*  The clock of all times of rollouts but those for people; see broker/watch.h. */
uint64_t broker_rollouts_now_ms (struct broker *broker);

/*  From its row and its members. *ret_rollout is for the caller. Returns 0, -EBADMSG where they contradict
    each other, or another -errno. */
int broker_rollout_load (struct broker *broker, const struct broker_rollout_row *row,
                         struct broker_rollout **ret_rollout, struct base_error *error);
/*  Accepts NULL, and one that is loaded in part. Returns NULL. */
struct broker_rollout *broker_rollout_free (struct broker_rollout *rollout);
/*  Indexes members and neighbours; members have their ids. Returns 0 or -ENOMEM. */
int broker_rollout_index (struct broker *broker, struct broker_rollout *rollout);
/*  The index of a member, or ROLLOUT_NOBODY. */
uint32_t broker_rollout_find (const struct broker_rollout *rollout, const char *id);
/*  Tells the machine how many nodes there are that are no members, and how many of them are silent. */
void broker_rollout_count_others (struct broker *broker, struct broker_rollout *rollout);

/*  The rollout that has a node and has not ended with it; NULL: none. *ret_index: of its member. */
struct broker_rollout *broker_rollouts_of (struct broker *broker, const char *node, const char *application,
                                           uint32_t *ret_index);

/*  Whether a rollout that has not ended gets the nodes that both have before the other one. */
bool broker_rollout_comes_before (const struct broker_rollout *rollout, const struct broker_rollout *other);

/*  A rollout that has a node, or is to have it before another one does (NULL: before a new one): queued ones
    get their nodes in the order in which they were begun. NULL: none. */
struct broker_rollout *broker_rollouts_before (struct broker *broker, const struct broker_rollout *rollout,
                                               const char *node, const char *application,
                                               uint32_t *ret_index);

#endif
