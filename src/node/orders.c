/* SPDX-License-Identifier: MPL-2.0 */
/*  node/orders.c - what the origin wants of this node, and what an earlier process left unfinished */

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "base/time.h"
#include "node/manager.h"
#include "root/workspace.h"
#include "wire/envelope.h"

enum { ATTEMPTS_MOST = 5, PROBES_MOST = 2, ATTEMPT_LAST = 1000 /* the most that the record can hold */ };

void node_order_clear (struct node_manager *node)
{
    wire_installed_deinit (&node->order.candidate);
    node->order = (struct node_order){.epoch = 0};
}

static uint64_t number_max (uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static void set_text (char **field, const char *text)
{
    char *copy = text ? strdup (text) : NULL;
    free (*field);
    *field = copy;
}

/*  Takes over the order that var/trial records, so that reports about it carry its names. */
static void order_adopt (struct node_manager *node, const struct wire_trial *trial)
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

/*  Returns whether the order state was saved. */
static bool close_order (struct node_manager *node)
{
    node->standing.epoch = number_max (node->standing.epoch, node->order.epoch);
    node->standing.under_way = node->standing.attempt = node->standing.probes = 0;
    set_text (&node->standing.transaction, node->order.transaction);
    bool saved = node_standing_save (node);
    (void) root_trial_forget (&node->root);
    (void) root_outcome_remove (&node->root);
    return saved;
}

/*  Returns whether the release is to blame. No release is blamed if the host went down each time, if init
    stopped it each time, if somebody removed a link, or if the disk changed files before they ever ran. If
    the release did cause that, each order of a person costs one more trial, and no trial starts without such
    an order. */
static bool is_to_blame (enum root_cause cause)
{
    return cause == ROOT_CAUSE_CRASHED || cause == ROOT_CAUSE_HUNG || cause == ROOT_CAUSE_DAMAGED;
}

/*  If the release filled the disk, there is no room to quarantine it, and it would be tried again. Then its
    workspace is removed to make room. */
static void release_quarantine (struct node_manager *node, const struct wire_failure *failure,
                                const char *workspace)
{
    struct base_error error;
    int rc = root_quarantine_add (&node->root, failure, &error);
    if ((rc == -ENOSPC || rc == -EDQUOT) && root_workspace_remove (&node->root, workspace, NULL) == 0)
        rc = root_quarantine_add (&node->root, failure, &error);
    if (rc)
        base_log (BASE_LOG_WARNING, "cannot quarantine the release, ignoring: %s", error.text);
}

/*  Stores the verdict in the launcher's note. If no release is to blame, the note is removed, but only if
    this node knows the note's order: otherwise that order would be carried out again and again. */
static void note_judged (struct node_manager *node, struct root_outcome *outcome, enum root_judged judged,
                         bool remembered)
{
    struct base_error error;
    if (judged == ROOT_JUDGED_INNOCENT && remembered) {
        (void) root_failed_remove (&node->root, outcome->workspace);
        return;
    }
    if (judged == ROOT_JUDGED_PENDING && !remembered)
        return;
    outcome->judged = judged;
    if (root_failed_write (&node->root, outcome, &error))
        base_log (BASE_LOG_WARNING, "ignoring: %s", error.text);
}

/*  guilty: ends the order of a version that never confirmed itself, and quarantines its release. Otherwise
    the order has not ended for the origin; it stays and is resumed as often as one that was interrupted. The
    result is reported again: the origin's records have the node's earlier state. */
static void trial_judge (struct node_manager *node, const struct wire_failure *failure, bool guilty)
{
    struct wire_trial trial = {.transaction = NULL};
    struct root_outcome outcome;
    bool remembered = !root_trial_recall (&node->root, &trial);
    if (guilty)
        release_quarantine (node, failure, remembered ? trial.workspace : "");
    if (!root_failed_find (&node->root, &failure->release, &outcome))
        note_judged (node, &outcome, guilty ? ROOT_JUDGED_GUILTY : ROOT_JUDGED_INNOCENT, remembered);
    if (!remembered) {
        (void) root_outcome_remove (&node->root);
        return;
    }
    bool is_its = strcmp (trial.transaction, failure->transaction) == 0;
    if (is_its) {
        order_adopt (node, &trial);
        if (guilty) {
            node->standing.epoch = number_max (node->standing.epoch, node->order.epoch);
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

/*  Reads how the trial of a workspace ended. A version that does not know .failed leaves var/outcome. */
static int read_outcome (const struct node_manager *node, const char *workspace,
                         struct root_outcome *ret_outcome)
{
    struct root_outcome outcome;
    if (root_failed_read (&node->root, workspace, ret_outcome) == 0)
        return 0;
    if (root_outcome_read (&node->root, &outcome) || strcmp (outcome.workspace, workspace) != 0)
        return ROOT_E_NONE;
    *ret_outcome = outcome;
    return 0;
}

/*  This version runs because the one on trial failed. Reports that, and makes sure that the order is not
    carried out again. */
static void came_back (struct node_manager *node, const struct wire_trial *trial,
                       struct root_outcome *outcome)
{
    struct wire_failure failure;
    outcome->release = trial->release;
    if (root_failed_describe (&node->root, outcome, &failure))
        return;
    set_text (&failure.transaction, trial->transaction);
    if (!failure.version)
        set_text (&failure.version, trial->version);
    order_adopt (node, trial);
    bool guilty = is_to_blame (outcome->cause);
    if (outcome->cause == ROOT_CAUSE_UNCONFIRMED)
        node_comparison_begin (node, &failure, &node->order, trial_judge);
    else if (guilty)
        release_quarantine (node, &failure, trial->workspace);
    node_remember_failure (node, &failure);
    bool remembered = false;
    if (!node->comparison)
        remembered = close_order (node);
    else {
        node->standing.under_way = node->order.epoch;
        node->standing.attempt = node->order.attempt;
        node->standing.probes = 0;
        set_text (&node->standing.transaction, node->order.transaction);
        remembered = node_standing_save (node);
    }
    note_judged (node, outcome,
                 node->comparison ? ROOT_JUDGED_PENDING
                 : guilty         ? ROOT_JUDGED_GUILTY
                                  : ROOT_JUDGED_INNOCENT,
                 remembered && trial->epoch);
    node_report (node, wire_state_word (WIRE_STATE_TRIAL), WIRE_OUTCOME_WENT_BACK, failure.reason);
    node_order_clear (node);
    wire_failure_deinit (&failure);
}

/*  A rollback leaves a note first. Without a note, this host went down between the record of the trial and
    the switch. Then the release never ran, and its order is resumed, a bounded number of times. */
static void resume_trial_of (struct node_manager *node, const struct wire_trial *trial)
{
    struct root_outcome outcome;
    if (read_outcome (node, trial->workspace, &outcome) == 0)
        came_back (node, trial, &outcome);
    else {
        base_log (BASE_LOG_INFO, "%s: interrupted before the switch to %s", trial->transaction,
                  trial->workspace);
        (void) root_trial_forget (&node->root);
    }
}

/*  Handles a note that no process has handled and that has no record of its trial: var/ was lost, or is in a
    form that this version cannot read. */
static void resume_note (struct node_manager *node, struct root_outcome *outcome)
{
    base_cleanup (wire_installed_deinit) struct wire_installed installed = {.transaction = NULL};
    const struct wire_standing *standing = &node->standing;
    struct wire_trial trial = {.transaction = (char *) "unknown",
                               .attempt = 1,
                               .release = outcome->release,
                               .version = (char *) "unknown",
                               .workspace = outcome->workspace};
    if (!root_workspace_read (&node->root, outcome->workspace, &installed, NULL) &&
        base_digest_equal (&installed.release, &outcome->release)) {
        trial.transaction = installed.transaction ? installed.transaction : trial.transaction;
        trial.version = installed.envelope ? installed.envelope->version : trial.version;
    }
    if (standing->under_way && standing->transaction &&
        strcmp (standing->transaction, trial.transaction) == 0)
        trial.epoch = standing->under_way;
    came_back (node, &trial, outcome);
}

static void resume_notes (struct node_manager *node)
{
    char **names = NULL;
    if (root_failed_list (&node->root, &names))
        return;
    for (size_t i = 0; names[i] && !node->comparison; i++) {
        struct root_outcome outcome;
        if (root_failed_read (&node->root, names[i], &outcome) == 0 &&
            (outcome.judged == ROOT_JUDGED_NONE || outcome.judged == ROOT_JUDGED_PENDING))
            resume_note (node, &outcome);
    }
    (void) base_list_free (names);
}

/*  Returns whether an ordered revert has restored this version. */
static bool resume_revert (struct node_manager *node)
{
    uint64_t epoch = node->standing.revert_epoch;
    bool left = node->standing.revert_from && strcmp (node->standing.revert_from, node->self.workspace) != 0;
    node->standing.revert_epoch = 0;
    set_text (&node->standing.revert_from, NULL);
    if (left) {
        node->standing.epoch = number_max (node->standing.epoch, epoch);
        node->standing.under_way = node->standing.attempt = node->standing.probes = 0;
        if (node->standing.hold_epoch == epoch) /* a rollout that reverts does not hold */
            node->standing.held = true;
    }
    node_standing_save (node);
    if (left)
        node_report_order (node, epoch, "revert", WIRE_OUTCOME_REVERTED, NULL);
    return left;
}

/*  Returns whether noded revert made this version stable and was interrupted before it could write more. A
    revert that was interrupted before that is forgotten. */
static bool was_reverted (struct node_manager *node)
{
    char target[ROOT_NAME_SIZE], stable[ROOT_NAME_SIZE];
    int rc = root_link (&node->root, ROOT_REVERT, target);
    if (rc == ROOT_E_NONE)
        return false;
    if (rc == 0 && strcmp (target, node->self.workspace) == 0 &&
        root_link (&node->root, ROOT_STABLE, stable) == 0 && strcmp (stable, target) == 0)
        return true;
    (void) root_revert_done (&node->root);
    return false;
}

/*  A person reverted on this host. The manager that ran may have written its own order state afterwards. The
    revert has ended the update that was in progress. */
static void resume_reverted (struct node_manager *node)
{
    char now[BASE_TIME_TEXT];
    struct wire_standing *standing = &node->standing;
    struct wire_entry entry,
        cut = {.application = (char *) "noded",
               .step = (char *) "revert",
               .outcome = WIRE_OUTCOME_REVERTED,
               .time = (char *) base_time_format (base_time_real_ns (), now),
               .reason = (char *) "by noded revert on this host, which was interrupted; held "
                                  "until it is released"};
    bool ordered = was_reverted (node);
    if (root_reverted_recall (&node->root, &entry)) {
        if (!ordered || wire_copy (&wire_entry_record, &cut, &entry))
            return;
        node_journal_append (node, &cut);
    }
    if (standing->under_way > standing->epoch) {
        entry.epoch = standing->epoch = standing->under_way;
        entry.attempt = standing->attempt;
        set_text (&entry.transaction, standing->transaction);
    }
    standing->under_way = standing->attempt = standing->probes = 0;
    standing->held = true;
    standing->revert_epoch = 0;
    bool saved = node_standing_save (node);
    (void) root_trial_forget (&node->root);
    (void) root_reverted_forget (&node->root);
    if (saved)
        (void) root_revert_done (&node->root);
    node_report_entry (node, &entry);
    wire_entry_deinit (&entry);
}

void node_collect (struct node_manager *node)
{
    unsigned removed;
    struct base_error error = {.code = 0};
    if (root_collect (&node->root, node->config->keep, &removed, &error))
        base_log (BASE_LOG_WARNING, "cannot remove old workspaces, ignoring: %s", error.text);
}

bool node_orders_resume_trial (struct node_manager *node)
{
    struct wire_trial trial = {.transaction = NULL};
    struct root_trial state;
    if (root_trial_read (&node->root, &state, NULL) || !state.on_trial ||
        strcmp (state.stable, node->self.workspace) != 0)
        return false;
    if (!root_trial_recall (&node->root, &trial)) {
        order_adopt (node, &trial);
        wire_trial_deinit (&trial);
    } else {
        const char *transaction = node->self.installed.transaction;
        node->order.epoch = node->standing.under_way;
        node->order.attempt = (unsigned) number_max (node->standing.attempt, 1);
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
    if (reverted) /* a trial that was ended by order blames no release */
        (void) root_trial_forget (&node->root);
    if (node_orders_resume_trial (node))
        return;
    if (!root_trial_recall (&node->root, &trial)) {
        (void) root_link (&node->root, ROOT_STABLE, stable);
        if (strcmp (trial.workspace, node->self.workspace) == 0) {
            order_adopt (node, &trial); /* confirmed, but the process ended before it reported that */
            close_order (node);
            node_report (node, wire_state_word (WIRE_STATE_TRIAL), WIRE_OUTCOME_CONFIRMED, NULL);
            node_order_clear (node);
        } else if (strcmp (stable, node->self.workspace) == 0)
            resume_trial_of (node, &trial);
        wire_trial_deinit (&trial);
    }
    if (root_link (&node->root, ROOT_STABLE, stable) == 0 && strcmp (stable, node->self.workspace) == 0)
        resume_notes (node);
    node_previous_keep (node); /* otherwise node_collect could remove it */
    node_collect (node);
    node_unshare_begin (node);
    node_later_resume (node);
}

/*  Returns whether the hold belongs to a revert. Such a hold takes effect with the revert itself
    (resume_revert), or if there is nothing to revert. A node that could not revert stays as it was, free to
    take the update that repairs it. */
static bool is_by_revert (const struct wire_desired *desired)
{
    return desired->held && desired->hold_epoch == desired->revert_epoch;
}

static void hold_apply (struct node_manager *node, const struct wire_desired *desired,
                        const struct update_order *order)
{
    if (order->hold && !is_by_revert (desired))
        node->standing.held = desired->held;
    if (order->revert_nothing && is_by_revert (desired))
        node->standing.held = true;
    node->standing.hold_epoch = number_max (node->standing.hold_epoch, desired->hold_epoch);
}

/*  The result of a cancellation is known before its order ends; it is remembered for the report. */
static void note_cancel (struct node_manager *node, const struct wire_desired *desired,
                         const struct update_order *order)
{
    if (order->cancel || order->cancel_late) {
        node->cancel_epoch = desired->cancel_epoch;
        node->cancel_late = order->cancel_late;
    }
}

static unsigned quarantine_clear (struct node_manager *node, const struct wire_desired *desired)
{
    unsigned count = 0;
    struct base_error error;
    const struct base_digest *release =
        base_digest_is_null (&desired->clear_release) ? NULL : &desired->clear_release;
    if (root_quarantine_clear (&node->root, release, &count, &error))
        base_log (BASE_LOG_WARNING, "cannot clear the quarantine: %s", error.text);
    node->standing.clear_epoch = desired->clear_epoch;
    return count;
}

/*  If no update is in progress, an order that was carried out in passing or has nothing to do has ended.
    During an update it has not: the update may be interrupted, and recording an epoch above its own would
    make the node forget it. Returns whether an order has ended. */
static bool orders_settle (struct node_manager *node, const struct wire_desired *desired,
                           const struct update_order *order)
{
    struct wire_standing *standing = &node->standing;
    if (!update_order_at_rest (node->procedure.state) || order->update || order->revert)
        return false;
    if (node->procedure.state == WIRE_STATE_UNFIT && node_later_waits (node))
        return false;
    uint64_t epoch = number_max (standing->hold_epoch, standing->clear_epoch);
    if (order->cancel_nothing)
        epoch = number_max (epoch, desired->cancel_epoch);
    if (order->revert_nothing)
        epoch = number_max (epoch, desired->revert_epoch);
    if (order->update_held)
        epoch = number_max (epoch, desired->release_epoch);
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
    unsigned unfit = again ? (unsigned) standing->unfit : 0;
    node_later_clear (node);
    node_comparison_free (node);
    standing->unfit = node->procedure.unfit = unfit;
    standing->attempt = !again ? 1 : standing->attempt < ATTEMPT_LAST ? standing->attempt + 1 : ATTEMPT_LAST;
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
    struct root_outcome outcome;
    if (!root_quarantine_find (&node->root, &node->order.release, &quarantined)) {
        node_fail (node, UPDATE_EVENT_REFUSED, "quarantined since %s (%s: %s)", quarantined.time,
                   quarantined.step, quarantined.reason);
        wire_failure_deinit (&quarantined);
    } else if (!root_failed_find (&node->root, &node->order.release, &outcome) &&
               outcome.judged == ROOT_JUDGED_INNOCENT) {
        node_fail (node, UPDATE_EVENT_REFUSED,
                   "its trial ended at %s (%s: %.200s) and the records of this node were lost: order it "
                   "again to try it again",
                   outcome.time, root_cause_word (outcome.cause), outcome.text);
        if (node_standing_save (node))
            (void) root_failed_remove (&node->root, outcome.workspace);
    } else if (standing->probes >= PROBES_MOST)
        node_fail (node, UPDATE_EVENT_REFUSED,
                   "its rehearsal was started %u times and never ended on this host",
                   (unsigned) standing->probes);
    else if (standing->attempt > ATTEMPTS_MOST + standing->unfit)
        node_fail (node, UPDATE_EVENT_REFUSED, "it was started %u times and never ended on this host",
                   (unsigned) standing->attempt - 1);
    else if (node->config->depth == 0)
        node_fail (node, UPDATE_EVENT_REFUSED, "this probe is the innermost of its rehearsal");
    else
        return false;
    return true;
}

/*  An order that was carried out in passing, or has nothing to do, is reported under its own epoch. If the
    node reported only its new epoch, the person who gave the order would wait for ever. */
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
                           late    ? "too late: the update had switched already"
                           : known ? "the update in progress was ended"
                                   : "no update is in progress");
    }
    if (order->revert_nothing)
        node_report_order (node, desired->revert_epoch, "revert", WIRE_OUTCOME_NOTHING,
                           is_by_revert (desired) ? "the release to revert does not run here; held"
                                                  : "the release to revert does not run here");
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

/*  An origin whose records were restored from an older copy sends states that this node has already passed,
    and may use an epoch a second time. None of them is obeyed. An order under such an epoch is reported as
    refused, so that nobody waits for it. */
static void refuse_state (struct node_manager *node, const struct wire_desired *desired,
                          const struct update_order *order)
{
    if (order->older) {
        base_log_limited (
            &node->log, BASE_LOG_INFO,
            "ignoring the desired state of epoch %llu from the origin: this node has seen epoch %llu",
            (unsigned long long) desired->epoch, (unsigned long long) node->standing.seen_epoch);
        return;
    }
    base_log_limited (&node->log, BASE_LOG_WARNING,
                      "refused: the origin sent a different order for epoch %llu before; were its records "
                      "restored from an older copy?",
                      (unsigned long long) desired->epoch);
    if (node->refused_epoch == desired->epoch)
        return;
    node->refused_epoch = desired->epoch;
    node_report_order (node, desired->epoch, "order", WIRE_OUTCOME_REFUSED,
                       "this node has seen another order of the same epoch: the broker's records are older "
                       "than the node; order it again");
}

/*  Clearing a quarantine also forgives an order that was interrupted too often. */
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
    hold_apply (node, desired, &order);
    note_cancel (node, desired, &order);
    /* a hold also ends an order that would be retried after it */
    bool hold_cancels = order.hold && desired->held && !is_by_revert (desired) &&
                        node->procedure.state == WIRE_STATE_UNFIT && node_later_waits (node);
    unsigned cleared = order.clear ? quarantine_clear (node, desired) : 0;
    bool settled = orders_settle (node, desired, &order);
    bool waits = order.update && node_comparison_waits (node, desired->release_epoch);
    if ((!order.update || waits) && (changed || settled))
        node_standing_save (node);
    /* carried out and reported during an update, but ended only now */
    bool hold_ended = settled && standing->hold_epoch > ended;
    bool clear_ended = settled && standing->clear_epoch > ended;
    tell_passing (node, desired, &order, order.hold || hold_ended, order.clear || clear_ended, cleared);
    if (order.cancel || hold_cancels)
        node_fail (node, UPDATE_EVENT_CANCEL, order.cancel ? "cancelled by order" : "the node is held");
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
            node_fail (node, UPDATE_EVENT_SAME, "this envelope already runs");
        else
            node_event (node, UPDATE_EVENT_DONE);
    }
}
