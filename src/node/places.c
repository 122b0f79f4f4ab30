/* SPDX-License-Identifier: MPL-2.0 */
/*  node/places.c - repairs the directories that an update needs

    If somebody removed one, or took its owner's rights to it away, the node can still be updated: it is
    repaired before it is needed. */

#include "base/log.h"
#include "node/application.h"
#include "root/repair.h"

static void change_report (void *context, const char *text)
{
    struct node_application *app = context;
    struct wire_entry entry = {
        .application = app->name, .step = "root", .outcome = WIRE_OUTCOME_PASSED, .reason = text};
    base_log (BASE_LOG_WARNING, "%s", text);
    node_journal_append (app->process, &entry);
}

void node_places_keep (struct node_application *app)
{
    const struct root_repair repair = {.root = app->root, .changed = change_report, .context = app};
    struct base_error error = {.code = 0};
    if (root_repair_places (&repair, &error))
        base_log_limited (&app->process->log, BASE_LOG_WARNING, "ignoring: %s", error.text);
}
