/*  node/self.h - what this process runs as: its workspace, envelope, program, arguments and environment */

#ifndef NODE_SELF_H
#define NODE_SELF_H

#include "root/workspace.h"

struct node_self {
    char workspace[ROOT_NAME_SIZE];
    struct wire_installed installed;
    struct base_digest binary;   /* of /proc/self/exe: what really runs */
    struct base_digest manifest; /* of the workspace's manifest */
    char **args;                 /* as they arrived, from /proc/self/cmdline */
    char **env;                  /* as it arrived, from /proc/self/environ */
    char **hidden; /* what init gave the launcher, and the envelope sets, too; NULL: nothing is known */
};

/*  Reads all of it. Returns 0, -errno, or a ROOT_E_ code where the program does not run from a workspace
    of this root. */
int node_self_load (const struct root *root, struct node_self *ret_self, struct base_error *error);
void node_self_deinit (struct node_self *self);

/*  The environment for a program that is started as if by this process's init: what init gave the launcher, without
    what the launcher, the envelope and init's own notification protocols put in. NULL-terminated, for the caller; NULL where
    memory is out. */
char **node_self_pristine_env (const struct node_self *self);

/*  Where a content lies in the root: a file of a retained workspace, the running one first (with distrust,
    only where its file fits); in another one it is read, and passed over where it is damaged. Returns 0
    with the workspace's name and the path in it, or ROOT_E_NONE. */
struct node_place {
    char workspace[ROOT_NAME_SIZE];
    char path[300];
};
int node_self_find (const struct root *root, const struct node_self *self, const struct base_digest *digest,
                    bool distrust, struct node_place *ret_place);

/*  The same within one installed envelope; path gets the file's name in the workspace. */
bool node_installed_find (const struct wire_installed *installed, const struct base_digest *digest,
                          char path[300]);

/*  "linux/amd64": what this program was built for. */
const char *node_platform (void);

#endif
