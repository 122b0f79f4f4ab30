/* SPDX-License-Identifier: MPL-2.0 */
/*  bus/guard.c - limits for one connection

    How a message without end is found: `read` counts the bytes that libzmq has read from the kernel, `base`
    is that count at the last delivery. A peer's stream is one message after the other. So the bytes between
    the two are complete messages that wait for the loop, and one incomplete message. If the socket has
    nothing to read, they are the incomplete message alone. If it has, libzmq reads the connections in turns:
    once as many messages were read as there are connections, each connection has had its turn. */

#include "bus/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/random.h"
#include "base/time.h"
#include "bus/guard_private.h"

enum {
    LOOK_MS = 50,
    IDLE_LOOKS = 3,         /* looks without a byte, after which the connection is idle */
    SILENT_MOST_MS = 30000, /* the same while bytes still arrive: a handshake may have to wait */
    LITTLE = 64 * 1024,     /* bytes since the last delivery with which a connection may become idle */
    /*  Bytes of heartbeats that are allowed between two messages. A client that only listens sends them, too,
        and they cannot be distinguished from parts of a message. */
    PINGS_A_SECOND = 8,
    PINGS_MOST = 8 * 1024 * 1024,
    GROWN = 64 * 1024 * 1024, /* growth of this process: over ipc the kernel counts no bytes */
    CHANGES_MOST = 400,       /* subscriptions and cancellations of a connection in CHANGES_MS */
    CHANGES_MS = 60000,
    EVENTS = 64,
};

const char *bus_end_text (enum bus_end why)
{
    base_assert ((unsigned) why < BUS_END_COUNT);
    static const char *const texts[BUS_END_COUNT] = {
        [BUS_END_ENDLESS] = "sent a message without end",
        [BUS_END_SILENT] = "sent no message",
        [BUS_END_CLAIM] = "chose its routing id itself",
        [BUS_END_TOPICS] = "too many subscriptions, or an unknown topic",
        [BUS_END_SLOW] = "did not read its answers",
        [BUS_END_ROOM] = "too many connections",
        [BUS_END_GREETING] = "sent too large a handshake",
        [BUS_END_REVOKED] = "its key is not admitted",
    };
    return texts[why];
}

