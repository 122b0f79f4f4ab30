/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/bus/zap.c - who is admitted to a server, and what ends when a permission does */

#include "keyed.h"

#include <dlfcn.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "bus/guard_private.h"
#include "bus/zap.h"

TestSuite (zap, .init = keyed_setup, .fini = keyed_teardown, .timeout = 60);

static struct heard heard;

/*  While set, every thread but the loop's fails to receive: the check of clients ends. */
static atomic_bool checks_fail;

int zmq_msg_recv (zmq_msg_t *message, void *socket, int flags)
{
    static int (*original) (zmq_msg_t * message, void *socket, int flags);
    if (!original)
        *(void **) &original = dlsym (RTLD_NEXT, "zmq_msg_recv");
    int r = original (message, socket, flags);
    if (!atomic_load (&checks_fail) || gettid () == getpid ())
        return r;
    errno = EFAULT;
    return -1;
}

static void hear_one (void)
{
    heard.stop_at = heard.received + heard.refused + 1;
    rig_run ();
}

static unsigned n_denied;

static void on_denied (void *context, struct bus_socket *socket)
{
    (void) context;
    (void) socket;
    n_denied++;
    bus_loop_stop (loop);
}

static const struct bus_socket_options reports_denial = {.on_denied = on_denied};

/*  Reading a request. */

struct row {
    const char *version, *domain, *address, *mechanism, *credentials;
    size_t credentials_size;
};

static const uint8_t some_key[BUS_KEY_BYTES] = {1, 2, 3};

static int row_read (const struct row *row, size_t n, struct bus_zap_request *ret_request)
{
    const struct bus_zap_frame frames[] = {
        {row->version, strlen (row->version)},    {"1", 1},  {row->domain, strlen (row->domain)},
        {row->address, strlen (row->address)},    {"id", 2}, {row->mechanism, strlen (row->mechanism)},
        {row->credentials, row->credentials_size}};
    return bus_zap_request_read (frames, n, ret_request);
}

Test (zap, a_request_over_curve_has_the_key_and_its_fingerprint)
{
    struct row row = {"1.0", "noded/control/1", "10.0.0.1", "CURVE", (const char *) some_key, BUS_KEY_BYTES};
    struct base_digest fingerprint = bus_fingerprint (some_key);
    struct bus_zap_request request;
    cr_assert_eq (row_read (&row, 7, &request), 0);
    cr_assert_str_eq (request.domain, "noded/control/1");
    cr_assert_str_eq (request.address, "10.0.0.1");
    cr_assert_eq (request.sender.kind, BUS_SENDER_KEY);
    cr_assert_eq (memcmp (request.key, some_key, sizeof some_key), 0);
    cr_assert (base_digest_equal (&request.sender.key, &fingerprint));
}

Test (zap, a_request_without_curve_has_the_user_of_ipc_and_no_other)
{
    struct row row = {"1.0", "noded/control/1", "localhost:0:0:1", "NULL", "", 0};
    struct bus_zap_request request;
    cr_assert_eq (row_read (&row, 6, &request), 0);
    cr_assert_eq (request.sender.kind, BUS_SENDER_LOCAL);
    row.address = "127.0.0.1";
    cr_assert_eq (row_read (&row, 6, &request), 0);
    cr_assert_eq (request.sender.kind, BUS_SENDER_UNKNOWN);
}

