/* SPDX-License-Identifier: MPL-2.0 */
/*  bus/work.c - a job on a thread of its own, while the loop runs */

#include "bus/work.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"

struct bus_work {
    struct bus_loop *loop;
    int (*job) (void *context);
    void (*done) (void *context, int result);
    void *context;
    pthread_t thread;
    bool joined;
    int fd; /* readable once the job is done */
    int result;
};

static void *work_run (void *context)
{
    struct bus_work *work = context;
    work->result = work->job (work->context);
    (void) eventfd_write (work->fd, 1);
    return NULL;
}

static void work_join (struct bus_work *work)
{
    if (!work->joined)
        (void) pthread_join (work->thread, NULL);
    work->joined = true;
}

static void on_done (void *context)
{
    base_assert (context);
    struct bus_work *work = context;
    bus_unwatch (work->loop, work->fd);
    work_join (work);
    work->done (work->context, work->result);
}

/*  The thread takes no signals: they are for the loop's thread alone. */
static int thread_start (struct bus_work *work)
{
    sigset_t all, before;
    (void) sigfillset (&all);
    (void) pthread_sigmask (SIG_SETMASK, &all, &before);
    int r = pthread_create (&work->thread, NULL, work_run, work);
    (void) pthread_sigmask (SIG_SETMASK, &before, NULL);
    return -r;
}

int bus_work_start (struct bus_loop *loop, int (*job) (void *context),
                    void (*done) (void *context, int result), void *context, struct bus_work **ret_work)
{
    base_assert (loop && ret_work);
    base_assert (job && done);
    base_cleanup (base_free_p) struct bus_work *work = calloc (1, sizeof *work);
    base_cleanup (base_close_p) int fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!work || fd < 0)
        return work ? -errno : -ENOMEM;
    *work = (struct bus_work){.loop = loop, .job = job, .done = done, .context = context, .fd = fd};
    int r = bus_watch (loop, fd, on_done, work);
    if (r < 0)
        return r;
    r = thread_start (work);
    if (r < 0) {
        bus_unwatch (loop, fd);
        return r;
    }
    (void) base_take_fd (&fd);
    *ret_work = base_take (work);
    return 0;
}

struct bus_work *bus_work_free (struct bus_work *work)
{
    if (!work)
        return NULL;
    bus_unwatch (work->loop, work->fd);
    work_join (work);
    (void) close (work->fd);
    free (work);
    return NULL;
}
