/* SPDX-License-Identifier: MPL-2.0 */
/*  test/bench/bare_fleet.c - the smallest possible broker and nodes on bare libzmq: an XPUB and a ROUTER, and
    a SUB and a DEALER for each peer

    bin/bench compares noded's broker with this one. The messages have the sizes of noded's messages, and each
    request is answered. Message contents are neither parsed nor stored.

        bench-fleet serve PORT             XPUB on PORT, ROUTER on PORT + 1; prints "ready"; any input on
                                           standard input is announced to all peers; exits at its end
        bench-fleet peers PORT COUNT       takes the commands of light-nodes: "stat", "mark", "flood N" */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include "bench/many_loop.h"
#include "bench/peers.h"

/*  Sizes of noded's messages in bytes, with prefix. */
enum { HELLO = 420, WELCOME = 110, UPDATE = 90, ASK = 150, DESIRED = 260, ROUND_MOST = 64 };

static const char zeros[HELLO];

static int broker_serve (unsigned port)
{
    void *zmq = zmq_ctx_new ();
    void *announce = zmq_socket (zmq, ZMQ_XPUB), *control = zmq_socket (zmq, ZMQ_ROUTER);
    char endpoint[64], frame[1024];
    int backlog = 4096;
    (void) zmq_ctx_set (zmq, ZMQ_MAX_SOCKETS, 65536);
    (void) zmq_setsockopt (announce, ZMQ_BACKLOG, &backlog, sizeof backlog);
    (void) zmq_setsockopt (control, ZMQ_BACKLOG, &backlog, sizeof backlog);
    (void) snprintf (endpoint, sizeof endpoint, "tcp://127.0.0.1:%u", port);
    if (zmq_bind (announce, endpoint))
        return 1;
    (void) snprintf (endpoint, sizeof endpoint, "tcp://127.0.0.1:%u", port + 1);
    if (zmq_bind (control, endpoint))
        return 1;
    printf ("ready\n");
    (void) fflush (stdout);
    for (;;) {
        zmq_pollitem_t items[] = {
            {announce, 0, ZMQ_POLLIN, 0}, {control, 0, ZMQ_POLLIN, 0}, {NULL, STDIN_FILENO, ZMQ_POLLIN, 0}};
        if (zmq_poll (items, 3, -1) < 0)
            return 1;
        if (items[2].revents) {
            ssize_t n = read (STDIN_FILENO, frame, sizeof frame);
            if (n <= 0)
                break;
            (void) zmq_send (announce, "update/all", 10, ZMQ_SNDMORE);
            (void) zmq_send (announce, zeros, UPDATE, 0);
        }
        for (int i = 0; i < ROUND_MOST && zmq_recv (announce, frame, sizeof frame, ZMQ_DONTWAIT) >= 0; i++)
            ;
        for (int i = 0; i < ROUND_MOST; i++) {
            char id[32];
            int size = zmq_recv (control, id, sizeof id, ZMQ_DONTWAIT);
            if (size < 0)
                break;
            int asked = zmq_recv (control, frame, sizeof frame, 0);
            (void) zmq_send (control, id, (size_t) size, ZMQ_SNDMORE | ZMQ_DONTWAIT);
            (void) zmq_send (control, frame, asked == HELLO ? WELCOME : DESIRED, ZMQ_DONTWAIT);
        }
    }
    (void) zmq_close (announce);
    (void) zmq_close (control);
    return zmq_ctx_term (zmq);
}

struct peer {
    struct peers *peers;
    struct peers_one marks;
    void *announce, *control;
    struct bus_source *announce_source, *control_source;
    bool flooding;
};

struct fleet {
    struct peers peers;
    struct peer *members;
    size_t n_members;
};

static void peer_send (struct peer *peer, size_t size)
{
    (void) zmq_send (peer->control, zeros, size, ZMQ_DONTWAIT);
    many_loop_touch (peer->control_source);
}

