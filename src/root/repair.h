/*  root/repair.h - a root from which nothing starts any more: what `noded install --repair` makes of it

    The last resort. It needs the workspaces alone: no record, no envelope, no setting is read. Its caller holds the
    root's lock. What it changes it tells, a line each, in words that end a sentence: "stable: ...". */

#ifndef ROOT_REPAIR_H
#define ROOT_REPAIR_H

#include "root/root.h"

struct root_repair {
    const struct root *root;
    void (*changed) (void *context, const char *text);
    void *context;
};

/*  Whether anything in a directory is noded's. Where modes keep its owner out they are put right. */
bool root_repair_is_root (const char *path);

/*  Gives the owner of the root and of its places their rights to them, and makes places that are missing. What
    stands in the way of one is kept as NAME.damaged. */
int root_repair_places (const struct root_repair *repair, struct base_error *error);

/*  Calls changed for what root_repair_places would change. served: a manager runs. */
void root_places_check (const struct root_repair *repair, bool served);

/*  The newest workspace that was confirmed once and is whole; where no name says of any that it was, the way back of
    a trial, previous, or stable. Each file is read. Modes that keep a whole one from being started are put right.
    Returns 0, or ROOT_E_NONE. */
int root_repair_choose (const struct root_repair *repair, char ret_name[ROOT_NAME_SIZE]);

/*  Makes it stable, and says that it was confirmed. previous leads to the next best one, where it leads to nothing
    that could be gone back to. A trial that was under way is noted as failed. Then nothing is left of a trial, or of what was being made or removed. At every
    moment stable leads where it led, or to name. */
int root_repair_links (const struct root_repair *repair, const char *name, struct base_error *error);

#endif
