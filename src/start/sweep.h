/*  start/sweep.h - nothing of a version outlives it, keepers (start/keepers.h) excepted

    What is below this process is found by ancestry. After a launcher that was killed there is no such chain:
    then by the variables that a launcher gives every version, which what it starts inherits. What has neither,
    or changed them, is found where it holds a lock of the root. */

#ifndef START_SWEEP_H
#define START_SWEEP_H

#include "root/root.h"
#include "start/descendants.h"

struct start_sweep {
    const struct root *root;
    struct start_process *helpers; /* children that were there before any version; owned */
    size_t n_helpers;
    bool locked; /* nobody else serves the root: what is left of a version here may be ended */
};

/*  Ends what launchers before this one left, and remembers what else was started by whoever started this process
    (a run script may have a logger as its child). locked: whether this process holds the root's lock; kept: since
    it ran another launcher, which left nothing. */
void start_sweep_begin (struct start_sweep *sweep, const struct root *root, bool locked, bool kept);
void start_sweep_deinit (struct start_sweep *sweep);

/*  Before a version starts: sees to it that nobody else holds the manager's lock. */
void start_sweep_lock (const struct start_sweep *sweep);

/*  After a version has ended: stops what it left, so that no more signals come from there. */
void start_sweep_hold (const struct start_sweep *sweep);

/*  After a version has ended: ends what it left. Takes at most some seconds; says what did not end. keep: a child
    that is not reaped (0: none). Returns how many had to be ended; where the version was told to stop, they have a
    moment to end by themselves. */
size_t start_sweep_end (const struct start_sweep *sweep, const char *workspace, pid_t keep, bool stopped);

/*  Whether the root's lock is held by what a version of this root left; it is ended then. */
bool start_sweep_holder (const struct root *root);

#endif
