/* SPDX-License-Identifier: MPL-2.0 */
/*  bus/zap.c - which clients are admitted to servers (ZAP, https://rfc.zeromq.org/spec/27/)

    libzmq admits every key to a CURVE server while nothing answers at inproc://zeromq.zap.01. So the handler
    is bound before the first server socket exists, and lives as long as the context. If its thread ends
    before, the loop ends, too. Each server socket has a domain of its own: an admission and a channel. Every
    request is refused unless it is well-formed and its domain admits the sender.

    A socket with a domain and without CURVE (NULL) asks, too. That is for ipc, where libzmq appends the
    credentials of the peer's process to its address. */

#include "bus/zap.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <zmq.h>

#include "base/assert.h"
#include "base/cleanup.h"

enum { THREAD_STACK = 256 * 1024 };

struct domain {
    struct domain *next;
    char name[BUS_DOMAIN_SIZE];
    struct bus_admission *admission;
    enum bus_channel channel;
};

struct bus_zap {
    void *socket; /* used by the thread alone, once that runs */
    pthread_t thread;
    int fd; /* an eventfd, written to when the thread ends too early */
    atomic_bool ended;
    pthread_mutex_t lock; /* over domains; taken before the lock of an admission */
    struct domain *domains;
    unsigned serial;
};

static bool request_is_admitted (struct bus_zap *zap, const struct bus_zap_request *request)
{
    bool admitted = false;
    (void) pthread_mutex_lock (&zap->lock);
    for (const struct domain *domain = zap->domains; domain; domain = domain->next)
        if (strcmp (request->domain, domain->name) == 0)
            admitted = bus_admission_ask (domain->admission, request, domain->channel);
    (void) pthread_mutex_unlock (&zap->lock);
    return admitted;
}

/*  A request whose frames are kept until it was answered. */
struct received {
    zmq_msg_t messages[BUS_ZAP_FRAMES];
    struct bus_zap_frame frames[BUS_ZAP_FRAMES];
    size_t n; /* frames of the request; only the first BUS_ZAP_FRAMES are kept */
};

static size_t received_kept (const struct received *received)
{
    return received->n < BUS_ZAP_FRAMES ? received->n : BUS_ZAP_FRAMES;
}

static void received_deinit (struct received *received)
{
    for (size_t i = 0; i < received_kept (received); i++)
        (void) zmq_msg_close (&received->messages[i]);
    received->n = 0;
}

/*  Reads one request of any form. Returns 0 or -errno. */
static int received_read (void *socket, struct received *received)
{
    received->n = 0;
    for (bool more = true; more;) {
        zmq_msg_t surplus;
        zmq_msg_t *message = received->n < BUS_ZAP_FRAMES ? &received->messages[received->n] : &surplus;
        (void) zmq_msg_init (message);
        if (zmq_msg_recv (message, socket, 0) < 0) {
            if (errno == EINTR)
                continue;
            return -errno;
        }
        more = zmq_msg_more (message);
        if (message == &surplus)
            (void) zmq_msg_close (&surplus);
        else
            received->frames[received->n] =
                (struct bus_zap_frame){.data = zmq_msg_data (message), .size = zmq_msg_size (message)};
        received->n++;
    }
    return 0;
}

static int frame_send (void *socket, const void *data, size_t size, int flags)
{
    while (zmq_send (socket, data, size, flags) < 0)
        if (errno != EINTR)
            return -errno;
    return 0;
}

/*  user NULL: refused. */
static int request_answer (void *socket, const struct received *received, const char *user)
{
    struct bus_zap_frame id = {.data = "", .size = 0};
    if (received->n > BUS_ZAP_ID && received->frames[BUS_ZAP_ID].size <= BUS_ZAP_FIELD_MOST)
        id = received->frames[BUS_ZAP_ID];
    const char *status = user ? "200" : "400", *text = user ? "OK" : "not admitted";
    if (!user)
        user = "";
    int r = frame_send (socket, "1.0", 3, ZMQ_SNDMORE);
    if (r == 0)
        r = frame_send (socket, id.data, id.size, ZMQ_SNDMORE);
    if (r == 0)
        r = frame_send (socket, status, strlen (status), ZMQ_SNDMORE);
    if (r == 0)
        r = frame_send (socket, text, strlen (text), ZMQ_SNDMORE);
    if (r == 0)
        r = frame_send (socket, user, strlen (user), ZMQ_SNDMORE);
    return r < 0 ? r : frame_send (socket, "", 0, 0);
}

