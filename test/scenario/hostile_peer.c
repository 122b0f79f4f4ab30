/* SPDX-License-Identifier: MPL-2.0 */
/*  hostile_peer ATTACK PORT [NUMBER] - one peer that wants to cost a server more than itself

    Speaks ZMTP by hand, so that it can do what libzmq would not. Each attack is bounded in bytes, count and time.
    Ends with 0 where the server ended the connection (or, where that is not what is looked at, once all was sent),
    and with 1 where it let it go on; prints what it cost.

    serve-endless PORT is the other side: a server that answers every client's hand-shake, and then sends it a
    message without end. */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/random.h"
#include "base/text.h"
#include "base/time.h"
#include "test/lib/load.h"
#include "wire/wire.h"

#define TIME_MS load_deadline_ms (8000)    /* an attack lasts at most so long */
#define SILENT_MS load_deadline_ms (45000) /* but for one that waits to be ended */

enum {
    BYTES_MOST = 700 << 20, /* that an attack sends */
    CONNECTIONS_MOST = 4096,
    GUESSES = 24,
};

static uint64_t started_ms;

static void give_up (const char *what)
{
    fprintf (stderr, "hostile_peer: %s: %s\n", what, strerror (errno));
    exit (3);
}

static bool is_over (void)
{
    return base_time_boot_ms () - started_ms >= TIME_MS;
}

static int dial (unsigned port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons ((uint16_t) port)};
    address.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
    int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect (fd, (const struct sockaddr *) &address, sizeof address) < 0)
        give_up ("connect");
    return fd;
}

/*  Returns false where the other side has ended the connection. Waits as long as it reads nothing. */
static bool push (int fd, const void *data, size_t size)
{
    const char *at = data;
    while (size > 0) {
        struct pollfd ready = {.fd = fd, .events = POLLOUT | POLLRDHUP};
        if (poll (&ready, 1, 1000) == 0 && is_over ())
            return true;
        if (ready.revents & (POLLERR | POLLHUP | POLLRDHUP))
            return false;
        ssize_t n = send (fd, at, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (n < 0)
            return false;
        at += n;
        size -= (size_t) n;
    }
    return true;
}

/*  Whether the connection is ended within so long. What comes is thrown away. */
static bool ended_within (int fd, int ms)
{
    uint64_t until = base_time_boot_ms () + (uint64_t) ms;
    for (uint64_t now; (now = base_time_boot_ms ()) < until;) {
        char bytes[4096];
        struct pollfd ready = {.fd = fd, .events = POLLIN | POLLRDHUP};
        if (poll (&ready, 1, (int) (until - now)) > 0 && recv (fd, bytes, sizeof bytes, MSG_DONTWAIT) <= 0)
            return true;
    }
    return false;
}

/*  What is sent behind READY before the other side's has come is an error. */
static void await_ready (int fd)
{
    uint8_t bytes[66 + 255];
    size_t here = 0;
    for (size_t wanted = 66; here < wanted;) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        ssize_t n = poll (&ready, 1, 5000) > 0 ? recv (fd, bytes + here, wanted - here, 0) : 0;
        if (n <= 0)
            return;
        here += (size_t) n;
        if (here >= 66)
            wanted = 66 + (size_t) bytes[65];
    }
}

/*  Greeting and READY of the NULL mechanism. */
static void shake_hands (int fd, const char *type, const void *id, size_t id_size)
{
    static const char greeting[64] = "\xff\0\0\0\0\0\0\0\1\x7f\x03\0NULL";
    struct base_buffer ready = {0};
    uint8_t size[4] = {0, 0, 0, (uint8_t) strlen (type)}, id_length[4] = {0, 0, 0, (uint8_t) id_size};
    (void) base_buffer_append (&ready, "\x04\0\x05READY\x0bSocket-Type", 20);
    (void) base_buffer_append (&ready, size, sizeof size);
    (void) base_buffer_append (&ready, type, strlen (type));
    (void) base_buffer_append (&ready, "\x08Identity", 9);
    (void) base_buffer_append (&ready, id_length, sizeof id_length);
    (void) base_buffer_append (&ready, id, id_size);
    ready.data[1] = (uint8_t) (ready.size - 2);
    (void) push (fd, greeting, sizeof greeting);
    (void) push (fd, ready.data, ready.size);
    base_buffer_deinit (&ready);
    await_ready (fd);
}

