/* SPDX-License-Identifier: MPL-2.0 */
/*  deploy/rollout.h - rollouts in memory, and their members

    The lowest layer of this room: nothing here writes records, waits, or notifies a node or a person. */

#ifndef DEPLOY_ROLLOUT_H
#define DEPLOY_ROLLOUT_H

#include "base/log.h"
#include "deploy/clock.h"
#include "deploy/ops.h"
#include "deploy/plans.h"
#include "rollout/rollout.h"

/*  A member: what the machine does not keep. Owns its texts. */
struct deploy_member {
    const char *id;
    uint64_t epoch; /* of the last order; 0: none */
    enum wire_order verb;
    const char *transaction;
    uint64_t ordered_ms, took_ms;
    uint64_t since_ms, real_ms; /* the machine's since_ms, and the real time at which it changed */
    const char *step, *reason;
    uint64_t revision;
    uint64_t settle_ms; /* since boot: until then its result may still arrive; 0: none is missing */
    enum { DEPLOY_LOOK_NONE, DEPLOY_LOOK_UPDATED, DEPLOY_LOOK_OTHER } look; /* at the last round */
    uint64_t restarts;                                                      /* at the last round */
    bool queued;                                                            /* to be checked */
};

struct deploy_rollout {
    uint64_t serial;
    struct rollout machine;
    struct deploy_member *members; /* owned; as many as the machine has, in its order */
    uint32_t *by_id;               /* owned; their indices, sorted by id */
    uint32_t *queue;               /* owned; indices of members that reported something */
    uint32_t n_queue;
    const char **values; /* owned; names of the failure domains, by number; the texts are below */
    char *value_texts;
    struct rollout_failure_domain *others; /* owned; nodes that are not members, as the machine has them */
    struct wire_rollout_state state;       /* owned; as last written */
    uint64_t sequences[WIRE_PHASE_END];
    uint64_t since_ms; /* the machine's phase_ms to which state.since belongs */
    uint64_t due_ms;   /* when to check it next */
    uint64_t compared_ms;
    const char *blocked; /* owned; of a queued rollout: what it waits for */
    uint32_t waits_at;   /* of a queued rollout: the member for which it waited last */
    bool live;           /* reports of its nodes can still change it */
    bool broken;         /* a transaction has failed: it must be loaded again */
    bool older;          /* a node has seen an order that the records lack: to be paused */
    bool doubted; /* it was paused for that since the program started, and is not paused for it again */
};

/*  Times that the owner sets; they may change while rollouts are live. */
struct deploy_times {
    uint64_t heartbeat_ms; /* of nodes */
    uint64_t liveness_ms;  /* silence after which a node counts as offline */
    uint64_t reconnect_ms; /* longest delay until a node that lost its connection tries again */
};

/*  The live rollouts, and the time at which they are checked next. Null value: all zero. */
struct deploy {
    const struct deploy_ops *ops;
    void *context;
    struct records *records;
    struct deploy_times times;
    struct deploy_rollout **live; /* owned; in the order in which they were created */
    size_t n_live;
    bool is_awaited;  /* deploy_tick will be called ... */
    uint64_t tick_ms; /* ... at this time of the clock */
    struct deploy_clock clock;
    struct deploy_plans plans;
    bool others_changed;
    uint64_t swept_ms;
    struct base_log_limit log;
};

/*  The step of a member while its host is unfit for the update, and the text in its reason before the time of
    the next try. */
#define DEPLOY_UNFIT_STEP "unfit"
#define DEPLOY_UNFIT_NEXT "; next try at "

/*  Returns the time of the clock of rollouts, see deploy/clock.h. All times of rollouts are of this clock,
    except those for people. */
uint64_t deploy_now_ms (struct deploy *deploy);

/*  The durable parts of a member, as they are stored. Leaves the other fields of row as they are. */
void deploy_member_save (const struct rollout_member *member, struct records_member *row);
struct rollout_member deploy_member_restore (const struct records_member *row);
struct records_evidence deploy_evidence_save (const struct rollout_evidence *evidence);

/*  Loads a rollout from its row and its members. The caller owns *ret_rollout. Returns 0, -EBADMSG if they
    contradict each other, or another -errno. */
int deploy_rollout_load (struct deploy *deploy, const struct records_rollout *row,
                         struct deploy_rollout **ret_rollout, struct base_error *error);
/*  Accepts NULL, and a rollout that is loaded in part. Returns NULL. */
struct deploy_rollout *deploy_rollout_free (struct deploy_rollout *rollout);
/*  Indexes members and failure domains; the members have their ids. Returns 0 or -ENOMEM. */
int deploy_rollout_index (struct deploy *deploy, struct deploy_rollout *rollout);
/*  Returns the index of a member, or ROLLOUT_NOBODY. */
uint32_t deploy_rollout_find (const struct deploy_rollout *rollout, const char *id);
/*  Updates the machine's counts of nodes that are not members, and of the offline ones of these. If memory is
    exhausted, the counts stay as they are. */
void deploy_rollout_count_others (struct deploy *deploy, struct deploy_rollout *rollout);

/*  Asserts what always holds for a rollout that is not broken, between two calls. */
void deploy_rollout_check (const struct deploy_rollout *rollout);

/*  Returns the rollout that has a node and has not ended with it, except queued ones; NULL: none. *ret_index:
    of its member. */
struct deploy_rollout *deploy_rollout_of (struct deploy *deploy, const char *node, const char *application,
                                          uint32_t *ret_index);

/*  Returns whether a rollout that has not ended gets shared nodes before the other rollout. */
bool deploy_rollout_comes_before (const struct deploy_rollout *rollout, const struct deploy_rollout *other);

/*  Returns a rollout that must end with a node before `rollout` (NULL: a new one) gets it: it has the node,
    or is queued for it and was created earlier. NULL: none. *ret_index: of its member. */
struct deploy_rollout *deploy_rollout_before (struct deploy *deploy, const struct deploy_rollout *rollout,
                                              const char *node, const char *application, uint32_t *ret_index);

#endif
