/* SPDX-License-Identifier: MPL-2.0 */
/*  start/keepers.h - the processes that outlive the version that started them

    A keeper holds the fcntl lock of ROOT/apps/NAME/run/lock and runs a file of ROOT/keepers that is named by
    its SHA-256, belongs to the owner of the root, and is writable only by its owner. It is spared with all
    its descendants. If it leads its process group or session, these are spared too. A keeper that leads
    neither is in the session of the version that started it. */

#ifndef START_KEEPERS_H
#define START_KEEPERS_H

#include "root/root.h"
#include "start/descendants.h"

struct start_keepers {
    struct start_process *items;
    size_t count;
};

/*  Finds the running keepers. */
void start_keepers_find (const struct root *root, struct start_keepers *ret_keepers);
void start_keepers_deinit (struct start_keepers *keepers);

/*  Removes one from the list. */
void start_keepers_drop (struct start_keepers *keepers, pid_t pid);

/*  Whether a process is a keeper, or in the group or session of one. */
bool start_keepers_hold (const struct start_keepers *keepers, const struct start_process *process);

#endif
