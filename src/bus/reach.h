/*  bus/reach.h - why nobody answers at an endpoint, in words for a person

    ZeroMQ connects in the background and tells nobody what came of it. Here a name is resolved and a
    connection made once, beside the loop. A resolver may take minutes: nobody waits for it, not even who
    frees this. */

#ifndef BUS_REACH_H
#define BUS_REACH_H

#include "bus/loop.h"

struct bus_reach;

/*  Called once. wrong: NULL where a connection could be made, valid during the call. May free the reach. */
typedef void (bus_reached) (void *context, const char *wrong);

/*  endpoint: tcp://HOST:PORT. Returns 0, -ENOTSUP for another transport, or -errno. */
int bus_reach_start (struct bus_loop *loop, const char *endpoint, bus_reached *done, void *context,
                     struct bus_reach **ret_reach);

/*  done is not called any more. Accepts NULL. Returns NULL. */
struct bus_reach *bus_reach_free (struct bus_reach *reach);

#endif
