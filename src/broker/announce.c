/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/announce.c - chooses the topics that reach the nodes of a batch of orders

    No node has its own topic. A hint is sent to the rings of the nodes or to their group, and names the
    nodes, so that the other nodes of a ring need not ask. A hint for most of the fleet is sent to all
    nodes. */

#include "broker/announce.h"

#include "base/assert.h"
#include "broker/labels.h"

enum { EVERYBODY_LEAST = 128 /* above this, one hint to all is fewer messages than one a ring */ };

/*  Returns the group to which all of these nodes listen, or NULL. */
static const char *nodes_group (struct broker_node *const *nodes, size_t count)
{
    const char *group = count ? broker_node_group (nodes[0]) : NULL;

    for (size_t i = 1; group && i < count; i++) {
        const char *other = broker_node_group (nodes[i]);
        if (!other || strcmp (group, other) != 0)
            return NULL;
    }
    return group;
}

static void rings_announce (struct broker *broker, struct broker_node *const *nodes, size_t count,
                            const struct wire_update *hint)
{
    base_assert (hint->application);
    for (unsigned ring = 0; ring < BROKER_HINT_RINGS; ring++) {
        const char *named[BROKER_HINT_NODES];
        struct wire_update of_ring = *hint;
        size_t meant = 0;
        for (size_t i = 0; i < count; i++) {
            if (nodes[i]->ring != ring)
                continue;
            if (meant < BROKER_HINT_NODES)
                named[meant] = nodes[i]->id;
            meant++;
        }
        if (meant == 0)
            continue;
        of_ring.nodes = named;
        of_ring.n_nodes = meant <= BROKER_HINT_NODES ? meant : 0;
        broker_hints_want (&broker->hints, ring, &of_ring);
    }
}

void broker_announce (struct broker *broker, struct broker_node *const *nodes, size_t count,
                      const char *application, uint64_t epoch)
{
    base_assert (broker && application);
    base_assert (nodes || count == 0);
    struct wire_update hint = {.application = application, .epoch = epoch};
    const char *group = count > 1 && count <= BROKER_HINT_NODES ? nodes_group (nodes, count) : NULL;
    const char *named[BROKER_HINT_NODES];

    if (count > EVERYBODY_LEAST && count > broker->registry.n_nodes / 2)
        broker_hints_want (&broker->hints, BROKER_HINT_ALL, &hint);
    else if (group) {
        for (size_t i = 0; i < count; i++)
            named[i] = nodes[i]->id;
        hint.nodes = named;
        hint.n_nodes = count;
        broker_hints_want (&broker->hints, broker_hints_group (&broker->hints, group), &hint);
    } else
        rings_announce (broker, nodes, count, &hint);
}
