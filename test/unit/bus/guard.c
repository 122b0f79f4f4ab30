/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/bus/guard.c - the guard ends connections that use too many resources and keeps the others

    If the guard fails, this process grows by a gigabyte a second until the deadline of the test, and the
    kernel kills other processes. Therefore a hostile peer sends at most ENDLESS_MOST bytes, and the address
    space of this process is limited to MEMORY_MOST. */

#include "rig.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/time.h"
#include "bus/socket_private.h"

enum { ENDLESS_MOST = 192 << 20, MEMORY_MOST = 1 << 30 /* address space: each thread reserves 64 MiB */ };

struct memory {
    size_t addresses, resident;
};

static struct memory memory_used (void)
{
    struct memory pages = {0};
    FILE *file = fopen ("/proc/self/statm", "r");
    cr_assert_eq (fscanf (file, "%zu %zu", &pages.addresses, &pages.resident), 2);
    (void) fclose (file);
    return (struct memory){pages.addresses * 4096, pages.resident * 4096};
}

static void set_up (void)
{
    const struct rlimit most = {.rlim_cur = MEMORY_MOST, .rlim_max = MEMORY_MOST};
    /* A sanitizer reserves terabytes of addresses. Then only ENDLESS_MOST limits the memory. */
    if (memory_used ().addresses < MEMORY_MOST)
        cr_assert_eq (setrlimit (RLIMIT_AS, &most), 0);
    rig_setup ();
}

TestSuite (guard, .init = set_up, .fini = rig_teardown, .timeout = 60);

struct seen {
    unsigned calls, stop_at;
    struct bus_peer peer;
};

static void on_message (void *context, struct bus_socket *socket, const struct bus_message *message)
{
    struct seen *seen = context;
    (void) socket;
    seen->peer = message->peer;
    if (++seen->calls == seen->stop_at)
        bus_loop_stop (loop);
}

static struct bus_socket *server_new (enum bus_kind kind, struct seen *seen, const char *endpoint)
{
    struct bus_socket *socket = rig_socket (
        kind, &(struct bus_socket_options){.on_message = on_message, .context = seen, .no_payloads = true});
    rig_bind (socket, endpoint);
    return socket;
}

/*  The ZeroMQ context of all strangers: peers that use libzmq directly. */
static void *context;

static void *stranger_new (int kind, const char *id, const char *endpoint)
{
    int linger = 0;
    context = context ? context : zmq_ctx_new ();
    void *socket = zmq_socket (context, kind);
    cr_assert_eq (zmq_setsockopt (socket, ZMQ_LINGER, &linger, sizeof linger), 0);
    if (id)
        cr_assert_eq (zmq_setsockopt (socket, ZMQ_ROUTING_ID, id, strlen (id)), 0);
    cr_assert_eq (zmq_connect (socket, endpoint), 0);
    return socket;
}

static void strangers_free (void *socket)
{
    cr_assert_eq (zmq_close (socket), 0);
    cr_assert_eq (zmq_ctx_term (context), 0);
    context = NULL;
}

static void send_beat (void *socket)
{
    uint8_t prefix[WIRE_PREFIX_SIZE];
    struct base_buffer map = {0};
    struct wire_heartbeat beat = {.sender = "somebody"};
    wire_prefix (&wire_heartbeat_record, prefix);
    cr_assert_eq (wire_pack (&wire_heartbeat_record, &beat, &map, NULL), 0);
    cr_assert_gt (zmq_send (socket, prefix, sizeof prefix, ZMQ_SNDMORE), 0);
    cr_assert_gt (zmq_send (socket, map.data, map.size, 0), 0);
    base_buffer_deinit (&map);
}

/*  Runs the loop until `count` connections of the socket were ended for the reason `why`. */
struct until {
    const struct bus_socket *socket;
    enum bus_end why;
    uint64_t count;
};

static void on_until (void *data)
{
    struct until *until = data;
    if (bus_socket_counts (until->socket).ended[until->why] >= until->count)
        bus_loop_stop (loop);
    else
        (void) bus_timer_start (loop, 5, on_until, until);
}

static void until_ended (const struct bus_socket *socket, enum bus_end why, uint64_t count)
{
    struct until until = {socket, why, count};
    (void) bus_timer_start (loop, 5, on_until, &until);
    cr_assert_eq (bus_loop_run (loop), 0);
}

