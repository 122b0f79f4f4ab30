/* SPDX-License-Identifier: MPL-2.0 */
/*  node/stable.c - restores stable and previous

    init knows only stable of this node, and a revert only previous. If somebody removed one of them, the
    running version restores it before it is needed, unless it is on trial. On trial, stable belongs to the
    launcher, which is proven code. var/standing remembers where previous pointed to. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "base/time.h"
#include "node/manager.h"
#include "root/links.h"

enum { FOLLOW_MS = 1000 };

static void link_report (struct node_manager *node, const char *link, enum wire_outcome outcome, char *reason,
                         const char *workspace)
{
    struct wire_entry entry = {.application = (char *) "noded",
                               .step = (char *) link,
                               .outcome = outcome,
                               .reason = reason,
                               .workspace = *workspace ? (char *) workspace : NULL};
    base_text_clean (reason);
    base_log (outcome == WIRE_OUTCOME_FAILED ? BASE_LOG_ERROR : BASE_LOG_WARNING, "%s", reason);
    node_journal_append (node, &entry);
}

/*  From the switch until the version is confirmed, only the launcher decides where stable points to. */
static bool is_ours (const struct node_manager *node)
{
    return update_order_at_rest (node->procedure.state) ||
           (node->procedure.state >= WIRE_STATE_MATCHING && node->procedure.state <= WIRE_STATE_SWITCHING);
}

static int stable_mend (const struct node_manager *node, char ret_name[ROOT_NAME_SIZE],
                        struct base_error *error)
{
    const char *own = node->self.workspace;
    if (root_trial_is_likely (&node->root, own))
        return base_error_set (error, ROOT_E_ON_TRIAL, "a trial is in progress: the launcher restores it");
    return root_stable_repair (&node->root, &(struct root_own){.name = own, .proven = true}, ret_name, error);
}

void node_stable_keep (struct node_manager *node)
{
    struct base_error lost = {.code = 0}, error = {.code = 0};
    char name[ROOT_NAME_SIZE] = "", reason[500];
    if (root_stable_check (&node->root, &lost) <= 0) {
        node->stable_told = false;
        return;
    }
    if (!is_ours (node))
        return;
    bool mended = stable_mend (node, name, &error) == 0;
    if (!mended && node->stable_told)
        return;
    node->stable_told = !mended;
    (void) snprintf (reason, sizeof reason, "%.180s; %s%.200s", lost.text,
                     mended ? "it now points to " : "it cannot be restored: ", mended ? name : error.text);
    link_report (node, ROOT_STABLE, mended ? WIRE_OUTCOME_PASSED : WIRE_OUTCOME_FAILED, reason, name);
}

void node_stable_mark (struct node_manager *node)
{
    struct root_trial trial;
    if (!root_trial_read (&node->root, &trial, NULL) && !trial.on_trial &&
        strcmp (trial.stable, node->self.workspace) == 0 &&
        !root_is_unproven (&node->root, node->self.workspace))
        root_ok_adopt (&node->root, node->self.workspace);
}

static bool leads_elsewhere (const struct node_manager *node, char ret_name[ROOT_NAME_SIZE])
{
    return (is_ours (node) || node->procedure.state == WIRE_STATE_TRIAL) &&
           root_stable_check (&node->root, NULL) == 0 &&
           root_link (&node->root, ROOT_STABLE, ret_name) == 0 &&
           strcmp (ret_name, node->self.workspace) != 0;
}

bool node_stable_is_elsewhere (const struct node_manager *node)
{
    char stable[ROOT_NAME_SIZE];
    return leads_elsewhere (node, stable);
}

/*  A command that points stable elsewhere has more to write before it notifies this process, and gets time
    for that. If it was killed in between, no notification comes. */
static void stable_follow (void *context)
{
    struct node_manager *node = context;
    char stable[ROOT_NAME_SIZE];
    node->following = 0;
    if (!leads_elsewhere (node, stable))
        return;
    base_log (BASE_LOG_WARNING, "%s was made stable by hand: restarting into it", stable);
    node_leave (node);
}

void node_stable_follow (struct node_manager *node)
{
    char stable[ROOT_NAME_SIZE];
    if (!node->following && leads_elsewhere (node, stable))
        node->following = bus_timer_start (node->loop, FOLLOW_MS, stable_follow, node);
}

static void remember_previous (struct node_manager *node, const char *name)
{
    char **known = &node->standing.previous;
    if (!*name || (*known && strcmp (*known, name) == 0))
        return;
    free (*known);
    *known = strdup (name);
    node_standing_save (node);
}

/*  On trial, and while stable points elsewhere, previous is about to change: then it is left alone. */
void node_previous_keep (struct node_manager *node)
{
    struct base_error lost = {.code = 0}, error = {.code = 0};
    char name[ROOT_NAME_SIZE] = "", reason[500];
    const char *known = node->standing.previous;
    if (root_trial_is_likely (&node->root, node->self.workspace) ||
        root_link (&node->root, ROOT_STABLE, name) || strcmp (name, node->self.workspace) != 0)
        return;
    int rc = root_previous_check (&node->root, known, name, &lost);
    if (rc == 0)
        remember_previous (node, name);
    if (rc <= 0) {
        node->previous_told = false;
        return;
    }
    bool mended = root_previous_repair (&node->root, known, &error) == 0;
    if (!mended && node->previous_told)
        return;
    node->previous_told = !mended;
    (void) snprintf (reason, sizeof reason, "%.180s; %s%.200s%s", lost.text,
                     mended ? "it now points to " : "it cannot be restored: ", mended ? known : error.text,
                     mended ? "" : "; no revert is possible until another version is confirmed");
    link_report (node, ROOT_PREVIOUS, mended ? WIRE_OUTCOME_PASSED : WIRE_OUTCOME_FAILED, reason,
                 mended ? known : "");
}

static void remember_damaged (struct node_manager *node, const char *workspace, char *reason)
{
    char now[BASE_TIME_TEXT];
    struct wire_installed damaged = {.envelope = NULL};
    (void) root_workspace_read (&node->root, workspace, &damaged, NULL);
    struct wire_failure failure = {.transaction =
                                       damaged.transaction ? damaged.transaction : (char *) "unknown",
                                   .release = damaged.release,
                                   .version = damaged.envelope ? damaged.envelope->version : NULL,
                                   .step = (char *) ROOT_STABLE,
                                   .reason = reason,
                                   .time = (char *) base_time_format (base_time_real_ns (), now)};
    node_remember_failure (node, &failure);
    node_standing_save (node);
    wire_installed_deinit (&damaged);
}

void node_stable_resume (struct node_manager *node)
{
    struct root_outcome note;
    char reason[500];
    if (root_repaired_read (&node->root, &note))
        return;
    bool damaged = note.cause == ROOT_CAUSE_DAMAGED;
    if (damaged)
        (void) snprintf (reason, sizeof reason, "%s was stable and is damaged: %.200s; rolled back to %s",
                         note.workspace, note.text, node->self.workspace);
    else
        (void) snprintf (reason, sizeof reason, "%.200s; the launcher restored it, it points to %s",
                         note.text, note.workspace);
    link_report (node, ROOT_STABLE, damaged ? WIRE_OUTCOME_WENT_BACK : WIRE_OUTCOME_PASSED, reason,
                 note.workspace);
    if (damaged)
        remember_damaged (node, note.workspace, reason);
    (void) root_repaired_remove (&node->root);
}
