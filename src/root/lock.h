/*  root/lock.h - one server a root: who holds `.lock` and the root's directory (flock) serves it

    The lock belongs to an open file, not to a pid: nothing is written into the file, since a pid is another
    process's as soon as it is read, or means another one in the name space of a container. */

#ifndef ROOT_LOCK_H
#define ROOT_LOCK_H

#include "root/root.h"

/*  Takes it for as long as the descriptor is open; close-on-exec. What this very process held before it
    executed another program, and let through (root_lock_pass), is found among its descriptors. Returns the
    descriptor, for the caller, -EWOULDBLOCK where another process has it and keeps it, or -errno. */
int root_lock_take (const struct root *root);

/*  Where `.lock` was removed, or is another file: makes it anew and takes it, for programs that look at the file
    alone. *lock is the one that is held, -1 for none; what is taken is for the caller. Returns 0 or -errno. */
int root_lock_renew (const struct root *root, int *lock);

/*  Whether the next program that this process executes inherits the lock. */
void root_lock_pass (int lock, bool pass);

/*  Whether somebody serves the root. */
bool root_lock_is_held (const struct root *root);

/*  The version that runs for whoever holds the lock: its process and its workspace. Returns 0, -ESRCH where it
    cannot be found (as below), or -errno. */
int root_lock_runs (const struct root *root, pid_t *ret_pid, char ret_name[ROOT_NAME_SIZE]);

/*  Sends a signal to the process that holds the lock, and to no other. Returns 0, -ESRCH where it cannot be
    found (its descriptors can be looked at by its own user and root alone), or -errno. */
int root_lock_signal (const struct root *root, int signal);

#endif
