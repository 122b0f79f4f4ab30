/* SPDX-License-Identifier: MPL-2.0 */
/*  origin/origin.c - the serving side of announce, control and content

    Each request has one function here: it calls the owner's operation, fills in what the answer repeats of
    the request, sends the answer and frees it. An answer that cannot be packed is replaced by one that says
    so: no request is left without an answer. */

#include "origin/origin.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/random.h"
#include "origin/content.h"

enum {
    HEARTBEAT_MS = 15000,
    TRANSFERS = 64,
    PEER_BYTES = 16 * 1024 * 1024,
    INSTANCE_BYTES = 16,
    /*  On content a peer's queue is shorter, because a message may have a mebibyte. It is more than
        twice the gets that a peer has under way: libzmq learns only at every half of the mark what has been
        sent. */
    CONTENT_HIGH_WATER = 256,
    /*  Messages of a peer that may wait to be read: of up to a mebibyte on content, of 64 KiB on control. A
        peer that waits for its answers needs no more: libzmq and the kernel hold further ones. */
    CONTENT_WAITING = 8,
    CONTROL_WAITING = 16,
    CONTROL_HIGH_WATER = 128,
};

struct origin {
    struct bus_loop *loop;
    struct origin_ops ops;
    void *context;
    uint64_t heartbeat_ms;
    struct bus_socket *announce, *control, *content;
    struct origin_contents *contents;
    struct bus_connection *asking; /* on control; NULL: no request is handled, or the connection is unknown */
    char instance[2 * INSTANCE_BYTES + 1];
    uint64_t sequence;
    struct origin_counts counts;
};

/*  Fills in a text that the answer repeats. */
static void fill_text (char **field, const char *text)
{
    if (!*field && text)
        *field = strdup (text);
}

/*  The status of an answer. Without an operation, or after it failed, the answer's own status does not
    count. */
static enum wire_status answer_status (int r, bool missing, enum wire_status status)
{
    if (missing)
        return WIRE_STATUS_REFUSED;
    if (r != 0)
        return WIRE_STATUS_FAILED;
    return status == WIRE_STATUS_NULL ? WIRE_STATUS_OK : status;
}

/*  Sends an answer. Returns false if it violates its schema or does not fit into a frame: the caller sends
    another one in its place. */
static bool send_answer (struct bus_socket *socket, const struct bus_peer *peer,
                         const struct wire_record *record, const void *answer)
{
    return bus_send (socket, peer, record, answer) != -EINVAL;
}

static void on_hello (struct origin *origin, const struct bus_peer *peer, const struct wire_hello *hello)
{
    base_cleanup (wire_welcome_deinit) struct wire_welcome answer = {0};
    bool missing = !origin->ops.hello;
    int r = missing ? 0 : origin->ops.hello (origin->context, peer, hello, &answer);
    if (r == ORIGIN_LATER)
        return;
    for (int tries = 0; tries < 2; tries++) {
        if (r != 0)
            wire_welcome_deinit (&answer);
        answer.status = answer_status (r, missing, answer.status);
        free (answer.instance);
        answer.instance = strdup (origin->instance);
        answer.sequence = origin->sequence;
        answer.heartbeat_ms = origin->heartbeat_ms;
        if (send_answer (origin->control, peer, &wire_welcome_record, &answer))
            break;
        r = -EINVAL;
    }
}

static void on_ask (struct origin *origin, const struct bus_peer *peer, const struct wire_ask *ask)
{
    base_cleanup (wire_desired_deinit) struct wire_desired answer = {0};
    int r = 0;
    if (origin->ops.ask)
        r = origin->ops.ask (origin->context, peer, ask, &answer);
    else
        answer.status = WIRE_STATUS_NONE;
    if (r == ORIGIN_LATER)
        return;
    for (int tries = 0; tries < 2; tries++) {
        if (r != 0)
            wire_desired_deinit (&answer);
        answer.status = answer_status (r, false, answer.status);
        fill_text (&answer.application, ask->application);
        if (send_answer (origin->control, peer, &wire_desired_record, &answer))
            break;
        r = -EINVAL;
    }
}

static void on_match (struct origin *origin, const struct bus_peer *peer, const struct wire_match *match)
{
    base_cleanup (wire_matched_deinit) struct wire_matched answer = {0};
    bool missing = !origin->ops.match;
    int r = missing ? 0 : origin->ops.match (origin->context, peer, match, &answer);
    for (int tries = 0; tries < 2; tries++) {
        if (r != 0)
            wire_matched_deinit (&answer);
        answer.status = answer_status (r, missing, answer.status);
        fill_text (&answer.application, match->application);
        fill_text (&answer.transaction, match->transaction);
        answer.attempt = match->attempt;
        answer.release = match->release;
        if (send_answer (origin->control, peer, &wire_matched_record, &answer))
            break;
        r = -EINVAL;
    }
}

