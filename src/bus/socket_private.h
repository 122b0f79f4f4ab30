/* SPDX-License-Identifier: MPL-2.0 */
/*  bus/socket_private.h - a socket's state, shared by socket.c (life and options) and message.c (its
    messages) */

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
    bus_topic_check *is_topic;
    bus_text_handler *on_text;
    bus_refusal_handler *on_refused;
    void *context;
    int linger_ms;
    bool quiet;
    int heartbeat_ms;
    bool no_payloads;
    struct bus_admission *admission; /* with all up to domain: of a server; else NULL */
    enum bus_channel channel;
    bool has_keys;
    struct bus_socket *admitted_next; /* of the sockets with the same admission */
    struct bus_zap *zap;
    char domain[BUS_DOMAIN_SIZE];
    void (*on_denied) (void *context, struct bus_socket *socket); /* with denied_…: of a client */
    int denied_timer;   /* > 0: the server refused the key, and nothing is sent until then */
    uint64_t denied_ms; /* the last pause; 0: none since it was admitted */
    char **connected;   /* endpoints */
    char *endpoint;
    char **topics; /* SUB */
    struct bus_counts counts;
    uint64_t n_read;       /* messages of any form */
    size_t n_connections;  /* known to the guard */
    uint64_t message_most; /* bytes of the largest frame that is read */
    bool is_server;
    struct bus_guard *guard; /* NULL: not guarded */
};

/*  The loop calls this while there is something to read. */
void bus_message_ready (void *context);

#endif
