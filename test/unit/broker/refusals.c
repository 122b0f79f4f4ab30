/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/broker/refusals.c - a message against the protocol is logged with its node and the field */

#include "fixture.h"

#include <zmq.h>

#include "base/cleanup.h"
#include "test/lib/log_lines.h"

static struct fixture fixture;
static void *context, *peer;

static void set_up (void)
{
    fixture_init (&fixture);
    log_lines_begin ();
    context = zmq_ctx_new ();
    peer = zmq_socket (context, ZMQ_DEALER);
    cr_assert_eq (zmq_connect (peer, broker_endpoint_control (fixture.broker)), 0);
}

static void tear_down (void)
{
    (void) zmq_close (peer);
    fixture_deinit (&fixture);
    (void) zmq_ctx_term (context);
}

TestSuite (refusals, .init = set_up, .fini = tear_down, .timeout = 120);

static void send_raw (const struct wire_record *record, const void *map, size_t size)
{
    uint8_t prefix[WIRE_PREFIX_SIZE];
    wire_prefix (record, prefix);
    cr_assert_geq (zmq_send (peer, prefix, sizeof prefix, ZMQ_SNDMORE), 0);
    cr_assert_geq (zmq_send (peer, map, size, 0), 0);
}

static void loop_stop (void *loop)
{
    bus_loop_stop (loop);
}

static void run_until_logged (const char *text)
{
    uint64_t until_ms = base_time_boot_ms () + FIXTURE_DEADLINE_MS;
    while (!strstr (log_lines (), text)) {
        cr_assert (base_time_boot_ms () < until_ms, "not logged: %s\nbut: %s", text, log_lines ());
        bus_timer_start (fixture.loop, 20, loop_stop, fixture.loop);
        cr_assert_eq (bus_loop_run (fixture.loop), 0);
    }
}

static void hello_send (void)
{
    struct wire_hello hello = {.node = "n7", .session = "s", .platform = "linux/amd64"};
    base_cleanup (base_buffer_deinit) struct base_buffer map = {0};
    cr_assert_eq (wire_pack (&wire_hello_record, &hello, &map, NULL), 0);
    send_raw (&wire_hello_record, map.data, map.size);
}

/*  {"epoch": 3.0} */
static const char float_epoch[] = "\x81\xa5"
                                  "epoch\xcb\x40\x08\0\0\0\0\0\0";

Test (refusals, a_float_as_epoch_is_logged_with_the_node_once_a_minute)
{
    hello_send ();
    run_until_logged ("node n7 connected");
    for (unsigned i = 0; i < 3; i++)
        send_raw (&wire_report_record, float_epoch, sizeof float_epoch - 1);
    send_raw (&wire_bye_record, "\x82\xa4node\xa2n7\xa7session\xa1s", 19);
    run_until_logged ("node n7 disconnected");
    char line[256];
    (void) snprintf (line, sizeof line,
                     "node n7 with pid %d: refused a message on control: report: epoch: is a float, an "
                     "unsigned integer is expected\n",
                     (int) getpid ());
    cr_expect_eq (log_lines_count (line), 1, "%s", log_lines ());
}

Test (refusals, a_client_that_is_not_a_node_is_named_by_where_it_is)
{
    send_raw (&wire_ask_record, "\x81\xa4node\x07", 7);
    char line[256];
    (void) snprintf (line, sizeof line,
                     "a client with pid %d: refused a message on control: ask: node: is an unsigned integer, "
                     "a str is expected\n",
                     (int) getpid ());
    run_until_logged (line);
}
