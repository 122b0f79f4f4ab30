/*  start/keepers.h - which processes outlive the version that started them

    A keeper holds the lock (fcntl) of ROOT/apps/NAME/run/lock and runs a file of ROOT/keepers that has the
    SHA-256 of its content as its name, belongs to the owner of the root, and can be written to by nobody else.
    It is spared with all that is below it; where it leads its process group or its session, with those, too.
    One that leads neither is in the session of the version that started it. */

#ifndef START_KEEPERS_H
#define START_KEEPERS_H

#include "root/root.h"
#include "start/descendants.h"

struct start_keepers {
    struct start_process *items;
    size_t count;
};

/*  Those that run now. */
void start_keepers_find (const struct root *root, struct start_keepers *ret_keepers);
void start_keepers_deinit (struct start_keepers *keepers);

/*  Takes one out. */
void start_keepers_drop (struct start_keepers *keepers, pid_t pid);

/*  Whether a process is one of them, or in the group or session of one. */
bool start_keepers_hold (const struct start_keepers *keepers, const struct start_process *process);

#endif
