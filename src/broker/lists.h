/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/lists.h - the lists that operators read, a page at a time */

#ifndef BROKER_LISTS_H
#define BROKER_LISTS_H

#include "broker/state.h"

/*  Nodes that a request names, in one page. */
struct broker_named {
    const char *const *nodes; /* ids; none: every node */
    size_t n_nodes;
    const char *after; /* only ids after this one; NULL: all */
};

/*  Calls visit for the named nodes, in the order of their ids; node is NULL for an unknown id. Stops at a
    non-zero return and returns it. visit must not add or remove nodes. Returns 0, -ENOMEM, or what visit
    returned. */
typedef int broker_node_visit (void *context, const char *id, struct broker_node *node);
int broker_nodes_each (struct broker *broker, const struct broker_named *named, broker_node_visit *visit,
                       void *context);

#endif
