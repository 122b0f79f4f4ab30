/* SPDX-License-Identifier: MPL-2.0 */
/*  bus/loop.c - the one event loop of a process

    A round waits in zmq_poll for sockets, descriptors and one timerfd. Then it runs the timers that are due
    and a handler for every source that is ready. The timerfd counts boot time, so that a deadline that passed
    during a suspend is noticed on waking. If nothing is due, nothing wakes the process. A source that a
    handler frees is only marked, and removed after the round. */

#include "bus/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <zmq.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/time.h"
#include "bus/guard.h"
#include "bus/private.h"
#include "bus/timers.h"

struct bus_source {
    struct bus_loop *loop;
    struct bus_source *next;
    void *socket;
    int fd;
    bus_handler *handler;
    void *context;
    void *memory; /* freed with the source */
    bool dead;
};

struct signals {
    struct signals *next;
    int fd;
    bus_signal_handler *handler;
    void *context;
};

/*  How long the context may take to end, in addition to its sockets' linger. */
enum { END_MS = 2000 };

/*  A guard needs two descriptors a socket. If a host allows fewer than FILES_LEAST, the loop has no guard: a
    node needs all of them for its rehearsal. */
enum { FILES_LEAST = 128, FILES_MOST = 1 << 20 };

struct bus_loop {
    void *zmq;
    int linger_ms; /* the longest of all sockets */
    struct bus_zap *zap;
    struct bus_guard *guard;
    int timer_fd;
    uint64_t armed_ms; /* due time that the timerfd is set to; UINT64_MAX: not set */
    struct bus_timers timers;
    struct bus_source *sources; /* in the order of creation */
    size_t n_sources;           /* live ones */
    struct signals *signals;

    /*  The arguments of the last zmq_poll: [0] is the timerfd, then the live sources. */
    zmq_pollitem_t *items;
    struct bus_source **polled;
    size_t n_items, capacity;
    bool changed; /* sources were added or removed since then */

    bool has_dead;
    bool is_unchecked; /* see on_zap_ended */
    bool running;
    bool stopped;
};

struct bus_loop *bus_loop_new (void)
{
    struct bus_loop *loop = calloc (1, sizeof *loop);
    if (!loop)
        return NULL;
    loop->armed_ms = UINT64_MAX;
    loop->changed = true;
    loop->timer_fd = timerfd_create (CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    loop->zmq = zmq_ctx_new ();
    if (loop->timer_fd < 0 || !loop->zmq)
        return bus_loop_free (loop);
    (void) zmq_ctx_set (loop->zmq, ZMQ_IO_THREADS, BUS_IO_THREADS);
    return loop;
}

/*  Ends the context on a thread of its own. */
struct ending {
    void *zmq;
    int fd; /* closed once the context has ended */
};

static void *ending_run (void *context)
{
    struct ending *ending = context;
    while (zmq_ctx_term (ending->zmq) < 0 && errno == EINTR)
        ;
    (void) close (ending->fd);
    free (ending);
    return NULL;
}

/*  The thread takes no signals: they are for the loop's thread alone. */
static int ending_start (struct ending *ending)
{
    sigset_t all, before;
    pthread_t thread;
    (void) sigfillset (&all);
    (void) pthread_sigmask (SIG_SETMASK, &all, &before);
    int r = pthread_create (&thread, NULL, ending_run, ending);
    (void) pthread_sigmask (SIG_SETMASK, &before, NULL);
    if (r == 0)
        (void) pthread_detach (thread);
    return -r;
}

/*  A context ends only after its I/O threads. One of them may be resolving a name, which without a network
    takes as long as the resolver's timeout. The loop does not wait for that: it leaves the context behind. */
static void context_end (struct bus_loop *loop)
{
    int ends[2] = {-1, -1};
    struct ending *ending = malloc (sizeof *ending);
    if (ending && pipe2 (ends, O_CLOEXEC) == 0) {
        *ending = (struct ending){.zmq = loop->zmq, .fd = ends[1]};
        if (ending_start (ending) == 0) {
            uint64_t now = base_time_boot_ms (), last = now + END_MS + (uint64_t) loop->linger_ms;
            struct pollfd ended = {.fd = ends[0]};
            for (; now < last && poll (&ended, 1, (int) (last - now)) < 0; now = base_time_boot_ms ())
                ;
            (void) close (ends[0]);
            return;
        }
    }
    base_close_p (&ends[0]);
    base_close_p (&ends[1]);
    free (ending);
    while (zmq_ctx_term (loop->zmq) < 0 && errno == EINTR)
        ;
}

static void sources_sweep (struct bus_loop *loop)
{
    if (!loop->has_dead)
        return;
    loop->has_dead = false;
    for (struct bus_source **link = &loop->sources; *link;) {
        struct bus_source *source = *link;
        if (source->dead) {
            base_assert (source->loop == loop);
            *link = source->next;
            free (source->memory);
            free (source);
        } else
            link = &source->next;
    }
}

struct bus_loop *bus_loop_free (struct bus_loop *loop)
{
    if (!loop)
        return NULL;

