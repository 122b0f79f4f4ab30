/* SPDX-License-Identifier: MPL-2.0 */
/*  bus/connectivity.h - why an endpoint cannot be reached, in words for a person

    ZeroMQ connects in the background and does not report failures. This resolves the name and connects once,
    on a thread. A resolver may take minutes; nothing waits for it, bus_connectivity_free included. */

#ifndef BUS_CONNECTIVITY_H
#define BUS_CONNECTIVITY_H

#include "bus/loop.h"

struct bus_connectivity;

/*  Called once. wrong: NULL if a connection could be made, else valid during the call. May free the check. */
typedef void (bus_connectivity_done) (void *context, const char *wrong);

/*  endpoint: tcp://HOST:PORT. Returns 0, -ENOTSUP for another transport, or -errno. */
int bus_connectivity_start (struct bus_loop *loop, const char *endpoint, bus_connectivity_done *done,
                            void *context, struct bus_connectivity **ret_connectivity);

/*  done is not called any more. Accepts NULL. Returns NULL. */
struct bus_connectivity *bus_connectivity_free (struct bus_connectivity *connectivity);

#endif
