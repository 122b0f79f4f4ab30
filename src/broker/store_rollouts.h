/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/store_rollouts.h - the records of rollouts: their specs, states and members, their transitions,
    and the orders that were given

    As in broker/store.h: calls return 0, or -errno with the error filled, or -ENOENT without a text. */

#ifndef BROKER_STORE_ROLLOUTS_H
#define BROKER_STORE_ROLLOUTS_H

#include "broker/store.h"
#include "rollout/rollout.h"

enum {
    BROKER_ROLLOUTS_MOST = 256, /* that are kept; the oldest finished ones are deleted first */
    BROKER_GIVEN_MOST = 500     /* orders that are kept a node and application */
};

/*  A rollout. Everything that is shown of it, with its spec and its reason, is in state. */
struct broker_rollout_row {
    uint64_t serial; /* in the order in which they were created */
    bool live;       /* something may still happen to it: it is loaded at the start */
    uint32_t wave;   /* counts from 0 */
    uint64_t phase_ms, wave_ms, stopped_ms, stop_ms; /* as in struct rollout: broker/watch.h */
    struct rollout_evidence evidence;
    struct wire_rollout_state state; /* owned */
};
void broker_rollout_row_deinit (struct broker_rollout_row *row);

/*  Adds a rollout and sets its serial. */
int broker_store_rollout_add (struct broker_store *store, struct broker_rollout_row *row,
                              struct base_error *error);
int broker_store_rollout_put (struct broker_store *store, const struct broker_rollout_row *row,
                              struct base_error *error);
int broker_store_rollout_get (struct broker_store *store, const char *id, struct broker_rollout_row *ret_row,
                              struct base_error *error);

/*  Calls each for rollouts, newest first: those with a serial below `before` (0: all) that changed after
    revision `since`. Stops at a non-zero return and returns it. */
typedef int broker_rollout_each (void *context, const struct broker_rollout_row *row);
int broker_store_rollouts (struct broker_store *store, uint64_t before, uint64_t since, bool only_live,
                           broker_rollout_each *each, void *context, struct base_error *error);

/*  Deletes the oldest finished rollouts, so that there is room for one more. */
int broker_store_rollouts_prune (struct broker_store *store, struct base_error *error);

/*  A member, or a selected node that is skipped; skipped nodes follow the members. Texts are the caller's;
    NULL: none. */
struct broker_member_row {
    uint32_t index;
    const char *node;
    struct rollout_member member; /* its durable parts */
    uint64_t epoch;               /* of the last order; 0: none */
    enum wire_verb verb;          /* of that order: update or revert */
    const char *transaction;      /* of the last update */
    uint64_t ordered_ms,
        took_ms;      /* when that was ordered, and how long it took to be confirmed; 0: unknown */
    uint64_t real_ms; /* since 1970: when it entered its state, for people */
    const char *step, *reason;
    uint64_t revision;
};
int broker_store_member_put (struct broker_store *store, uint64_t rollout,
                             const struct broker_member_row *row, struct base_error *error);

/*  Calls each for the members from `index` on that changed after revision `since`. */
typedef int broker_member_each (void *context, const struct broker_member_row *row);
int broker_store_members (struct broker_store *store, uint64_t rollout, uint64_t index, uint64_t since,
                          broker_member_each *each, void *context, struct base_error *error);

/*  Returns how long the last updates of rollouts took on average; 0: there was none. */
int broker_store_members_took (struct broker_store *store, uint64_t *ret_ms, struct base_error *error);

/*  The clock of rollouts (broker/watch.h) as it was last saved. A put never sets it back. */
int broker_store_watched_get (struct broker_store *store, uint64_t *ret_ms, struct base_error *error);
int broker_store_watched_put (struct broker_store *store, uint64_t ms, struct base_error *error);
/*  If the clock is missing, sets it to the latest time of it in the records, but at least to one day. */
int broker_store_watched_mend (struct broker_store *store, struct base_error *error);

/*  Adds a transition of a rollout, and sets its serial. */
int broker_store_turn_add (struct broker_store *store, uint64_t rollout, struct wire_turn *turn,
                           struct base_error *error);
typedef int broker_turn_each (void *context, const struct wire_turn *turn);
int broker_store_turns (struct broker_store *store, uint64_t rollout, uint64_t after, broker_turn_each *each,
                        void *context, struct base_error *error);

/*  An order that was given, for nodectl why. */
struct broker_given {
    const char *node, *application;
    uint64_t epoch;
    enum wire_verb verb;
    const char *transaction; /* may be NULL */
    const char *rollout;     /* NULL: an operator gave it */
    uint64_t wave;           /* counts from 1 */
    const char *place;       /* of the operator; may be NULL */
    const char *time;        /* RFC 3339 */
};
int broker_store_given_put (struct broker_store *store, const struct broker_given *given,
                            struct base_error *error);

#endif
