/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/limits.h - intervals and numbers of nodes, unless they are configured */

#ifndef BROKER_LIMITS_H
#define BROKER_LIMITS_H

enum {
    BROKER_HEARTBEAT_MS = 15000,
    BROKER_NODES_MOST = 65536,
    BROKER_NEW_AT_ONCE = 10000, /* unknown nodes: a burst, as when a fleet is installed ... */
    BROKER_NEW_NODES = 600,     /* ... and a minute after that */
};

#endif
