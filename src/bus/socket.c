/* SPDX-License-Identifier: MPL-2.0 */
/*  bus/socket.c - making, limiting, binding and connecting sockets

    libzmq's defaults are unsuitable for servers that unknown peers can reach: frames of any size, handshakes
    without end, reconnects in lock-step. Limits are set here for every socket; those that depend on the
    transport are set just before it binds or connects. */

#include "bus/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <zmq.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/random.h"
#include "base/text.h"
#include "bus/guard.h"
#include "bus/socket_private.h"

enum {
    HIGH_WATER = 1000,
    SUBSCRIPTION_MOST = 512, /* bytes; a topic has 240 */
    WAITING = 64,
    LINGER_MOST_MS = 30000,
    HANDSHAKE_MS = 10000,
    /*  Bytes that CURVE adds to a frame. A frame that is slightly too large still arrives, and is counted as
        refused, instead of the connection being closed by libzmq. */
    FRAME_SLACK = 1024,
    BACKLOG = 4096, /* for a whole fleet that reconnects at once; the kernel may allow less */
    CONNECT_MS = 5000,
    TCP_MAXRT_MS = 20000,
    HEARTBEAT_MS = 15000,
    HEARTBEAT_TIMEOUT_MS = 45000,
    RECONNECT_TCP_LEAST_MS = 100,
    RECONNECT_TCP_JITTER_MS = 900,
    RECONNECT_IPC_MS = 10,
    RECONNECT_IPC_MOST_MS = 200,
    DENIED_LEAST_MS = 10000,
    DENIED_MOST_MS = 600000,
};

/*  An option of libzmq's draft interface, which accepts its number in release builds too. */
#ifndef ZMQ_ZAP_ENFORCE_DOMAIN
#define ZMQ_ZAP_ENFORCE_DOMAIN 93
#endif

static int kind_number (enum bus_kind kind)
{
    switch (kind) {
    case BUS_SUB:
        /*  A SUB drops unsubscribed messages inside libzmq, in a loop that lasts as long as they come. */
        return ZMQ_XSUB;
    case BUS_XPUB:
    case BUS_PUB: /* a PUB reports no subscriptions and does not limit them */
        return ZMQ_XPUB;
    case BUS_DEALER:
        return ZMQ_DEALER;
    case BUS_ROUTER:
        return ZMQ_ROUTER;
    case BUS_PUSH:
        return ZMQ_PUSH;
    case BUS_PULL:
        return ZMQ_PULL;
    }
    return -1;
}

/*  Sets one option of several: the first failure is kept in *r, and the options after it are not set. */
static void option_set (void *zmq, int option, int value, int *r)
{
    base_assert (zmq && r);
    if (*r == 0 && zmq_setsockopt (zmq, option, &value, sizeof value) < 0)
        *r = -errno;
}

static void option_set_text (void *zmq, int option, const char *text, int *r)
{
    base_assert (zmq && text && r);
    if (*r == 0 && zmq_setsockopt (zmq, option, text, strlen (text)) < 0)
        *r = -errno;
}

static bool socket_publishes (const struct bus_socket *socket)
{
    return socket->kind == BUS_XPUB || socket->kind == BUS_PUB;
}

static int socket_set_limits (struct bus_socket *socket, const struct bus_socket_options *options)
{
    base_assert (socket->zmq && options);
    void *zmq = socket->zmq;
    int r = 0;
    bool may_carry = (socket->kind == BUS_ROUTER || socket->kind == BUS_DEALER) && !options->no_payloads;
    bool publishes = socket_publishes (socket);
    int64_t frame_most =
        publishes ? SUBSCRIPTION_MOST : (may_carry ? WIRE_CHUNK_MOST : WIRE_FRAME_MOST) + FRAME_SLACK;
    socket->message_most = (uint64_t) frame_most;
    if (zmq_setsockopt (zmq, ZMQ_MAXMSGSIZE, &frame_most, sizeof frame_most) < 0)
        return -errno;

    int high_water = options->high_water > 0 ? options->high_water : HIGH_WATER;
    option_set (zmq, ZMQ_SNDHWM, high_water, &r);
    int waiting = options->receive_most > 0    ? options->receive_most
                  : socket->kind == BUS_ROUTER ? high_water
                                               : WAITING;
    option_set (zmq, ZMQ_RCVHWM, waiting, &r);
    option_set (zmq, ZMQ_LINGER, socket->linger_ms, &r);
    option_set (zmq, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS, &r);
    if (socket->kind == BUS_ROUTER)
        option_set (zmq, ZMQ_ROUTER_MANDATORY, 1, &r);
    /*  Never ZMQ_ROUTER_HANDOVER: a peer that claims another's routing id would get its messages. Never
        ZMQ_XPUB_MANUAL: it keeps each topic twice, and uses a departed peer's after it was freed. */
    if (publishes)
        option_set (zmq, ZMQ_XPUB_VERBOSE, 1, &r);
    option_set (zmq, ZMQ_IMMEDIATE, options->only_connected, &r);
    return r;
}

