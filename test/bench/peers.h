/*  test/bench/peers.h - what bench-fleet and light-nodes have in common: they count what their peers hear,
    and tell it on request

    Commands come on standard input, one a line; its end, or "quit", ends the loop. "stat" is answered with
    one line of JSON, "mark" begins the counts anew, "flood N" has N peers ask again as soon as they are
    answered. Times are milliseconds since boot, so that those of several processes can be compared. */

#ifndef BENCH_PEERS_H
#define BENCH_PEERS_H

#include <stdbool.h>
#include <stdint.h>

#include "bus/loop.h"

/*  Of one peer, since the mark. */
struct peers_one {
    bool welcomed, hinted, answered;
};

struct peers_ops {
    void (*stat) (void *context); /* prints further members, each behind a comma */
    void (*mark) (void *context);
    void (*flood) (void *context, unsigned count);
};

struct peers {
    struct bus_loop *loop;
    struct peers_ops ops;
    void *context;
    char line[256];
    unsigned filled;
    /* since the mark */
    uint64_t hellos, welcomes, hints, answers, reports;
    uint64_t n_welcomed, n_hinted, n_answered; /* peers that heard one */
    uint64_t first_hello, last_hello, last_welcome, first_hint, last_hint, last_answer;
    uint64_t burst, burst_at, burst_most; /* hellos in a tenth of a second */
};

/*  ops are set already. Returns 0 or -errno. */
int peers_init (struct peers *peers, struct bus_loop *loop, void *context);
void peers_deinit (struct peers *peers);

void peers_hello (struct peers *peers);
void peers_welcome (struct peers *peers, struct peers_one *one);
void peers_hint (struct peers *peers, struct peers_one *one);
/*  Of an ask. What was asked for before the first announcement behind the mark does not count as told. */
void peers_answer (struct peers *peers, struct peers_one *one);

#endif
