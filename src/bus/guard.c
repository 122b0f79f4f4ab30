/*  bus/guard.c - what one connection may cost

    Connections stand in a table by descriptor. A descriptor is reused as soon as libzmq has closed it, and
    the monitor's word comes late: the kernel's cookie of the socket says whether it still is the same
    connection.

    How a message without end is found: `read` is what libzmq has taken from the kernel, `base` what that was
    when something was delivered last. A peer's stream is one message behind the other, so whatever lies between
    the two is whole messages that wait for the loop, and one that is not complete. Where the socket has nothing
    to read, it is that one alone. Where it has, it is read in turns: once as many messages were read as there
    are connections, each of them had its turn. */

#include "bus/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/random.h"
#include "base/time.h"
#include "bus/socket_private.h"

enum {
    LOOK_MS = 50,
    IDLE_LOOKS = 3,         /* without a byte: it is let go of */
    SILENT_MS = 10000,      /* without a first message */
    SILENT_MOST_MS = 30000, /* where bytes still come: a hand-shake may have to wait for its turn */
    SLACK = 256 * 1024,     /* beyond the largest message: what one read of libzmq takes at once */
    LITTLE = 64 * 1024,
    PINGS_A_SECOND = 8,           /* bytes: a client that only listens still sends libzmq's heartbeats, ... */
    PINGS_MOST = 8 * 1024 * 1024, /* ... which nobody tells from parts of a message */
    GROWN = 64 * 1024 * 1024,     /* over ipc, where the kernel counts no bytes: what the process has grown */
    GREETING_MOST = 2048,         /* bytes of a connection that are no messages: its hand-shake */
    STRANGERS_MOST = 8 * 1024 * 1024, /* bytes in all of those that have not shown that yet ... */
    STRANGER_LITTLE = 4096,           /* ... and sent more than this */
    UNREAD_MOST = 64 * 1024 * 1024,   /* bytes of answers in all that peers let lie */
    UNREAD_LOOK = 8 * 1024 * 1024,    /* bytes that are sent between two looks at that */
    CHANGES_MOST = 400,               /* of what a connection subscribes to, ... */
    CHANGES_MS = 60000,               /* ... in this time */
    EVENTS = 64,
    TABLE_LEAST = 64,
};

struct list {
    struct bus_connection *first, *last;
};

/*  Answers that a peer has not read yet. libzmq's I/O thread counts them down. */
struct bus_unread {
    atomic_uint refs;
    atomic_size_t bytes;
};

