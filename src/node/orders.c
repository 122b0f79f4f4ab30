/* SPDX-License-Identifier: MPL-2.0 */
/*  node/orders.c - the orders of the origin to an application of this node

    A desired state contains all orders that are in force, each with its epoch. update/order.h chooses which
    of them remain to be carried out. Each is carried out and reported once. */

#include <string.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "node/application.h"
#include "root/workspace.h"
#include "wire/envelope.h"
#include "wire/text.h"

enum { ATTEMPTS_MOST = 5, PROBES_MOST = 2, ATTEMPT_LAST = 1000 /* the most that the record can hold */ };

void node_order_clear (struct node_application *app)
{
    base_assert (app);
    wire_installed_deinit (&app->order.candidate);
    free (app->order.custom);
    base_buffer_deinit (&app->order.document);
    app->order = (struct node_order){.epoch = 0};
}

void node_order_close (struct node_application *app, uint64_t epoch)
{
    base_assert (app);
    struct wire_order_state *order_state = &app->order_state;
    node_epoch_raise (&order_state->epoch, epoch);
    order_state->under_way = order_state->attempt = order_state->probes = 0;
}

void node_text_set (const char **field, const char *text)
{
    base_assert (field);
    int r = wire_text_set (field, text);
    if (r < 0)
        wire_text_free (field); /* an earlier text would be wrong */
}

void node_collect (struct node_application *app)
{
    base_assert (app && root_is_open (app->root));
    unsigned removed;
    struct base_error error = {.code = 0};
    int r = root_collect (app->root, app->process->config->keep, &removed, &error);
    if (r < 0)
        base_log (BASE_LOG_WARNING, "cannot remove old workspaces, ignoring: %s", error.text);
}

/*  Returns whether the hold belongs to a revert. Such a hold takes effect with the revert itself
    (resume.c), or if there is nothing to revert. A node that could not revert is not held: it accepts the
    update that repairs it. */
static bool hold_is_by_revert (const struct wire_desired *desired)
{
    return desired->held && desired->hold_epoch == desired->revert_epoch;
}

static void hold_apply (struct node_application *app, const struct wire_desired *desired,
                        const struct update_order *order)
{
    if (order->hold && !hold_is_by_revert (desired))
        app->order_state.held = desired->held;
    if (order->revert_nothing && hold_is_by_revert (desired))
        app->order_state.held = true;
    node_epoch_raise (&app->order_state.hold_epoch, desired->hold_epoch);
}

/*  Remembers the result of a cancellation until it is reported: it is known before its order ends. */
static void cancel_note (struct node_application *app, const struct wire_desired *desired,
                         const struct update_order *order)
{
    if (order->cancel || order->cancel_late) {
        app->cancel_epoch = desired->cancel_epoch;
        app->cancel_late = order->cancel_late;
    }
}

static unsigned quarantine_clear (struct node_application *app, const struct wire_desired *desired)
{
    unsigned count = 0;
    struct base_error error;
    const struct base_digest *release =
        base_digest_is_null (&desired->clear_release) ? NULL : &desired->clear_release;
    int r = root_quarantine_clear (app->root, release, &count, &error);
    if (r < 0)
        base_log (BASE_LOG_WARNING, "cannot clear the quarantine: %s", error.text);
    app->order_state.clear_epoch = desired->clear_epoch;
    return count;
}

/*  Ends the orders that need no update procedure: hold, clear, and orders with nothing to do. Not during an
    update: the update may be interrupted, and with a recorded epoch above its own the node would forget it.
    A clear also forgets how often the last order was interrupted. Returns whether an order has ended. */
static bool orders_settle (struct node_application *app, const struct wire_desired *desired,
                           const struct update_order *order)
{
    const struct wire_order_state *order_state = &app->order_state;
    if (!update_order_at_rest (app->procedure.state) || order->update || order->revert)
        return false;
    if (app->procedure.state == WIRE_STATE_UNFIT && node_retry_waits (app))
        return false;
    uint64_t epoch = order_state->hold_epoch;
    node_epoch_raise (&epoch, order_state->clear_epoch);
    if (order->cancel_nothing)
        node_epoch_raise (&epoch, desired->cancel_epoch);
    if (order->revert_nothing)
        node_epoch_raise (&epoch, desired->revert_epoch);
    if (order->update_held)
        node_epoch_raise (&epoch, desired->release_epoch);
    if (epoch <= order_state->epoch)
        return false;
    node_order_close (app, epoch);
    return true;
}