static void on_report (struct origin *origin, const struct bus_peer *peer, const struct wire_report *report)
{
    base_cleanup (wire_noted_deinit) struct wire_noted answer = {0};
    bool missing = !origin->ops.report;
    int r = missing ? 0 : origin->ops.report (origin->context, peer, report, &answer);
    if (r == ORIGIN_LATER)
        return;
    if (r != 0)
        wire_noted_deinit (&answer);
    answer.status = answer_status (r, missing, answer.status);
    fill_text (&answer.application, report->application ? report->application->name : NULL);
    answer.epoch = report->epoch;
    answer.attempt = report->attempt;
    fill_text (&answer.step, report->step);
    answer.outcome = report->outcome;
    (void) send_answer (origin->control, peer, &wire_noted_record, &answer);
}

/*  How every answer begins: see wire/wire.h. */
static void request_head (const struct origin *origin, uint64_t serial, int r, struct wire_answer *head)
{
    head->status = answer_status (r, !origin->ops.request, head->status);
    head->serial = serial;
    fill_text (&head->instance, origin->instance);
}

static void on_request (struct origin *origin, const struct bus_message *message)
{
    const struct wire_record *record = wire_record_answer (message->record);
    struct wire_request asked;
    void *answer = calloc (1, wire_record_size (record));
    if (!answer)
        return;
    memcpy (&asked, message->body, sizeof asked);
    int r = !origin->ops.request ? 0
                                 : origin->ops.request (origin->context, &message->peer, message->record,
                                                        message->body, answer);
    for (int tries = 0; r != ORIGIN_LATER && tries < 2; tries++) {
        struct wire_answer head;
        if (r != 0)
            wire_deinit (record, answer);
        memcpy (&head, answer, sizeof head);
        if (r != 0)
            head.reason = strdup (tries == 0 ? "the request could not be carried out"
                                             : "the answer does not fit into a message");
        request_head (origin, asked.serial, r, &head);
        memcpy (answer, &head, sizeof head);
        if (send_answer (origin->control, &message->peer, record, answer))
            break;
        r = -EINVAL;
    }
    wire_deinit (record, answer);
    free (answer);
}

static void on_heartbeat (struct origin *origin, const struct bus_peer *peer,
                          const struct wire_heartbeat *heartbeat)
{
    if (origin->ops.heartbeat)
        origin->ops.heartbeat (origin->context, peer, heartbeat);
    if (heartbeat->answer)
        return;
    struct wire_heartbeat answer = {.sender = origin->instance, .sequence = origin->sequence, .answer = true};
    (void) bus_send (origin->control, peer, &wire_heartbeat_record, &answer);
}

static void on_control (void *context, struct bus_socket *socket, const struct bus_message *message)
{
    struct origin *origin = context;
    const struct bus_peer *peer = &message->peer;
    (void) socket;
    origin->counts.asked++;
    origin->asking = message->from;
    if (message->record == &wire_heartbeat_record)
        on_heartbeat (origin, peer, message->body);
    else if (message->record == &wire_hello_record)
        on_hello (origin, peer, message->body);
    else if (message->record == &wire_ask_record)
        on_ask (origin, peer, message->body);
    else if (message->record == &wire_match_record)
        on_match (origin, peer, message->body);
    else if (message->record == &wire_report_record)
        on_report (origin, peer, message->body);
    else if (wire_record_answer (message->record))
        on_request (origin, message);
    else if (message->record == &wire_bye_record) {
        if (origin->ops.bye)
            origin->ops.bye (origin->context, peer, message->body);
    } else
        origin->counts.malformed++;
    origin->asking = NULL;
}

void origin_keep (struct origin *origin)
{
    bus_connection_keep (origin->asking);
}

bool origin_is_named (struct origin *origin, const char *name)
{
    struct base_digest digest = base_digest_of (name, strlen (name));
    uint64_t number;
    memcpy (&number, digest.bytes, sizeof number);
    return bus_connection_mark (origin->asking, number);
}

static void on_put (struct origin *origin, const struct bus_message *message)
{
    const struct wire_put *put = message->body;
    base_cleanup (wire_taken_deinit) struct wire_taken answer = {0};
    bool missing = !origin->ops.content_put;
    origin->counts.puts++;
    answer.digest = put->digest;
    int r = missing ? 0
                    : origin->ops.content_put (origin->context, &message->peer, put, message->payload,
                                               message->payload_size, &answer);
    if (r == 0 && answer.complete)
        origin_contents_forget (origin->contents, &put->digest);
    for (int tries = 0; tries < 2; tries++) {
        if (r != 0)
            wire_taken_deinit (&answer);
        answer.status = answer_status (r, missing, answer.status);
        answer.digest = put->digest;
        if (send_answer (origin->content, &message->peer, &wire_taken_record, &answer))
            break;
        r = -EINVAL;
    }
}

static void on_content (void *context, struct bus_socket *socket, const struct bus_message *message)
{
    struct origin *origin = context;
    if (message->record == &wire_get_record)
        origin_contents_get (origin->contents, socket, &message->peer, message->body, &origin->counts);
    else if (message->record == &wire_put_record)
        on_put (origin, message);
    else
        origin->counts.malformed++;
}

