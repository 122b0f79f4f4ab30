/* SPDX-License-Identifier: MPL-2.0 */
/*  bus/work.h - a job on a thread of its own, while the loop runs

    For work that waits for the disk: syncs, copies, digests of large files. Until the job is done, no other
    code may use its data. The job does not log. It starts no processes: a child's death signal is sent when
    the thread that started it ends. */

#ifndef BUS_WORK_H
#define BUS_WORK_H

#include "bus/loop.h"

struct bus_work;

/*  Runs job (context) on a thread, then done (context, its result) from the loop. done may free the work.
    Returns 0, -ENOMEM or -errno, with nothing started. */
int bus_work_start (struct bus_loop *loop, int (*job) (void *context),
                    void (*done) (void *context, int result), void *context, struct bus_work **ret_work);

/*  Waits for the job if it still runs; done is not called any more. bus_work_free (NULL) does nothing.
    Returns NULL. */
struct bus_work *bus_work_free (struct bus_work *work);

#endif
