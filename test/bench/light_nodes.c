/* SPDX-License-Identifier: MPL-2.0 */
/*  test/bench/light_nodes.c - thousands of light nodes (light_node.h) in one process

        usage: light-nodes --port PORT [--first N] [--count N] [--step MIN:MAX] [--soak MS] [--fail PERMILLE]

    The nodes are named light-00001 and so on. A release whose version begins with "bad" fails its rehearsal
    on PERMILLE of 1000 nodes. Commands on standard input, one a line: "stat" prints one line of JSON, "mark"
    resets the counts, "flood N" makes N nodes ask again after each answer. At the end of standard input the
    nodes stop, with goodbyes. */

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "base/time.h"
#include "bench/light_node.h"
#include "bench/many_loop.h"
#include "bench/peers.h"
#include "bus/socket_private.h"

enum { VERSIONS_MOST = 8, DRAWS = 1000 };

struct member {
    struct light_node node;
    struct peers *peers;
    struct peers_one marks;
    bool flooding;
};

struct fleet {
    struct light_setting setting;
    struct peers peers;
    struct member *members;
    size_t n_members;
};

/*  Used by the functions that the linker puts between session and sockets (--wrap): they get no context. */
static struct peers *counted;

int __real_bus_send (struct bus_socket *socket, const struct bus_peer *peer, const struct wire_record *record,
                     const void *message);
int __wrap_bus_send (struct bus_socket *socket, const struct bus_peer *peer, const struct wire_record *record,
                     const void *message);
int __real_bus_socket_connect (struct bus_socket *socket, const char *endpoint, struct base_error *error);
int __wrap_bus_socket_connect (struct bus_socket *socket, const char *endpoint, struct base_error *error);
int __real_bus_socket_subscribe (struct bus_socket *socket, const char *topic);
int __wrap_bus_socket_subscribe (struct bus_socket *socket, const char *topic);
int __real_bus_socket_reconnect (struct bus_socket *socket);
int __wrap_bus_socket_reconnect (struct bus_socket *socket);
bool __real_bus_socket_is_ready (const struct bus_socket *socket);
bool __wrap_bus_socket_is_ready (const struct bus_socket *socket);

int __wrap_bus_send (struct bus_socket *socket, const struct bus_peer *peer, const struct wire_record *record,
                     const void *message)
{
    int r = __real_bus_send (socket, peer, record, message);
    many_loop_touch (socket->source);
    if (r == 0 && record == &wire_hello_record)
        peers_hello (counted);
    else if (record == &wire_report_record)
        counted->reports++;
    return r;
}

int __wrap_bus_socket_connect (struct bus_socket *socket, const char *endpoint, struct base_error *error)
{
    many_loop_touch (socket->source);
    return __real_bus_socket_connect (socket, endpoint, error);
}

int __wrap_bus_socket_subscribe (struct bus_socket *socket, const char *topic)
{
    many_loop_touch (socket->source);
    return __real_bus_socket_subscribe (socket, topic);
}

int __wrap_bus_socket_reconnect (struct bus_socket *socket)
{
    many_loop_touch (socket->source);
    return __real_bus_socket_reconnect (socket);
}

bool __wrap_bus_socket_is_ready (const struct bus_socket *socket)
{
    many_loop_touch (socket->source);
    return __real_bus_socket_is_ready (socket);
}

static void on_welcome (void *context)
{
    struct member *member = context;
    peers_welcome (member->peers, &member->marks);
}

static void on_hint (void *context)
{
    struct member *member = context;
    peers_hint (member->peers, &member->marks);
}

static void on_desired (void *context)
{
    struct member *member = context;
    peers_answer (member->peers, &member->marks);
    if (member->flooding)
        node_subject_ask (&member->node.subject);
}

static const struct light_ops ops = {.welcome = on_welcome, .hint = on_hint, .desired = on_desired};

static void stat_nodes (const struct fleet *fleet)
{
    struct {
        const char *name;
        size_t count;
    } versions[VERSIONS_MOST] = {{NULL, 0}};
    uint64_t open = 0, resting = 0, held = 0, taken = 0, most = 0, confirmed = 0, failed = 0, reverted = 0,
             refused = 0;
    size_t n = 0;
    for (size_t i = 0; i < fleet->n_members; i++) {
        const struct light_node *node = &fleet->members[i].node;
        size_t at = 0;
        open += node->session && node_session_is_open (node->session);
        resting += update_order_at_rest (node->procedure.state);
        held += node->order_state.held;
        taken += node->taken;
        most = node->taken > most ? node->taken : most;
        confirmed += node->confirmed;
        failed += node->failed;
        reverted += node->reverted;
        refused += node->refused;
        while (at < n && strcmp (versions[at].name, node->running.name) != 0)
            at++;
        if (at == n && n < VERSIONS_MOST)
            versions[n++].name = node->running.name;
        if (at < VERSIONS_MOST)
            versions[at].count++;
    }
    printf (",\"open\":%" PRIu64 ",\"resting\":%" PRIu64 ",\"held\":%" PRIu64 ",\"taken\":%" PRIu64
            ",\"taken_most\":%" PRIu64 ",\"confirmed\":%" PRIu64 ",\"failed\":%" PRIu64
            ",\"reverted\":%" PRIu64 ",\"refused\":%" PRIu64 ",\"versions\":{",
            open, resting, held, taken, most, confirmed, failed, reverted, refused);
    for (size_t i = 0; i < n; i++)
        printf ("%s\"%s\":%zu", i ? "," : "", versions[i].name, versions[i].count);
    printf ("}");
}