static uint64_t process_size (void)
{
    char text[128], *pages;
    base_cleanup (base_close_p) int fd = open ("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read (fd, text, sizeof text - 1);
    if (size <= 0)
        return 0;
    text[size] = '\0';
    (void) strtoull (text, &pages, 10); /* skips the size of the address space; the resident size follows */
    return strtoull (pages, NULL, 10) * (uint64_t) sysconf (_SC_PAGESIZE);
}

static void on_look (void *context);
static void on_wait (void *context);

static void guard_look_later (struct bus_guard *guard)
{
    if (guard->look_timer <= 0)
        guard->look_timer = bus_timer_start (guard->loop, LOOK_MS, on_look, guard);
}

void bus_guard_look_at (struct bus_connection *connection)
{
    base_assert (connection && connection->guard);
    if (!connection->counts_bytes && connection->list != &connection->guard->looked_at)
        connection->size = process_size ();
    connection->idle_looks = 0;
    connection->awaited = false;
    bus_connection_append (&connection->guard->looked_at, connection);
    guard_look_later (connection->guard);
}

static uint64_t connection_silent_until (const struct bus_connection *connection)
{
    uint64_t until = connection->bytes_ms + BUS_SILENT_MS, last = connection->opened_ms + SILENT_MOST_MS;
    return until < last ? until : last;
}

bool bus_connection_is_silent (const struct bus_connection *connection)
{
    base_assert (connection && connection->socket);
    return connection->is_server && connection->delivered == 0 && !connection->ended &&
           connection->socket->kind != BUS_PULL;
}

void bus_guard_wait_later (struct bus_guard *guard, uint64_t now_ms)
{
    base_assert (guard);
    const struct bus_connection *first = guard->waiting.first;
    if (!first || guard->wait_timer > 0)
        return;
    uint64_t until = connection_silent_until (first);
    guard->wait_timer = bus_timer_start (guard->loop, until > now_ms ? until - now_ms : 0, on_wait, guard);
}

/*  Stops looking at a connection on which nothing arrives. Returns false if it is closed; it is dropped
    then. */
static bool connection_settle (struct bus_connection *connection)
{
    struct bus_guard *guard = connection->guard;
    if (!bus_connection_arm (connection, EPOLL_CTL_MOD)) {
        bus_connection_drop (connection);
        return false;
    }
    bus_connection_append (bus_connection_is_silent (connection) ? &guard->waiting : &guard->idle,
                           connection);
    bus_guard_wait_later (guard, base_time_boot_ms ());
    return true;
}

void bus_guard_end (struct bus_connection *connection, enum bus_end why)
{
    base_assert (connection && connection->guard);
    base_assert ((unsigned) why < BUS_END_COUNT);
    if (connection->ended)
        return;
    connection->ended = true;
    connection->socket->counts.ended[why]++;
    /*  libzmq could close the descriptor between the check of the cookie and shutdown (). The copy cannot
        change. */
    base_cleanup (base_close_p) int fd = fcntl (connection->fd, F_DUPFD_CLOEXEC, 0);
    if (fd >= 0 ? bus_connection_cookie (fd) == connection->cookie : !bus_connection_is_gone (connection))
        (void) shutdown (fd >= 0 ? fd : connection->fd, SHUT_RDWR);
    bus_guard_look_at (connection);
}

void bus_guard_end_peer (struct bus_guard *guard, const struct bus_socket *socket,
                         const struct bus_peer *peer, enum bus_end why)
{
    base_assert (guard && socket && peer);
    for (size_t i = 0; i < guard->n_table; i++)
        if (guard->table[i] && guard->table[i]->socket == socket &&
            bus_peer_equal (&guard->table[i]->peer, peer))
            bus_guard_end (guard->table[i], why);
}

unsigned bus_guard_end_senders (struct bus_guard *guard, struct bus_socket *socket, bus_guard_match *matches,
                                const void *context)
{
    base_assert (guard && socket && matches);
    unsigned n = 0;
    for (const struct bus_monitor *monitor = guard->monitors; monitor; monitor = monitor->next)
        if (monitor->socket == socket)
            bus_monitor_drain (guard, monitor); /* connections that were just accepted */
    for (size_t i = 0; i < guard->n_table; i++) {
        struct bus_connection *connection = guard->table[i];
        if (!connection || connection->socket != socket || connection->ended ||
            !matches (socket, &connection->peer.sender, context))
            continue;
        bus_guard_end (connection, BUS_END_REVOKED);
        n++;
    }
    return n;
}

void bus_guard_sent (struct bus_guard *guard, const struct bus_socket *socket)
{
    base_assert (guard && socket);
    unsigned left = socket->is_server ? 0 : socket->n_connections;
    for (size_t i = 0; i < guard->n_table && left > 0; i++) {
        struct bus_connection *connection = guard->table[i];
        if (!connection || connection->socket != socket)
            continue;
        left--;
        if (connection->list == &guard->looked_at || !connection->counts_bytes ||
            !bus_connection_wake_by (connection, EPOLL_CTL_MOD, 0))
            continue;
        bus_guard_look_at (connection);
        connection->awaited = true;
    }
}

/*  Whether every message that the connection has sent completely has been delivered. */
static bool connection_had_transition (struct bus_connection *connection)
{
    struct bus_socket *socket = connection->socket;
    uint64_t read = socket->n_read + 1;
    int events = 0;
    size_t size = sizeof events;
    if (zmq_getsockopt (socket->zmq, ZMQ_EVENTS, &events, &size) == 0 && !(events & ZMQ_POLLIN))
        return true;
    if (!connection->suspected_at)
        connection->suspected_at = read;
    return read - connection->suspected_at > socket->n_connections;
}

/*  The most bytes that may arrive between two messages. */
static uint64_t connection_undelivered_most (const struct bus_connection *connection, uint64_t now_ms)
{
    uint64_t pings = (now_ms - connection->base_ms) * PINGS_A_SECOND / 1000;
    return connection->socket->message_most + BUS_SLACK + (pings < PINGS_MOST ? pings : PINGS_MOST);
}

/*  Counting starts again from what has been read at this delivery. */
static void connection_note_delivered (struct bus_connection *connection, uint64_t read, uint64_t now_ms)
{
    base_assert (connection->delivered >= connection->seen);
    connection->seen = connection->delivered;
    connection->base = read;
    connection->base_ms = now_ms;
    connection->suspected_at = 0;
}

/*  Over ipc: growth of this process while bytes arrived and no message was delivered. */
static uint64_t connection_growth (const struct bus_connection *connection, uint64_t size)
{
    return connection->grown + (size > connection->size ? size - connection->size : 0);
}

static void connection_look (struct bus_connection *connection, uint64_t now_ms, uint64_t *size)
{
    base_assert (connection->list == &connection->guard->looked_at);
    base_assert (size);
    int unread;
    uint64_t read = bus_connection_bytes_read (connection, &unread);
    bool idle = read == connection->read && unread == 0;
    bool over;
    if (!connection->counts_bytes && !*size)
        *size = process_size ();
    if (!idle)
        connection->bytes_ms = now_ms;
    connection->read = read;
    if (!connection->handshake_over && !connection->ended)
        bus_greeting_count (connection, now_ms);
    if (connection->delivered != connection->seen || connection->ended) {
        connection_note_delivered (connection, read, now_ms);
        connection->size = *size;
        connection->grown = 0;
    }
    over = connection->counts_bytes
               ? read - connection->base > connection_undelivered_most (connection, now_ms)
               : connection_growth (connection, *size) > GROWN;
    if (over && connection_had_transition (connection))
        bus_guard_end (connection, BUS_END_ENDLESS);
    else if (bus_connection_is_silent (connection) && now_ms >= connection_silent_until (connection) &&
             connection_had_transition (connection))
        bus_guard_end (connection, BUS_END_SILENT);
    else if (!connection->handshake_over && connection->delivered > 0 && !connection->ended)
        return; /* looked at until its handshake is known to be small */
    else if ((connection->counts_bytes && unread == 0 && !connection->suspected_at &&
              read - connection->base < LITTLE) ||
             (idle && !connection->suspected_at && ++connection->idle_looks >= IDLE_LOOKS)) {
        connection->grown = connection_growth (connection, *size);
        (void) connection_settle (connection);
    } else if (!idle || connection->suspected_at)
        connection->idle_looks = 0;
}

static void on_look (void *context)
{
    struct bus_guard *guard = context;
    uint64_t now_ms = base_time_boot_ms (), size = 0;
    struct bus_connection *next, *last = guard->looked_at.last;
    bus_connections_free (guard);
    guard->look_timer = 0;
    for (struct bus_connection *connection = guard->looked_at.first; connection; connection = next) {
        next = connection == last ? NULL : connection->next;
        if (bus_connection_is_gone (connection))
            bus_connection_drop (connection);
        else
            connection_look (connection, now_ms, &size);
    }
    if (guard->looked_at.first)
        guard_look_later (guard);
}

static void on_wait (void *context)
{
    struct bus_guard *guard = context;
    uint64_t now_ms = base_time_boot_ms ();
    bus_connections_free (guard);
    guard->wait_timer = 0;
    while (guard->waiting.first && connection_silent_until (guard->waiting.first) <= now_ms)
        bus_guard_look_at (guard->waiting.first); /* the look ends it, unless bytes have arrived by then */
    bus_guard_wait_later (guard, now_ms);
}

/*  Makes room for a new connection by ending another one: first one without a message, then a random one that
    the owner did not keep. A peer with many connections is the most likely victim. If all are kept, the new
    connection is ended. */
void bus_guard_make_room (struct bus_guard *guard, struct bus_connection *newcomer)
{
    base_assert (guard && newcomer);
    struct bus_connection *victim = NULL;
    if (guard->most == 0 || guard->n_servers <= guard->most)
        return;
    size_t from = guard->n_table ? (size_t) base_random_below (guard->n_table) : 0;
    for (size_t i = 0; i < guard->n_table; i++) {
        struct bus_connection *other = guard->table[(from + i) % guard->n_table];
        if (!other || other == newcomer || !other->is_server || other->kept || other->ended)
            continue;
        if (!victim || other->delivered == 0)
            victim = other;
        if (victim->delivered == 0)
            break;
    }
    bus_guard_end (victim ? victim : newcomer, BUS_END_ROOM);
}

/*  The expected message was delivered. If no bytes follow it, no further look is needed. Returns false if the
    connection is closed; it is dropped then. */
static bool connection_awaited_arrived (struct bus_connection *connection)
{
    struct bus_guard *guard = connection->guard;
    int unread;
    uint64_t read = bus_connection_bytes_read (connection, &unread);
    connection->awaited = false;
    if (unread > 0)
        return true;
    connection_note_delivered (connection, read, base_time_boot_ms ());
    connection->read = read;
    if (!connection_settle (connection))
        return false;
    if (!guard->looked_at.first) {
        bus_timer_cancel (guard->loop, guard->look_timer);
        guard->look_timer = 0;
    }
    return true;
}

struct bus_connection *bus_guard_delivered (struct bus_guard *guard, struct bus_socket *socket,
                                            const zmq_msg_t *frame, const struct bus_peer *peer, size_t size)
{
    base_assert (guard && socket);
    base_assert (frame && peer);
    int fd = zmq_msg_get (frame, ZMQ_SRCFD);
    struct bus_connection *connection = fd >= 0 && (size_t) fd < guard->n_table ? guard->table[fd] : NULL;
    /*  libzmq assigns no automatic routing id twice: the same id is the same connection. */
    if (!connection || connection->socket != socket || peer->size == 0 ||
        !bus_peer_equal (&connection->peer, peer))
        connection = bus_connection_find (guard, socket, fd);
    if (!connection)
        return NULL;
    connection->peer = *peer;
    connection->delivered++;
    guard->last = connection;
    if (connection->list == &guard->waiting)
        bus_connection_append (&guard->idle, connection);
    if (!connection->handshake_over)
        bus_greeting_delivered (connection, size);
    return connection->awaited && !connection->ended && !connection_awaited_arrived (connection) ? NULL
                                                                                                 : connection;
}

bool bus_guard_subscribed (struct bus_connection *connection, bool subscribed)
{
    uint64_t now_ms = base_time_boot_ms ();
    if (!connection)
        return true;
    if (now_ms - connection->changes_ms >= CHANGES_MS) {
        connection->changes_ms = now_ms;
        connection->changes = 0;
    }
    /*  libzmq accepts every cancellation of a peer, subscribed or not, and keeps it until it is read. */
    if (++connection->changes > CHANGES_MOST || (!subscribed && connection->topics == 0))
        return false;
    if (!subscribed)
        connection->topics--;
    return !subscribed || ++connection->topics <= BUS_TOPICS_MOST;
}

void bus_guard_keep (struct bus_connection *connection)
{
    base_assert (connection);
    connection->kept = true;
}

bool bus_guard_mark (struct bus_connection *connection, uint64_t number)
{
    base_assert (connection);
    if (connection->mark == 0)
        connection->mark = number;
    return connection->mark == number;
}

/*  After a heartbeat or an answer: all bytes are read already, and they are few compared to the limit.
    Returns whether the connection stays idle. */
static bool connection_rests (struct bus_connection *connection)
{
    int unread;
    uint64_t read = bus_connection_bytes_read (connection, &unread), now_ms = base_time_boot_ms ();
    if (!connection->counts_bytes || connection->ended || connection->list == &connection->guard->looked_at ||
        unread > 0)
        return false;
    if (connection->delivered != connection->seen)
        connection_note_delivered (connection, read, now_ms);
    connection->read = read;
    connection->bytes_ms = now_ms;
    return read - connection->base < LITTLE && bus_connection_arm (connection, EPOLL_CTL_MOD);
}

/*  A client's connection is looked at until the message under way is delivered. */
static void connection_traffic_arrived (struct bus_connection *connection, uint32_t events)
{
    bool ends = events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR);
    if (!ends && connection_rests (connection))
        return;
    bool begins = connection->list != &connection->guard->looked_at;
    bus_guard_look_at (connection);
    connection->awaited = begins && !ends && !connection->is_server && connection->counts_bytes;
}

