/* SPDX-License-Identifier: MPL-2.0 */
/*  origin/origin.h - the serving side of announce, control and content

    The common part of the broker, the content peer and a node that serves its probe: sockets, admission,
    bounds, answers. The owner provides the data through a table of operations. An operation fills in the
    answer and returns 0; a non-zero return is answered with status failed. After sending, the origin calls
    wire_NAME_deinit on the answer, so every pointer in it must be on the heap; an operation must not leave
    any other allocation behind. The origin itself fills in what an answer repeats of its request ("as asked",
    "as sent"). A status that is not set is ok. The origin answers a node's heartbeat itself. */

#ifndef ORIGIN_ORIGIN_H
#define ORIGIN_ORIGIN_H

#include "bus/socket.h"

struct origin;

enum { ORIGIN_REASON_SIZE = 512 };

/*  Any operation may be NULL: the message is then answered with status refused (ask, list, describe,
    quarantine, want_metadata, want_consistency: none), or dropped if it has no answer. permitted NULL: every
    sender may send every message. */
struct origin_ops {
    /*  control. The origin fills in instance, sequence and heartbeat_ms of welcome. */
    int (*hello) (void *context, const struct bus_peer *peer, const struct wire_hello *hello,
                  struct wire_welcome *answer);
    /*  Return ORIGIN_LATER to answer later with origin_answer. */
    int (*list) (void *context, const struct bus_peer *peer, const struct wire_list *list,
                 struct wire_listed *answer);
    int (*describe) (void *context, const struct bus_peer *peer, const struct wire_describe *describe,
                     struct wire_described *answer);
    int (*quarantine) (void *context, const struct bus_peer *peer, const struct wire_quarantine *quarantine,
                       struct wire_quarantined *answer);
    int (*ask) (void *context, const struct bus_peer *peer, const struct wire_ask *ask,
                struct wire_desired *answer);
    int (*match) (void *context, const struct bus_peer *peer, const struct wire_match *match,
                  struct wire_matched *answer);
    int (*report) (void *context, const struct bus_peer *peer, const struct wire_report *report,
                   struct wire_noted *answer);
    /*  Metadata of signed releases. */
    int (*want_metadata) (void *context, const struct bus_peer *peer, const struct wire_want_metadata *want,
                          struct wire_metadata *answer);
    int (*want_consistency) (void *context, const struct bus_peer *peer,
                             const struct wire_want_consistency *want, struct wire_consistency *answer);
    /*  A request of an operator. record: of the request; wire_request_record: its type is unknown, or it does
        not match its schema. answer: a struct of wire_record_answer (record). */
    int (*request) (void *context, const struct bus_peer *peer, const struct wire_record *record,
                    const void *request, void *answer);
    void (*heartbeat) (void *context, const struct bus_peer *peer, const struct wire_heartbeat *heartbeat);
    void (*bye) (void *context, const struct bus_peer *peer, const struct wire_bye *bye);
    /*  control, content: whether the sender may send this message. Not called for requests of operators: their
        operation decides. false: the status of the answer is refused, with the reason; a message without
        answer is dropped. */
    bool (*permitted) (void *context, const struct bus_peer *peer, const struct wire_record *record,
                       const void *message, char ret_reason[ORIGIN_REASON_SIZE]);
    /*  control, content: a message of a peer was refused. channel: "control" or "content". A peer may cause as
        many calls as it sends messages: see bus/refusals.h before logging. */
    void (*refused) (void *context, const char *channel, const struct bus_refusal *refusal);
    /*  announce: a peer subscribed to a topic, or cancelled it. */
    void (*subscription) (void *context, const char *topic, bool subscribed);
    /*  content: opens a blob for reading. Returns 0 with a descriptor that the origin closes, or -ENOENT.
        immutable: the file cannot shrink while it is open, so it may be sent from a mapping. */
    int (*blob_open) (void *context, const struct base_digest *digest, int *ret_fd, uint64_t *ret_size,
                      bool *ret_immutable);
    /*  content: accepts a part of an upload and fills in the answer (its digest is filled in already). */
    int (*blob_put) (void *context, const struct bus_peer *peer, const struct wire_put *put,
                     const void *payload, size_t size, struct wire_taken *answer);
};

