/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/revisions.c - numbers of changes, and the requests that wait for a change */

#include "broker/revisions.h"

#include "broker/state.h"

/*  The next number may be read from the records. No transaction is open then that could be rolled back. */
static void on_node (void *context, const struct broker_node_change *change)
{
    struct broker *broker = context;
    struct base_error error = {.code = 0};

    if (change->flags == BROKER_NODE_REPEAT)
        return;
    if (records_revision_next (broker->records, &change->node->revision, &error) != 0) {
        base_log_limited (&broker->log, BASE_LOG_ERROR, "%s", error.text);
        return;
    }
    broker->revision = change->node->revision;
    broker_waiters_wake (&broker->waiters);
}

static void on_rollout (void *context, const struct broker_rollout_change *change)
{
    struct broker *broker = context;

    if (change->rollout->state.revision > broker->revision)
        broker->revision = change->rollout->state.revision;
    broker_waiters_wake (&broker->waiters);
}

const struct broker_changes_ops broker_revisions_ops = {.node = on_node, .rollout = on_rollout};
