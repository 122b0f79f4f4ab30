/*  The directories that an update needs. Whoever took one away, or its owner's rights to it, does not keep the node
    from being updated: they are put right before they are needed. */

#include "base/log.h"
#include "node/manager.h"
#include "root/repair.h"

static void tell (void *context, const char *text)
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
    const struct root_repair repair = {.root = &node->root, .changed = tell, .context = node};
    struct base_error error = {.code = 0};
    if (root_repair_places (&repair, &error))
        base_log_limited (&node->log, BASE_LOG_WARNING, "ignoring: %s", error.text);
}
