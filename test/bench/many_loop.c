/* SPDX-License-Identifier: MPL-2.0 */
/*  test/bench/many_loop.c - bus/loop.h on epoll, without signals and CURVE */

#include "bench/many_loop.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <zmq.h>

#include "base/time.h"
#include "bus/guard.h"
#include "bus/timers.h"

enum { SOCKETS_MOST = 65536, EVENTS_MOST = 512 };

struct bus_source {
    struct bus_loop *loop;
    struct bus_source *next; /* in the list of touched sources */
    void *socket;
    int fd;
    bus_handler *handler;
    void *context;
    void *memory;
    bool touched, dead;
};

struct watch {
    struct watch *next;
    struct bus_source *source;
};

struct bus_loop {
    void *zmq;
    int epoll;
    struct bus_timers timers;
    struct bus_source *touched, **last; /* in the order in which they were touched */
    struct watch *watches;
    bool stopped;
};

struct bus_loop *bus_loop_new (void)
{
    struct bus_loop *loop = calloc (1, sizeof *loop);
    if (!loop)
        return NULL;
    loop->last = &loop->touched;
    loop->epoll = epoll_create1 (EPOLL_CLOEXEC);
    loop->zmq = zmq_ctx_new ();
    if (loop->epoll < 0 || !loop->zmq || zmq_ctx_set (loop->zmq, ZMQ_MAX_SOCKETS, SOCKETS_MOST) ||
        zmq_ctx_set (loop->zmq, ZMQ_IO_THREADS, BUS_IO_THREADS))
        return bus_loop_free (loop);
    return loop;
}

static struct bus_source *take_touched (struct bus_loop *loop)
{
    struct bus_source *source = loop->touched;
    if (!source)
        return NULL;
    loop->touched = source->next;
    if (!loop->touched)
        loop->last = &loop->touched;
    source->touched = false;
    return source;
}

static void source_drop (struct bus_source *source)
{
    free (source->memory);
    free (source);
}

struct bus_loop *bus_loop_free (struct bus_loop *loop)
{
    if (!loop)
        return NULL;
    for (struct bus_source *source; (source = take_touched (loop));)
        if (source->dead)
            source_drop (source);
    if (loop->zmq)
        while (zmq_ctx_term (loop->zmq) < 0 && errno == EINTR)
            ;
    if (loop->epoll >= 0)
        (void) close (loop->epoll);
    bus_timers_deinit (&loop->timers);
    free (loop);
    return NULL;
}

void bus_loop_linger (struct bus_loop *loop, int linger_ms)
{
    (void) loop;
    (void) linger_ms;
}

void *bus_loop_zmq (struct bus_loop *loop)
{
    return loop->zmq;
}

int bus_loop_zap (struct bus_loop *loop, struct bus_zap **ret_zap)
{
    (void) loop;
    (void) ret_zap;
    return -ENOTSUP;
}

/*  No guard: the benchmark measures nodes, not the cost of a hostile broker. */
int bus_loop_guard (struct bus_loop *loop, struct bus_guard **ret_guard)
{
    (void) loop;
    *ret_guard = NULL;
    return 0;
}

void many_loop_touch (struct bus_source *source)
{
    struct bus_loop *loop = source->loop;
    if (source->touched)
        return;
    source->touched = true;
    source->next = NULL;
    *loop->last = source;
    loop->last = &source->next;
}

struct bus_source *bus_source_new (struct bus_loop *loop, void *socket, int fd, bus_handler *handler,
                                   void *context)
{
    struct bus_source *source = calloc (1, sizeof *source);
    size_t size = sizeof fd;
    if (!source)
        return NULL;
    *source =
        (struct bus_source){.loop = loop, .socket = socket, .fd = fd, .handler = handler, .context = context};
    if (socket && zmq_getsockopt (socket, ZMQ_FD, &source->fd, &size)) {
        free (source);
        return NULL;
    }
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = source};
    if (epoll_ctl (loop->epoll, EPOLL_CTL_ADD, source->fd, &event)) {
        free (source);
        return NULL;
    }
    many_loop_touch (source);
    return source;
}

