/*  root/unshare.h - files that more than one name leads to

    What a version does to its own files must not reach another version. Workspaces made by an older noded have
    files in common, and a candidate could make such names, too. */

#ifndef ROOT_UNSHARE_H
#define ROOT_UNSHARE_H

#include "root/root.h"

/*  Calls each for every file of a workspace that has another name: path in the workspace, and the status of the
    file. Stops at a non-zero return and returns it. Returns -errno where the workspace cannot be read. */
int root_shared_each (int workspace, int (*each) (void *context, const char *path, const struct stat *status),
                      void *context);

/*  Gives every file of every workspace a copy of its own, last those of the workspace `last` (may be NULL): most
    of its files are the only ones of their kind then, and stay. A copy that fits the manifest takes the place of
    the name in one rename, so that each workspace is whole at every moment; what does not fit stays as it is.
    Space for one file at a time is needed. Returns 0 with the number of names that were changed, or -errno,
    with the rest left for another time. */
int root_unshare (const struct root *root, const char *last, unsigned *ret_count, struct base_error *error);

#endif
