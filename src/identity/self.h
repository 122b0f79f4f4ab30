/* SPDX-License-Identifier: MPL-2.0 */
/*  identity/self.h - what this process runs as: workspace, envelope, program, arguments and environment */

#ifndef IDENTITY_SELF_H
#define IDENTITY_SELF_H

#include "root/workspace.h"

/*  A version that runs. */
struct identity_running {
    char workspace[ROOT_NAME_SIZE];  /* empty: none runs */
    struct wire_installed installed; /* envelope NULL: none runs */
    struct base_digest binary;       /* of the program that really runs */
};

struct identity_self {
    struct identity_running running; /* its binary is the digest of /proc/self/exe */
    struct base_digest manifest;     /* of the workspace's manifest */
    char **args;                     /* as received, from /proc/self/cmdline */
    char **env;                      /* as received, from /proc/self/environ */
    char **hidden; /* init's values of variables that the envelope sets, too; NULL: not known */
};

/*  Reads all of it. The caller frees ret_self with identity_self_deinit. Returns 0, -errno, or a ROOT_E_ code
    if the program does not run from a workspace of this root. */
int identity_self_load (const struct root *root, struct identity_self *ret_self, struct base_error *error);
void identity_self_deinit (struct identity_self *self);

/*  Returns the environment for a program that is started as if by this process's init: that which init gave
    the launcher, without the variables of the launcher, of the envelope and of init's own notification
    protocols. NULL-terminated; the caller frees it with base_list_free. NULL: out of memory. */
char **identity_self_pristine_env (const struct identity_self *self);

/*  Finds a blob among the files of the retained workspaces, in the running one first. The file of the running
    one is verified only if distrust is true. A file of another workspace is always verified, and skipped if
    it is damaged. Returns 0 with the workspace's name and the path in it, or ROOT_E_NONE. */
struct identity_source {
    char workspace[ROOT_NAME_SIZE];
    char path[300];
};
int identity_running_find (const struct root *root, const struct identity_running *running,
                           const struct base_digest *digest, bool distrust,
                           struct identity_source *ret_source);

/*  The same within one installed envelope; nothing is verified. path: the file's name in the workspace.
    Returns whether it was found. */
bool identity_installed_find (const struct wire_installed *installed, const struct base_digest *digest,
                              char path[300]);

/*  Returns the platform that this program was built for, such as "linux/amd64". */
const char *identity_platform (void);

#endif
