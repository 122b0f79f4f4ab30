/* SPDX-License-Identifier: MPL-2.0 */
/*  node/stable.c - restores stable and previous

    init starts stable, and a revert returns to previous. If somebody removed one of them, the running version
    restores it before it is needed, unless that version is on trial: then only the launcher, which is proven,
    changes stable. The order state records where previous pointed to. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/log.h"
#include "base/text.h"
#include "base/time.h"
#include "node/application.h"
#include "root/links.h"
#include "wire/text.h"

enum { FOLLOW_MS = 1000 };

/*  Reports to log and journal. workspace: where the link points to now; empty: nowhere. Cleans reason. */
static void link_report (struct node_application *app, const char *link, enum wire_outcome outcome,
                         char *reason, const char *workspace)
{
    base_assert (link && reason && workspace);
    struct wire_entry entry = {.application = app->name,
                               .step = link,
                               .outcome = outcome,
                               .reason = reason,
                               .workspace = *workspace ? workspace : NULL};
    base_text_clean (reason);
    base_log (outcome == WIRE_OUTCOME_FAILED ? BASE_LOG_ERROR : BASE_LOG_WARNING, "%s", reason);
    node_journal_append (app->process, &entry);
}

/*  Returns whether this version may change stable. From the switch until the confirmation only the launcher
    may. */
static bool stable_is_ours (const struct node_application *app)
{
    return update_order_at_rest (app->procedure.state) ||
           (app->procedure.state >= WIRE_STATE_MATCHING && app->procedure.state <= WIRE_STATE_SWITCHING);
}

static int stable_repair (const struct node_application *app, char ret_name[ROOT_NAME_SIZE],
                          struct base_error *error)
{
    const char *own = app->running->workspace;
    base_assert (*own && stable_is_ours (app));
    if (root_trial_is_likely (app->root, own))
        return base_error_set (error, ROOT_E_ON_TRIAL, "a trial is in progress: the launcher restores it");
    return root_stable_repair (app->root, &(struct root_own){.name = own, .proven = true}, ret_name, error);
}

void node_stable_keep (struct node_application *app)
{
    struct base_error lost = {.code = 0}, error = {.code = 0};
    char name[ROOT_NAME_SIZE] = "", reason[500];
    if (!*app->running->workspace || root_stable_check (app->root, &lost) <= 0) {
        app->stable_reported = false;
        return;
    }
    if (!stable_is_ours (app))
        return;
    bool repaired = stable_repair (app, name, &error) == 0;
    if (!repaired && app->stable_reported)
        return;
    app->stable_reported = !repaired;
    (void) snprintf (
        reason, sizeof reason, "%.180s; %s%.200s", lost.text,
        repaired ? "it now points to " : "it cannot be restored: ", repaired ? name : error.text);
    link_report (app, ROOT_STABLE, repaired ? WIRE_OUTCOME_PASSED : WIRE_OUTCOME_FAILED, reason, name);
}

void node_stable_mark (struct node_application *app)
{
    struct root_trial trial;
    if (root_trial_read (app->root, &trial, NULL) == 0 && !trial.on_trial &&
        strcmp (trial.stable, app->running->workspace) == 0 &&
        !root_is_unproven (app->root, app->running->workspace))
        root_ok_adopt (app->root, app->running->workspace);
}

/*  Returns whether another workspace is stable, and this version may restart into it. */
static bool stable_find_other (const struct node_application *app, char ret_name[ROOT_NAME_SIZE])
{
    return (stable_is_ours (app) || app->procedure.state == WIRE_STATE_TRIAL) &&
           root_stable_check (app->root, NULL) == 0 && root_link (app->root, ROOT_STABLE, ret_name) == 0 &&
           strcmp (ret_name, app->running->workspace) != 0;
}

bool node_stable_is_elsewhere (const struct node_application *app)
{
    char stable[ROOT_NAME_SIZE];
    return stable_find_other (app, stable);
}

/*  A command that changes stable still writes its records and then notifies this process. This timer leaves
    it time for that, and covers the case that it was killed before it could notify. */
