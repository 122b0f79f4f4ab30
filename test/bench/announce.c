/* SPDX-License-Identifier: MPL-2.0 */
/*  test/bench/announce.c - makes a broker announce to all nodes, with an order for only one of them

    An order to all nodes that continues after the last node but one is an order to one node, but the broker
    announces it to all.

        usage: bench-announce PORT LAST-NODE-BUT-ONE */

#include <stdio.h>
#include <stdlib.h>

#include "base/random.h"
#include "bus/socket.h"

enum { PATIENCE_MS = 30000 };

struct asking {
    struct bus_loop *loop;
    enum wire_status status;
};

static void on_answer (void *context, struct bus_socket *socket, const struct bus_message *message)
{
    struct asking *asking = context;
    (void) socket;
    if (message->record != &wire_orders_record)
        return;
    asking->status = ((const struct wire_orders *) message->body)->status;
    bus_loop_stop (asking->loop);
}

static void on_timeout (void *context)
{
    const struct asking *asking = context;
    bus_loop_stop (asking->loop);
}

int main (int argc, char **argv)
{
    struct asking asking = {.loop = bus_loop_new ()};
    struct bus_socket_options options = {.on_message = on_answer, .context = &asking};
    struct bus_socket *socket = NULL;
    struct base_error error = {.text = "out of memory"};
    char endpoint[64], key[33];
    if (argc != 3) {
        fprintf (stderr, "usage: bench-announce PORT LAST-NODE-BUT-ONE\n");
        return 2;
    }
    (void) snprintf (endpoint, sizeof endpoint, "tcp://127.0.0.1:%lu", strtoul (argv[1], NULL, 10) + 1);
    struct wire_order_unhold request = {
        .serial = 1, .key = base_random_hex (key, 16), .all = true, .after = argv[2]};
    if (asking.loop && bus_socket_new (asking.loop, BUS_DEALER, &options, &socket, &error) == 0 &&
        bus_socket_connect (socket, endpoint, &error) == 0 &&
        bus_send (socket, NULL, &wire_order_unhold_record, &request) == 0 &&
        bus_timer_start (asking.loop, PATIENCE_MS, on_timeout, &asking) > 0)
        (void) bus_loop_run (asking.loop);
    if (asking.status != WIRE_STATUS_OK)
        fprintf (stderr, "bench-announce: the broker did not accept the order (%s)\n",
                 asking.status ? wire_status_word (asking.status) : error.text);
    (void) bus_socket_free (socket);
    return asking.status == WIRE_STATUS_OK ? 0 : 1;
}
