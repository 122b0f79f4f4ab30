/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/bus/socket.c - all pairs of sockets, dropped messages, results of sending, rules of binding */

#include "rig.h"

#include "base/time.h"
#include "bus/socket_private.h"

TestSuite (socket, .init = rig_setup, .fini = rig_teardown, .timeout = 40);

struct seen {
    unsigned calls;
    unsigned stop_at;
    struct bus_peer peer;
    char topic[64];
    const struct wire_record *record;
    uint64_t number;
    char text[80];
    size_t payload_size;
    uint8_t payload_last;
    struct bus_socket *answer_on;
};

static void on_message (void *context, struct bus_socket *socket, const struct bus_message *message)
{
    struct seen *seen = context;
    seen->calls++;
    seen->peer = message->peer;
    seen->record = message->record;
    seen->topic[0] = '\0';
    if (message->topic)
        (void) snprintf (seen->topic, sizeof seen->topic, "%s", message->topic);
    if (message->record == &wire_heartbeat_record) {
        const struct wire_heartbeat *heartbeat = message->body;
        seen->number = heartbeat->sequence;
        (void) snprintf (seen->text, sizeof seen->text, "%s", heartbeat->sender);
        if (!heartbeat->answer && message->peer.size > 0) {
            struct wire_heartbeat answer = *heartbeat;
            answer.answer = true;
            cr_assert_eq (bus_send (socket, &message->peer, &wire_heartbeat_record, &answer), 0);
        }
    } else if (message->record == &wire_update_record)
        seen->number = ((const struct wire_update *) message->body)->sequence;
    seen->payload_size = message->payload_size;
    if (message->payload_size > 0)
        seen->payload_last = message->payload[message->payload_size - 1];
    if (seen->calls == seen->stop_at)
        bus_loop_stop (loop);
}

static struct bus_socket *listener_new (enum bus_kind kind, struct seen *seen)
{
    return rig_socket (kind, &(struct bus_socket_options){.on_message = on_message, .context = seen});
}

static struct wire_heartbeat heartbeat_of (uint64_t sequence)
{
    return (struct wire_heartbeat){.sender = "somebody", .sequence = sequence};
}

static void exchange_over (const char *endpoint)
{
    struct seen server_seen = {0}, client_seen = {.stop_at = 1};
    struct bus_socket *server = listener_new (BUS_ROUTER, &server_seen);
    struct bus_socket *client = listener_new (BUS_DEALER, &client_seen);
    rig_bind (server, endpoint);
    rig_connect (client, bus_socket_endpoint (server));
    struct wire_heartbeat heartbeat = heartbeat_of (7);
    cr_assert_eq (bus_send (client, NULL, &wire_heartbeat_record, &heartbeat), 0);
    rig_run ();
    cr_assert_eq (server_seen.calls, 1);
    cr_assert_gt (server_seen.peer.size, 0);
    cr_assert_eq (client_seen.number, 7);
    cr_assert_str_eq (client_seen.text, "somebody");
    cr_assert_eq (bus_socket_counts (server).received, 1);
    cr_assert_eq (bus_socket_counts (server).sent, 1);
    bus_socket_free (client);
    bus_socket_free (server);
}

Test (socket, a_dealer_and_a_router_exchange_messages_over_ipc)
{
    exchange_over (rig_ipc ("control"));
}

Test (socket, a_dealer_and_a_router_exchange_messages_over_tcp)
{
    exchange_over ("tcp://127.0.0.1:*");
}

Test (socket, a_server_can_bind_localhost_by_name)
{
    exchange_over ("tcp://localhost:*");
}

struct published {
    struct bus_socket *server;
    unsigned subscribed, unsubscribed;
    char topic[64];
};

static void on_subscription (void *context, const char *topic, bool subscribed)
{
    struct published *published = context;
    subscribed ? published->subscribed++ : published->unsubscribed++;
    (void) snprintf (published->topic, sizeof published->topic, "%s", topic);
    if (subscribed) {
        struct wire_update update = {.instance = "i", .sequence = 3};
        cr_assert_eq (bus_publish (published->server, "other", &wire_update_record, &update), 0);
        update.sequence = 4;
        cr_assert_eq (bus_publish (published->server, topic, &wire_update_record, &update), 0);
    } else
        bus_loop_stop (loop);
}

