/* SPDX-License-Identifier: MPL-2.0 */
/*  root/lock.h - one server for each root: the process that holds flock on `.lock` and the root directory

    The lock belongs to an open file, not to a pid. No pid is written to the file: it may be reused before it
    is read, and means another process in the pid namespace of a container. */

#ifndef ROOT_LOCK_H
#define ROOT_LOCK_H

#include "root/root.h"

/*  Takes the lock until the descriptor is closed. The descriptor is close-on-exec and owned by the caller. If
    this process took the lock before an execve and passed it on (root_lock_pass), finds it among its
    descriptors. Returns the descriptor, -EWOULDBLOCK if another process keeps the lock, or -errno. */
int root_lock_take (const struct root *root);

/*  The same. *ret_kept: this process already held the lock, so no other process served the root meanwhile. */
int root_lock_keep (const struct root *root, bool *ret_kept);
/*  If `.lock` was removed or replaced, makes it anew and locks it, for programs that check only this file.
    *lock is the held descriptor, -1 for none; it is replaced by the new one, which the caller owns. Returns 0
    or -errno. */
int root_lock_renew (const struct root *root, int *lock);

/*  The next program that this process executes inherits the lock; or, as at first, it does not. lock: -1 for
    none. */
void root_lock_pass (int lock);
void root_lock_withhold (int lock);

/*  Whether a process serves the root. */
bool root_lock_is_held (const struct root *root);

/*  Finds the version that runs under the lock's holder: its pid and workspace. Returns 0, -ESRCH if it cannot
    be found (as below), or -errno. */
int root_lock_runs (const struct root *root, pid_t *ret_pid, char ret_name[ROOT_NAME_SIZE]);

/*  Sends a signal to exactly the process that holds the lock, and resumes it if it is stopped. Returns 0,
    -ESRCH if it cannot be found (only its own user and root can read its descriptors), or -errno. */
int root_lock_signal (const struct root *root, int signal);

/*  Finds the process that holds the lock. Returns 0, -ESRCH as above, or -errno. */
int root_lock_holder (const struct root *root, pid_t *ret_pid);

/*  `.lock.manager` is held by the node manager itself, also under a launcher, so that two managers never
    serve one root, whatever happened to their launchers. Held until the descriptor is closed; close-on-exec.
    Waits up to 2 s, because the holder may be about to exit. Returns the descriptor, which the caller owns,
    -EWOULDBLOCK or -errno. */
int root_manager_lock_take (const struct root *root);
bool root_manager_lock_is_held (const struct root *root);
int root_manager_lock_holder (const struct root *root, pid_t *ret_pid);

/*  Held while stable is pointed to another version during operation (a revert, the switch of an update), from
    reading the links until they are changed. Waits up to ms. Returns a descriptor that the caller owns,
    -EWOULDBLOCK or another -errno. A revert continues without it: a version that never releases it must not prevent reverts. */
int root_change_lock (const struct root *root, uint64_t ms);

#endif
