/* SPDX-License-Identifier: MPL-2.0 */
/*  origin/state.h - the state of an origin; private to this room */

#ifndef ORIGIN_STATE_H
#define ORIGIN_STATE_H

#include "origin/blobs.h"
#include "origin/origin.h"

enum { ORIGIN_INSTANCE_BYTES = 16 };

struct origin {
    struct bus_loop *loop;
    struct origin_ops ops;
    void *context;
    uint64_t heartbeat_ms;
    struct bus_socket *announce, *control, *content;
    struct origin_blobs *blobs;
    struct bus_connection *asking; /* on control; NULL: no request is handled, or the connection is unknown */
    char instance[2 * ORIGIN_INSTANCE_BYTES + 1];
    uint64_t sequence;
    struct origin_counts counts;
};

#endif
