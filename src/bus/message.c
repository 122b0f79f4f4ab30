/* SPDX-License-Identifier: MPL-2.0 */
/*  bus/message.c - messages into and out of a socket

    In: [routing id or topic] [prefix] [map] [payload], or [topic] [text] for a socket with on_text; exactly
    the frames that socket and message require. A message of any other form is read to its end and refused.
    Out: the same, without waiting; either the whole message is accepted or nothing. */

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "bus/guard.h"
#include "bus/socket_private.h"

enum {
    ROUND_MOST = 64, /* messages of one socket before the other sources are handled */
    FRAMES_MOST = 4,
    CHARGED_LEAST = 1024, /* bytes of an answer; smaller ones are not counted as unread */
    PEER_TEXT_SIZE = 64,
    TOPIC_MOST = 240, /* bytes; longer topics do not fit into subscriptions of ZMTP 3.1 */
};

struct parts {
    zmq_msg_t frames[FRAMES_MOST];
    int n; /* frames of the message; only the first FRAMES_MOST are kept */
};

static void parts_deinit (struct parts *parts)
{
    for (int i = 0; i < parts->n && i < FRAMES_MOST; i++)
        (void) zmq_msg_close (&parts->frames[i]);
    parts->n = 0;
}

/*  Reads one message. Returns false if there is none. */
static bool parts_read (void *zmq, struct parts *parts)
{
    parts->n = 0;
    for (bool more = true; more;) {
        zmq_msg_t surplus;
        zmq_msg_t *frame = parts->n < FRAMES_MOST ? &parts->frames[parts->n] : &surplus;
        (void) zmq_msg_init (frame);
        if (zmq_msg_recv (frame, zmq, ZMQ_DONTWAIT) < 0) {
            if (errno == EINTR)
                continue;
            parts_deinit (parts);
            return false;
        }
        more = zmq_msg_more (frame);
        if (frame == &surplus)
            (void) zmq_msg_close (&surplus);
        parts->n++;
    }
    return true;
}

static bool topic_copy (const void *data, size_t size, char topic[TOPIC_MOST + 1])
{
    if (size > TOPIC_MOST || memchr (data, 0, size))
        return false;
    memcpy (topic, data, size);
    topic[size] = '\0';
    return true;
}

/*  A server may send topics that this socket did not subscribe to; they are dropped. */
static bool socket_is_subscribed (const struct bus_socket *socket, const char *topic)
{
    for (char **own = socket->topics; own && *own; own++)
        if (strncmp (topic, *own, strlen (*own)) == 0)
            return true;
    return false;
}

static bool record_takes_payload (const struct wire_record *record)
{
    return record == &wire_chunk_record || record == &wire_put_record;
}

/*  Why a message is refused. */
struct fault {
    enum bus_refused why;
    struct base_error error;
};

__attribute__ ((format (printf, 3, 4))) static zmq_msg_t *
fault_set (struct fault *fault, enum bus_refused why, const char *format, ...)
{
    base_assert (fault && (unsigned) why < BUS_REFUSED_COUNT);
    va_list arguments;
    va_start (arguments, format);
    (void) vsnprintf (fault->error.text, sizeof fault->error.text, format, arguments);
    va_end (arguments);
    fault->why = why;
    return NULL;
}

static void fault_set_prefix (const uint8_t *prefix, size_t size, struct fault *fault)
{
    if (size != WIRE_PREFIX_SIZE)
        (void) fault_set (fault, BUS_REFUSED_PREFIX, "the prefix has %zu bytes, %d are expected", size,
                          WIRE_PREFIX_SIZE);
    else if (prefix[0] != 'N' || prefix[1] != 'D')
        (void) fault_set (fault, BUS_REFUSED_PREFIX, "the prefix begins with %02x %02x, 4e 44 is expected",
                          (unsigned) prefix[0], (unsigned) prefix[1]);
    else if (!wire_record_of (prefix[3]))
        (void) fault_set (fault, BUS_REFUSED_PREFIX, "there is no message of type %u", (unsigned) prefix[3]);
    else
        (void) fault_set (fault, BUS_REFUSED_PREFIX,
                          "protocol version %u of the prefix is not supported: this is version %d",
                          (unsigned) prefix[2], WIRE_VERSION);
}