/*  Whether the topic is update/all, update/group/NAME or update/ring/XX. */
static bool is_topic (const char *topic)
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
    origin->heartbeat_ms = heartbeat_ms;
}

struct origin *origin_free (struct origin *origin)
{
    if (!origin)
        return NULL;
    bus_socket_free (origin->announce);
    bus_socket_free (origin->control);
    bus_socket_free (origin->content);
    origin_contents_free (origin->contents);
    free (origin);
    return NULL;
}

static void free_origin_p (struct origin **origin)
{
    origin_free (*origin);
}

static int channel_serve (struct origin *origin, enum bus_kind kind, const char *endpoint,
                          const struct bus_socket_options *options, struct bus_socket **ret_socket,
                          struct base_error *error)
{
    if (!endpoint)
        return 0;
    int r = bus_socket_new (origin->loop, kind, options, ret_socket, error);
    return r < 0 ? r : bus_socket_bind (*ret_socket, endpoint, error);
}

int origin_new (struct bus_loop *loop, const struct origin_config *config, const struct origin_ops *ops,
                void *context, struct origin **ret_origin, struct base_error *error)
{
    base_cleanup (free_origin_p) struct origin *origin = calloc (1, sizeof *origin);
    if (!origin)
        return base_error_errno (error, -ENOMEM, "cannot create the origin");
    origin->loop = loop;
    origin->ops = *ops;
    origin->context = context;
    origin->heartbeat_ms = config->heartbeat_ms ? config->heartbeat_ms : HEARTBEAT_MS;
    base_random_hex (origin->instance, INSTANCE_BYTES);
    origin->contents = origin_contents_new (&(struct origin_contents_spec){
        .loop = loop,
        .open = ops->content_open,
        .context = context,
        .open_most = config->transfers ? config->transfers : TRANSFERS,
        .peer_bytes = config->peer_bytes ? config->peer_bytes : PEER_BYTES,
    });
    if (!origin->contents)
        return base_error_errno (error, -ENOMEM, "cannot create the origin");

    struct bus_socket_options options = {
        .context = origin,
        .keys = config->keys,
        .high_water = config->high_water,
        .quiet = true,
    };
    options.on_subscription = on_subscription;
    options.is_topic = is_topic;
    int r = channel_serve (origin, BUS_XPUB, config->announce, &options, &origin->announce, error);
    if (r < 0)
        return r;
    options.on_subscription = NULL;
    options.on_message = on_control;
    options.no_payloads = true;
    options.receive_most = CONTROL_WAITING;
    if (options.high_water <= 0)
        options.high_water = CONTROL_HIGH_WATER;
    r = channel_serve (origin, BUS_ROUTER, config->control, &options, &origin->control, error);
    if (r < 0)
        return r;
    options.on_message = on_content;
    options.no_payloads = false;
    options.receive_most = CONTENT_WAITING;
    if (config->high_water <= 0 || config->high_water > CONTENT_HIGH_WATER)
        options.high_water = CONTENT_HIGH_WATER;
    r = channel_serve (origin, BUS_ROUTER, config->content, &options, &origin->content, error);
    if (r < 0)
        return r;
    *ret_origin = base_take (origin);
    return 0;
}

const char *origin_instance (const struct origin *origin)
{
    return origin->instance;
}

uint64_t origin_sequence (const struct origin *origin)
{
    return origin->sequence;
}

static const char *endpoint_of (const struct bus_socket *socket)
{
    return socket ? bus_socket_endpoint (socket) : NULL;
}

const char *origin_endpoint_announce (const struct origin *origin)
{
    return endpoint_of (origin->announce);
}

const char *origin_endpoint_control (const struct origin *origin)
{
    return endpoint_of (origin->control);
}

const char *origin_endpoint_content (const struct origin *origin)
{
    return endpoint_of (origin->content);
}

void origin_content_forget (struct origin *origin, const struct base_digest *digest)
{
    origin_contents_forget (origin->contents, digest);
}

int origin_announce (struct origin *origin, const char *topic, const struct wire_update *hint)
{
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
    return origin->control ? bus_send (origin->control, peer, record, message) : -ENOTSUP;
}

struct origin_counts origin_counts (const struct origin *origin)
{
    struct origin_counts counts = origin->counts;
    const struct bus_socket *const sockets[] = {origin->announce, origin->control, origin->content};
    for (size_t i = 0; i < sizeof sockets / sizeof sockets[0]; i++) {
        if (!sockets[i])
            continue;
        struct bus_counts socket_counts = bus_socket_counts (sockets[i]);
        counts.malformed += socket_counts.malformed;
        counts.unroutable += socket_counts.unroutable;
        counts.full += socket_counts.full;
        for (unsigned j = 0; j < BUS_END_COUNT; j++)
            counts.ended[j] += socket_counts.ended[j];
    }
    return counts;
}

const char *origin_ring_topic (const char *node, char text[ORIGIN_TOPIC_SIZE])
{
    struct base_digest digest = base_digest_of (node, strlen (node));
    (void) snprintf (text, ORIGIN_TOPIC_SIZE, "update/ring/%02x", digest.bytes[0]);
    return text;
}
