/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/outcome.c - the result of an order

    The result is the last report under the order's epoch that ends the order. If that report was lost for
    good (the journal was damaged, or the reports were pruned), the node still reports that it has completed
    the order. Then the result is inferred from its state. */

#include "broker/orders.h"

#include <errno.h>

#include "base/assert.h"
#include "base/cleanup.h"

enum { ENDING_FOUND = 1 /* ends the search */ };

struct ending {
    enum wire_order verb;
    const struct base_digest *release;
    struct wire_node *node;
};

static bool report_is_end (const struct wire_stored_report *stored, enum wire_order verb,
                           const struct base_digest *release)
{
    switch (stored->outcome) {
    case WIRE_OUTCOME_CONFIRMED: /* broker_on_report has checked that the node runs it */
        return verb != WIRE_ORDER_UPDATE || base_digest_is_null (&stored->release) ||
               base_digest_equal (&stored->release, release);
    case WIRE_OUTCOME_NOTHING:
    case WIRE_OUTCOME_FAILED:
    case WIRE_OUTCOME_REFUSED:
    case WIRE_OUTCOME_CANCELLED:
    case WIRE_OUTCOME_REVERTED:
    case WIRE_OUTCOME_ROLLED_BACK:
        return true;
    case WIRE_OUTCOME_PASSED:
        /* A revert also holds the node; the report of the hold does not mean that it has reverted. */
        return verb != WIRE_ORDER_UPDATE && verb != WIRE_ORDER_REVERT &&
               (strcmp (stored->step, "hold") == 0 || strcmp (stored->step, "unhold") == 0 ||
                strcmp (stored->step, "clear") == 0 || strcmp (stored->step, "cancel") == 0);
    default:
        return false;
    }
}

static int outcome_set (struct wire_node *node, enum wire_outcome outcome, const char *step,
                        const char *reason)
{
    base_assert (!node->outcome_step && !node->outcome_reason);
    node->outcome = outcome;
    if (!(node->outcome_word = strdup (wire_outcome_word (outcome))))
        return -ENOMEM;
    if (step && !(node->outcome_step = strdup (step)))
        return -ENOMEM;
    if (reason && !(node->outcome_reason = strdup (reason)))
        return -ENOMEM;
    return 0;
}

static int report_take (void *context, const struct wire_stored_report *stored)
{
    struct ending *ending = context;

    if (!report_is_end (stored, ending->verb, ending->release))
        return 0;
    int r = outcome_set (ending->node, stored->outcome, stored->step, stored->reason);
    if (r < 0)
        return r;
    return ENDING_FOUND;
}

/*  Infers the result from the node's state. */
static int ending_infer (const struct records_application *application,
                         const struct broker_order_issued *issued, struct wire_node *node)
{
    const struct wire_application *reported = &application->reported;
    const struct wire_failure *failure = reported->last_error;

    switch (issued->verb) {
    case WIRE_ORDER_UPDATE:
        if (base_digest_equal (&reported->release, issued->release))
            return outcome_set (node, WIRE_OUTCOME_CONFIRMED, NULL, NULL);
        if (failure && issued->transaction && strcmp (failure->transaction, issued->transaction) == 0)
            return outcome_set (node, WIRE_OUTCOME_FAILED, failure->step, failure->reason);
        return outcome_set (node, WIRE_OUTCOME_FAILED, NULL,
                            "the node ended the order and reported no result");
    case WIRE_ORDER_REVERT:
        if (base_digest_equal (&reported->release, issued->release))
            return outcome_set (node, WIRE_OUTCOME_FAILED, NULL,
                                "the node ended the order and reported no result");
        return outcome_set (node, WIRE_OUTCOME_REVERTED, NULL, NULL);
    default:
        return outcome_set (node, WIRE_OUTCOME_PASSED, NULL, NULL);
    }
}

int broker_order_result (struct records *records, const struct records_application *application,
                         const struct broker_order_issued *issued, bool may_come, struct wire_node *node,
                         bool *ret_missing, struct base_error *error)
{
    base_assert (records && application && issued && node && ret_missing);
    base_assert (issued->release);
    struct ending ending = {.verb = issued->verb, .release = issued->release, .node = node};
    int r;

    *ret_missing = false;
    if (!application->is_reported || application->reported.epoch < issued->epoch)
        return 0;
    r = records_reports_of (records, application->node, application->name, issued->epoch, report_take,
                            &ending, error);
    if (r < 0)
        return r;
    if (r == ENDING_FOUND)
        return 0;
    *ret_missing = true;
    return may_come ? 0 : ending_infer (application, issued, node);
}

int broker_order_outcome (struct records *records, const struct records_application *application,
                          bool may_come, struct wire_node *node, bool *ret_missing, struct base_error *error)
{
    base_assert (records && application && node);
    const struct wire_desired *desired = &application->desired;
    struct broker_order_issued issued = {
        .verb = application->verb,
        .epoch = desired->epoch,
        .release = application->verb == WIRE_ORDER_REVERT ? &desired->revert_from : &desired->release,
        .transaction = desired->transaction};
    bool missing = false;

    if (application->is_desired) {
        node->desired_epoch = desired->epoch;
        if ((application->verb == WIRE_ORDER_UPDATE || application->verb == WIRE_ORDER_CANCEL) &&
            desired->transaction && !(node->desired_transaction = strdup (desired->transaction)))
            return -ENOMEM;
        int r = broker_order_result (records, application, &issued, may_come, node, &missing, error);
        if (r < 0)
            return r;
    }
    if (ret_missing)
        *ret_missing = missing;
    return 0;
}