Test (socket, a_sub_receives_its_topic_and_the_xpub_reports_subscriptions)
{
    struct published published = {0};
    struct seen seen = {.stop_at = 1};
    published.server = rig_socket (
        BUS_XPUB, &(struct bus_socket_options){.on_subscription = on_subscription, .context = &published});
    struct bus_socket *sub = listener_new (BUS_SUB, &seen);
    rig_bind (published.server, rig_ipc ("announce"));
    cr_assert_eq (bus_socket_subscribe (sub, "update/all"), 0);
    rig_connect (sub, rig_ipc ("announce"));
    rig_run ();
    cr_assert_eq (published.subscribed, 1);
    cr_assert_str_eq (published.topic, "update/all");
    cr_assert_str_eq (seen.topic, "update/all");
    cr_assert_eq (seen.number, 4);
    bus_socket_free (sub);
    rig_run ();
    cr_assert_eq (published.unsubscribed, 1);
    bus_socket_free (published.server);
}

Test (socket, a_second_subscriber_of_a_topic_is_reported)
{
    struct published published = {0};
    struct seen first_seen = {.stop_at = 1}, second_seen = {.stop_at = 1};
    published.server = rig_socket (
        BUS_XPUB, &(struct bus_socket_options){.on_subscription = on_subscription, .context = &published});
    rig_bind (published.server, rig_ipc ("announce"));
    struct bus_socket *first = listener_new (BUS_SUB, &first_seen),
                      *second = listener_new (BUS_SUB, &second_seen);
    cr_assert_eq (bus_socket_subscribe (first, "update/all"), 0);
    cr_assert_eq (bus_socket_subscribe (second, "update/all"), 0);
    rig_connect (first, rig_ipc ("announce"));
    rig_run ();
    rig_connect (second, rig_ipc ("announce"));
    rig_run ();
    cr_assert_eq (published.subscribed, 2);
    bus_socket_free (first);
    bus_socket_free (second);
    bus_socket_free (published.server);
}

static void *raw_peer (int type, const char *endpoint, bool binds)
{
    int linger = 5000;
    static void *context;
    if (!context)
        context = zmq_ctx_new ();
    void *peer = zmq_socket (context, type);
    cr_assert_not_null (peer);
    (void) zmq_setsockopt (peer, ZMQ_LINGER, &linger, sizeof linger);
    cr_assert_eq (binds ? zmq_bind (peer, endpoint) : zmq_connect (peer, endpoint), 0);
    return peer;
}

/*  Frames for raw peers: a size of -1 ends the list. */
struct frame {
    const void *data;
    int size;
};

static void raw_send (void *peer, const struct frame *frames)
{
    for (; frames->size >= 0; frames++)
        cr_assert_geq (
            zmq_send (peer, frames->data, (size_t) frames->size, frames[1].size >= 0 ? ZMQ_SNDMORE : 0), 0);
}

static void publish_text (void *context)
{
    struct bus_socket *pub = context;
    cr_assert_eq (bus_publish_text (pub, "event/n/connected", "{}"), 0);
    bus_timer_start (loop, 10, publish_text, context);
}

static void *raw_sub;

static void raw_sub_check (void *context)
{
    char frame[64];
    int size = zmq_recv (raw_sub, frame, sizeof frame, ZMQ_DONTWAIT);
    if (size < 0) {
        bus_timer_start (loop, 5, raw_sub_check, context);
        return;
    }
    cr_assert_eq (size, 17);
    cr_assert_arr_eq (frame, "event/n/connected", 17);
    size = zmq_recv (raw_sub, frame, sizeof frame, ZMQ_DONTWAIT);
    cr_assert_eq (size, 2);
    cr_assert_arr_eq (frame, "{}", 2);
    bus_loop_stop (loop);
}

Test (socket, a_pub_sends_text_that_a_plain_subscriber_can_read)
{
    struct bus_socket *pub = rig_socket (BUS_PUB, &(struct bus_socket_options){0});
    rig_bind (pub, "tcp://127.0.0.1:*");
    raw_sub = raw_peer (ZMQ_SUB, bus_socket_endpoint (pub), false);
    cr_assert_eq (zmq_setsockopt (raw_sub, ZMQ_SUBSCRIBE, "event/", 6), 0);
    publish_text (pub);
    raw_sub_check (NULL);
    rig_run ();
    bus_socket_free (pub);
    zmq_close (raw_sub);
}

static void on_text (void *context, const char *topic, const char *text)
{
    char *line = context;
    (void) snprintf (line, 64, "%s=%s", topic, text);
    bus_loop_stop (loop);
}