static int request_serve (struct bus_zap *zap)
{
    base_cleanup (received_deinit) struct received received;
    struct bus_zap_request request;
    char user[BUS_USER_ID_TEXT];
    int r = received_read (zap->socket, &received);
    if (r < 0)
        return r;
    bool admitted = bus_zap_request_read (received.frames, received.n, &request) == 0 &&
                    request_is_admitted (zap, &request);
    return request_answer (zap->socket, &received,
                           admitted ? bus_sender_user_id (&request.sender, user) : NULL);
}

static void *requests_serve (void *context)
{
    base_assert (context);
    struct bus_zap *zap = context;
    int r = 0;
    while (r == 0)
        r = request_serve (zap);
    (void) zmq_close (zap->socket);
    if (r != -ETERM) {
        atomic_store (&zap->ended, true);
        (void) eventfd_write (zap->fd, 1);
    }
    return NULL;
}

static int thread_start (struct bus_zap *zap)
{
    pthread_attr_t attributes;
    int r = pthread_attr_init (&attributes);
    if (r != 0)
        return -r;
    (void) pthread_attr_setstacksize (&attributes, THREAD_STACK);

    /*  The thread takes no signals: they are for the loop's thread alone. */
    sigset_t all, before;
    (void) sigfillset (&all);
    (void) pthread_sigmask (SIG_SETMASK, &all, &before);
    r = pthread_create (&zap->thread, &attributes, requests_serve, zap);
    (void) pthread_sigmask (SIG_SETMASK, &before, NULL);
    (void) pthread_attr_destroy (&attributes);
    return -r;
}

int bus_zap_new (void *zmq, struct bus_zap **ret_zap)
{
    base_assert (zmq && ret_zap);
    base_cleanup (base_free_p) struct bus_zap *zap = calloc (1, sizeof *zap);
    if (!zap)
        return -ENOMEM;
    base_cleanup (base_close_p) int fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0)
        return -errno;
    zap->fd = fd;
    zap->socket = zmq_socket (zmq, ZMQ_REP);
    if (!zap->socket)
        return -errno;
    int r = pthread_mutex_init (&zap->lock, NULL);
    if (r != 0) {
        (void) zmq_close (zap->socket);
        return -r;
    }

    int linger = 0;
    (void) zmq_setsockopt (zap->socket, ZMQ_LINGER, &linger, sizeof linger);
    r = zmq_bind (zap->socket, "inproc://zeromq.zap.01") < 0 ? -errno : thread_start (zap);
    if (r < 0) {
        (void) zmq_close (zap->socket);
        (void) pthread_mutex_destroy (&zap->lock);
        return r;
    }
    (void) base_take_fd (&fd);
    *ret_zap = base_take (zap);
    return 0;
}

int bus_zap_fd (const struct bus_zap *zap)
{
    base_assert (zap && zap->fd >= 0);
    return zap->fd;
}

struct bus_zap *bus_zap_free (struct bus_zap *zap)
{
    if (!zap)
        return NULL;
    base_assert (!zap->domains);
    (void) pthread_join (zap->thread, NULL);
    (void) pthread_mutex_destroy (&zap->lock);
    (void) close (zap->fd);
    free (zap);
    return NULL;
}

int bus_zap_serve (struct bus_zap *zap, struct bus_admission *admission, enum bus_channel channel,
                   char ret_domain[BUS_DOMAIN_SIZE])
{
    base_assert (zap && admission && ret_domain);
    base_assert ((unsigned) channel < BUS_CHANNEL_COUNT);
    if (atomic_load (&zap->ended))
        return -ENOTRECOVERABLE;
    struct domain *domain = calloc (1, sizeof *domain);
    if (!domain)
        return -ENOMEM;
    domain->admission = admission;
    domain->channel = channel;
    (void) snprintf (domain->name, sizeof domain->name, "noded/%s/%u", bus_channel_name (channel),
                     ++zap->serial);
    (void) snprintf (ret_domain, BUS_DOMAIN_SIZE, "%s", domain->name);
    (void) pthread_mutex_lock (&zap->lock);
    domain->next = zap->domains;
    zap->domains = domain;
    (void) pthread_mutex_unlock (&zap->lock);
    return 0;
}

void bus_zap_forget (struct bus_zap *zap, const char *domain)
{
    base_assert (zap && domain);
    (void) pthread_mutex_lock (&zap->lock);
    struct domain **link = &zap->domains;
    while (*link && strcmp ((*link)->name, domain) != 0)
        link = &(*link)->next;
    base_assert (*link);
    struct domain *gone = *link;
    *link = gone->next;
    (void) pthread_mutex_unlock (&zap->lock);
    free (gone);
}