/*  Makes every peer that connects subject to the admission. Without ZMQ_ZAP_ENFORCE_DOMAIN libzmq would admit
    every client if nothing answered for the domain. */
static int socket_set_admission (struct bus_socket *socket, const struct bus_socket_options *options,
                                 struct base_error *error)
{
    base_assert (options->admission && !socket->admission);
    base_assert ((unsigned) options->channel < BUS_CHANNEL_COUNT);
    struct bus_zap *zap;
    int r = bus_loop_zap (socket->loop, &zap);
    if (r == 0)
        r = bus_zap_serve (zap, options->admission, options->channel, socket->domain);
    if (r < 0)
        return base_error_errno (error, r, "cannot start the check of clients");
    socket->zap = zap;
    socket->admission = options->admission;
    socket->channel = options->channel;
    bus_admission_join (socket->admission, socket);
    option_set_text (socket->zmq, ZMQ_ZAP_DOMAIN, socket->domain, &r);
    option_set (socket->zmq, ZMQ_ZAP_ENFORCE_DOMAIN, 1, &r);
    return r < 0 ? base_error_errno (error, r, "cannot start the check of clients") : 0;
}

static int socket_set_server_keys (struct bus_socket *socket, const struct bus_keys *keys,
                                   struct base_error *error)
{
    base_assert (keys->is_server);
    int r = 0;
    if (!socket->admission)
        return base_error_set (error, -EINVAL,
                               "a server with keys needs a table of the clients that may "
                               "connect");
    option_set_text (socket->zmq, ZMQ_CURVE_SECRETKEY, keys->secret_key, &r);
    option_set (socket->zmq, ZMQ_CURVE_SERVER, 1, &r);
    socket->has_keys = r == 0;
    return r < 0 ? base_error_errno (error, r, "cannot use the server's secret key") : 0;
}

static int socket_set_keys (struct bus_socket *socket, const struct bus_keys *keys, struct base_error *error)
{
    if (!keys || (!keys->is_server && !keys->public_key[0] && !keys->secret_key[0] && !keys->server_key[0]))
        return 0;
    if (!zmq_has ("curve"))
        return base_error_set (error, -ENOTSUP, "CURVE keys are set, but this libzmq has no CURVE");
    if (keys->is_server)
        return socket_set_server_keys (socket, keys, error);

    int r = 0;
    option_set_text (socket->zmq, ZMQ_CURVE_PUBLICKEY, keys->public_key, &r);
    option_set_text (socket->zmq, ZMQ_CURVE_SECRETKEY, keys->secret_key, &r);
    option_set_text (socket->zmq, ZMQ_CURVE_SERVERKEY, keys->server_key, &r);
    if (r < 0)
        return base_error_errno (error, r,
                                 "a client needs its own public and secret key and the server's public key, "
                                 "each 40 characters of Z85");
    return 0;
}

/*  A ROUTER counts its routing ids up from rand (), and libzmq does not seed it. A peer that guesses the next
    id and claims it ends the process by an assertion of libzmq. zsys_init () seeds it with the time, whenever
    it is called. So it is seeded before each socket: a ROUTER takes its first number when it is made. */
static void router_ids_seed (void)
{
    unsigned number;
    base_random_bytes (&number, sizeof number);
    srand (number);
}

static void socket_free_p (struct bus_socket **socket)
{
    bus_socket_free (*socket);
}

