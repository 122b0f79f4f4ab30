/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/broker.h - the broker: an origin that keeps the fleet's records and executes an operator's orders

    Owns its root: `lock` (one broker a root), `broker.db` (the records), `blobs/` (the blobs), `releases/`
    (the release documents), and with keys `broker.key` (its own key) and `ipc/` (the control channel for root). A change is on disk before it is answered or announced; only which nodes are
    online is kept in memory. A broker that was killed continues where it stopped. */

#ifndef BROKER_BROKER_H
#define BROKER_BROKER_H

#include "broker/errors.h"
#include "broker/limits.h"
#include "broker/trash.h"
#include "bus/endpoint.h"
#include "bus/socket.h"

struct broker_config {
    const char *root;                 /* a directory; created if it is missing */
    const struct bus_endpoints *bind; /* read during the call only */
    /*  Whether only peers with a key of the records are served (broker/keys.h). A root that has keys is never
        served without. */
    bool with_keys;
    const struct bus_keys *keys; /* the broker's own; NULL: that of ROOT/broker.key */
    /*  Who may connect to a broker without keys; must outlive the broker. NULL: everybody. */
    struct bus_admission *admission;
    bool anew;       /* start with empty records; the root must have none */
    bool no_content; /* blobs are served elsewhere: neither served here nor checked at publishing */
    struct broker_trash_rules trash; /* for blobs that nothing needs; null: BROKER_TRASH_RULES */
    uint64_t scrub_ms;               /* period within which every blob is read; 0: never */
    uint64_t heartbeat_ms;           /* sent to nodes; 0: BROKER_HEARTBEAT_MS */
    unsigned new_nodes;              /* unknown nodes a minute; 0: BROKER_NEW_NODES */
    unsigned nodes_most;             /* known nodes; 0: 65536 */
    uint64_t liveness_ms;            /* silence after which a node counts as offline; 0: 3 heartbeats */
};

struct broker;

/*  Opens the root, binds, and serves while the loop runs. loop must outlive the broker; the rest of config is
    read during the call only. The caller owns *ret_broker. Returns 0, -errno or a code of broker/errors.h. */
int broker_new (struct bus_loop *loop, const struct broker_config *config, struct broker **ret_broker,
                struct base_error *error);

/*  Changes the interval of heartbeats (0: BROKER_HEARTBEAT_MS) and the silence after which a node counts as
    offline (0: three heartbeats). Nodes get the new interval with their next hello. Returns 0, or -EINVAL:
    nothing has changed. */
int broker_pace (struct broker *broker, uint64_t heartbeat_ms, uint64_t liveness_ms,
                 struct base_error *error);

/*  Accepts NULL. Returns NULL. */
struct broker *broker_free (struct broker *broker);

/*  Creates records from a backup (nodectl backup) in a root that has none. Serves nothing. Returns 0, -errno
    or BROKER_E_LOCKED. */
int broker_restore (const char *root, const char *file, struct base_error *error);

/*  Makes the records of a root usable again. Serves nothing. Records that cannot be used are set aside and
    rebuilt from the release documents. Records that are not the latest are kept, and the release documents
    are added to them. Returns as broker_restore. */
int broker_recover (const char *root, struct base_error *error);

/*  Bound endpoints with real ports. content: NULL with no_content. Valid while the broker lives. */
const char *broker_endpoint_announce (const struct broker *broker);
const char *broker_endpoint_control (const struct broker *broker);
const char *broker_endpoint_content (const struct broker *broker);
const char *broker_endpoint_events (const struct broker *broker);

/*  The broker's public key in Z85; "": it has no keys. Valid while the broker lives. */
const char *broker_public_key (const struct broker *broker);

#endif
