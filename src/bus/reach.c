/* SPDX-License-Identifier: MPL-2.0 */
/*  bus/reach.c - why an endpoint cannot be reached, checked on a detached thread */

#include "bus/reach.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"

enum { CONNECT_MS = 5000 };

/*  Shared by the thread and its owner; the last of them to release it frees it. */
struct bus_reach {
    atomic_int refs;
    char host[256], port[8];
    char wrong[400]; /* written by the thread until fd is readable */
    int fd;
    struct bus_loop *loop; /* this and the rest: used by the owner only */
    bus_reached *done;
    void *context;
};

static void reach_unref (struct bus_reach *reach)
{
    if (atomic_fetch_sub (&reach->refs, 1) != 1)
        return;
    (void) close (reach->fd);
    free (reach);
}

/*  Returns 0 or -errno. */
static int address_try (const struct addrinfo *address)
{
    base_cleanup (base_close_p) int fd =
        socket (address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    if (connect (fd, address->ai_addr, address->ai_addrlen) == 0)
        return 0;
    if (errno != EINPROGRESS)
        return -errno;
    struct pollfd waited = {.fd = fd, .events = POLLOUT};
    int wrong = 0;
    socklen_t size = sizeof wrong;
    if (poll (&waited, 1, CONNECT_MS) <= 0)
        return -ETIMEDOUT;
    return getsockopt (fd, SOL_SOCKET, SO_ERROR, &wrong, &size) < 0 ? -errno : -wrong;
}

static void reach_try (struct bus_reach *reach)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    int r = getaddrinfo (reach->host, reach->port, &hints, &found);
    if (r) {
        (void) snprintf (reach->wrong, sizeof reach->wrong, "the name %s cannot be resolved: %s", reach->host,
                         r == EAI_SYSTEM ? strerror (errno) : gai_strerror (r));
        return;
    }
    r = -ENOENT;
    for (const struct addrinfo *at = found; at && r < 0; at = at->ai_next)
        r = address_try (at);
    freeaddrinfo (found);
    if (r < 0)
        (void) snprintf (reach->wrong, sizeof reach->wrong, "no connection to %s, port %s: %s", reach->host,
                         reach->port, strerror (-r));
}

static void *reach_run (void *context)
{
    struct bus_reach *reach = context;
    reach_try (reach);
    (void) eventfd_write (reach->fd, 1);
    reach_unref (reach);
    return NULL;
}

static void on_done (void *context)
{
    base_assert (context);
    struct bus_reach *reach = context;
    bus_unwatch (reach->loop, reach->fd);
    reach->done (reach->context, *reach->wrong ? reach->wrong : NULL);
}

/*  Parses tcp://HOST:PORT or tcp://[HOST]:PORT. */
static int endpoint_split (struct bus_reach *reach, const char *endpoint)
{
    static const char scheme[] = "tcp://";
    if (strncmp (endpoint, scheme, sizeof scheme - 1) != 0)
        return -ENOTSUP;
    const char *host = endpoint + sizeof scheme - 1, *colon = strrchr (host, ':');
    if (!colon || base_text_copy (reach->port, sizeof reach->port, colon + 1) < 0)
        return -ENOTSUP;
    const char *end = colon;
    if (*host == '[' && end > host + 1 && end[-1] == ']') {
        host++;
        end--;
    }
    size_t length = (size_t) (end - host);
    if (length == 0 || length >= sizeof reach->host)
        return -ENOTSUP;
    memcpy (reach->host, host, length);
    return 0;
}

/*  The thread takes no signals: they are for the loop's thread alone. */
static int thread_start (struct bus_reach *reach)
{
    sigset_t all, before;
    pthread_t thread;
    pthread_attr_t detached;
    int r = pthread_attr_init (&detached);
    if (r)
        return -r;
    (void) pthread_attr_setdetachstate (&detached, PTHREAD_CREATE_DETACHED);
    (void) sigfillset (&all);
    (void) pthread_sigmask (SIG_SETMASK, &all, &before);
    r = pthread_create (&thread, &detached, reach_run, reach);
    (void) pthread_sigmask (SIG_SETMASK, &before, NULL);
    (void) pthread_attr_destroy (&detached);
    return -r;
}

int bus_reach_start (struct bus_loop *loop, const char *endpoint, bus_reached *done, void *context,
                     struct bus_reach **ret_reach)
{
    base_assert (loop && endpoint);
    base_assert (done && ret_reach);
    struct bus_reach *reach = calloc (1, sizeof *reach);
    if (!reach)
        return -ENOMEM;
    int r = endpoint_split (reach, endpoint);
    if (r < 0) {
        free (reach);
        return r;
    }
    reach->fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (reach->fd < 0) {
        r = -errno;
        free (reach);
        return r;
    }
    reach->loop = loop;
    reach->done = done;
    reach->context = context;
    atomic_init (&reach->refs, 2);
    r = bus_watch (loop, reach->fd, on_done, reach);
    if (r == 0) {
        r = thread_start (reach);
        if (r < 0)
            bus_unwatch (loop, reach->fd);
    }
    if (r < 0) {
        (void) close (reach->fd);
        free (reach);
        return r;
    }
    *ret_reach = reach;
    return 0;
}

struct bus_reach *bus_reach_free (struct bus_reach *reach)
{
    if (!reach)
        return NULL;
    bus_unwatch (reach->loop, reach->fd);
    reach_unref (reach);
    return NULL;
}
