/* SPDX-License-Identifier: MPL-2.0 */
/*  test/break/break_8_revert.c - deletes the version that a revert needs */

#include <string.h>

#include "root/workspace.h"

int __wrap_root_collect (const struct root *root, unsigned keep, unsigned *ret_removed,
                         struct base_error *error)
{
    char previous[ROOT_NAME_SIZE];
    (void) keep;
    *ret_removed = 0;
    if (root_link (root, ROOT_PREVIOUS, previous) == 0) {
        (void) disk_tree_remove (root->disk, root->fd, previous, error);
        *ret_removed = 1;
    }
    return 0;
}
