/* SPDX-License-Identifier: MPL-2.0 */
/*  start/child.h - one start of a version, from execve to its end

    The launcher runs the version as its child and kills it if it misses a deadline. */

#ifndef START_CHILD_H
#define START_CHILD_H

#include "base/process.h"
#include "start/sweep.h"
#include "start/trial.h"

enum start_verdict {
    START_ENDED = 1,   /* by itself */
    START_SUPERSEDED,  /* after another workspace was made stable */
    START_STOPPED,     /* after init asked to stop */
    START_HUNG,        /* not ready in time; killed */
    START_UNCONFIRMED, /* not confirmed in time; killed */
    START_LOST,        /* stable was dangling during the trial; killed */
    START_SIGNALLED,   /* it sent its launcher a stop signal on trial; killed */
    START_NO_PROGRAM,  /* cannot be executed; reason in error */
};

struct start_ending {
    enum start_verdict verdict;
    struct base_process_end end; /* not set for START_NO_PROGRAM */
    struct base_error error;
    bool overdue; /* killed because it did not end in time when asked */
    size_t left;  /* number of its processes that had to be ended after it */
    bool proven;  /* during its run the disk showed that its trial was over and it was stable */
};

struct start_child {
    const struct root *root;
    const char *workspace;
    struct start_trial *trial; /* NULL: not on trial */
    const char *other;         /* another workspace that stable may point to; NULL or empty: none */
    const struct start_sweep *sweep;
};

/*  Runs the command of the workspace and waits until it and all its descendants, except keepers, have ended.
    signals: from start_signals_take; signals from init are passed on. A version that does not end 10 s after
    it was asked to stop, or to make way for another one, is killed, and given up 5 s later. */
void start_child_run (const struct start_child *child, int signals, struct start_ending *ret_ending);

/*  Whether the disk shows this workspace as stable and on trial. */
bool start_on_trial (const struct root *root, const char *workspace);

#endif
