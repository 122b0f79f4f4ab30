/* SPDX-License-Identifier: MPL-2.0 */
/*  rehearsal/snapshot.h - copies of what the next start of this node needs

    For a host where the candidate can write to its parent's root. A snapshot has the settings, the links
    stable, previous and .back (if .back is absent, there is no trial), and every file of the workspaces that
    these links point to. The copies have no name: only descriptors of this process refer to them. */

#ifndef REHEARSAL_SNAPSHOT_H
#define REHEARSAL_SNAPSHOT_H

#include "root/workspace.h"

struct rehearsal_snapshot;

/*  Copies. The caller owns ret_snapshot; root must live as long. Returns 0, or -errno with a sentence. */
int rehearsal_snapshot_make (const struct root *root, struct rehearsal_snapshot **ret_snapshot,
                             struct base_error *error);

/*  Undoes all changes since then. Returns 0 if there were none; ROOT_E_DAMAGED if all were undone, with the
    first one in the error; -errno if one could not be undone. If stable points to what was previous, a person
    has reverted: then stable and previous are not changed. */
int rehearsal_snapshot_restore (struct rehearsal_snapshot *snapshot, struct base_error *error);

/*  Accepts NULL. Returns NULL. */
struct rehearsal_snapshot *rehearsal_snapshot_free (struct rehearsal_snapshot *snapshot);

#endif
