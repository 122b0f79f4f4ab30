/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/bus/curve.c - CURVE: which clients a server admits, and errors of keys */

#include "rig.h"

#include "base/text.h"

static struct bus_admission *tables[4];
static size_t n_tables;

/*  A table of the keys (Z85, NULL-terminated). */
static struct bus_admission *table_of (char *const *allowed)
{
    struct bus_admission *table = tables[n_tables++] = bus_admission_new ();
    cr_assert_not_null (table);
    cr_assert_eq (bus_admission_replace (table, allowed, BUS_CHANNELS_ALL), 0);
    return table;
}

static void teardown (void)
{
    rig_teardown ();
    while (n_tables > 0)
        bus_admission_free (tables[--n_tables]);
}

TestSuite (curve, .init = rig_setup, .fini = teardown, .timeout = 60);

struct pair {
    char public_key[41], secret_key[41];
};

static unsigned n_received;

static void on_message (void *context, struct bus_socket *socket, const struct bus_message *message)
{
    (void) context;
    (void) socket;
    (void) message;
    n_received++;
    bus_loop_stop (loop);
}

static struct pair make_pair (void)
{
    struct pair pair;
    cr_assert_eq (bus_keys_make (pair.public_key, pair.secret_key), 0);
    return pair;
}

static struct bus_socket *server_with (const struct pair *pair, char *const *allowed)
{
    struct bus_keys keys = {.is_server = true};
    cr_assert_eq (base_text_copy (keys.secret_key, sizeof keys.secret_key, pair->secret_key), 0);
    struct bus_socket *server =
        rig_socket (BUS_ROUTER, &(struct bus_socket_options){.on_message = on_message,
                                                             .keys = &keys,
                                                             .admission = table_of (allowed),
                                                             .channel = BUS_CHANNEL_CONTROL});
    rig_bind (server, "tcp://127.0.0.1:*");
    return server;
}

static struct bus_socket *client_with (const struct pair *pair, const struct pair *server_pair,
                                       const struct bus_socket *server)
{
    struct bus_keys keys = {0};
    cr_assert_eq (base_text_copy (keys.public_key, sizeof keys.public_key, pair->public_key), 0);
    cr_assert_eq (base_text_copy (keys.secret_key, sizeof keys.secret_key, pair->secret_key), 0);
    cr_assert_eq (base_text_copy (keys.server_key, sizeof keys.server_key, server_pair->public_key), 0);
    struct bus_socket *client = rig_socket (BUS_DEALER, &(struct bus_socket_options){.keys = &keys});
    rig_connect (client, bus_socket_endpoint (server));
    struct wire_heartbeat heartbeat = {.sender = "somebody"};
    cr_assert_eq (bus_send (client, NULL, &wire_heartbeat_record, &heartbeat), 0);
    return client;
}

Test (curve, an_allowed_key_is_admitted)
{
    struct pair server_pair = make_pair (), pair = make_pair (), other = make_pair ();
    char *allowed[] = {other.public_key, pair.public_key, NULL};
    struct bus_socket *server = server_with (&server_pair, allowed);
    struct bus_socket *client = client_with (&pair, &server_pair, server);
    rig_run ();
    cr_assert_eq (n_received, 1);
    bus_socket_free (client);
    bus_socket_free (server);
}

Test (curve, the_largest_payload_arrives_encrypted)
{
    struct pair server_pair = make_pair (), pair = make_pair ();
    char *allowed[] = {pair.public_key, NULL};
    struct bus_socket *server = server_with (&server_pair, allowed);
    struct bus_socket *client = client_with (&pair, &server_pair, server);
    static uint8_t data[WIRE_CHUNK_MOST];
    struct wire_put put = {.digest = base_digest_of ("x", 1), .size = WIRE_CHUNK_MOST};
    cr_assert_eq (bus_send_payload (client, NULL, &wire_put_record, &put, data, sizeof data, NULL, NULL), 0);
    while (n_received < 2)
        rig_run ();
    bus_socket_free (client);
    bus_socket_free (server);
}

Test (curve, a_key_that_is_not_in_the_list_is_refused)
{
    struct pair server_pair = make_pair (), pair = make_pair (), other = make_pair ();
    char *allowed[] = {other.public_key, NULL};
    struct bus_socket *server = server_with (&server_pair, allowed);
    struct bus_socket *client = client_with (&pair, &server_pair, server);
    rig_run_for (500);
    cr_assert_eq (n_received, 0);
    bus_socket_free (client);
    bus_socket_free (server);
}