Test (socket, a_text_sub_receives_text_and_drops_malformed_messages)
{
    char line[64] = "";
    struct bus_socket *sub =
        rig_socket (BUS_SUB, &(struct bus_socket_options){.on_text = on_text, .context = line});
    void *peer = raw_peer (ZMQ_XPUB, rig_ipc ("events"), true);
    cr_assert_eq (bus_socket_subscribe (sub, ""), 0);
    rig_connect (sub, rig_ipc ("events"));
    char subscription[16];
    cr_assert_eq (zmq_recv (peer, subscription, sizeof subscription, 0), 1);
    static char large[WIRE_FRAME_MOST + 1];
    memset (large, 'x', sizeof large);
    raw_send (peer, (struct frame[]){{"alone", 5}, {0, -1}});
    raw_send (peer, (struct frame[]){{"t", 1}, {"a", 1}, {"b", 1}, {0, -1}});
    raw_send (peer, (struct frame[]){{"t", 1}, {"a\0b", 3}, {0, -1}});
    raw_send (peer, (struct frame[]){{"t", 1}, {large, sizeof large}, {0, -1}});
    raw_send (peer, (struct frame[]){{"event/n/connected", 17}, {"{}", 2}, {0, -1}});
    rig_run ();
    cr_assert_str_eq (line, "event/n/connected={}");
    cr_assert_eq (bus_socket_counts (sub).malformed, 4);
    bus_socket_free (sub);
    zmq_close (peer);
}

Test (socket, a_message_sent_before_closing_arrives)
{
    struct seen seen = {.stop_at = 1};
    struct bus_socket *pull = listener_new (BUS_PULL, &seen);
    rig_bind (pull, rig_ipc ("callback"));
    struct bus_socket *push = rig_socket (BUS_PUSH, &(struct bus_socket_options){.linger_ms = 5000});
    rig_connect (push, rig_ipc ("callback"));
    struct wire_heartbeat heartbeat = heartbeat_of (9);
    cr_assert_eq (bus_send (push, NULL, &wire_heartbeat_record, &heartbeat), 0);
    bus_socket_free (push);
    rig_run ();
    cr_assert_eq (seen.number, 9);
    bus_socket_free (pull);
}

static unsigned released;

static void payload_release (void *data, void *hint)
{
    cr_assert_eq (hint, &released);
    free (data);
    __atomic_add_fetch (&released, 1, __ATOMIC_SEQ_CST);
}

Test (socket, the_largest_payload_arrives_complete)
{
    struct seen seen = {.stop_at = 1};
    struct bus_socket *server = listener_new (BUS_ROUTER, &seen);
    struct bus_socket *client = rig_socket (BUS_DEALER, &(struct bus_socket_options){0});
    rig_bind (server, "tcp://127.0.0.1:*");
    rig_connect (client, bus_socket_endpoint (server));
    struct wire_put put = {.digest = base_digest_of ("x", 1), .size = WIRE_CHUNK_MOST};
    uint8_t *data = calloc (1, WIRE_CHUNK_MOST);
    data[WIRE_CHUNK_MOST - 1] = 77;
    cr_assert_eq (bus_send_payload (client, NULL, &wire_put_record, &put, data, WIRE_CHUNK_MOST,
                                    payload_release, &released),
                  0);
    rig_run ();
    cr_assert_eq (seen.payload_size, WIRE_CHUNK_MOST);
    cr_assert_eq (seen.payload_last, 77);
    bus_socket_free (client);
    bus_socket_free (server);
    loop = bus_loop_free (loop);
    cr_assert_eq (released, 1);
}

Test (socket, a_payload_is_released_once_even_if_sending_fails)
{
    struct bus_socket *server = rig_socket (BUS_ROUTER, &(struct bus_socket_options){0});
    struct bus_socket *client = rig_socket (BUS_DEALER, &(struct bus_socket_options){0});
    rig_bind (server, rig_ipc ("content"));
    struct bus_peer nobody = {.size = 5, .id = {0, 1, 2, 3, 4}};
    struct wire_chunk chunk = {.digest = base_digest_of ("x", 1), .length = 5, .status = WIRE_STATUS_OK};
    struct wire_heartbeat heartbeat = heartbeat_of (1);

    cr_assert_eq (bus_send_payload (server, &nobody, &wire_chunk_record, &chunk, malloc (90), 90,
                                    payload_release, &released),
                  -EHOSTUNREACH);
    cr_assert_eq (released, 1);
    cr_assert_eq (bus_send_payload (server, NULL, &wire_chunk_record, &chunk, malloc (90), 90,
                                    payload_release, &released),
                  -EINVAL);
    cr_assert_eq (released, 2);
    /* A message that takes no payload, then a message that violates its schema. */
    cr_assert_eq (bus_send_payload (client, NULL, &wire_heartbeat_record, &heartbeat, malloc (90), 90,
                                    payload_release, &released),
                  -EINVAL);
    cr_assert_eq (released, 3);
    chunk.length = WIRE_CHUNK_MOST + 1;
    cr_assert_eq (bus_send_payload (server, &nobody, &wire_chunk_record, &chunk, malloc (90), 90,
                                    payload_release, &released),
                  -EINVAL);
    cr_assert_eq (released, 4);
    chunk.length = 0;
    cr_assert_eq (bus_send_payload (server, &nobody, &wire_chunk_record, &chunk, malloc (90), 0,
                                    payload_release, &released),
                  -EHOSTUNREACH);
    cr_assert_eq (released, 5);
    cr_assert_eq (bus_socket_counts (server).unroutable, 2);
    bus_socket_free (client);
    bus_socket_free (server);
}

