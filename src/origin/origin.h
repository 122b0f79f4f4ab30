/*  origin/origin.h - the serving side of announce, control and content

    What broker, content peer and a node towards its probe have in common: sockets, admission, bounds,
    answers. What it serves, its owner tells through the operation table. An operation fills the answer and
    returns 0; a non-zero return is answered with status failed. The owner's answers are packed during the
    call and stay the owner's; where an operation must allocate, it puts it into the answer and sets
    nothing else: after packing, the origin calls wire_NAME_deinit on the answer, so every pointer in it
    must be on the heap. What an answer repeats of its question ("as asked", "as sent") and what the
    operation leaves empty, the origin fills in; a status that is left unset is ok. A node's heartbeat is
    answered by the origin itself. */

#ifndef ORIGIN_ORIGIN_H
#define ORIGIN_ORIGIN_H

#include "bus/socket.h"

struct origin;

/*  Any operation may be NULL: the message is then answered with status refused (ask: none), or dropped
    where it has no answer. */
struct origin_ops {
    /*  control. answer->instance, sequence and heartbeat_ms of welcome are filled in by the origin. */
    int (*hello) (void *context, const struct bus_peer *peer, const struct wire_hello *hello,
                  struct wire_welcome *answer);
    /*  Return ORIGIN_LATER to answer later with origin_answer. */
    int (*ask) (void *context, const struct bus_peer *peer, const struct wire_ask *ask,
                struct wire_desired *answer);
    int (*match) (void *context, const struct bus_peer *peer, const struct wire_match *match,
                  struct wire_matched *answer);
    int (*report) (void *context, const struct bus_peer *peer, const struct wire_report *report,
                   struct wire_noted *answer);
    int (*request) (void *context, const struct bus_peer *peer, const struct wire_request *request,
                    struct wire_answer *answer);
    void (*heartbeat) (void *context, const struct bus_peer *peer, const struct wire_heartbeat *heartbeat);
    void (*bye) (void *context, const struct bus_peer *peer, const struct wire_bye *bye);
    /*  announce: a node's subscription came or went. */
    void (*subscription) (void *context, const char *topic, bool subscribed);
    /*  content: opens one for reading. Returns 0 with a descriptor that the origin closes, or -ENOENT.
        immutable: the file cannot shrink while it is open, so it may be sent from a mapping. */
    int (*content_open) (void *context, const struct base_digest *digest, int *ret_fd, uint64_t *ret_size,
                         bool *ret_immutable);
    /*  content: takes an uploaded part; fills the answer (digest is filled in). */
    int (*content_put) (void *context, const struct bus_peer *peer, const struct wire_put *put,
                        const void *payload, size_t size, struct wire_taken *answer);
};

enum { ORIGIN_LATER = 1 /* hello, request, ask, report: answered later with origin_answer */ };

struct origin_config {
    const char *announce; /* endpoints to bind; NULL: that channel is not served */
    const char *control;
    const char *content;
    const struct bus_keys *keys; /* NULL: none */
    uint64_t heartbeat_ms;       /* told to nodes; default 15000 */
    unsigned transfers;          /* contents open at the same time; default 64 */
    unsigned peer_bytes;         /* unsent payload a peer before it is answered busy; default 16 MiB */
    int high_water;              /* messages a peer; 0: 1000 */
};

/*  Binds what the configuration names. context goes to every operation. */
int origin_new (struct bus_loop *loop, const struct origin_config *config, const struct origin_ops *ops,
                void *context, struct origin **ret_origin, struct base_error *error);
/*  Has nodes show that they live this often, from their next hello on. */
void origin_pace (struct origin *origin, uint64_t heartbeat_ms);

struct origin *origin_free (struct origin *origin);

/*  Random, of this origin; sequence of the last announcement. */
const char *origin_instance (const struct origin *origin);
uint64_t origin_sequence (const struct origin *origin);

/*  Bound endpoints with real ports; NULL where not served. */
const char *origin_endpoint_announce (const struct origin *origin);
const char *origin_endpoint_control (const struct origin *origin);
const char *origin_endpoint_content (const struct origin *origin);

/*  A content is not to be served any more as it is: what is open of it is let go. */
void origin_content_forget (struct origin *origin, const struct base_digest *digest);

/*  Sends a hint on a topic. Its instance and sequence are filled in. */
int origin_announce (struct origin *origin, const char *topic, const struct wire_update *hint);

/*  Sends an answer that was put off, or a heartbeat, on control. As bus_send. */
int origin_answer (struct origin *origin, const struct bus_peer *peer, const struct wire_record *record,
                   const void *message);

/*  For an operation of control, while it runs. The connection that asks is not ended in order to make room:
    it is known who that is. */
void origin_keep (struct origin *origin);

/*  Gives the connection that asks a name. Returns whether it is the first, or the one that it has. */
bool origin_is_named (struct origin *origin, const char *name);

/*  What it did since it was made. */
struct origin_counts {
    uint64_t announced;
    uint64_t asked;              /* messages on control */
    uint64_t pieces;             /* asked for with get */
    uint64_t chunks, bytes;      /* sent with status ok, and their payload */
    uint64_t busy, gone, failed; /* pieces that were answered so */
    uint64_t puts;
    uint64_t malformed;            /* messages of any channel that were dropped */
    uint64_t unroutable, full;     /* answers that found no peer, or no room */
    uint64_t ended[BUS_END_COUNT]; /* connections that were ended */
};
struct origin_counts origin_counts (const struct origin *origin);

/*  "update/ring/XX" of a node id. Returns text. */
enum { ORIGIN_TOPIC_SIZE = 96 };
const char *origin_ring_topic (const char *node, char text[ORIGIN_TOPIC_SIZE]);

#endif
