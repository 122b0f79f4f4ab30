/*  broker/broker.h - the broker: an origin that keeps the fleet's records and takes an operator's orders

    Owns its root: `lock` (one broker a root), `broker.db` (the records), `contents/`. What it answers or
    announces is on disk before; only who is online is memory. Killed at any moment, it carries on where it
    was. */

#ifndef BROKER_BROKER_H
#define BROKER_BROKER_H

#include "bus/endpoint.h"
#include "bus/socket.h"

enum { BROKER_HEARTBEAT_MS = 15000 };

struct broker_config {
    const char *root;                 /* a directory; made where it is missing */
    const struct bus_endpoints *bind; /* read during the call only */
    const struct bus_keys *keys;      /* NULL: none */
    bool no_content;       /* contents are served elsewhere: not here, and not checked for at publishing */
    uint64_t heartbeat_ms; /* told to nodes; 0: BROKER_HEARTBEAT_MS */
    uint64_t liveness_ms;  /* silence after which a node counts as offline; 0: 3 heartbeats */
};

struct broker;

/*  Contract codes of this room. */
enum { BROKER_E_LOCKED = 1 /* another process has the root */ };

/*  Opens the root, binds, and serves while the loop runs. Returns 0, -errno or BROKER_E_LOCKED. */
int broker_new (struct bus_loop *loop, const struct broker_config *config, struct broker **ret_broker,
                struct base_error *error);
/*  How often nodes show that they live, and after how long without they count as silent (0: three times that),
    from now on. Nodes hear of it with their next hello. Returns 0, or -EINVAL with a sentence: then nothing has
    changed. */
int broker_pace (struct broker *broker, uint64_t heartbeat_ms, uint64_t liveness_ms,
                 struct base_error *error);

struct broker *broker_free (struct broker *broker);

/*  Makes the records of a root without any from a backup (nodectl backup), and serves nothing. Returns 0,
    -errno or BROKER_E_LOCKED. */
int broker_restore (const char *root, const char *file, struct base_error *error);

/*  Bound endpoints with real ports. content: NULL with no_content. Valid while the broker lives. */
const char *broker_endpoint_announce (const struct broker *broker);
const char *broker_endpoint_control (const struct broker *broker);
const char *broker_endpoint_content (const struct broker *broker);
const char *broker_endpoint_events (const struct broker *broker);

#endif
