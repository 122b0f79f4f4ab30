/*  broker/broker.h - the broker: an origin that keeps the fleet's records and takes an operator's orders

    Owns its root: `lock` (one broker a root), `broker.db` (the records), `contents/`. What it answers or
    announces is on disk before; only who is online is memory. Killed at any moment, it carries on where it
    was. */

#ifndef BROKER_BROKER_H
#define BROKER_BROKER_H

#include "broker/trash.h"
#include "bus/endpoint.h"
#include "bus/socket.h"

enum {
    BROKER_HEARTBEAT_MS = 15000,
    BROKER_NODES_MOST = 65536,
    BROKER_NEW_AT_ONCE =
        10000,              /* nodes that were never heard of before: a fleet that is installed at once ... */
    BROKER_NEW_NODES = 600, /* ... and a minute after that */
};

struct broker_config {
    const char *root;                 /* a directory; made where it is missing */
    const struct bus_endpoints *bind; /* read during the call only */
    const struct bus_keys *keys;      /* NULL: none */
    bool anew;                        /* the root has no records, and that is meant */
    bool no_content; /* contents are served elsewhere: not here, and not checked for at publishing */
    struct broker_trash_rules trash; /* for blobs that nothing needs; BROKER_TRASH_RULES */
    uint64_t scrub_ms;               /* within which every blob is read; 0: none is */
    uint64_t heartbeat_ms;           /* told to nodes; 0: BROKER_HEARTBEAT_MS */
    unsigned new_nodes;              /* a minute; 0: BROKER_NEW_NODES */
    unsigned nodes_most;             /* that are known; 0: 65536 */
    uint64_t liveness_ms;            /* silence after which a node counts as offline; 0: 3 heartbeats */
};

struct broker;

/*  Contract codes of this room. */
enum {
    BROKER_E_LOCKED = 1, /* another process has the root */
    BROKER_E_NO_RECORDS, /* there are none, where there were some */
    BROKER_E_OLDER,      /* the records are not the last that this root had */
};

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

/*  Makes the records of a root fit to go on from, and serves nothing: such as cannot be used are set aside and
    made anew from the documents of releases; such as are older than the last are kept and brought up to them.
    Returns as broker_restore. */
int broker_recover (const char *root, struct base_error *error);

/*  Bound endpoints with real ports. content: NULL with no_content. Valid while the broker lives. */
const char *broker_endpoint_announce (const struct broker *broker);
const char *broker_endpoint_control (const struct broker *broker);
const char *broker_endpoint_content (const struct broker *broker);
const char *broker_endpoint_events (const struct broker *broker);

#endif
