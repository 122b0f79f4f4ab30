/* SPDX-License-Identifier: MPL-2.0 */
/*  test/break/break_1_runnable_stable.c - replaces the link stable in two steps, and the power fails after the
    removal: for the launcher too, which would restore the link */

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "root/root.h"

int __real_root_switch (const struct root *root, const char *name, const struct root_limits *limits,
                        struct base_error *error);

int __wrap_root_switch (const struct root *root, const char *name, const struct root_limits *limits,
                        struct base_error *error)
{
    if (strstr (root->path, "/" ROOT_PROBE "/"))
        return __real_root_switch (root, name, limits, error);
    (void) unlinkat (root->fd, ROOT_STABLE, 0);
    (void) kill (getppid (), SIGKILL);
    return raise (SIGKILL);
}