enum {
    ORIGIN_LATER =
        1 /* hello, list, describe, quarantine, request, ask, report: answered later with origin_answer */
};

struct origin_config {
    const char *announce; /* endpoints to bind; NULL: that channel is not served */
    const char *control;
    const char *content;
    /*  ipc://PATH: control for users of this host, without CURVE (bus_socket_bind_local). NULL: none. Needs an
        admission. */
    const char *control_local;
    const struct bus_keys *keys; /* NULL: none */
    /*  Who may connect to which channel. Must outlive the origin. Keys need it. NULL: everybody. */
    struct bus_admission *admission;
    uint64_t heartbeat_ms; /* sent to nodes; default 15000 */
    unsigned transfers;    /* blobs open at the same time; default 64 */
    unsigned peer_bytes;   /* unsent payload a peer before the answer is busy; default 16 MiB */
    int high_water;        /* messages a peer; 0: 1000 */
};

/*  Binds the endpoints of the configuration. context is passed to every operation. */
int origin_new (struct bus_loop *loop, const struct origin_config *config, const struct origin_ops *ops,
                void *context, struct origin **ret_origin, struct base_error *error);
/*  Sets the nodes' heartbeat interval, from their next hello on. */
void origin_pace (struct origin *origin, uint64_t heartbeat_ms);

struct origin *origin_free (struct origin *origin);

/*  A random id of this origin; the sequence number of the last announcement. */
const char *origin_instance (const struct origin *origin);
uint64_t origin_sequence (const struct origin *origin);

/*  Bound endpoints with actual ports; NULL: the channel is not served. */
const char *origin_endpoint_announce (const struct origin *origin);
const char *origin_endpoint_control (const struct origin *origin);
const char *origin_endpoint_content (const struct origin *origin);

/*  A blob is no longer to be served from its present file: closes it. */
void origin_blob_forget (struct origin *origin, const struct base_digest *digest);

/*  Sends a hint on a topic. Its instance and sequence are filled in. */
int origin_announce (struct origin *origin, const char *topic, const struct wire_update *hint);

/*  Sends a delayed answer, or a heartbeat, on control. Returns as bus_send. */
int origin_answer (struct origin *origin, const struct bus_peer *peer, const struct wire_record *record,
                   const void *message);

/*  For an operation of control, while it runs. The peer is known: its connection is not ended in order to
    make room. */
void origin_keep (struct origin *origin);

/*  For an operation of control, while it runs. Gives the connection a name. Returns whether it is the first
    one, or the one that it has. */
bool origin_is_named (struct origin *origin, const char *name);

/*  Counts since the origin was made. */
struct origin_counts {
    uint64_t announced;
    uint64_t asked;              /* messages on control */
    uint64_t pieces;             /* requested with get */
    uint64_t chunks, bytes;      /* sent with status ok, and their payload */
    uint64_t busy, gone, failed; /* pieces that were answered with this status */
    uint64_t puts;
    uint64_t received;                   /* messages of any channel that were accepted, and subscriptions */
    uint64_t malformed;                  /* messages of any channel that were refused, in all, ... */
    uint64_t refused[BUS_REFUSED_COUNT]; /* ... and by reason */
    uint64_t unroutable, full;     /* answers that were not sent because there was no such peer, or no room */
    uint64_t ended[BUS_END_COUNT]; /* connections that were ended */
};
struct origin_counts origin_counts (const struct origin *origin);

/*  The topic "update/ring/XX" of a node id. Returns text. */
enum { ORIGIN_TOPIC_SIZE = 96 };
const char *origin_ring_topic (const char *node, char text[ORIGIN_TOPIC_SIZE]);

#endif
