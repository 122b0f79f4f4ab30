/* SPDX-License-Identifier: MPL-2.0 */
/*  test/bad/bad_drops_variable.c - stages a release correctly, except that it drops environment variables
    with an empty value */

#include <stdlib.h>
#include <string.h>

#include "root/command.h"

int __real_root_command_pack (const char *program, const char *const *args, size_t n_args,
                              const char *const *env, size_t n_env, struct base_buffer *buffer);

int __wrap_root_command_pack (const char *program, const char *const *args, size_t n_args,
                              const char *const *env, size_t n_env, struct base_buffer *buffer)
{
    const char **kept = calloc (n_env + 1, sizeof *kept);
    size_t count = 0;
    for (size_t i = 0; kept && i < n_env; i++)
        if (strchr (env[i], '=')[1])
            kept[count++] = env[i];
    int rc = __real_root_command_pack (program, args, n_args, kept, count, buffer);
    free (kept);
    return rc;
}
