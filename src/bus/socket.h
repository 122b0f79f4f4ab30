/* SPDX-License-Identifier: MPL-2.0 */
/*  bus/socket.h - ZeroMQ sockets that carry the messages of schemas/

    Every socket has its limits set: message size, high-water mark, linger, handshake interval, and over TCP
    heartbeats, connect timeout and retransmission limit. Frame count, prefix and schema of a message are
    checked before a handler sees it. An invalid message is refused: counted by reason, described to
    on_refused, and dropped. Its sender stays connected, except in the cases of enum bus_end. */

#ifndef BUS_SOCKET_H
#define BUS_SOCKET_H

#include <stdbool.h>
#include <stddef.h>

#include "bus/admission.h"
#include "bus/loop.h"
#include "bus/sender.h"
#include "wire/wire.h"

/*  Over TCP, the longest pause of a client between two attempts to connect. */
enum { BUS_RECONNECT_MOST_MS = 20000 };

enum bus_kind { BUS_SUB, BUS_XPUB, BUS_PUB, BUS_DEALER, BUS_ROUTER, BUS_PUSH, BUS_PULL };

/*  The peer that a message came from: its routing id at a ROUTER, and who it is. Answers go to the routing id;
    sender is read again from each message. */
enum { BUS_PEER_MOST = 32 };
struct bus_peer {
    uint8_t size; /* 0: no peer */
    uint8_t id[BUS_PEER_MOST];
    struct bus_sender sender;
};

/*  Compares the routing ids only: whether both are the same connection. */
bool bus_peer_equal (const struct bus_peer *a, const struct bus_peer *b);

/*  A received message; everything is valid during the handler only. */
struct bus_message {
    struct bus_peer peer; /* its routing id: ROUTER; its sender: every server with an admission */
    const char *topic;    /* SUB; else NULL */
    /*  The type of message: compare with &wire_NAME_record. wire_request_record: also a request of an
        operator that does not match its schema. */
    const struct wire_record *record;
    const void *body;       /* struct wire_NAME */
    const uint8_t *payload; /* chunk, put: the third frame; else NULL */
    size_t payload_size;
    struct bus_connection *from; /* for bus_connection_keep; NULL: unknown */
    void *frame;                 /* of libzmq, for bus_message_refuse */
};

struct bus_socket;
struct bus_connection;

typedef void (bus_message_handler) (void *context, struct bus_socket *socket,
                                    const struct bus_message *message);

/*  XPUB: a peer subscribed to a topic, or cancelled it. */
typedef void (bus_subscription_handler) (void *context, const char *topic, bool subscribed);

/*  XPUB: whether the topic exists. A peer that subscribes to another one is disconnected. */
typedef bool (bus_topic_check) (const char *topic);

/*  SUB for a PUB that publishes text (the events channel): topic and text, each terminated by a NUL. */
typedef void (bus_text_handler) (void *context, const char *topic, const char *text);

/*  Why a received message is refused. */
enum bus_refused {
    BUS_REFUSED_FRAMES, /* not the frames that the channel and the type require */
    BUS_REFUSED_PREFIX, /* not this protocol, a version that is too old or too new, or an unknown type */
    BUS_REFUSED_SCHEMA, /* the map is not msgpack, or violates the schema */
    BUS_REFUSED_TYPE,   /* a message of another channel */
    BUS_REFUSED_TOPIC,  /* no topic of the channel, or one that was not subscribed to */
    BUS_REFUSED_CLAIM,  /* the peer chose its routing id itself */
    BUS_REFUSED_KEY,    /* the sender is not, or no longer, admitted to this channel */
    BUS_REFUSED_COUNT
};

struct bus_refusal {
    enum bus_refused why;
    struct bus_peer peer;  /* ROUTER; else of size 0 */
    const char *peer_text; /* of the peer: "at 10.0.0.7", over ipc "with pid 4711"; empty: not known */
    const char *text;      /* "report: epoch: is a float, an unsigned integer is expected" */
};

/*  Called with each message that is refused; everything is valid during the handler only. A peer may cause as
    many calls as it sends messages: see bus/refusals.h before logging. */
