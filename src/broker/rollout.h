/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/rollout.h - rollouts in memory: what the broker keeps of each, and their members

    The lowest layer of rollouts in the broker: nothing here writes, waits, or notifies a node or a
    person. */

#ifndef BROKER_ROLLOUT_H
#define BROKER_ROLLOUT_H

#include "records/records.h"
#include "broker/watch.h"
#include "rollout/rollout.h"

struct broker;

/*  What the broker knows of a member in addition to the machine. Owns its texts. */
struct broker_member {
    char *id;
    uint64_t epoch; /* of the last order; 0: none */
    enum wire_verb verb;
    char *transaction;
    uint64_t ordered_ms, took_ms;
    uint64_t since_ms, real_ms; /* the machine's since_ms, and the real time at which it changed */
    char *step, *reason;
    uint64_t revision;
    uint64_t settle_ms; /* since boot: until then its result may still arrive; 0: none is missing */
    enum { BROKER_LOOK_NONE, BROKER_LOOK_UPDATED, BROKER_LOOK_OTHER } look; /* at the last round */
    uint64_t restarts;                                                      /* at the last round */
    bool queued;                                                            /* to be checked */
};

struct broker_rollout {
    uint64_t serial;
    struct rollout machine;
    struct broker_member *members; /* owned; as many as the machine has, in its order */
    uint32_t *by_id;               /* owned; their indices, sorted by id */
    uint32_t *queue;               /* owned; indices of members that reported something */
    uint32_t n_queue;
    const char **values; /* owned; names of the failure domains, by number; the texts are below */
    char *value_texts;
    struct rollout_neighbours *others; /* owned; nodes that are not members, as the machine has them */
    struct wire_rollout_state state;   /* owned; as last written */
    uint64_t sequences[WIRE_PHASE_END];
    uint64_t since_ms; /* the machine's phase_ms to which state.since belongs */
    uint64_t due_ms;   /* when to check it next */
    uint64_t compared_ms;
    char *blocked;     /* owned; of a queued rollout: what it waits for */
    uint32_t waits_at; /* of a queued rollout: the member for which it waited last */
    bool live, broken; /* broken: it must be loaded again */
    bool older;        /* the records are older than an order that a node has seen: to be paused */
    bool doubted;      /* it was paused for that since the broker started; not paused for it again */
};

/*  The live rollouts, and the time at which they are checked next. */
struct broker_rollouts {
    struct broker_rollout **live; /* owned; in the order in which they were created */
    size_t n_live;
    int timer;
    uint64_t timer_ms; /* when it fires */
    struct broker_watch watch;
    bool others_changed;
    uint64_t swept_ms;
};

/*  The step that is shown for a member while its host is unfit for the update. *_NEXT begins the last part
    of its reason. */
#define BROKER_UNFIT_STEP "unfit"
#define BROKER_UNFIT_NEXT "; next try at "

/*  The clock of all times of rollouts, except the times for people; see broker/watch.h. */
uint64_t broker_rollouts_now_ms (struct broker *broker);

/*  The durable parts of a member, as they are stored. Leaves the other fields of row as they are. */
void broker_member_save (const struct rollout_member *member, struct records_member *row);
struct rollout_member broker_member_restore (const struct records_member *row);
struct records_evidence broker_evidence_save (const struct rollout_evidence *evidence);

/*  Loads a rollout from its row and its members. The caller owns *ret_rollout. Returns 0, -EBADMSG if they
    contradict each other, or another -errno. */
int broker_rollout_load (struct broker *broker, const struct records_rollout *row,
                         struct broker_rollout **ret_rollout, struct base_error *error);
/*  Accepts NULL, and a rollout that is loaded in part. Returns NULL. */
struct broker_rollout *broker_rollout_free (struct broker_rollout *rollout);
/*  Indexes members and failure domains; the members have their ids. Returns 0 or -ENOMEM. */
int broker_rollout_index (struct broker *broker, struct broker_rollout *rollout);
/*  Returns the index of a member, or ROLLOUT_NOBODY. */
uint32_t broker_rollout_find (const struct broker_rollout *rollout, const char *id);
/*  Updates the machine's count of nodes that are not members, and of those of them that are offline. */
void broker_rollout_count_others (struct broker *broker, struct broker_rollout *rollout);

/*  Returns the rollout that has a node and has not ended with it, except queued ones; NULL: none.
    *ret_index: of its member. */
struct broker_rollout *broker_rollouts_of (struct broker *broker, const char *node, const char *application,
                                           uint32_t *ret_index);

/*  Returns whether a rollout that has not ended gets shared nodes before the other one. */
bool broker_rollout_comes_before (const struct broker_rollout *rollout, const struct broker_rollout *other);

/*  Returns a rollout that has a node, or is queued for it and was created before `rollout` (NULL: a new
    one): queued rollouts get their nodes in the order in which they were created. NULL: none. */
struct broker_rollout *broker_rollouts_before (struct broker *broker, const struct broker_rollout *rollout,
                                               const char *node, const char *application,
                                               uint32_t *ret_index);

#endif