/*  libzmq's reaper keeps the descriptor of a closed socket open for a while. Events that epoll has already
    returned in this round may refer to the source, so it is freed at the end of the round. */
void bus_source_free (struct bus_source *source, void *memory)
{
    (void) epoll_ctl (source->loop->epoll, EPOLL_CTL_DEL, source->fd, NULL);
    source->dead = true;
    source->memory = memory;
    many_loop_touch (source);
}

int bus_watch (struct bus_loop *loop, int fd, bus_handler *handler, void *context)
{
    struct watch *watch = calloc (1, sizeof *watch);
    if (watch)
        watch->source = bus_source_new (loop, NULL, fd, handler, context);
    if (!watch || !watch->source) {
        free (watch);
        return -ENOMEM;
    }
    watch->next = loop->watches;
    loop->watches = watch;
    return 0;
}

void bus_unwatch (struct bus_loop *loop, int fd)
{
    for (struct watch **link = &loop->watches; *link; link = &(*link)->next) {
        struct watch *watch = *link;
        if (watch->source->fd != fd)
            continue;
        *link = watch->next;
        bus_source_free (watch->source, NULL);
        free (watch);
        return;
    }
}

int bus_timer_start (struct bus_loop *loop, uint64_t delay_ms, bus_handler *handler, void *context)
{
    return bus_timers_add (&loop->timers, base_time_boot_ms () + delay_ms + (delay_ms > 0), handler, context);
}

void bus_timer_cancel (struct bus_loop *loop, int id)
{
    bus_timers_remove (&loop->timers, id);
}

int bus_signals (struct bus_loop *loop, const int *signals, int count, bus_signal_handler *handler,
                 void *context)
{
    (void) loop;
    (void) signals;
    (void) count;
    (void) handler;
    (void) context;
    return -ENOTSUP;
}

static bool is_readable (void *socket)
{
    int events = 0;
    size_t size = sizeof events;
    return zmq_getsockopt (socket, ZMQ_EVENTS, &events, &size) == 0 && (events & ZMQ_POLLIN);
}

/*  Handles each source that was touched before this call, once. A readable source is touched again. */
static void sources_handle (struct bus_loop *loop)
{
    struct bus_source *started = loop->touched;
    loop->touched = NULL;
    loop->last = &loop->touched;
    while (started) {
        struct bus_source *source = started;
        started = source->next;
        source->touched = false;
        if (source->dead)
            source_drop (source);
        else if (source->socket && is_readable (source->socket)) {
            many_loop_touch (source);
            source->handler (source->context);
        }
    }
}

static int wait_ms (struct bus_loop *loop)
{
    uint64_t due = bus_timers_due (&loop->timers), now = base_time_boot_ms ();
    if (loop->touched || due <= now)
        return 0;
    return due - now < 60000 ? (int) (due - now) : 60000;
}

int bus_loop_run (struct bus_loop *loop)
{
    struct epoll_event events[EVENTS_MOST];
    for (loop->stopped = false; !loop->stopped;) {
        int n = epoll_wait (loop->epoll, events, EVENTS_MOST, wait_ms (loop));
        if (n < 0 && errno != EINTR)
            return -errno;
        for (int i = 0; i < n; i++) {
            struct bus_source *source = events[i].data.ptr;
            if (source->socket)
                many_loop_touch (source);
            else if (!source->dead)
                source->handler (source->context);
        }
        uint64_t now = base_time_boot_ms (), order = loop->timers.next_order;
        bus_handler *handler;
        void *context;
        while (bus_timers_take (&loop->timers, now, order, &handler, &context))
            handler (context);
        sources_handle (loop);
    }
    return 0;
}

void bus_loop_stop (struct bus_loop *loop)
{
    loop->stopped = true;
}