static int attach (unsigned port, const char *type)
{
    int fd = dial (port);
    shake_hands (fd, type, "", 0);
    return fd;
}

static size_t frame_begin (uint8_t *to, size_t size, bool more)
{
    to[0] = (uint8_t) (more | (size > 255 ? 2 : 0));
    if (size <= 255) {
        to[1] = (uint8_t) size;
        return 2;
    }
    for (unsigned i = 0; i < 8; i++)
        to[1 + i] = (uint8_t) (size >> (56 - 8 * i));
    return 9;
}

/*  A whole message of the protocol, as a DEALER sends it. */
static bool send_message (int fd, const struct wire_record *record, const void *message, bool payload)
{
    uint8_t head[9], prefix[WIRE_PREFIX_SIZE];
    struct base_buffer map = {0};
    wire_prefix (record, prefix);
    if (wire_pack (record, message, &map, NULL))
        give_up ("wire_pack");
    bool sent = push (fd, head, frame_begin (head, sizeof prefix, true)) &&
                push (fd, prefix, sizeof prefix) && push (fd, head, frame_begin (head, map.size, payload)) &&
                push (fd, map.data, map.size) && (!payload || push (fd, head, frame_begin (head, 0, false)));
    base_buffer_deinit (&map);
    return sent;
}

/*  Frames of one message, which all say that another one follows. */
static int endless_on (int fd, size_t size)
{
    static uint8_t block[1 << 20];
    size_t filled = 0, head = size > 255 ? 9 : 2;
    uint64_t sent = 0;
    while (filled + head + size <= sizeof block) {
        (void) frame_begin (block + filled, size, true);
        filled += head + size;
    }
    while (sent < BYTES_MOST && !is_over ()) {
        if (!push (fd, block, filled)) {
            printf ("ended after %llu KiB\n", (unsigned long long) sent / 1024);
            return 0;
        }
        sent += filled;
    }
    printf ("went on after %llu KiB\n", (unsigned long long) sent / 1024);
    return 1;
}

static int endless (unsigned port, uint64_t size)
{
    return endless_on (attach (port, "DEALER"), size);
}

static int endless_topic (unsigned port, uint64_t size)
{
    return endless_on (attach (port, "SUB"), size);
}

/*  A client that says nothing at all, or nothing behind its hand-shake. */
static int silent (unsigned port, uint64_t greets)
{
    int fd = greets ? attach (port, "DEALER") : dial (port);
    return ended_within (fd, SILENT_MS) ? 0 : 1;
}

static int topics (unsigned port, uint64_t size)
{
    uint8_t topic[70000], head[9];
    int fd = attach (port, "SUB");
    uint64_t sent = 0;
    if (size < 16 || size > sizeof topic)
        return 2;
    memset (topic, 'x', sizeof topic);
    for (unsigned i = 0; sent < BYTES_MOST && !is_over (); i++) {
        (void) snprintf ((char *) topic, 15, "\1event/%06x", i);
        topic[13] = 'x';
        if (!push (fd, head, frame_begin (head, size, false)) || !push (fd, topic, size)) {
            printf ("ended after %u topics\n", i);
            return 0;
        }
        sent += size;
    }
    printf ("went on after %llu KiB\n", (unsigned long long) sent / 1024);
    return 1;
}

