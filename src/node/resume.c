/* SPDX-License-Identifier: MPL-2.0 */
/*  node/resume.c - what an earlier process left unfinished: a trial, a rollback, a revert, a note of the launcher */

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "base/time.h"
#include "node/application.h"
#include "root/workspace.h"
#include "wire/text.h"

static uint64_t number_max (uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static void set_text (const char **field, const char *text)
{
    wire_text_give (field, text ? strdup (text) : NULL);
}

/*  Takes over the order that var/trial records, so that reports about it carry its names. */
static void order_adopt (struct node_application *app, const struct wire_trial *trial)
{
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

/*  Returns whether the order state was saved. */
static bool order_close (struct node_application *app)
{
    app->standing.epoch = number_max (app->standing.epoch, app->order.epoch);
    app->standing.under_way = app->standing.attempt = app->standing.probes = 0;
    set_text (&app->standing.transaction, app->order.transaction);
    bool saved = node_standing_save (app);
    (void) root_trial_forget (app->root);
    (void) root_outcome_remove (app->root);
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
static void release_quarantine (struct node_application *app, const struct wire_failure *failure,
                                const char *workspace)
{
    struct base_error error;
    int rc = root_quarantine_add (app->root, failure, &error);
    if ((rc == -ENOSPC || rc == -EDQUOT) && root_workspace_remove (app->root, workspace, NULL) == 0)
        rc = root_quarantine_add (app->root, failure, &error);
    if (rc)
        base_log (BASE_LOG_WARNING, "cannot quarantine the release, ignoring: %s", error.text);
}

/*  Stores the verdict in the launcher's note. If no release is to blame, the note is removed, but only if
    this node knows the note's order: otherwise that order would be carried out again and again. */
static void note_judged (struct node_application *app, struct root_outcome *outcome, enum root_judged judged,
                         bool remembered)
{
    struct base_error error;
    if (judged == ROOT_JUDGED_INNOCENT && remembered) {
        (void) root_failed_remove (app->root, outcome->workspace);
        return;
    }
    if (judged == ROOT_JUDGED_PENDING && !remembered)
        return;
    outcome->judged = judged;
    if (root_failed_write (app->root, outcome, &error))
        base_log (BASE_LOG_WARNING, "ignoring: %s", error.text);
}

/*  guilty: ends the order of a version that never confirmed itself, and quarantines its release. Otherwise
    the order has not ended for the origin; it stays and is resumed as often as one that was interrupted. The
    result is reported again: the origin's records have the node's earlier state. */
static void trial_judge (struct node_application *app, const struct wire_failure *failure, bool guilty)
{
    struct wire_trial trial = {.transaction = NULL};
    struct root_outcome outcome;
    bool remembered = !root_trial_recall (app->root, &trial);
    if (guilty)
        release_quarantine (app, failure, remembered ? trial.workspace : "");
    if (!root_failed_find (app->root, &failure->release, &outcome))
        note_judged (app, &outcome, guilty ? ROOT_JUDGED_GUILTY : ROOT_JUDGED_INNOCENT, remembered);
    if (!remembered) {
        (void) root_outcome_remove (app->root);
        return;
    }
    bool is_its = strcmp (trial.transaction, failure->transaction) == 0;
    if (is_its) {
        order_adopt (app, &trial);
        if (guilty) {
            app->standing.epoch = number_max (app->standing.epoch, app->order.epoch);
            app->standing.under_way = app->standing.attempt = app->standing.probes = 0;
            node_standing_save (app);
        }
        node_report (app, wire_state_word (WIRE_STATE_TRIAL), WIRE_OUTCOME_WENT_BACK, failure->reason);
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
    if (root_outcome_read (app->root, &outcome) || strcmp (outcome.workspace, workspace) != 0)
        return ROOT_E_NONE;
    *ret_outcome = outcome;
    return 0;
}

/*  This version runs because the one on trial failed. Reports that, and makes sure that the order is not
    carried out again. */
static void rollback_record (struct node_application *app, const struct wire_trial *trial,
                             struct root_outcome *outcome)
{
    struct wire_failure failure;
    outcome->release = trial->release;
    if (root_failed_describe (app->root, outcome, &failure))
        return;
    set_text (&failure.transaction, trial->transaction);
    if (!failure.version)
        set_text (&failure.version, trial->version);
    order_adopt (app, trial);
    bool guilty = is_to_blame (outcome->cause);
    if (outcome->cause == ROOT_CAUSE_UNCONFIRMED)
        node_blame_begin (app, &failure, &app->order, trial_judge);
    else if (guilty)
        release_quarantine (app, &failure, trial->workspace);
    node_remember_failure (app, &failure);
    bool remembered = false;
    if (!app->blame)
        remembered = order_close (app);
    else {
        app->standing.under_way = app->order.epoch;
        app->standing.attempt = app->order.attempt;
        app->standing.probes = 0;
        set_text (&app->standing.transaction, app->order.transaction);
        remembered = node_standing_save (app);
    }
    note_judged (app, outcome,
                 app->blame ? ROOT_JUDGED_PENDING
                 : guilty   ? ROOT_JUDGED_GUILTY
                            : ROOT_JUDGED_INNOCENT,
                 remembered && trial->epoch);
    node_report (app, wire_state_word (WIRE_STATE_TRIAL), WIRE_OUTCOME_WENT_BACK, failure.reason);
    node_order_clear (app);
    wire_failure_deinit (&failure);
}

/*  A rollback leaves a note first. Without a note, this host went down between the record of the trial and
    the switch. Then the release never ran, and its order is resumed, a bounded number of times. */
static void resume_trial_of (struct node_application *app, const struct wire_trial *trial)
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

/*  Handles a note that no process has handled and that has no record of its trial: var/ was lost, or is in a
    form that this version cannot read. */
static void resume_note (struct node_application *app, struct root_outcome *outcome)
{
    base_cleanup (wire_installed_deinit) struct wire_installed installed = {.transaction = NULL};
    const struct wire_standing *standing = &app->standing;
    struct wire_trial trial = {.transaction = "unknown",
                               .attempt = 1,
                               .release = outcome->release,
                               .version = "unknown",
                               .workspace = outcome->workspace};
    if (!root_workspace_read (app->root, outcome->workspace, &installed, NULL) &&
        base_digest_equal (&installed.release, &outcome->release)) {
        trial.transaction = installed.transaction ? installed.transaction : trial.transaction;
        trial.version = installed.envelope ? installed.envelope->version : trial.version;
    }
    if (standing->under_way && standing->transaction &&
        strcmp (standing->transaction, trial.transaction) == 0)
        trial.epoch = standing->under_way;
    rollback_record (app, &trial, outcome);
}

static void resume_notes (struct node_application *app)
{
    char **names = NULL;
    if (root_failed_list (app->root, &names))
        return;
    for (size_t i = 0; names[i] && !app->blame; i++) {
        struct root_outcome outcome;
        if (root_failed_read (app->root, names[i], &outcome) == 0 &&
            (outcome.judged == ROOT_JUDGED_NONE || outcome.judged == ROOT_JUDGED_PENDING))
            resume_note (app, &outcome);
    }
    (void) base_list_free (names);
}

/*  Returns whether an ordered revert has restored this version. */
static bool resume_revert (struct node_application *app)
{
    uint64_t epoch = app->standing.revert_epoch;
    bool left = app->standing.revert_from && strcmp (app->standing.revert_from, app->running->workspace) != 0;
    app->standing.revert_epoch = 0;
    set_text (&app->standing.revert_from, NULL);
    if (left) {
        app->standing.epoch = number_max (app->standing.epoch, epoch);
        app->standing.under_way = app->standing.attempt = app->standing.probes = 0;
        if (app->standing.hold_epoch == epoch) /* a rollout that reverts does not hold */
            app->standing.held = true;
    }
    node_standing_save (app);
    if (left)
        node_report_order (app, epoch, "revert", WIRE_OUTCOME_REVERTED, NULL);
    return left;
}

/*  Returns whether noded revert made this version stable and was interrupted before it could write more. A
    revert that was interrupted before that is forgotten. */
static bool was_reverted (struct node_application *app)
{
    char target[ROOT_NAME_SIZE], stable[ROOT_NAME_SIZE];
    int rc = root_link (app->root, ROOT_REVERT, target);
    if (rc == ROOT_E_NONE)
        return false;
    if (rc == 0 && strcmp (target, app->running->workspace) == 0 &&
        root_link (app->root, ROOT_STABLE, stable) == 0 && strcmp (stable, target) == 0)
        return true;
    (void) root_revert_done (app->root);
    return false;
}

/*  A person reverted on this host. The manager that ran may have written its own order state afterwards. The
    revert has ended the update that was in progress. */
static void resume_reverted (struct node_application *app)
{
    char now[BASE_TIME_TEXT];
    struct wire_standing *standing = &app->standing;
    struct wire_entry entry, cut = {.application = app->name,
                                    .step = "revert",
                                    .outcome = WIRE_OUTCOME_REVERTED,
                                    .time = base_time_format (base_time_real_ns (), now),
                                    .reason = "by noded revert on this host, which was interrupted; held "
                                              "until it is released"};
    bool ordered = was_reverted (app);
    if (root_reverted_recall (app->root, &entry)) {
        if (!ordered || wire_copy (&wire_entry_record, &cut, &entry))
            return;
        node_journal_append (app->process, &cut);
    }
    if (standing->under_way > standing->epoch) {
        entry.epoch = standing->epoch = standing->under_way;
        entry.attempt = standing->attempt;
        set_text (&entry.transaction, standing->transaction);
    }
    standing->under_way = standing->attempt = standing->probes = 0;
    standing->held = true;
    standing->revert_epoch = 0;
    bool saved = node_standing_save (app);
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
    if (root_trial_read (app->root, &state, NULL) || !state.on_trial ||
        strcmp (state.stable, app->running->workspace) != 0)
        return false;
    if (!root_trial_recall (app->root, &trial)) {
        order_adopt (app, &trial);
        wire_trial_deinit (&trial);
    } else {
        const char *transaction = app->running->installed.transaction;
        app->order.epoch = app->standing.under_way;
        app->order.attempt = (unsigned) number_max (app->standing.attempt, 1);
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
    node_stable_resume (app);
    resume_reverted (app);
    bool reverted = app->standing.revert_epoch && resume_revert (app);
    if (reverted) /* a trial that was ended by order blames no release */
        (void) root_trial_forget (app->root);
    if (node_resume_trial (app))
        return;
    if (!root_trial_recall (app->root, &trial)) {
        (void) root_link (app->root, ROOT_STABLE, stable);
        if (strcmp (trial.workspace, app->running->workspace) == 0) {
            order_adopt (app, &trial); /* confirmed, but the process ended before it reported that */
            order_close (app);
            node_report (app, wire_state_word (WIRE_STATE_TRIAL), WIRE_OUTCOME_CONFIRMED, NULL);
            node_order_clear (app);
        } else if (strcmp (stable, app->running->workspace) == 0)
            resume_trial_of (app, &trial);
        wire_trial_deinit (&trial);
    }
    if (root_link (app->root, ROOT_STABLE, stable) == 0 && strcmp (stable, app->running->workspace) == 0)
        resume_notes (app);
    node_previous_keep (app); /* otherwise node_collect could remove it */
    node_collect (app);
    node_unshare_begin (app);
    node_later_resume (app);
}
