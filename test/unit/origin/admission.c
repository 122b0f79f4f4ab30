/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/origin/admission.c - each channel of an origin admits its own peers, and operations are told who asks */

#include "../bus/keyed.h"

#include "origin/origin.h"

TestSuite (admission, .init = keyed_setup, .fini = keyed_teardown, .timeout = 60);

static struct bus_peer asker;
static unsigned n_asked, n_denied, n_subscribed;

static int on_hello (void *context, const struct bus_peer *peer, const struct wire_hello *hello,
                     struct wire_welcome *answer)
{
    (void) context;
    (void) hello;
    asker = *peer;
    n_asked++;
    answer->status = WIRE_STATUS_OK;
    bus_loop_stop (loop);
    return 0;
}

static void on_subscription (void *context, const char *topic, bool subscribed)
{
    (void) context;
    (void) topic;
    n_subscribed += subscribed;
    bus_loop_stop (loop);
}

static void on_denied (void *context, struct bus_socket *socket)
{
    (void) context;
    (void) socket;
    n_denied++;
    bus_loop_stop (loop);
}

static const struct origin_ops operations = {.hello = on_hello, .subscription = on_subscription};
static const struct bus_socket_options reports_denial = {.on_denied = on_denied};

static struct origin *serve (const char *control_local)
{
    struct bus_keys keys = {.is_server = true};
    struct base_error error = {0};
    struct origin *origin = NULL;
    cr_assert_eq (base_text_copy (keys.secret_key, sizeof keys.secret_key, server_pair.secret_key), 0);
    const struct origin_config config = {.announce = "tcp://127.0.0.1:*",
                                         .control = "tcp://127.0.0.1:*",
                                         .content = "tcp://127.0.0.1:*",
                                         .control_local = control_local,
                                         .keys = &keys,
                                         .admission = table};
    cr_assert_eq (origin_new (loop, &config, &operations, NULL, &origin, &error), 0, "%s", error.text);
    return origin;
}

static void ask (struct bus_socket *client)
{
    const struct wire_hello hello = {.node = "web-17", .session = "s", .platform = "linux/amd64"};
    cr_assert_eq (bus_send (client, NULL, &wire_hello_record, &hello), 0);
    rig_run ();
}

Test (admission, an_operation_is_told_which_key_asks)
{
    struct pair pair = pair_make ();
    keyed_allow (&pair, 1u << BUS_CHANNEL_CONTROL);
    struct origin *origin = serve (NULL);
    struct bus_socket *client =
        keyed_client (BUS_DEALER, &pair, &reports_denial, origin_endpoint_control (origin));
    ask (client);
    cr_assert_eq (n_asked, 1);
    cr_assert_eq (asker.sender.kind, BUS_SENDER_KEY);
    cr_assert (base_digest_equal (&asker.sender.key, &pair.fingerprint));
    bus_socket_free (client);
    origin_free (origin);
}

Test (admission, a_local_user_reaches_control_without_a_key)
{
    const char *local = rig_ipc ("control");
    cr_assert_eq (bus_admission_allow_uid (table, geteuid (), 1u << BUS_CHANNEL_CONTROL), 0);
    struct origin *origin = serve (local);
    struct bus_socket *client = rig_socket (BUS_DEALER, &reports_denial);
    rig_connect (client, local);
    ask (client);
    cr_assert_eq (n_asked, 1);
    cr_assert_eq (asker.sender.kind, BUS_SENDER_LOCAL);
    cr_assert_eq (asker.sender.uid, geteuid ());
    cr_assert_neq (strcmp (origin_endpoint_control (origin), local), 0, "clients are given the port");
    bus_socket_free (client);
    origin_free (origin);
}

/*  Each key is admitted to one channel, and tries all three. */
Test (admission, a_channel_admits_only_its_own_peers)
{
    struct origin *origin = serve (NULL);
    const char *const endpoints[] = {origin_endpoint_announce (origin), origin_endpoint_control (origin),
                                     origin_endpoint_content (origin)};
    for (unsigned own = 0; own < 3; own++) {
        struct pair pair = pair_make ();
        keyed_allow (&pair, 1u << own);
        for (unsigned channel = 0; channel < 3; channel++) {
            uint64_t admitted = bus_admission_counts (table).admitted;
            unsigned denied = n_denied;
            struct bus_socket *client = keyed_client (channel == BUS_CHANNEL_ANNOUNCE ? BUS_SUB : BUS_DEALER,
                                                      &pair, &reports_denial, endpoints[channel]);
            if (channel == BUS_CHANNEL_ANNOUNCE)
                cr_assert_eq (bus_socket_subscribe (client, "update/all"), 0);
            while (n_denied == denied && bus_admission_counts (table).admitted == admitted)
                rig_run_for (5);
            cr_expect_eq (n_denied - denied, channel != own, "key of %u on %u", own, channel);
            cr_expect_eq (bus_admission_counts (table).admitted - admitted, channel == own);
            bus_socket_free (client);
        }
    }
    cr_assert_eq (bus_admission_counts (table).channel, 6);
    origin_free (origin);
}
