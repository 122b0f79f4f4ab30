/* SPDX-License-Identifier: MPL-2.0 */
/*  test/bench/bare_czmq.c - the smallest possible process of a node manager: czmq with three connected
    sockets

        usage: bench-bare PORT

    bin/bench compares the resident memory of noded with that of this program. It prints "ready" after it has
    connected all three sockets to a broker's channels, and exits at the end of its standard input. */

#include <czmq.h>

int main (int argc, char **argv)
{
    if (argc != 2)
        return 2;
    unsigned port = (unsigned) strtoul (argv[1], NULL, 10);
    zsock_t *announce = zsock_new (ZMQ_SUB);
    zsock_t *control = zsock_new (ZMQ_DEALER);
    zsock_t *content = zsock_new (ZMQ_DEALER);
    if (!announce || !control || !content)
        return 1;
    zsock_set_subscribe (announce, "update/all");
    if (zsock_connect (announce, "tcp://127.0.0.1:%u", port) ||
        zsock_connect (control, "tcp://127.0.0.1:%u", port + 1) ||
        zsock_connect (content, "tcp://127.0.0.1:%u", port + 2))
        return 1;
    printf ("ready\n");
    fflush (stdout);
    zmq_pollitem_t items[] = {{NULL, STDIN_FILENO, ZMQ_POLLIN, 0},
                              {zsock_resolve (announce), 0, ZMQ_POLLIN, 0},
                              {zsock_resolve (control), 0, ZMQ_POLLIN, 0},
                              {zsock_resolve (content), 0, ZMQ_POLLIN, 0}};
    while (zmq_poll (items, 4, -1) >= 0 && !(items[0].revents & (ZMQ_POLLIN | ZMQ_POLLERR)))
        for (int i = 1; i < 4; i++)
            if (items[i].revents & ZMQ_POLLIN) {
                zmsg_t *message = zmsg_recv (items[i].socket == zsock_resolve (announce)  ? announce
                                             : items[i].socket == zsock_resolve (control) ? control
                                                                                          : content);
                zmsg_destroy (&message);
            }
    zsock_destroy (&announce);
    zsock_destroy (&control);
    zsock_destroy (&content);
    return 0;
}
