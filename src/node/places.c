/* SPDX-License-Identifier: MPL-2.0 */
/*  node/places.c - repairs the directories that an update needs

    If somebody removed one, or took its owner's rights to it away, the node can still be updated: it is
    repaired before it is needed. */

#include "base/log.h"
#include "node/manager.h"
#include "root/repair.h"

static void change_report (void *context, const char *text)
{
    struct node_manager *node = context;
    struct wire_entry entry = {.application = (char *) "noded",
                               .step = (char *) "root",
                               .outcome = WIRE_OUTCOME_PASSED,
                               .reason = (char *) text};
    base_log (BASE_LOG_WARNING, "%s", text);
    node_journal_append (node, &entry);
}

void node_places_keep (struct node_manager *node)
{
    const struct root_repair repair = {.root = &node->root, .changed = change_report, .context = node};
    struct base_error error = {.code = 0};
    if (root_repair_places (&repair, &error))
        base_log_limited (&node->log, BASE_LOG_WARNING, "ignoring: %s", error.text);
}
