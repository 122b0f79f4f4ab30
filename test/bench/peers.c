/* SPDX-License-Identifier: MPL-2.0 */
/*  test/bench/peers.c - counts of messages, and commands on standard input */

#include "bench/peers.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/time.h"

enum { BURST_MS = 100 };

void peers_hello (struct peers *peers)
{
    uint64_t now = base_time_boot_ms ();
    peers->hellos++;
    peers->first_hello = peers->first_hello ? peers->first_hello : now;
    peers->last_hello = now;
    if (now / BURST_MS != peers->burst_at)
        peers->burst = 0;
    peers->burst_at = now / BURST_MS;
    if (++peers->burst > peers->burst_most)
        peers->burst_most = peers->burst;
}

void peers_welcome (struct peers *peers, struct peers_one *one)
{
    peers->welcomes++;
    peers->last_welcome = base_time_boot_ms ();
    peers->n_welcomed += !one->welcomed;
    one->welcomed = true;
}

void peers_hint (struct peers *peers, struct peers_one *one)
{
    peers->hints++;
    peers->last_hint = base_time_boot_ms ();
    peers->first_hint = peers->first_hint ? peers->first_hint : peers->last_hint;
    peers->n_hinted += !one->hinted;
    one->hinted = true;
}

void peers_answer (struct peers *peers, struct peers_one *one)
{
    peers->answers++;
    if (!one->hinted || one->answered)
        return;
    peers->last_answer = base_time_boot_ms ();
    peers->n_answered++;
    one->answered = true;
}

static uint64_t cpu_ms (void)
{
    struct rusage usage;
    (void) getrusage (RUSAGE_SELF, &usage);
    return (uint64_t) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
           (uint64_t) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
}

static void print_stat (struct peers *peers)
{
    printf ("{\"now\":%" PRIu64 ",\"hellos\":%" PRIu64 ",\"welcomes\":%" PRIu64 ",\"welcomed\":%" PRIu64
            ",\"hints\":%" PRIu64 ",\"hinted\":%" PRIu64 ",\"answers\":%" PRIu64 ",\"answered\":%" PRIu64
            ",\"reports\":%" PRIu64 ",\"first_hello\":%" PRIu64 ",\"last_hello\":%" PRIu64
            ",\"last_welcome\":%" PRIu64 ",\"first_hint\":%" PRIu64 ",\"last_hint\":%" PRIu64
            ",\"last_answer\":%" PRIu64 ",\"burst\":%" PRIu64 ",\"cpu_ms\":%" PRIu64,
            base_time_boot_ms (), peers->hellos, peers->welcomes, peers->n_welcomed, peers->hints,
            peers->n_hinted, peers->answers, peers->n_answered, peers->reports, peers->first_hello,
            peers->last_hello, peers->last_welcome, peers->first_hint, peers->last_hint, peers->last_answer,
            peers->burst_most, cpu_ms ());
    if (peers->ops.stat)
        peers->ops.stat (peers->context);
    printf ("}\n");
    (void) fflush (stdout);
}

static void command_run (struct peers *peers, const char *line)
{
    if (strcmp (line, "stat") == 0)
        print_stat (peers);
    else if (strcmp (line, "quit") == 0)
        bus_loop_stop (peers->loop);
    else if (strncmp (line, "flood ", 6) == 0 && peers->ops.flood)
        peers->ops.flood (peers->context, (unsigned) strtoul (line + 6, NULL, 10));
    else if (strcmp (line, "mark") == 0) {
        struct peers fresh = {.loop = peers->loop, .ops = peers->ops, .context = peers->context};
        memcpy (fresh.line, peers->line, sizeof fresh.line);
        fresh.filled = peers->filled;
        *peers = fresh;
        if (peers->ops.mark)
            peers->ops.mark (peers->context);
    }
}

static void on_input (void *context)
{
    struct peers *peers = context;
    ssize_t n = read (STDIN_FILENO, peers->line + peers->filled, sizeof peers->line - 1 - peers->filled);
    if (n <= 0) {
        bus_loop_stop (peers->loop);
        return;
    }
    peers->filled += (unsigned) n;
    peers->line[peers->filled] = '\0';
    for (char *end; (end = strchr (peers->line, '\n'));) {
        char line[sizeof peers->line];
        size_t length = (size_t) (end - peers->line);
        memcpy (line, peers->line, length);
        line[length] = '\0';
        peers->filled -= (unsigned) length + 1;
        memmove (peers->line, end + 1, peers->filled + 1);
        command_run (peers, line);
    }
    if (peers->filled == sizeof peers->line - 1)
        peers->filled = 0;
}

int peers_init (struct peers *peers, struct bus_loop *loop, void *context)
{
    peers->loop = loop;
    peers->context = context;
    return bus_watch (loop, STDIN_FILENO, on_input, peers);
}

void peers_deinit (struct peers *peers)
{
    if (peers->loop)
        bus_unwatch (peers->loop, STDIN_FILENO);
    peers->loop = NULL;
}
