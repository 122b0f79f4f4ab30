/*  bus/socket_private.h - a socket's state, shared by socket.c (life and options) and message.c (what goes
    through it) */

#ifndef BUS_SOCKET_PRIVATE_H
#define BUS_SOCKET_PRIVATE_H

#include "bus/private.h"

struct bus_socket {
    struct bus_loop *loop;
    enum bus_kind kind;
    void *zmq; /* NULL once closed */
    struct bus_source *source;
    bus_message_handler *on_message;
    bus_subscription_handler *on_subscription;
    bus_text_handler *on_text;
    void *context;
    int linger_ms;
    bool quiet;
    bool no_payloads;
    struct bus_zap *zap; /* with domain, of a CURVE server; else NULL */
    char domain[BUS_DOMAIN_SIZE];
    char **connected; /* endpoints */
    char *endpoint;
    struct bus_counts counts;
};

/*  The loop's call while something is there to read. */
void bus_message_ready (void *context);

#endif