/*  Cancels what it never subscribed to, again and again. */
static int cancels (unsigned port, uint64_t count)
{
    uint8_t head[9];
    int fd = attach (port, "SUB");
    for (uint64_t i = 0; i < count && !is_over (); i++) {
        char topic[16];
        int size = snprintf (topic, sizeof topic, "?never/%06x", (unsigned) (i & 0xffffff));
        topic[0] = 0;
        if (!push (fd, head, frame_begin (head, (size_t) size, false)) || !push (fd, topic, (size_t) size)) {
            printf ("ended after %llu\n", (unsigned long long) i);
            return 0;
        }
    }
    return ended_within (fd, 1000) ? 0 : 1;
}

/*  Subscribes to what there is, and cancels it, again and again. */
static int flips (unsigned port, uint64_t count)
{
    static const char both[] = "\0\x0b\1update/all\0\x0b\0update/all";
    int fd = attach (port, "SUB");
    for (uint64_t i = 0; i < count && !is_over (); i++)
        if (!push (fd, both, sizeof both - 1)) {
            printf ("ended after %llu\n", (unsigned long long) i);
            return 0;
        }
    return ended_within (fd, 1000) ? 0 : 1;
}

/*  Connections that send as many properties in their handshake as there is room for, and a
    request: 16 of them, of so many bytes. Ends with 0 where all were ended. */
static int properties (unsigned port, uint64_t size)
{
    static const char greeting[64] = "\xff\0\0\0\0\0\0\0\1\x7f\x03\0NULL";
    enum { CONNECTIONS = 16, LEAST = 1024, MOST = 1 << 20 };
    struct wire_heartbeat beat = {.sender = "nobody"};
    struct wire_get get = {.length = 1, .digest = {{1}}};
    struct base_buffer ready = {0};
    int fds[CONNECTIONS];
    uint8_t head[9];
    bool all = true;
    if (size < LEAST || size > MOST)
        return 2;
    (void) base_buffer_append (&ready,
                               "\x05READY\x0bSocket-Type\0\0\0\x06"
                               "DEALER",
                               28);
    for (unsigned i = 0; ready.size + 12 <= size; i++) {
        char property[16];
        (void) snprintf (property, sizeof property, "\7x%06x", i & 0xffffff);
        (void) base_buffer_append (&ready, property, 8);
        (void) base_buffer_append (&ready, "\0\0\0\0", 4);
    }
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        fds[i] = dial (port);
        size_t length = frame_begin (head, ready.size, false);
        head[0] |= 4; /* a command */
        (void) push (fds[i], greeting, sizeof greeting);
        (void) push (fds[i], head, length);
        (void) push (fds[i], ready.data, ready.size);
        await_ready (fds[i]);
        (void) send_message (fds[i], size > 65536 ? &wire_get_record : &wire_heartbeat_record,
                             size > 65536 ? (const void *) &get : &beat, false);
    }
    for (unsigned i = 0; i < CONNECTIONS; i++)
        all &= ended_within (fds[i], SILENT_MS);
    base_buffer_deinit (&ready);
    return all ? 0 : 1;
}

/*  Chooses its routing id itself, and asks for something. */
static int claim (unsigned port, uint64_t number)
{
    char id[16];
    struct wire_heartbeat beat = {.sender = "nobody"};
    int fd = dial (port);
    (void) snprintf (id, sizeof id, "claim%llu", (unsigned long long) number);
    shake_hands (fd, "DEALER", id, strlen (id));
    (void) send_message (fd, &wire_heartbeat_record, &beat, false);
    return ended_within (fd, TIME_MS) ? 0 : 1;
}