/*  Reads and checks everything but the map. Returns the map's frame, or NULL. */
static zmq_msg_t *frames_check (const struct bus_socket *socket, struct parts *parts,
                                struct bus_message *ret_message, char topic[TOPIC_MOST + 1],
                                struct fault *fault)
{
    int at = 0;
    zmq_msg_t *first = &parts->frames[0];
    if (socket->kind == BUS_ROUTER) {
        if (zmq_msg_size (first) > BUS_PEER_MOST)
            return fault_set (fault, BUS_REFUSED_CLAIM, "its routing id has %zu bytes", zmq_msg_size (first));
        ret_message->peer.size = (uint8_t) zmq_msg_size (first);
        memcpy (ret_message->peer.id, zmq_msg_data (first), zmq_msg_size (first));
        at = 1;
    }
    if (parts->n > FRAMES_MOST)
        return fault_set (fault, BUS_REFUSED_FRAMES, "it has %d frames", parts->n - at);
    if (socket->kind == BUS_SUB) {
        if (!topic_copy (zmq_msg_data (first), zmq_msg_size (first), topic) ||
            !socket_is_subscribed (socket, topic))
            return fault_set (fault, BUS_REFUSED_TOPIC, "its topic was not subscribed to");
        ret_message->topic = topic;
        at = 1;
    }

    if (parts->n - at < 2)
        return fault_set (fault, BUS_REFUSED_FRAMES, "it has %d frames, a prefix and a map are expected",
                          parts->n - at);
    const uint8_t *prefix = zmq_msg_data (&parts->frames[at]);
    size_t prefix_size = zmq_msg_size (&parts->frames[at]);
    if (wire_prefix_read (prefix, prefix_size, &ret_message->record) != 0) {
        fault_set_prefix (prefix, prefix_size, fault);
        return NULL;
    }
    const char *name = wire_record_name (ret_message->record);
    bool carries = record_takes_payload (ret_message->record);
    if (carries && socket->no_payloads)
        return fault_set (fault, BUS_REFUSED_TYPE, "%s: belongs to another channel", name);
    if (parts->n - at != (carries ? 3 : 2))
        return fault_set (fault, BUS_REFUSED_FRAMES, "%s: has %d frames, %d are expected", name,
                          parts->n - at, carries ? 3 : 2);
    if (carries) {
        zmq_msg_t *payload = &parts->frames[at + 2];
        ret_message->payload = zmq_msg_data (payload);
        ret_message->payload_size = zmq_msg_size (payload);
        if (ret_message->payload_size > WIRE_CHUNK_MOST)
            return fault_set (fault, BUS_REFUSED_FRAMES,
                              "%s: the payload has %zu bytes, at most %d are allowed", name,
                              ret_message->payload_size, (int) WIRE_CHUNK_MOST);
    }
    return &parts->frames[at + 1];
}

/*  Routing ids that libzmq assigns itself begin with a zero. */
static bool peer_is_claimed (const struct bus_peer *peer)
{
    return peer->size != 5 || peer->id[0] != 0;
}

/*  Who sent the message, by the frame behind the routing id: that frame itself carries nothing. Without an
    admission the peer could have set the User-Id itself. */
static struct bus_sender parts_sender (const struct bus_socket *socket, struct parts *parts)
{
    base_assert (parts->n > 0);
    int at = socket->kind == BUS_ROUTER && parts->n > 1;
    return bus_sender_of_user_id (socket->admission ? zmq_msg_gets (&parts->frames[at], "User-Id") : NULL);
}

/*  A key that was revoked may have messages on the way. */
static bool sender_is_admitted (const struct bus_socket *socket, const struct bus_sender *sender)
{
    return !socket->admission || bus_admission_admits (socket->admission, sender, socket->channel);
}

/*  Reports a message to the guard. Returns its connection; NULL: unknown. */
static struct bus_connection *message_delivered (struct bus_socket *socket, const struct parts *parts,
                                                 const struct bus_peer *peer)
{
    base_assert (parts->n > 0);
    int last = parts->n < FRAMES_MOST ? parts->n - 1 : FRAMES_MOST - 1;
    size_t size = 0;
    if (!socket->guard)
        return NULL;
    for (int i = socket->kind == BUS_ROUTER; i <= last; i++)
        size += zmq_msg_size (&parts->frames[i]) + 2;
    return bus_guard_delivered (socket->guard, socket, &parts->frames[last], peer, size);
}