static struct base_buffer packed_beat (uint64_t sequence)
{
    struct wire_heartbeat heartbeat = heartbeat_of (sequence);
    struct base_buffer map = {0};
    cr_assert_eq (wire_pack (&wire_heartbeat_record, &heartbeat, &map, NULL), 0);
    return map;
}

/*  Sends messages with every kind of fault, then a correct one. Returns the number of faulty messages. */
static unsigned raw_send_malformed (void *peer, bool with_topic)
{
    uint8_t prefix[4], get[4], put[4], foreign[4];
    struct base_buffer map = packed_beat (42);
    wire_prefix (&wire_heartbeat_record, prefix);
    wire_prefix (&wire_get_record, get);
    wire_prefix (&wire_put_record, put);
    wire_prefix (&wire_heartbeat_record, foreign);
    foreign[0] = 'X';
    static const uint8_t bomb[] = {0xdf, 0xff, 0xff, 0xff, 0xff};
    static char large[WIRE_FRAME_MOST];
    int size = (int) map.size;
    const struct frame list[][7] = {
        {{"", 0}, {0, -1}},
        {{prefix, 4}, {0, -1}},
        {{prefix, 4}, {"", 0}, {0, -1}},
        {{prefix, 3}, {map.data, size}, {0, -1}},
        {{foreign, 4}, {map.data, size}, {0, -1}},
        {{"", 0}, {prefix, 4}, {map.data, size}, {0, -1}},
        {{prefix, 4}, {map.data, size}, {"", 0}, {0, -1}},
        {{prefix, 4}, {map.data, size}, {"a", 1}, {"b", 1}, {"c", 1}, {"d", 1}, {0, -1}},
        {{get, 4}, {map.data, size}, {0, -1}},
        {{put, 4}, {map.data, size}, {"abc", 3}, {0, -1}},
        {{put, 4}, {map.data, size}, {0, -1}},
        {{prefix, 4}, {bomb, sizeof bomb}, {0, -1}},
        {{prefix, 4}, {map.data, size - 1}, {0, -1}},
        {{prefix, 4}, {large, sizeof large}, {0, -1}},
        {{"\0\0\0\0", 4}, {"\0\0\0\0", 4}, {0, -1}},
        {{prefix, 4}, {map.data, size}, {0, -1}},
    };
    unsigned n = sizeof list / sizeof list[0];
    for (unsigned i = 0; i < n; i++) {
        if (with_topic)
            cr_assert_geq (zmq_send (peer, "t", 1, ZMQ_SNDMORE), 0);
        raw_send (peer, list[i]);
    }
    base_buffer_deinit (&map);
    return n - 1;
}

Test (socket, a_router_drops_malformed_messages_and_continues)
{
    struct seen seen = {.stop_at = 1};
    struct bus_socket *server = listener_new (BUS_ROUTER, &seen);
    rig_bind (server, rig_ipc ("control"));
    void *peer = raw_peer (ZMQ_DEALER, rig_ipc ("control"), false);
    unsigned wrong = raw_send_malformed (peer, false);
    rig_run ();
    cr_assert_eq (seen.calls, 1);
    cr_assert_eq (seen.number, 42);
    cr_assert_eq (bus_socket_counts (server).malformed, wrong);
    bus_socket_free (server);
    zmq_close (peer);
}

Test (socket, a_dealer_drops_malformed_messages_and_continues)
{
    struct seen seen = {.stop_at = 1};
    struct bus_socket *client = listener_new (BUS_DEALER, &seen);
    void *peer = raw_peer (ZMQ_DEALER, rig_ipc ("control"), true);
    rig_connect (client, rig_ipc ("control"));
    unsigned wrong = raw_send_malformed (peer, false);
    rig_run ();
    cr_assert_eq (seen.calls, 1);
    cr_assert_eq (bus_socket_counts (client).malformed, wrong);
    bus_socket_free (client);
    zmq_close (peer);
}

