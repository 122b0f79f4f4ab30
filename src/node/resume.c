/* SPDX-License-Identifier: MPL-2.0 */
/*  node/resume.c - continues what an earlier process left unfinished: a trial, a rollback, a revert, a note
    of the launcher */

#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "base/time.h"
#include "node/application.h"
#include "root/workspace.h"
#include "wire/text.h"

/*  Makes the order that var/trial records the current one, so that reports are about it. */
static void order_adopt (struct node_application *app, const struct wire_trial *trial)
{
    base_assert (update_order_at_rest (app->procedure.state));
    node_order_clear (app);
    app->order.epoch = trial->epoch;
    app->order.attempt = (unsigned) trial->attempt;
    app->order.release = trial->release;
    (void) base_text_copy (app->order.transaction, sizeof app->order.transaction, trial->transaction);
    (void) base_text_copy (app->order.workspace, sizeof app->order.workspace, trial->workspace);
    struct wire_envelope *envelope = calloc (1, sizeof *envelope);
    if (envelope)
        envelope->version = strdup (trial->version);
    app->order.candidate.envelope = envelope;
}

/*  Records that the current order has ended. Returns whether the order state was saved. */
static bool order_record_end (struct node_application *app)
{
    node_order_close (app, app->order.epoch);
    node_text_set (&app->order_state.transaction, app->order.transaction);
    bool saved = node_order_state_save (app);
    (void) root_trial_forget (app->root);
    (void) root_outcome_remove (app->root);
    return saved;
}

/*  Returns whether the release is to blame. It is not if the host went down each time, if init stopped the
    version each time, if somebody removed a link, or if files were damaged before they ever ran. If the
    release did cause one of these, each order costs one more trial; without an order there is no trial. */
static bool cause_is_release (enum root_cause cause)
{
    return cause == ROOT_CAUSE_CRASHED || cause == ROOT_CAUSE_HUNG || cause == ROOT_CAUSE_DAMAGED;
}

/*  Quarantines a release. If the disk is full, removes its workspace to make room: otherwise the release,
    which may have filled the disk, would be tried again. */
static void release_quarantine (struct node_application *app, const struct wire_failure *failure,
                                const char *workspace)
{
    struct base_error error;
    int r = root_quarantine_add (app->root, failure, &error);
    if ((r == -ENOSPC || r == -EDQUOT) && root_workspace_remove (app->root, workspace, NULL) == 0)
        r = root_quarantine_add (app->root, failure, &error);
    if (r < 0)
        base_log (BASE_LOG_WARNING, "cannot quarantine the release, ignoring: %s", error.text);
}

/*  Stores the verdict in the launcher's note. If no release is to blame, the note is removed, but only if the
    order state has the note's order (remembered): otherwise that order would be carried out again and again. */
static void note_judge (struct node_application *app, struct root_outcome *outcome, enum root_judged judged,
                        bool remembered)
{
    struct base_error error;
    base_assert (judged != ROOT_JUDGED_NONE);
    if (judged == ROOT_JUDGED_INNOCENT && remembered) {
        (void) root_failed_remove (app->root, outcome->workspace);
        return;
    }
    if (judged == ROOT_JUDGED_PENDING && !remembered)
        return;
    outcome->judged = judged;
    int r = root_failed_write (app->root, outcome, &error);
    if (r < 0)
        base_log (BASE_LOG_WARNING, "cannot record the verdict about %s, ignoring: %s", outcome->workspace,
                  error.text);
}

/*  The blame check of a version that never confirmed itself has ended. guilty: ends its order and quarantines
    its release. Otherwise the order stays and is resumed as often as one that was interrupted. The result of
    the trial is reported again, because the first report had the state during the check. */
static void trial_judge (struct node_application *app, const struct wire_failure *failure, bool guilty)
{
    struct wire_trial trial = {.transaction = NULL};
    struct root_outcome outcome;
    base_assert (update_order_at_rest (app->procedure.state));
    bool remembered = root_trial_recall (app->root, &trial) == 0;
    if (guilty)
        release_quarantine (app, failure, remembered ? trial.workspace : "");
    if (root_failed_find (app->root, &failure->release, &outcome) == 0)
        note_judge (app, &outcome, guilty ? ROOT_JUDGED_GUILTY : ROOT_JUDGED_INNOCENT, remembered);
    if (!remembered) {
        (void) root_outcome_remove (app->root);
        return;
    }
    bool is_its = strcmp (trial.transaction, failure->transaction) == 0;
    if (is_its) {
        order_adopt (app, &trial);
        if (guilty) {
            node_order_close (app, app->order.epoch);
            node_order_state_save (app);
        }
        node_report (app, wire_state_word (WIRE_STATE_TRIAL), WIRE_OUTCOME_ROLLED_BACK, failure->reason);
        node_order_clear (app);
        (void) root_trial_forget (app->root);
        (void) root_outcome_remove (app->root);
    }
    wire_trial_deinit (&trial);
}

