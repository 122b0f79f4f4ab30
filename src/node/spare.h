/*  node/spare.h - what the next start of this node needs, kept aside from a candidate that could write to it

    The settings, stable, previous, that nobody is on trial, and every file of their workspaces. The copies
    have no name: they are held by descriptors, and vanish with this process. */

#ifndef NODE_SPARE_H
#define NODE_SPARE_H

#include "root/workspace.h"

struct node_spare;

/*  Returns 0 or -errno (-ENOSPC). */
int node_spare_make (const struct root *root, struct node_spare **ret_spare, struct base_error *error);

/*  Undoes what has changed since. Returns 0 where nothing has, ROOT_E_DAMAGED with what it was where it has
    been undone, -errno where it could not be. Where stable leads to what was previous, both links are left
    alone: a person reverted. */
int node_spare_restore (struct node_spare *spare, struct base_error *error);

/*  Accepts NULL. Returns NULL. */
struct node_spare *node_spare_free (struct node_spare *spare);

#endif
