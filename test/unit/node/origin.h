/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/node/origin.h - an origin and a content peer, played by the test, for the node of fixture.h */

#ifndef TEST_NODE_ORIGIN_H
#define TEST_NODE_ORIGIN_H

#include "fixture.h"

/*  It answers hello and ask, and the rest as the test sets it. */
static struct bus_socket *control, *content;
static struct bus_peer node;
static bool answers_matches = true, serves = true; /* each match, each get */
static bool lies;                                  /* the first byte of each chunk is wrong */
static uint64_t answers_until_ms;                  /* later matches get no answer; 0: all get one */
static uint64_t serves_until_ms;                   /* the same for gets */
static uint64_t get_length;                        /* of the last get */
static unsigned asks, matches, pieces, chunks;     /* received, and chunks sent */
static enum wire_status match_status = WIRE_STATUS_OK;
static uint64_t match_size = 1; /* of the release document */
/*  Answers a request for metadata. NULL: it gets no answer. */
static void (*metadata_serve) (struct bus_socket *socket, const struct bus_peer *peer,
                               const struct wire_want_metadata *want);
static struct wire_hello heard; /* of the last hello: only its digests */
static char heard_fault[600];   /* its trust_fault */
static uint8_t blob[64 * 1024]; /* what the content peer serves, whatever digest is asked for */
static size_t blob_size;

static void matched_send (const struct wire_match *match)
{
    struct wire_matched matched = {.application = match->application,
                                   .transaction = match->transaction,
                                   .attempt = match->attempt,
                                   .status = match_status,
                                   .size = match_size};
    if (!answers_until_ms || base_time_boot_ms () < answers_until_ms)
        (void) bus_send (control, &node, &wire_matched_record, &matched);
}

static void control_serve (void *context, struct bus_socket *socket, const struct bus_message *message)
{
    (void) context;
    node = message->peer;
    if (message->record == &wire_hello_record) {
        const struct wire_hello *hello = message->body;
        heard.trust_pinned = hello->trust_pinned;
        (void) snprintf (heard_fault, sizeof heard_fault, "%s", hello->trust_fault ? hello->trust_fault : "");
        struct wire_welcome welcome = {
            .status = WIRE_STATUS_OK, .instance = "origin", .heartbeat_ms = 3600000};
        (void) bus_send (socket, &node, &wire_welcome_record, &welcome);
    } else if (message->record == &wire_ask_record) {
        const struct wire_ask *ask = message->body;
        struct wire_desired desired = {.application = ask->application, .status = WIRE_STATUS_NONE};
        asks++;
        (void) bus_send (socket, &node, &wire_desired_record, &desired);
    } else if (message->record == &wire_match_record) {
        matches++;
        if (answers_matches)
            matched_send (message->body);
    } else if (message->record == &wire_want_metadata_record && metadata_serve)
        metadata_serve (socket, &node, message->body);
    bus_loop_stop (process.loop);
}

static void content_serve (void *context, struct bus_socket *socket, const struct bus_message *message)
{
    (void) context;
    const struct wire_get *get = message->body;
    struct wire_chunk chunk = {.status = WIRE_STATUS_OK,
                               .digest = get->digest,
                               .offset = get->offset,
                               .length = get->length,
                               .size = blob_size};
    cr_assert_leq (get->length, blob_size);
    uint8_t payload[sizeof blob];
    memcpy (payload, blob, get->length);
    payload[0] ^= lies;
    pieces++;
    get_length = get->length;
    bus_loop_stop (process.loop);
    if (!serves || (serves_until_ms && base_time_boot_ms () >= serves_until_ms))
        return;
    chunks++;
    (void) bus_send_payload (socket, &message->peer, &wire_chunk_record, &chunk, payload, get->length, NULL,
                             NULL);
}

static struct bus_socket *serve (bus_message_handler *handler, const char *endpoint)
{
    struct base_error error = {.code = 0};
    struct bus_socket *socket = NULL;
    struct bus_socket_options options = {.on_message = handler, .quiet = true};
    cr_assert_eq (bus_socket_new (process.loop, BUS_ROUTER, &options, &socket, &error), 0, "%s", error.text);
    cr_assert_eq (bus_socket_bind (socket, endpoint, &error), 0, "%s", error.text);
    return socket;
}

/*  Binds the origin's sockets. The session of the fixture is replaced by one with these operations, which is
    not open yet. */
static void origin_start (const struct node_session_ops *session, const struct node_subject_ops *subject)
{
    struct base_error error = {.code = 0};
    (void) node_session_free (process.session);
    cr_assert_eq (node_session_new (process.loop, &config, session, &process, &process.session, &error), 0,
                  "%s", error.text);
    node_subject_add (process.session, &app.subject, app.name, subject, &app);
    config.resend_ms = 20;
    control = serve (control_serve, config.endpoints.control);
    content = serve (content_serve, config.endpoints.content);
}

/*  Call it before the teardown of the fixture. */
static void origin_end (void)
{
    control = bus_socket_free (control);
    content = bus_socket_free (content);
}

static void loop_stop (void *context)
{
    (void) context;
    bus_loop_stop (process.loop);
}

/*  Runs until a handler stops the loop, for 20 ms at most. */
static void round_run (void)
{
    int timer = bus_timer_start (process.loop, 20, loop_stop, NULL);
    cr_assert_eq (bus_loop_run (process.loop), 0);
    bus_timer_cancel (process.loop, timer);
}

/*  Runs until the condition is true; also handlers that do not stop the loop can make it so. */
#define RUN_UNTIL(condition)                                                                                 \
    while (!(condition))                                                                                     \
    round_run ()

#endif