static void order_begin (struct node_application *app, const struct wire_desired *desired)
{
    struct wire_order_state *order_state = &app->order_state;
    base_assert (update_order_at_rest (app->procedure.state));
    bool again = order_state->under_way == desired->release_epoch;
    unsigned unfit = again ? (unsigned) order_state->unfit : 0;
    node_retry_clear (app);
    node_blame_free (app);
    order_state->unfit = app->procedure.unfit = unfit;
    order_state->attempt = !again                                ? 1
                           : order_state->attempt < ATTEMPT_LAST ? order_state->attempt + 1
                                                                 : ATTEMPT_LAST;
    order_state->probes = again ? order_state->probes : 0;
    order_state->under_way = desired->release_epoch;
    node_text_set (&order_state->transaction, desired->transaction);
    node_order_state_save (app);

    node_order_clear (app);
    app->order.epoch = desired->release_epoch;
    app->order.attempt = (unsigned) order_state->attempt;
    app->order.release = desired->release;
    (void) base_text_copy (app->order.transaction, sizeof app->order.transaction,
                           desired->transaction ? desired->transaction : "unnamed");
    node_event (app, UPDATE_EVENT_ORDER);
}

bool node_orders_refuse (struct node_application *app)
{
    const struct wire_order_state *order_state = &app->order_state;
    struct wire_failure quarantined;
    struct root_outcome outcome;
    base_assert (app->procedure.state == WIRE_STATE_MATCHING);
    if (root_quarantine_find (app->root, &app->order.release, &quarantined) == 0) {
        node_fail (app, UPDATE_EVENT_REFUSED, "quarantined since %s (%s: %s)", quarantined.time,
                   quarantined.step, quarantined.reason);
        wire_failure_deinit (&quarantined);
    } else if (root_failed_find (app->root, &app->order.release, &outcome) == 0 &&
               outcome.judged == ROOT_JUDGED_INNOCENT) {
        node_fail (app, UPDATE_EVENT_REFUSED,
                   "its trial ended at %s (%s: %.200s) and the records of this node were lost: order it "
                   "again to try it again",
                   outcome.time, root_cause_word (outcome.cause), outcome.text);
        if (node_order_state_save (app))
            (void) root_failed_remove (app->root, outcome.workspace);
    } else if (order_state->probes >= PROBES_MOST)
        node_fail (app, UPDATE_EVENT_REFUSED,
                   "its rehearsal was started %u times and never ended on this host",
                   (unsigned) order_state->probes);
    else if (order_state->attempt > ATTEMPTS_MOST + order_state->unfit)
        node_fail (app, UPDATE_EVENT_REFUSED, "it was started %u times and never ended on this host",
                   (unsigned) order_state->attempt - 1);
    else if (app->process->config->depth == 0)
        node_fail (app, UPDATE_EVENT_REFUSED, "this probe is the innermost of its rehearsal");
    else
        return false;
    return true;
}

/*  What there is to report about a desired state. */
struct settled {
    bool hold, clear;
    unsigned cleared; /* releases */
};

/*  Reports the orders that needed no update procedure, each under its own epoch: whoever gave the order waits
    for a report of that epoch. */
static void settled_report (struct node_application *app, const struct wire_desired *desired,
                            const struct update_order *order, const struct settled *settled)
{
    if (settled->hold && !hold_is_by_revert (desired))
        node_report_order (app, desired->hold_epoch, "hold", WIRE_OUTCOME_PASSED,
                           desired->held ? "held" : "released");
    if (settled->clear) {
        char text[64];
        (void) snprintf (text, sizeof text, "%u releases cleared", settled->cleared);
        node_report_order (app, desired->clear_epoch, "clear", WIRE_OUTCOME_PASSED, text);
    }
    if (order->cancel_nothing) {
        bool known = app->cancel_epoch == desired->cancel_epoch;
        bool late = known && app->cancel_late;
        node_report_order (app, desired->cancel_epoch, "cancel",
                           late ? WIRE_OUTCOME_REFUSED : WIRE_OUTCOME_PASSED,
                           late    ? "too late: the update had switched already"
                           : known ? "the update in progress was ended"
                                   : "no update is in progress");
    }
    if (order->revert_nothing)
        node_report_order (app, desired->revert_epoch, "revert", WIRE_OUTCOME_NOTHING,
                           hold_is_by_revert (desired) ? "the release to revert does not run here; held"
                                                       : "the release to revert does not run here");
    if (order->update_held)
        node_report_order (app, desired->release_epoch, wire_state_word (WIRE_STATE_MATCHING),
                           WIRE_OUTCOME_REFUSED, "the node is held: release it with nodectl unhold");
}

