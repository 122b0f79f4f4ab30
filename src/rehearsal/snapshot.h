/* SPDX-License-Identifier: MPL-2.0 */
/*  rehearsal/snapshot.h - copies of what the next start of this node needs, safe from a candidate that could write to
    the root

    It keeps the settings, the links stable, previous and .back (its absence: no trial), and every file of the
    workspaces that they point to. The copies have no name: descriptors hold them, and they vanish with this
    process. */

#ifndef REHEARSAL_SNAPSHOT_H
#define REHEARSAL_SNAPSHOT_H

#include "root/workspace.h"

struct rehearsal_snapshot;

/*  Returns 0 or -errno (-ENOSPC). */
int rehearsal_snapshot_make (const struct root *root, struct rehearsal_snapshot **ret_snapshot,
                             struct base_error *error);

/*  Undoes all changes since then. Returns 0 if there were none; ROOT_E_DAMAGED with the first of them if all
    were undone; another error if they could not be undone. If stable points to what was previous, stable and
    previous are left alone: a person reverted. */
int rehearsal_snapshot_restore (struct rehearsal_snapshot *snapshot, struct base_error *error);

/*  Accepts NULL. Returns NULL. */
struct rehearsal_snapshot *rehearsal_snapshot_free (struct rehearsal_snapshot *snapshot);

#endif