int bus_socket_new (struct bus_loop *loop, enum bus_kind kind, const struct bus_socket_options *options,
                    struct bus_socket **ret_socket, struct base_error *error)
{
    base_assert (loop && options && ret_socket);
    base_cleanup (socket_free_p) struct bus_socket *socket = calloc (1, sizeof *socket);
    if (!socket)
        return base_error_errno (error, -ENOMEM, "cannot create a socket");
    socket->loop = loop;
    socket->kind = kind;
    socket->on_message = options->on_message;
    socket->on_subscription = options->on_subscription;
    socket->is_topic = options->is_topic;
    socket->on_text = options->on_text;
    socket->on_refused = options->on_refused;
    socket->on_denied = options->on_denied;
    socket->context = options->context;
    socket->quiet = options->quiet;
    socket->heartbeat_ms = options->heartbeat_ms > 0 ? options->heartbeat_ms : HEARTBEAT_MS;
    socket->no_payloads = options->no_payloads;
    socket->linger_ms = options->linger_ms < 0                ? 0
                        : options->linger_ms < LINGER_MOST_MS ? options->linger_ms
                                                              : LINGER_MOST_MS;
    bus_loop_linger (loop, socket->linger_ms);
    router_ids_seed ();
    socket->zmq = zmq_socket (bus_loop_zmq (loop), kind_number (kind));
    if (!socket->zmq)
        return base_error_errno (error, -errno, "cannot create a socket");

    int r = socket_set_limits (socket, options);
    if (r < 0)
        return base_error_errno (error, r, "cannot set the limits of a socket");
    if (options->admission) {
        r = socket_set_admission (socket, options, error);
        if (r < 0)
            return r;
    }
    r = socket_set_keys (socket, options->keys, error);
    if (r < 0)
        return r;
    socket->source = bus_source_new (loop, socket->zmq, -1, bus_message_ready, socket);
    if (!socket->source)
        return base_error_errno (error, -ENOMEM, "cannot create a socket");
    *ret_socket = base_take (socket);
    return 0;
}

struct bus_socket *bus_socket_free (struct bus_socket *socket)
{
    if (!socket)
        return NULL;
    if (socket->guard)
        bus_guard_forget (socket->guard, socket);
    socket->guard = NULL;
    if (socket->zmq)
        (void) zmq_close (socket->zmq);
    socket->zmq = NULL;
    socket->topics = base_list_free (socket->topics);
    bus_timer_cancel (socket->loop, socket->denied_timer);
    socket->denied_timer = 0;
    if (socket->zap)
        bus_zap_forget (socket->zap, socket->domain);
    socket->zap = NULL;
    if (socket->admission)
        bus_admission_leave (socket->admission, socket);
    socket->admission = NULL;
    socket->connected = base_list_free (socket->connected);
    free (socket->endpoint);
    socket->endpoint = NULL;
    /*  The caller may be the socket's own handler. */
    if (socket->source)
        bus_source_free (socket->source, socket);
    else
        free (socket);
    return NULL;
}

/*  Whether the endpoint is tcp://HOST:PORT with a HOST that must be resolved. */
static bool endpoint_has_name (const char *endpoint)
{
    static const char scheme[] = "tcp://";
    char host[256];
    unsigned char address[sizeof (struct in6_addr)];
    const char *colon = strrchr (endpoint, ':');
    if (!base_text_begins (endpoint, scheme) || base_text_begins (endpoint, "tcp://[") || !colon)
        return false;
    int length = (int) (colon - endpoint) - (int) sizeof scheme + 1;
    (void) snprintf (host, sizeof host, "%.*s", length > 0 ? length : 0, endpoint + sizeof scheme - 1);
    return inet_pton (AF_INET, host, address) != 1;
}

