/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/orders.h - the desired state of an application on a node, and the results of orders

    The desired state of an application is one record. Each order changes its part of the record, and gives
    the whole record the next epoch, which is above every epoch that was issued here or reported by the node.
    So a node that was offline for many orders needs only one answer.

    If the wall clock in milliseconds is higher than the next epoch, it is the next epoch. So a broker whose
    records were restored from an older copy issues no epoch twice, even before the node has connected. */

#ifndef BROKER_ORDERS_H
#define BROKER_ORDERS_H

#include "records/records.h"

/*  An order to one node. */
struct broker_order {
    enum wire_order verb; /* update, revert, hold, unhold, cancel, clear */
    const char *application;
    /*  Of update: NULL is the newest. Of clear: NULL is all. Of revert: the release to revert from, even if
        the node starts to run it only later; NULL is the release that the node reports. */
    const struct base_digest *release;
    const char *node;
    const char *platform;
    bool online;
    bool no_hold;    /* of revert: the node is not held, and follows later orders */
    uint64_t now_ms; /* of the wall clock; 0: unknown */
};

/*  Makes an order, or reports in *ret_ordered why none was made. Writes to the records, in the caller's
    transaction. *ret_epoch: of a new order; 0 if none was made, or if the order under way is reported
    again. The caller owns *ret_ordered. Returns 0 or -errno. */
int broker_order_make (struct records *records, const struct broker_order *order,
                       struct wire_order_result *ret_ordered, uint64_t *ret_epoch, struct base_error *error);

/*  Finds the newest release for a platform that is not withdrawn. The caller owns *ret_release. Returns 0,
    -ENOENT, or another -errno. */
int broker_order_newest (struct records *records, const char *application, const char *platform,
                         struct records_release *ret_release, struct base_error *error);

/*  Fills the answer to ask with a copy of the desired state; without an order, its status is none. Returns 0
    or -ENOMEM. */
int broker_order_desired (const struct records_application *application, struct wire_desired *ret_desired);

/*  Raises the highest epoch of the record to those that the node reports. An epoch that this broker cannot
    have issued is removed from reported, which must be the record's own copy: it is above now_ms (of the wall
    clock; an earlier clock may have been a day ahead) and above the last epoch. Returns whether no epoch was
    removed. */
bool broker_order_raise (struct records_application *application, struct wire_application *reported,
                         uint64_t now_ms);

/*  Fills desired_epoch, desired_transaction, outcome, outcome_step and outcome_reason of a node's record. If
    the node reports that it has completed the order, but no report has the result, *ret_missing (may be NULL)
    is true. Then the result is inferred from the node's state, unless the report may still arrive (may_come).
    Returns 0 or -errno; node owns its texts. */
int broker_order_outcome (struct records *records, const struct records_application *application,
                          bool may_come, struct wire_node *node, bool *ret_missing, struct base_error *error);

/*  An earlier order: an update to a release, or a revert from one. */
struct broker_order_issued {
    enum wire_order verb;
    uint64_t epoch;
    const struct base_digest *release;
    const char *transaction; /* of an update; may be NULL */
};
/*  As broker_order_outcome, for that order. Sets outcome, outcome_step and outcome_reason only. */
int broker_order_result (struct records *records, const struct records_application *application,
                         const struct broker_order_issued *issued, bool may_come, struct wire_node *node,
                         bool *ret_missing, struct base_error *error);

/*  Returns whether the last update that was ordered has not ended. */
bool broker_order_under_way (const struct records_application *application, bool online);

/*  Returns whether the node is held. */
bool broker_order_held (const struct records_application *application);

/*  Returns whether the release failed on the node before, and its quarantine was not cleared. */
bool broker_order_quarantined (struct records *records, const struct records_application *application,
                               const struct base_digest *release);

#endif