/*  Reads how the trial of a workspace ended. A version that does not know .failed leaves var/outcome. */
static int outcome_read (const struct node_application *app, const char *workspace,
                         struct root_outcome *ret_outcome)
{
    struct root_outcome outcome;
    if (root_failed_read (app->root, workspace, ret_outcome) == 0)
        return 0;
    int r = root_outcome_read (app->root, &outcome);
    if (r || strcmp (outcome.workspace, workspace) != 0)
        return ROOT_E_NONE;
    *ret_outcome = outcome;
    return 0;
}

/*  This version runs because the one on trial failed. Reports that, and ends the order, so that it is not
    carried out again; a version that never confirmed itself gets its blame check first. */
static void rollback_record (struct node_application *app, const struct wire_trial *trial,
                             struct root_outcome *outcome)
{
    struct wire_failure failure;
    base_assert (!app->blame);
    outcome->release = trial->release;
    int r = root_failed_describe (app->root, outcome, &failure);
    if (r < 0)
        return;
    node_text_set (&failure.transaction, trial->transaction);
    if (!failure.version)
        node_text_set (&failure.version, trial->version);
    order_adopt (app, trial);
    bool guilty = cause_is_release (outcome->cause);
    if (outcome->cause == ROOT_CAUSE_UNCONFIRMED)
        node_blame_begin (app, &failure, &app->order, trial_judge);
    else if (guilty)
        release_quarantine (app, &failure, trial->workspace);
    node_remember_failure (app, &failure);
    bool remembered = false;
    if (!app->blame)
        remembered = order_record_end (app);
    else {
        app->order_state.under_way = app->order.epoch;
        app->order_state.attempt = app->order.attempt;
        app->order_state.probes = 0;
        node_text_set (&app->order_state.transaction, app->order.transaction);
        remembered = node_order_state_save (app);
    }
    note_judge (app, outcome,
                app->blame ? ROOT_JUDGED_PENDING
                : guilty   ? ROOT_JUDGED_GUILTY
                           : ROOT_JUDGED_INNOCENT,
                remembered && trial->epoch);
    node_report (app, wire_state_word (WIRE_STATE_TRIAL), WIRE_OUTCOME_ROLLED_BACK, failure.reason);
    node_order_clear (app);
    wire_failure_deinit (&failure);
}

/*  Handles a recorded trial whose version does not run. A rollback writes a note first. Without a note, this
    host went down between the record of the trial and the switch: the release never ran, and its order is
    resumed, a bounded number of times. */
static void trial_resolve (struct node_application *app, const struct wire_trial *trial)
{
    struct root_outcome outcome;
    if (outcome_read (app, trial->workspace, &outcome) == 0)
        rollback_record (app, trial, &outcome);
    else {
        base_log (BASE_LOG_INFO, "%s: interrupted before the switch to %s", trial->transaction,
                  trial->workspace);
        (void) root_trial_forget (app->root);
    }
}

/*  Handles a note without verdict and without a record of its trial: var/ was lost, or has a format that this
    version cannot read. */
static void note_resume (struct node_application *app, struct root_outcome *outcome)
{
    base_cleanup (wire_installed_deinit) struct wire_installed installed = {.transaction = NULL};
    const struct wire_order_state *order_state = &app->order_state;
    struct wire_trial trial = {.transaction = "unknown",
                               .attempt = 1,
                               .release = outcome->release,
                               .version = "unknown",
                               .workspace = outcome->workspace};
    if (root_workspace_read (app->root, outcome->workspace, &installed, NULL) == 0 &&
        base_digest_equal (&installed.release, &outcome->release)) {
        trial.transaction = installed.transaction ? installed.transaction : trial.transaction;
        trial.version = installed.envelope ? installed.envelope->version : trial.version;
    }
    if (order_state->under_way && order_state->transaction &&
        strcmp (order_state->transaction, trial.transaction) == 0)
        trial.epoch = order_state->under_way;
    rollback_record (app, &trial, outcome);
}

static void notes_resume (struct node_application *app)
{
    char **names = NULL;
    int r = root_failed_list (app->root, &names);
    if (r < 0)
        return;
    for (size_t i = 0; names[i] && !app->blame; i++) {
        struct root_outcome outcome;
        if (root_failed_read (app->root, names[i], &outcome) == 0 &&
            (outcome.judged == ROOT_JUDGED_NONE || outcome.judged == ROOT_JUDGED_PENDING))
            note_resume (app, &outcome);
    }
    (void) base_list_free (names);
}

/*  Completes a revert by order. Returns whether it has restored this version. */
static bool revert_resume (struct node_application *app)
{
    uint64_t epoch = app->order_state.revert_epoch;
    base_assert (epoch > 0);
    bool left =
        app->order_state.revert_from && strcmp (app->order_state.revert_from, app->running->workspace) != 0;
    app->order_state.revert_epoch = 0;
    wire_text_free (&app->order_state.revert_from);
    if (left) {
        node_order_close (app, epoch);
        if (app->order_state.hold_epoch == epoch) /* a rollout that reverts does not hold */
            app->order_state.held = true;
    }
    node_order_state_save (app);
    if (left)
        node_report_order (app, epoch, "revert", WIRE_OUTCOME_REVERTED, NULL);
    return left;
}

