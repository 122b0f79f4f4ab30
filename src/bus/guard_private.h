/* SPDX-License-Identifier: MPL-2.0 */
/*  bus/guard_private.h - the state that the guard keeps of each connection

    Shared by guard.c (when a connection is looked at, and ended), connection.c (the table of connections),
    greeting.c (bytes that belong to no message), unread.c (answers that are not read) and monitor.c (libzmq's
    connection events). */

#ifndef BUS_GUARD_PRIVATE_H
#define BUS_GUARD_PRIVATE_H

#include "bus/guard.h"
#include "bus/socket_private.h"

enum {
    BUS_SILENT_MS = 10000,  /* without a first message */
    BUS_SLACK = 256 * 1024, /* bytes beyond the largest message: libzmq may read that many at once */
};

struct bus_connections {
    struct bus_connection *first, *last;
};

struct bus_connection {
    struct bus_guard *guard;
    struct bus_socket *socket;
    struct bus_connection *previous, *next; /* in the list that it is in */
    struct bus_connections *list;
    uint64_t cookie;
    uint64_t opened_ms;
    uint64_t bytes_ms;   /* time of the last byte seen */
    uint64_t read, base; /* see guard.c */
    uint64_t base_ms;
    uint64_t size;  /* ipc: bytes of this process when bytes began to arrive */
    uint64_t grown; /* ipc: growth of this process in earlier such periods, since the last delivery */
    uint64_t delivered, seen; /* messages: so far, and at the last look */
    uint64_t suspected_at;    /* the socket's n_read when this connection was first suspected; 0: it is not */
    struct bus_peer peer;     /* the sender of its messages */
    uint64_t mark;            /* set by the owner; 0: none */
    uint64_t messages;        /* bytes delivered, until handshake_over */
    uint64_t handshake_bytes; /* its part of guard->handshake_bytes, until handshake_over */
    uint64_t first_message_ms;
    struct bus_unread *unread; /* NULL: no large answer was sent to it */
    unsigned topics, changes;  /* subscriptions now; and subscriptions and cancellations since changes_ms */
    uint64_t changes_ms;
    int fd;
    uint8_t idle_looks;
    bool is_server, counts_bytes, kept, ended;
    bool handshake_over; /* its handshake is known to be small, and is not counted any more */
    bool awaited;        /* looked at for one message only: idle again when that was delivered alone */
};

/*  A socket's monitor. */
struct bus_monitor {
    struct bus_monitor *next;
    struct bus_socket *socket;
    void *pair;
    int fd; /* of the pair's mailbox */
};

struct bus_guard {
    struct bus_loop *loop;
    struct bus_connection **table; /* by descriptor */
    size_t n_table;
    struct bus_monitor *monitors;
    struct bus_connections looked_at; /* bytes are coming */
    struct bus_connections waiting;   /* no first message and no bytes yet; oldest first */
    struct bus_connections idle;
    unsigned n_servers, most;
    uint64_t handshake_bytes;       /* of all connections whose handshake is not over */
    uint64_t sent;                  /* bytes of answers since the unread ones were last added up */
    struct bus_connection *last;    /* the connection of the last delivery */
    struct bus_connection *dropped; /* see bus_connection_drop */
    unsigned serial;
    int epoll;
    int look_timer, wait_timer;
};

/*  Moves a connection to the end of a list. */
void bus_connection_append (struct bus_connections *list, struct bus_connection *connection);

/*  The kernel's number of a socket, never used twice. 0: no socket. */
uint64_t bus_connection_cookie (int fd);
bool bus_connection_is_gone (const struct bus_connection *connection);

/*  Bytes that libzmq has read from the kernel so far; *ret_unread: bytes that still wait there. */
uint64_t bus_connection_bytes_read (const struct bus_connection *connection, int *ret_unread);

/*  Wakes the guard once at these events of epoll; arm: when the next bytes arrive. operation: EPOLL_CTL_ADD
    or EPOLL_CTL_MOD. Returns false if epoll refused it. */
bool bus_connection_wake_by (const struct bus_connection *connection, int operation, uint32_t events);
bool bus_connection_arm (const struct bus_connection *connection, int operation);

/*  Returns the connection that a descriptor belongs to now, made if necessary. NULL: the descriptor is no
    socket any more, or memory is exhausted. */
struct bus_connection *bus_connection_find (struct bus_guard *guard, struct bus_socket *socket, int fd);

/*  drop: forgets a connection. A handler of a message may still have it, and revoke a key: so it counts as
    ended, and is freed by bus_connections_free, which each handler of the guard begins with. */
void bus_connection_drop (struct bus_connection *connection);
void bus_connections_free (struct bus_guard *guard);

/*  Returns the open connection for which bytes () is largest. NULL: it is 0 for all. */
struct bus_connection *bus_connection_most (struct bus_guard *guard,
                                            uint64_t (*bytes) (const struct bus_connection *connection));

/*  Whether the connection is of a server, and its peer has not sent the first message yet. */
bool bus_connection_is_silent (const struct bus_connection *connection);

/*  look_at: checks the connection every 50 ms from now on. wait_later: sets the timer for the connections
    that have sent no message yet. */
void bus_guard_look_at (struct bus_connection *connection);
void bus_guard_wait_later (struct bus_guard *guard, uint64_t now_ms);

/*  Ends a connection if there are more than the limit. */
void bus_guard_make_room (struct bus_guard *guard, struct bus_connection *newcomer);

/*  Counts the bytes that a connection sends beside its messages: its handshake. Called at each look, and with
    each delivered message of `size` bytes. done: the handshake is known to be small, and counting stops. */
void bus_greeting_count (struct bus_connection *connection, uint64_t now_ms);
void bus_greeting_delivered (struct bus_connection *connection, size_t size);
void bus_greeting_done (struct bus_connection *connection);

/*  Accepts NULL. */
void bus_unread_unref (struct bus_unread *unread);

/*  Reads all pending events of libzmq. */
void bus_monitor_drain (struct bus_guard *guard, const struct bus_monitor *monitor);

#endif