static void on_traffic (void *context)
{
    struct bus_guard *guard = context;
    struct epoll_event events[EVENTS];
    int n = epoll_wait (guard->epoll, events, EVENTS, 0);
    bus_connections_free (guard);
    for (int i = 0; i < n; i++) {
        int fd = events[i].data.fd;
        struct bus_monitor *monitor = guard->monitors;
        while (monitor && monitor->fd != fd)
            monitor = monitor->next;
        if (monitor)
            bus_monitor_drain (guard, monitor);
        else if ((size_t) fd < guard->n_table && guard->table[fd])
            connection_traffic_arrived (guard->table[fd], events[i].events);
    }
}

int bus_guard_new (struct bus_loop *loop, struct bus_guard **ret_guard)
{
    base_assert (loop && ret_guard);
    base_cleanup (base_free_p) struct bus_guard *guard = calloc (1, sizeof *guard);
    if (!guard)
        return -ENOMEM;
    guard->loop = loop;
    guard->epoll = epoll_create1 (EPOLL_CLOEXEC);
    if (guard->epoll < 0)
        return -errno;
    int r = bus_watch (loop, guard->epoll, on_traffic, guard);
    if (r < 0) {
        (void) close (guard->epoll);
        return r;
    }
    *ret_guard = base_take (guard);
    return 0;
}

struct bus_guard *bus_guard_free (struct bus_guard *guard)
{
    if (!guard)
        return NULL;
    bus_timer_cancel (guard->loop, guard->look_timer);
    bus_timer_cancel (guard->loop, guard->wait_timer);
    bus_unwatch (guard->loop, guard->epoll);
    (void) close (guard->epoll);
    bus_connections_free (guard);
    free (guard->table);
    free (guard);
    return NULL;
}

void bus_guard_limit (struct bus_guard *guard, unsigned most)
{
    base_assert (guard);
    guard->most = most;
}
