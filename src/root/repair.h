/* SPDX-License-Identifier: MPL-2.0 */
/*  root/repair.h - `noded install --repair`: repairs a root from which nothing starts any more

    The last resort. Decides only by the workspaces, the links and the marks (.ok.W, .failed.W, .failed): by
    no record in var/, no envelope and no setting. The caller holds the lock of the root. Each change is
    reported through `changed` as one line: "stable: ...". */

#ifndef ROOT_REPAIR_H
#define ROOT_REPAIR_H

#include "root/root.h"

struct root_repair {
    const struct root *root;
    void (*changed) (void *context, const char *text);
    void *context;
    bool served; /* a manager runs */
};

/*  Whether a directory contains anything of noded. Restores owner permissions if they are missing. */
bool root_repair_is_root (const char *path);

/*  Restores the owner's permissions on the root and its places, and makes missing places. Anything else with
    such a name is kept as NAME.damaged. */
int root_repair_directories (const struct root_repair *repair, struct base_error *error);

/*  Calls changed for each thing that root_repair_directories would change. */
void root_directories_check (const struct root_repair *repair);

/*  Chooses the newest workspace that was confirmed and is intact. If the root has no marks of confirmed
    workspaces: the way back of a trial, previous, or stable. Reads every file. Corrects modes that prevent an
    intact workspace from being started. Returns 0 or ROOT_E_NONE. */
int root_repair_choose (const struct root_repair *repair, char ret_name[ROOT_NAME_SIZE]);

/*  Makes name stable and marks it as confirmed. If previous cannot be used for a revert, points it to the
    next best workspace. Notes a trial under way as failed. Removes the files of trials and unfinished files.
    At every moment stable has its old target or name. */
int root_repair_links (const struct root_repair *repair, const char *name, struct base_error *error);

#endif