Test (guard, routing_ids_cannot_be_predicted)
{
    struct seen seen = {.stop_at = 1};
    uint32_t number;
    /* NOLINTBEGIN(cert-*): libzmq takes the ids from this generator */
    srand (1);
    uint32_t low = (uint32_t) rand (), high = (uint32_t) rand ();
    srand (1);
    /* NOLINTEND(cert-*) */
    struct bus_socket *router = server_new (BUS_ROUTER, &seen, "tcp://127.0.0.1:*");
    void *dealer = stranger_new (ZMQ_DEALER, NULL, bus_socket_endpoint (router));
    send_beat (dealer);
    cr_assert_eq (bus_loop_run (loop), 0);
    cr_assert_eq (seen.peer.size, 5);
    number = (uint32_t) seen.peer.id[1] << 24 | (uint32_t) seen.peer.id[2] << 16 |
             (uint32_t) seen.peer.id[3] << 8 | seen.peer.id[4];
    cr_assert_neq (number, low | high << 31);
    strangers_free (dealer);
    bus_socket_free (router);
}

Test (guard, a_peer_that_chooses_its_routing_id_is_disconnected_and_others_stay)
{
    struct seen seen = {.stop_at = 1};
    struct bus_socket *router = server_new (BUS_ROUTER, &seen, "tcp://127.0.0.1:*");
    struct bus_socket *good = rig_socket (BUS_DEALER, &(struct bus_socket_options){0});
    struct wire_heartbeat beat = {.sender = "good"};
    rig_connect (good, bus_socket_endpoint (router));
    void *dealer = stranger_new (ZMQ_DEALER, "mine", bus_socket_endpoint (router));
    send_beat (dealer);
    until_ended (router, BUS_END_CLAIM, 1);
    cr_assert_eq (seen.calls, 0);
    cr_assert_eq (bus_send (good, NULL, &wire_heartbeat_record, &beat), 0);
    cr_assert_eq (bus_loop_run (loop), 0);
    cr_assert_eq (seen.calls, 1);
    strangers_free (dealer);
    bus_socket_free (good);
    bus_socket_free (router);
}

/*  libzmq sends no part of a message before the message is complete, so these helpers speak ZMTP themselves.
    Returns a connected descriptor, or -1. */
static int peer_connect (const char *endpoint)
{
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    struct sockaddr_in inet = {.sin_family = AF_INET};
    const char *colon = strrchr (endpoint, ':');
    bool is_ipc = strncmp (endpoint, "ipc://", 6) == 0;
    int fd = socket (is_ipc ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void) snprintf (local.sun_path, sizeof local.sun_path, "%.100s", endpoint + 6);
    inet.sin_port = htons ((uint16_t) strtoul (colon + 1, NULL, 10));
    inet.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
    return connect (fd, is_ipc ? (struct sockaddr *) &local : (struct sockaddr *) &inet,
                    is_ipc ? sizeof local : sizeof inet) < 0
               ? -1
               : fd;
}

static bool peer_greet (int fd, const char *type)
{
    static const char greeting[64] = "\xff\0\0\0\0\0\0\0\1\x7f\x03\0NULL";
    char ready[64], answer[512];
    size_t size = strlen (type), here = 0, most = 66;
    memcpy (ready, "\x04\0\x05READY\x0bSocket-Type\0\0\0", 23);
    ready[1] = (char) (22 + size);
    ready[23] = (char) size;
    memcpy (ready + 24, type, size);
    if (send (fd, greeting, sizeof greeting, 0) < 0 || send (fd, ready, 24 + size, 0) < 0)
        return false;
    for (ssize_t got = 1; here < most && got > 0; here += (size_t) got) {
        /* sending before the READY of the other side has arrived is an error */
        got = recv (fd, answer + here, most - here, 0);
        if (got > 0 && here + (size_t) got == 66 && answer[64] == 4)
            most += (unsigned char) answer[65]; /* the length of READY */
    }
    return here == most;
}

/*  Sends `most` bytes of one message, then closes `done` and stays connected. Does not return. */
static void peer_flood (int fd, size_t most, int done)
{
    static char block[64 * 258];
    for (size_t at = 0; at + 257 <= sizeof block; at += 257) {
        block[at] = 1; /* more */
        block[at + 1] = (char) 255;
    }
    for (size_t sent = 0; sent < most; sent += sizeof block)
        if (send (fd, block, sizeof block / 257 * 257, MSG_NOSIGNAL) <= 0)
            _exit (0);
    (void) close (done);
    (void) pause (); /* the connection stays open until the guard ends it */
    _exit (0);
}

