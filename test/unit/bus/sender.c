/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/bus/sender.c - each message names its sender, whatever the peer claims */

#include "keyed.h"

#include "bus/zap.h"

TestSuite (sender, .init = keyed_setup, .fini = keyed_teardown, .timeout = 60);

static struct heard heard;

/*  Runs the loop until the server has received or refused one more message. */
static void hear_one (void)
{
    heard.stop_at = heard.received + heard.refused + 1;
    rig_run ();
}

Test (sender, a_message_over_curve_has_the_fingerprint_of_its_key)
{
    struct pair one = pair_make (), other = pair_make ();
    keyed_allow (&one, 1u << BUS_CHANNEL_CONTROL);
    keyed_allow (&other, 1u << BUS_CHANNEL_CONTROL);
    struct bus_socket *server = keyed_server (BUS_ROUTER, BUS_CHANNEL_CONTROL, true, &heard);
    rig_bind (server, "tcp://127.0.0.1:*");
    const char *endpoint = bus_socket_endpoint (server);
    struct bus_socket *first = keyed_client (BUS_DEALER, &one, &(struct bus_socket_options){0}, endpoint);
    struct bus_socket *second = keyed_client (BUS_DEALER, &other, &(struct bus_socket_options){0}, endpoint);
    for (unsigned i = 0; i < 6; i++) {
        const struct pair *pair = i % 2 ? &other : &one;
        keyed_beat (i % 2 ? second : first);
        hear_one ();
        cr_assert_eq (heard.peer.sender.kind, BUS_SENDER_KEY);
        cr_assert (base_digest_equal (&heard.peer.sender.key, &pair->fingerprint));
    }
    bus_socket_free (first);
    bus_socket_free (second);
    bus_socket_free (server);
}

Test (sender, a_message_over_local_ipc_has_uid_gid_and_pid)
{
    cr_assert_eq (bus_admission_allow_uid (table, geteuid (), BUS_CHANNELS_ALL), 0);
    struct bus_socket *server = keyed_server (BUS_ROUTER, BUS_CHANNEL_CONTROL, false, &heard);
    rig_bind (server, rig_ipc ("control"));
    struct bus_socket *client = rig_socket (BUS_DEALER, &(struct bus_socket_options){0});
    rig_connect (client, bus_socket_endpoint (server));
    keyed_beat (client);
    hear_one ();
    cr_assert_eq (heard.received, 1);
    cr_assert_eq (heard.peer.sender.kind, BUS_SENDER_LOCAL);
    cr_assert_eq (heard.peer.sender.uid, geteuid ());
    cr_assert_eq (heard.peer.sender.gid, getegid ());
    cr_assert_eq (heard.peer.sender.pid, getpid ());
    cr_assert (base_digest_is_null (&heard.peer.sender.key));
    bus_socket_free (client);
    bus_socket_free (server);
}

Test (sender, one_socket_serves_keys_over_tcp_and_users_over_ipc)
{
    struct pair pair = pair_make ();
    keyed_allow (&pair, BUS_CHANNELS_ALL);
    cr_assert_eq (bus_admission_allow_uid (table, geteuid (), BUS_CHANNELS_ALL), 0);
    struct bus_socket *server = keyed_server (BUS_ROUTER, BUS_CHANNEL_CONTROL, true, &heard);
    struct base_error error = {0};
    const char *local = rig_ipc ("local");
    cr_assert_eq (bus_socket_bind_local (server, local, &error), 0, "%s", error.text);
    rig_bind (server, "tcp://127.0.0.1:*");
    struct bus_socket *user = rig_socket (BUS_DEALER, &(struct bus_socket_options){0});
    struct bus_socket *client =
        keyed_client (BUS_DEALER, &pair, &(struct bus_socket_options){0}, bus_socket_endpoint (server));
    rig_connect (user, local);
    keyed_beat (user);
    hear_one ();
    cr_assert_eq (heard.peer.sender.kind, BUS_SENDER_LOCAL);
    keyed_beat (client);
    hear_one ();
    cr_assert_eq (heard.peer.sender.kind, BUS_SENDER_KEY);

    /* the port still wants a key */
    int fd = raw_connect (bus_socket_endpoint (server));
    raw_greet (fd, (const char *const[]){"Socket-Type", "DEALER", NULL});
    cr_assert_not (raw_is_admitted (fd));
    (void) close (fd);
    bus_socket_free (user);
    bus_socket_free (client);
    bus_socket_free (server);
}

