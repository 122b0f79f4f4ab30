/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/bus/keyed.h - shared by the tests of servers that check who connects: key pairs, a table, servers and
    clients with keys, and peers that speak ZMTP themselves */

#ifndef TEST_BUS_KEYED_H
#define TEST_BUS_KEYED_H

#include "rig.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/text.h"

struct pair {
    char public_key[BUS_KEY_TEXT], secret_key[BUS_KEY_TEXT];
    uint8_t key[BUS_KEY_BYTES];
    struct base_digest fingerprint;
};

static struct pair server_pair;
static struct bus_admission *table;

static struct pair pair_make (void)
{
    struct pair pair;
    cr_assert_eq (bus_keys_make (pair.public_key, pair.secret_key), 0);
    cr_assert_eq (bus_key_decode (pair.public_key, pair.key), 0);
    cr_assert_eq (bus_fingerprint_of (pair.public_key, &pair.fingerprint), 0);
    return pair;
}

static void keyed_setup (void)
{
    rig_setup ();
    server_pair = pair_make ();
    table = bus_admission_new ();
    cr_assert_not_null (table);
}

static void keyed_teardown (void)
{
    rig_teardown ();
    table = bus_admission_free (table);
}

static void keyed_allow (const struct pair *pair, unsigned channels)
{
    cr_assert_eq (bus_admission_allow (table, pair->key, channels), 0);
}

/*  What a server received, and refused. */
struct heard {
    unsigned received, refused, stop_at; /* stops the loop at this number of both together */
    struct bus_peer peer;                /* of the last message */
    enum bus_refused why;                /* of the last refusal */
};

static void heard_count (struct heard *heard)
{
    if (heard->received + heard->refused == heard->stop_at)
        bus_loop_stop (loop);
}

static void on_heard (void *context, struct bus_socket *socket, const struct bus_message *message)
{
    struct heard *heard = context;
    (void) socket;
    heard->peer = message->peer;
    heard->received++;
    heard_count (heard);
}

static void on_heard_refused (void *context, struct bus_socket *socket, const struct bus_refusal *refusal)
{
    struct heard *heard = context;
    (void) socket;
    heard->peer = refusal->peer;
    heard->why = refusal->why;
    heard->refused++;
    heard_count (heard);
}

/*  A server of a channel that checks its clients in the table. with_keys: by CURVE. */
static struct bus_socket *keyed_server (enum bus_kind kind, enum bus_channel channel, bool with_keys,
                                        struct heard *heard)
{
    struct bus_keys keys = {.is_server = true};
    cr_assert_eq (base_text_copy (keys.secret_key, sizeof keys.secret_key, server_pair.secret_key), 0);
    return rig_socket (kind, &(struct bus_socket_options){.on_message = on_heard,
                                                          .on_refused = on_heard_refused,
                                                          .context = heard,
                                                          .keys = with_keys ? &keys : NULL,
                                                          .admission = table,
                                                          .channel = channel,
                                                          .no_payloads = true});
}

static struct bus_keys keyed_client_keys (const struct pair *pair)
{
    struct bus_keys keys = {.is_server = false};
    cr_assert_eq (base_text_copy (keys.public_key, sizeof keys.public_key, pair->public_key), 0);
    cr_assert_eq (base_text_copy (keys.secret_key, sizeof keys.secret_key, pair->secret_key), 0);
    cr_assert_eq (base_text_copy (keys.server_key, sizeof keys.server_key, server_pair.public_key), 0);
    return keys;
}

/*  options: further ones of the client. */
static struct bus_socket *keyed_client (enum bus_kind kind, const struct pair *pair,
                                        const struct bus_socket_options *options, const char *endpoint)
{
    struct bus_keys keys = keyed_client_keys (pair);
    struct bus_socket_options all = *options;
    all.keys = &keys;
    struct bus_socket *client = rig_socket (kind, &all);
    rig_connect (client, endpoint);
    return client;
}

static void keyed_beat (struct bus_socket *client)
{
    struct wire_heartbeat beat = {.sender = "somebody"};
    cr_assert_eq (bus_send (client, NULL, &wire_heartbeat_record, &beat), 0);
}

