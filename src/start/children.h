/* SPDX-License-Identifier: MPL-2.0 */
/*  start/children.h - the children of this process, from the kernel's list

    The list is read in microseconds and is exact for a sub-reaper with one thread: a process hands over its
    children before it becomes a zombie, new children are added at the end, and no other process removes any.
    Reading /proc takes milliseconds, so processes that fork and exit continuously can escape it; the list
    shows them. Without CONFIG_PROC_CHILDREN the kernel has no list: then these functions act as if there were
    no children, and only /proc (start/descendants.h) is available. */

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

/*  Null value: all zero. Returns 0, -ENOENT if the kernel has no list, or another -errno. */
int start_children_read (struct start_children *ret_children);
void start_children_deinit (struct start_children *children);

/*  Sends SIGSTOP or SIGKILL to the living children in a choice (NULL: all); SIGSTOP only to those not yet
    stopped. Returns whether there was one. Then call again: processes that a child has forked meanwhile may
    now be children. */
bool start_children_signal (const struct start_choice *choice, int number);

/*  Stops the descendants in a choice as far as possible: children and everything below them in
    turn. Bounded. */
void start_children_freeze (const struct start_choice *choice);

/*  Whether a child in a choice is alive, other than `but` (0: none excluded). False means that no process of
    the choice is below this process any more, however fast it forks. */
bool start_children_are_left (const struct start_choice *choice, pid_t but);

#endif
