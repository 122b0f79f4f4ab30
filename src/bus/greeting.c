/* SPDX-License-Identifier: MPL-2.0 */
/*  bus/greeting.c - bytes that a connection sends and that belong to no message */

#include "base/assert.h"
#include "base/time.h"
#include "bus/guard_private.h"

enum {
    GREETING_MOST = 2048,             /* bytes of a connection that belong to no message: its handshake */
    STRANGERS_MOST = 8 * 1024 * 1024, /* such bytes of all connections whose handshake is not over ... */
    STRANGER_LITTLE = 4096,           /* ... and that sent more than this */
};

/*  Stops counting the connection's handshake. */
void bus_greeting_done (struct bus_connection *connection)
{
    base_assert (connection->guard->strange >= connection->strange);
    connection->guard->strange -= connection->strange;
    connection->strange = 0;
    connection->shaken = true;
}

static uint64_t connection_strange (const struct bus_connection *connection)
{
    return connection->strange;
}

/*  A late look can find a message without end above this limit, too. */
static enum bus_end connection_end_why (const struct bus_connection *connection)
{
    return connection->strange > connection->socket->message_most + BUS_SLACK ? BUS_END_ENDLESS
                                                                              : BUS_END_GREETING;
}

/*  Bytes beside complete messages are the handshake and an incomplete message. libzmq keeps every property
    that a peer sends in its handshake, in about twenty times the bytes that it takes on the wire. */
void bus_greeting_count (struct bus_connection *connection, uint64_t now_ms)
{
    base_assert (!connection->shaken);
    struct bus_guard *guard = connection->guard;
    uint64_t beside = connection->read > connection->messages ? connection->read - connection->messages : 0;
    if (connection->delivered > 0 && beside <= GREETING_MOST) {
        bus_greeting_done (connection);
        return;
    }
    guard->strange -= connection->strange;
    connection->strange = beside > STRANGER_LITTLE ? beside : 0;
    guard->strange += connection->strange;
    if (connection->delivered > 0 && now_ms - connection->spoke_ms >= BUS_SILENT_MS) {
        bus_guard_end (connection, BUS_END_GREETING);
        return;
    }
    if (guard->strange <= STRANGERS_MOST)
        return;
    struct bus_connection *most = bus_connection_most (guard, connection_strange);
    if (most) {
        enum bus_end why = connection_end_why (most);
        bus_greeting_done (most);
        bus_guard_end (most, why);
    }
}

/*  A message of `size` bytes came on a connection whose handshake is still counted. */
void bus_greeting_delivered (struct bus_connection *connection, size_t size)
{
    base_assert (!connection->shaken && connection->delivered > 0);
    int unread;
    uint64_t now_ms = base_time_boot_ms ();
    if (connection->delivered == 1)
        connection->spoke_ms = now_ms;
    connection->messages += size;
    connection->read = bus_connection_bytes_read (connection, &unread);
    bus_greeting_count (connection, now_ms);
    if (!connection->shaken && connection->list != &connection->guard->looked_at)
        bus_guard_look_at (connection);
}