/*  Returns a descriptor that is connected to tcp://127.0.0.1:PORT or ipc://PATH, or -1. */
static int raw_connect (const char *endpoint)
{
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    struct sockaddr_in inet = {.sin_family = AF_INET};
    bool is_ipc = strncmp (endpoint, "ipc://", 6) == 0;
    int fd = socket (is_ipc ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void) snprintf (local.sun_path, sizeof local.sun_path, "%.100s", endpoint + 6);
    inet.sin_port = htons ((uint16_t) strtoul (strrchr (endpoint, ':') + 1, NULL, 10));
    inet.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
    const struct sockaddr *address = is_ipc ? (struct sockaddr *) &local : (struct sockaddr *) &inet;
    return connect (fd, address, is_ipc ? sizeof local : sizeof inet) < 0 ? -1 : fd;
}

static void raw_send (int fd, const void *data, size_t size)
{
    cr_assert_eq (send (fd, data, size, MSG_NOSIGNAL), (ssize_t) size);
}

/*  Appends a property of READY. */
static size_t raw_property (uint8_t *at, const char *name, const char *value)
{
    size_t name_size = strlen (name), size = strlen (value);
    at[0] = (uint8_t) name_size;
    memcpy (at + 1, name, name_size);
    memset (at + 1 + name_size, 0, 3);
    at[4 + name_size] = (uint8_t) size;
    memcpy (at + 5 + name_size, value, size);
    return 5 + name_size + size;
}

/*  Sends the greeting of NULL, and READY with the properties (name, value, ..., NULL). */
static void raw_greet (int fd, const char *const *properties)
{
    static const char greeting[64] = "\xff\0\0\0\0\0\0\0\1\x7f\x03\0NULL";
    uint8_t ready[256] = "\x04\0\x05READY";
    size_t size = 8;
    for (; properties[0]; properties += 2)
        size += raw_property (ready + size, properties[0], properties[1]);
    ready[1] = (uint8_t) (size - 2);
    raw_send (fd, greeting, sizeof greeting);
    raw_send (fd, ready, size);
}

static bool raw_receive (int fd, void *data, size_t size)
{
    return recv (fd, data, size, MSG_WAITALL) == (ssize_t) size;
}

/*  Waits for the greeting and the first command of the other side. Returns whether that is READY. */
static bool raw_is_admitted (int fd)
{
    uint8_t greeting[64], command[2 + 255];
    return raw_receive (fd, greeting, sizeof greeting) && raw_receive (fd, command, 2) &&
           raw_receive (fd, command + 2, command[1]) && memcmp (command + 2, "\x05READY", 6) == 0;
}

/*  Sends a heartbeat message as two frames. Before READY has arrived that is an error. */
static void raw_beat (int fd)
{
    uint8_t frame[256];
    struct base_buffer map = {0};
    struct wire_heartbeat beat = {.sender = "somebody"};
    frame[0] = 1; /* more frames follow */
    frame[1] = WIRE_PREFIX_SIZE;
    wire_prefix (&wire_heartbeat_record, frame + 2);
    cr_assert_eq (wire_pack (&wire_heartbeat_record, &beat, &map, NULL), 0);
    size_t at = 2 + WIRE_PREFIX_SIZE;
    cr_assert_lt (at + 2 + map.size, sizeof frame);
    frame[at] = 0;
    frame[at + 1] = (uint8_t) map.size;
    memcpy (frame + at + 2, map.data, map.size);
    raw_send (fd, frame, at + 2 + map.size);
    base_buffer_deinit (&map);
}

/*  Runs the loop until check () is true; checks it every 5 ms: what libzmq does inside sends no event. */
typedef bool (keyed_check) (void *context);
struct keyed_until {
    keyed_check *check;
    void *context;
};

static void on_keyed_until (void *data)
{
    struct keyed_until *until = data;
    if (until->check (until->context))
        bus_loop_stop (loop);
    else
        (void) bus_timer_start (loop, 5, on_keyed_until, until);
}

static void keyed_until (keyed_check *check, void *context)
{
    struct keyed_until until = {check, context};
    (void) bus_timer_start (loop, 5, on_keyed_until, &until);
    cr_assert_eq (bus_loop_run (loop), 0);
}

static bool socket_has_ended_one (void *context)
{
    return bus_socket_counts (context).ended[BUS_END_REVOKED] > 0;
}

static bool table_has_refused (void *context)
{
    struct bus_admission_counts counts = bus_admission_counts (context);
    return counts.unknown + counts.channel + counts.local > 0;
}

#endif
