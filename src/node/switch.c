/* SPDX-License-Identifier: MPL-2.0 */
/*  node/switch.c - points stable to a candidate, ends its trial, reverts and rolls back */

#include <string.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "node/application.h"
#include "root/lock.h"
#include "wire/text.h"

enum { CHANGE_MS = 1000 };

/*  Reads where stable points to; empty if that cannot be read. It shows whether a change was made: after a
    rename whose sync failed, the return code does not. */
static void stable_read (const struct node_application *app, char ret_name[ROOT_NAME_SIZE])
{
    int r = root_link (app->root, ROOT_STABLE, ret_name);
    if (r)
        *ret_name = '\0';
}

/*  Before the trial, verifies the version that a failed trial would be rolled back to, which is the running
    one. If it is damaged, notes for the next report which undamaged version is used instead. Without one the
    update continues: it is the only repair left. */
static void fallback_check (struct node_application *app)
{
    struct base_error damage = {.code = 0}, other;
    const char *own = app->running->workspace, *found = NULL;
    base_assert (*app->order.workspace && strcmp (app->order.workspace, own) != 0);
    if (!*own || root_workspace_check (app->root, own, &damage) == 0)
        return;
    char **names = root_fallbacks (app->root, app->order.workspace, own);
    for (size_t i = 0; names && names[i] && !found; i++)
        if (strcmp (names[i], own) != 0 && root_workspace_check (app->root, names[i], &other) == 0)
            found = names[i];
    (void) snprintf (app->order.note, sizeof app->order.note,
                     "%s is damaged: a failed trial is rolled back to %s", own,
                     found ? found : "that version, because no other one is undamaged");
    base_log (BASE_LOG_WARNING, "%s: %s (%s)", app->order.transaction, app->order.note, damage.text);
    (void) base_list_free (names);
}

void node_switch (struct node_application *app)
{
    struct node_order *order = &app->order;
    struct base_error error = {.code = 0};
    base_assert (app->procedure.state == WIRE_STATE_SWITCHING);
    base_assert (order->candidate.envelope && *order->workspace);
    struct wire_trial trial = {.transaction = order->transaction,
                               .epoch = order->epoch,
                               .attempt = order->attempt,
                               .release = order->release,
                               .version = order->candidate.envelope->version,
                               .workspace = order->workspace,
                               .previous = app->running->workspace};
    int r = root_trial_note (app->root, &trial, &error);
    if (r < 0)
        base_log (BASE_LOG_WARNING, "cannot record the trial, ignoring: %s", error.text);
    node_stable_keep (app);
    fallback_check (app);
    base_cleanup (base_close_p) int change = root_change_lock (app->root, CHANGE_MS);
    (void) change;                        /* held until the return; an update continues without it */
    if (node_stable_is_elsewhere (app)) { /* a person has just reverted: that has priority */
        base_log (BASE_LOG_WARNING, "%s: another version was made stable meanwhile: restarting into it",
                  order->transaction);
        app->kind->ops->restart (app);
        return;
    }
    /* the first version of an application has nothing to return to, so it gets no trial */
    if (order->custom && !*app->running->workspace)
        node_trust_note (app, &order->release, order->custom->counter);
    r = *app->running->workspace
            ? root_switch (app->root, order->workspace, &app->process->config->trial, &error)
            : root_stable_set (app->root, order->workspace, &error);
    char stable[ROOT_NAME_SIZE];
    stable_read (app, stable);
    if (r && strcmp (stable, order->workspace) != 0) {
        (void) root_trial_forget (app->root);
        node_fail (app, UPDATE_EVENT_FAILED, "%s", error.text);
        return;
    }
    if (r)
        base_log (BASE_LOG_WARNING, "%s: switched, ignoring: %s", order->transaction, error.text);
    node_event (app, UPDATE_EVENT_DONE);
}

void node_switch_confirm (struct node_application *app)
{
    struct base_error error;
    base_assert (app->procedure.state == WIRE_STATE_CONFIRMED);
    app->kind->ops->prove_end (app);
    int r = root_confirm (app->root, &error);
    if (r) {
        base_log (BASE_LOG_WARNING, "this version could not confirm itself: %s", error.text);
        node_event (app, UPDATE_EVENT_FAILED);
        return;
    }
    node_trust_confirmed (app);
    if (app->kind->ops->confirmed)
        app->kind->ops->confirmed (app);
    node_event (app, UPDATE_EVENT_DONE);
}

/*  The order state says, for the process that starts next, what the revert started from. */
static int stable_revert (struct node_application *app, struct base_error *error)
{
    char name[ROOT_NAME_SIZE];
    app->order_state.revert_epoch = app->order.epoch;
    node_text_set (&app->order_state.revert_from, app->running->workspace);
    node_order_state_save (app);
    node_previous_keep (app);
    return root_revert (app->root, name, error);
}

static int stable_roll_back (struct node_application *app, struct base_error *error)
{
    struct root_outcome outcome = {.cause = ROOT_CAUSE_UNCONFIRMED};
    (void) base_text_copy (outcome.workspace, sizeof outcome.workspace, app->running->workspace);
    const char *waits_for = node_trust_waits_for (&app->proof_trust);
    (void) snprintf (outcome.text, sizeof outcome.text, "until its deadline %s%s%s",
                     update_proof_missing (&app->proof), waits_for ? ": " : "", waits_for ? waits_for : "");
    (void) root_failed_write (app->root, &outcome, NULL);
    (void) root_outcome_write (app->root, &outcome, NULL); /* for versions that read only var/outcome */
    return root_roll_back (app->root, error);
}

void node_switch_return (struct node_application *app, enum node_return why)
{
    bool by_order = why == NODE_RETURN_ORDERED;
    struct base_error error = {.code = 0};
    char before[ROOT_NAME_SIZE], after[ROOT_NAME_SIZE];
    base_assert (app->procedure.state == WIRE_STATE_REVERTING);
    app->kind->ops->prove_end (app);
    stable_read (app, before);
    int r = by_order ? stable_revert (app, &error) : stable_roll_back (app, &error);
    stable_read (app, after);
    if (r && strcmp (before, after) == 0) {
        app->order_state.revert_epoch = 0; /* saved with the end of the order */
        node_fail (app, UPDATE_EVENT_FAILED, "cannot revert: %.300s; the running version continues, %s",
                   error.text, app->order_state.held ? "held as before" : "not held");
        return;
    }
    if (r)
        base_log (BASE_LOG_WARNING, "reverted, ignoring: %s", error.text);
    if (by_order) /* a revert during a trial blames no release */
        (void) root_trial_forget (app->root);
    node_event (app, UPDATE_EVENT_DONE);
}
