/* SPDX-License-Identifier: MPL-2.0 */
/*  bus/loop.h - the one event loop of a process

    Readiness of descriptors and ZeroMQ sockets, timers, signals. Handlers run one at a time on the thread
    that called bus_loop_run and never block. A timer fires once; after the process was stopped it is late. */

#ifndef BUS_LOOP_H
#define BUS_LOOP_H

#include <signal.h>
#include <stdint.h>

#include "base/error.h"

struct bus_loop;

typedef void (bus_handler) (void *context);

/*  Also makes the process's ZeroMQ context, and leaves its signals alone. Returns NULL if memory or
    descriptors are exhausted. */
struct bus_loop *bus_loop_new (void);

/*  Every socket, watch and timer of the loop must have been freed. bus_loop_free (NULL) does nothing. Returns
    NULL. */
struct bus_loop *bus_loop_free (struct bus_loop *loop);

/*  Runs until bus_loop_stop. Returns 0 or -errno; -ENOTRECOVERABLE: the check of client keys has ended, so that
    nobody may be served any more. */
int bus_loop_run (struct bus_loop *loop);
void bus_loop_stop (struct bus_loop *loop);

/*  A timer that fires more than BUS_TIMER_LATE_MS late shows that this process did not run: the host slept or
    was frozen. The owner of a deadline then restarts it, at most BUS_TIMER_LATE_TIMES times, so that
    everything ends on a host that is always late, too. */
enum { BUS_TIMER_LATE_MS = 1000, BUS_TIMER_LATE_TIMES = 5 };

/*  One shot after delay_ms. Returns an id (> 0), or -ENOMEM. Cancelling an id that has fired, or 0, does
    nothing. */
int bus_timer_start (struct bus_loop *loop, uint64_t delay_ms, bus_handler *handler, void *context);
void bus_timer_cancel (struct bus_loop *loop, int id);

/*  Calls handler while fd is readable or hung up. The caller owns the descriptor, which must outlive the
    watch. Returns 0, -EBADF, -EEXIST if it is watched already, or -ENOMEM. unwatch does nothing for a
    descriptor that is not watched. */
int bus_watch (struct bus_loop *loop, int fd, bus_handler *handler, void *context);
void bus_unwatch (struct bus_loop *loop, int fd);

/*  Blocks the signals in the process and calls handler for each one that arrives, until the loop is freed.
    Children that are spawned get the default mask. Returns 0 or -errno. */
typedef void (bus_signal_handler) (void *context, int signal);
int bus_signals (struct bus_loop *loop, const int *signals, int count, bus_signal_handler *handler,
                 void *context);

#endif
