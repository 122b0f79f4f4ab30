/* SPDX-License-Identifier: MPL-2.0 */
/*  test/rig/badlink.c - a bad link, for a kernel that has no netem

    usage: badlink QUEUE DELAY JITTER LOSS REORDER RATE

    Packets that iptables sends to the queue (-j NFQUEUE) are delayed by DELAY ms, plus or minus JITTER. LOSS percent of them are dropped,
    REORDER percent overtake the delayed ones, and each direction passes at most RATE kilobits a second. Prints "ready" when it has the queue.
    On SIGTERM it passes the delayed packets, prints its counters and ends. */

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/netfilter.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include <libnetfilter_queue/libnetfilter_queue.h>

enum { HELD_MOST = 4096, PACKET_MOST = 65535 };

#define MS UINT64_C (1000000)

struct held {
    uint64_t due, serial;
    uint32_t id;
    bool inward;
};

struct link {
    struct nfq_q_handle *queue;
    double loss, reorder;        /* 0 to 1 */
    uint64_t delay, jitter, bit; /* ns */
    uint64_t free[2];            /* when the next packet of a direction can begin */
    uint64_t serial, left[2];
    uint64_t packets, lost, overtaken, waited;
    struct held held[HELD_MOST]; /* a heap: the first is due first */
    size_t n_held;
};

static volatile sig_atomic_t ended;

static void on_end (int number)
{
    (void) number;
    ended = 1;
}

static uint64_t now_ns (void)
{
    struct timespec now;
    (void) clock_gettime (CLOCK_MONOTONIC, &now);
    return (uint64_t) now.tv_sec * 1000 * MS + (uint64_t) now.tv_nsec;
}

static bool is_before (const struct held *a, const struct held *b)
{
    return a->due != b->due ? a->due < b->due : a->serial < b->serial;
}

static void hold (struct link *link, struct held packet)
{
    size_t at = link->n_held++;
    for (; at > 0 && is_before (&packet, &link->held[(at - 1) / 2]); at = (at - 1) / 2)
        link->held[at] = link->held[(at - 1) / 2];
    link->held[at] = packet;
}

static struct held take (struct link *link)
{
    struct held first = link->held[0], last = link->held[--link->n_held];
    size_t at = 0;
    for (size_t next; (next = 2 * at + 1) < link->n_held; at = next) {
        if (next + 1 < link->n_held && is_before (&link->held[next + 1], &link->held[next]))
            next++;
        if (!is_before (&link->held[next], &last))
            break;
        link->held[at] = link->held[next];
    }
    link->held[at] = last;
    return first;
}

static void let_go (struct link *link)
{
    struct held packet = take (link);
    if (packet.serial < link->left[packet.inward])
        link->overtaken++;
    else
        link->left[packet.inward] = packet.serial;
    (void) nfq_set_verdict (link->queue, packet.id, NF_ACCEPT, 0, NULL);
}

static int on_packet (struct nfq_q_handle *queue, struct nfgenmsg *message, struct nfq_data *data,
                      void *context)
{
    struct link *link = context;
    unsigned char *payload;
    struct nfqnl_msg_packet_hdr *header = nfq_get_msg_packet_hdr (data);
    int size = nfq_get_payload (data, &payload);
    uint64_t now = now_ns ();
    (void) message;
    if (!header)
        return 0;
    link->packets++;
    struct held packet = {.due = now,
                          .serial = ++link->serial,
                          .id = ntohl (header->packet_id),
                          .inward = header->hook == NF_INET_LOCAL_IN};
    if (link->n_held == HELD_MOST || drand48 () < link->loss) {
        link->lost++;
        return nfq_set_verdict (queue, packet.id, NF_DROP, 0, NULL);
    }
    uint64_t *free = &link->free[packet.inward];
    *free = (*free > now ? *free : now) + (uint64_t) (size > 0 ? size : 0) * 8 * link->bit;
    if (drand48 () >= link->reorder)
        packet.due = *free + link->delay - link->jitter + (uint64_t) (drand48 () * 2 * (double) link->jitter);
    link->waited += packet.due - now;
    hold (link, packet);
    return 0;
}

static void run (struct nfq_handle *handle, struct link *link)
{
    static char buffer[PACKET_MOST + 4096];
    sigset_t none;
    (void) sigemptyset (&none);
    while (!ended) {
        uint64_t now = now_ns ();
        while (link->n_held && link->held[0].due <= now)
            let_go (link);
        uint64_t wait = link->n_held ? link->held[0].due - now : 1000 * MS;
        struct timespec span = {.tv_sec = (time_t) (wait / (1000 * MS)),
                                .tv_nsec = (long) (wait % (1000 * MS))};
        struct pollfd polled = {.fd = nfq_fd (handle), .events = POLLIN};
        if (ppoll (&polled, 1, &span, &none) <= 0)
            continue;
        ssize_t size = recv (polled.fd, buffer, sizeof buffer, 0);
        if (size >= 0)
            (void) nfq_handle_packet (handle, buffer, (int) size);
        else if (errno != ENOBUFS && errno != EINTR) /* more came than was read: the kernel has dropped it */
            return;
    }
}

int main (int argc, char **argv)
{
    static struct link link;
    if (argc != 7) {
        (void) fprintf (stderr, "usage: badlink QUEUE DELAY JITTER LOSS REORDER RATE\n");
        return 2;
    }
    link.delay = strtoul (argv[2], NULL, 10) * MS;
    link.jitter = strtoul (argv[3], NULL, 10) * MS;
    link.loss = strtod (argv[4], NULL) / 100;
    link.reorder = strtod (argv[5], NULL) / 100;
    unsigned long rate = strtoul (argv[6], NULL, 10);
    if (link.jitter > link.delay || rate == 0) {
        (void) fprintf (stderr, "badlink: JITTER is at most DELAY, and RATE is not 0\n");
        return 2;
    }
    link.bit = MS / rate;
    srand48 (time (NULL));

    sigset_t ends;
    (void) sigemptyset (&ends);
    (void) sigaddset (&ends, SIGTERM);
    (void) sigaddset (&ends, SIGINT);
    (void) sigprocmask (SIG_BLOCK, &ends, NULL);
    (void) sigaction (SIGTERM, &(struct sigaction){.sa_handler = on_end}, NULL);
    (void) sigaction (SIGINT, &(struct sigaction){.sa_handler = on_end}, NULL);

    struct nfq_handle *handle = nfq_open ();
    link.queue =
        handle ? nfq_create_queue (handle, (uint16_t) strtoul (argv[1], NULL, 10), on_packet, &link) : NULL;
    if (!link.queue || nfq_set_mode (link.queue, NFQNL_COPY_PACKET, PACKET_MOST) < 0) {
        perror ("badlink: queue of packets");
        return 1;
    }
    (void) nfq_set_queue_maxlen (link.queue, HELD_MOST);
    (void) puts ("ready");
    (void) fflush (stdout);
    run (handle, &link);
    while (link.n_held)
        let_go (&link);
    uint64_t passed = link.packets - link.lost;
    (void) printf ("%" PRIu64 " packets: %" PRIu64 " lost, %" PRIu64
                   " overtaken by later ones, held for %.0f ms on average\n",
                   link.packets, link.lost, link.overtaken,
                   passed ? (double) (link.waited / passed) / (double) MS : 0.0);
    (void) nfq_destroy_queue (link.queue);
    (void) nfq_close (handle);
    return 0;
}
