/*  broker/announce.c - which topics reach the nodes of a batch of orders

    Never one a node. A node that is woken without a need asks once and goes on, so the aim is few messages: one
    ring each, unless one group or everybody is as good. */

#include "broker/labels.h"
#include "broker/private.h"

enum { RINGS_MOST = BROKER_HINT_RINGS / 2 };

static size_t rings_of (struct broker_node *const *nodes, size_t count, bool ret_rings[BROKER_HINT_RINGS])
{
    size_t n_rings = 0;

    memset (ret_rings, 0, BROKER_HINT_RINGS * sizeof *ret_rings);
    for (size_t i = 0; i < count; i++) {
        n_rings += !ret_rings[nodes[i]->ring];
        ret_rings[nodes[i]->ring] = true;
    }
    return n_rings;
}

/*  The group that all of them listen to, or NULL. */
static const char *group_of (struct broker_node *const *nodes, size_t count)
{
    const char *group = count ? broker_node_group (nodes[0]) : NULL;

    for (size_t i = 1; group && i < count; i++) {
        const char *other = broker_node_group (nodes[i]);
        if (!other || strcmp (group, other) != 0)
            return NULL;
    }
    return group;
}

void broker_announce (struct broker *broker, struct broker_node *const *nodes, size_t count,
                      const char *application, uint64_t epoch)
{
    bool rings[BROKER_HINT_RINGS];
    size_t n_rings = rings_of (nodes, count, rings);
    const char *group = n_rings > 1 ? group_of (nodes, count) : NULL;

    if (group)
        broker_hints_want (&broker->hints, broker_hints_group (&broker->hints, group), application, epoch);
    else if (n_rings > RINGS_MOST)
        broker_hints_want (&broker->hints, BROKER_HINT_ALL, application, epoch);
    else
        for (unsigned ring = 0; ring < BROKER_HINT_RINGS; ring++)
            if (rings[ring])
                broker_hints_want (&broker->hints, ring, application, epoch);
}