/*  Claims the routing ids that libzmq gives next where nobody has seeded rand (), and has some given. */
static int guess (unsigned port, uint64_t ahead)
{
    srand (1);                         /* NOLINT(cert-*): this generator is what libzmq takes the ids from */
    uint32_t low = (uint32_t) rand (); /* NOLINT(cert-*) */
    for (unsigned i = 0; i < GUESSES; i++) {
        uint32_t high = (uint32_t) rand (); /* NOLINT(cert-*) */
        for (unsigned offset = 0; offset < ahead; offset++) {
            uint32_t number = (low | high << 31) + offset;
            uint8_t id[5] = {0, (uint8_t) (number >> 24), (uint8_t) (number >> 16), (uint8_t) (number >> 8),
                             (uint8_t) number};
            shake_hands (dial (port), "DEALER", id, sizeof id);
        }
        low = high;
    }
    (void) poll (NULL, 0, 200); /* nothing shows a peer that all of its connections were admitted */
    for (unsigned i = 0; i < ahead; i++) {
        int fd = attach (port, "DEALER");
        (void) ended_within (fd, 5);
    }
    return 0;
}

/*  Asks where to begin with blobs that nobody has, of a gibibyte each. */
static int puts_empty (unsigned port, uint64_t count)
{
    int fd = attach (port, "DEALER");
    for (uint64_t i = 0; i < count; i++) {
        struct wire_put put = {.size = UINT64_C (1) << 30};
        base_random_bytes (put.digest.bytes, sizeof put.digest.bytes);
        if (!send_message (fd, &wire_put_record, &put, true))
            return 1;
    }
    (void) ended_within (fd, 500);
    return 0;
}

/*  Nodes that do not exist, all of one connection, or each of its own. */
static int invent (unsigned port, uint64_t count, bool each)
{
    int fd = attach (port, "DEALER");
    uint64_t i;
    for (i = 0; i < count; i++) {
        char id[32], session[33];
        (void) snprintf (id, sizeof id, "invented-%llu-%d", (unsigned long long) i, (int) getpid ());
        struct wire_hello hello = {
            .node = id, .session = base_random_hex (session, 16), .platform = "linux/amd64"};
        if (!send_message (fd, &wire_hello_record, &hello, false))
            break;
        (void) ended_within (fd, 0);
        if (each)
            fd = attach (port, "DEALER");
    }
    (void) ended_within (fd, 500);
    printf ("%llu said hello\n", (unsigned long long) i);
    return 0;
}

static int hello_one (unsigned port, uint64_t count)
{
    return invent (port, count, false);
}

static int hello_many (unsigned port, uint64_t count)
{
    return invent (port, count, true);
}

/*  One node that comes and goes. */
static int flap (unsigned port, uint64_t count)
{
    int fd = attach (port, "DEALER");
    for (uint64_t i = 0; i < count; i++) {
        char session[33];
        struct wire_hello hello = {
            .node = "flapping", .session = base_random_hex (session, 16), .platform = "linux/amd64"};
        struct wire_bye bye = {.node = "flapping", .session = session};
        if (!send_message (fd, &wire_hello_record, &hello, false) ||
            !send_message (fd, &wire_bye_record, &bye, false))
            return 1;
        (void) ended_within (fd, 0);
    }
    (void) ended_within (fd, 500);
    return 0;
}

/*  One node that reports one failure after the other. */
static int reports (unsigned port, uint64_t count)
{
    char session[33], step[16], reason[401];
    struct wire_application application = {.name = "noded", .state = WIRE_STATE_IDLE};
    struct wire_hello hello = {
        .node = "failing", .session = base_random_hex (session, 16), .platform = "linux/amd64"};
    struct wire_report report = {.node = hello.node,
                                 .session = session,
                                 .attempt = 1,
                                 .step = step,
                                 .outcome = WIRE_OUTCOME_FAILED,
                                 .reason = reason,
                                 .time = "2026-01-01T00:00:00Z",
                                 .application = &application};
    int fd = attach (port, "DEALER");
    memset (reason, 'r', sizeof reason - 1);
    reason[sizeof reason - 1] = 0;
    if (!send_message (fd, &wire_hello_record, &hello, false))
        return 1;
    (void) ended_within (fd, 500); /* until it is welcome */
    for (uint64_t i = 0; i < count; i++) {
        (void) snprintf (step, sizeof step, "step%u", (unsigned) i & 0xffff);
        if (!send_message (fd, &wire_report_record, &report, false))
            return 1;
        (void) ended_within (fd, 0);
    }
    (void) ended_within (fd, 500);
    return 0;
}

