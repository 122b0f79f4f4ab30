/*  broker/registry.h - the nodes that are known, and which of them live

    A node lives while its session is heard of. A hello under the id of a live session of another process
    (a cloned host, or a node that was restarted without a goodbye) is not answered at once: the older
    session is asked for a sign of life, and only its silence lets the newer one in. No sockets here:
    deadlines go by the time that is handed in, effects go out through operations. */

#ifndef BROKER_REGISTRY_H
#define BROKER_REGISTRY_H

#include "broker/broker.h"
#include "broker/pace.h"
#include "broker/store.h"
#include "bus/socket.h"

enum {
    BROKER_CHALLENGE_MS = 2000, /* how long an older session has to show that it lives */
};

/*  A node. Texts are owned by the registry. */
struct broker_node {
    char *id;
    char *place;
    char *software;
    char *platform;
    char *kernel;
    uint64_t restarts;         /* sessions that began without an update or a goodbye */
    struct wire_label *labels; /* by name; an operator's before the node's own of that name */
    size_t n_labels;
    char session[BROKER_ID_SIZE]; /* empty: none since the start, or since its goodbye */
    struct bus_peer peer;
    uint64_t revision;
    uint64_t seen_ns;   /* real time; 0: not since the start */
    char last_seen[40]; /* of an earlier run */
    uint64_t heard_ms;
    uint64_t settle_ms; /* until then a missing result may still be reported; 0: none is missing */
    uint8_t ring;       /* first byte of the SHA-256 of its id */
    bool online;
    uint64_t sequences[WIRE_EVENT_END]; /* of its events, a topic each */
    bool trial;                         /* some application of it is on trial: broker_registry_trial */
    struct broker_node *next_on_trial;
    struct wire_hello *challenge; /* the hello that waits for the older session's silence */
    struct bus_peer challenger;
    uint64_t journal_hello;     /* last line of its journal when its session began */
    uint64_t challenge_ms;      /* when the older session was asked */
    uint64_t challenged_ms;     /* when it was heard of last, since then */
    struct broker_pace hellos;  /* that are written */
    struct broker_pace events;  /* of its coming and going, that are told */
    struct broker_pace results; /* of what it reports, that are logged */
};

struct broker_registry_ops {
    /*  Asks a session for a sign of life. Returns 0, or -EHOSTUNREACH where its connection is gone. */
    int (*poke) (void *context, const struct bus_peer *peer);
    /*  A hello that had to wait is let in, or is refused with a reason. */
    void (*settled) (void *context, struct broker_node *node, const struct bus_peer *peer,
                     const struct wire_hello *hello, const char *refusal);
    /*  A node fell silent. */
    void (*went) (void *context, struct broker_node *node);
};

struct broker_registry {
    const struct broker_registry_ops *ops;
    void *context;
    uint64_t liveness_ms;
    uint64_t ticked_ms;
    uint64_t foreign;                /* messages of a session that came on another connection: ignored */
    size_t nodes_most;               /* that are known; from broker_registry_init: BROKER_NODES_MOST */
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

/*  The index of the first node whose id is behind `after` (NULL: of the first). */
size_t broker_registry_behind (const struct broker_registry *registry, const char *after);

/*  Adds a node, or brings its texts up to date. Returns 0, -ENOMEM, or -EMFILE where there are too many. */
int broker_registry_put (struct broker_registry *registry, const struct broker_node_record *record,
                         struct broker_node **ret_node);
void broker_registry_remove (struct broker_registry *registry, const char *id);

/*  Some application of the node is on trial, or none is any more. */
void broker_registry_trial (struct broker_registry *registry, struct broker_node *node, bool trial);

/*  What is to become of a hello. */
enum broker_verdict {
    BROKER_ADMIT,  /* the caller puts the node and calls broker_registry_open */
    BROKER_WAIT,   /* settled is called later */
    BROKER_REFUSE, /* the refusal tells why */
};
enum broker_verdict broker_registry_hello (struct broker_registry *registry, const struct bus_peer *peer,
                                           const struct wire_hello *hello, uint64_t now_ms,
                                           struct base_error *ret_refusal);

/*  The session begins. Returns whether the node was not online before. */
bool broker_registry_open (struct broker_registry *registry, struct broker_node *node, const char *session,
                           const struct bus_peer *peer, uint64_t now_ms);

/*  A session was heard of, on the connection on which it said hello. Returns its node; NULL: this session is
    not known there, and has to say hello; on another connection that is counted in foreign. In
    *ret_came (which may be NULL): it had been silent for so long that it counted as offline. */
struct broker_node *broker_registry_heard (struct broker_registry *registry, const char *id,
                                           const char *session, const struct bus_peer *peer, uint64_t now_ms,
                                           bool *ret_came);

/*  The session answered what it was asked: the hello that waits for its silence is refused. What else is heard
    of it gives it some more time to answer, because it may have been sent by a process that has ended since. */
void broker_registry_answered (struct broker_registry *registry, struct broker_node *node);

/*  The session ends with a goodbye on its own connection. Returns the node, or NULL. */
struct broker_node *broker_registry_bye (struct broker_registry *registry, const char *id,
                                         const char *session, const struct bus_peer *peer);

/*  Settles what time has settled. To be called about twice a second. */
void broker_registry_tick (struct broker_registry *registry, uint64_t now_ms);

/*  When the node was heard of last, RFC 3339. Returns text. */
const char *broker_node_last_seen (const struct broker_node *node, char text[40]);

#endif
