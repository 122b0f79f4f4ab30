/*  start/child.h - one start of a version: from execve to its end */

#ifndef START_CHILD_H
#define START_CHILD_H

#include "base/process.h"
#include "root/root.h"

enum start_verdict {
    START_ENDED = 1,   /* by itself */
    START_SUPERSEDED,  /* after a person had made another workspace stable */
    START_STOPPED,     /* after it had been asked to stop */
    START_HUNG,        /* not ready in time; killed */
    START_UNCONFIRMED, /* not confirmed in time; killed */
    START_LOST,        /* stable led nowhere any more while it was on trial; killed */
    START_NO_PROGRAM,  /* cannot be executed; error tells why */
};

struct start_ending {
    enum start_verdict verdict;
    struct base_process_end end; /* but with START_NO_PROGRAM */
    struct base_error error;
    bool overdue; /* it did not end in time when it was told to, and was killed */
    bool proven;  /* the disk said, while it ran, that its trial was over and it was stable */
};

/*  Runs the workspace's command and waits for its end. limits: the deadlines of a trial, NULL where there
    is none. signals: from start_signals_take; what init sends is passed on. A version that was asked to
    stop, or to make room for another one, and does not, is killed after 10 s. */
void start_child_run (const struct root *root, const char *workspace, const struct root_limits *limits,
                      int signals, struct start_ending *ret_ending);

/*  Whether the disk says that this workspace is stable and on trial. */
bool start_on_trial (const struct root *root, const char *workspace);

#endif
