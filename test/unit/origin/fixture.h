/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/origin/fixture.h - an origin whose owner is the test, and a client, over real sockets */

#ifndef TEST_ORIGIN_FIXTURE_H
#define TEST_ORIGIN_FIXTURE_H

#include <fcntl.h>
#include <sys/mman.h>

#include "../bus/rig.h"
#include "base/time.h"
#include "origin/origin.h"

enum { BLOBS = 8 };

/*  The owner of the origin: what its operations return and what they saw. */
struct owner {
    struct origin *origin;
    int status; /* what every operation returns */
    unsigned calls, heartbeats, byes, subscriptions, opened, refused;
    char refusal[96]; /* the text of the last refused message on content */
    struct bus_peer peer;
    struct bus_peer later;
    bool too_large;
    bool immutable;
    uint64_t lies; /* added to the size of each blob */
    struct base_digest digests[BLOBS];
    const uint8_t *data[BLOBS];
    size_t sizes[BLOBS];
};

static struct owner owner;

static void on_refused (void *context, const char *channel, const struct bus_refusal *refusal)
{
    struct owner *self = context;
    self->refused++;
    if (strcmp (channel, "content") == 0)
        (void) snprintf (self->refusal, sizeof self->refusal, "%s", refusal->text);
}

static int on_hello (void *context, const struct bus_peer *peer, const struct wire_hello *hello,
                     struct wire_welcome *answer)
{
    struct owner *self = context;
    self->calls++;
    self->peer = *peer;
    cr_assert_str_eq (hello->node, "web-17");
    answer->status = WIRE_STATUS_OK;
    return self->status;
}

static int on_ask (void *context, const struct bus_peer *peer, const struct wire_ask *ask,
                   struct wire_desired *answer)
{
    struct owner *self = context;
    self->calls++;
    self->later = *peer;
    answer->application = strdup (ask->application);
    answer->epoch = 12;
    return self->status;
}

static int on_match (void *context, const struct bus_peer *peer, const struct wire_match *match,
                     struct wire_matched *answer)
{
    struct owner *self = context;
    (void) peer;
    (void) match;
    self->calls++;
    if (self->too_large) {
        char *reason = calloc (1, 1000);
        memset (reason, 'a', 999);
        answer->reason = reason;
    }
    answer->status = WIRE_STATUS_OK;
    return self->status;
}

static int on_report (void *context, const struct bus_peer *peer, const struct wire_report *report,
                      struct wire_noted *answer)
{
    struct owner *self = context;
    (void) peer;
    (void) report;
    (void) answer;
    self->calls++;
    return self->status;
}

static int on_request (void *context, const struct bus_peer *peer, const struct wire_record *record,
                       const void *request, void *ret_answer)
{
    struct owner *self = context;
    struct wire_nodes *answer = ret_answer;
    (void) request;
    cr_assert_eq (record, &wire_list_nodes_record);
    self->calls++;
    self->later = *peer;
    answer->reason = strdup ("put off");
    return self->status;
}

static void on_heartbeat (void *context, const struct bus_peer *peer, const struct wire_heartbeat *heartbeat)
{
    struct owner *self = context;
    (void) peer;
    (void) heartbeat;
    self->heartbeats++;
}

static void on_bye (void *context, const struct bus_peer *peer, const struct wire_bye *bye)
{
    struct owner *self = context;
    (void) peer;
    (void) bye;
    self->byes++;
}

static void on_subscription (void *context, const char *topic, bool subscribed)
{
    struct owner *self = context;
    if (subscribed) {
        struct wire_update hint = {.application = "noded", .epoch = 4};
        self->subscriptions++;
        cr_assert_eq (origin_announce (self->origin, topic, &hint), 0);
    }
}

static int on_open (void *context, const struct base_digest *digest, int *ret_fd, uint64_t *ret_size,
                    bool *ret_immutable)
{
    struct owner *self = context;
    for (unsigned i = 0; i < BLOBS; i++)
        if (base_digest_equal (digest, &self->digests[i]) && self->data[i]) {
            int fd = memfd_create ("content", MFD_CLOEXEC);
            cr_assert_eq (write (fd, self->data[i], self->sizes[i]), (ssize_t) self->sizes[i]);
            *ret_fd = fd;
            *ret_size = self->sizes[i] + self->lies;
            *ret_immutable = self->immutable;
            self->opened++;
            return 0;
        }
    return self->status ? self->status : -ENOENT;
}

