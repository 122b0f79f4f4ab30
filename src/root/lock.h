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

/*  The same. *ret_kept: whether this process held it already, so that nobody else served the root meanwhile. */
int root_lock_keep (const struct root *root, bool *ret_kept);
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

/*  Sends a signal to the process that holds the lock, and to no other; one that is stopped goes on. Returns 0, -ESRCH where it cannot be
    found (its descriptors can be looked at by its own user and root alone), or -errno. */
int root_lock_signal (const struct root *root, int signal);

/*  The process that holds the lock: 0, -ESRCH as above, or -errno. */
int root_lock_holder (const struct root *root, pid_t *ret_pid);

/*  `.lock.manager`: the node manager holds it for itself, under a launcher too, so that two never serve one root
    whatever became of their launchers. Taken for as long as the descriptor is open; close-on-exec. Who holds it
    may be about to end: waited for, for a moment. Returns the descriptor, for the caller, -EWOULDBLOCK or
    -errno. */
int root_manager_lock_take (const struct root *root);
bool root_manager_lock_is_held (const struct root *root);
int root_manager_lock_holder (const struct root *root, pid_t *ret_pid);

/*  Whoever has stable lead to another version while one runs (a revert, the switch of an update) holds this from
    looking at the links until they are changed. Waits up to ms for it. Returns a descriptor, for the caller, or -1:
    a version that keeps it for itself keeps nobody from reverting. */
int root_change_lock (const struct root *root, uint64_t ms);

#endif
