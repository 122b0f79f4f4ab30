/* SPDX-License-Identifier: MPL-2.0 */
/*  root/command.h - the file `command` of a workspace: what the launcher runs

    A sequence of NUL-terminated strings: the file name of the program, the number of arguments in decimal,
    the arguments, then the environment entries. Everything except NUL is preserved, and the launcher needs no
    parser that could fail. The manifest covers this file. */

#ifndef ROOT_COMMAND_H
#define ROOT_COMMAND_H

#include "root/root.h"

struct root_command {
    char *program; /* file name in the workspace */
    char **args;   /* NULL-terminated, without the program */
    char **env;    /* NULL-terminated NAME=VALUE */
};

int root_command_pack (const char *program, const char *const *args, size_t n_args, const char *const *env,
                       size_t n_env, struct base_buffer *buffer);

/*  The caller owns the command. Returns 0, ROOT_E_NONE, ROOT_E_DAMAGED or -errno. */
int root_command_read (int workspace, struct root_command *ret_command, struct base_error *error);
void root_command_deinit (struct root_command *command);

/*  Merges two environments: an entry of overlay replaces the entry of base with the same name. Returns a
    NULL-terminated list that the caller owns, or NULL if out of memory. */
char **root_environment_merge (char *const *base, char *const *overlay);

#endif