Test (socket, a_sub_drops_malformed_messages_and_continues)
{
    struct seen seen = {.stop_at = 1};
    struct bus_socket *client = listener_new (BUS_SUB, &seen);
    void *peer = raw_peer (ZMQ_XPUB, rig_ipc ("announce"), true);
    cr_assert_eq (bus_socket_subscribe (client, ""), 0);
    rig_connect (client, rig_ipc ("announce"));
    char subscription[16];
    cr_assert_eq (zmq_recv (peer, subscription, sizeof subscription, 0), 1);
    unsigned wrong = raw_send_malformed (peer, true);
    rig_run ();
    cr_assert_eq (seen.calls, 1);
    cr_assert_eq (bus_socket_counts (client).malformed, wrong);
    bus_socket_free (client);
    zmq_close (peer);
}

Test (socket, an_unknown_topic_reaches_the_handler_and_an_invalid_one_does_not)
{
    struct seen seen = {.stop_at = 1};
    struct bus_socket *client = listener_new (BUS_SUB, &seen);
    void *peer = raw_peer (ZMQ_XPUB, rig_ipc ("announce"), true);
    cr_assert_eq (bus_socket_subscribe (client, ""), 0);
    rig_connect (client, rig_ipc ("announce"));
    char subscription[16], topic[400];
    memset (topic, 't', sizeof topic);
    cr_assert_eq (zmq_recv (peer, subscription, sizeof subscription, 0), 1);
    struct base_buffer map = packed_beat (1);
    uint8_t prefix[4];
    wire_prefix (&wire_heartbeat_record, prefix);
    raw_send (peer, (struct frame[]){{topic, 400}, {prefix, 4}, {map.data, (int) map.size}, {0, -1}});
    raw_send (peer, (struct frame[]){{"a\0b", 3}, {prefix, 4}, {map.data, (int) map.size}, {0, -1}});
    raw_send (peer, (struct frame[]){{"never/heard", 11}, {prefix, 4}, {map.data, (int) map.size}, {0, -1}});
    rig_run ();
    cr_assert_str_eq (seen.topic, "never/heard");
    cr_assert_eq (bus_socket_counts (client).malformed, 2);
    base_buffer_deinit (&map);
    bus_socket_free (client);
    zmq_close (peer);
}

static void expect_oversize_frame_refused (bool no_payloads, size_t size)
{
    struct seen seen = {.stop_at = 1};
    struct bus_socket *server = rig_socket (
        BUS_ROUTER,
        &(struct bus_socket_options){.on_message = on_message, .context = &seen, .no_payloads = no_payloads});
    rig_bind (server, rig_ipc ("control"));
    void *bad = raw_peer (ZMQ_DEALER, rig_ipc ("control"), false);
    char *large = calloc (1, size);
    uint8_t prefix[4];
    wire_prefix (&wire_put_record, prefix);
    raw_send (bad, (struct frame[]){{prefix, 4}, {large, (int) size}, {0, -1}});
    rig_run_for (100);
    /* Not counted: libzmq ended the connection at the header of the frame, before a message was complete. */
    cr_assert_eq (bus_socket_counts (server).malformed, 0);
    struct bus_socket *good = rig_socket (BUS_DEALER, &(struct bus_socket_options){0});
    rig_connect (good, rig_ipc ("control"));
    struct wire_heartbeat heartbeat = heartbeat_of (1);
    cr_assert_eq (bus_send (good, NULL, &wire_heartbeat_record, &heartbeat), 0);
    rig_run ();
    cr_assert_eq (seen.calls, 1);
    int linger = 0;
    (void) zmq_setsockopt (bad, ZMQ_LINGER, &linger, sizeof linger);
    zmq_close (bad);
    bus_socket_free (good);
    bus_socket_free (server);
    free (large);
}

Test (socket, a_frame_over_the_limit_is_not_read)
{
    expect_oversize_frame_refused (false, WIRE_CHUNK_MOST + 4096);
}

Test (socket, a_payload_is_not_read_by_a_socket_without_payloads)
{
    expect_oversize_frame_refused (true, WIRE_FRAME_MOST + 4096);
}