static const char forged[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

Test (sender, a_user_id_that_a_peer_sets_is_ignored_where_nobody_checks_it)
{
    struct bus_socket *server =
        rig_socket (BUS_ROUTER, &(struct bus_socket_options){.on_message = on_heard, .context = &heard});
    rig_bind (server, "tcp://127.0.0.1:*");
    int fd = raw_connect (bus_socket_endpoint (server));
    raw_greet (fd, (const char *const[]){"Socket-Type", "DEALER", "User-Id", forged, NULL});
    cr_assert (raw_is_admitted (fd));
    raw_beat (fd);
    hear_one ();
    cr_assert_eq (heard.received, 1);
    cr_assert_eq (heard.peer.sender.kind, BUS_SENDER_UNKNOWN);
    (void) close (fd);
    bus_socket_free (server);
}

static void expect_local (const char *const *properties)
{
    int fd = raw_connect (rig_ipc ("control"));
    raw_greet (fd, properties);
    cr_assert (raw_is_admitted (fd));
    raw_beat (fd);
    hear_one ();
    cr_assert_eq (heard.refused, 0);
    cr_assert_eq (heard.peer.sender.kind, BUS_SENDER_LOCAL);
    cr_assert_eq (heard.peer.sender.uid, geteuid ());
    cr_assert_eq (heard.peer.sender.pid, getpid ());
    (void) close (fd);
}

Test (sender, a_user_id_that_a_peer_sets_does_not_replace_the_checked_one)
{
    cr_assert_eq (bus_admission_allow_uid (table, geteuid (), BUS_CHANNELS_ALL), 0);
    struct bus_socket *server = keyed_server (BUS_ROUTER, BUS_CHANNEL_CONTROL, false, &heard);
    rig_bind (server, rig_ipc ("control"));
    expect_local ((const char *const[]){"Socket-Type", "DEALER", "User-Id", forged, NULL});
    expect_local ((const char *const[]){"User-Id", "4711:0:1", "Socket-Type", "DEALER", NULL});
    expect_local ((const char *const[]){"Socket-Type", "DEALER", "user-id", forged, "Peer-Address",
                                        "localhost:4711:0:1", "__fd", "0", NULL});
    bus_socket_free (server);
}

/*  A peer that claims the routing id of another one gets neither its identity nor its answers. */
Test (sender, a_claimed_routing_id_does_not_change_the_sender)
{
    struct pair honest = pair_make (), thief = pair_make ();
    keyed_allow (&honest, BUS_CHANNELS_ALL);
    keyed_allow (&thief, BUS_CHANNELS_ALL);
    struct bus_socket *server = keyed_server (BUS_ROUTER, BUS_CHANNEL_CONTROL, true, &heard);
    rig_bind (server, "tcp://127.0.0.1:*");
    const char *endpoint = bus_socket_endpoint (server);
    struct bus_socket *client = keyed_client (BUS_DEALER, &honest, &(struct bus_socket_options){0}, endpoint);
    keyed_beat (client);
    hear_one ();
    struct bus_peer peer = heard.peer;

    struct bus_keys keys = keyed_client_keys (&thief);
    void *context = zmq_ctx_new (), *dealer = zmq_socket (context, ZMQ_DEALER);
    int linger = 0;
    cr_assert_eq (zmq_setsockopt (dealer, ZMQ_LINGER, &linger, sizeof linger), 0);
    /* libzmq permits no first byte of zero; the guard ends every id that is not automatic */
    cr_assert_eq (zmq_setsockopt (dealer, ZMQ_ROUTING_ID, "claim", 5), 0);
    cr_assert_eq (zmq_setsockopt (dealer, ZMQ_CURVE_PUBLICKEY, keys.public_key, 41), 0);
    cr_assert_eq (zmq_setsockopt (dealer, ZMQ_CURVE_SECRETKEY, keys.secret_key, 41), 0);
    cr_assert_eq (zmq_setsockopt (dealer, ZMQ_CURVE_SERVERKEY, keys.server_key, 41), 0);
    cr_assert_eq (zmq_connect (dealer, endpoint), 0);
    cr_assert_gt (zmq_send (dealer, "x", 1, 0), 0);
    while (bus_socket_counts (server).ended[BUS_END_CLAIM] == 0)
        rig_run_for (5);
    keyed_beat (client);
    hear_one ();
    cr_assert (bus_peer_equal (&heard.peer, &peer));
    cr_assert (base_digest_equal (&heard.peer.sender.key, &honest.fingerprint));
    cr_assert_eq (zmq_close (dealer), 0);
    cr_assert_eq (zmq_ctx_term (context), 0);
    bus_socket_free (client);
    bus_socket_free (server);
}

Test (sender, a_sender_is_read_from_the_text_that_was_written)
{
    struct pair pair = pair_make ();
    char text[BUS_USER_ID_TEXT];
    struct bus_sender key = {.kind = BUS_SENDER_KEY, .key = pair.fingerprint};
    struct bus_sender local = {.kind = BUS_SENDER_LOCAL, .uid = UINT32_MAX, .gid = 0, .pid = INT32_MAX};
    struct bus_sender back = bus_sender_of_user_id (bus_sender_user_id (&key, text));
    cr_assert (bus_sender_equal (&key, &back));
    cr_assert_eq (strlen (text), 64);
    back = bus_sender_of_user_id (bus_sender_user_id (&local, text));
    cr_assert (bus_sender_equal (&local, &back));
    cr_assert_eq (back.gid, 0);
    cr_assert_eq (back.pid, INT32_MAX);
    cr_assert_not (bus_sender_equal (&local, &key));
    local.uid = 0;
    cr_assert_not (bus_sender_equal (&local, &back));
}

Test (sender, any_other_text_is_no_sender)
{
    static const char *const texts[] = {"",
                                        "0",
                                        "0:0",
                                        "0:0:",
                                        ":0:0",
                                        "0::0",
                                        "0:0:0:",
                                        "0:0:0:0",
                                        "0:0:x",
                                        "+1:0:0",
                                        "-1:0:0",
                                        " 1:0:0",
                                        "4294967296:0:0",
                                        "0:4294967296:0",
                                        "0:0:2147483648",
                                        "00112233445566778899aabbccddeeff00112233445566778899aabbccddeef",
                                        "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff0",
                                        "00112233445566778899aabbccddeeff00112233445566778899aabbccddeefg",
                                        "99999999999999999999999999999999999999999999999999999999999999:0:0"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        cr_expect_eq (bus_sender_of_user_id (texts[i]).kind, BUS_SENDER_UNKNOWN, "%s", texts[i]);
    cr_expect_eq (bus_sender_of_user_id (NULL).kind, BUS_SENDER_UNKNOWN);
}

Test (sender, only_an_address_of_ipc_names_a_user)
{
    static const char *const texts[] = {"127.0.0.1",      "0:0:0", "localhost",       "localhost:0:0",
                                        "localhost:0:0:", "::1",   "Localhost:0:0:1", "localhost:0:0:1 "};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        cr_expect_eq (bus_sender_of_address (texts[i]).kind, BUS_SENDER_UNKNOWN, "%s", texts[i]);
    struct bus_sender sender = bus_sender_of_address ("localhost:1000:100:4711");
    cr_assert_eq (sender.kind, BUS_SENDER_LOCAL);
    cr_assert_eq (sender.uid, 1000);
    cr_assert_eq (sender.gid, 100);
    cr_assert_eq (sender.pid, 4711);
}

Test (sender, a_sender_is_formatted_for_a_person)
{
    char text[BUS_SENDER_TEXT];
    struct bus_sender sender = {.kind = BUS_SENDER_UNKNOWN};
    cr_assert_str_eq (bus_sender_format (&sender, text), "unknown");
    sender = (struct bus_sender){.kind = BUS_SENDER_LOCAL, .uid = 1000, .pid = 4711};
    cr_assert_str_eq (bus_sender_format (&sender, text), "uid 1000 pid 4711");
    sender = bus_sender_of_user_id (forged);
    cr_assert_str_eq (bus_sender_format (&sender, text),
                      "key 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff");
}

Test (sender, a_fingerprint_is_the_digest_of_the_32_bytes)
{
    struct pair pair = pair_make ();
    struct base_digest digest = base_digest_of (pair.key, sizeof pair.key), kept = pair.fingerprint;
    char text[BUS_KEY_TEXT];
    cr_assert (base_digest_equal (&digest, &pair.fingerprint));
    cr_assert_str_eq (bus_key_encode (pair.key, text), pair.public_key);
    cr_assert_eq (bus_fingerprint_of ("too short", &kept), -EINVAL);
    cr_assert_eq (bus_fingerprint_of ("0123456789012345678901234567890123456789012345", &kept), -EINVAL);
    cr_assert_eq (bus_fingerprint_of ("~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~", &kept), -EINVAL);
    cr_assert (base_digest_equal (&digest, &kept), "untouched on failure");
}
