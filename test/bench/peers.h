/* SPDX-License-Identifier: MPL-2.0 */
/*  test/bench/peers.h - shared by bench-fleet and light-nodes: counts of the messages that their peers
    receive

    Commands are read from standard input, one a line. "stat" prints one line of JSON, "mark" resets the
    counts, "flood N" makes N peers ask again after each answer, "quit" or the end of input stops the loop.
    Times are milliseconds since boot, so those of several processes can be compared. */

#ifndef BENCH_PEERS_H
#define BENCH_PEERS_H

#include <stdbool.h>
#include <stdint.h>

#include "bus/loop.h"

/*  What one peer has received since the last mark. */
struct peers_one {
    bool welcomed, hinted, answered;
};

struct peers_ops {
    void (*stat) (void *context); /* prints further members of the object, each after a comma */
    void (*mark) (void *context);
    void (*flood) (void *context, unsigned count);
};

struct peers {
    struct bus_loop *loop;
    struct peers_ops ops;
    void *context;
    char line[256];
    unsigned filled;
    /* since the last mark */
    uint64_t hellos, welcomes, hints, answers, reports;
    uint64_t n_welcomed, n_hinted, n_answered; /* peers that received at least one */
    uint64_t first_hello, last_hello, last_welcome, first_hint, last_hint, last_answer;
    uint64_t burst, burst_at, burst_most; /* hellos in this tenth of a second, its number, the most */
};

/*  The caller has set ops. Returns 0 or -errno. */
int peers_init (struct peers *peers, struct bus_loop *loop, void *context);
void peers_deinit (struct peers *peers);

/*  Call these when a peer sends a hello, or receives a welcome or an announcement. */
void peers_hello (struct peers *peers);
void peers_welcome (struct peers *peers, struct peers_one *one);
void peers_hint (struct peers *peers, struct peers_one *one);

/*  Call this for each answer to ask. n_answered counts only peers that received an announcement after the
    last mark. */
void peers_answer (struct peers *peers, struct peers_one *one);

#endif
