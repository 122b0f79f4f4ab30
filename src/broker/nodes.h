/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/nodes.h - requests of nodes: the desired state, and the envelope of a release */

#ifndef BROKER_NODES_H
#define BROKER_NODES_H

#include "broker/state.h"

/*  As the operations of an origin; context: struct broker. Return 0 or -errno. */
int broker_on_ask (void *context, const struct bus_peer *peer, const struct wire_ask *ask,
                   struct wire_desired *answer);
int broker_on_match (void *context, const struct bus_peer *peer, const struct wire_match *match,
                     struct wire_matched *answer);

#endif