/*  A frame that has the peer's address: not the routing id. */
static zmq_msg_t *parts_last (struct parts *parts)
{
    base_assert (parts->n > 0);
    return &parts->frames[parts->n < FRAMES_MOST ? parts->n - 1 : FRAMES_MOST - 1];
}

/*  Formats the address of a frame's peer. libzmq sets it before the peer's own properties, which cannot
    replace it. Over ipc it is "localhost:UID:GID:PID". */
static void peer_text_format (zmq_msg_t *frame, char text[PEER_TEXT_SIZE])
{
    const char *address = zmq_msg_gets (frame, "Peer-Address");
    const char *pid = address && strncmp (address, "localhost:", 10) == 0 ? strrchr (address, ':') + 1 : NULL;
    text[0] = '\0';
    if (address && *address)
        (void) snprintf (text, PEER_TEXT_SIZE, "%s %s", pid ? "with pid" : "at", pid ? pid : address);
}

static void refusal_count (struct bus_socket *socket, enum bus_refused why)
{
    base_assert ((unsigned) why < BUS_REFUSED_COUNT);
    socket->counts.malformed++;
    socket->counts.refused[why]++;
}

static void message_refuse (struct bus_socket *socket, const struct bus_peer *peer, zmq_msg_t *frame,
                            const struct fault *fault)
{
    refusal_count (socket, fault->why);
    if (!socket->on_refused)
        return;
    char peer_text[PEER_TEXT_SIZE];
    peer_text_format (frame, peer_text);
    const struct bus_refusal refusal = {
        .why = fault->why, .peer = *peer, .peer_text = peer_text, .text = fault->error.text};
    socket->on_refused (socket->context, socket, &refusal);
}

void bus_message_refuse (struct bus_socket *socket, const struct bus_message *message, enum bus_refused why,
                         const char *text)
{
    base_assert (socket && message && text);
    struct fault fault;
    (void) fault_set (&fault, why, "%s", text);
    message_refuse (socket, &message->peer, message->frame, &fault);
}

/*  Unpacks the map into body. A request of an operator that violates its schema is unpacked as a plain
    `request` if possible, so that it gets an answer. Returns whether the message can be delivered. */
static bool body_read (struct bus_socket *socket, struct bus_message *message, zmq_msg_t *map, void *body,
                       struct fault *fault)
{
    base_assert (message->record && map && body);
    const void *data = zmq_msg_data (map);
    size_t size = zmq_msg_size (map);
    bool fits = wire_unpack (message->record, data, size, body, &fault->error) == 0;
    if (fits && message->record != &wire_request_record) /* else its type is unknown */
        return true;
    if (fits)
        (void) base_error_set (&fault->error, WIRE_E_MALFORMED, "request: its type is unknown");
    message_refuse (socket, &message->peer, message->frame, fault);
    if (!fits && wire_record_role (message->record)) {
        message->record = &wire_request_record;
        fits = wire_unpack (message->record, data, size, body, NULL) == 0;
    }
    return fits;
}

static void message_deliver (struct bus_socket *socket, struct parts *parts)
{
    base_assert (parts->n > 0);
    struct bus_message message = {0};
    struct fault fault = {.why = BUS_REFUSED_SCHEMA};
    char topic[TOPIC_MOST + 1];
    zmq_msg_t *map = frames_check (socket, parts, &message, topic, &fault);
    message.peer.sender = parts_sender (socket, parts);
    message.from = message_delivered (socket, parts, &message.peer);
    if (socket->kind == BUS_ROUTER && peer_is_claimed (&message.peer)) {
        refusal_count (socket, BUS_REFUSED_CLAIM);
        if (message.from)
            bus_guard_end (message.from, BUS_END_CLAIM);
        return;
    }
    message.frame = parts_last (parts);
    if (!sender_is_admitted (socket, &message.peer.sender)) {
        (void) fault_set (&fault, BUS_REFUSED_KEY, "its key is not admitted to this channel");
        if (message.from)
            bus_guard_end (message.from, BUS_END_REVOKED);
        message_refuse (socket, &message.peer, message.frame, &fault);
        return;
    }
    base_cleanup (base_free_p) void *body = map ? malloc (wire_record_size (message.record)) : NULL;
    if (map && !body)
        (void) base_error_set (&fault.error, -ENOMEM, "out of memory");
    if (!body) {
        message_refuse (socket, &message.peer, message.frame, &fault);
        return;
    }
    if (!body_read (socket, &message, map, body, &fault))
        return;
    socket->counts.received++;
    message.body = body;
    if (socket->on_message)
        socket->on_message (socket->context, socket, &message);
    wire_deinit (message.record, body);
}

