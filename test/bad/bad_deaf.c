/*  test/bad/bad_deaf.c - subscribes to nothing: only asking would tell it what is wanted */

#include "bus/socket.h"

int __wrap_bus_socket_subscribe (struct bus_socket *socket, const char *topic)
{
    (void) socket;
    (void) topic;
    return 0;
}