Test (zap, a_malformed_request_is_refused)
{
    static const char long_text[] = "0123456789012345678901234567890123456789012345678901234567890123456789";
    const char *key = (const char *) some_key;
    const struct row rows[] = {
        {"1.1", "d", "a", "CURVE", key, 32},       {"", "d", "a", "CURVE", key, 32},
        {"1.0", "d", "a", "CURVE", key, 31},       {"1.0", "d", "a", "CURVE", key, 0},
        {"1.0", "d", "a", "CURV", key, 32},        {"1.0", "d", "a", "PLAIN", key, 32},
        {"1.0", "d", "a", "NULL", key, 32},        {"1.0", "d", "a", "GSSAPI", key, 32},
        {"1.0", long_text, "a", "CURVE", key, 32}, {"1.0", "d", long_text, "CURVE", key, 32},
        {"1.0", "d", "a\n", "CURVE", key, 32},     {"1.0", "d\x7f", "a", "CURVE", key, 32},
    };
    struct bus_zap_request request = {.address = "untouched"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_expect_eq (row_read (&rows[i], 7, &request), -EINVAL, "row %zu", i);
    const struct row curve = {"1.0", "d", "a", "CURVE", key, 32}, null = {"1.0", "d", "a", "NULL", "", 0};
    for (size_t n = 0; n < 7; n++) {
        cr_expect_eq (row_read (&curve, n, &request), -EINVAL, "%zu frames", n);
        if (n != 6)
            cr_expect_eq (row_read (&null, n, &request), -EINVAL, "%zu frames", n);
    }
    static const char huge[256];
    const struct bus_zap_frame frames[] = {{"1.0", 3}, {"1", 1},    {"d", 1},
                                           {"a", 1},   {huge, 256}, {"NULL", 4}};
    cr_expect_eq (bus_zap_request_read (frames, 6, &request), -EINVAL);
    cr_expect_str_eq (request.address, "untouched");
}

Test (zap, requests_of_any_form_are_answered_and_the_check_goes_on)
{
    struct pair pair = pair_make ();
    keyed_allow (&pair, BUS_CHANNELS_ALL);
    struct bus_socket *server = keyed_server (BUS_ROUTER, BUS_CHANNEL_CONTROL, true, &heard);
    rig_bind (server, "tcp://127.0.0.1:*");
    void *intruder = zmq_socket (bus_loop_zmq (loop), ZMQ_REQ);
    char answer[300];
    cr_assert_eq (zmq_connect (intruder, "inproc://zeromq.zap.01"), 0);
    for (int n = 1; n < 12; n++) {
        for (int i = 0; i < n; i++)
            cr_assert_geq (zmq_send (intruder, "1.0", 3, i + 1 < n ? ZMQ_SNDMORE : 0), 0);
        for (int i = 0; i < 6; i++) {
            int size = zmq_recv (intruder, answer, sizeof answer, 0);
            if (i == 2)
                cr_assert (size == 3 && memcmp (answer, "400", 3) == 0);
        }
    }
    struct bus_socket *client =
        keyed_client (BUS_DEALER, &pair, &reports_denial, bus_socket_endpoint (server));
    keyed_beat (client);
    hear_one ();
    cr_assert_eq (heard.received, 1);
    cr_assert_eq (zmq_close (intruder), 0);
    bus_socket_free (client);
    bus_socket_free (server);
}

/*  Who is refused. */

Test (zap, a_key_is_refused_on_a_channel_that_it_is_not_admitted_to)
{
    struct pair pair = pair_make ();
    keyed_allow (&pair, (unsigned) BUS_CHANNELS_ALL & ~(1u << BUS_CHANNEL_EVENTS));
    static const enum bus_kind kinds[BUS_CHANNEL_COUNT] = {BUS_XPUB, BUS_ROUTER, BUS_ROUTER, BUS_PUB};
    for (unsigned channel = 0; channel < BUS_CHANNEL_COUNT; channel++) {
        uint64_t admitted = bus_admission_counts (table).admitted;
        bool publishes = kinds[channel] != BUS_ROUTER;
        struct bus_socket *server = keyed_server (kinds[channel], (enum bus_channel) channel, true, &heard);
        rig_bind (server, "tcp://127.0.0.1:*");
        struct bus_socket *client = keyed_client (publishes ? BUS_SUB : BUS_DEALER, &pair, &reports_denial,
                                                  bus_socket_endpoint (server));
        if (publishes)
            cr_assert_eq (bus_socket_subscribe (client, "update/all"), 0);
        else
            keyed_beat (client);
        if (channel == BUS_CHANNEL_EVENTS)
            rig_run (); /* until on_denied */
        else
            while (bus_socket_counts (server).received == 0)
                rig_run_for (5);
        cr_assert_eq (n_denied, channel == BUS_CHANNEL_EVENTS);
        cr_assert_eq (bus_admission_counts (table).admitted - admitted, channel != BUS_CHANNEL_EVENTS);
        bus_socket_free (client);
        bus_socket_free (server);
    }
    cr_assert_eq (bus_admission_counts (table).channel, 1);
    cr_assert_eq (bus_admission_counts (table).unknown, 0);
}

Test (zap, an_unknown_key_is_refused_and_noted_with_its_address)
{
    struct pair pair = pair_make ();
    struct bus_unknown unknown[2];
    struct bus_socket *server = keyed_server (BUS_ROUTER, BUS_CHANNEL_CONTROL, true, &heard);
    rig_bind (server, "tcp://127.0.0.1:*");
    struct bus_socket *client =
        keyed_client (BUS_DEALER, &pair, &reports_denial, bus_socket_endpoint (server));
    keyed_beat (client);
    rig_run ();
    cr_assert_eq (n_denied, 1);
    cr_assert_eq (heard.received + heard.refused, 0);
    cr_assert_eq (bus_admission_unknown (table, unknown, 2), 1);
    cr_assert (base_digest_equal (&unknown[0].fingerprint, &pair.fingerprint));
    cr_assert_str_eq (unknown[0].address, "127.0.0.1");
    cr_assert_eq (unknown[0].channel, BUS_CHANNEL_CONTROL);
    bus_socket_free (client);
    bus_socket_free (server);
}

static void server_local (struct bus_socket **ret_server, const char *endpoint)
{
    *ret_server = keyed_server (BUS_ROUTER, BUS_CHANNEL_CONTROL, false, &heard);
    rig_bind (*ret_server, endpoint);
    cr_assert_eq (chmod (directory, 0755), 0);
    cr_assert_eq (chmod (endpoint + strlen ("ipc://"), 0777), 0);
}

/*  Connects as another user. Returns whether he was admitted. */
static bool user_is_admitted (uid_t uid, gid_t gid, const char *endpoint)
{
    int status;
    pid_t child = fork ();
    cr_assert_geq (child, 0);
    if (child == 0) {
        if (setgid (gid) < 0 || setuid (uid) < 0)
            _exit (2);
        int fd = raw_connect (endpoint);
        if (fd < 0)
            _exit (3);
        raw_greet (fd, (const char *const[]){"Socket-Type", "DEALER", "User-Id", "0:0:1", NULL});
        _exit (raw_is_admitted (fd) ? 0 : 1);
    }
    cr_assert_eq (waitpid (child, &status, 0), child);
    cr_assert (WIFEXITED (status) && WEXITSTATUS (status) < 2, "the child could not connect");
    return WEXITSTATUS (status) == 0;
}

Test (zap, a_user_who_is_not_admitted_is_refused_over_ipc)
{
    if (geteuid () != 0)
        cr_skip_test ("only root can connect as somebody else");
    struct bus_socket *server;
    const char *endpoint = rig_ipc ("control");
    cr_assert_eq (bus_admission_allow_uid (table, 0, BUS_CHANNELS_ALL), 0);
    cr_assert_eq (bus_admission_allow_uid (table, 12345, 1u << BUS_CHANNEL_EVENTS), 0);
    server_local (&server, endpoint);
    cr_expect (user_is_admitted (0, 0, endpoint));
    cr_expect_not (user_is_admitted (12346, 0, endpoint), "the group of root does not help");
    cr_expect_eq (bus_admission_counts (table).local, 1);
    cr_expect_not (user_is_admitted (12345, 12345, endpoint), "admitted to another channel only");
    cr_expect_eq (bus_admission_counts (table).channel, 1);
    cr_assert_eq (bus_admission_allow_uid (table, 12345, 1u << BUS_CHANNEL_CONTROL), 0);
    cr_expect (user_is_admitted (12345, 12345, endpoint));
    bus_socket_free (server);
}

Test (zap, without_keys_only_ipc_can_be_bound)
{
    struct base_error error = {0};
    struct bus_socket *server = keyed_server (BUS_ROUTER, BUS_CHANNEL_CONTROL, false, &heard);
    cr_assert_eq (bus_socket_bind (server, "tcp://127.0.0.1:*", &error), -EPERM);
    cr_assert_str_not_empty (error.text);
    cr_assert_eq (bus_socket_bind (server, "inproc://control", &error), -EPERM);
    bus_socket_free (server);
}

/*  ZMTP 1 and 2 have no handshake that could be checked. */
static const char zmtp_1[] = "\x01\0\x02\0x", zmtp_2[] = "\xff\0\0\0\0\0\0\0\1\x7f\1\5\0\0\0\1x";

static void expect_old (struct bus_socket *server, const char *bytes, size_t size, bool admitted)
{
    char answer[512];
    ssize_t got = 1;
    int fd = raw_connect (bus_socket_endpoint (server));
    heard.refused = 0;
    raw_send (fd, bytes, size);
    if (admitted)
        hear_one (); /* the message is refused later, because it is not one of the schema */
    else
        while (got > 0)
            got = recv (fd, answer, sizeof answer, 0); /* until the server closes the connection */
    cr_expect_eq (heard.refused, admitted);
    (void) close (fd);
}

Test (zap, protocols_without_a_handshake_are_refused)
{
    cr_assert_eq (bus_admission_allow_uid (table, geteuid (), BUS_CHANNELS_ALL), 0);
    struct bus_socket *checked = keyed_server (BUS_ROUTER, BUS_CHANNEL_CONTROL, false, &heard);
    struct bus_socket *open = rig_socket (
        BUS_ROUTER, &(struct bus_socket_options){.on_refused = on_heard_refused, .context = &heard});
    rig_bind (checked, rig_ipc ("checked"));
    rig_bind (open, rig_ipc ("open"));
    expect_old (open, zmtp_1, sizeof zmtp_1 - 1, true);
    expect_old (open, zmtp_2, sizeof zmtp_2 - 1, true);
    expect_old (checked, zmtp_1, sizeof zmtp_1 - 1, false);
    expect_old (checked, zmtp_2, sizeof zmtp_2 - 1, false);
    bus_socket_free (checked);
    bus_socket_free (open);
}

/*  What ends with a permission. */

struct listener {
    unsigned received;
};

static void on_text (void *context, const char *topic, const char *text)
{
    struct listener *listener = context;
    (void) topic;
    (void) text;
    listener->received++;
    bus_loop_stop (loop);
}

static struct bus_socket *listen_with (const struct pair *pair, struct listener *listener,
                                       const struct bus_socket *server)
{
    struct bus_socket *socket = keyed_client (
        BUS_SUB, pair,
        &(struct bus_socket_options){.on_text = on_text, .on_denied = on_denied, .context = listener},
        bus_socket_endpoint (server));
    cr_assert_eq (bus_socket_subscribe (socket, "node"), 0);
    return socket;
}

static bool two_have_subscribed (void *server)
{
    return bus_socket_counts (server).received == 2;
}

/*  Two listeners, of which one is revoked by take (). */
static void expect_revoked (void (*take) (const struct pair *revoked, const struct pair *other))
{
    struct pair revoked = pair_make (), other = pair_make ();
    struct listener first = {0}, second = {0};
    keyed_allow (&revoked, BUS_CHANNELS_ALL);
    keyed_allow (&other, BUS_CHANNELS_ALL);
    struct bus_socket *server = keyed_server (BUS_PUB, BUS_CHANNEL_EVENTS, true, &heard);
    rig_bind (server, "tcp://127.0.0.1:*");
    struct bus_socket *one = listen_with (&revoked, &first, server),
                      *two = listen_with (&other, &second, server);
    keyed_until (two_have_subscribed, server);
    cr_assert_eq (bus_publish_text (server, "node", "one"), 0);
    while (first.received + second.received < 2)
        rig_run ();

    take (&revoked, &other);
    cr_assert_eq (bus_socket_counts (server).ended[BUS_END_REVOKED], 1,
                  "it was ended before the call returned");
    cr_assert_eq (bus_publish_text (server, "node", "two"), 0);
    while (second.received < 2 || n_denied == 0)
        rig_run ();
    cr_assert_eq (bus_publish_text (server, "node", "three"), 0);
    while (second.received < 3)
        rig_run ();
    cr_assert_eq (first.received, 1);
    cr_assert_eq (n_denied, 1);
    cr_assert_eq (bus_socket_counts (server).ended[BUS_END_REVOKED], 1);
    bus_socket_free (one);
    bus_socket_free (two);
    bus_socket_free (server);
}

static void take_by_remove (const struct pair *revoked, const struct pair *other)
{
    (void) other;
    cr_assert (bus_admission_remove (table, &revoked->fingerprint));
}

static void take_by_channel (const struct pair *revoked, const struct pair *other)
{
    (void) other;
    keyed_allow (revoked, 1u << BUS_CHANNEL_CONTROL);
}

static void take_by_replace (const struct pair *revoked, const struct pair *other)
{
    char *keys[] = {(char *) (uintptr_t) other->public_key, NULL};
    (void) revoked;
    cr_assert_eq (bus_admission_replace (table, keys, BUS_CHANNELS_ALL), 0);
}

Test (zap, a_listener_whose_key_is_removed_hears_nothing_more)
{
    expect_revoked (take_by_remove);
}

Test (zap, a_listener_whose_key_loses_the_channel_hears_nothing_more)
{
    expect_revoked (take_by_channel);
}

Test (zap, a_listener_whose_key_is_not_in_the_new_settings_hears_nothing_more)
{
    expect_revoked (take_by_replace);
}

static unsigned n_subscribed, n_cancelled;

static void on_subscription (void *context, const char *topic, bool subscribed)
{
    (void) context;
    cr_assert_str_eq (topic, "node");
    n_subscribed += subscribed;
    n_cancelled += !subscribed;
    bus_loop_stop (loop);
}

/*  libzmq cancels the topics of a peer that has left, in a message of nobody. */
Test (zap, the_topics_of_a_listener_that_leaves_are_cancelled)
{
    struct pair pair = pair_make ();
    struct listener listener = {0};
    struct bus_keys keys = {.is_server = true};
    keyed_allow (&pair, BUS_CHANNELS_ALL);
    cr_assert_eq (base_text_copy (keys.secret_key, sizeof keys.secret_key, server_pair.secret_key), 0);
    struct bus_socket *server =
        rig_socket (BUS_XPUB, &(struct bus_socket_options){.on_subscription = on_subscription,
                                                           .keys = &keys,
                                                           .admission = table,
                                                           .channel = BUS_CHANNEL_ANNOUNCE});
    rig_bind (server, "tcp://127.0.0.1:*");
    struct bus_socket *client = listen_with (&pair, &listener, server);
    rig_run ();
    cr_assert_eq (n_subscribed, 1);
    bus_socket_free (client);
    rig_run ();
    cr_assert_eq (n_cancelled, 1);
    cr_assert_eq (bus_socket_counts (server).malformed, 0);
    bus_socket_free (server);
}

static bool one_was_admitted (void *context)
{
    return bus_admission_counts (context).admitted == 1;
}

/*  Its key is not known, so it might be the one. */
Test (zap, a_listener_without_a_subscription_is_ended_too)
{
    struct pair pair = pair_make (), other = pair_make ();
    keyed_allow (&pair, BUS_CHANNELS_ALL);
    struct bus_socket *server = keyed_server (BUS_PUB, BUS_CHANNEL_EVENTS, true, &heard);
    rig_bind (server, "tcp://127.0.0.1:*");
    struct bus_socket *client = keyed_client (BUS_SUB, &pair, &reports_denial, bus_socket_endpoint (server));
    keyed_until (one_was_admitted, table);

    /* nobody loses this channel */
    char *keys[] = {pair.public_key, NULL}, *both[] = {pair.public_key, other.public_key, NULL};
    keyed_allow (&other, 1u << BUS_CHANNEL_CONTROL);
    cr_assert (bus_admission_remove (table, &other.fingerprint));
    keyed_allow (&pair, BUS_CHANNELS_ALL);
    cr_assert_eq (bus_admission_replace (table, both, 1u << BUS_CHANNEL_EVENTS), 0);
    cr_assert_eq (bus_admission_replace (table, both, BUS_CHANNELS_ALL), 0);
    cr_assert_eq (bus_socket_counts (server).ended[BUS_END_REVOKED], 0);

    cr_assert_eq (bus_admission_replace (table, keys, BUS_CHANNELS_ALL), 0);
    cr_assert_eq (bus_socket_counts (server).ended[BUS_END_REVOKED], 1,
                  "it may be the one with the other key");
    cr_assert_eq (bus_socket_counts (server).received, 0);
    cr_assert (bus_admission_remove (table, &pair.fingerprint));
    while (n_denied == 0)
        rig_run ();
    bus_socket_free (client);
    bus_socket_free (server);
}

static void wait_until_readable (struct bus_socket *server)
{
    zmq_pollitem_t item = {.socket = server->zmq, .events = ZMQ_POLLIN};
    cr_assert_eq (zmq_poll (&item, 1, (long) load_deadline_ms (10000)), 1);
}

/*  The connection has sent no message yet: its key is not known when it is removed. */
Test (zap, a_message_that_waits_when_its_key_is_removed_is_refused)
{
    struct pair pair = pair_make ();
    keyed_allow (&pair, BUS_CHANNELS_ALL);
    struct bus_socket *server = keyed_server (BUS_ROUTER, BUS_CHANNEL_CONTROL, true, &heard);
    rig_bind (server, "tcp://127.0.0.1:*");
    struct bus_socket *client =
        keyed_client (BUS_DEALER, &pair, &reports_denial, bus_socket_endpoint (server));
    keyed_beat (client);
    wait_until_readable (server);
    cr_assert (bus_admission_remove (table, &pair.fingerprint));
    cr_assert_eq (bus_socket_counts (server).ended[BUS_END_REVOKED], 0);
    hear_one ();
    cr_assert_eq (heard.received, 0);
    cr_assert_eq (heard.refused, 1);
    cr_assert_eq (heard.why, BUS_REFUSED_KEY);
    cr_assert (base_digest_equal (&heard.peer.sender.key, &pair.fingerprint));
    cr_assert_eq (bus_socket_counts (server).refused[BUS_REFUSED_KEY], 1);
    cr_assert_eq (bus_socket_counts (server).ended[BUS_END_REVOKED], 1);
    while (n_denied == 0)
        rig_run ();
    bus_socket_free (client);
    bus_socket_free (server);
}

Test (zap, a_client_whose_key_is_removed_is_disconnected_and_the_others_stay)
{
    struct pair pair = pair_make (), other = pair_make ();
    keyed_allow (&pair, BUS_CHANNELS_ALL);
    keyed_allow (&other, BUS_CHANNELS_ALL);
    struct bus_socket *server = keyed_server (BUS_ROUTER, BUS_CHANNEL_CONTROL, true, &heard);
    rig_bind (server, "tcp://127.0.0.1:*");
    struct bus_socket *clients[3];
    for (unsigned i = 0; i < 3; i++) {
        clients[i] =
            keyed_client (BUS_DEALER, i < 2 ? &pair : &other, &reports_denial, bus_socket_endpoint (server));
        keyed_beat (clients[i]);
        hear_one ();
    }
    struct bus_peer peer = heard.peer;
    cr_assert (bus_admission_remove (table, &pair.fingerprint));
    cr_assert_eq (bus_socket_counts (server).ended[BUS_END_REVOKED], 2);
    while (n_denied < 2)
        rig_run ();
    keyed_beat (clients[2]);
    hear_one ();
    cr_assert (bus_peer_equal (&heard.peer, &peer), "it has not even connected again");
    cr_assert_eq (heard.received, 4);
    for (unsigned i = 0; i < 3; i++)
        bus_socket_free (clients[i]);
    bus_socket_free (server);
}

Test (zap, the_connections_of_one_key_can_be_ended_while_it_stays_admitted)
{
    struct pair pair = pair_make (), other = pair_make ();
    keyed_allow (&pair, BUS_CHANNELS_ALL);
    keyed_allow (&other, BUS_CHANNELS_ALL);
    struct bus_socket *server = keyed_server (BUS_ROUTER, BUS_CHANNEL_CONTROL, true, &heard);
    rig_bind (server, "tcp://127.0.0.1:*");
    const char *endpoint = bus_socket_endpoint (server);
    struct bus_socket *one = keyed_client (BUS_DEALER, &pair, &reports_denial, endpoint);
    struct bus_socket *two = keyed_client (BUS_DEALER, &other, &reports_denial, endpoint);
    keyed_beat (one);
    hear_one ();
    struct bus_peer peer = heard.peer;
    keyed_beat (two);
    hear_one ();
    cr_assert_eq (bus_socket_end_sender (server, &pair.fingerprint), 1);
    cr_assert_eq (bus_socket_end_sender (server, &pair.fingerprint), 0);
    do { /* until it has connected again; what is sent before may be lost */
        (void) bus_send (one, NULL, &wire_heartbeat_record, &(struct wire_heartbeat){.sender = "somebody"});
        rig_run_for (20);
    } while (heard.received < 3);
    cr_assert (base_digest_equal (&heard.peer.sender.key, &pair.fingerprint));
    cr_assert_not (bus_peer_equal (&heard.peer, &peer));
    cr_assert_eq (n_denied, 0);
    bus_socket_free (one);
    bus_socket_free (two);
    bus_socket_free (server);
}

Test (zap, a_local_user_who_is_removed_is_disconnected)
{
    cr_assert_eq (bus_admission_allow_uid (table, geteuid (), BUS_CHANNELS_ALL), 0);
    struct bus_socket *server = keyed_server (BUS_ROUTER, BUS_CHANNEL_CONTROL, false, &heard);
    rig_bind (server, rig_ipc ("control"));
    struct bus_socket *client = rig_socket (BUS_DEALER, &reports_denial);
    rig_connect (client, bus_socket_endpoint (server));
    keyed_beat (client);
    hear_one ();
    cr_assert (bus_admission_remove_uid (table, geteuid ()));
    cr_assert_eq (bus_socket_counts (server).ended[BUS_END_REVOKED], 1);
    while (n_denied == 0)
        rig_run ();
    cr_assert_eq (heard.received, 1);
    bus_socket_free (client);
    bus_socket_free (server);
}

/*  A descriptor of the server's only connection. */
static int server_fd (const struct bus_socket *server)
{
    const struct bus_guard *guard = server->guard;
    for (size_t i = 0; i < guard->n_table; i++)
        if (guard->table[i] && guard->table[i]->socket == server)
            return (int) i;
    return -1;
}

/*  Waits, without running the loop, until libzmq has closed a descriptor, or has got it again for another
    connection. */
static void until_cookie (int fd, uint64_t old, bool closed)
{
    uint64_t cookie = old;
    for (uint64_t tries = load_deadline_ms (10000); tries > 0; tries--) {
        cookie = bus_connection_cookie (fd);
        if (closed ? cookie == 0 : cookie != 0 && cookie != old)
            return;
        (void) poll (NULL, 0, 1);
    }
    cr_assert_fail ("the descriptor was not %s", closed ? "closed" : "used again");
}

static unsigned n_handled;

/*  Revokes somebody else's key, as the handler of a request may do, and uses the connection afterwards. */
static void on_revoking (void *context, struct bus_socket *socket, const struct bus_message *message)
{
    struct pair *pair = context;
    (void) socket;
    if (++n_handled == 2) {
        cr_assert (bus_admission_remove (table, &pair->fingerprint));
        bus_connection_keep (message->from);
        cr_assert (bus_connection_mark (message->from, 7));
    }
    bus_loop_stop (loop);
}

/*  The peer has sent a message and left, and its descriptor already belongs to another connection. */
Test (zap, a_handler_can_revoke_a_key_although_its_own_connection_is_gone)
{
    struct pair pair = pair_make ();
    keyed_allow (&pair, BUS_CHANNELS_ALL);
    cr_assert_eq (bus_admission_allow_uid (table, geteuid (), BUS_CHANNELS_ALL), 0);
    struct bus_socket *server = rig_socket (
        BUS_ROUTER,
        &(struct bus_socket_options){
            .on_message = on_revoking, .context = &pair, .admission = table, .channel = BUS_CHANNEL_CONTROL});
    const char *endpoint = rig_ipc ("control");
    rig_bind (server, endpoint);
    int peer = raw_connect (endpoint);
    raw_greet (peer, (const char *const[]){"Socket-Type", "DEALER", NULL});
    cr_assert (raw_is_admitted (peer));
    raw_beat (peer);
    rig_run ();
    int fd = server_fd (server);
    uint64_t cookie = bus_connection_cookie (fd);
    raw_beat (peer);
    wait_until_readable (server);
    (void) close (peer);
    until_cookie (fd, cookie, true);
    peer = raw_connect (endpoint);
    until_cookie (fd, cookie, false);
    rig_run ();
    cr_assert_eq (n_handled, 2);
    (void) close (peer);
    bus_socket_free (server);
}

/*  The end of the check. */

Test (zap, the_loop_ends_when_the_check_of_clients_ends)
{
    struct pair pair = pair_make ();
    struct base_error error = {0};
    struct bus_socket *none = NULL;
    keyed_allow (&pair, BUS_CHANNELS_ALL);
    struct bus_socket *server = keyed_server (BUS_ROUTER, BUS_CHANNEL_CONTROL, true, &heard);
    rig_bind (server, "tcp://127.0.0.1:*");
    const char *endpoint = bus_socket_endpoint (server);
    struct bus_socket *client = keyed_client (BUS_DEALER, &pair, &reports_denial, endpoint);
    keyed_beat (client);
    hear_one ();

    atomic_store (&checks_fail, true);
    struct bus_socket *next = keyed_client (BUS_DEALER, &pair, &reports_denial, endpoint);
    cr_assert_eq (bus_loop_run (loop), -ENOTRECOVERABLE);

    /* libzmq admits nobody: a peer with a good key waits in vain */
    struct bus_socket *late = keyed_client (BUS_DEALER, &pair, &reports_denial, endpoint);
    zmq_pollitem_t item = {.socket = server->zmq, .events = ZMQ_POLLIN};
    keyed_beat (late);
    cr_assert_eq (zmq_poll (&item, 1, 300), 0);

    /* nothing is served any more, and nothing new can be */
    keyed_beat (client);
    wait_until_readable (server);
    cr_assert_eq (bus_loop_run (loop), -ENOTRECOVERABLE);
    cr_assert_eq (heard.received, 1);
    cr_assert_eq (
        bus_socket_new (loop, BUS_ROUTER,
                        &(struct bus_socket_options){.admission = table, .channel = BUS_CHANNEL_CONTROL},
                        &none, &error),
        -ENOTRECOVERABLE);
    cr_assert_null (none);
    bus_socket_free (late);
    bus_socket_free (next);
    bus_socket_free (client);
    bus_socket_free (server);
}
