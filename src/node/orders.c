/*  What the origin wants of this node, and what was left to do from before this process. */

#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "base/time.h"
#include "node/manager.h"
#include "wire/envelope.h"

enum { ATTEMPTS_MOST = 5, PROBES_MOST = 2 };

void node_order_clear (struct node_manager *node)
{
    wire_installed_deinit (&node->order.candidate);
    node->order = (struct node_order){.epoch = 0};
}

static uint64_t later (uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static void set_text (char **field, const char *text)
{
    char *copy = text ? strdup (text) : NULL;
    free (*field);
    *field = copy;
}

/*  The order that var/trial speaks of, so that what is told about it carries its name. */
static void adopt (struct node_manager *node, const struct wire_trial *trial)
{
    node_order_clear (node);
    node->order.epoch = trial->epoch;
    node->order.attempt = (unsigned) trial->attempt;
    node->order.release = trial->release;
    (void) base_text_copy (node->order.transaction, sizeof node->order.transaction, trial->transaction);
    (void) base_text_copy (node->order.workspace, sizeof node->order.workspace, trial->workspace);
    struct wire_envelope *envelope = calloc (1, sizeof *envelope);
    if (envelope)
        envelope->version = strdup (trial->version);
    node->order.candidate.envelope = envelope;
}

static void close_order (struct node_manager *node)
{
    node->standing.epoch = later (node->standing.epoch, node->order.epoch);
    node->standing.under_way = node->standing.attempt = node->standing.probes = 0;
    set_text (&node->standing.transaction, node->order.transaction);
    node_standing_save (node);
    (void) root_trial_forget (&node->root);
    (void) root_outcome_remove (&node->root);
}

/*  Whether the release did it. A host that went down each time, a link that somebody took away, a disk that
    changed files before they ever ran are held against nobody: where the release is behind it all the same,
    each order of a person costs one more trial, and none is begun without. */
static bool is_to_blame (enum root_cause cause)
{
    return cause == ROOT_CAUSE_CRASHED || cause == ROOT_CAUSE_HUNG || cause == ROOT_CAUSE_DAMAGED;
}

/*  guilty: ends the order of a version that never confirmed itself, and quarantines its release. Else the order
    stays: it has not ended for the origin, and is taken up again as often as one that was interrupted. The origin
    is told anew: its records hold what the node was before. */
static void judge (struct node_manager *node, const struct wire_failure *failure, bool guilty)
{
    struct wire_trial trial = {.transaction = NULL};
    struct base_error error;
    if (guilty && root_quarantine_add (&node->root, failure, &error))
        base_log (BASE_LOG_WARNING, "the release is not quarantined: %s", error.text);
    if (root_trial_recall (&node->root, &trial)) {
        (void) root_outcome_remove (&node->root);
        return;
    }
    bool is_its = strcmp (trial.transaction, failure->transaction) == 0;
    if (is_its) {
        adopt (node, &trial);
        if (guilty) {
            node->standing.epoch = later (node->standing.epoch, node->order.epoch);
            node->standing.under_way = node->standing.attempt = node->standing.probes = 0;
            node_standing_save (node);
        }
        node_report (node, wire_state_word (WIRE_STATE_TRIAL), WIRE_OUTCOME_WENT_BACK, failure->reason);
        node_order_clear (node);
        (void) root_trial_forget (&node->root);
        (void) root_outcome_remove (&node->root);
    }
    wire_trial_deinit (&trial);
}

/*  This version runs because the one that was on trial failed: says so, and sees to it that it is not
    tried again. Whoever goes back leaves a note before; without one, this host went down between the
    record of the trial and the switch. The release never ran then, and its order is taken up again, a
    bounded number of times. */
static void came_back (struct node_manager *node, const struct wire_trial *trial)
{
    struct root_outcome outcome;
    if (root_outcome_read (&node->root, &outcome) || strcmp (outcome.workspace, trial->workspace) != 0) {
        base_log (BASE_LOG_INFO, "%s: cut off before the switch to %s", trial->transaction, trial->workspace);
        (void) root_trial_forget (&node->root);
        return;
    }
    adopt (node, trial);
    char reason[400], now[BASE_TIME_TEXT];
    (void) snprintf (reason, sizeof reason, "on trial it %s: %s",
                     outcome.cause == ROOT_CAUSE_UNCONFIRMED ? "never confirmed itself"
                     : outcome.cause == ROOT_CAUSE_HUNG      ? "hung"
                     : outcome.cause == ROOT_CAUSE_DAMAGED   ? "was damaged"
                     : outcome.cause == ROOT_CAUSE_ROTTEN    ? "was damaged before it ever ran"
                     : outcome.cause == ROOT_CAUSE_CRASHED   ? "crashed"
                     : outcome.cause == ROOT_CAUSE_LOST      ? "lost stable"
                                                             : "was interrupted each time",
                     outcome.text);
    base_text_clean (reason);
    struct wire_failure failure = {.transaction = trial->transaction,
                                   .release = trial->release,
                                   .version = trial->version,
                                   .step = (char *) wire_state_word (WIRE_STATE_TRIAL),
                                   .reason = reason,
                                   .time = (char *) base_time_format (base_time_real_ns (), now)};
    struct base_error error;
    if (outcome.cause == ROOT_CAUSE_UNCONFIRMED)
        node_comparison_begin (node, &failure, &node->order, judge);
    else if (is_to_blame (outcome.cause) && root_quarantine_add (&node->root, &failure, &error))
        base_log (BASE_LOG_WARNING, "the release is not quarantined: %s", error.text);
    node_remember_failure (node, &failure);
    if (!node->comparison)
        close_order (node);
    else {
        node->standing.under_way = node->order.epoch;
        node->standing.attempt = node->order.attempt;
        node->standing.probes = 0;
        set_text (&node->standing.transaction, node->order.transaction);
        node_standing_save (node);
    }
    node_report (node, wire_state_word (WIRE_STATE_TRIAL), WIRE_OUTCOME_WENT_BACK, reason);
    node_order_clear (node);
}

/*  Returns whether a revert by order has brought this version back. */
static bool resume_revert (struct node_manager *node)
{
    uint64_t epoch = node->standing.revert_epoch;
    bool left = node->standing.revert_from && strcmp (node->standing.revert_from, node->self.workspace) != 0;
    node->standing.revert_epoch = 0;
    set_text (&node->standing.revert_from, NULL);
    if (left) {
        node->standing.epoch = later (node->standing.epoch, epoch);
        node->standing.under_way = node->standing.attempt = node->standing.probes = 0;
        if (node->standing.hold_epoch == epoch) /* a rollout that goes back does not hold */
            node->standing.held = true;
    }
    node_standing_save (node);
    if (left)
        node_report_order (node, epoch, "revert", WIRE_OUTCOME_REVERTED, NULL);
    return left;
}

/*  Somebody went back on this host. The manager that ran may have written its own standing afterwards. The
    update that was under way has come to its end so. */
static void resume_reverted (struct node_manager *node)
{
    struct wire_standing *standing = &node->standing;
    struct wire_entry entry;
    if (root_reverted_recall (&node->root, &entry))
        return;
    if (standing->under_way > standing->epoch) {
        entry.epoch = standing->epoch = standing->under_way;
        entry.attempt = standing->attempt;
        set_text (&entry.transaction, standing->transaction);
    }
    standing->under_way = standing->attempt = standing->probes = 0;
    standing->held = true;
    standing->revert_epoch = 0;
    node_standing_save (node);
    (void) root_trial_forget (&node->root);
    (void) root_reverted_forget (&node->root);
    node_report_entry (node, &entry);
    wire_entry_deinit (&entry);
}

void node_collect (struct node_manager *node)
{
    unsigned removed;
    struct base_error error = {.code = 0};
    if (root_collect (&node->root, node->config->keep, &removed, &error))
        base_log (BASE_LOG_WARNING, "old workspaces stay for now: %s", error.text);
}

bool node_orders_resume_trial (struct node_manager *node)
{
    struct wire_trial trial = {.transaction = NULL};
    struct root_trial state;
    if (root_trial_read (&node->root, &state, NULL) || !state.on_trial ||
        strcmp (state.stable, node->self.workspace) != 0)
        return false;
    if (!root_trial_recall (&node->root, &trial)) {
        adopt (node, &trial);
        wire_trial_deinit (&trial);
    } else {
        const char *transaction = node->self.installed.transaction;
        node->order.epoch = node->standing.under_way;
        node->order.attempt = (unsigned) later (node->standing.attempt, 1);
        node->order.release = node->self.installed.release;
        (void) base_text_copy (node->order.transaction, sizeof node->order.transaction,
                               transaction ? transaction : "unknown");
    }
    node_event (node, UPDATE_EVENT_TRIAL);
    return true;
}

void node_orders_resume (struct node_manager *node)
{
    struct wire_trial trial = {.transaction = NULL};
    char stable[ROOT_NAME_SIZE] = "";
    node_stable_resume (node);
    resume_reverted (node);
    bool reverted = node->standing.revert_epoch && resume_revert (node);
    if (reverted) /* a trial that was ended by order is held against nobody */
        (void) root_trial_forget (&node->root);
    if (node_orders_resume_trial (node))
        return;
    if (!root_trial_recall (&node->root, &trial)) {
        (void) root_link (&node->root, ROOT_STABLE, stable);
        if (strcmp (trial.workspace, node->self.workspace) == 0) {
            adopt (node, &trial); /* confirmed, and ended before it could say so */
            close_order (node);
            node_report (node, wire_state_word (WIRE_STATE_TRIAL), WIRE_OUTCOME_CONFIRMED, NULL);
            node_order_clear (node);
        } else if (strcmp (stable, node->self.workspace) == 0)
            came_back (node, &trial);
        wire_trial_deinit (&trial);
    }
    node_previous_keep (node); /* or it would be collected */
    node_collect (node);
}

/*  The hold that a revert brings comes with the going back (resume_revert), or where there is nothing to go
    back from. A node that could not go back is left as it was, free to take the update that mends it. */
static bool is_by_revert (const struct wire_desired *desired)
{
    return desired->held && desired->hold_epoch == desired->revert_epoch;
}

static void hold (struct node_manager *node, const struct wire_desired *desired,
                  const struct update_order *order)
{
    if (order->hold && !is_by_revert (desired))
        node->standing.held = desired->held;
    if (order->revert_nothing && is_by_revert (desired))
        node->standing.held = true;
    node->standing.hold_epoch = later (node->standing.hold_epoch, desired->hold_epoch);
}

/*  What becomes of a cancellation shows before it ends. */
static void note_cancel (struct node_manager *node, const struct wire_desired *desired,
                         const struct update_order *order)
{
    if (order->cancel || order->cancel_late) {
        node->cancel_epoch = desired->cancel_epoch;
        node->cancel_late = order->cancel_late;
    }
}

static unsigned clear (struct node_manager *node, const struct wire_desired *desired)
{
    unsigned count = 0;
    struct base_error error;
    const struct base_digest *release =
        base_digest_is_null (&desired->clear_release) ? NULL : &desired->clear_release;
    if (root_quarantine_clear (&node->root, release, &count, &error))
        base_log (BASE_LOG_WARNING, "clearing the quarantine: %s", error.text);
    node->standing.clear_epoch = desired->clear_epoch;
    return count;
}

/*  At rest, what is obeyed in passing or finds nothing to do has come to its end. Before, it has not: the
    update under way may be interrupted, and an epoch above its own would have it forgotten. Returns
    whether anything has ended. */
static bool settle (struct node_manager *node, const struct wire_desired *desired,
                    const struct update_order *order)
{
    struct wire_standing *standing = &node->standing;
    if (!update_order_at_rest (node->procedure.state) || order->update || order->revert)
        return false;
    uint64_t epoch = later (standing->hold_epoch, standing->clear_epoch);
    if (order->cancel_nothing)
        epoch = later (epoch, desired->cancel_epoch);
    if (order->revert_nothing)
        epoch = later (epoch, desired->revert_epoch);
    if (order->update_held)
        epoch = later (epoch, desired->release_epoch);
    if (epoch <= standing->epoch)
        return false;
    standing->epoch = epoch;
    standing->under_way = standing->attempt = standing->probes = 0;
    return true;
}

static void take_up (struct node_manager *node, const struct wire_desired *desired)
{
    struct wire_standing *standing = &node->standing;
    bool again = standing->under_way == desired->release_epoch;
    node_comparison_free (node);
    standing->attempt = again ? standing->attempt + 1 : 1;
    standing->probes = again ? standing->probes : 0;
    standing->under_way = desired->release_epoch;
    set_text (&standing->transaction, desired->transaction);
    node_standing_save (node);

    node_order_clear (node);
    node->order.epoch = desired->release_epoch;
    node->order.attempt = (unsigned) standing->attempt;
    node->order.release = desired->release;
    (void) base_text_copy (node->order.transaction, sizeof node->order.transaction,
                           desired->transaction ? desired->transaction : "unnamed");
    node_event (node, UPDATE_EVENT_ORDER);
}

bool node_orders_refuse (struct node_manager *node)
{
    const struct wire_standing *standing = &node->standing;
    struct wire_failure quarantined;
    if (!root_quarantine_find (&node->root, &node->order.release, &quarantined)) {
        node_fail (node, UPDATE_EVENT_REFUSED, "quarantined since %s (%s: %s)", quarantined.time,
                   quarantined.step, quarantined.reason);
        wire_failure_deinit (&quarantined);
    } else if (standing->probes >= PROBES_MOST)
        node_fail (node, UPDATE_EVENT_REFUSED,
                   "its rehearsal was begun %u times and never came to an end on this host",
                   (unsigned) standing->probes);
    else if (standing->attempt > ATTEMPTS_MOST)
        node_fail (node, UPDATE_EVENT_REFUSED,
                   "it was taken up %u times and never came to an end on this host",
                   (unsigned) standing->attempt - 1);
    else if (node->config->depth == 0)
        node_fail (node, UPDATE_EVENT_REFUSED, "this probe is the innermost of its rehearsal");
    else
        return false;
    return true;
}

/*  What is carried out in passing, or finds nothing to do, is told under its own epoch; a node that says
    no more than its new epoch would leave whoever ordered it waiting. */
static void tell_passing (struct node_manager *node, const struct wire_desired *desired,
                          const struct update_order *order, bool hold, bool clear, unsigned cleared)
{
    if (hold && !is_by_revert (desired))
        node_report_order (node, desired->hold_epoch, "hold", WIRE_OUTCOME_PASSED,
                           desired->held ? "held" : "released");
    if (clear) {
        char text[64];
        (void) snprintf (text, sizeof text, "%u releases cleared", cleared);
        node_report_order (node, desired->clear_epoch, "clear", WIRE_OUTCOME_PASSED, text);
    }
    if (order->cancel_nothing) {
        bool known = node->cancel_epoch == desired->cancel_epoch;
        bool late = known && node->cancel_late;
        node_report_order (node, desired->cancel_epoch, "cancel",
                           late ? WIRE_OUTCOME_REFUSED : WIRE_OUTCOME_PASSED,
                           late    ? "it was too late: the update had switched already"
                           : known ? "the update that was under way was ended"
                                   : "nothing is under way");
    }
    if (order->revert_nothing)
        node_report_order (node, desired->revert_epoch, "revert", WIRE_OUTCOME_NOTHING,
                           is_by_revert (desired) ? "the release to go back from does not run here; held"
                                                  : "the release to go back from does not run here");
    if (order->update_held)
        node_report_order (node, desired->release_epoch, wire_state_word (WIRE_STATE_MATCHING),
                           WIRE_OUTCOME_REFUSED, "the node is held: release it with nodectl unhold");
}

static void take_back (struct node_manager *node, const struct wire_desired *desired)
{
    if (node->procedure.state != WIRE_STATE_TRIAL)
        node_order_clear (node);
    node->order.epoch = desired->revert_epoch;
    node->order.attempt = 1;
    node_event (node, UPDATE_EVENT_REVERT);
}

/*  An origin that was set back to an older copy of its records gives states that this node has left behind,
    and may give an epoch a second time. Nothing of them is obeyed. What was ordered under such an epoch is
    told to have been refused, so that whoever ordered it does not wait. */
static void refuse_state (struct node_manager *node, const struct wire_desired *desired,
                          const struct update_order *order)
{
    if (order->older) {
        base_log_limited (&node->log, BASE_LOG_INFO,
                          "ignoring what the origin wants since epoch %llu: this node has seen epoch %llu",
                          (unsigned long long) desired->epoch,
                          (unsigned long long) node->standing.seen_epoch);
        return;
    }
    base_log_limited (&node->log, BASE_LOG_WARNING,
                      "refused: the origin gives epoch %llu another meaning than before; were its records "
                      "restored from an older copy?",
                      (unsigned long long) desired->epoch);
    if (node->refused_epoch == desired->epoch)
        return;
    node->refused_epoch = desired->epoch;
    node_report_order (node, desired->epoch, "order", WIRE_OUTCOME_REFUSED,
                       "this node has seen another order of the same epoch: the broker's records are older "
                       "than the node; order it again");
}

/*  Clearing a quarantine is also what forgives an order that was interrupted too often. */
void node_orders_desired (struct node_manager *node, const struct wire_desired *desired)
{
    if (desired->status != WIRE_STATUS_OK || strcmp (desired->application, "noded") != 0)
        return;
    struct wire_standing *standing = &node->standing;
    struct update_order order = update_order_choose (desired, standing, node->procedure.state,
                                                     node->order.epoch, &node->self.installed.release);
    if (order.older || order.other) {
        refuse_state (node, desired, &order);
        return;
    }
    uint64_t ended = standing->epoch;
    bool changed = desired->epoch > standing->seen_epoch || order.hold || order.clear;
    standing->seen_epoch = desired->epoch;
    standing->seen_digest = update_order_digest (desired);
    hold (node, desired, &order);
    note_cancel (node, desired, &order);
    unsigned cleared = order.clear ? clear (node, desired) : 0;
    bool settled = settle (node, desired, &order);
    bool waits = order.update && node_comparison_waits (node, desired->release_epoch);
    if ((!order.update || waits) && (changed || settled))
        node_standing_save (node);
    /* obeyed and told during an update, and ended only now */
    bool hold_ended = settled && standing->hold_epoch > ended;
    bool clear_ended = settled && standing->clear_epoch > ended;
    tell_passing (node, desired, &order, order.hold || hold_ended, order.clear || clear_ended, cleared);
    if (order.cancel)
        node_fail (node, UPDATE_EVENT_CANCEL, "cancelled by order");
    if (order.update_later)
        base_log (BASE_LOG_INFO, "%s: update in progress, the next order waits until it has ended",
                  node->order.transaction);
    if (order.revert)
        take_back (node, desired);
    else if (order.update && !waits)
        take_up (node, desired);
}

void node_orders_matched (struct node_manager *node, const struct wire_matched *matched)
{
    const struct wire_installed *installed = &node->self.installed;
    if (node->procedure.state != WIRE_STATE_MATCHING)
        return;
    if (matched->status == WIRE_STATUS_NONE || matched->status == WIRE_STATUS_GONE)
        node_fail (node, UPDATE_EVENT_REFUSED, "%s",
                   matched->reason                       ? matched->reason
                   : matched->status == WIRE_STATUS_GONE ? "the release was withdrawn"
                                                         : "the origin has nothing for this node");
    else if (matched->status != WIRE_STATUS_OK || !matched->envelope)
        node_fail (node, UPDATE_EVENT_FAILED, "the origin could not answer the match: %s",
                   matched->reason ? matched->reason : wire_status_word (matched->status));
    else {
        struct base_error error = {.code = 0};
        struct wire_envelope *envelope = calloc (1, sizeof *envelope);
        int rc = envelope ? wire_copy (&wire_envelope_record, matched->envelope, envelope) : -1;
        if (!rc)
            rc = wire_envelope_check (envelope, &error);
        node->order.candidate.release = node->order.release;
        node->order.candidate.transaction = strdup (node->order.transaction);
        node->order.candidate.envelope = envelope;
        if (rc)
            node_fail (node, UPDATE_EVENT_FAILED, "the envelope that the origin sent cannot be used: %s",
                       *error.text ? error.text : "out of memory");
        else if (strcmp (envelope->application, "noded") != 0)
            node_fail (node, UPDATE_EVENT_FAILED, "the origin sent an envelope of %s", envelope->application);
        else if (wire_envelope_equal (envelope, installed->envelope))
            node_fail (node, UPDATE_EVENT_SAME, "this envelope is the one that runs");
        else
            node_event (node, UPDATE_EVENT_DONE);
    }
}
