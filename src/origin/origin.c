/* SPDX-License-Identifier: MPL-2.0 */
/*  origin/origin.c - the sockets of an origin; messages.c has what is done with each message */

#include "origin/origin.h"

#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/digest.h"
#include "base/random.h"
#include "origin/messages.h"

enum {
    HEARTBEAT_MS = 15000,
    TRANSFERS = 64,
    PEER_BYTES = 16 * 1024 * 1024,
    /*  Messages a peer that may wait to be sent on content, where one may have a mebibyte. The mark is more
        than twice the gets that a peer has under way: libzmq notices what was sent only at every half of
        it. */
    CONTENT_HIGH_WATER = 256,
    /*  Messages a peer that may wait to be read: of up to a mebibyte on content, of 64 KiB on control. A peer
        that waits for its answers needs no more. Further ones wait in the kernel's buffers. */
    CONTENT_WAITING = 8,
    CONTROL_WAITING = 16,
    CONTROL_HIGH_WATER = 128,
};

static void message_handle (struct origin *origin, enum origin_channel channel, struct bus_socket *socket,
                            const struct bus_message *message)
{
    char text[96];
    if (origin_message_handle (origin, channel, message))
        return;
    (void) snprintf (text, sizeof text, "%s: belongs to another channel", wire_record_name (message->record));
    bus_message_refuse (socket, message, BUS_REFUSED_TYPE, text);
}

static void on_control (void *context, struct bus_socket *socket, const struct bus_message *message)
{
    struct origin *origin = context;
    origin->counts.asked++;
    message_handle (origin, ORIGIN_CONTROL, socket, message);
}

static void on_content (void *context, struct bus_socket *socket, const struct bus_message *message)
{
    message_handle (context, ORIGIN_CONTENT, socket, message);
}

static void on_refused (void *context, struct bus_socket *socket, const struct bus_refusal *refusal)
{
    struct origin *origin = context;
    if (origin->ops.refused)
        origin->ops.refused (origin->context, socket == origin->control ? "control" : "content", refusal);
}

void origin_keep (struct origin *origin)
{
    base_assert (origin);
    bus_connection_keep (origin->asking);
}

bool origin_is_named (struct origin *origin, const char *name)
{
    base_assert (origin && name);
    struct base_digest digest = base_digest_of (name, strlen (name));
    uint64_t number;
    memcpy (&number, digest.bytes, sizeof number);
    return bus_connection_mark (origin->asking, number);
}

/*  Whether the topic is update/all, update/group/NAME or update/ring/XX. */
static bool topic_is_valid (const char *topic)
{
    static const char group[] = "update/group/", ring[] = "update/ring/";
    if (strncmp (topic, group, strlen (group)) == 0)
        return topic[strlen (group)] && strlen (topic) < ORIGIN_TOPIC_SIZE;
    if (strncmp (topic, ring, strlen (ring)) == 0)
        return strlen (topic) == strlen (ring) + 2 && strspn (topic + strlen (ring), "0123456789abcdef") == 2;
    return strcmp (topic, "update/all") == 0;
}

static void on_subscription (void *context, const char *topic, bool subscribed)
{
    struct origin *origin = context;
    if (origin->ops.subscription)
        origin->ops.subscription (origin->context, topic, subscribed);
}

void origin_pace (struct origin *origin, uint64_t heartbeat_ms)
{
    base_assert (origin);
    origin->heartbeat_ms = heartbeat_ms;
}

struct origin *origin_free (struct origin *origin)
{
    if (!origin)
        return NULL;
    bus_socket_free (origin->announce);
    bus_socket_free (origin->control);
    bus_socket_free (origin->content);
    origin_blobs_free (origin->blobs);
    free (origin);
    return NULL;
}

static void origin_free_p (struct origin **origin)
{
    origin_free (*origin);
}

/*  local: a second endpoint, for users of this host; NULL: none. */
static int channel_serve (struct origin *origin, enum bus_kind kind, const char *endpoint, const char *local,
                          const struct bus_socket_options *options, struct bus_socket **ret_socket,
                          struct base_error *error)
{
    base_assert (!*ret_socket);
    if (!endpoint)
        return 0;
    int r = bus_socket_new (origin->loop, kind, options, ret_socket, error);
    if (r == 0)
        r = bus_socket_bind (*ret_socket, endpoint, error);
    return r < 0 || !local ? r : bus_socket_bind_local (*ret_socket, local, error);
}

