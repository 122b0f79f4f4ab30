/*  start/descendants.h - all processes below this one, whatever session they are in

    Only for a sub-reaper: then every orphan below has this process as its parent, so that the chain of
    parents leads here. */

#ifndef START_DESCENDANTS_H
#define START_DESCENDANTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*  How many are alive, but without this one (0: none is left out). 0 where /proc cannot be read. */
size_t start_descendants_count (pid_t but);

/*  Sends SIGSTOP to all that run. Returns whether there was one: again, then. What forks on and on leaves
    nothing running in the end: each is stopped as soon as it is seen, which is faster than it forks, and
    nothing that is stopped makes room for another. */
bool start_descendants_stop (void);

/*  Sends SIGKILL to all that can be seen now. */
void start_descendants_kill (void);

#endif
