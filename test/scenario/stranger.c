/* SPDX-License-Identifier: MPL-2.0 */
/*  stranger PORT - speaks to a broker's four channels as nobody should: noise instead of ZMTP, frames that are
    announced larger than memory, messages with too few and too many frames, msgpack that claims what is not
    there, and every message of the protocol cut or with something behind it

    The same seed always. Ends with 0 once all of it has been sent; half-open connections are held until then. */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zmq.h>

#include "../lib/random_message.h"
#include "base/text.h"

enum { CHANNELS = 4, ROUNDS = 300, CONNECTIONS = 24, TOPICS = 300, LINGER_MS = 2000, WAIT_MS = 10000 };

static struct random seed = {1};
static unsigned long sent;

static void put_frame (void *socket, const void *data, size_t size, bool more)
{
    if (zmq_send (socket, data, size, more ? ZMQ_SNDMORE : 0) >= 0)
        sent += !more;
}

static void put_prefix (void *socket, const struct wire_record *record)
{
    uint8_t prefix[WIRE_PREFIX_SIZE];
    wire_prefix (record, prefix);
    put_frame (socket, prefix, sizeof prefix, true);
}

static const struct wire_record *some_message (void)
{
    const struct wire_record *record;
    do
        record = wire_record_of ((unsigned) random_below (&seed, 64));
    while (!record);
    return record;
}

/*  A message as it should be, but for its end: nothing of it may be carried out. */
static void put_torn (void *socket)
{
    const struct wire_record *record = some_message ();
    void *message = calloc (1, wire_record_size (record));
    struct base_buffer map = {0};
    if (message)
        random_message (&seed, record, message);
    if (message && wire_pack (record, message, &map, NULL) == 0) {
        bool longer = random_below (&seed, 2);
        if (longer)
            (void) base_buffer_append (&map, "junk", 4);
        put_prefix (socket, record);
        put_frame (socket, map.data, longer ? map.size : random_below (&seed, map.size), false);
    }
    base_buffer_deinit (&map);
    if (message)
        wire_deinit (record, message);
    free (message);
}

static void put_noise (void *socket)
{
    uint8_t noise[300];
    for (uint64_t frames = random_below (&seed, 8) + 1; frames-- > 0;) {
        for (size_t i = 0; i < sizeof noise; i++)
            noise[i] = (uint8_t) random_next (&seed);
        put_frame (socket, noise, random_below (&seed, sizeof noise + 1), frames > 0);
    }
}

static void put_claim (void *socket)
{
    static const char *const claims[] = {"\xdd\xff\xff\xff\xff", "\xdf\xff\xff\xff\xff",
                                         "\xc6\xff\xff\xff\xff", "\xdb\xff\xff\xff\xff",
                                         "\x81\xa2id\xdd\xff\xff\xff\xff"};
    const char *claim = claims[random_below (&seed, sizeof claims / sizeof *claims)];
    put_prefix (socket, some_message ());
    put_frame (socket, claim, strlen (claim), false);
}

static void put_nested (void *socket)
{
    char nested[4000];
    memset (nested, '\x91', sizeof nested);
    put_prefix (socket, some_message ());
    put_frame (socket, nested, sizeof nested, false);
}

static void put_large (void *socket)
{
    static char large[3 << 20];
    put_prefix (socket, some_message ());
    put_frame (socket, large, random_below (&seed, 2) ? sizeof large : 64 * 1024 + 1, false);
}

static void *connected (void *context, int kind, unsigned port)
{
    char endpoint[64];
    int linger = LINGER_MS, wait = WAIT_MS;
    void *socket = zmq_socket (context, kind);
    (void) snprintf (endpoint, sizeof endpoint, "tcp://127.0.0.1:%u", port);
    (void) zmq_setsockopt (socket, ZMQ_LINGER, &linger, sizeof linger);
    (void) zmq_setsockopt (socket, ZMQ_SNDTIMEO, &wait, sizeof wait);
    if (zmq_connect (socket, endpoint) < 0)
        exit (1);
    return socket;
}

/*  Sockets that ask: control and content. */
static void disturb_router (void *context, unsigned port)
{
    static void (*const ways[]) (void *) = {put_torn, put_torn, put_torn, put_noise, put_claim, put_nested};
    void *socket = connected (context, ZMQ_DEALER, port);
    for (unsigned i = 0; i < ROUNDS; i++)
        ways[random_below (&seed, sizeof ways / sizeof *ways)](socket);
    (void) zmq_close (socket);
    for (unsigned i = 0; i < 3; i++) { /* each costs its connection */
        socket = connected (context, ZMQ_DEALER, port);
        put_large (socket);
        (void) zmq_close (socket);
    }
}

/*  Sockets that listen: announce and events. */
static void disturb_publisher (void *context, unsigned port)
{
    void *socket = connected (context, ZMQ_XSUB, port);
    for (unsigned i = 0; i < TOPICS; i++) {
        char topic[400];
        size_t size = random_below (&seed, sizeof topic);
        for (size_t at = 0; at < size; at++)
            topic[at] = (char) random_next (&seed);
        topic[0] = (char) random_below (&seed, 3);
        put_frame (socket, topic, size + 1 > sizeof topic ? size : size + 1, false);
    }
    (void) zmq_close (socket);
}

static void push (int fd, const char *data, size_t size)
{
    ssize_t ignored = send (fd, data, size, MSG_NOSIGNAL);
    (void) ignored;
}

/*  Without libzmq: noise, a hand-shake that stops half-way, a frame of 2^60 bytes, and nothing at all. */
static int disturb_stream (unsigned port, unsigned way)
{
    static const char greeting[64] = "\xff\0\0\0\0\0\0\0\0\x7f\x03\0NULL";
    static const char ready[] = "\x04\x19\x05READY\x0bSocket-Type\0\0\0\x04REQ";
    static const char huge[] = "\x02\x10\0\0\0\0\0\0";
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons ((uint16_t) port)};
    int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
    if (fd < 0 || connect (fd, (const struct sockaddr *) &address, sizeof address) < 0)
        exit (1);
    char noise[200];
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (char) random_next (&seed);
    if (way == 1)
        push (fd, noise, sizeof noise);
    else if (way >= 2)
        push (fd, greeting, way == 2 ? 40 : sizeof greeting);
    if (way == 3) {
        push (fd, ready, sizeof ready - 1);
        push (fd, huge, sizeof huge);
    }
    sent++;
    return fd;
}

int main (int argc, char **argv)
{
    uint64_t port;
    if (argc != 2 || base_text_parse_u64 (argv[1], 65532, &port))
        return 2;
    int open[CHANNELS * CONNECTIONS];
    for (unsigned i = 0; i < CHANNELS * CONNECTIONS; i++)
        open[i] = disturb_stream ((unsigned) port + i % CHANNELS, i / CHANNELS % 4);
    void *context = zmq_ctx_new ();
    disturb_router (context, (unsigned) port + 1);
    disturb_router (context, (unsigned) port + 2);
    disturb_publisher (context, (unsigned) port);
    disturb_publisher (context, (unsigned) port + 3);
    (void) zmq_ctx_term (context);
    for (unsigned i = 0; i < CHANNELS * CONNECTIONS; i++)
        (void) close (open[i]);
    printf ("%lu messages\n", sent);
    return 0;
}
