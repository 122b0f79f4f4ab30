/* SPDX-License-Identifier: MPL-2.0 */
/*  node/directories.c - repairs the directories that an update needs

    Somebody may have removed one, or its owner's permissions. It is repaired before it is needed, so that the
    node can still be updated. */

#include "base/assert.h"
#include "base/log.h"
#include "node/application.h"
#include "root/repair.h"

static void change_report (void *context, const char *text)
{
    struct node_application *app = context;
    base_assert (text);
    struct wire_entry entry = {
        .application = app->name, .step = "root", .outcome = WIRE_OUTCOME_PASSED, .reason = text};
    base_log (BASE_LOG_WARNING, "%s", text);
    node_journal_append (app->process, &entry);
}

void node_directories_keep (struct node_application *app)
{
    base_assert (app && root_is_open (app->root));
    const struct root_repair repair = {.root = app->root, .changed = change_report, .context = app};
    struct base_error error = {.code = 0};
    int r = root_repair_directories (&repair, &error);
    if (r < 0)
        base_log_limited (&app->process->log, BASE_LOG_WARNING, "ignoring: %s", error.text);
}
