/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/node/session.c - a node limits the rate of its requests, whatever the origin does */

#include "../bus/rig.h"
#include "base/time.h"
#include "bus/socket_private.h"
#include "node/session.h"
#include "test/lib/log_lines.h"

/*  The test plays the origin. Only the control channel has a socket, a ROUTER. */
static struct bus_socket *control;
static struct identity_config config;
static struct node_session *session;
static unsigned hellos, asks, stop_at;
static enum wire_status status; /* of the answers to ask */
static bool invalid;            /* asks are answered against the schema */
static uint32_t heartbeat_ms;   /* that the origin asks for */
static bool heartbeat_stops;    /* the loop */

static void on_describe (void *context, struct wire_application *ret_application)
{
    (void) context;
    *ret_application = (struct wire_application){.name = "noded", .state = WIRE_STATE_IDLE};
}

static void on_welcome (void *context, const struct wire_welcome *message)
{
    (void) context;
    (void) message;
}

static void on_desired (void *context, const struct wire_desired *message)
{
    (void) context;
    (void) message;
}

static const struct node_session_ops ops = {.welcome = on_welcome};
static const struct node_subject_ops subject_ops = {.describe = on_describe, .desired = on_desired};
static struct node_subject subject;

/*  desired: {"epoch": 3.0} */
static void answer_invalid (struct bus_socket *socket, const struct bus_peer *peer)
{
    cr_assert_geq (zmq_send (socket->zmq, peer->id, peer->size, ZMQ_SNDMORE), 0);
    cr_assert_geq (zmq_send (socket->zmq, "ND\1\5", 4, ZMQ_SNDMORE), 0);
    cr_assert_geq (zmq_send (socket->zmq,
                             "\x81\xa5"
                             "epoch\xcb\x40\x08\0\0\0\0\0\0",
                             16, 0),
                   0);
}

static void on_message (void *context, struct bus_socket *socket, const struct bus_message *message)
{
    (void) context;
    if (message->record == &wire_hello_record) {
        hellos++;
        if (hellos == stop_at)
            bus_loop_stop (loop);
        struct wire_welcome answer = {
            .status = WIRE_STATUS_OK, .instance = "origin", .heartbeat_ms = heartbeat_ms};
        (void) bus_send (socket, &message->peer, &wire_welcome_record, &answer);
    } else if (message->record == &wire_heartbeat_record) {
        if (heartbeat_stops)
            bus_loop_stop (loop);
    } else if (message->record == &wire_ask_record) {
        asks++;
        if (invalid) {
            answer_invalid (socket, &message->peer);
            return;
        }
        struct wire_desired answer = {.application = "noded", .status = status};
        (void) bus_send (socket, &message->peer, &wire_desired_record, &answer);
    }
}

static void origin_start (void)
{
    struct bus_socket_options options = {.on_message = on_message, .quiet = true};
    control = rig_socket (BUS_ROUTER, &options);
    rig_bind (control, rig_ipc ("control"));
}

static void setup (void)
{
    struct base_error error = {.code = 0};
    heartbeat_ms = 60000;
    rig_setup ();
    origin_start ();
    cr_assert_eq (identity_config_init (&config, directory), 0);
    cr_assert_eq (identity_config_set (&config, "node/id", "n1", NULL), 0);
    (void) snprintf (config.endpoints.announce, BUS_ENDPOINT_SIZE, "%s", rig_ipc ("announce"));
    (void) snprintf (config.endpoints.control, BUS_ENDPOINT_SIZE, "%s", rig_ipc ("control"));
    (void) snprintf (config.endpoints.content, BUS_ENDPOINT_SIZE, "%s", rig_ipc ("content"));
    config.resend_ms = 100;
    cr_assert_eq (node_session_new (loop, &config, &ops, NULL, &session, &error), 0, "%s", error.text);
    node_subject_add (session, &subject, "noded", &subject_ops, NULL);
}

static void teardown (void)
{
    session = node_session_free (session);
    control = bus_socket_free (control);
    bus_timer_cancel (loop, deadline_timer);
    identity_config_deinit (&config);
    rig_teardown ();
}

TestSuite (session, .init = setup, .fini = teardown);

Test (session, an_origin_that_welcomes_and_refuses_all_requests_is_asked_less_often)
{
    status = WIRE_STATUS_REFUSED;
    node_session_open (session);
    rig_run_for (1200);
    /* at 0, 100, 300 and 700 ms: the pause doubles */
    cr_expect_geq (hellos, 2);
    cr_expect_leq (hellos, 5, "%u times within 1200 ms", hellos);
    cr_expect_leq (asks, 5, "%u times within 1200 ms", asks);
}

Test (session, an_origin_that_lost_the_session_gets_a_hello_without_a_pause)
{
    status = WIRE_STATUS_NONE;
    config.resend_ms = load_deadline_ms (300);
    node_session_open (session);
    rig_run_for (load_deadline_ms (100));
    cr_assert_eq (hellos, 1);
    status = WIRE_STATUS_REFUSED;
    stop_at = 2;
    node_subject_ask (&subject);
    rig_run ();
}

Test (session, an_answer_against_the_schema_is_logged_once_a_minute_with_its_field)
{
    invalid = true;
    log_lines_begin ();
    node_session_open (session);
    while (asks < 3)
        rig_run_for (50);
    rig_run_for (100);
    cr_expect_eq (log_lines_count (": refused a message on control: desired: epoch: is a float, an unsigned "
                                   "integer is expected\n"),
                  1, "%s", log_lines ());
}

/*  A heartbeat that is due while the node reconnects is sent as soon as it is connected. It shows the node that the
    origin is another process. */
Test (session, a_heartbeat_that_was_due_without_a_connection_is_sent_on_the_next_one)
{
    status = WIRE_STATUS_NONE;
    /* a third of it is longer than the longest pause of a reconnect */
    heartbeat_ms = (uint32_t) load_deadline_ms (7500);
    node_session_open (session);
    rig_run_for (load_deadline_ms (100));
    cr_assert_eq (hellos, 1);
    control = bus_socket_free (control);
    rig_run_for (heartbeat_ms); /* one was due, and the next one is not due before a third of that time */
    origin_start ();
    heartbeat_stops = true;
    uint64_t since = base_time_boot_ms ();
    rig_run ();
    cr_expect_lt (base_time_boot_ms () - since, heartbeat_ms / 3);
}
