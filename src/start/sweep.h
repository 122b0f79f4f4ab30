/* SPDX-License-Identifier: MPL-2.0 */
/*  start/sweep.h - ends every process that a version left, except keepers (start/keepers.h)

    Descendants of this process are found by ancestry. If a launcher was killed, this chain is broken: then
    processes are found by the variables that a launcher gives every version and that descendants inherit.
    Processes without these variables are found by the locks of the root that they hold. */

#ifndef START_SWEEP_H
#define START_SWEEP_H

#include "root/root.h"
#include "start/descendants.h"

struct start_sweep {
    const struct root *root;
    struct start_process *helpers; /* children that existed before any version; owned */
    size_t n_helpers;
    bool locked; /* no other process serves the root, so a version's remaining processes may be ended */
};

/*  How this process has the lock of the root. */
enum start_lock {
    START_LOCK_NONE,
    START_LOCK_TAKEN,
    START_LOCK_KEPT, /* it held it before an execve, as another launcher, which left nothing */
};

/*  Ends what earlier launchers left, and records the other children of this process (a run script may have
    started a logger before exec). */
void start_sweep_begin (struct start_sweep *sweep, const struct root *root, enum start_lock lock);
void start_sweep_deinit (struct start_sweep *sweep);

/*  Before a version starts: ends any other holder of the manager lock. */
void start_sweep_lock (const struct start_sweep *sweep);

/*  After a version has ended: stops its remaining processes, so that they send no more signals. */
void start_sweep_hold (const struct start_sweep *sweep);

/*  After a version has ended: ends its remaining processes, in at most 30 s, and logs those that did not end.
    keep: a child that is not reaped (0: none). Returns the number that had to be ended. */
enum start_sweep_pace {
    START_SWEEP_AT_ONCE,
    START_SWEEP_LINGER, /* they get 100 ms to end by themselves: the version was asked to stop */
};
size_t start_sweep_end (const struct start_sweep *sweep, const char *workspace, pid_t keep,
                        enum start_sweep_pace pace);

/*  Whether the lock of the root was held by a process that an earlier version left. Ends that process. */
bool start_sweep_holder (const struct root *root);

#endif
