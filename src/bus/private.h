/* SPDX-License-Identifier: MPL-2.0 */
/*  bus/private.h - shared by the files of this room */

#ifndef BUS_PRIVATE_H
#define BUS_PRIVATE_H

#include "bus/loop.h"
#include "bus/socket.h"
#include "bus/zap.h"

struct bus_guard;
struct bus_source;

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

/*  The context; and the ZAP handler that checks the clients of its servers, which the first call starts. The
    loop owns both. zap returns 0 or -errno. */
void *bus_loop_zmq (struct bus_loop *loop);
int bus_loop_zap (struct bus_loop *loop, struct bus_zap **ret_zap);

/*  A server socket is subject to a table from its making to its end. */
void bus_admission_join (struct bus_admission *admission, struct bus_socket *socket);
void bus_admission_leave (struct bus_admission *admission, struct bus_socket *socket);

/*  Ends the connections of senders that the socket's admission does not admit, and on a publisher those of
    senders that are not known yet. */
void bus_socket_end_unadmitted (struct bus_socket *socket);

/*  The server refused the key of a connecting socket: libzmq does not connect again by itself. */
void bus_socket_denied (struct bus_socket *socket);

#endif
