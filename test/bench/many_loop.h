/* SPDX-License-Identifier: MPL-2.0 */
/*  test/bench/many_loop.h - bus/loop.h for a process with thousands of sockets

    The loop of the programs passes every socket to zmq_poll in each round. That is right for their four
    sockets, but would take most of the time of a process with five thousand. This loop waits with epoll on
    the descriptors of ZMQ_FD. Such a descriptor signals a change only once, and a send may consume that
    signal: so the loop checks each socket that was used again before it waits. */

#ifndef BENCH_MANY_LOOP_H
#define BENCH_MANY_LOOP_H

#include "bus/private.h"

/*  Call this after a send, connect or subscribe on the socket of this source. */
void many_loop_touch (struct bus_source *source);

#endif
