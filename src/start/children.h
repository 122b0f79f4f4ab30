/*  start/children.h - the children of this process, as the kernel lists them

    The list is read in microseconds, and it is exact for a sub-reaper with one thread: a process hands its children over before it becomes
    a zombie, new children are added at the end, and nobody else removes any. What forks and exits without a pause stays ahead of whoever
    reads /proc, which takes milliseconds; here it is seen. A kernel without CONFIG_PROC_CHILDREN has no list: then every function here
    answers as if there were no children, and /proc (start/descendants.h) is all there is. */

#ifndef START_CHILDREN_H
#define START_CHILDREN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "start/descendants.h"

struct start_children {
    pid_t *pids; /* owned; zombies included */
    size_t count;
};

/*  Null value: all zero. Returns 0, -ENOENT where the kernel has no list, or another -errno. */
int start_children_read (struct start_children *ret_children);
void start_children_deinit (struct start_children *children);

/*  Sends SIGSTOP or SIGKILL to the children of a choice (NULL: all) that are alive, and not stopped already where it is SIGSTOP. Returns
    whether there was one: call it again, since what a child has forked meanwhile may be a child now. */
bool start_children_signal (const struct start_choice *choice, int number);

/*  Stops what is below this process, of a choice, as far as it can be: children in turns with everything below them. Bounded. */
void start_children_freeze (const struct start_choice *choice);

/*  Whether a child of a choice is alive, but without one (0: none is left out). False means that nothing of the choice is below this
    process any more, however fast it forks. */
bool start_children_are_left (const struct start_choice *choice, pid_t but);

#endif