Test (curve, without_a_list_every_key_is_refused)
{
    struct pair server_pair = make_pair (), pair = make_pair ();
    struct bus_socket *server = server_with (&server_pair, NULL);
    struct bus_socket *client = client_with (&pair, &server_pair, server);
    rig_run_for (500);
    cr_assert_eq (n_received, 0);
    bus_socket_free (client);
    bus_socket_free (server);
}

Test (curve, a_client_without_keys_is_refused)
{
    struct pair server_pair = make_pair (), other = make_pair ();
    char *allowed[] = {other.public_key, NULL};
    struct bus_socket *server = server_with (&server_pair, allowed);
    struct bus_socket *client = rig_socket (BUS_DEALER, &(struct bus_socket_options){0});
    rig_connect (client, bus_socket_endpoint (server));
    struct wire_heartbeat heartbeat = {.sender = "somebody"};
    cr_assert_eq (bus_send (client, NULL, &wire_heartbeat_record, &heartbeat), 0);
    rig_run_for (500);
    cr_assert_eq (n_received, 0);
    bus_socket_free (client);
    bus_socket_free (server);
}

Test (curve, a_client_with_another_server_key_sends_nothing)
{
    struct pair server_pair = make_pair (), pair = make_pair (), wrong = make_pair ();
    char *allowed[] = {pair.public_key, NULL};
    struct bus_socket *server = server_with (&server_pair, allowed);
    struct bus_socket *client = client_with (&pair, &wrong, server);
    rig_run_for (500);
    cr_assert_eq (n_received, 0);
    bus_socket_free (client);
    bus_socket_free (server);
}

Test (curve, each_server_has_its_own_list)
{
    struct pair server_pair = make_pair (), first = make_pair (), second = make_pair ();
    char *first_only[] = {first.public_key, NULL}, *second_only[] = {second.public_key, NULL};
    struct bus_socket *server = server_with (&server_pair, first_only);
    struct bus_socket *other = server_with (&server_pair, second_only);
    struct bus_socket *client = client_with (&second, &server_pair, server);
    rig_run_for (500);
    cr_assert_eq (n_received, 0);
    struct bus_socket *welcome = client_with (&second, &server_pair, other);
    rig_run ();
    cr_assert_eq (n_received, 1);
    bus_socket_free (client);
    bus_socket_free (welcome);
    bus_socket_free (server);
    bus_socket_free (other);
}

Test (curve, a_server_whose_keys_cannot_be_checked_is_not_made)
{
    /* Another socket already answers the ZAP requests of this context. */
    struct bus_socket *occupant = rig_socket (BUS_PULL, &(struct bus_socket_options){0});
    rig_bind (occupant, "inproc://zeromq.zap.01");
    struct pair server_pair = make_pair ();
    struct bus_keys keys = {.is_server = true};
    struct base_error error = {0};
    struct bus_socket *server = NULL;
    cr_assert_eq (base_text_copy (keys.secret_key, sizeof keys.secret_key, server_pair.secret_key), 0);
    cr_assert_lt (bus_socket_new (loop, BUS_ROUTER,
                                  &(struct bus_socket_options){.keys = &keys, .admission = table_of (NULL)},
                                  &server, &error),
                  0);
    cr_assert_null (server);
    cr_assert_str_not_empty (error.text);
    bus_socket_free (occupant);
}

Test (curve, invalid_keys_are_an_error)
{
    struct base_error error = {0};
    struct bus_socket *made = NULL;
    struct pair pair = make_pair ();
    struct bus_keys keys = {.is_server = true};
    cr_assert_lt (bus_socket_new (loop, BUS_ROUTER,
                                  &(struct bus_socket_options){.keys = &keys, .admission = table_of (NULL)},
                                  &made, &error),
                  0);
    cr_assert_eq (base_text_copy (keys.secret_key, sizeof keys.secret_key, pair.secret_key), 0);
    cr_assert_eq (
        bus_socket_new (loop, BUS_ROUTER, &(struct bus_socket_options){.keys = &keys}, &made, &error),
        -EINVAL, "a server with keys and without a table would admit every key");
    keys = (struct bus_keys){.public_key = "half a pair"};
    cr_assert_lt (
        bus_socket_new (loop, BUS_DEALER, &(struct bus_socket_options){.keys = &keys}, &made, &error), 0);
    keys = (struct bus_keys){0};
    cr_assert_eq (
        bus_socket_new (loop, BUS_DEALER, &(struct bus_socket_options){.keys = &keys}, &made, &error), 0);
    bus_socket_free (made);
}