static int socket_set_transport (struct bus_socket *socket, const char *endpoint, bool is_client)
{
    base_assert (socket->zmq && endpoint);
    void *zmq = socket->zmq;
    int r = 0;
    uint64_t threads = is_client && endpoint_has_name (endpoint) ? BUS_IO_NAMED : BUS_IO_PLAIN;
    if (zmq_setsockopt (zmq, ZMQ_AFFINITY, &threads, sizeof threads) < 0)
        return -errno;
    if (base_text_begins (endpoint, "tcp://")) {
        int jitter = (int) base_random_below (RECONNECT_TCP_JITTER_MS + 1);
        option_set (zmq, ZMQ_IPV6, strchr (endpoint, '[') != NULL, &r);
        option_set (zmq, ZMQ_TCP_MAXRT, TCP_MAXRT_MS, &r);
        /*  libzmq takes its jitter from this value, not from the growing one: so each socket gets a random
            one. */
        option_set (zmq, ZMQ_RECONNECT_IVL, RECONNECT_TCP_LEAST_MS + jitter, &r);
        option_set (zmq, ZMQ_RECONNECT_IVL_MAX, BUS_RECONNECT_MOST_MS, &r);
        option_set (zmq, ZMQ_CONNECT_TIMEOUT, CONNECT_MS, &r);
        if (is_client && !socket->quiet) {
            option_set (zmq, ZMQ_HEARTBEAT_IVL, socket->heartbeat_ms, &r);
            option_set (zmq, ZMQ_HEARTBEAT_TIMEOUT, HEARTBEAT_TIMEOUT_MS, &r);
        }
        /*  A server sends no heartbeats, but a connection must not stay for ever when its peer vanishes. For
            a client that sends few heartbeats, the kernel checks whether the server's host is there: that
            wakes no process. */
        option_set (zmq, ZMQ_TCP_KEEPALIVE, 1, &r);
        option_set (zmq, ZMQ_TCP_KEEPALIVE_IDLE, is_client ? HEARTBEAT_MS / 1000 : 60, &r);
        option_set (zmq, ZMQ_TCP_KEEPALIVE_INTVL, 15, &r);
        option_set (zmq, ZMQ_TCP_KEEPALIVE_CNT, is_client ? 3 : 4, &r);
    } else {
        option_set (zmq, ZMQ_RECONNECT_IVL, RECONNECT_IPC_MS, &r);
        option_set (zmq, ZMQ_RECONNECT_IVL_MAX, RECONNECT_IPC_MOST_MS, &r);
    }
    if (!is_client)
        option_set (zmq, ZMQ_BACKLOG, BACKLOG, &r);
    return r;
}

/*  libzmq unlinks any file at the path that it binds, a listening socket of another process included. */
static int ipc_path_clear (const char *endpoint, struct base_error *error)
{
    const char *path = endpoint + strlen ("ipc://");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (base_text_copy (address.sun_path, sizeof address.sun_path, path) < 0)
        return base_error_set (error, -ENAMETOOLONG,
                               "cannot bind %s: a path of a socket has at most %zu bytes", endpoint,
                               sizeof address.sun_path - 1);

    struct stat status;
    if (lstat (path, &status) < 0)
        return errno == ENOENT ? 0 : base_error_errno (error, -errno, "cannot bind %s", endpoint);
    if (!S_ISSOCK (status.st_mode))
        return base_error_set (error, -EEXIST, "cannot bind %s: the file there is not a socket", endpoint);

    base_cleanup (base_close_p) int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return base_error_errno (error, -errno, "cannot bind %s", endpoint);
    if (connect (fd, (const struct sockaddr *) &address, sizeof address) < 0 &&
        (errno == ECONNREFUSED || errno == ENOENT)) {
        if (unlink (path) < 0 && errno != ENOENT)
            return base_error_errno (error, -errno, "cannot remove the stale socket of %s", endpoint);
        return 0;
    }
    return base_error_set (error, -EADDRINUSE, "cannot bind %s: another process listens there", endpoint);
}

/*  Watches the socket's connections. Called before the first one. */
static int socket_guard (struct bus_socket *socket)
{
    struct bus_guard *made = NULL;
    if (socket->guard)
        return 0;
    int r = bus_loop_guard (socket->loop, &made);
    if (r == 0 && made)
        r = bus_guard_add (made, socket);
    if (r == 0)
        socket->guard = made;
    return r;
}

static int endpoint_remember (struct bus_socket *socket, const char *endpoint)
{
    base_assert (endpoint);
    char *copy = strdup (endpoint);
    if (!copy)
        return -ENOMEM;
    free (socket->endpoint);
    socket->endpoint = copy;
    return 0;
}

/*  Sets the mechanism of the next bind: libzmq copies the options of a socket into each of its listeners. */
static int socket_set_mechanism (struct bus_socket *socket, bool curve)
{
    int r = 0;
    if (socket->has_keys)
        option_set (socket->zmq, ZMQ_CURVE_SERVER, curve, &r);
    return r;
}

