/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/orders.h - the desired state of an application on a node, and the results of orders

    The desired state of an application is one record that only grows: each order changes its part of it and
    gives the whole record the next epoch, above every epoch that was issued here or reported by the node.
    So a node that was offline for many orders learns everything that still matters from one answer.

    An epoch is the wall clock in milliseconds if that is higher. So a broker whose records were restored
    from an older copy issues no epoch a second time, even before it has heard of the node. */

#ifndef BROKER_ORDERS_H
#define BROKER_ORDERS_H

#include "records/records.h"

/*  An order to one node. */
struct broker_order {
    enum wire_order verb; /* update, revert, hold, unhold, cancel, clear */
    const char *application;
    /*  Of update and clear; NULL: the newest, or all. Of revert: the node reverts from this release only,
        even if it runs it only later; NULL: from the release that it reports. */
    const struct base_digest *release;
    const char *node;
    const char *platform;
    bool online;
    bool no_hold;    /* of revert: the node is not held, and stays free to follow later orders */
    uint64_t now_ms; /* of the wall clock; 0: unknown */
};

/*  Makes an order, or reports in *ret_ordered why none was made. Writes to the records, in the caller's
    transaction. *ret_epoch: of a new order; 0 if none was made, or if the order under way is reported
    again. The caller owns *ret_ordered. Returns 0 or -errno. */
int broker_order_make (struct records *records, const struct broker_order *order,
                       struct wire_order_result *ret_ordered, uint64_t *ret_epoch, struct base_error *error);

/*  Returns the newest release that is offered for a platform. Returns 0, -ENOENT or another -errno. */
int broker_order_newest (struct records *records, const char *application, const char *platform,
                         struct records_release *ret_release, struct base_error *error);

/*  Fills the answer to ask with a copy of the desired state; without an order, its status is none. */
int broker_order_desired (const struct records_application *application, struct wire_desired *ret_desired);

/*  Raises the highest epoch of the record to those that the node reports. A broker issues no epoch beyond
    the time of issue, except one more than the last. So a reported epoch that is above both is removed from
    told, which must be the record's own copy. now_ms: of the wall clock; an earlier clock may have been a
    day ahead. Returns whether every reported epoch was plausible. */
bool broker_order_raise (struct records_application *application, struct wire_application *told,
                         uint64_t now_ms);

/*  Fills desired_epoch, desired_transaction, outcome, outcome_step and outcome_reason of a node's record.
    If the node says that it has completed the order, and no report has the result, the result is inferred
    from the node's state, unless may_come: a report may still arrive. *ret_missing (may be NULL): the
    report is missing. */
int broker_order_outcome (struct records *records, const struct records_application *application,
                          bool may_come, struct wire_node *node, bool *ret_missing, struct base_error *error);

/*  The same for an earlier order: an update to a release, or a revert from one. Sets outcome, outcome_step
    and outcome_reason only. */
struct broker_order_given {
    enum wire_order verb;
    uint64_t epoch;
    const struct base_digest *release;
    const char *transaction; /* of an update; may be NULL */
};
int broker_order_result (struct records *records, const struct records_application *application,
                         const struct broker_order_given *given, bool may_come, struct wire_node *node,
                         bool *ret_missing, struct base_error *error);

/*  Returns whether the last update that was ordered has not ended. */
bool broker_order_under_way (const struct records_application *application, bool online);

/*  Returns whether the node is held. */
bool broker_order_held (const struct records_application *application);

/*  Returns whether the release failed on the node before, and its quarantine was not cleared. */
bool broker_order_quarantined (struct records *records, const struct records_application *application,
                               const struct base_digest *release);

#endif