/*  Asks for lists, and reads none of them. */
static int slow (unsigned port, uint64_t count)
{
    int fd = attach (port, "DEALER");
    for (uint64_t i = 0; i < count && !is_over (); i++) {
        struct wire_list_nodes request = {.serial = i + 1};
        if (!send_message (fd, &wire_list_nodes_record, &request, false))
            return 0;
    }
    struct pollfd left = {.fd = fd, .events = POLLRDHUP};
    return poll (&left, 1, TIME_MS) > 0 ? 0 : 1;
}

/*  Connections that say nothing, held until stdin is closed. */
static int crowd (unsigned port, uint64_t count)
{
    char byte;
    for (uint64_t i = 0; i < count && i < CONNECTIONS_MOST; i++)
        (void) dial (port);
    printf ("connected\n");
    (void) fflush (stdout);
    return read (STDIN_FILENO, &byte, 1) < 0;
}

/*  The other side. Serves one client after the other, until it is killed. */
static int serve_endless (unsigned port, uint64_t size)
{
    static const char *const types[] = {"XPUB", "ROUTER", "ROUTER"};
    struct pollfd listeners[3];
    for (unsigned i = 0; i < 3; i++) {
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons ((uint16_t) (port + i))};
        int on = 1, fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        address.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
        (void) setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (bind (fd, (const struct sockaddr *) &address, sizeof address) < 0 || listen (fd, 16) < 0)
            give_up ("bind");
        listeners[i] = (struct pollfd){.fd = fd, .events = POLLIN};
    }
    printf ("serving\n");
    (void) fflush (stdout);
    for (;;) {
        if (poll (listeners, 3, -1) < 0)
            return 1;
        for (unsigned i = 0; i < 3; i++) {
            if (!(listeners[i].revents & POLLIN))
                continue;
            int fd = accept (listeners[i].fd, NULL, NULL);
            if (fd < 0)
                continue;
            started_ms = base_time_boot_ms ();
            shake_hands (fd, types[i], "", 0);
            printf ("%s ", types[i]);
            (void) endless_on (fd, size);
            (void) fflush (stdout);
            (void) close (fd);
        }
    }
}

int main (int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*attack) (unsigned port, uint64_t number);
        uint64_t number;
    } attacks[] = {
        {"endless", endless, 1024},
        {"endless-topic", endless_topic, 200},
        {"silent", silent, 1},
        {"topics", topics, 60},
        {"cancels", cancels, 4000000},
        {"flips", flips, 4000000},
        {"properties", properties, 60000},
        {"claim", claim, 1},
        {"guess", guess, 8},
        {"puts-empty", puts_empty, 40},
        {"hello-one", hello_one, 2000},
        {"hello-many", hello_many, 2000},
        {"flap", flap, 2000},
        {"reports", reports, 1000},
        {"slow", slow, 3000},
        {"crowd", crowd, 1000},
        {"serve-endless", serve_endless, 1024},
    };
    uint64_t port, number;
    if (argc < 3 || argc > 4 || base_text_parse_u64 (argv[2], 65535, &port))
        return 2;
    (void) signal (SIGPIPE, SIG_IGN);
    started_ms = base_time_boot_ms ();
    for (size_t i = 0; i < sizeof attacks / sizeof *attacks; i++) {
        if (strcmp (argv[1], attacks[i].name) != 0)
            continue;
        number = attacks[i].number;
        if (argc == 4 && base_text_parse_u64 (argv[3], UINT32_MAX, &number))
            return 2;
        return attacks[i].attack ((unsigned) port, number);
    }
    return 2;
}