static void on_follow (void *context)
{
    struct node_application *app = context;
    char stable[ROOT_NAME_SIZE];
    base_assert (!app->busy);
    app->following = 0;
    if (!stable_find_other (app, stable))
        return;
    base_log (BASE_LOG_WARNING, "%s was made stable by hand: restarting into it", stable);
    app->kind->ops->restart (app);
}

void node_stable_follow (struct node_application *app)
{
    char stable[ROOT_NAME_SIZE];
    base_assert (app->kind && app->kind->ops->restart);
    if (!app->following && stable_find_other (app, stable))
        app->following = bus_timer_start (app->process->loop, FOLLOW_MS, on_follow, app);
}

static void previous_remember (struct node_application *app, const char *name)
{
    const char **known = &app->order_state.previous;
    base_assert (name);
    if (!*name || (*known && strcmp (*known, name) == 0))
        return;
    node_text_set (known, name);
    node_order_state_save (app);
}

/*  Leaves previous alone on trial, and while another workspace is stable: then it is about to change. */
void node_previous_keep (struct node_application *app)
{
    struct base_error lost = {.code = 0}, error = {.code = 0};
    char name[ROOT_NAME_SIZE] = "", reason[500];
    const char *known = app->order_state.previous;
    if (!*app->running->workspace || root_trial_is_likely (app->root, app->running->workspace) ||
        root_link (app->root, ROOT_STABLE, name) || strcmp (name, app->running->workspace) != 0)
        return;
    int r = root_previous_check (app->root, known, name, &lost);
    if (r == 0)
        previous_remember (app, name);
    if (r <= 0) {
        app->previous_reported = false;
        return;
    }
    bool repaired = root_previous_repair (app->root, known, &error) == 0;
    if (!repaired && app->previous_reported)
        return;
    app->previous_reported = !repaired;
    (void) snprintf (
        reason, sizeof reason, "%.180s; %s%.200s%s", lost.text,
        repaired ? "it now points to " : "it cannot be restored: ", repaired ? known : error.text,
        repaired ? "" : "; no revert is possible until another version is confirmed");
    link_report (app, ROOT_PREVIOUS, repaired ? WIRE_OUTCOME_PASSED : WIRE_OUTCOME_FAILED, reason,
                 repaired ? known : "");
}

/*  Makes the rollback from a damaged stable the last error. */
static void damage_remember (struct node_application *app, const char *workspace, char *reason)
{
    char now[BASE_TIME_TEXT];
    struct wire_installed damaged = {.envelope = NULL};
    (void) root_workspace_read (app->root, workspace, &damaged, NULL);
    struct wire_failure failure = {.transaction = damaged.transaction ? damaged.transaction : "unknown",
                                   .release = damaged.release,
                                   .version = damaged.envelope ? damaged.envelope->version : NULL,
                                   .step = ROOT_STABLE,
                                   .reason = reason,
                                   .time = base_time_format (base_time_real_ns (), now)};
    node_remember_failure (app, &failure);
    node_order_state_save (app);
    wire_installed_deinit (&damaged);
}

void node_stable_resume (struct node_application *app)
{
    struct root_outcome note;
    char reason[500];
    base_assert (app && root_is_open (app->root));
    int r = root_repaired_read (app->root, &note);
    if (r)
        return;
    bool damaged = note.cause == ROOT_CAUSE_DAMAGED;
    if (damaged)
        (void) snprintf (reason, sizeof reason, "%s was stable and is damaged: %.200s; rolled back to %s",
                         note.workspace, note.text, app->running->workspace);
    else
        (void) snprintf (reason, sizeof reason, "%.200s; the launcher restored it, it points to %s",
                         note.text, note.workspace);
    link_report (app, ROOT_STABLE, damaged ? WIRE_OUTCOME_ROLLED_BACK : WIRE_OUTCOME_PASSED, reason,
                 note.workspace);
    if (damaged)
        damage_remember (app, note.workspace, reason);
    (void) root_repaired_remove (app->root);
}
