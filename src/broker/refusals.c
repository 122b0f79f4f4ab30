/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/refusals.c - logs messages that are against the protocol: of which peer, which field, and why */

#include "broker/refusals.h"

#include "base/assert.h"
#include "base/log.h"
#include "base/time.h"
#include "broker/state.h"

/*  Returns the node that has a session on this connection, or NULL. Slow with many nodes: called only for a
    line that is logged. */
static const struct broker_node *node_of_peer (const struct broker *broker, const struct bus_peer *peer)
{
    for (size_t i = 0; peer->size > 0 && i < broker->registry.n_nodes; i++)
        if (broker->registry.nodes[i]->session[0] && bus_peer_equal (&broker->registry.nodes[i]->peer, peer))
            return broker->registry.nodes[i];
    return NULL;
}

void broker_on_refused (void *context, const char *channel, const struct bus_refusal *refusal)
{
    base_assert (context && channel && refusal);
    struct broker *broker = context;
    char text[BUS_REFUSALS_TEXT];
    uint64_t more;

    if (!bus_refusals_due_of (&broker->refusals, refusal, base_time_boot_ms (), &more))
        return;
    const struct broker_node *node = node_of_peer (broker, &refusal->peer);
    base_log (BASE_LOG_WARNING, "%s%s%s%s: refused a message on %s: %s%s", node ? "node " : "a client",
              node ? node->id : "", *refusal->peer_text ? " " : "", refusal->peer_text, channel,
              refusal->text, bus_refusals_more (more, text));
}
