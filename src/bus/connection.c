/* SPDX-License-Identifier: MPL-2.0 */
/*  bus/connection.c - the table of connections

    The table is indexed by descriptor. A descriptor is reused as soon as libzmq has closed it, and the
    monitor's events come late. The kernel's cookie of the socket shows whether it still is the same
    connection. */

#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/assert.h"
#include "base/time.h"
#include "bus/guard_private.h"

enum { TABLE_LEAST = 64 };

static void bus_connection_remove (struct bus_connection *connection)
{
    struct bus_connections *list = connection->list;
    if (!list)
        return;
    base_assert (connection->previous || list->first == connection);
    base_assert (connection->next || list->last == connection);
    if (connection->previous)
        connection->previous->next = connection->next;
    else
        list->first = connection->next;
    if (connection->next)
        connection->next->previous = connection->previous;
    else
        list->last = connection->previous;
    connection->previous = connection->next = NULL;
    connection->list = NULL;
}

void bus_connection_append (struct bus_connections *list, struct bus_connection *connection)
{
    base_assert (list && connection);
    bus_connection_remove (connection);
    connection->list = list;
    connection->previous = list->last;
    if (list->last)
        list->last->next = connection;
    else
        list->first = connection;
    list->last = connection;
}

/*  Returns 0 if fd is not a socket. */
uint64_t bus_connection_cookie (int fd)
{
    uint64_t cookie = 0;
    socklen_t size = sizeof cookie;
    return getsockopt (fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) < 0 ? 0 : cookie;
}

bool bus_connection_is_gone (const struct bus_connection *connection)
{
    base_assert (connection);
    return bus_connection_cookie (connection->fd) != connection->cookie;
}

/*  Bytes that libzmq has read from the kernel so far. */
uint64_t bus_connection_bytes_read (const struct bus_connection *connection, int *ret_unread)
{
    base_assert (connection && ret_unread);
    struct tcp_info info = {0};
    socklen_t size = sizeof info;
    int unread = 0;
    (void) ioctl (connection->fd, FIONREAD, &unread);
    *ret_unread = unread;
    if (!connection->counts_bytes || getsockopt (connection->fd, IPPROTO_TCP, TCP_INFO, &info, &size) < 0 ||
        info.tcpi_bytes_received < (uint64_t) unread)
        return connection->read;
    return info.tcpi_bytes_received - (uint64_t) unread;
}

bool bus_connection_wake_by (const struct bus_connection *connection, int operation, uint32_t events)
{
    base_assert (connection->fd >= 0);
    struct epoll_event event = {.events = events | EPOLLRDHUP | EPOLLONESHOT, .data.fd = connection->fd};
    return epoll_ctl (connection->guard->epoll, operation, connection->fd, &event) == 0;
}

/*  Wakes the guard when the next bytes arrive. */
bool bus_connection_arm (const struct bus_connection *connection, int operation)
{
    return bus_connection_wake_by (connection, operation, EPOLLIN);
}

void bus_connection_drop (struct bus_connection *connection)
{
    base_assert (connection && connection->guard && connection->socket);
    struct bus_guard *guard = connection->guard;
    base_assert ((size_t) connection->fd < guard->n_table && guard->table[connection->fd] == connection);
    base_assert (connection->socket->n_connections > 0);
    base_assert (guard->n_servers >= connection->is_server);
    bus_greeting_done (connection);
    bus_unread_unref (connection->unread);
    if (guard->last == connection)
        guard->last = NULL;
    bus_connection_remove (connection);
    guard->table[connection->fd] = NULL;
    connection->socket->n_connections--;
    guard->n_servers -= connection->is_server;
    connection->unread = NULL;
    connection->ended = true;
    connection->next = guard->dropped;
    guard->dropped = connection;
}

void bus_connections_free (struct bus_guard *guard)
{
    base_assert (guard);
    while (guard->dropped) {
        struct bus_connection *connection = guard->dropped;
        guard->dropped = connection->next;
        free (connection);
    }
}

/*  Returns the open connection for which bytes () is largest. */
struct bus_connection *bus_connection_most (struct bus_guard *guard,
                                            uint64_t (*bytes) (const struct bus_connection *connection))
{
    base_assert (guard && bytes);
    struct bus_connection *most = NULL;
    for (size_t i = 0; i < guard->n_table; i++) {
        struct bus_connection *other = guard->table[i];
        if (other && !other->ended && bytes (other) > (most ? bytes (most) : 0))
            most = other;
    }
    return most;
}

static bool table_extend (struct bus_guard *guard, int fd)
{
    base_assert (fd >= 0);
    size_t needed = (size_t) fd + 1, size = guard->n_table ? guard->n_table : TABLE_LEAST;
    if (needed <= guard->n_table)
        return true;
    while (size < needed)
        size *= 2;
    struct bus_connection **table = reallocarray (guard->table, size, sizeof (struct bus_connection *));
    if (!table)
        return false;
    memset (table + guard->n_table, 0, (size - guard->n_table) * sizeof (struct bus_connection *));
    guard->table = table;
    guard->n_table = size;
    return true;
}

static bool fd_is_tcp (int fd)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    return getsockname (fd, (struct sockaddr *) &address, &size) == 0 && address.ss_family != AF_UNIX;
}

/*  The connection that a descriptor belongs to now. NULL: it belongs to none any more. */
struct bus_connection *bus_connection_find (struct bus_guard *guard, struct bus_socket *socket, int fd)
{
    base_assert (guard && socket);
    uint64_t cookie = fd < 0 ? 0 : bus_connection_cookie (fd);
    struct bus_connection *connection = cookie && (size_t) fd < guard->n_table ? guard->table[fd] : NULL;
    if (!cookie)
        return NULL;
    if (connection && connection->cookie == cookie && connection->socket == socket)
        return connection;
    if (connection)
        bus_connection_drop (connection);
    connection = table_extend (guard, fd) ? calloc (1, sizeof *connection) : NULL;
    if (!connection)
        return NULL;
    *connection = (struct bus_connection){.guard = guard,
                                          .socket = socket,
                                          .fd = fd,
                                          .cookie = cookie,
                                          .opened_ms = base_time_boot_ms (),
                                          .is_server = socket->is_server,
                                          .counts_bytes = fd_is_tcp (fd)};
    connection->handshake_over =
        !connection->is_server || !connection->counts_bytes || socket->kind != BUS_ROUTER;
    connection->bytes_ms = connection->base_ms = connection->opened_ms;
    if (!bus_connection_arm (connection, EPOLL_CTL_ADD) && !bus_connection_arm (connection, EPOLL_CTL_MOD)) {
        free (connection);
        return NULL;
    }
    guard->table[fd] = connection;
    socket->n_connections++;
    guard->n_servers += connection->is_server;
    bus_connection_append (bus_connection_is_silent (connection) ? &guard->waiting : &guard->idle,
                           connection);
    bus_guard_wait_later (guard, connection->opened_ms);
    bus_guard_make_room (guard, connection);
    return connection;
}
