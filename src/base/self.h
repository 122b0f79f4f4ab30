/*  base/self.h - this process: what it runs as, from /proc, and its end */

#ifndef BASE_SELF_H
#define BASE_SELF_H

#include <stdint.h>

#include "base/digest.h"

/*  Arguments and environment as they arrived: what the process has changed since is not in them. Free with
    base_list_free. Return 0 or -errno. */
int base_self_args (char ***ret_args);
int base_self_env (char ***ret_env);

/*  The same of the environment that the parent of this process was given. */
int base_self_parent_env (char ***ret_env);

/*  Of the program that really runs, whatever lies under its name by now. Returns 0 or -errno. */
int base_self_digest (struct base_digest *ret_digest);

/*  For a process that is about to end: it does so after that time at the latest, with this exit status (0 to
    255), whatever its threads still wait for, and without exit handlers. For good: that cannot be taken
    back. Returns 0 or -errno. */
int base_self_exit_within (uint64_t ms, int status);

#endif
