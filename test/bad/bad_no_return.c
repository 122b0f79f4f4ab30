/* SPDX-License-Identifier: MPL-2.0 */
/*  test/bad/bad_no_return.c - hands over correctly once; the second time it deletes its own program, to which
    a revert would return

    The first hand-over of a rehearsal ends in a rollback, the second in a revert. A mark in the root
    distinguishes them. */

#include <fcntl.h>
#include <unistd.h>

#include "root/workspace.h"

#define MARK ROOT_VAR "/handed-over"

int __real_root_switch (const struct root *root, const char *name, const struct root_limits *limits,
                        struct base_error *error);

int __wrap_root_switch (const struct root *root, const char *name, const struct root_limits *limits,
                        struct base_error *error)
{
    char own[ROOT_NAME_SIZE] = "";
    (void) root_link (root, ROOT_STABLE, own);
    int rc = __real_root_switch (root, name, limits, error);
    if (rc)
        return rc;
    if (faccessat (root->fd, MARK, F_OK, 0) == 0) {
        int workspace = -1;
        if (root_workspace_open (root, own, &workspace) == 0) {
            (void) unlinkat (workspace, ROOT_PROGRAM, 0);
            (void) close (workspace);
        }
    } else {
        int mark = openat (root->fd, MARK, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        if (mark >= 0)
            (void) close (mark);
    }
    return 0;
}