static int on_put (void *context, const struct bus_peer *peer, const struct wire_put *put,
                   const void *payload, size_t size, struct wire_taken *answer)
{
    struct owner *self = context;
    (void) peer;
    self->calls++;
    cr_assert (size == 0 || ((const uint8_t *) payload)[size - 1] == 'z');
    answer->offset = put->offset + size;
    return self->status;
}

static const struct origin_ops OPS = {
    .hello = on_hello,
    .ask = on_ask,
    .match = on_match,
    .report = on_report,
    .request = on_request,
    .heartbeat = on_heartbeat,
    .bye = on_bye,
    .refused = on_refused,
    .subscription = on_subscription,
    .blob_open = on_open,
    .blob_put = on_put,
};

static void origin_serve (const struct origin_ops *ops, struct origin_config config)
{
    struct base_error error = {0};
    config.announce = rig_ipc ("announce");
    config.control = rig_ipc ("control");
    config.content = rig_ipc ("content");
    cr_assert_eq (origin_new (loop, &config, ops, &owner, &owner.origin, &error), 0, "%s", error.text);
}

/*  What the client has received: the number of messages, and the last message of each kind. */
struct received {
    unsigned calls;
    struct wire_welcome welcome;
    struct wire_desired desired;
    struct wire_matched matched;
    struct wire_noted noted;
    struct wire_listed listed;
    struct wire_described described;
    struct wire_quarantined quarantined;
    struct wire_metadata metadata;
    struct wire_consistency consistency;
    struct wire_nodes answer;
    struct wire_heartbeat heartbeat;
    struct wire_taken taken;
    struct wire_update update;
    struct wire_chunk chunk;
    size_t payload_size;
};

static struct received received;

static void on_message (void *context, struct bus_socket *socket, const struct bus_message *message)
{
    (void) context;
    (void) socket;
    const struct {
        const struct wire_record *record;
        void *copy;
    } table[] = {
        {&wire_welcome_record, &received.welcome},     {&wire_desired_record, &received.desired},
        {&wire_matched_record, &received.matched},     {&wire_noted_record, &received.noted},
        {&wire_nodes_record, &received.answer},        {&wire_heartbeat_record, &received.heartbeat},
        {&wire_taken_record, &received.taken},         {&wire_update_record, &received.update},
        {&wire_chunk_record, &received.chunk},         {&wire_listed_record, &received.listed},
        {&wire_described_record, &received.described}, {&wire_quarantined_record, &received.quarantined},
        {&wire_metadata_record, &received.metadata},   {&wire_consistency_record, &received.consistency},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (table[i].record == message->record) {
            wire_deinit (message->record, table[i].copy);
            cr_assert_eq (wire_copy (message->record, message->body, table[i].copy), 0);
        }
    received.calls++;
    received.payload_size = message->payload_size;
    bus_loop_stop (loop);
}

static struct bus_socket *client_new (const char *name)
{
    struct bus_socket *client =
        rig_socket (BUS_DEALER, &(struct bus_socket_options){.on_message = on_message});
    rig_connect (client, rig_ipc (name));
    return client;
}

static void fixture_free (struct bus_socket *client)
{
    bus_socket_free (client);
    owner.origin = origin_free (owner.origin);
    wire_welcome_deinit (&received.welcome);
    wire_desired_deinit (&received.desired);
    wire_matched_deinit (&received.matched);
    wire_noted_deinit (&received.noted);
    wire_listed_deinit (&received.listed);
    wire_described_deinit (&received.described);
    wire_quarantined_deinit (&received.quarantined);
    wire_metadata_deinit (&received.metadata);
    wire_consistency_deinit (&received.consistency);
    wire_nodes_deinit (&received.answer);
    wire_heartbeat_deinit (&received.heartbeat);
    wire_taken_deinit (&received.taken);
    wire_update_deinit (&received.update);
    wire_chunk_deinit (&received.chunk);
}

static void client_ask (struct bus_socket *client, const struct wire_record *record, const void *message)
{
    cr_assert_eq (bus_send (client, NULL, record, message), 0);
    rig_run ();
}

#endif
