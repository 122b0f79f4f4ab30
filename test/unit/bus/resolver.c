/*  A name that takes for ever to resolve: what else the loop has goes on, and the loop ends. */

#include "rig.h"

#include <dlfcn.h>
#include <netdb.h>
#include <semaphore.h>

TestSuite (resolver, .init = rig_setup, .fini = rig_teardown, .timeout = 40);

#define NAME "no-answer.invalid"

static sem_t asked, answered;

/*  In place of the C library's, for libzmq too. */
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

/*  A socket whose name is being resolved. */
static struct bus_socket *stuck (void)
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

static void exchange (const char *endpoint)
{
    struct bus_socket_options options = {.on_message = on_message};
    struct bus_socket *server = rig_socket (BUS_ROUTER, &options);
    struct bus_socket *client = rig_socket (BUS_DEALER, &options);
    struct wire_heartbeat heartbeat = {.sender = (char *) "somebody"};
    rig_bind (server, endpoint);
    rig_connect (client, bus_socket_endpoint (server));
    cr_assert_eq (bus_send (client, NULL, &wire_heartbeat_record, &heartbeat), 0);
    rig_run ();
    bus_socket_free (client);
    bus_socket_free (server);
}

Test (resolver, a_name_without_answer_holds_up_no_other_socket)
{
    struct bus_socket *socket = stuck ();
    exchange (rig_ipc ("control"));
    exchange ("tcp://127.0.0.1:*");
    bus_socket_free (socket);
}

Test (resolver, a_loop_ends_while_a_name_is_without_answer)
{
    bus_socket_free (stuck ());
    bus_timer_cancel (loop, deadline_timer);
    loop = bus_loop_free (loop);
}
