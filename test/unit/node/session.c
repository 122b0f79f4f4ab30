/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/node/session.c - a node limits the rate of its requests, whatever the origin does */

#include "session_rig.h"

#include "base/time.h"
#include "bus/socket_private.h"
#include "test/lib/log_lines.h"

static unsigned asks, stop_at;  /* at which hello the loop stops */
static enum wire_status status; /* of the answers to ask */
static bool invalid;            /* asks are answered against the schema */
static bool heartbeat_stops;    /* the loop */

static const struct node_subject_ops subject_ops = {.describe = subject_describe, .desired = subject_desired};

/*  desired: {"epoch": 3.0} */
static void answer_invalid (void)
{
    cr_assert_geq (zmq_send (control->zmq, node.id, node.size, ZMQ_SNDMORE), 0);
    cr_assert_geq (zmq_send (control->zmq, "ND\1\5", 4, ZMQ_SNDMORE), 0);
    cr_assert_geq (zmq_send (control->zmq,
                             "\x81\xa5"
                             "epoch\xcb\x40\x08\0\0\0\0\0\0",
                             16, 0),
                   0);
}

static void on_message (const struct bus_message *message)
{
    if (message->record == &wire_hello_record) {
        if (hellos == stop_at)
            bus_loop_stop (loop);
    } else if (message->record == &wire_heartbeat_record) {
        if (heartbeat_stops)
            bus_loop_stop (loop);
    } else if (message->record == &wire_report_record) {
        bus_loop_stop (loop);
    } else if (message->record == &wire_ask_record) {
        asks++;
        if (invalid) {
            answer_invalid ();
            return;
        }
        struct wire_desired answer = {.application = "noded", .status = status};
        (void) bus_send (control, &node, &wire_desired_record, &answer);
    }
}

static void setup (void)
{
    session_rig_setup (100, on_message);
    session_make (&subject_ops, 1);
    welcome.heartbeat_ms = 60000;
}

TestSuite (session, .init = setup, .fini = session_rig_teardown);

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
    node_subject_ask (&subjects[NODED]);
    rig_run ();
}

Test (session, a_report_that_waited_for_the_session_is_sent_after_the_welcome)
{
    struct wire_application application = {.name = "noded", .state = WIRE_STATE_IDLE};
    struct wire_report report = {.epoch = 1,
                                 .attempt = 1,
                                 .step = "trial",
                                 .outcome = WIRE_OUTCOME_FAILED,
                                 .application = &application};
    session = node_session_free (session);
    config.resend_ms = 3600000; /* by itself it would be sent again much later */
    session_make (&subject_ops, 1);
    cr_assert_eq (node_session_report (session, &report), 0);
    node_session_open (session);
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
    uint64_t heartbeat_ms = load_deadline_ms (7500);
    welcome.heartbeat_ms = heartbeat_ms;
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
