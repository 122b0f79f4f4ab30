/*  base/self.h - what this process runs as, from /proc */

#ifndef BASE_SELF_H
#define BASE_SELF_H

#include "base/digest.h"

/*  Arguments and environment as they arrived: what the process has changed since is not in them. Free with
    base_list_free. Return 0 or -errno. */
int base_self_args (char ***ret_args);
int base_self_env (char ***ret_env);

/*  Of the program that really runs, whatever lies under its name by now. Returns 0 or -errno. */
int base_self_digest (struct base_digest *ret_digest);

#endif