static void send_endless (const char *endpoint, const char *type, size_t most, int done)
{
    int fd = peer_connect (endpoint);
    (void) prctl (PR_SET_PDEATHSIG, SIGKILL);
    if (fd < 0 || !peer_greet (fd, type))
        _exit (1);
    peer_flood (fd, most, done);
}

/*  A child sends `most` bytes of a message without end. at_once: all are sent before the loop runs, so before
    the guard checks for the first time. */
static void expect_endless_by (const char *endpoint, enum bus_kind kind, const char *type, size_t most,
                               bool at_once)
{
    struct seen seen = {.stop_at = 0};
    struct bus_socket *socket = server_new (kind, &seen, endpoint);
    size_t before = memory_used ().resident;
    int done[2];
    char byte;
    cr_assert_eq (pipe (done), 0);
    pid_t child = fork ();
    cr_assert_geq (child, 0);
    if (child == 0)
        send_endless (bus_socket_endpoint (socket), type, most, done[1]);
    (void) close (done[1]);
    if (at_once)
        cr_assert_eq (read (done[0], &byte, 1), 0);
    until_ended (socket, BUS_END_ENDLESS, 1);
    cr_assert_eq (kill (child, SIGKILL), 0);
    cr_assert_eq (waitpid (child, NULL, 0), child);
    (void) close (done[0]);
#if !defined __SANITIZE_ADDRESS__
    cr_assert_lt (memory_used ().resident, before + (400u << 20));
#else
    (void) before;
#endif
    bus_socket_free (socket);
}

static void expect_endless (const char *endpoint, enum bus_kind kind, const char *type)
{
    expect_endless_by (endpoint, kind, type, ENDLESS_MOST, false);
}

Test (guard, a_message_without_end_over_tcp_ends_the_connection)
{
    expect_endless ("tcp://127.0.0.1:*", BUS_ROUTER, "DEALER");
}

Test (guard, a_message_without_end_over_ipc_ends_the_connection)
{
    expect_endless (rig_ipc ("callback"), BUS_PULL, "PUSH");
}

/*  If the guard checks late, the connection has exceeded every other limit, too. */
Test (guard, a_message_without_end_is_the_reason_even_if_the_guard_checks_late)
{
    expect_endless_by ("tcp://127.0.0.1:*", BUS_ROUTER, "DEALER", 32u << 20, true);
}

/*  A server that reads a request and answers with a message without end. Does not return. */
static void answer_endless (int listening, const char *type)
{
    char block[64];
    int fd = accept (listening, NULL, NULL);
    (void) prctl (PR_SET_PDEATHSIG, SIGKILL);
    if (fd < 0 || !peer_greet (fd, type) || recv (fd, block, sizeof block, 0) <= 0)
        _exit (1);
    peer_flood (fd, ENDLESS_MOST, -1);
}

static void on_settled (void *data)
{
    struct wire_heartbeat beat = {.sender = "somebody"};
    cr_assert_eq (bus_send (data, NULL, &wire_heartbeat_record, &beat), 0);
}

/*  Sends a heartbeat on a connection that the guard has released after the hand-shake. If the 250 ms are too
    short for that, the test checks less, and passes. */
static void on_connecting (void *data)
{
    bool ready = bus_socket_is_ready (data);
    (void) bus_timer_start (loop, ready ? 250 : 5, ready ? on_settled : on_connecting, data);
}

static void expect_endless_answer (int listening, const char *endpoint)
{
    struct seen seen = {.stop_at = 0};
    pid_t child = fork ();
    cr_assert_geq (child, 0);
    if (child == 0)
        answer_endless (listening, "ROUTER");
    struct bus_socket *dealer = rig_socket (BUS_DEALER, &(struct bus_socket_options){.on_message = on_message,
                                                                                     .context = &seen,
                                                                                     .no_payloads = true,
                                                                                     .only_connected = true});
    rig_connect (dealer, endpoint);
    on_connecting (dealer);
    until_ended (dealer, BUS_END_ENDLESS, 1);
    cr_assert_eq (kill (child, SIGKILL), 0);
    cr_assert_eq (waitpid (child, NULL, 0), child);
    (void) close (listening);
    bus_socket_free (dealer);
}