struct bus_connection {
    struct bus_guard *guard;
    struct bus_socket *socket;
    struct bus_connection *previous, *next; /* of the list that it is in */
    struct list *list;
    uint64_t cookie;
    uint64_t came_ms;
    uint64_t bytes_ms;   /* when the last byte was seen */
    uint64_t read, base; /* see above */
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
struct monitor {
    struct monitor *next;
    struct bus_socket *socket;
    void *pair;
    int fd; /* of the pair's mailbox */
};

struct bus_guard {
    struct bus_loop *loop;
    struct bus_connection **table; /* by descriptor */
    size_t n_table;
    struct monitor *monitors;
    struct list looked_at; /* bytes come */
    struct list waiting;   /* no first message yet, and no bytes; in the order in which they came */
    struct list idle;
    unsigned n_servers, most;
    uint64_t strange;            /* bytes of connections that are not shaken */
    uint64_t sent;               /* bytes of answers, since it was looked who reads them */
    struct bus_connection *last; /* that something was delivered of */
    unsigned serial;
    int epoll;
    int look_timer, wait_timer;
};

const char *bus_end_text (enum bus_end why)
{
    static const char *const texts[BUS_END_COUNT] = {
        [BUS_END_ENDLESS] = "sent a message without end",
        [BUS_END_SILENT] = "sent no message",
        [BUS_END_CLAIM] = "chose its routing id itself",
        [BUS_END_TOPICS] = "subscribed to too much, or to what does not exist",
        [BUS_END_SLOW] = "did not read its answers",
        [BUS_END_ROOM] = "there was no room for it",
        [BUS_END_GREETING] = "sent much that was no message",
    };
    return texts[why];
}

static void list_remove (struct bus_connection *connection)
{
    struct list *list = connection->list;
    if (!list)
        return;
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

static void list_append (struct list *list, struct bus_connection *connection)
{
    list_remove (connection);
    connection->list = list;
    connection->previous = list->last;
    if (list->last)
        list->last->next = connection;
    else
        list->first = connection;
    list->last = connection;
}

/*  0: no socket. */
static uint64_t cookie_of (int fd)
{
    uint64_t cookie = 0;
    socklen_t size = sizeof cookie;
    return getsockopt (fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) < 0 ? 0 : cookie;
}

static bool is_gone (const struct bus_connection *connection)
{
    return cookie_of (connection->fd) != connection->cookie;
}

static uint64_t process_size (void)
{
    char text[128], *pages;
    base_cleanup (base_close_p) int fd = open ("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read (fd, text, sizeof text - 1);
    if (size <= 0)
        return 0;
    text[size] = '\0';
    (void) strtoull (text, &pages, 10); /* the size of its addresses; then what is resident */
    return strtoull (pages, NULL, 10) * (uint64_t) sysconf (_SC_PAGESIZE);
}

/*  What libzmq has taken from the kernel so far. */
static uint64_t bytes_read (const struct bus_connection *connection, int *ret_unread)
{
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

/*  The end of what is counted of its hand-shake. */
static void shake (struct bus_connection *connection)
{
    connection->guard->strange -= connection->strange;
    connection->strange = 0;
    connection->shaken = true;
}

static void unread_unref (struct bus_unread *unread)
{
    if (unread && atomic_fetch_sub_explicit (&unread->refs, 1, memory_order_acq_rel) == 1)
        free (unread);
}

static void drop (struct bus_connection *connection)
{
    struct bus_guard *guard = connection->guard;
    shake (connection);
    unread_unref (connection->unread);
    if (guard->last == connection)
        guard->last = NULL;
    list_remove (connection);
    guard->table[connection->fd] = NULL;
    connection->socket->n_connections--;
    guard->n_servers -= connection->is_server;
    free (connection);
}

static void on_look (void *context);
static void on_wait (void *context);

static void look_later (struct bus_guard *guard)
{
    if (guard->look_timer <= 0)
        guard->look_timer = bus_timer_start (guard->loop, LOOK_MS, on_look, guard);
}

static bool wake_by (const struct bus_connection *connection, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events | EPOLLRDHUP | EPOLLONESHOT, .data.fd = connection->fd};
    return epoll_ctl (connection->guard->epoll, operation, connection->fd, &event) == 0;
}

/*  Has the guard woken by the next bytes. */
static bool arm (const struct bus_connection *connection, int operation)
{
    return wake_by (connection, operation, EPOLLIN);
}

static void look_at (struct bus_connection *connection)
{
    if (!connection->counts_bytes && connection->list != &connection->guard->looked_at)
        connection->size = process_size ();
    connection->idle_looks = 0;
    connection->awaited = false;
    list_append (&connection->guard->looked_at, connection);
    look_later (connection->guard);
}

static uint64_t silent_until (const struct bus_connection *connection)
{
    uint64_t until = connection->bytes_ms + SILENT_MS, last = connection->came_ms + SILENT_MOST_MS;
    return until < last ? until : last;
}

static bool is_silent (const struct bus_connection *connection)
{
    return connection->is_server && connection->delivered == 0 && !connection->ended &&
           connection->socket->kind != BUS_PULL;
}

static void wait_later (struct bus_guard *guard, uint64_t now_ms)
{
    const struct bus_connection *first = guard->waiting.first;
    if (!first || guard->wait_timer > 0)
        return;
    uint64_t until = silent_until (first);
    guard->wait_timer = bus_timer_start (guard->loop, until > now_ms ? until - now_ms : 0, on_wait, guard);
}

/*  Nothing comes on it: it is let go of. Returns false where it has gone. */
static bool let_go (struct bus_connection *connection)
{
    struct bus_guard *guard = connection->guard;
    if (!arm (connection, EPOLL_CTL_MOD)) {
        drop (connection);
        return false;
    }
    list_append (is_silent (connection) ? &guard->waiting : &guard->idle, connection);
    wait_later (guard, base_time_boot_ms ());
    return true;
}

void bus_guard_end (struct bus_connection *connection, enum bus_end why)
{
    if (connection->ended)
        return;
    connection->ended = true;
    connection->socket->counts.ended[why]++;
    /* Between a look at the cookie and shutdown () libzmq could close the descriptor: the copy cannot change. */
    base_cleanup (base_close_p) int fd = fcntl (connection->fd, F_DUPFD_CLOEXEC, 0);
    if (fd >= 0 ? cookie_of (fd) == connection->cookie : !is_gone (connection))
        (void) shutdown (fd >= 0 ? fd : connection->fd, SHUT_RDWR);
    look_at (connection);
}

/*  Of the connections that are not ended yet, the one of which `bytes` says most. */
static struct bus_connection *most_of (struct bus_guard *guard,
                                       uint64_t (*bytes) (const struct bus_connection *connection))
{
    struct bus_connection *most = NULL;
    for (size_t i = 0; i < guard->n_table; i++) {
        struct bus_connection *other = guard->table[i];
        if (other && !other->ended && bytes (other) > (most ? bytes (most) : 0))
            most = other;
    }
    return most;
}

static uint64_t strange_of (const struct bus_connection *connection)
{
    return connection->strange;
}

/*  What a connection has sent beside its messages is its hand-shake, and what it has not sent whole. libzmq keeps
    whatever properties a peer has told of itself, in about twenty times the bytes that they take on the wire. */
static void strange_count (struct bus_connection *connection, uint64_t now_ms)
{
    struct bus_guard *guard = connection->guard;
    uint64_t beside = connection->read > connection->messages ? connection->read - connection->messages : 0;
    if (connection->delivered > 0 && beside <= GREETING_MOST) {
        shake (connection);
        return;
    }
    guard->strange -= connection->strange;
    connection->strange = beside > STRANGER_LITTLE ? beside : 0;
    guard->strange += connection->strange;
    if (connection->delivered > 0 && now_ms - connection->spoke_ms >= SILENT_MS) {
        bus_guard_end (connection, BUS_END_GREETING);
        return;
    }
    if (guard->strange <= STRANGERS_MOST)
        return;
    struct bus_connection *most = most_of (guard, strange_of);
    if (most) {
        shake (most);
        bus_guard_end (most, BUS_END_GREETING);
    }
}

/*  A message of so many bytes came on a connection that is not shaken. */
static void strange_delivered (struct bus_connection *connection, size_t size)
{
    int unread;
    uint64_t now_ms = base_time_boot_ms ();
    if (connection->delivered == 1)
        connection->spoke_ms = now_ms;
    connection->messages += size;
    connection->read = bytes_read (connection, &unread);
    strange_count (connection, now_ms);
    if (!connection->shaken && connection->list != &connection->guard->looked_at)
        look_at (connection);
}

void bus_guard_end_peer (struct bus_guard *guard, const struct bus_socket *socket,
                         const struct bus_peer *peer, enum bus_end why)
{
    for (size_t i = 0; i < guard->n_table; i++)
        if (guard->table[i] && guard->table[i]->socket == socket &&
            bus_peer_equal (&guard->table[i]->peer, peer))
            bus_guard_end (guard->table[i], why);
}

void bus_guard_sent (struct bus_guard *guard, const struct bus_socket *socket)
{
    unsigned left = socket->is_server ? 0 : socket->n_connections;
    for (size_t i = 0; i < guard->n_table && left > 0; i++) {
        struct bus_connection *connection = guard->table[i];
        if (!connection || connection->socket != socket)
            continue;
        left--;
        if (connection->list == &guard->looked_at || !connection->counts_bytes ||
            !wake_by (connection, EPOLL_CTL_MOD, 0))
            continue;
        look_at (connection);
        connection->awaited = true;
    }
}

/*  Whether all that the connection sent whole has been delivered. */
static bool had_its_turn (struct bus_connection *connection)
{
    struct bus_socket *socket = connection->socket;
    uint64_t read = socket->n_read + 1;
    int events = 0;
    size_t size = sizeof events;
    if (zmq_getsockopt (socket->zmq, ZMQ_EVENTS, &events, &size) == 0 && !(events & ZMQ_POLLIN))
        return true;
    if (!connection->turn)
        connection->turn = read;
    return read - connection->turn > socket->n_connections;
}

/*  Bytes that may lie between two messages. */
static uint64_t undelivered_most (const struct bus_connection *connection, uint64_t now_ms)
{
    uint64_t pings = (now_ms - connection->base_ms) * PINGS_A_SECOND / 1000;
    return connection->socket->message_most + SLACK + (pings < PINGS_MOST ? pings : PINGS_MOST);
}

/*  What was read counts anew from what was delivered last. */
static void note_delivered (struct bus_connection *connection, uint64_t read, uint64_t now_ms)
{
    connection->seen = connection->delivered;
    connection->base = read;
    connection->base_ms = now_ms;
    connection->turn = 0;
}

/*  Over ipc: how much the process has grown while bytes came of which nothing was delivered. */
static uint64_t grown (const struct bus_connection *connection, uint64_t size)
{
    return connection->grown + (size > connection->size ? size - connection->size : 0);
}

static void look (struct bus_connection *connection, uint64_t now_ms, uint64_t *size)
{
    int unread;
    uint64_t read = bytes_read (connection, &unread);
    bool idle = read == connection->read && unread == 0;
    bool over;
    if (!connection->counts_bytes && !*size)
        *size = process_size ();
    if (!idle)
        connection->bytes_ms = now_ms;
    connection->read = read;
    if (!connection->shaken && !connection->ended)
        strange_count (connection, now_ms);
    if (connection->delivered != connection->seen || connection->ended) {
        note_delivered (connection, read, now_ms);
        connection->size = *size;
        connection->grown = 0;
    }
    over = connection->counts_bytes ? read - connection->base > undelivered_most (connection, now_ms)
                                    : grown (connection, *size) > GROWN;
    if (over && had_its_turn (connection))
        bus_guard_end (connection, BUS_END_ENDLESS);
    else if (is_silent (connection) && now_ms >= silent_until (connection) && had_its_turn (connection))
        bus_guard_end (connection, BUS_END_SILENT);
    else if (!connection->shaken && connection->delivered > 0 && !connection->ended)
        return; /* it is looked at until it is */
    else if ((connection->counts_bytes && unread == 0 && !connection->turn &&
              read - connection->base < LITTLE) ||
             (idle && !connection->turn && ++connection->idle_looks >= IDLE_LOOKS)) {
        connection->grown = grown (connection, *size);
        (void) let_go (connection);
    } else if (!idle || connection->turn)
        connection->idle_looks = 0;
}

static void on_look (void *context)
{
    struct bus_guard *guard = context;
    uint64_t now_ms = base_time_boot_ms (), size = 0;
    struct bus_connection *next, *last = guard->looked_at.last;
    guard->look_timer = 0;
    for (struct bus_connection *connection = guard->looked_at.first; connection; connection = next) {
        next = connection == last ? NULL : connection->next;
        if (is_gone (connection))
            drop (connection);
        else
            look (connection, now_ms, &size);
    }
    if (guard->looked_at.first)
        look_later (guard);
}

static void on_wait (void *context)
{
    struct bus_guard *guard = context;
    uint64_t now_ms = base_time_boot_ms ();
    guard->wait_timer = 0;
    while (guard->waiting.first && silent_until (guard->waiting.first) <= now_ms)
        look_at (guard->waiting.first); /* ends it, unless it has something to say by then */
    wait_later (guard, now_ms);
}

/*  Makes room for one that came: those that have said nothing yet go first, then any that the owner does not
    know, at random, so that who floods is hit most; last the one that came. */
static void make_room (struct bus_guard *guard, struct bus_connection *came)
{
    struct bus_connection *victim = NULL;
    if (guard->most == 0 || guard->n_servers <= guard->most)
        return;
    size_t from = guard->n_table ? (size_t) base_random_below (guard->n_table) : 0;
    for (size_t i = 0; i < guard->n_table; i++) {
        struct bus_connection *other = guard->table[(from + i) % guard->n_table];
        if (!other || other == came || !other->is_server || other->kept || other->ended)
            continue;
        if (!victim || other->delivered == 0)
            victim = other;
        if (victim->delivered == 0)
            break;
    }
    bus_guard_end (victim ? victim : came, BUS_END_ROOM);
}

static bool table_reaches (struct bus_guard *guard, int fd)
{
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

static bool is_tcp (int fd)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    return getsockname (fd, (struct sockaddr *) &address, &size) == 0 && address.ss_family != AF_UNIX;
}

/*  The connection that a descriptor is now. NULL where it is none any more. */
static struct bus_connection *connection_of (struct bus_guard *guard, struct bus_socket *socket, int fd)
{
    uint64_t cookie = fd < 0 ? 0 : cookie_of (fd);
    struct bus_connection *connection = cookie && (size_t) fd < guard->n_table ? guard->table[fd] : NULL;
    if (!cookie)
        return NULL;
    if (connection && connection->cookie == cookie && connection->socket == socket)
        return connection;
    if (connection)
        drop (connection);
    connection = table_reaches (guard, fd) ? calloc (1, sizeof *connection) : NULL;
    if (!connection)
        return NULL;
    *connection = (struct bus_connection){.guard = guard,
                                          .socket = socket,
                                          .fd = fd,
                                          .cookie = cookie,
                                          .came_ms = base_time_boot_ms (),
                                          .is_server = socket->is_server,
                                          .counts_bytes = is_tcp (fd)};
    connection->shaken = !connection->is_server || !connection->counts_bytes || socket->kind != BUS_ROUTER;
    connection->bytes_ms = connection->base_ms = connection->came_ms;
    if (!arm (connection, EPOLL_CTL_ADD) && !arm (connection, EPOLL_CTL_MOD)) {
        free (connection);
        return NULL;
    }
    guard->table[fd] = connection;
    socket->n_connections++;
    guard->n_servers += connection->is_server;
    list_append (is_silent (connection) ? &guard->waiting : &guard->idle, connection);
    wait_later (guard, connection->came_ms);
    make_room (guard, connection);
    return connection;
}

/*  The message that was awaited is here. Where nothing is behind it, no look is needed any more. Returns false
    where the connection has gone. */
static bool awaited_came (struct bus_connection *connection)
{
    struct bus_guard *guard = connection->guard;
    int unread;
    uint64_t read = bytes_read (connection, &unread);
    connection->awaited = false;
    if (unread > 0)
        return true;
    note_delivered (connection, read, base_time_boot_ms ());
    connection->read = read;
    if (!let_go (connection))
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
    int fd = zmq_msg_get (frame, ZMQ_SRCFD);
    struct bus_connection *connection = fd >= 0 && (size_t) fd < guard->n_table ? guard->table[fd] : NULL;
    /* libzmq gives no automatic routing id twice: where it is the same, so is the connection. */
    if (!connection || connection->socket != socket || peer->size == 0 ||
        !bus_peer_equal (&connection->peer, peer))
        connection = connection_of (guard, socket, fd);
    if (!connection)
        return NULL;
    connection->peer = *peer;
    connection->delivered++;
    guard->last = connection;
    if (connection->list == &guard->waiting)
        list_append (&guard->idle, connection);
    if (!connection->shaken)
        strange_delivered (connection, size);
    return connection->awaited && !connection->ended && !awaited_came (connection) ? NULL : connection;
}

/*  answers that lie */

static uint64_t unread_of (const struct bus_connection *connection)
{
    return connection->unread ? atomic_load (&connection->unread->bytes) : 0;
}

static struct bus_connection *connection_of_peer (struct bus_guard *guard, const struct bus_socket *socket,
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
    struct bus_connection *connection = connection_of_peer (guard, socket, peer);
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
    atomic_fetch_sub (&unread->bytes, size);
    unread_unref (unread);
}

void bus_guard_answered (struct bus_guard *guard, size_t size)
{
    uint64_t sum = 0;
    guard->sent += size;
    if (guard->sent < UNREAD_LOOK)
        return;
    guard->sent = 0;
    for (size_t i = 0; i < guard->n_table; i++)
        if (guard->table[i] && !guard->table[i]->ended)
            sum += unread_of (guard->table[i]);
    for (struct bus_connection *most; sum > UNREAD_MOST && (most = most_of (guard, unread_of));) {
        sum -= unread_of (most) < sum ? unread_of (most) : sum;
        bus_guard_end (most, BUS_END_SLOW);
    }
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
    /* libzmq takes all at once that a peer cancels, subscribed or not, and keeps it until it is read. */
    if (++connection->changes > CHANGES_MOST || (!subscribed && connection->topics == 0))
        return false;
    if (!subscribed)
        connection->topics--;
    return !subscribed || ++connection->topics <= BUS_TOPICS_MOST;
}

void bus_guard_keep (struct bus_connection *connection)
{
    connection->kept = true;
}

bool bus_guard_mark (struct bus_connection *connection, uint64_t number)
{
    if (connection->mark == 0)
        connection->mark = number;
    return connection->mark == number;
}

/*  An event of libzmq: [number, value] [endpoint]. Returns false where there is none. */
static bool read_event (void *pair, uint16_t *ret_event, uint32_t *ret_value)
{
    zmq_msg_t frame;
    bool more = true;
    *ret_event = 0;
    for (unsigned n = 0; more; n++) {
        (void) zmq_msg_init (&frame);
        if (zmq_msg_recv (&frame, pair, ZMQ_DONTWAIT) < 0) {
            if (errno == EINTR && n == 0)
                continue;
            return false;
        }
        if (n == 0 && zmq_msg_size (&frame) == sizeof *ret_event + sizeof *ret_value) {
            memcpy (ret_event, zmq_msg_data (&frame), sizeof *ret_event);
            memcpy (ret_value, (uint8_t *) zmq_msg_data (&frame) + sizeof *ret_event, sizeof *ret_value);
        }
        more = zmq_msg_more (&frame);
        (void) zmq_msg_close (&frame);
    }
    return true;
}

static void drain (struct bus_guard *guard, const struct monitor *monitor)
{
    uint16_t event = 0;
    uint32_t value = 0;
    while (read_event (monitor->pair, &event, &value)) {
        if (event == ZMQ_EVENT_ACCEPTED || event == ZMQ_EVENT_CONNECTED)
            (void) connection_of (guard, monitor->socket, (int) value);
        else if (value < guard->n_table && guard->table[value])
            look_at (guard->table[value]); /* it is closed next, and found gone then */
    }
}

/*  A heartbeat, an answer: what came has been read already, and is little beside what a message may have. */
static bool rests (struct bus_connection *connection)
{
    int unread;
    uint64_t read = bytes_read (connection, &unread), now_ms = base_time_boot_ms ();
    if (!connection->counts_bytes || connection->ended || connection->list == &connection->guard->looked_at ||
        unread > 0)
        return false;
    if (connection->delivered != connection->seen)
        note_delivered (connection, read, now_ms);
    connection->read = read;
    connection->bytes_ms = now_ms;
    return read - connection->base < LITTLE && arm (connection, EPOLL_CTL_MOD);
}

/*  What a client has still to read of a message need not be looked at again once that is here. */
static void traffic (struct bus_connection *connection, uint32_t events)
{
    bool ends = events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR);
    if (!ends && rests (connection))
        return;
    bool begins = connection->list != &connection->guard->looked_at;
    look_at (connection);
    connection->awaited = begins && !ends && !connection->is_server && connection->counts_bytes;
}

static void on_traffic (void *context)
{
    struct bus_guard *guard = context;
    struct epoll_event events[EVENTS];
    int n = epoll_wait (guard->epoll, events, EVENTS, 0);
    for (int i = 0; i < n; i++) {
        int fd = events[i].data.fd;
        struct monitor *monitor = guard->monitors;
        while (monitor && monitor->fd != fd)
            monitor = monitor->next;
        if (monitor)
            drain (guard, monitor);
        else if ((size_t) fd < guard->n_table && guard->table[fd])
            traffic (guard->table[fd], events[i].events);
    }
}

int bus_guard_new (struct bus_loop *loop, struct bus_guard **ret_guard)
{
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
    free (guard->table);
    free (guard);
    return NULL;
}

void bus_guard_limit (struct bus_guard *guard, unsigned most)
{
    guard->most = most;
}

static int monitor_open (struct bus_guard *guard, struct monitor *monitor)
{
    char endpoint[64];
    int unlimited = 0, events = ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_CONNECTED | ZMQ_EVENT_DISCONNECTED;
    size_t size = sizeof monitor->fd;
    (void) snprintf (endpoint, sizeof endpoint, "inproc://noded.guard.%u", ++guard->serial);
    if (zmq_socket_monitor (monitor->socket->zmq, endpoint, events) < 0)
        return -errno;
    monitor->pair = zmq_socket (bus_loop_zmq (guard->loop), ZMQ_PAIR);
    /* Where the pair is full, libzmq's I/O thread waits, and every connection with it. */
    if (!monitor->pair || zmq_setsockopt (monitor->pair, ZMQ_RCVHWM, &unlimited, sizeof unlimited) < 0 ||
        zmq_connect (monitor->pair, endpoint) < 0 ||
        zmq_getsockopt (monitor->pair, ZMQ_FD, &monitor->fd, &size) < 0)
        return -errno;
    struct epoll_event event = {.events = EPOLLIN, .data.fd = monitor->fd};
    if (epoll_ctl (guard->epoll, EPOLL_CTL_ADD, monitor->fd, &event) < 0)
        return -errno;
    drain (guard, monitor); /* the mailbox is only signalled to who has found it empty */
    return 0;
}

static void monitor_free (struct bus_guard *guard, struct monitor *monitor)
{
    (void) zmq_socket_monitor (monitor->socket->zmq, NULL, 0);
    (void) epoll_ctl (guard->epoll, EPOLL_CTL_DEL, monitor->fd, NULL);
    if (monitor->pair)
        (void) zmq_close (monitor->pair);
    free (monitor);
}

int bus_guard_add (struct bus_guard *guard, struct bus_socket *socket)
{
    struct monitor *monitor = calloc (1, sizeof *monitor);
    if (!monitor)
        return -ENOMEM;
    monitor->socket = socket;
    monitor->fd = -1;
    int r = monitor_open (guard, monitor);
    if (r < 0) {
        monitor_free (guard, monitor);
        return r;
    }
    monitor->next = guard->monitors;
    guard->monitors = monitor;
    return 0;
}

void bus_guard_forget (struct bus_guard *guard, struct bus_socket *socket)
{
    for (struct monitor **link = &guard->monitors; *link; link = &(*link)->next)
        if ((*link)->socket == socket) {
            struct monitor *monitor = *link;
            *link = monitor->next;
            monitor_free (guard, monitor);
            break;
        }
    for (size_t i = 0; i < guard->n_table && socket->n_connections > 0; i++)
        if (guard->table[i] && guard->table[i]->socket == socket) {
            /* Its descriptor may live on for a while, and is nobody's business here any more. */
            (void) epoll_ctl (guard->epoll, EPOLL_CTL_DEL, guard->table[i]->fd, NULL);
            drop (guard->table[i]);
        }
}