static void on_announce (void *context)
{
    struct peer *peer = context;
    char frame[1024];
    while (zmq_recv (peer->announce, frame, sizeof frame, ZMQ_DONTWAIT) >= 0) {
        int more = 0;
        size_t size = sizeof more;
        (void) zmq_getsockopt (peer->announce, ZMQ_RCVMORE, &more, &size);
        if (more)
            continue;
        peers_hint (peer->peers, &peer->marks);
        peer_send (peer, ASK);
    }
}

static void on_control (void *context)
{
    struct peer *peer = context;
    char frame[1024];
    for (int n; (n = zmq_recv (peer->control, frame, sizeof frame, ZMQ_DONTWAIT)) >= 0;) {
        if (n == WELCOME) {
            peers_welcome (peer->peers, &peer->marks);
            continue;
        }
        peers_answer (peer->peers, &peer->marks);
        if (peer->flooding)
            peer_send (peer, ASK);
    }
}

static void on_mark (void *context)
{
    struct fleet *fleet = context;
    for (size_t i = 0; i < fleet->n_members; i++)
        fleet->members[i].marks = (struct peers_one){.hinted = false};
}

static void on_flood (void *context, unsigned count)
{
    struct fleet *fleet = context;
    for (size_t i = 0; i < fleet->n_members; i++) {
        struct peer *peer = &fleet->members[i];
        bool begins = !peer->flooding && i < count;
        peer->flooding = i < count;
        if (begins)
            peer_send (peer, ASK);
    }
}

static int peer_connect (struct fleet *fleet, struct peer *peer, unsigned port)
{
    char announce[64], control[64], ring[32];
    void *zmq = bus_loop_zmq (fleet->peers.loop);
    (void) snprintf (announce, sizeof announce, "tcp://127.0.0.1:%u", port);
    (void) snprintf (control, sizeof control, "tcp://127.0.0.1:%u", port + 1);
    (void) snprintf (ring, sizeof ring, "update/ring/%02x", (unsigned) (peer - fleet->members) % 256);
    peer->peers = &fleet->peers;
    peer->announce = zmq_socket (zmq, ZMQ_SUB);
    peer->control = zmq_socket (zmq, ZMQ_DEALER);
    if (!peer->announce || !peer->control)
        return -1;
    int linger = 0;
    (void) zmq_setsockopt (peer->control, ZMQ_LINGER, &linger, sizeof linger);
    (void) zmq_setsockopt (peer->announce, ZMQ_SUBSCRIBE, "update/all", 10);
    (void) zmq_setsockopt (peer->announce, ZMQ_SUBSCRIBE, ring, strlen (ring));
    peer->announce_source = bus_source_new (fleet->peers.loop, peer->announce, -1, on_announce, peer);
    peer->control_source = bus_source_new (fleet->peers.loop, peer->control, -1, on_control, peer);
    if (!peer->announce_source || !peer->control_source || zmq_connect (peer->announce, announce) ||
        zmq_connect (peer->control, control))
        return -1;
    peers_hello (&fleet->peers);
    peer_send (peer, HELLO);
    return 0;
}

static int run_peers (unsigned port, size_t count)
{
    struct fleet fleet = {.peers = {.ops = {.mark = on_mark, .flood = on_flood}}, .n_members = count};
    struct bus_loop *loop = bus_loop_new ();
    fleet.members = calloc (count, sizeof *fleet.members);
    int r = loop && fleet.members ? peers_init (&fleet.peers, loop, &fleet) : -ENOMEM;
    for (size_t i = 0; r == 0 && i < count; i++)
        r = peer_connect (&fleet, &fleet.members[i], port);
    if (r == 0)
        r = bus_loop_run (loop);
    else
        fprintf (stderr, "bench-fleet: cannot create a peer: %s\n", zmq_strerror (errno));
    return r ? 1 : 0; /* the end of the process releases everything */
}

int main (int argc, char **argv)
{
    unsigned port = argc > 2 ? (unsigned) strtoul (argv[2], NULL, 10) : 0;
    if (argc == 3 && port && strcmp (argv[1], "serve") == 0)
        return broker_serve (port);
    if (argc == 4 && port && strcmp (argv[1], "peers") == 0)
        return run_peers (port, strtoul (argv[3], NULL, 10));
    fprintf (stderr, "bench-fleet: serve PORT, or peers PORT COUNT\n");
    return 2;
}