/*  Returns whether noded revert made this version stable and was interrupted before it wrote its records.
    Forgets a revert that was interrupted earlier. */
static bool host_revert_is_cut (struct node_application *app)
{
    char target[ROOT_NAME_SIZE], stable[ROOT_NAME_SIZE];
    int r = root_link (app->root, ROOT_REVERT, target);
    if (r == ROOT_E_NONE)
        return false;
    if (r == 0 && strcmp (target, app->running->workspace) == 0 &&
        root_link (app->root, ROOT_STABLE, stable) == 0 && strcmp (stable, target) == 0)
        return true;
    (void) root_revert_done (app->root);
    return false;
}

/*  Completes noded revert on this host: the manager that ran then may have written its own order state
    afterwards. The revert has ended the update that was in progress. */
static void host_revert_resume (struct node_application *app)
{
    char now[BASE_TIME_TEXT];
    struct wire_order_state *order_state = &app->order_state;
    struct wire_entry entry, cut = {.application = app->name,
                                    .step = "revert",
                                    .outcome = WIRE_OUTCOME_REVERTED,
                                    .time = base_time_format (base_time_real_ns (), now),
                                    .reason = "by noded revert on this host, which was interrupted; held "
                                              "until it is released"};
    bool is_cut = host_revert_is_cut (app);
    int r = root_reverted_recall (app->root, &entry);
    if (r && !is_cut)
        return;
    if (r) {
        r = wire_copy (&wire_entry_record, &cut, &entry);
        if (r < 0)
            return;
        node_journal_append (app->process, &cut);
    }
    if (order_state->under_way > order_state->epoch) {
        entry.epoch = order_state->under_way;
        entry.attempt = order_state->attempt;
        node_text_set (&entry.transaction, order_state->transaction);
    }
    node_order_close (app, order_state->under_way);
    order_state->held = true;
    order_state->revert_epoch = 0;
    bool saved = node_order_state_save (app);
    (void) root_trial_forget (app->root);
    (void) root_reverted_forget (app->root);
    if (saved)
        (void) root_revert_done (app->root);
    node_report_entry (app, &entry);
    wire_entry_deinit (&entry);
}

bool node_resume_trial (struct node_application *app)
{
    struct wire_trial trial = {.transaction = NULL};
    struct root_trial state;
    base_assert (app->procedure.state == WIRE_STATE_IDLE);
    int r = root_trial_read (app->root, &state, NULL);
    if (r || !state.on_trial || strcmp (state.stable, app->running->workspace) != 0)
        return false;
    if (root_trial_recall (app->root, &trial) == 0) {
        order_adopt (app, &trial);
        wire_trial_deinit (&trial);
    } else {
        const char *transaction = app->running->installed.transaction;
        app->order.epoch = app->order_state.under_way;
        app->order.attempt = app->order_state.attempt ? (unsigned) app->order_state.attempt : 1;
        app->order.release = app->running->installed.release;
        (void) base_text_copy (app->order.transaction, sizeof app->order.transaction,
                               transaction ? transaction : "unknown");
    }
    node_event (app, UPDATE_EVENT_TRIAL);
    return true;
}

void node_resume (struct node_application *app)
{
    struct wire_trial trial = {.transaction = NULL};
    char stable[ROOT_NAME_SIZE] = "";
    base_assert (app->procedure.state == WIRE_STATE_IDLE);
    base_assert (!app->blame && !app->fetch && !app->staging);
    node_stable_resume (app);
    host_revert_resume (app);
    bool reverted = app->order_state.revert_epoch && revert_resume (app);
    if (reverted) /* a trial that was ended by order blames no release */
        (void) root_trial_forget (app->root);
    if (node_resume_trial (app))
        return;
    if (root_trial_recall (app->root, &trial) == 0) {
        (void) root_link (app->root, ROOT_STABLE, stable);
        if (strcmp (trial.workspace, app->running->workspace) == 0) {
            order_adopt (app, &trial); /* confirmed, but the process ended before it reported that */
            order_record_end (app);
            node_report (app, wire_state_word (WIRE_STATE_TRIAL), WIRE_OUTCOME_CONFIRMED, NULL);
            node_order_clear (app);
        } else if (strcmp (stable, app->running->workspace) == 0)
            trial_resolve (app, &trial);
        wire_trial_deinit (&trial);
    }
    if (root_link (app->root, ROOT_STABLE, stable) == 0 && strcmp (stable, app->running->workspace) == 0) {
        node_trust_confirmed (app); /* an earlier process may have ended before it did this */
        notes_resume (app);
    }
    node_previous_keep (app); /* otherwise node_collect could remove it */
    node_collect (app);
    node_unshare_begin (app);
    node_retry_resume (app);
}
