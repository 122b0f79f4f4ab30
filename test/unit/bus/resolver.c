/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/bus/resolver.c - a name that is never resolved blocks neither other sockets nor the end of the
    loop */

#include "rig.h"

#include <dlfcn.h>
#include <netdb.h>
#include <semaphore.h>

TestSuite (resolver, .init = rig_setup, .fini = rig_teardown, .timeout = 40);

#define NAME "no-answer.invalid"

static sem_t asked, answered;

/*  Replaces the function of the C library, for libzmq too. Blocks for NAME until the test ends. */
int getaddrinfo (const char *name, const char *service, const struct addrinfo *req, struct addrinfo **pai)
{
    __typeof__ (getaddrinfo) *real;
    *(void **) &real = dlsym (RTLD_NEXT, "getaddrinfo");
    if (!name || strcmp (name, NAME) != 0)
        return real (name, service, req, pai);
    (void) sem_post (&asked);
    while (sem_wait (&answered))
        ;
    return EAI_AGAIN;
}

static void on_message (void *context, struct bus_socket *socket, const struct bus_message *message)
{
    (void) context, (void) socket, (void) message;
    bus_loop_stop (loop);
}

/*  A socket whose endpoint is being resolved. The caller frees it. */
static struct bus_socket *socket_resolving (void)
{
    struct bus_socket *socket =
        rig_socket (BUS_DEALER, &(struct bus_socket_options){.on_message = on_message});
    cr_assert_eq (sem_init (&asked, 0, 0), 0);
    cr_assert_eq (sem_init (&answered, 0, 0), 0);
    rig_connect (socket, "tcp://" NAME ":7670");
    while (sem_wait (&asked))
        ;
    return socket;
}

static void socket_exchange (const char *endpoint)
{
    struct bus_socket_options options = {.on_message = on_message};
    struct bus_socket *server = rig_socket (BUS_ROUTER, &options);
    struct bus_socket *client = rig_socket (BUS_DEALER, &options);
    struct wire_heartbeat heartbeat = {.sender = "somebody"};
    rig_bind (server, endpoint);
    rig_connect (client, bus_socket_endpoint (server));
    cr_assert_eq (bus_send (client, NULL, &wire_heartbeat_record, &heartbeat), 0);
    rig_run ();
    bus_socket_free (client);
    bus_socket_free (server);
}

Test (resolver, an_unresolved_name_does_not_delay_other_sockets)
{
    struct bus_socket *socket = socket_resolving ();
    socket_exchange (rig_ipc ("control"));
    socket_exchange ("tcp://127.0.0.1:*");
    bus_socket_free (socket);
}

Test (resolver, a_loop_ends_while_a_name_is_unresolved)
{
    bus_socket_free (socket_resolving ());
    bus_timer_cancel (loop, deadline_timer);
    loop = bus_loop_free (loop);
}
