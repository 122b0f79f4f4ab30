/*  start/child.h - one start of a version: from execve to its end */

#ifndef START_CHILD_H
#define START_CHILD_H

#include "base/process.h"
#include "start/sweep.h"
#include "start/trial.h"

enum start_verdict {
    START_ENDED = 1,   /* by itself */
    START_SUPERSEDED,  /* after a person had made another workspace stable */
    START_STOPPED,     /* after it had been asked to stop */
    START_HUNG,        /* not ready in time; killed */
    START_UNCONFIRMED, /* not confirmed in time; killed */
    START_LOST,        /* stable led nowhere any more while it was on trial; killed */
    START_SIGNALLED,   /* on trial, it told its launcher to stop; killed */
    START_NO_PROGRAM,  /* cannot be executed; error tells why */
};

struct start_ending {
    enum start_verdict verdict;
    struct base_process_end end; /* but with START_NO_PROGRAM */
    struct base_error error;
    bool overdue; /* it did not end in time when it was told to, and was killed */
    size_t left;  /* so many processes of it had to be ended behind it */
    bool proven;  /* the disk said, while it ran, that its trial was over and it was stable */
};

struct start_child {
    const struct root *root;
    const char *workspace;
    struct start_trial *trial; /* NULL: it is not on trial */
    const char *other; /* another workspace to which stable may lead all the same; NULL or empty: none */
    const struct start_sweep *sweep;
};

/*  Runs the workspace's command and waits for its end, and for that of all that it left, keepers excepted.
    signals: from start_signals_take; what init sends is passed on. A version that was asked to stop, or to make
    room for another one, and does not, is killed after 10 s, and given up 5 s later. */
void start_child_run (const struct start_child *child, int signals, struct start_ending *ret_ending);

/*  Whether the disk says that this workspace is stable and on trial. */
bool start_on_trial (const struct root *root, const char *workspace);

#endif