Test (socket, an_xpub_drops_malformed_subscriptions)
{
    struct published published = {0};
    published.server = rig_socket (
        BUS_XPUB, &(struct bus_socket_options){.on_subscription = on_subscription, .context = &published});
    rig_bind (published.server, rig_ipc ("announce"));
    void *peer = raw_peer (ZMQ_XSUB, rig_ipc ("announce"), false);
    char topic[300];
    memset (topic, 1, sizeof topic);
    raw_send (peer, (struct frame[]){{topic, 300}, {0, -1}});
    raw_send (peer, (struct frame[]){{"\1a\0b", 4}, {0, -1}});
    raw_send (peer, (struct frame[]){{"hello", 5}, {0, -1}});
    raw_send (peer, (struct frame[]){{"", 0}, {0, -1}});
    raw_send (peer, (struct frame[]){{"x", 1}, {"y", 1}, {0, -1}});
    raw_send (peer, (struct frame[]){{"\1ok", 3}, {0, -1}});
    while (published.subscribed == 0)
        rig_run_for (5);
    cr_assert_str_eq (published.topic, "ok");
    cr_assert_geq (bus_socket_counts (published.server).malformed, 2);
    bus_socket_free (published.server);
    zmq_close (peer);
}

Test (socket, sending_to_a_disconnected_peer_returns_ehostunreach)
{
    struct seen seen = {.stop_at = 1};
    struct bus_socket *server = listener_new (BUS_ROUTER, &seen);
    struct bus_socket *client = rig_socket (BUS_DEALER, &(struct bus_socket_options){.linger_ms = 1000});
    rig_bind (server, rig_ipc ("control"));
    rig_connect (client, rig_ipc ("control"));
    struct wire_heartbeat heartbeat = heartbeat_of (1);
    cr_assert_eq (bus_send (client, NULL, &wire_heartbeat_record, &heartbeat), 0);
    rig_run ();
    bus_socket_free (client);
    int r = 0;
    while (r == 0) {
        r = bus_send (server, &seen.peer, &wire_heartbeat_record, &heartbeat);
        rig_run_for (1);
    }
    cr_assert_eq (r, -EHOSTUNREACH);
    cr_assert_eq (bus_socket_counts (server).unroutable, 1);
    bus_socket_free (server);
}

Test (socket, sending_to_a_peer_that_does_not_read_returns_eagain_and_loses_no_frame)
{
    struct seen seen = {.stop_at = 1};
    struct bus_socket *server = rig_socket (
        BUS_ROUTER,
        &(struct bus_socket_options){.on_message = on_message, .context = &seen, .high_water = 4});
    rig_bind (server, rig_ipc ("content"));
    void *peer = raw_peer (ZMQ_DEALER, rig_ipc ("content"), false);
    int high_water = 1;
    (void) zmq_setsockopt (peer, ZMQ_RCVHWM, &high_water, sizeof high_water);
    struct base_buffer map = packed_beat (1);
    uint8_t prefix[4];
    wire_prefix (&wire_heartbeat_record, prefix);
    raw_send (peer, (struct frame[]){{prefix, 4}, {map.data, (int) map.size}, {0, -1}});
    rig_run ();
    base_buffer_deinit (&map);

    struct wire_chunk chunk = {
        .digest = base_digest_of ("x", 1), .length = WIRE_CHUNK_MOST, .status = WIRE_STATUS_OK};
    static uint8_t data[WIRE_CHUNK_MOST];
    int sent = 0, r;
    while ((r = bus_send_payload (server, &seen.peer, &wire_chunk_record, &chunk, data, sizeof data, NULL,
                                  NULL)) == 0)
        sent++;
    cr_assert_eq (r, -EAGAIN);
    cr_assert_eq (bus_socket_counts (server).full, 1);

    /* The answer to the heartbeat, then every chunk. A chunk has three frames. */
    zmq_msg_t frame;
    int answers = 0, chunks = 0;
    while (chunks < sent) {
        int n = 0, more = 1;
        for (; more; n++) {
            (void) zmq_msg_init (&frame);
            cr_assert_geq (zmq_msg_recv (&frame, peer, 0), 0);
            more = zmq_msg_more (&frame);
            if (n == 2)
                cr_assert_eq (zmq_msg_size (&frame), sizeof data);
            (void) zmq_msg_close (&frame);
        }
        cr_assert (n == 3 || (n == 2 && answers++ == 0));
        chunks += n == 3;
    }
    bus_socket_free (server);
    zmq_close (peer);
}

static void on_message_free (void *context, struct bus_socket *socket, const struct bus_message *message)
{
    struct seen *seen = context;
    seen->calls++;
    bus_socket_free (socket);
    seen->answer_on = bus_socket_free (seen->answer_on);
    seen->number = ((const struct wire_heartbeat *) message->body)->sequence;
    bus_timer_start (loop, 20, rig_stop, NULL);
}