static void text_deliver (struct bus_socket *socket, struct parts *parts)
{
    base_assert (parts->n > 0 && socket->on_text);
    char topic[TOPIC_MOST + 1];
    size_t size = parts->n == 2 ? zmq_msg_size (&parts->frames[1]) : 0;
    const char *data = parts->n == 2 ? zmq_msg_data (&parts->frames[1]) : NULL;
    base_cleanup (base_free_p) char *text = NULL;
    if (data && size <= WIRE_FRAME_MOST && !memchr (data, 0, size) &&
        topic_copy (zmq_msg_data (&parts->frames[0]), zmq_msg_size (&parts->frames[0]), topic) &&
        socket_is_subscribed (socket, topic))
        text = strndup (data, size);
    (void) message_delivered (socket, parts, &(struct bus_peer){0});
    if (!text) {
        refusal_count (socket, parts->n == 2 ? BUS_REFUSED_TOPIC : BUS_REFUSED_FRAMES);
        return;
    }
    socket->counts.received++;
    socket->on_text (socket->context, topic, text);
}

static void subscription_deliver (struct bus_socket *socket, struct parts *parts)
{
    base_assert (parts->n > 0);
    const uint8_t *data = zmq_msg_data (&parts->frames[0]);
    size_t size = zmq_msg_size (&parts->frames[0]);
    char topic[TOPIC_MOST + 1];
    const struct bus_peer peer = {.sender = parts_sender (socket, parts)};
    struct bus_connection *from = message_delivered (socket, parts, &peer);
    /*  libzmq itself cancels the last subscription to a topic when its peer leaves: such a message has neither
        a connection nor a sender. */
    bool by_libzmq = !from && peer.sender.kind == BUS_SENDER_UNKNOWN && size > 0 && data[0] == 0;
    if (!by_libzmq && !sender_is_admitted (socket, &peer.sender)) {
        refusal_count (socket, BUS_REFUSED_KEY);
        if (from)
            bus_guard_end (from, BUS_END_REVOKED);
        return;
    }
    bool subscribed = size > 0 && data[0] == 1;
    bool may = bus_guard_subscribed (from, subscribed);
    if (!may || parts->n != 1 || size < 1 || data[0] > 1 || !topic_copy (data + 1, size - 1, topic) ||
        (subscribed && socket->is_topic && !socket->is_topic (topic))) {
        refusal_count (socket, BUS_REFUSED_TOPIC);
        if (from)
            bus_guard_end (from, BUS_END_TOPICS);
        return;
    }
    socket->counts.received++;
    if (socket->on_subscription)
        socket->on_subscription (socket->context, topic, data[0] == 1);
}

void bus_message_ready (void *context)
{
    base_assert (context);
    struct bus_socket *socket = context;
    /*  A handler may free the socket: its memory stays until the round is over, its zmq is NULL. */
    for (int i = 0; i < ROUND_MOST && socket->zmq; i++) {
        base_cleanup (parts_deinit) struct parts parts;
        parts.n = 0;
        if (!parts_read (socket->zmq, &parts))
            break;
        socket->n_read++;
        if (socket->kind == BUS_XPUB || socket->kind == BUS_PUB)
            subscription_deliver (socket, &parts);
        else if (socket->kind == BUS_SUB && socket->on_text)
            text_deliver (socket, &parts);
        else
            message_deliver (socket, &parts);
    }
}

