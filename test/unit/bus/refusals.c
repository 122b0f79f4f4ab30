/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/bus/refusals.c - messages that are refused: the reason, the peer, and how often that is logged */

#include "rig.h"

#include "bus/refusals.h"

TestSuite (refusals, .init = rig_setup, .fini = rig_teardown, .timeout = 60);

/*  What the last refused message was. */
static struct {
    unsigned calls;
    enum bus_refused why;
    char text[256], peer_text[64];
    struct bus_peer peer;
} refused;

static void on_refused (void *context, struct bus_socket *socket, const struct bus_refusal *refusal)
{
    (void) context;
    (void) socket;
    refused.calls++;
    refused.why = refusal->why;
    refused.peer = refusal->peer;
    (void) snprintf (refused.text, sizeof refused.text, "%s", refusal->text);
    (void) snprintf (refused.peer_text, sizeof refused.peer_text, "%s", refusal->peer_text);
    bus_loop_stop (loop);
}

struct frame {
    const void *data;
    size_t size;
};

static void frames_send (void *peer, const struct frame *frames, size_t count)
{
    for (size_t i = 0; i < count; i++)
        cr_assert_geq (zmq_send (peer, frames[i].data, frames[i].size, i + 1 < count ? ZMQ_SNDMORE : 0), 0);
}

static const struct bus_socket_options SERVER = {.on_refused = on_refused, .no_payloads = true};

/*  {"epoch": 3.0}: JavaScript and Lua have no other numbers. */
#define FLOAT_EPOCH                                                                                          \
    "\x81\xa5"                                                                                               \
    "epoch\xcb\x40\x08\0\0\0\0\0\0",                                                                         \
        16

Test (refusals, a_refused_message_is_described_with_its_peer_and_the_field_that_is_wrong)
{
    static const struct {
        struct frame frames[4];
        size_t count;
        enum bus_refused why;
        const char *text;
    } cases[] = {
        {{{"ND\1\x08", 4}, {FLOAT_EPOCH}},
         2,
         BUS_REFUSED_SCHEMA,
         "report: epoch: is a float, an unsigned integer is expected"},
        {{{"ND\1\x08", 4}, {"\x81", 1}},
         2,
         BUS_REFUSED_SCHEMA,
         "report: is not valid msgpack: it declares more items than it has bytes"},
        {{{"ND\1\x08", 4}}, 1, BUS_REFUSED_FRAMES, "it has 1 frames, a prefix and a map are expected"},
        {{{"ND\1\x08", 4}, {"\x80", 1}, {"", 0}},
         3,
         BUS_REFUSED_FRAMES,
         "report: has 3 frames, 2 are expected"},
        {{{"", 0}, {"ND\1\x08", 4}, {"\x80", 1}},
         3,
         BUS_REFUSED_PREFIX,
         "the prefix has 0 bytes, 4 are expected"},
        {{{"XD\1\x08", 4}, {"\x80", 1}},
         2,
         BUS_REFUSED_PREFIX,
         "the prefix begins with 58 44, 4e 44 is expected"},
        {{{"ND\x09\x08", 4}, {"\x80", 1}},
         2,
         BUS_REFUSED_PREFIX,
         "protocol version 9 of the prefix is not supported: this is version 1"},
        {{{"ND\1\xf0", 4}, {"\x80", 1}}, 2, BUS_REFUSED_PREFIX, "there is no message of type 240"},
        {{{"ND\1\x20", 4}, {"\x80", 1}, {"a", 1}}, 3, BUS_REFUSED_TYPE, "put: belongs to another channel"},
    };
    uint64_t wanted[BUS_REFUSED_COUNT] = {0};
    struct bus_socket *server = rig_socket (BUS_ROUTER, &SERVER);
    rig_bind (server, "tcp://127.0.0.1:*");
    void *context = zmq_ctx_new (), *peer = zmq_socket (context, ZMQ_DEALER);
    cr_assert_eq (zmq_connect (peer, bus_socket_endpoint (server)), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        frames_send (peer, cases[i].frames, cases[i].count);
        rig_run ();
        cr_expect_eq (refused.calls, i + 1);
        cr_expect_str_eq (refused.text, cases[i].text);
        cr_expect_eq (refused.why, cases[i].why);
        cr_expect_str_eq (refused.peer_text, "at 127.0.0.1");
        cr_expect_eq (refused.peer.size, 5);
        wanted[cases[i].why]++;
    }
    struct bus_counts counts = bus_socket_counts (server);
    cr_assert_arr_eq (counts.refused, wanted, sizeof wanted);
    cr_assert_eq (counts.malformed, sizeof cases / sizeof *cases);
    bus_socket_free (server);
    zmq_close (peer);
    zmq_ctx_term (context);
}

