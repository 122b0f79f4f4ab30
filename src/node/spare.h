/* SPDX-License-Identifier: MPL-2.0 */
/*  node/spare.h - copies of what the next start of this node needs, safe from a candidate that could write to
    the root

    It keeps the settings, the links stable, previous and .back (its absence: no trial), and every file of the
    workspaces that they point to. The copies have no name: descriptors hold them, and they vanish with this
    process. */

#ifndef NODE_SPARE_H
#define NODE_SPARE_H

#include "root/workspace.h"

struct node_spare;

/*  Returns 0 or -errno (-ENOSPC). */
int node_spare_make (const struct root *root, struct node_spare **ret_spare, struct base_error *error);

/*  Undoes all changes since then. Returns 0 if there were none; ROOT_E_DAMAGED with the first of them if all
    were undone; another error if they could not be undone. If stable points to what was previous, stable and
    previous are left alone: a person reverted. */
int node_spare_restore (struct node_spare *spare, struct base_error *error);

/*  Accepts NULL. Returns NULL. */
struct node_spare *node_spare_free (struct node_spare *spare);

#endif