Test (guard, an_answer_without_end_over_tcp_ends_the_connection)
{
    struct sockaddr_in inet = {.sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    socklen_t size = sizeof inet;
    char endpoint[64];
    int listening = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq (bind (listening, (struct sockaddr *) &inet, size), 0);
    cr_assert_eq (listen (listening, 1), 0);
    cr_assert_eq (getsockname (listening, (struct sockaddr *) &inet, &size), 0);
    (void) snprintf (endpoint, sizeof endpoint, "tcp://127.0.0.1:%u", ntohs (inet.sin_port));
    expect_endless_answer (listening, endpoint);
}

Test (guard, an_answer_without_end_over_ipc_ends_the_connection)
{
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    const char *endpoint = rig_ipc ("answers");
    int listening = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void) snprintf (local.sun_path, sizeof local.sun_path, "%.100s", endpoint + strlen ("ipc://"));
    cr_assert_eq (bind (listening, (struct sockaddr *) &local, sizeof local), 0);
    cr_assert_eq (listen (listening, 1), 0);
    expect_endless_answer (listening, endpoint);
}

/*  Unread answers: each peer stays below its own limit, but all peers together exceed the common limit. */
enum { ASKERS = 12, QUESTIONS = 250, NODES = 350 };

static void on_question (void *data, struct bus_socket *socket, const struct bus_message *message)
{
    static char host_pid[121];
    struct wire_node nodes[NODES];
    struct wire_nodes answer = {
        .serial = 1, .status = WIRE_STATUS_OK, .instance = "me", .nodes = nodes, .n_nodes = NODES};
    memset (host_pid, 'x', sizeof host_pid - 1);
    for (unsigned i = 0; i < NODES; i++)
        nodes[i] = (struct wire_node){.id = "node", .host_pid = host_pid, .revision = 1};
    int r = bus_send (socket, &message->peer, &wire_nodes_record, &answer);
    cr_expect (r == 0 || r == -EAGAIN || r == -EHOSTUNREACH, "%s", strerror (-r));
    on_message (data, socket, message);
}

Test (guard, unread_answers_are_bounded_over_all_peers)
{
    struct seen seen = {.stop_at = 0};
    struct bus_socket *router = rig_socket (
        BUS_ROUTER,
        &(struct bus_socket_options){.on_message = on_question, .context = &seen, .no_payloads = true});
    int little = 1, room = 4096;
    void *askers[ASKERS];
    rig_bind (router, "tcp://127.0.0.1:*");
    for (unsigned i = 0; i < ASKERS; i++) {
        context = context ? context : zmq_ctx_new ();
        askers[i] = zmq_socket (context, ZMQ_DEALER);
        cr_assert_eq (zmq_setsockopt (askers[i], ZMQ_LINGER, &(int){0}, sizeof (int)), 0);
        cr_assert_eq (zmq_setsockopt (askers[i], ZMQ_RCVHWM, &little, sizeof little), 0);
        cr_assert_eq (zmq_setsockopt (askers[i], ZMQ_RCVBUF, &room, sizeof room), 0);
        cr_assert_eq (zmq_connect (askers[i], bus_socket_endpoint (router)), 0);
        for (unsigned j = 0; j < QUESTIONS; j++)
            send_beat (askers[i]);
    }
    until_ended (router, BUS_END_SLOW, 1);
    for (unsigned i = 1; i < ASKERS; i++)
        cr_assert_eq (zmq_close (askers[i]), 0);
    strangers_free (askers[0]);
    bus_socket_free (router);
}

Test (guard, one_subscription_too_many_ends_the_connection)
{
    struct bus_socket *xpub = rig_socket (BUS_XPUB, &(struct bus_socket_options){0});
    char topic[32];
    rig_bind (xpub, "tcp://127.0.0.1:*");
    void *sub = stranger_new (ZMQ_SUB, NULL, bus_socket_endpoint (xpub));
    for (unsigned i = 0; i <= BUS_TOPICS_MOST; i++) {
        (void) snprintf (topic, sizeof topic, "topic/%u", i);
        cr_assert_eq (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, topic, strlen (topic)), 0);
    }
    until_ended (xpub, BUS_END_TOPICS, 1);
    strangers_free (sub);
    bus_socket_free (xpub);
}

static bool topic_is_known (const char *topic)
{
    return strcmp (topic, "known") == 0;
}