int origin_new (struct bus_loop *loop, const struct origin_config *config, const struct origin_ops *ops,
                void *context, struct origin **ret_origin, struct base_error *error)
{
    base_assert (loop && config && ops);
    base_assert (ret_origin);
    base_assert (!config->control_local || (config->control && config->admission));
    base_cleanup (origin_free_p) struct origin *origin = calloc (1, sizeof *origin);
    if (!origin)
        return base_error_errno (error, -ENOMEM, "cannot create the origin");
    origin->loop = loop;
    origin->ops = *ops;
    origin->context = context;
    origin->heartbeat_ms = config->heartbeat_ms ? config->heartbeat_ms : HEARTBEAT_MS;
    base_random_hex (origin->instance, ORIGIN_INSTANCE_BYTES);
    origin->blobs = origin_blobs_new (&(struct origin_blobs_spec){
        .loop = loop,
        .open = ops->blob_open,
        .context = context,
        .open_most = config->transfers ? config->transfers : TRANSFERS,
        .peer_bytes = config->peer_bytes ? config->peer_bytes : PEER_BYTES,
    });
    if (!origin->blobs)
        return base_error_errno (error, -ENOMEM, "cannot create the origin");

    struct bus_socket_options options = {
        .context = origin,
        .keys = config->keys,
        .admission = config->admission,
        .channel = BUS_CHANNEL_ANNOUNCE,
        .high_water = config->high_water,
        .quiet = true,
    };
    options.on_subscription = on_subscription;
    options.is_topic = topic_is_valid;
    int r = channel_serve (origin, BUS_XPUB, config->announce, NULL, &options, &origin->announce, error);
    if (r < 0)
        return r;
    options.on_subscription = NULL;
    options.channel = BUS_CHANNEL_CONTROL;
    options.on_message = on_control;
    options.on_refused = on_refused;
    options.no_payloads = true;
    options.receive_most = CONTROL_WAITING;
    if (options.high_water <= 0)
        options.high_water = CONTROL_HIGH_WATER;
    r = channel_serve (origin, BUS_ROUTER, config->control, config->control_local, &options, &origin->control,
                       error);
    if (r < 0)
        return r;
    options.channel = BUS_CHANNEL_CONTENT;
    options.on_message = on_content;
    options.no_payloads = false;
    options.receive_most = CONTENT_WAITING;
    if (config->high_water <= 0 || config->high_water > CONTENT_HIGH_WATER)
        options.high_water = CONTENT_HIGH_WATER;
    r = channel_serve (origin, BUS_ROUTER, config->content, NULL, &options, &origin->content, error);
    if (r < 0)
        return r;
    *ret_origin = base_take (origin);
    return 0;
}

const char *origin_instance (const struct origin *origin)
{
    base_assert (origin);
    return origin->instance;
}

uint64_t origin_sequence (const struct origin *origin)
{
    base_assert (origin);
    return origin->sequence;
}

static const char *socket_endpoint (const struct bus_socket *socket)
{
    return socket ? bus_socket_endpoint (socket) : NULL;
}

const char *origin_endpoint_announce (const struct origin *origin)
{
    return socket_endpoint (origin->announce);
}

const char *origin_endpoint_control (const struct origin *origin)
{
    return socket_endpoint (origin->control);
}

const char *origin_endpoint_content (const struct origin *origin)
{
    return socket_endpoint (origin->content);
}

void origin_blob_forget (struct origin *origin, const struct base_digest *digest)
{
    base_assert (origin && digest);
    origin_blobs_forget (origin->blobs, digest);
}

int origin_announce (struct origin *origin, const char *topic, const struct wire_update *hint)
{
    base_assert (origin && topic && hint);
    if (!origin->announce)
        return -ENOTSUP;
    struct wire_update update = *hint;
    update.instance = origin->instance;
    update.sequence = origin->sequence + 1;
    int r = bus_publish (origin->announce, topic, &wire_update_record, &update);
    if (r == 0) {
        origin->sequence++;
        origin->counts.announced++;
    }
    return r;
}

int origin_answer (struct origin *origin, const struct bus_peer *peer, const struct wire_record *record,
                   const void *message)
{
    base_assert (origin && peer);
    base_assert (record && message);
    return origin->control ? bus_send (origin->control, peer, record, message) : -ENOTSUP;
}

struct origin_counts origin_counts (const struct origin *origin)
{
    base_assert (origin);
    struct origin_counts counts = origin->counts;
    const struct bus_socket *const sockets[] = {origin->announce, origin->control, origin->content};
    for (size_t i = 0; i < sizeof sockets / sizeof sockets[0]; i++) {
        if (!sockets[i])
            continue;
        struct bus_counts socket_counts = bus_socket_counts (sockets[i]);
        counts.received += socket_counts.received;
        counts.malformed += socket_counts.malformed;
        counts.unroutable += socket_counts.unroutable;
        counts.full += socket_counts.full;
        for (unsigned j = 0; j < BUS_REFUSED_COUNT; j++)
            counts.refused[j] += socket_counts.refused[j];
        for (unsigned j = 0; j < BUS_END_COUNT; j++)
            counts.ended[j] += socket_counts.ended[j];
    }
    return counts;
}

const char *origin_ring_topic (const char *node, char text[ORIGIN_TOPIC_SIZE])
{
    base_assert (node && text);
    struct base_digest digest = base_digest_of (node, strlen (node));
    (void) snprintf (text, ORIGIN_TOPIC_SIZE, "update/ring/%02x", digest.bytes[0]);
    return text;
}
