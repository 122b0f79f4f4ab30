/* SPDX-License-Identifier: MPL-2.0 */
/*  test/bad/bad_changes_argument.c - stages a release correctly, except that it cuts arguments at their first
    newline */

#include <stdlib.h>
#include <string.h>

#include "root/command.h"

int __real_root_command_pack (const char *program, const char *const *args, size_t n_args,
                              const char *const *env, size_t n_env, struct base_buffer *buffer);

int __wrap_root_command_pack (const char *program, const char *const *args, size_t n_args,
                              const char *const *env, size_t n_env, struct base_buffer *buffer)
{
    char **cut = calloc (n_args + 1, sizeof *cut);
    for (size_t i = 0; cut && i < n_args; i++)
        cut[i] = strndup (args[i], strcspn (args[i], "\n"));
    int rc = __real_root_command_pack (program, (const char *const *) cut, n_args, env, n_env, buffer);
    for (size_t i = 0; cut && i < n_args; i++)
        free (cut[i]);
    free (cut);
    return rc;
}
