/*  bus/guard_private.h - what the guard knows of each connection, shared by guard.c (when one is looked at, and ended), connection.c
    (the table of them), greeting.c (what is no message), unread.c (answers that nobody reads) and monitor.c (libzmq's word of
    connections) */

#ifndef BUS_GUARD_PRIVATE_H
#define BUS_GUARD_PRIVATE_H

#include "bus/guard.h"
#include "bus/socket_private.h"

enum {
    BUS_SILENT_MS = 10000,  /* without a first message */
    BUS_SLACK = 256 * 1024, /* beyond the largest message: what one read of libzmq takes at once */
};

struct bus_connections {
    struct bus_connection *first, *last;
};

struct bus_connection {
    struct bus_guard *guard;
    struct bus_socket *socket;
    struct bus_connection *previous, *next; /* of the list that it is in */
    struct bus_connections *list;
    uint64_t cookie;
    uint64_t came_ms;
    uint64_t bytes_ms;   /* when the last byte was seen */
    uint64_t read, base; /* see guard.c */
    uint64_t base_ms;
    uint64_t size;            /* ipc: of the process when bytes began to come, ... */
    uint64_t grown;           /* ... and how much it grew while others came, since something was delivered */
    uint64_t delivered, seen; /* messages; and at the last look */
    uint64_t turn;            /* messages of the socket when it was first suspected; 0: it is not */
    struct bus_peer peer;     /* that its messages come from */
    uint64_t mark;            /* of the owner; 0: none */
    uint64_t messages, strange; /* bytes: delivered, and counted in guard->strange, until it is shaken */
    uint64_t spoke_ms;          /* its first message */
    struct bus_unread *unread;  /* NULL: it was never sent much */
    unsigned topics, changes;   /* subscribed to now; and subscriptions and cancels since changes_ms */
    uint64_t changes_ms;
    int fd;
    uint8_t idle_looks;
    bool is_server, counts_bytes, kept, ended;
    bool shaken;  /* what it sent beside its messages is little: libzmq keeps all that a hand-shake says */
    bool awaited; /* looked at for the sake of one message: once that is here, and no more, it is let go of */
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
    struct bus_connections looked_at; /* bytes come */
    struct bus_connections waiting; /* no first message yet, and no bytes; in the order in which they came */
    struct bus_connections idle;
    unsigned n_servers, most;
    uint64_t strange;            /* bytes of connections that are not shaken */
    uint64_t sent;               /* bytes of answers, since it was looked who reads them */
    struct bus_connection *last; /* that something was delivered of */
    unsigned serial;
    int epoll;
    int look_timer, wait_timer;
};

/*  A list of the guard. */
void bus_connection_append (struct bus_connections *list, struct bus_connection *connection);

/*  The kernel's number of a socket, which no other one has. 0: no socket. */
uint64_t bus_connection_cookie (int fd);
bool bus_connection_is_gone (const struct bus_connection *connection);

/*  What libzmq has taken from the kernel so far; *ret_unread: bytes that still wait there. */
uint64_t bus_connection_bytes_read (const struct bus_connection *connection, int *ret_unread);

/*  Has the guard woken, once, by these events; arm: by the next bytes. Returns whether it will be. */
bool bus_connection_wake_by (const struct bus_connection *connection, int operation, uint32_t events);
bool bus_connection_arm (const struct bus_connection *connection, int operation);

/*  The connection that a descriptor is now; NULL where it is none any more. */
struct bus_connection *bus_connection_find (struct bus_guard *guard, struct bus_socket *socket, int fd);
void bus_connection_drop (struct bus_connection *connection);

/*  Of the connections that are not ended yet, the one of which `bytes` says most. NULL: none has any. */
struct bus_connection *bus_connection_most (struct bus_guard *guard,
                                            uint64_t (*bytes) (const struct bus_connection *connection));

/*  Whether it has to send a first message, and has not. */
bool bus_connection_is_silent (const struct bus_connection *connection);

/*  The connection is looked at every 50 ms from now on. */
void bus_guard_look_at (struct bus_connection *connection);
void bus_guard_wait_later (struct bus_guard *guard, uint64_t now_ms);

/*  Ends a connection where there are more than may be. */
void bus_guard_make_room (struct bus_guard *guard, struct bus_connection *came);

/*  What a connection sends beside its messages: counted at each look, and with each message of `size` bytes, until it is known to be
    little (done). */
void bus_greeting_count (struct bus_connection *connection, uint64_t now_ms);
void bus_greeting_delivered (struct bus_connection *connection, size_t size);
void bus_greeting_done (struct bus_connection *connection);

/*  NULL is nothing. */
void bus_unread_unref (struct bus_unread *unread);

/*  Reads all that libzmq has said. */
void bus_monitor_drain (struct bus_guard *guard, const struct bus_monitor *monitor);

#endif