typedef void (bus_refusal_handler) (void *context, struct bus_socket *socket,
                                    const struct bus_refusal *refusal);

/*  CURVE keys in Z85 (40 characters). A server has its secret key, and an admission says who may connect; a
    client has its own pair and the server's public key. All empty: NULL mechanism. */
struct bus_keys {
    bool is_server;
    char public_key[41];
    char secret_key[41];
    char server_key[41];  /* client */
    char content_key[41]; /* client: of a separate content peer; empty: it is server_key */
};

struct bus_socket_options {
    bus_message_handler *on_message;           /* may be NULL for sockets that only send */
    bus_subscription_handler *on_subscription; /* XPUB */
    bus_topic_check *is_topic;                 /* XPUB; NULL: every topic */
    bus_text_handler *on_text;                 /* SUB: messages are [topic][text], on_message is not called */
    bus_refusal_handler *on_refused;           /* may be NULL */
    /*  A client: the server refused its key. The socket makes a new attempt by itself after 10 s, and then
        after twice as long each time, up to 10 min. May be NULL. */
    void (*on_denied) (void *context, struct bus_socket *socket);
    void *context;
    const struct bus_keys *keys; /* NULL: none */
    /*  A server: who may connect; must outlive the socket. Keys of a server need it. NULL: everybody (a
        laboratory, and sockets in private directories). */
    struct bus_admission *admission;
    enum bus_channel channel; /* with admission: the one that a peer must be admitted to */
    int high_water;           /* messages a peer that may wait to be sent; 0: 1000 */
    int receive_most;    /* messages a peer that may wait to be read; 0: 64, for a ROUTER as high_water */
    int linger_ms;       /* how long closing waits for queued messages; 0: drop them */
    bool quiet;          /* no heartbeats of the transport (ipc, and every server side) */
    int heartbeat_ms;    /* of the transport; 0: 15 s. Each wakes this process twice or more */
    bool only_connected; /* DEALER: without a connection nothing is queued, and sending returns -EAGAIN */
    bool no_payloads;    /* ROUTER, DEALER: frames over WIRE_FRAME_MOST are not even read */
};

/*  Makes a socket. Returns 0 or -errno. */
int bus_socket_new (struct bus_loop *loop, enum bus_kind kind, const struct bus_socket_options *options,
                    struct bus_socket **ret_socket, struct base_error *error);

/*  Closes the socket. bus_socket_free (NULL) does nothing. May be called inside its own handler. Returns
    NULL. */
struct bus_socket *bus_socket_free (struct bus_socket *socket);

/*  Binds to tcp://ADDR:PORT (port *: any free one) or ipc://PATH, or connects. A path where another process
    listens is refused (-EADDRINUSE). Subscribes a SUB to all topics that begin with topic. Each returns 0 or
    -errno. With an admission, but without keys, only ipc can be bound (else -EPERM), as by
    bus_socket_bind_local. */
int bus_socket_bind (struct bus_socket *socket, const char *endpoint, struct base_error *error);

/*  Binds to ipc://PATH, without CURVE: the kernel says who connects, and the socket's admission which uids
    may. The socket may be bound to other endpoints with CURVE, too. */
int bus_socket_bind_local (struct bus_socket *socket, const char *endpoint, struct base_error *error);
int bus_socket_connect (struct bus_socket *socket, const char *endpoint, struct base_error *error);
int bus_socket_subscribe (struct bus_socket *socket, const char *topic);

/*  Whether a message could be sent now. With only_connected: whether there is a connection. */
bool bus_socket_is_ready (const struct bus_socket *socket);

/*  Drops every connection of a connecting socket and connects again. Outstanding requests get no answer. */
int bus_socket_reconnect (struct bus_socket *socket);

/*  The endpoint that was bound or connected last, with the actual port. One of bus_socket_bind_local only if
    there is no other. Valid while the socket lives. */
const char *bus_socket_endpoint (const struct bus_socket *socket);