/*  Sends and closes the frames. */
static int parts_send (struct bus_socket *socket, struct parts *parts)
{
    base_assert (socket->zmq);
    base_assert (parts->n > 0 && parts->n <= FRAMES_MOST);
    int r = 0;
    for (int i = 0; i < parts->n; i++) {
        int flags = ZMQ_DONTWAIT | (i + 1 < parts->n ? ZMQ_SNDMORE : 0);
        if (zmq_msg_send (&parts->frames[i], socket->zmq, flags) >= 0)
            continue;
        if (r == 0)
            r = errno == EFSM || errno == ENOTSUP ? -EINVAL : -errno;
        /*  The first frame decides. If the peer leaves after it, libzmq expects the other frames and drops
            them. */
        if (i == 0)
            break;
    }
    parts_deinit (parts);
    if (r == 0 && socket->guard)
        bus_guard_sent (socket->guard, socket);
    if (r == 0)
        socket->counts.sent++;
    else if (r == -EHOSTUNREACH)
        socket->counts.unroutable++;
    else if (r == -EAGAIN)
        socket->counts.full++;
    return r;
}

static int parts_add_copy (struct parts *parts, const void *data, size_t size)
{
    base_assert (parts->n < FRAMES_MOST);
    base_assert (data || size == 0);
    zmq_msg_t *frame = &parts->frames[parts->n];
    if (zmq_msg_init_size (frame, size) < 0)
        return -ENOMEM;
    if (size > 0)
        memcpy (zmq_msg_data (frame), data, size);
    parts->n++;
    return 0;
}

/*  A map that libzmq frees. It counts as unread by its peer until then. */
struct charged {
    struct bus_unread *unread;
    size_t size;
    atomic_bool handed; /* as in struct parcel */
};

static void charged_release (void *data, void *hint)
{
    struct charged *charged = hint;
    (void) atomic_load_explicit (&charged->handed, memory_order_acquire);
    bus_unread_done (charged->unread, charged->size);
    free (data);
    free (charged);
}

/*  Adds a map. If it is counted as unread, it is handed over without a copy. */
static int parts_add_map (struct parts *parts, struct base_buffer *map, struct bus_unread *unread)
{
    base_assert (parts->n < FRAMES_MOST);
    struct charged *charged = unread ? malloc (sizeof *charged) : NULL;
    if (!charged ||
        zmq_msg_init_data (&parts->frames[parts->n], map->data, map->size, charged_release, charged) < 0) {
        free (charged);
        if (unread)
            bus_unread_done (unread, map->size);
        return parts_add_copy (parts, map->data, map->size);
    }
    *charged = (struct charged){.unread = unread, .size = map->size};
    atomic_store_explicit (&charged->handed, true, memory_order_release);
    *map = (struct base_buffer){.size = 0};
    parts->n++;
    return 0;
}

/*  Counts an answer as unread. Only answers of a socket without payloads count, and only larger ones: these
    are enough to find a peer that does not read. */
static struct bus_unread *answer_charge (const struct bus_socket *socket, const struct bus_peer *peer,
                                         size_t size)
{
    if (socket->kind != BUS_ROUTER || !socket->no_payloads || !socket->guard || size < CHARGED_LEAST)
        return NULL;
    return bus_guard_answer (socket->guard, socket, peer, size);
}

/*  Adds prefix and map. peer: of a ROUTER; else NULL. */
static int parts_add_message (struct parts *parts, const struct bus_socket *socket,
                              const struct bus_peer *peer, const struct wire_record *record,
                              const void *message)
{
    uint8_t prefix[WIRE_PREFIX_SIZE];
    struct base_buffer map = {0};
    wire_prefix (record, prefix);
    int r = wire_pack (record, message, &map, NULL);
    if (r > 0)
        r = -EINVAL;
    if (r == 0)
        r = parts_add_copy (parts, prefix, sizeof prefix);
    if (r == 0)
        r = parts_add_map (parts, &map, answer_charge (socket, peer, map.size));
    base_buffer_deinit (&map);
    return r;
}

int bus_send (struct bus_socket *socket, const struct bus_peer *peer, const struct wire_record *record,
              const void *message)
{
    return bus_send_payload (socket, peer, record, message, NULL, 0, NULL, NULL);
}

