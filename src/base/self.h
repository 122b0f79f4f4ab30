/* SPDX-License-Identifier: MPL-2.0 */
/*  base/self.h - arguments, environment and digest of this process; forced exit */

#ifndef BASE_SELF_H
#define BASE_SELF_H

#include <stdint.h>

#include "base/digest.h"

/*  Arguments and environment as given at execve; later changes by the process are not included. Free with
    base_list_free. Return 0 or -errno. */
int base_self_args (char ***ret_args);
int base_self_env (char ***ret_env);

/*  The environment that the parent process was given at execve. Otherwise as above. */
int base_self_parent_env (char ***ret_env);

/*  Digest of the running program, even if its file has been replaced or removed. Returns 0 or -errno. */
int base_self_digest (struct base_digest *ret_digest);

/*  Ends this process in ms milliseconds at the latest, with this exit status (0 to 255), even if threads
    still block. Exit handlers do not run. Cannot be undone. Returns 0 or -errno. */
int base_self_exit_within (uint64_t ms, int status);

#endif
