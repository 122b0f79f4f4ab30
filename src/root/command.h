/*  root/command.h - the file `command` of a workspace: what the launcher runs

    Strings, each closed by a NUL: the program's file name, the number of arguments in decimal, the
    arguments, then the environment entries. So anything but NUL arrives unchanged, and the launcher needs
    no parser that could fail. Covered by the manifest. */

#ifndef ROOT_COMMAND_H
#define ROOT_COMMAND_H

#include "root/root.h"

struct root_command {
    char *program; /* file name in the workspace */
    char **args;   /* NULL-terminated, without the program */
    char **env;    /* NULL-terminated NAME=VALUE */
};

int root_command_pack (const char *program, char *const *args, size_t n_args, char *const *env, size_t n_env,
                       struct base_buffer *buffer);

/*  Returns 0, ROOT_E_NONE, ROOT_E_DAMAGED or -errno; the caller owns the command. */
int root_command_read (int workspace, struct root_command *ret_command, struct base_error *error);
void root_command_deinit (struct root_command *command);

/*  base with the entries of overlay over it, by name: a NULL-terminated list for the caller. NULL where
    memory is out. */
char **root_environment_merge (char *const *base, char *const *overlay);

#endif
