/* SPDX-License-Identifier: MPL-2.0 */
/*  root/links.h - repairs stable if nothing can be started through it, and previous if no revert could use it

    A missing stable does not end a trial: init has nothing to start, and stable no longer shows whether the
    running version was ever proven. These functions decide by the other files of the root. They never make an
    unproven workspace stable. */

#ifndef ROOT_LINKS_H
#define ROOT_LINKS_H

#include "root/root.h"

/*  Whether init can start something through stable: it names a workspace with start files. Returns 0,
    ROOT_E_NONE (no stable), ROOT_E_DAMAGED (not a link, not the name of a workspace, or no start files there)
    or -errno; the error is a sentence. */
int root_stable_check (const struct root *root, struct base_error *error);

/*  Whether a workspace is probably on trial although stable cannot show it: .back names another workspace; or
    this one was never confirmed, and there is a confirmed workspace, a token, a damaged .back or a var/trial
    for this one. If in doubt, true. */
bool root_trial_is_likely (const struct root *root, const char *name);

/*  The caller's own workspace. */
struct root_own {
    const char *name;
    bool proven; /* the caller knows that it is */
};

/*  Points stable to a proven and intact workspace. First choice: the way back of a trial, which ends then.
    Second: own (may be NULL), if it is known to be proven, if it was confirmed, or if it is the only
    workspace. Then those of root_fallbacks. Needs no space if an existing link can be renamed. If stable
    is not a link, it is kept as stable.damaged. Returns 0 and the new stable, or ROOT_E_NONE if no workspace
    qualifies; the error says what to do. */
int root_stable_repair (const struct root *root, const struct root_own *own, char ret_name[ROOT_NAME_SIZE],
                        struct base_error *error);

/*  Whether previous can be used for a revert. known (may be NULL) is the workspace that it was known to
    name: nothing is lost if there never was one, if it is stable now, or if its workspace was removed too.
    Returns 0 and the target (empty: none, rightly), ROOT_E_NONE (the link is lost), ROOT_E_DAMAGED (not a
    link, not the name of a workspace, no start files there, or the same as stable) or -errno; the error is
    a sentence. */
int root_previous_check (const struct root *root, const char *known, char ret_name[ROOT_NAME_SIZE],
                         struct base_error *error);

/*  Points previous to known if that is intact and not stable. If previous is not a link, it is kept as
    previous.damaged. Returns 0, ROOT_E_NONE with the reason if known does not qualify, or -errno. */
int root_previous_repair (const struct root *root, const char *known, struct base_error *error);

#endif