static int socket_bind (struct bus_socket *socket, const char *endpoint, bool curve, struct base_error *error)
{
    base_assert (socket && endpoint);
    static const char localhost[] = "tcp://localhost:";
    char bound[320];
    int r = 0;
    if (socket->admission && !curve && !base_text_begins (endpoint, "ipc://"))
        return base_error_set (error, -EPERM,
                               "cannot bind %s: without CURVE keys only ipc can tell who connects", endpoint);
    if (base_text_begins (endpoint, localhost)) /* binding resolves no names */
        (void) snprintf (bound, sizeof bound, "tcp://127.0.0.1:%s", endpoint + strlen (localhost));
    else
        r = base_text_copy (bound, sizeof bound, endpoint);
    if (r == 0)
        r = socket_set_mechanism (socket, curve);
    if (r == 0)
        r = socket_set_transport (socket, bound, false);
    if (r < 0)
        return base_error_errno (error, r, "cannot bind %s", endpoint);
    if (base_text_begins (bound, "ipc://")) {
        r = ipc_path_clear (bound, error);
        if (r < 0)
            return r;
    }
    socket->is_server = true;
    r = socket_guard (socket);
    if (r < 0)
        return base_error_errno (error, r, "cannot watch the connections to %s", endpoint);
    /*  A publisher whose connections cannot be ended would send to a revoked key for ever. */
    if (!socket->guard && curve && socket_publishes (socket))
        return base_error_set (error, -EMFILE,
                               "cannot bind %s: too few open files are allowed; raise the limit to at least "
                               "128",
                               endpoint);
    if (zmq_bind (socket->zmq, bound) < 0)
        return base_error_set (error, -errno, "cannot bind %s: %s", endpoint, zmq_strerror (errno));

    if (socket->endpoint && socket->has_keys && !curve)
        return 0; /* clients are told the other one */
    size_t size = sizeof bound;
    if (zmq_getsockopt (socket->zmq, ZMQ_LAST_ENDPOINT, bound, &size) < 0)
        return base_error_errno (error, -errno, "cannot determine the address that %s was bound to",
                                 endpoint);
    r = endpoint_remember (socket, bound);
    return r < 0 ? base_error_errno (error, r, "cannot bind %s", endpoint) : 0;
}

int bus_socket_bind (struct bus_socket *socket, const char *endpoint, struct base_error *error)
{
    base_assert (socket && endpoint);
    return socket_bind (socket, endpoint, socket->has_keys, error);
}

int bus_socket_bind_local (struct bus_socket *socket, const char *endpoint, struct base_error *error)
{
    base_assert (socket && endpoint);
    base_assert (socket->admission && base_text_begins (endpoint, "ipc://"));
    return socket_bind (socket, endpoint, false, error);
}

int bus_socket_connect (struct bus_socket *socket, const char *endpoint, struct base_error *error)
{
    base_assert (socket && endpoint);
    /*  A server that this socket connected to could set its User-Id itself. */
    base_assert (!socket->admission);
    int r = socket_set_transport (socket, endpoint, true);
    if (r == 0)
        r = socket_guard (socket);
    if (r == 0)
        r = endpoint_remember (socket, endpoint);
    if (r == 0)
        r = base_list_append (&socket->connected, endpoint);
    if (r < 0)
        return base_error_errno (error, r, "cannot connect to %s", endpoint);
    if (zmq_connect (socket->zmq, endpoint) < 0) {
        r = -errno;
        size_t last = base_list_count (socket->connected) - 1;
        free (socket->connected[last]);
        socket->connected[last] = NULL;
        return base_error_set (error, r, "cannot connect to %s: %s", endpoint, zmq_strerror (-r));
    }
    return 0;
}

int bus_socket_subscribe (struct bus_socket *socket, const char *topic)
{
    base_assert (socket && topic);
    base_assert (socket->kind == BUS_SUB);
    char text[SUBSCRIPTION_MOST];
    int size = snprintf (text, sizeof text, "\1%s", topic);
    if (size >= (int) sizeof text)
        return -EINVAL;
    int r = base_list_append (&socket->topics, topic);
    if (r < 0)
        return r;
    /*  The socket remembers the subscription and sends it on each connection. */
    return zmq_send (socket->zmq, text, (size_t) size, ZMQ_DONTWAIT) < 0 ? -errno : 0;
}

/*  Whether a connection is one of the key `context`, or may be. */
static bool connection_is_of_key (const struct bus_socket *socket, const struct bus_sender *sender,
                                  const void *context)
{
    return sender->kind == BUS_SENDER_KEY ? base_digest_equal (&sender->key, context)
                                          : sender->kind == BUS_SENDER_UNKNOWN && socket_publishes (socket);
}