/*  Sends a message; never blocks. peer: ROUTER only. Returns 0; -EHOSTUNREACH: no such peer; -EAGAIN: full;
    -EINVAL: the message violates its schema. A connecting socket queues messages while there is no
    connection; bus_socket_reconnect drops them. chunk and put are sent with an empty payload. */
int bus_send (struct bus_socket *socket, const struct bus_peer *peer, const struct wire_record *record,
              const void *message);

/*  The same with a payload frame. release is called with data and hint once the payload is no longer needed,
    possibly on another thread, also if sending fails. NULL: the payload is copied. */
int bus_send_payload (struct bus_socket *socket, const struct bus_peer *peer,
                      const struct wire_record *record, const void *message, void *data, size_t size,
                      void (*release) (void *data, void *hint), void *hint);

/*  Publishes a message on an XPUB, as [topic][prefix][map], or a text on a PUB, as [topic][text]. A topic has
    at most 240 bytes. Returns 0 or -errno, as bus_send. */
int bus_publish (struct bus_socket *socket, const char *topic, const struct wire_record *record,
                 const void *message);
int bus_publish_text (struct bus_socket *socket, const char *topic, const char *text);

/*  Refuses a valid message that does not belong to this channel: counts it, and calls on_refused. Only for
    its handler, while that runs. */
void bus_message_refuse (struct bus_socket *socket, const struct bus_message *message, enum bus_refused why,
                         const char *text);

/*  Why a connection was ended. */
enum bus_end {
    BUS_END_ENDLESS,  /* sends frames of one message without end */
    BUS_END_SILENT,   /* sent no message for 10 s */
    BUS_END_CLAIM,    /* chose its routing id itself: libzmq keeps 11.5 KiB of each such id for ever */
    BUS_END_TOPICS,   /* more than BUS_TOPICS_MOST subscriptions, or one to a topic that does not exist */
    BUS_END_SLOW,     /* does not read its answers */
    BUS_END_ROOM,     /* there were more connections than bus_loop_connections allows */
    BUS_END_GREETING, /* sent too large a handshake: libzmq stores it while the connection lasts */
    BUS_END_REVOKED,  /* its key or uid is not, or no longer, admitted */
    BUS_END_COUNT
};
/*  What a socket has counted since it was made. */
struct bus_counts {
    uint64_t received, sent;             /* messages */
    uint64_t malformed;                  /* received messages that were refused, in all */
    uint64_t unroutable;                 /* messages that were not sent, because there is no such peer */
    uint64_t full;                       /* messages that were not sent, because the peer's queue was full */
    uint64_t refused[BUS_REFUSED_COUNT]; /* the refused ones by reason */
    uint64_t ended[BUS_END_COUNT];       /* connections that were ended, by reason */
};

/*  The reason as text for a person, such as "sent a message without end". */
const char *bus_end_text (enum bus_end why);

/*  Subscriptions a connection. A node has at most 32 tags, a group, its ring, and all. */
enum { BUS_TOPICS_MOST = 40 };

/*  The peer is known: the connection is not ended in order to make room. NULL does nothing. */
void bus_connection_keep (struct bus_connection *connection);

/*  Ends every connection of a key to a server, by the key's fingerprint. A publisher (XPUB, PUB) does not know
    the key of a connection before its first subscription: it also ends the connections that have none yet;
    they connect again. Returns how many were ended. Only bus_admission_remove keeps the key out. */
unsigned bus_socket_end_sender (struct bus_socket *socket, const struct base_digest *fingerprint);

/*  Gives a connection a number, once. Returns whether it had none yet, or this one. NULL: true for every
    number. */
bool bus_connection_mark (struct bus_connection *connection, uint64_t number);

/*  Limits the connections that the servers of the loop may have at a time; 0: no limit. A connection above
    the limit ends another one, of an unknown peer. Without a limit, libzmq spins when no descriptor is
    left. */
void bus_loop_connections (struct bus_loop *loop, unsigned most);

struct bus_counts bus_socket_counts (const struct bus_socket *socket);

/*  Makes a key pair. Returns 0, or -ENOTSUP if the library has no CURVE. */
int bus_keys_make (char ret_public[41], char ret_secret[41]);

#endif