static void on_stat (void *context)
{
    stat_nodes (context);
}

static void on_mark (void *context)
{
    struct fleet *fleet = context;
    for (size_t i = 0; i < fleet->n_members; i++)
        fleet->members[i].marks = (struct peers_one){.hinted = false};
}

static void on_flood (void *context, unsigned count)
{
    struct fleet *fleet = context;
    for (size_t i = 0; i < fleet->n_members; i++) {
        struct member *member = &fleet->members[i];
        member->flooding = i < count;
        if (member->flooding && member->node.session)
            node_subject_ask (&member->node.subject);
    }
}

static int node_prepare (struct fleet *fleet, struct member *member, unsigned number, unsigned port,
                         uint64_t soak_ms, uint64_t fail, struct base_error *error)
{
    struct light_node *node = &member->node;
    char id[32], broker[64];
    int r = identity_config_init (&node->config, "/nowhere");
    if (r < 0)
        return r;
    (void) snprintf (id, sizeof id, "light-%05u", number);
    (void) snprintf (broker, sizeof broker, "127.0.0.1:%u", port);
    r = identity_config_set (&node->config, "node/id", id, error);
    r = r ? r : bus_endpoints_parse (broker, &node->config.endpoints, error);
    if (r)
        return r;
    node->config.soak_ms = soak_ms;
    node->setting = &fleet->setting;
    node->context = member;
    node->running = (struct light_version){.release = base_digest_of ("light release", 13),
                                           .binary = base_digest_of ("light binary", 12),
                                           .size = 1};
    (void) base_text_copy (node->running.name, sizeof node->running.name, "1.0.0");
    node->fails = base_digest_of (id, strlen (id)).bytes[1] * DRAWS / 256 < (int) fail;
    member->peers = &fleet->peers;
    return light_node_start (node, error);
}

static bool number_parse (const char *text, uint64_t most, uint64_t *ret)
{
    return base_text_parse_u64 (text, most, ret) == 0;
}

int main (int argc, char **argv)
{
    static const struct option options[] = {
        {"port", 1, NULL, 'p'}, {"first", 1, NULL, 'f'}, {"count", 1, NULL, 'n'}, {"step", 1, NULL, 's'},
        {"soak", 1, NULL, 'k'}, {"fail", 1, NULL, 'x'},  {NULL, 0, NULL, 0}};
    uint64_t port = 0, first = 1, count = 1, soak = 100, share = 0;
    struct fleet fleet = {.n_members = 0};
    struct base_error error = {.code = 0};
    bool good = true;
    for (int c; good && (c = getopt_long (argc, argv, "", options, NULL)) != -1;) {
        char *colon = c == 's' ? strchr (optarg, ':') : NULL;
        if (colon)
            *colon = '\0';
        good = c == 'p'   ? number_parse (optarg, 65535, &port)
               : c == 'f' ? number_parse (optarg, 99999, &first)
               : c == 'n' ? number_parse (optarg, 20000, &count)
               : c == 'k' ? number_parse (optarg, 3600000, &soak)
               : c == 'x' ? number_parse (optarg, DRAWS, &share)
               : c == 's' ? colon && number_parse (optarg, 3600000, &fleet.setting.step_least) &&
                                number_parse (colon + 1, 3600000, &fleet.setting.step_most) &&
                                fleet.setting.step_least <= fleet.setting.step_most
                          : false;
    }
    if (!good || !port) {
        fprintf (stderr, "light-nodes: bad usage; see the beginning of light_nodes.c\n");
        return 2;
    }
    base_log_set_level (BASE_LOG_ERROR);
    counted = &fleet.peers;
    fleet.setting.loop = bus_loop_new ();
    fleet.setting.ops = &ops;
    fleet.members = calloc (count, sizeof *fleet.members);
    fleet.peers.ops = (struct peers_ops){.stat = on_stat, .mark = on_mark, .flood = on_flood};
    int r =
        fleet.setting.loop && fleet.members ? peers_init (&fleet.peers, fleet.setting.loop, &fleet) : -ENOMEM;
    for (size_t i = 0; r == 0 && i < count; i++) {
        fleet.n_members++;
        r = node_prepare (&fleet, &fleet.members[i], (unsigned) (first + i), (unsigned) port, soak, share,
                          &error);
    }
    if (r)
        fprintf (stderr, "light-nodes: %s\n", *error.text ? error.text : strerror (r < 0 ? -r : r));
    else
        r = bus_loop_run (fleet.setting.loop);
    for (size_t i = 0; i < fleet.n_members; i++)
        light_node_stop (&fleet.members[i].node);
    free (fleet.members);
    peers_deinit (&fleet.peers);
    (void) bus_loop_free (fleet.setting.loop);
    return r ? 1 : 0;
}
