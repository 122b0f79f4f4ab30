/* SPDX-License-Identifier: MPL-2.0 */
/*  bus/guard.h - limits for one connection; private to this room

    libzmq bounds frames, and counts whole messages against its high-water marks. It does not bound a message
    whose frames all announce another one, a peer that never sends, or the number of connections. The guard
    does. The monitor of each socket reports the descriptors that were accepted or connected, the kernel
    counts the bytes of each, and message.c reports each delivered message. A connection is ended with
    shutdown (), so that libzmq sees a peer that left; every other peer stays.

    An idle connection costs no wake-up. The first bytes wake the guard. It looks at the connection every 50
    ms while more bytes arrive, and then makes it idle again. An answer costs no further wake-up: after a
    request, a client's connection is looked at until the answer is delivered. */

#ifndef BUS_GUARD_H
#define BUS_GUARD_H

#include <zmq.h>

#include "bus/socket.h"

struct bus_guard;

/*  A connection of a socket. Valid during the handler in which it was found. */
struct bus_connection;

/*  Gets the loop's guard, made by the first call. NULL: this loop has none. Returns 0 or -errno. */
int bus_loop_guard (struct bus_loop *loop, struct bus_guard **ret_guard);

/*  Returns 0 or -errno. */
int bus_guard_new (struct bus_loop *loop, struct bus_guard **ret_guard);

/*  All its sockets must have been forgotten. Returns NULL. */
struct bus_guard *bus_guard_free (struct bus_guard *guard);

/*  Limits the connections that the loop's servers may have at a time; 0: no limit. */
void bus_guard_limit (struct bus_guard *guard, unsigned most);

/*  Watches a socket that is neither bound nor connected yet. Returns 0 or -errno. */
int bus_guard_add (struct bus_guard *guard, struct bus_socket *socket);

/*  Forgets a socket and its connections, before it is closed. */
void bus_guard_forget (struct bus_guard *guard, struct bus_socket *socket);

/*  A whole message was delivered. frame: one of its frames, not the routing id. size: its bytes on the wire,
    or a few less. Returns its connection; NULL if that is unknown, as with inproc. */
struct bus_connection *bus_guard_delivered (struct bus_guard *guard, struct bus_socket *socket,
                                            const zmq_msg_t *frame, const struct bus_peer *peer, size_t size);

/*  Counts an answer of `size` bytes that is about to be sent to a ROUTER's peer. Returns the counter to pass
    to bus_unread_done, on any thread, once libzmq has released the answer; NULL: the answer is not
    counted. */
struct bus_unread *bus_guard_answer (struct bus_guard *guard, const struct bus_socket *socket,
                                     const struct bus_peer *peer, size_t size);
void bus_unread_done (struct bus_unread *unread, size_t size);

/*  An answer was sent. If all unread answers together exceed the limit, ends the connections with the most of
    them. */
void bus_guard_answered (struct bus_guard *guard, size_t size);

/*  A client has sent a message: an answer is expected. */
void bus_guard_sent (struct bus_guard *guard, const struct bus_socket *socket);

/*  Counts a subscription or a cancellation. Returns whether it is permitted: a connection has at most
    BUS_TOPICS_MOST subscriptions at a time, cancels only those that it has, and changes them at most 400
    times a minute. NULL: no limit applies. */
bool bus_guard_subscribed (struct bus_connection *connection, bool subscribed);

/*  The owner of the socket knows the peer: the connection is not ended in order to make room. */
void bus_guard_keep (struct bus_connection *connection);

/*  See bus_connection_mark. */
bool bus_guard_mark (struct bus_connection *connection, uint64_t number);

/*  Finds and ends the connection of a ROUTER's peer. */
void bus_guard_end_peer (struct bus_guard *guard, const struct bus_socket *socket,
                         const struct bus_peer *peer, enum bus_end why);

/*  Ends the connections of a server whose sender matches, with BUS_END_REVOKED. sender is unknown until the
    first message of the connection was delivered. Returns how many were ended. */
typedef bool (bus_guard_match) (const struct bus_socket *socket, const struct bus_sender *sender,
                                const void *context);
unsigned bus_guard_end_senders (struct bus_guard *guard, struct bus_socket *socket, bus_guard_match *matches,
                                const void *context);

/*  Ends the connection. The descriptor is only touched while it still belongs to it. */
void bus_guard_end (struct bus_connection *connection, enum bus_end why);

#endif