Test (socket, a_handler_may_free_its_own_socket_and_others)
{
    struct seen seen = {0};
    struct bus_socket *server =
        rig_socket (BUS_PULL, &(struct bus_socket_options){.on_message = on_message_free, .context = &seen});
    rig_bind (server, rig_ipc ("a"));
    struct bus_socket *client = rig_socket (BUS_PUSH, &(struct bus_socket_options){0});
    seen.answer_on = client;
    rig_connect (client, rig_ipc ("a"));
    for (unsigned i = 0; i < 10; i++) {
        struct wire_heartbeat heartbeat = heartbeat_of (i);
        cr_assert_eq (bus_send (client, NULL, &wire_heartbeat_record, &heartbeat), 0);
    }
    rig_run ();
    cr_assert_eq (seen.calls, 1);
    cr_assert_eq (seen.number, 0);
}

/*  Waits until a message for the socket has arrived. */
static void socket_await (const struct bus_socket *socket)
{
    zmq_pollitem_t item = {.socket = socket->zmq, .events = ZMQ_POLLIN};
    cr_assert_eq (zmq_poll (&item, 1, load_deadline_ms (30000)), 1);
}

Test (socket, a_busy_socket_does_not_starve_others)
{
    struct seen busy_seen = {0}, quiet_seen = {.stop_at = 1};
    struct bus_socket *busy = listener_new (BUS_PULL, &busy_seen),
                      *quiet = listener_new (BUS_PULL, &quiet_seen);
    struct bus_socket *busy_push = rig_socket (BUS_PUSH, &(struct bus_socket_options){0});
    struct bus_socket *quiet_push = rig_socket (BUS_PUSH, &(struct bus_socket_options){0});
    rig_bind (busy, rig_ipc ("busy"));
    rig_bind (quiet, rig_ipc ("quiet"));
    rig_connect (busy_push, rig_ipc ("busy"));
    rig_connect (quiet_push, rig_ipc ("quiet"));
    struct wire_heartbeat heartbeat = heartbeat_of (1);
    cr_assert_eq (bus_send (quiet_push, NULL, &wire_heartbeat_record, &heartbeat), 0);
    socket_await (quiet);
    for (unsigned i = 0; i < 900; i++)
        cr_assert_eq (bus_send (busy_push, NULL, &wire_heartbeat_record, &heartbeat), 0);
    socket_await (busy);
    rig_run ();
    cr_assert_leq (busy_seen.calls, 128,
                   "at most two rounds of 64, the first of which may have started earlier");
    bus_socket_free (busy);
    bus_socket_free (quiet);
    bus_socket_free (busy_push);
    bus_socket_free (quiet_push);
}

Test (socket, binding_an_ipc_path_in_use_is_refused)
{
    struct base_error error = {0};
    struct bus_socket *first = rig_socket (BUS_PULL, &(struct bus_socket_options){0});
    struct bus_socket *thief = rig_socket (BUS_PULL, &(struct bus_socket_options){0});
    rig_bind (first, rig_ipc ("callback"));
    cr_assert_eq (bus_socket_bind (thief, rig_ipc ("callback"), &error), -EADDRINUSE);
    cr_assert_str_not_empty (error.text);

    /* The first socket still has the path. */
    struct stat status;
    char path[128];
    (void) snprintf (path, sizeof path, "%s/callback", directory);
    cr_assert_eq (stat (path, &status), 0);
    bus_socket_free (thief);
    bus_socket_free (first);
}

Test (socket, a_stale_ipc_path_is_replaced_and_a_regular_file_is_not)
{
    char path[128];
    struct base_error error = {0};
    (void) snprintf (path, sizeof path, "%s/stale", directory);
    void *dead = raw_peer (ZMQ_PULL, rig_ipc ("live"), true);
    char live[128];
    (void) snprintf (live, sizeof live, "%s/live", directory);
    /* A killed process leaves this: the path of a socket that no process has open. */
    cr_assert_eq (rename (live, path), 0);
    zmq_close (dead);
    struct seen seen = {.stop_at = 1};
    struct bus_socket *pull = listener_new (BUS_PULL, &seen);
    int r = -EADDRINUSE;
    for (int i = 0; i < 20000 && r == -EADDRINUSE; i++) {
        r = bus_socket_bind (pull, rig_ipc ("stale"), &error); /* libzmq closes in the background */
        (void) usleep (1000);
    }
    cr_assert_eq (r, 0, "%s", error.text);

    (void) snprintf (path, sizeof path, "%s/file", directory);
    FILE *file = fopen (path, "w");
    cr_assert_not_null (file);
    (void) fclose (file);
    cr_assert_eq (bus_socket_bind (pull, rig_ipc ("file"), &error), -EEXIST);
    cr_assert_eq (access (path, F_OK), 0);
    bus_socket_free (pull);
}

