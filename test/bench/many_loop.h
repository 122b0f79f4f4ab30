/*  test/bench/many_loop.h - bus/loop.h for a process with thousands of sockets

    The loop of the programs hands every socket to zmq_poll in each round, which is right for the four that
    they have, and would be most of the time of a process with five thousand. This one waits with epoll for
    the descriptors that libzmq gives out. Such a descriptor tells of news once, and sending may swallow it:
    a socket that was worked on is looked at again before the loop waits. */

#ifndef BENCH_MANY_LOOP_H
#define BENCH_MANY_LOOP_H

#include "bus/private.h"

/*  The socket of this source was sent on, connected or subscribed. */
void many_loop_touch (struct bus_source *source);

#endif