static bool connection_is_unadmitted (const struct bus_socket *socket, const struct bus_sender *sender,
                                      const void *context)
{
    (void) context;
    return sender->kind == BUS_SENDER_UNKNOWN
               ? socket_publishes (socket)
               : !bus_admission_admits (socket->admission, sender, socket->channel);
}

unsigned bus_socket_end_sender (struct bus_socket *socket, const struct base_digest *fingerprint)
{
    base_assert (socket && fingerprint);
    if (!socket->guard || !socket->is_server)
        return 0;
    return bus_guard_end_senders (socket->guard, socket, connection_is_of_key, fingerprint);
}

void bus_socket_end_unadmitted (struct bus_socket *socket)
{
    base_assert (socket && socket->admission);
    if (socket->guard)
        (void) bus_guard_end_senders (socket->guard, socket, connection_is_unadmitted, NULL);
}

void bus_connection_keep (struct bus_connection *connection)
{
    if (connection)
        bus_guard_keep (connection);
}

bool bus_connection_mark (struct bus_connection *connection, uint64_t number)
{
    return !connection || bus_guard_mark (connection, number);
}

bool bus_socket_is_ready (const struct bus_socket *socket)
{
    base_assert (socket && socket->zmq);
    int events = 0;
    size_t size = sizeof events;
    return zmq_getsockopt (socket->zmq, ZMQ_EVENTS, &events, &size) == 0 && (events & ZMQ_POLLOUT);
}

int bus_socket_reconnect (struct bus_socket *socket)
{
    base_assert (socket && socket->zmq);
    int r = 0;
    /*  With the socket's own linger, queued messages would still be sent on the old connection. */
    option_set (socket->zmq, ZMQ_LINGER, 0, &r);
    for (char **endpoint = socket->connected; r == 0 && endpoint && *endpoint; endpoint++)
        if (zmq_disconnect (socket->zmq, *endpoint) < 0 && errno != ENOENT)
            r = -errno;
    for (char **endpoint = socket->connected; r == 0 && socket->denied_timer <= 0 && endpoint && *endpoint;
         endpoint++)
        if (zmq_connect (socket->zmq, *endpoint) < 0)
            r = -errno;
    int ignored = 0;
    option_set (socket->zmq, ZMQ_LINGER, socket->linger_ms, &ignored);
    return r;
}

static void on_denied_over (void *context)
{
    base_assert (context);
    struct bus_socket *socket = context;
    socket->denied_timer = 0;
    if (bus_socket_reconnect (socket) < 0)
        socket->denied_timer = bus_timer_start (socket->loop, socket->denied_ms, on_denied_over, socket);
}

/*  Each attempt costs the server a handshake. So the pauses grow, and clients that were refused together come
    back at different times. */
void bus_socket_denied (struct bus_socket *socket)
{
    base_assert (socket && socket->zmq);
    if (socket->denied_timer > 0)
        return;
    uint64_t least = socket->denied_ms ? 2 * socket->denied_ms : DENIED_LEAST_MS;
    socket->denied_ms = least < DENIED_MOST_MS ? least : DENIED_MOST_MS;
    uint64_t pause = socket->denied_ms + base_random_below (socket->denied_ms / 2 + 1);
    socket->denied_timer = bus_timer_start (socket->loop, pause < DENIED_MOST_MS ? pause : DENIED_MOST_MS,
                                            on_denied_over, socket);
    if (socket->on_denied)
        socket->on_denied (socket->context, socket);
}

const char *bus_socket_endpoint (const struct bus_socket *socket)
{
    base_assert (socket);
    return socket->endpoint;
}

struct bus_counts bus_socket_counts (const struct bus_socket *socket)
{
    base_assert (socket);
    return socket->counts;
}

bool bus_peer_equal (const struct bus_peer *a, const struct bus_peer *b)
{
    base_assert (a && b);
    return a->size == b->size && memcmp (a->id, b->id, a->size) == 0;
}

int bus_keys_make (char ret_public[41], char ret_secret[41])
{
    base_assert (ret_public && ret_secret);
    return zmq_curve_keypair (ret_public, ret_secret) < 0 ? -errno : 0;
}
