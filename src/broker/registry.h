/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/registry.h - the known nodes, and which of them are online

    A node is online while messages of its session arrive. A hello may have the id of a node that is online
    with another session: of a cloned host, or of a node that was restarted without a goodbye. Then the older
    session is challenged, and the hello waits: it is accepted if the older session does not answer, else
    refused. There are no sockets and no clock here: the caller passes the time, and effects go through
    operations. */

#ifndef BROKER_REGISTRY_H
#define BROKER_REGISTRY_H

#include "broker/limits.h"
#include "broker/pace.h"
#include "bus/socket.h"
#include "records/records.h"

enum {
    BROKER_CHALLENGE_MS = 2000, /* time for an older session to show that it lives */
};

/*  A node. The registry owns its texts. */
struct broker_node {
    const char *id;
    const char *host_pid;
    const char *software;
    const char *platform;
    const char *kernel;
    uint64_t restarts;         /* sessions that began without an update or a goodbye */
    struct wire_label *labels; /* by name; an operator's label precedes the node's own of that name */
    size_t n_labels;
    char session[RECORDS_ID_SIZE]; /* empty: none since the broker started, or since its goodbye */
    struct bus_peer peer;
    uint64_t revision;
    uint64_t seen_ns;   /* real time of its last message; 0: none since the broker started */
    char last_seen[40]; /* as recorded by an earlier run */
    uint64_t heard_ms;
    uint64_t settle_ms; /* until then a missing result may still be reported; 0: none is missing */
    uint8_t ring;       /* first byte of the SHA-256 of its id */
    bool online;        /* messages of its session arrive */
    bool described;     /* its session has sent the state of noded; see broker_node_is_online */
    uint64_t sequences[WIRE_EVENT_END]; /* of its events, one a topic */
    bool trial;                         /* an application of it is on trial; set by broker_registry_trial */
    struct broker_node *next_on_trial;
    struct wire_hello *challenge; /* owned; the hello that waits while the older session is challenged */
    struct bus_peer challenger;   /* the connection of that hello */
    uint64_t journal_hello;       /* last line of its journal when its session began */
    uint64_t challenge_ms;        /* when the older session was challenged */
    uint64_t challenged_ms;       /* when its last message since then arrived; at first: challenge_ms */
    struct broker_pace hellos;    /* limits hellos that are written */
    struct broker_pace states;    /* limits lists and states of applications that are written */
    struct broker_pace pages;     /* limits pages of quarantines */
    struct broker_pace events;    /* limits connects and disconnects that are reported */
    struct broker_pace results;   /* limits results that are logged */
};

struct broker_registry_ops {
    /*  Asks a session to answer. Returns 0, or -EHOSTUNREACH if its connection is closed. */
    int (*ping) (void *context, const struct bus_peer *peer);
    /*  A waiting hello is accepted, or refused with a reason. */
    void (*settled) (void *context, struct broker_node *node, const struct bus_peer *peer,
                     const struct wire_hello *hello, const char *refusal);
    /*  A node lost contact. */
    void (*disconnected) (void *context, struct broker_node *node);
};

struct broker_registry {
    const struct broker_registry_ops *ops;
    void *context;
    uint64_t liveness_ms;
    uint64_t ticked_ms;
    uint64_t foreign;                /* ignored messages of a session that arrived on another connection */
    size_t nodes_most;               /* known nodes; set by broker_registry_init to BROKER_NODES_MOST */
    struct broker_node *trials[256]; /* nodes on trial, by ring */
    struct broker_node **nodes;      /* sorted by id */
    size_t n_nodes, capacity;
};

/*  Null value: all zero. */
void broker_registry_init (struct broker_registry *registry, const struct broker_registry_ops *ops,
                           void *context, uint64_t liveness_ms);
void broker_registry_deinit (struct broker_registry *registry);

/*  Returns the node, or NULL. */
struct broker_node *broker_registry_find (const struct broker_registry *registry, const char *id);

/*  Returns the index of the first node whose id is greater than `after` (NULL: the first node). */
size_t broker_registry_behind (const struct broker_registry *registry, const char *after);

/*  Adds a node, or updates its texts. *ret_node is the registry's. Returns 0, -ENOMEM, or -EMFILE if there
    are too many. */
int broker_registry_put (struct broker_registry *registry, const struct records_node *record,
                         struct broker_node **ret_node);
void broker_registry_remove (struct broker_registry *registry, const char *id);

/*  Sets whether an application of the node is on trial. */
void broker_registry_trial (struct broker_registry *registry, struct broker_node *node, bool trial);

/*  What to do with a hello. */
enum broker_verdict {
    BROKER_ADMIT,  /* the caller puts the node and calls broker_registry_open */
    BROKER_WAIT,   /* settled is called later */
    BROKER_REFUSE, /* ret_refusal has the reason */
};
enum broker_verdict broker_registry_hello (struct broker_registry *registry, const struct bus_peer *peer,
                                           const struct wire_hello *hello, uint64_t now_ms,
                                           struct base_error *ret_refusal);

/*  Opens the session. Returns true if the node was offline or had another session. A new session has not
    described its applications yet. */
bool broker_registry_open (struct broker_registry *registry, struct broker_node *node, const char *session,
                           const struct bus_peer *peer, uint64_t now_ms);

/*  Returns whether a node counts as online for operators and rollouts. hello does not say what a node runs: from
    hello until the state of noded, which comes last of all states, the records have what an earlier session
    reported, and that must not be shown, or judged, as the state of a node that is online. */
bool broker_node_is_online (const struct broker_node *node);

/*  A message of a session arrived. Returns its node; NULL: the session is not known on this connection and
    must send a hello; a session that is known on another connection is counted in foreign. *ret_connected
    (may be NULL): the node was offline until now. */
struct broker_node *broker_registry_heard (struct broker_registry *registry, const char *id,
                                           const char *session, const struct bus_peer *peer, uint64_t now_ms,
                                           bool *ret_connected);

/*  The session answered its challenge: the waiting hello is refused. Other messages only give the session
    more time to answer, because a process that has ended since may have sent them. */
void broker_registry_answered (struct broker_registry *registry, struct broker_node *node);

/*  The session ends with a goodbye on its own connection. Returns the node, or NULL. */
struct broker_node *broker_registry_bye (struct broker_registry *registry, const char *id,
                                         const char *session, const struct bus_peer *peer);

/*  Settles challenges, and marks nodes as offline, when their time is over. Call it about twice a second.
    now_ms: since boot. */
void broker_registry_tick (struct broker_registry *registry, uint64_t now_ms);

/*  Writes when the last message of the node arrived, RFC 3339. Returns text. */
const char *broker_node_last_seen (const struct broker_node *node, char text[40]);

#endif
