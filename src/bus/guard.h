/*  bus/guard.h - what one connection may cost; private to this room

    libzmq bounds frames, and counts whole messages against its high-water marks. It does not bound a message
    whose frames all announce another one, a peer that never sends, or the number of connections. The guard
    does. The monitor of each socket tells the descriptors that were accepted or connected, the kernel tells how
    many bytes came on each, and whoever reads messages tells what was delivered. A connection is ended with
    shutdown (), so that libzmq sees a peer that left; every other peer stays.

    An idle connection costs no wake-up: the guard is woken by the first bytes, looks every 50 ms while there
    are more, and then lets go of it again. An answer costs none of its own either: from what a client sends on
    its connection is looked at as if bytes had come, and it is let go of with the answer. */

#ifndef BUS_GUARD_H
#define BUS_GUARD_H

#include <zmq.h>

#include "bus/socket.h"

struct bus_guard;

/*  A connection of a socket. Valid during the handler in which it was found. */
struct bus_connection;

/*  The loop's guard, made with the first call; NULL: this loop has none. Returns 0 or -errno. */
int bus_loop_guard (struct bus_loop *loop, struct bus_guard **ret_guard);

int bus_guard_new (struct bus_loop *loop, struct bus_guard **ret_guard);

/*  All its sockets must be forgotten. Returns NULL. */
struct bus_guard *bus_guard_free (struct bus_guard *guard);

/*  Connections that servers of the loop may have at a time; 0: as many as there are. */
void bus_guard_limit (struct bus_guard *guard, unsigned most);

/*  Watches a socket, which must neither be bound nor connected yet. Returns 0 or -errno. */
int bus_guard_add (struct bus_guard *guard, struct bus_socket *socket);
void bus_guard_forget (struct bus_guard *guard, struct bus_socket *socket);

/*  A whole message came. frame: one of it that is no routing id; size: its bytes on the wire, or a few less.
    Returns its connection; NULL where that is unknown, as with inproc. */
struct bus_connection *bus_guard_delivered (struct bus_guard *guard, struct bus_socket *socket,
                                            const zmq_msg_t *frame, const struct bus_peer *peer, size_t size);

/*  An answer of so many bytes is about to be sent to a ROUTER's peer. Returns what is to be told once libzmq has let
    go of it, from whatever thread; NULL: nobody. */
struct bus_unread *bus_guard_answer (struct bus_guard *guard, const struct bus_socket *socket,
                                     const struct bus_peer *peer, size_t size);
void bus_unread_done (struct bus_unread *unread, size_t size);

/*  It was sent. Where answers lie that are too much in all, who let most of them lie is ended. */
void bus_guard_answered (struct bus_guard *guard, size_t size);

/*  A client has sent something: an answer may come. */
void bus_guard_sent (struct bus_guard *guard, const struct bus_socket *socket);

/*  Counts a subscription, or that one is cancelled. Returns whether the connection may: it has BUS_TOPICS_MOST at a
    time, cancels none that it does not have, and changes them 400 times a minute. NULL may everything. */
bool bus_guard_subscribed (struct bus_connection *connection, bool subscribed);

/*  The owner of the socket knows who it is: it is not ended in order to make room. */
void bus_guard_keep (struct bus_connection *connection);

bool bus_guard_mark (struct bus_connection *connection, uint64_t number);

/*  Ends the connection of a ROUTER's peer, which is looked for. */
void bus_guard_end_peer (struct bus_guard *guard, const struct bus_socket *socket,
                         const struct bus_peer *peer, enum bus_end why);

/*  Ends it. The descriptor is only touched while it still is that connection's. */
void bus_guard_end (struct bus_connection *connection, enum bus_end why);

#endif
