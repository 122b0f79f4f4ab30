/* SPDX-License-Identifier: MPL-2.0 */
/*  bus/connectivity.c - why an endpoint cannot be reached, checked on a detached thread */

#include "bus/connectivity.h"

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
struct bus_connectivity {
    atomic_int refs;
    char host[256], port[8];
    char wrong[400]; /* written by the thread until fd is readable */
    int fd;
    struct bus_loop *loop; /* this and the rest: used by the owner only */
    bus_connectivity_done *done;
    void *context;
};

static void connectivity_unref (struct bus_connectivity *connectivity)
{
    if (atomic_fetch_sub (&connectivity->refs, 1) != 1)
        return;
    (void) close (connectivity->fd);
    free (connectivity);
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

static void connectivity_try (struct bus_connectivity *connectivity)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    int r = getaddrinfo (connectivity->host, connectivity->port, &hints, &found);
    if (r) {
        (void) snprintf (connectivity->wrong, sizeof connectivity->wrong,
                         "the name %s cannot be resolved: %s", connectivity->host,
                         r == EAI_SYSTEM ? strerror (errno) : gai_strerror (r));
        return;
    }
    r = -ENOENT;
    for (const struct addrinfo *at = found; at && r < 0; at = at->ai_next)
        r = address_try (at);
    freeaddrinfo (found);
    if (r < 0)
        (void) snprintf (connectivity->wrong, sizeof connectivity->wrong, "no connection to %s, port %s: %s",
                         connectivity->host, connectivity->port, strerror (-r));
}

static void *connectivity_run (void *context)
{
    struct bus_connectivity *connectivity = context;
    connectivity_try (connectivity);
    (void) eventfd_write (connectivity->fd, 1);
    connectivity_unref (connectivity);
    return NULL;
}

static void on_done (void *context)
{
    base_assert (context);
    struct bus_connectivity *connectivity = context;
    bus_unwatch (connectivity->loop, connectivity->fd);
    connectivity->done (connectivity->context, *connectivity->wrong ? connectivity->wrong : NULL);
}

/*  Parses tcp://HOST:PORT or tcp://[HOST]:PORT. */
static int endpoint_split (struct bus_connectivity *connectivity, const char *endpoint)
{
    static const char scheme[] = "tcp://";
    if (strncmp (endpoint, scheme, sizeof scheme - 1) != 0)
        return -ENOTSUP;
    const char *host = endpoint + sizeof scheme - 1, *colon = strrchr (host, ':');
    if (!colon || base_text_copy (connectivity->port, sizeof connectivity->port, colon + 1) < 0)
        return -ENOTSUP;
    const char *end = colon;
    if (*host == '[' && end > host + 1 && end[-1] == ']') {
        host++;
        end--;
    }
    size_t length = (size_t) (end - host);
    if (length == 0 || length >= sizeof connectivity->host)
        return -ENOTSUP;
    memcpy (connectivity->host, host, length);
    return 0;
}

/*  The thread takes no signals: they are for the loop's thread alone. */
static int thread_start (struct bus_connectivity *connectivity)
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
    r = pthread_create (&thread, &detached, connectivity_run, connectivity);
    (void) pthread_sigmask (SIG_SETMASK, &before, NULL);
    (void) pthread_attr_destroy (&detached);
    return -r;
}

int bus_connectivity_start (struct bus_loop *loop, const char *endpoint, bus_connectivity_done *done,
                            void *context, struct bus_connectivity **ret_connectivity)
{
    base_assert (loop && endpoint);
    base_assert (done && ret_connectivity);
    struct bus_connectivity *connectivity = calloc (1, sizeof *connectivity);
    if (!connectivity)
        return -ENOMEM;
    int r = endpoint_split (connectivity, endpoint);
    if (r < 0) {
        free (connectivity);
        return r;
    }
    connectivity->fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (connectivity->fd < 0) {
        r = -errno;
        free (connectivity);
        return r;
    }
    connectivity->loop = loop;
    connectivity->done = done;
    connectivity->context = context;
    atomic_init (&connectivity->refs, 2);
    r = bus_watch (loop, connectivity->fd, on_done, connectivity);
    if (r == 0) {
        r = thread_start (connectivity);
        if (r < 0)
            bus_unwatch (loop, connectivity->fd);
    }
    if (r < 0) {
        (void) close (connectivity->fd);
        free (connectivity);
        return r;
    }
    *ret_connectivity = connectivity;
    return 0;
}

struct bus_connectivity *bus_connectivity_free (struct bus_connectivity *connectivity)
{
    if (!connectivity)
        return NULL;
    bus_unwatch (connectivity->loop, connectivity->fd);
    connectivity_unref (connectivity);
    return NULL;
}