static void revert_begin (struct node_application *app, const struct wire_desired *desired)
{
    base_assert (app->procedure.state == WIRE_STATE_TRIAL || update_order_at_rest (app->procedure.state));
    if (app->procedure.state != WIRE_STATE_TRIAL)
        node_order_clear (app);
    app->order.epoch = desired->revert_epoch;
    app->order.attempt = 1;
    node_event (app, UPDATE_EVENT_REVERT);
}

/*  Refuses a state that is older than one seen before, or that has the epoch of another one. An origin whose
    records were restored from an older copy sends such states. An order whose epoch is used a second time is
    reported as refused, so that nobody waits for it. */
static void state_refuse (struct node_application *app, const struct wire_desired *desired,
                          const struct update_order *order)
{
    base_assert (order->older || order->other);
    if (order->older) {
        base_log_limited (
            &app->process->log, BASE_LOG_INFO,
            "ignoring the desired state of epoch %llu from the origin: this node has seen epoch %llu",
            (unsigned long long) desired->epoch, (unsigned long long) app->order_state.seen_epoch);
        return;
    }
    base_log_limited (&app->process->log, BASE_LOG_WARNING,
                      "refused: the origin sent a different order for epoch %llu before; were its records "
                      "restored from an older copy?",
                      (unsigned long long) desired->epoch);
    if (app->refused_epoch == desired->epoch)
        return;
    app->refused_epoch = desired->epoch;
    node_report_order (app, desired->epoch, "order", WIRE_OUTCOME_REFUSED,
                       "this node has seen another order of the same epoch: the broker's records are older "
                       "than the node; order it again");
}

void node_orders_desired (struct node_application *app, const struct wire_desired *desired)
{
    node_application_check (app);
    base_assert (!app->busy && desired);
    if (desired->status != WIRE_STATUS_OK || strcmp (desired->application, app->name) != 0)
        return;
    struct wire_order_state *order_state = &app->order_state;
    struct update_order order = update_order_choose (desired, order_state, app->procedure.state,
                                                     app->order.epoch, &app->running->installed.release);
    if (order.older || order.other) {
        state_refuse (app, desired, &order);
        return;
    }
    uint64_t ended = order_state->epoch;
    bool changed = desired->epoch > order_state->seen_epoch || order.hold || order.clear;
    order_state->seen_epoch = desired->epoch;
    order_state->seen_digest = update_order_digest (desired);
    hold_apply (app, desired, &order);
    cancel_note (app, desired, &order);
    /* a hold also ends an order that would be retried after it */
    bool hold_cancels = order.hold && desired->held && !hold_is_by_revert (desired) &&
                        app->procedure.state == WIRE_STATE_UNFIT && node_retry_waits (app);
    unsigned cleared = order.clear ? quarantine_clear (app, desired) : 0;
    bool settled = orders_settle (app, desired, &order);
    bool waits = order.update && node_blame_waits (app, desired->release_epoch);
    if ((!order.update || waits) && (changed || settled))
        node_order_state_save (app);
    /* one that was carried out and reported during an update ends only now, and is reported again */
    struct settled report = {.hold = order.hold || (settled && order_state->hold_epoch > ended),
                             .clear = order.clear || (settled && order_state->clear_epoch > ended),
                             .cleared = cleared};
    settled_report (app, desired, &order, &report);
    if (order.cancel || hold_cancels)
        node_fail (app, UPDATE_EVENT_CANCEL, order.cancel ? "cancelled by order" : "the node is held");
    if (order.update_later)
        base_log (BASE_LOG_INFO, "%s: update in progress: the next order waits until it has ended",
                  app->order.transaction);
    if (order.revert)
        revert_begin (app, desired);
    else if (order.update && !waits)
        order_begin (app, desired);
}