Test (guard, an_invalid_topic_ends_the_connection)
{
    struct bus_socket *xpub = rig_socket (BUS_XPUB, &(struct bus_socket_options){.is_topic = topic_is_known});
    rig_bind (xpub, "tcp://127.0.0.1:*");
    void *sub = stranger_new (ZMQ_SUB, NULL, bus_socket_endpoint (xpub));
    cr_assert_eq (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, "known", 5), 0);
    cr_assert_eq (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, "unknown", 7), 0);
    until_ended (xpub, BUS_END_TOPICS, 1);
    strangers_free (sub);
    bus_socket_free (xpub);
}

static void on_known (void *data, struct bus_socket *socket, const struct bus_message *message)
{
    bus_connection_keep (message->from);
    on_message (data, socket, message);
}

Test (guard, connections_over_the_limit_are_ended_and_known_ones_stay)
{
    struct seen seen = {.stop_at = 1};
    struct wire_heartbeat beat = {.sender = "good"};
    struct bus_socket *router = rig_socket (
        BUS_ROUTER,
        &(struct bus_socket_options){.on_message = on_known, .context = &seen, .no_payloads = true});
    bus_loop_connections (loop, 8);
    rig_bind (router, "tcp://127.0.0.1:*");
    struct bus_socket *good = rig_socket (BUS_DEALER, &(struct bus_socket_options){0});
    rig_connect (good, bus_socket_endpoint (router));
    cr_assert_eq (bus_send (good, NULL, &wire_heartbeat_record, &beat), 0);
    cr_assert_eq (bus_loop_run (loop), 0);
    void *crowd[32];
    for (unsigned i = 0; i < 32; i++)
        crowd[i] = stranger_new (ZMQ_DEALER, NULL, bus_socket_endpoint (router));
    until_ended (router, BUS_END_ROOM, 25);
    for (unsigned i = 1; i < 32; i++)
        cr_assert_eq (zmq_close (crowd[i]), 0);
    strangers_free (crowd[0]);
    seen = (struct seen){.stop_at = 1};
    cr_assert_eq (bus_send (good, NULL, &wire_heartbeat_record, &beat), 0);
    cr_assert_eq (bus_loop_run (loop), 0);
    cr_assert_eq (bus_socket_counts (router).received, 2);
    bus_socket_free (good);
    bus_socket_free (router);
}

/*  The socket of a subscriber is a ZMQ_XSUB, so libzmq does not drop messages of other topics. The bus drops
    and counts them. */
Test (guard, messages_of_unsubscribed_topics_are_dropped_and_counted)
{
    struct seen seen = {.stop_at = 0};
    struct bus_socket *sub =
        rig_socket (BUS_SUB, &(struct bus_socket_options){.on_message = on_message, .context = &seen});
    context = zmq_ctx_new ();
    void *push = zmq_socket (context, ZMQ_XPUB);
    char endpoint[64];
    size_t size = sizeof endpoint;
    int linger = 0, manual = 1;
    cr_assert_eq (zmq_setsockopt (push, ZMQ_LINGER, &linger, sizeof linger), 0);
    cr_assert_eq (zmq_setsockopt (push, ZMQ_XPUB_MANUAL, &manual, sizeof manual), 0);
    cr_assert_eq (zmq_bind (push, "tcp://127.0.0.1:*"), 0);
    cr_assert_eq (zmq_getsockopt (push, ZMQ_LAST_ENDPOINT, endpoint, &size), 0);
    rig_connect (sub, endpoint);
    cr_assert_eq (bus_socket_subscribe (sub, "wanted"), 0);
    char subscription[16];
    cr_assert_eq (zmq_recv (push, subscription, sizeof subscription, 0), 7);
    cr_assert_eq (zmq_setsockopt (push, ZMQ_SUBSCRIBE, "", 0), 0);
    cr_assert_gt (zmq_send (push, "other", 5, ZMQ_SNDMORE), 0);
    cr_assert_geq (zmq_send (push, "x", 1, 0), 0);
    for (int tries = 0; tries < 200 && bus_socket_counts (sub).malformed == 0; tries++) {
        (void) bus_timer_start (loop, 10, rig_stop, NULL);
        cr_assert_eq (bus_loop_run (loop), 0);
    }
    cr_assert_eq (bus_socket_counts (sub).malformed, 1);
    cr_assert_eq (seen.calls, 0);
    strangers_free (push);
    bus_socket_free (sub);
}
