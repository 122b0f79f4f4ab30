/*  broker/orders.h - what is wanted of an application on a node, and what came of it

    The desired state of an application is one record that only grows: each order changes its part of it
    and gives the whole the next epoch, above all that was ever issued here or told by the node. A node
    that was away for many orders so learns all that still matters from one answer.

    An epoch is the wall clock in milliseconds where that is higher: so a broker whose records were restored
    from an older copy gives no epoch a second time, even before it has heard of the node. */

#ifndef BROKER_ORDERS_H
#define BROKER_ORDERS_H

#include "broker/store.h"

/*  An order to one node. */
struct broker_order {
    enum wire_verb verb; /* update, revert, hold, unhold, cancel, clear */
    const char *application;
    const struct base_digest
        *release; /* of update and clear; NULL: the newest, or all. Of revert: a node goes back from this one
                                          alone, should it come to it yet; NULL: from what it tells that it runs */
    const char *node;
    const char *platform;
    bool online;
    bool no_hold;    /* of revert: the node stays free to take what a higher epoch orders */
    uint64_t now_ms; /* of the wall clock; 0: unknown */
};

/*  Makes an order, or tells in *ret_ordered why none was made. Writes into the store, in the caller's
    transaction. *ret_epoch: of a new order; 0 where none was made, or one that is under way is told again.
    *ret_ordered is the caller's. Returns 0 or -errno. */
int broker_order_make (struct broker_store *store, const struct broker_order *order,
                       struct wire_ordered *ret_ordered, uint64_t *ret_epoch, struct base_error *error);

/*  The newest release that is offered for a platform. Returns 0, -ENOENT or another -errno. */
int broker_order_newest (struct broker_store *store, const char *application, const char *platform,
                         struct broker_release *ret_release, struct base_error *error);

/*  The answer to ask; a record without an order gives status none. The answer gets copies. */
int broker_order_desired (const struct broker_application *application, struct wire_desired *ret_desired);

/*  Raises the highest epoch to what the node tells. No broker gave out one beyond the time at which it did, but
    for one more than the last: what is told beyond both is taken out of told, which is the record's own copy.
    now_ms: of the wall clock, which may have been a day ahead. Returns whether all of it was believed. */
bool broker_order_raise (struct broker_application *application, struct wire_application *told,
                         uint64_t now_ms);

/*  Fills desired_epoch, desired_transaction, outcome, outcome_step and outcome_reason of a node's record.
    Where the node says that it has carried the order out and no report tells the result, it is read from
    how the node stands, unless may_come: a report may still be on its way. *ret_missing (may be NULL):
    whether it is missing. */
int broker_order_outcome (struct broker_store *store, const struct broker_application *application,
                          bool may_come, struct wire_node *node, bool *ret_missing, struct base_error *error);

/*  The same for the order of an epoch that was an update to a release, or a revert from one; sets outcome,
    outcome_step and outcome_reason only. */
struct broker_order_given {
    enum wire_verb verb;
    uint64_t epoch;
    const struct base_digest *release;
    const char *transaction; /* of an update; may be NULL */
};
int broker_order_result (struct broker_store *store, const struct broker_application *application,
                         const struct broker_order_given *given, bool may_come, struct wire_node *node,
                         bool *ret_missing, struct base_error *error);

/*  Whether the update that was ordered last has not ended. */
bool broker_order_under_way (const struct broker_application *application, bool online);

/*  Whether the node is to stay as it is. */
bool broker_order_held (const struct broker_application *application);

/*  Whether a release failed there before, and nobody has cleared that. */
bool broker_order_quarantined (const struct broker_application *application,
                               const struct base_digest *release);

#endif