static void on_trust (void *context, const struct node_trust_answer *answer)
{
    struct node_application *app = context;
    base_assert (app->procedure.state == WIRE_STATE_MATCHING && !app->order.custom);
    if (answer->verdict != NODE_TRUST_VERIFIED) {
        node_fail (app, answer->verdict == NODE_TRUST_REFUSED ? UPDATE_EVENT_REFUSED : UPDATE_EVENT_FAILED,
                   "%s", answer->reason);
        return;
    }
    app->order.custom = malloc (sizeof *app->order.custom);
    if (!app->order.custom) {
        node_fail (app, UPDATE_EVENT_FAILED, "out of memory");
        return;
    }
    *app->order.custom = *answer->custom;
    node_event (app, UPDATE_EVENT_DONE);
}

/*  The release fits this node. If a trust root is pinned, nothing is fetched before signed metadata allows it. */
static void order_verify (struct node_application *app)
{
    struct node_trust_question question = {.release = &app->order.release, .size = app->order.size};
    free (app->order.custom);
    app->order.custom = NULL;
    if (node_trust_is_on (app->process))
        node_trust_begin (&app->trust, app, &question, on_trust, app);
    else
        node_event (app, UPDATE_EVENT_DONE);
}

void node_orders_matched (struct node_application *app, const struct wire_matched *matched)
{
    base_assert (app && matched);
    if (app->procedure.state != WIRE_STATE_MATCHING)
        return;
    if (matched->status == WIRE_STATUS_NONE || matched->status == WIRE_STATUS_GONE)
        node_fail (app, UPDATE_EVENT_REFUSED, "%s",
                   matched->reason                       ? matched->reason
                   : matched->status == WIRE_STATUS_GONE ? "the release was withdrawn"
                                                         : "the origin has nothing for this node");
    else if (matched->status != WIRE_STATUS_OK || !matched->size)
        node_fail (app, UPDATE_EVENT_FAILED, "the origin could not answer the match: %s",
                   matched->reason ? matched->reason : wire_status_word (matched->status));
    else {
        app->order.size = matched->size;
        order_verify (app);
    }
}

/*  The document's digest is the release's, so the origin cannot exchange the document. */
bool node_orders_choose (struct node_application *app)
{
    struct base_error error = {.code = 0};
    base_assert (app->procedure.state == WIRE_STATE_FETCHING);
    base_assert (!app->order.candidate.envelope);
    struct node_order *order = &app->order;
    base_cleanup (wire_release_deinit) struct wire_release release = {.application = NULL};
    const struct wire_envelope *running = app->running->installed.envelope;
    int r = wire_release_unpack (order->document.data, order->document.size, &release, &error);
    if (r) {
        node_fail (app, UPDATE_EVENT_FAILED, "the release document cannot be used: %s",
                   *error.text ? error.text : "out of memory");
        return false;
    }
    if (order->custom && !node_trust_fits (order->custom, &release, &error)) {
        node_fail (app, UPDATE_EVENT_REFUSED, "%s", error.text);
        return false;
    }
    const struct wire_envelope *envelope = wire_release_match (&release, identity_platform ());
    if (strcmp (release.application, app->name) != 0) {
        node_fail (app, UPDATE_EVENT_REFUSED, "the release is of the application %s, not of %s",
                   release.application, app->name);
        return false;
    }
    if (!envelope) {
        node_fail (app, UPDATE_EVENT_REFUSED, "the release does not support %s", identity_platform ());
        return false;
    }
    if (running && wire_envelope_equal (envelope, running)) {
        node_fail (app, UPDATE_EVENT_SAME, "this envelope already runs");
        return false;
    }
    order->candidate.release = order->release;
    order->candidate.transaction = strdup (order->transaction);
    order->candidate.envelope = calloc (1, sizeof *order->candidate.envelope);
    if (!order->candidate.transaction || !order->candidate.envelope ||
        wire_copy (&wire_envelope_record, envelope, order->candidate.envelope) < 0) {
        node_fail (app, UPDATE_EVENT_FAILED, "out of memory");
        return false;
    }
    return true;
}
