/* SPDX-License-Identifier: MPL-2.0 */
/*  bus/reach.h - why an endpoint cannot be reached, in words for a person

    ZeroMQ connects in the background and does not report failures. This resolves the name and connects once,
    on a thread. A resolver may take minutes; nothing waits for it, bus_reach_free included. */

#ifndef BUS_REACH_H
#define BUS_REACH_H

#include "bus/loop.h"

struct bus_reach;

/*  Called once. wrong: NULL if a connection could be made, else valid during the call. May free the reach. */
typedef void (bus_reached) (void *context, const char *wrong);

/*  endpoint: tcp://HOST:PORT. Returns 0, -ENOTSUP for another transport, or -errno. */
int bus_reach_start (struct bus_loop *loop, const char *endpoint, bus_reached *done, void *context,
                     struct bus_reach **ret_reach);

/*  done is not called any more. Accepts NULL. Returns NULL. */
struct bus_reach *bus_reach_free (struct bus_reach *reach);

#endif