    while (loop->signals) {
        struct signals *signals = loop->signals;
        bus_unwatch (loop, signals->fd);
        (void) close (signals->fd);
        loop->signals = signals->next;
        free (signals);
    }
    loop->guard = bus_guard_free (loop->guard);
    if (loop->zap)
        bus_unwatch (loop, bus_zap_fd (loop->zap));
    sources_sweep (loop);
    if (loop->zmq) {
        (void) zmq_ctx_shutdown (loop->zmq);
        bus_zap_free (loop->zap);
        context_end (loop);
    }
    if (loop->timer_fd >= 0)
        (void) close (loop->timer_fd);
    bus_timers_deinit (&loop->timers);
    free (loop->items);
    free (loop->polled);
    free (loop);
    return NULL;
}

void bus_loop_linger (struct bus_loop *loop, int linger_ms)
{
    base_assert (loop && linger_ms >= 0);
    if (loop->linger_ms < linger_ms)
        loop->linger_ms = linger_ms;
}

void *bus_loop_zmq (struct bus_loop *loop)
{
    base_assert (loop && loop->zmq);
    return loop->zmq;
}

int bus_loop_guard (struct bus_loop *loop, struct bus_guard **ret_guard)
{
    base_assert (loop && ret_guard);
    struct rlimit files = {.rlim_cur = 0};
    *ret_guard = NULL;
    if (!loop->guard && (getrlimit (RLIMIT_NOFILE, &files) < 0 || files.rlim_cur < FILES_LEAST))
        return 0;
    if (!loop->guard) {
        int r = bus_guard_new (loop, &loop->guard);
        if (r < 0)
            return r;
        bus_guard_limit (loop->guard, (unsigned) (files.rlim_cur < FILES_MOST ? files.rlim_cur / 2 : 0));
    }
    *ret_guard = loop->guard;
    return 0;
}

void bus_loop_connections (struct bus_loop *loop, unsigned most)
{
    base_assert (loop);
    struct bus_guard *guard;
    if (bus_loop_guard (loop, &guard) == 0 && guard)
        bus_guard_limit (guard, most);
}

/*  The check of clients has ended: nobody may be served any more. */
static void on_zap_ended (void *context)
{
    base_assert (context);
    struct bus_loop *loop = context;
    loop->is_unchecked = true;
}

int bus_loop_zap (struct bus_loop *loop, struct bus_zap **ret_zap)
{
    base_assert (loop && ret_zap);
    if (!loop->zap) {
        struct bus_zap *zap;
        int r = bus_zap_new (loop->zmq, &zap);
        if (r < 0)
            return r;
        loop->zap = zap;
        r = bus_watch (loop, bus_zap_fd (zap), on_zap_ended, loop);
        loop->is_unchecked = r < 0;
        if (r < 0)
            return r;
    }
    if (loop->is_unchecked)
        return -ENOTRECOVERABLE;
    *ret_zap = loop->zap;
    return 0;
}

struct bus_source *bus_source_new (struct bus_loop *loop, void *socket, int fd, bus_handler *handler,
                                   void *context)
{
    base_assert (loop && handler);
    base_assert (socket || fd >= 0);
    struct bus_source *source = calloc (1, sizeof *source);
    if (!source)
        return NULL;
    source->loop = loop;
    source->socket = socket;
    source->fd = fd;
    source->handler = handler;
    source->context = context;

    struct bus_source **link = &loop->sources;
    while (*link)
        link = &(*link)->next;
    *link = source;
    loop->n_sources++;
    loop->changed = true;
    return source;
}

void bus_source_free (struct bus_source *source, void *memory)
{
    base_assert (source && !source->dead);
    base_assert (source->loop->n_sources > 0);
    struct bus_loop *loop = source->loop;
    source->dead = true;
    source->memory = memory;
    loop->n_sources--;
    loop->changed = true;
    loop->has_dead = true;
    if (!loop->running)
        sources_sweep (loop);
}

static struct bus_source *watch_find (const struct bus_loop *loop, int fd)
{
    base_assert (loop);
    for (struct bus_source *source = loop->sources; source; source = source->next)
        if (!source->dead && !source->socket && source->fd == fd)
            return source;
    return NULL;
}

int bus_watch (struct bus_loop *loop, int fd, bus_handler *handler, void *context)
{
    base_assert (loop && handler);
    if (fd < 0)
        return -EBADF;
    if (watch_find (loop, fd))
        return -EEXIST;
    return bus_source_new (loop, NULL, fd, handler, context) ? 0 : -ENOMEM;
}

void bus_unwatch (struct bus_loop *loop, int fd)
{
    base_assert (loop);
    struct bus_source *source = watch_find (loop, fd);
    if (source)
        bus_source_free (source, NULL);
}

int bus_timer_start (struct bus_loop *loop, uint64_t delay_ms, bus_handler *handler, void *context)
{
    base_assert (loop && handler);
    /*  The clock is cut to whole milliseconds: one more keeps a timer from firing early. */
    uint64_t due_ms = base_time_boot_ms ();
    if (delay_ms > 0)
        due_ms = delay_ms < INT64_MAX / 4 ? due_ms + delay_ms + 1 : INT64_MAX / 4;
    return bus_timers_add (&loop->timers, due_ms, handler, context);
}

void bus_timer_cancel (struct bus_loop *loop, int id)
{
    if (id <= 0)
        return;
    bus_timers_remove (&loop->timers, id);
}

static void signals_ready (void *context)
{
    base_assert (context);
    const struct signals *signals = context;
    bus_signal_handler *handler = signals->handler;
    void *handler_context = signals->context;
    int fd = signals->fd;
    struct signalfd_siginfo info;
    while (read (fd, &info, sizeof info) == (ssize_t) sizeof info)
        handler (handler_context, (int) info.ssi_signo);
}

int bus_signals (struct bus_loop *loop, const int *signals, int count, bus_signal_handler *handler,
                 void *context)
{
    base_assert (loop && handler);
    base_assert (signals && count > 0);
    sigset_t set;
    (void) sigemptyset (&set);
    for (int i = 0; i < count; i++)
        if (sigaddset (&set, signals[i]) < 0)
            return -EINVAL;

    base_cleanup (base_free_p) struct signals *made = calloc (1, sizeof *made);
    if (!made)
        return -ENOMEM;
    base_cleanup (base_close_p) int fd = signalfd (-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    made->fd = fd;
    made->handler = handler;
    made->context = context;
    int r = bus_watch (loop, fd, signals_ready, made);
    if (r < 0)
        return r;
    r = pthread_sigmask (SIG_BLOCK, &set, NULL);
    if (r != 0) {
        bus_unwatch (loop, fd);
        return -r;
    }
    made->next = loop->signals;
    loop->signals = base_take (made);
    (void) base_take_fd (&fd);
    return 0;
}

/*  Updates the poll items to the sources. */
static int poll_items_collect (struct bus_loop *loop)
{
    if (!loop->changed)
        return 0;
    size_t needed = loop->n_sources + 1;
    if (needed > loop->capacity) {
        size_t capacity = needed * 2;
        zmq_pollitem_t *items = realloc (loop->items, capacity * sizeof *items);
        if (!items)
            return -ENOMEM;
        loop->items = items;
        struct bus_source **polled = realloc (loop->polled, capacity * sizeof (struct bus_source *));
        if (!polled)
            return -ENOMEM;
        loop->polled = polled;
        loop->capacity = capacity;
    }

    size_t n = 0;
    loop->polled[n] = NULL;
    loop->items[n++] = (zmq_pollitem_t){.fd = loop->timer_fd, .events = ZMQ_POLLIN};
    for (struct bus_source *source = loop->sources; source; source = source->next) {
        if (source->dead)
            continue;
        loop->polled[n] = source;
        loop->items[n++] = (zmq_pollitem_t){.socket = source->socket, .fd = source->fd, .events = ZMQ_POLLIN};
    }
    base_assert (n == needed && n <= loop->capacity);
    loop->n_items = n;
    loop->changed = false;
    return 0;
}

/*  Sets the timerfd to the next due time. Returns the timeout for polling: 0, or -1 for no timeout. */
static long timerfd_arm (struct bus_loop *loop)
{
    uint64_t due_ms = bus_timers_due (&loop->timers);
    if (due_ms <= base_time_boot_ms ())
        return 0;
    if (due_ms != loop->armed_ms) {
        struct itimerspec when = {0};
        if (due_ms != UINT64_MAX) {
            when.it_value.tv_sec = (time_t) (due_ms / 1000);
            when.it_value.tv_nsec = (long) (due_ms % 1000) * 1000000;
        }
        (void) timerfd_settime (loop->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
        loop->armed_ms = due_ms;
    }
    return -1;
}

static void timers_fire (struct bus_loop *loop)
{
    /*  A timer that a handler starts here fires in the next round, even without a delay: sockets get their
        turn in between. */
    uint64_t now_ms = base_time_boot_ms (), order = loop->timers.next_order;
    bus_handler *handler;
    void *context;
    while (!loop->stopped && bus_timers_take (&loop->timers, now_ms, order, &handler, &context))
        handler (context);
}

static int round_run (struct bus_loop *loop)
{
    int r = poll_items_collect (loop);
    if (r < 0)
        return r;
    if (zmq_poll (loop->items, (int) loop->n_items, timerfd_arm (loop)) < 0)
        return errno == EINTR ? 0 : -errno;

    if (loop->items[0].revents) {
        uint64_t expired;
        (void) !read (loop->timer_fd, &expired, sizeof expired);
        loop->armed_ms = UINT64_MAX;
    }
    timers_fire (loop);
    for (size_t i = 1; i < loop->n_items && !loop->stopped && !loop->is_unchecked; i++) {
        struct bus_source *source = loop->polled[i];
        if (loop->items[i].revents && !source->dead)
            source->handler (source->context);
    }
    return 0;
}

int bus_loop_run (struct bus_loop *loop)
{
    base_assert (loop);
    int r = 0;
    loop->running = true;
    while (r == 0 && !loop->stopped) {
        r = round_run (loop);
        sources_sweep (loop);
        if (loop->is_unchecked)
            r = -ENOTRECOVERABLE;
    }
    loop->running = false;
    loop->stopped = false;
    return r;
}

void bus_loop_stop (struct bus_loop *loop)
{
    base_assert (loop);
    loop->stopped = true;
}