Test (refusals, a_peer_over_ipc_is_named_by_its_pid)
{
    struct bus_socket *server = rig_socket (BUS_PULL, &SERVER);
    rig_bind (server, rig_ipc ("callback"));
    void *context = zmq_ctx_new (), *peer = zmq_socket (context, ZMQ_PUSH);
    cr_assert_eq (zmq_connect (peer, rig_ipc ("callback")), 0);
    frames_send (peer, (struct frame[]){{"ND\1\x32", 4}, {"\x80", 1}}, 2);
    rig_run ();
    cr_assert_str_eq (refused.text, "ready: nonce: is missing");
    char wanted[64];
    (void) snprintf (wanted, sizeof wanted, "with pid %d", (int) getpid ());
    cr_assert_str_eq (refused.peer_text, wanted);
    bus_socket_free (server);
    zmq_close (peer);
    zmq_ctx_term (context);
}

static struct bus_refusal refusal_of (uint8_t peer)
{
    return (struct bus_refusal){.why = BUS_REFUSED_SCHEMA, .peer = {.size = 5, .id = {0, peer}}, .text = "x"};
}

Test (refusals, a_line_a_peer_and_minute_is_due_and_says_how_many_were_suppressed)
{
    static struct bus_refusals refusals;
    struct bus_refusal one = refusal_of (1), two = refusal_of (2);
    char text[BUS_REFUSALS_TEXT];
    uint64_t more = 99;
    cr_assert (bus_refusals_due_of (&refusals, &one, 1000, &more));
    cr_assert_eq (more, 0);
    cr_assert_str_eq (bus_refusals_more (more, text), "");
    for (unsigned i = 0; i < 7; i++)
        cr_assert_not (bus_refusals_due_of (&refusals, &one, 1000 + i, &more));
    cr_assert (bus_refusals_due_of (&refusals, &two, 1100, &more));
    cr_assert_not (bus_refusals_due_of (&refusals, &one, 1000 + BUS_REFUSALS_MS - 1, &more));
    cr_assert (bus_refusals_due_of (&refusals, &one, 1000 + BUS_REFUSALS_MS, &more));
    cr_assert_eq (more, 8);
    cr_assert_str_eq (bus_refusals_more (more, text), " (8 more since the last such line)");
}

Test (refusals, many_peers_cause_a_bounded_number_of_lines)
{
    static struct bus_refusals refusals;
    unsigned lines = 0;
    uint64_t more;
    for (unsigned i = 0; i < 200; i++) {
        struct bus_refusal refusal = refusal_of ((uint8_t) i);
        lines += bus_refusals_due_of (&refusals, &refusal, 1000, &more);
    }
    cr_assert_eq (lines, BUS_REFUSALS_MOST);
    struct bus_refusal late = refusal_of (201);
    cr_assert (bus_refusals_due_of (&refusals, &late, 1000 + BUS_REFUSALS_MS, &more));
}

Test (refusals, every_reason_has_words)
{
    for (int why = 0; why < BUS_REFUSED_COUNT; why++)
        cr_assert_not_null (bus_refused_text ((enum bus_refused) why));
}
