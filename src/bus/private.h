/* SPDX-License-Identifier: MPL-2.0 */
/*  bus/private.h - shared by the files of this room */

#ifndef BUS_PRIVATE_H
#define BUS_PRIVATE_H

#include "bus/loop.h"
#include "bus/socket.h"

struct bus_guard;
struct bus_source;
struct bus_zap;

/*  Calls handler while the ZeroMQ socket has something to read or, if socket is NULL, while fd has. Returns
    NULL if memory is exhausted. */
struct bus_source *bus_source_new (struct bus_loop *loop, void *socket, int fd, bus_handler *handler,
                                   void *context);

/*  The handler is not called again. memory is freed once no handler of the loop runs any more: a handler may
    free the object that it works on. */
void bus_source_free (struct bus_source *source, void *memory);

/*  libzmq resolves names on its I/O threads. Without a network that takes 20 s or more at each attempt.
    Connections by name have a thread of their own, so that the probes of a rehearsal do not wait for it. */
enum { BUS_IO_THREADS = 2 };
#define BUS_IO_PLAIN UINT64_C (1) /* in the form of ZMQ_AFFINITY */
#define BUS_IO_NAMED UINT64_C (2)

/*  Reports how long a socket of the loop lingers: bus_loop_free waits as long as the longest. */
void bus_loop_linger (struct bus_loop *loop, int linger_ms);

/*  The context; and the ZAP handler that admits peers to CURVE servers, which the first call starts. The loop
    owns both. zap returns 0 or -errno. */
void *bus_loop_zmq (struct bus_loop *loop);
int bus_loop_zap (struct bus_loop *loop, struct bus_zap **ret_zap);

/*  bus/zap.c. Answers the context's questions about which keys to admit, on a thread of its own. */
int bus_zap_new (void *zmq, struct bus_zap **ret_zap);

/*  The context must have been shut down: that ends the thread. Returns NULL. */
struct bus_zap *bus_zap_free (struct bus_zap *zap);

/*  Admits the allowed keys (Z85, NULL-terminated; NULL: none) to a new domain, whose name it returns. Returns
    0, -ENOMEM, or -EINVAL for text that is no key. */
enum { BUS_DOMAIN_SIZE = 32 };
int bus_zap_allow (struct bus_zap *zap, char *const *allowed, char ret_domain[BUS_DOMAIN_SIZE]);

/*  Every domain admits these keys and no others, from the next handshake on. Returns as bus_zap_allow; on
    failure nothing changes. */
int bus_zap_replace (struct bus_zap *zap, char *const *allowed);

/*  Forgets a domain: its server admits no further client. */
void bus_zap_forget (struct bus_zap *zap, const char *domain);

#endif