/*  A payload that libzmq frees, maybe on its I/O thread. */
struct parcel {
    void (*release) (void *data, void *hint);
    void *hint;
    /*  Orders the writes to the payload before its release. libzmq's queues do so too, but checking tools
        cannot see that. */
    atomic_bool handed;
};

static void parcel_release (void *data, void *hint)
{
    struct parcel *parcel = hint;
    (void) atomic_load_explicit (&parcel->handed, memory_order_acquire);
    parcel->release (data, parcel->hint);
    free (parcel);
}

/*  Adds a payload without a copy. On failure it stays the caller's. */
static int parts_add_parcel (struct parts *parts, void *data, size_t size,
                             void (*release) (void *data, void *hint), void *hint)
{
    base_assert (parts->n < FRAMES_MOST);
    base_assert (data && release);
    struct parcel *parcel = malloc (sizeof *parcel);
    if (!parcel)
        return -ENOMEM;
    *parcel = (struct parcel){.release = release, .hint = hint};
    atomic_store_explicit (&parcel->handed, true, memory_order_release);
    if (zmq_msg_init_data (&parts->frames[parts->n], data, size, parcel_release, parcel) < 0) {
        free (parcel);
        return -ENOMEM;
    }
    parts->n++;
    return 0;
}

int bus_send_payload (struct bus_socket *socket, const struct bus_peer *peer,
                      const struct wire_record *record, const void *message, void *data, size_t size,
                      void (*release) (void *data, void *hint), void *hint)
{
    base_assert (socket && record && message);
    base_assert (data || size == 0);
    base_cleanup (parts_deinit) struct parts parts;
    parts.n = 0;
    int r = 0;
    if ((socket->kind == BUS_ROUTER) != (peer && peer->size > 0) || size > WIRE_CHUNK_MOST ||
        (!record_takes_payload (record) && size > 0))
        r = -EINVAL;
    if (r == 0 && peer && peer->size > 0)
        r = parts_add_copy (&parts, peer->id, peer->size);
    if (r == 0)
        r = parts_add_message (&parts, socket, peer, record, message);
    if (r == 0 && record_takes_payload (record)) {
        if (release && size > 0) {
            r = parts_add_parcel (&parts, data, size, release, hint);
            if (r == 0)
                release = NULL; /* owned by libzmq now */
        } else
            r = parts_add_copy (&parts, data, size);
    }
    size_t answer = r == 0 && parts.n > 1 ? zmq_msg_size (&parts.frames[parts.n - 1]) : 0;
    if (r == 0)
        r = parts_send (socket, &parts);
    if (r == 0 && socket->kind == BUS_ROUTER && socket->no_payloads && socket->guard)
        bus_guard_answered (socket->guard, answer);
    /*  Without payloads no answer is requested piece by piece: a peer whose queue is full does not read its
        answers. */
    if (r == -EAGAIN && socket->kind == BUS_ROUTER && socket->no_payloads && socket->guard)
        bus_guard_end_peer (socket->guard, socket, peer, BUS_END_SLOW);
    if (release)
        release (data, hint);
    return r;
}

int bus_publish (struct bus_socket *socket, const char *topic, const struct wire_record *record,
                 const void *message)
{
    base_assert (socket && topic);
    base_assert (record && message);
    base_cleanup (parts_deinit) struct parts parts;
    parts.n = 0;
    if (strlen (topic) > TOPIC_MOST || record_takes_payload (record) ||
        (socket->kind != BUS_XPUB && socket->kind != BUS_PUB))
        return -EINVAL;
    int r = parts_add_copy (&parts, topic, strlen (topic));
    if (r == 0)
        r = parts_add_message (&parts, socket, NULL, record, message);
    return r < 0 ? r : parts_send (socket, &parts);
}

int bus_publish_text (struct bus_socket *socket, const char *topic, const char *text)
{
    base_assert (socket && topic && text);
    base_cleanup (parts_deinit) struct parts parts;
    parts.n = 0;
    if (strlen (topic) > TOPIC_MOST || (socket->kind != BUS_XPUB && socket->kind != BUS_PUB))
        return -EINVAL;
    int r = parts_add_copy (&parts, topic, strlen (topic));
    if (r == 0)
        r = parts_add_copy (&parts, text, strlen (text));
    return r < 0 ? r : parts_send (socket, &parts);
}
