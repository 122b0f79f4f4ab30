/* SPDX-License-Identifier: MPL-2.0 */
/*  root/unshare.h - files of workspaces with more than one hard link

    A version that changes its own files must not change another version. Workspaces made by an older noded
    share files, and a candidate could make hard links, too. */

#ifndef ROOT_UNSHARE_H
#define ROOT_UNSHARE_H

#include "root/root.h"

/*  Calls each for every file of a workspace with more than one hard link: its path in the workspace and its
    status. Stops at a non-zero return and returns it. Returns -errno if the workspace cannot be read. */
int root_shared_each (int workspace, int (*each) (void *context, const char *path, const struct stat *status),
                      void *context);

/*  Gives every file of every workspace its own copy. The workspace `last` (may be NULL) is handled last: by
    then most of its files have no other name, and are not copied. A copy that matches the manifest replaces
    the name in one rename, so each workspace is intact at every moment. Files that do not match are left
    unchanged. Needs space for one file at a time. Returns 0 and the number of replaced names, or -errno; the
    rest is then left for the next call. */
int root_unshare (const struct root *root, const char *last, unsigned *ret_count, struct base_error *error);

#endif
