/* SPDX-License-Identifier: MPL-2.0 */
/*  bus/greeting.c - limits the handshakes of connections: the bytes that belong to no message */

#include "base/assert.h"
#include "base/time.h"
#include "bus/guard_private.h"

enum {
    HANDSHAKE_MOST = 2048,             /* bytes of one handshake */
    HANDSHAKES_MOST = 8 * 1024 * 1024, /* bytes of all handshakes that are not over */
    HANDSHAKE_COUNTED = 4096,          /* a smaller one does not count towards HANDSHAKES_MOST */
};

/*  Stops counting the connection's handshake. */
void bus_greeting_done (struct bus_connection *connection)
{
    base_assert (connection->guard->handshake_bytes >= connection->handshake_bytes);
    connection->guard->handshake_bytes -= connection->handshake_bytes;
    connection->handshake_bytes = 0;
    connection->handshake_over = true;
}

static uint64_t connection_handshake_bytes (const struct bus_connection *connection)
{
    return connection->handshake_bytes;
}

/*  If the look comes late, a message without end may exceed this limit, too. */
static enum bus_end connection_end_why (const struct bus_connection *connection)
{
    return connection->handshake_bytes > connection->socket->message_most + BUS_SLACK ? BUS_END_ENDLESS
                                                                                      : BUS_END_GREETING;
}

/*  Bytes beside complete messages are the handshake and an incomplete message. libzmq stores every property
    that a peer sends in its handshake, and needs about twenty times its size on the wire for that. */
void bus_greeting_count (struct bus_connection *connection, uint64_t now_ms)
{
    base_assert (!connection->handshake_over);
    struct bus_guard *guard = connection->guard;
    uint64_t beside = connection->read > connection->messages ? connection->read - connection->messages : 0;
    if (connection->delivered > 0 && beside <= HANDSHAKE_MOST) {
        bus_greeting_done (connection);
        return;
    }
    guard->handshake_bytes -= connection->handshake_bytes;
    connection->handshake_bytes = beside > HANDSHAKE_COUNTED ? beside : 0;
    guard->handshake_bytes += connection->handshake_bytes;
    if (connection->delivered > 0 && now_ms - connection->first_message_ms >= BUS_SILENT_MS) {
        bus_guard_end (connection, BUS_END_GREETING);
        return;
    }
    if (guard->handshake_bytes <= HANDSHAKES_MOST)
        return;
    struct bus_connection *most = bus_connection_most (guard, connection_handshake_bytes);
    if (most) {
        enum bus_end why = connection_end_why (most);
        bus_greeting_done (most);
        bus_guard_end (most, why);
    }
}

void bus_greeting_delivered (struct bus_connection *connection, size_t size)
{
    base_assert (!connection->handshake_over && connection->delivered > 0);
    int unread;
    uint64_t now_ms = base_time_boot_ms ();
    if (connection->delivered == 1)
        connection->first_message_ms = now_ms;
    connection->messages += size;
    connection->read = bus_connection_bytes_read (connection, &unread);
    bus_greeting_count (connection, now_ms);
    if (!connection->handshake_over && connection->list != &connection->guard->looked_at)
        bus_guard_look_at (connection);
}