Test (socket, reconnecting_drops_queued_messages)
{
    struct seen seen = {.stop_at = 1};
    struct bus_socket *client = rig_socket (BUS_DEALER, &(struct bus_socket_options){.linger_ms = 5000});
    rig_connect (client, rig_ipc ("control"));
    struct wire_heartbeat old = heartbeat_of (1), new = heartbeat_of (2);
    cr_assert_eq (bus_send (client, NULL, &wire_heartbeat_record, &old), 0);
    cr_assert_eq (bus_socket_reconnect (client), 0);
    cr_assert_eq (bus_send (client, NULL, &wire_heartbeat_record, &new), 0);
    struct bus_socket *server = listener_new (BUS_ROUTER, &seen);
    rig_bind (server, rig_ipc ("control"));
    rig_run ();
    cr_assert_eq (seen.number, 2);
    cr_assert_eq (seen.calls, 1);
    bus_socket_free (client);
    bus_socket_free (server);
}

Test (socket, only_connected_refuses_to_queue_without_a_connection)
{
    struct seen seen = {.stop_at = 1};
    struct bus_socket *client = rig_socket (BUS_DEALER, &(struct bus_socket_options){.only_connected = true});
    rig_connect (client, rig_ipc ("control"));
    struct wire_heartbeat old = heartbeat_of (1), new = heartbeat_of (2);
    cr_assert_not (bus_socket_is_ready (client));
    cr_assert_eq (bus_send (client, NULL, &wire_heartbeat_record, &old), -EAGAIN);
    struct bus_socket *server = listener_new (BUS_ROUTER, &seen);
    rig_bind (server, rig_ipc ("control"));
    while (!bus_socket_is_ready (client))
        rig_run_for (1);
    cr_assert_eq (bus_send (client, NULL, &wire_heartbeat_record, &new), 0);
    rig_run ();
    cr_assert_eq (seen.number, 2);
    cr_assert_eq (seen.calls, 1);
    bus_socket_free (server);
    while (bus_socket_is_ready (client))
        rig_run_for (1);
    cr_assert_eq (bus_socket_reconnect (client), 0);
    bus_socket_free (client);
}

Test (socket, a_client_reconnects_to_a_restarted_server)
{
    struct seen seen = {.stop_at = 1}, after = {0};
    struct bus_socket *server = listener_new (BUS_ROUTER, &seen);
    rig_bind (server, rig_ipc ("control"));
    struct bus_socket *client = rig_socket (BUS_DEALER, &(struct bus_socket_options){0});
    rig_connect (client, rig_ipc ("control"));
    struct wire_heartbeat heartbeat = heartbeat_of (1);
    cr_assert_eq (bus_send (client, NULL, &wire_heartbeat_record, &heartbeat), 0);
    rig_run ();
    bus_socket_free (server);
    server = listener_new (BUS_ROUTER, &after);
    struct base_error error;
    while (bus_socket_bind (server, rig_ipc ("control"), &error) < 0)
        rig_run_for (1);
    /* The first message may still be sent on the old connection, and is lost with it. */
    heartbeat.sequence = 5;
    while (after.calls == 0) {
        cr_assert_eq (bus_send (client, NULL, &wire_heartbeat_record, &heartbeat), 0);
        rig_run_for (20);
    }
    cr_assert_eq (after.number, 5);
    bus_socket_free (client);
    bus_socket_free (server);
}

Test (socket, an_invalid_endpoint_is_an_error_with_text)
{
    struct bus_socket *client = rig_socket (BUS_DEALER, &(struct bus_socket_options){0});
    struct base_error error = {0};
    cr_assert_lt (bus_socket_connect (client, "nonsense", &error), 0);
    cr_assert_str_not_empty (error.text);
    error.text[0] = '\0';
    cr_assert_lt (bus_socket_bind (client, "tcp://256.0.0.1:1", &error), 0);
    cr_assert_str_not_empty (error.text);
    bus_socket_free (client);
}

Test (socket, unsent_messages_do_not_prevent_the_end_of_the_process)
{
    struct bus_socket *client = rig_socket (BUS_DEALER, &(struct bus_socket_options){.linger_ms = 300});
    rig_connect (client, rig_ipc ("nobody"));
    struct wire_heartbeat heartbeat = heartbeat_of (1);
    cr_assert_eq (bus_send (client, NULL, &wire_heartbeat_record, &heartbeat), 0);
    bus_socket_free (client);
    uint64_t before_ms = base_time_boot_ms ();
    loop = bus_loop_free (loop);
    cr_assert_lt (base_time_boot_ms () - before_ms, load_deadline_ms (10000));
}
