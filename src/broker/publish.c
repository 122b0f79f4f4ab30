/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/publish.c - publishes changes of nodes on the change bus */

#include "broker/publish.h"

#include "base/assert.h"
#include "broker/commit.h"

void broker_node_publish (struct broker *broker, const struct broker_node_change *change)
{
    base_assert (broker && change && change->node);
    broker_commit_flush (broker);
    broker_changes_node (&broker->changes, change);
}

void broker_node_changed (struct broker *broker, struct broker_node *node)
{
    base_assert (broker && node);
    broker_node_publish (broker, &(struct broker_node_change){.node = node, .flags = BROKER_NODE_ORDER});
}
