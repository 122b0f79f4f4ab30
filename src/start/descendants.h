/*  start/descendants.h - all processes below this one, whatever session they are in

    Only for a sub-reaper: then every orphan below has this process as its parent, so that the chain of
    parents leads here. */

#ifndef START_DESCENDANTS_H
#define START_DESCENDANTS_H

#include <stddef.h>
#include <sys/types.h>

/*  How many are alive, but without this one (0: none is left out). 0 where /proc cannot be read. */
size_t start_descendants_count (pid_t but);

/*  Sends SIGKILL to all that can be seen now. */
void start_descendants_kill (void);

#endif
