/* SPDX-License-Identifier: MPL-2.0 */
/*  bus/unread.c - answers that peers do not read: bounded over all connections */

#include <stdatomic.h>
#include <stdlib.h>

#include "base/assert.h"
#include "bus/guard_private.h"

enum {
    UNREAD_MOST = 64 * 1024 * 1024, /* bytes of all unread answers */
    UNREAD_LOOK = 8 * 1024 * 1024,  /* bytes sent between two checks of UNREAD_MOST */
};

/*  Bytes of answers that a peer has not read yet. libzmq's I/O thread subtracts those that it releases. */
struct bus_unread {
    atomic_uint refs;
    atomic_size_t bytes;
};

void bus_unread_unref (struct bus_unread *unread)
{
    if (unread && atomic_fetch_sub_explicit (&unread->refs, 1, memory_order_acq_rel) == 1)
        free (unread);
}

static uint64_t connection_unread (const struct bus_connection *connection)
{
    return connection->unread ? atomic_load (&connection->unread->bytes) : 0;
}

static struct bus_connection *peer_connection (struct bus_guard *guard, const struct bus_socket *socket,
                                               const struct bus_peer *peer)
{
    if (guard->last && guard->last->socket == socket && bus_peer_equal (&guard->last->peer, peer))
        return guard->last;
    for (size_t i = 0; i < guard->n_table; i++)
        if (guard->table[i] && guard->table[i]->socket == socket &&
            bus_peer_equal (&guard->table[i]->peer, peer))
            return guard->table[i];
    return NULL;
}

struct bus_unread *bus_guard_answer (struct bus_guard *guard, const struct bus_socket *socket,
                                     const struct bus_peer *peer, size_t size)
{
    base_assert (guard && socket && peer);
    struct bus_connection *connection = peer_connection (guard, socket, peer);
    if (!connection)
        return NULL;
    if (!connection->unread) {
        connection->unread = calloc (1, sizeof *connection->unread);
        if (!connection->unread)
            return NULL;
        atomic_init (&connection->unread->refs, 1);
    }
    atomic_fetch_add_explicit (&connection->unread->refs, 1, memory_order_relaxed);
    atomic_fetch_add (&connection->unread->bytes, size);
    return connection->unread;
}

void bus_unread_done (struct bus_unread *unread, size_t size)
{
    base_assert (unread && atomic_load (&unread->bytes) >= size);
    atomic_fetch_sub (&unread->bytes, size);
    bus_unread_unref (unread);
}

void bus_guard_answered (struct bus_guard *guard, size_t size)
{
    base_assert (guard);
    uint64_t sum = 0;
    guard->sent += size;
    if (guard->sent < UNREAD_LOOK)
        return;
    guard->sent = 0;
    for (size_t i = 0; i < guard->n_table; i++)
        if (guard->table[i] && !guard->table[i]->ended)
            sum += connection_unread (guard->table[i]);
    for (struct bus_connection *most;
         sum > UNREAD_MOST && (most = bus_connection_most (guard, connection_unread));) {
        sum -= connection_unread (most) < sum ? connection_unread (most) : sum;
        bus_guard_end (most, BUS_END_SLOW);
    }
}
