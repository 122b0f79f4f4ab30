/*  root/mend.h - putting stable back where nothing can be started through it, and previous where nothing can be
    gone back to

    A link that is gone is no trial that is over: init finds nothing any more, and nothing that looks at
    stable alone tells whether the version that runs was ever proven. Here that is told by what else there
    is. Never makes an unproven workspace stable. */

#ifndef ROOT_MEND_H
#define ROOT_MEND_H

#include "root/root.h"

/*  Whether init could start something through stable: it names a workspace that has its start files. Returns
    0, ROOT_E_NONE (no such link), ROOT_E_DAMAGED (no link, no workspace's name, or nothing to start there)
    or -errno; the error is a sentence. */
int root_stable_check (const struct root *root, struct base_error *error);

/*  Whether anything tells that a workspace is on trial, with stable unable to: a way back to another one; where it
    was never confirmed, that others were, a start that is left, or var/trial. In doubt it is. */
bool root_trial_is_likely (const struct root *root, const char *name);

/*  Points stable to a proven workspace that is whole: the way back of a trial, which ends; else own (may be
    NULL), where its caller knows that it is proven, it was confirmed once, or no other is there; else what
    root_ways_back says. Where a link leads there that takes no space. What has the name stable and is no link is kept as stable.damaged. Returns 0 with what is
    stable now, or ROOT_E_NONE where nothing of all that is there and whole; the error says what to do. */
int root_stable_mend (const struct root *root, const char *own, bool proven, char ret_name[ROOT_NAME_SIZE],
                      struct base_error *error);

/*  Whether a revert could go back through previous. known (may be NULL) is the workspace to which it was seen to
    lead: a root that never had one, or whose known one is stable or gone with its link, has lost nothing.
    Returns 0 with where it leads (empty: nowhere, and rightly so), ROOT_E_NONE (no such link any more),
    ROOT_E_DAMAGED (no link, no workspace's name, nothing to start there, or stable itself) or -errno; the error
    is a sentence. */
int root_previous_check (const struct root *root, const char *known, char ret_name[ROOT_NAME_SIZE],
                         struct base_error *error);

/*  Points previous to known, where that is whole and not stable. What has the name and is no link is kept as
    previous.damaged. Returns 0, ROOT_E_NONE where known is none of that, with the reason, or -errno. */
int root_previous_mend (const struct root *root, const char *known, struct base_error *error);

#endif
