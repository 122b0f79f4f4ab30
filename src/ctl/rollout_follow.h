/* SPDX-License-Identifier: MPL-2.0 */
/*  ctl/rollout_follow.h - following a rollout to its end */

#ifndef CTL_ROLLOUT_FOLLOW_H
#define CTL_ROLLOUT_FOLLOW_H

#include "ctl/ctl.h"

/*  Which end counts as success: all waves done, or all updated nodes reverted. */
enum ctl_rollout_goal { CTL_ROLLOUT_TO_DONE, CTL_ROLLOUT_TO_REVERTED };

/*  Shows the progress of a rollout until it is over, is halted and needs an operator, or --timeout has
    passed. rollout: as last read; consumed: *rollout becomes NULL. Returns an exit code. */
enum ctl_exit ctl_rollout_follow (struct ctl *ctl, noded_rollout **rollout, enum ctl_rollout_goal goal);

/*  In rollouts.c: finds a rollout by its id or the beginning of it. name NULL: the only rollout that is not
    over; with any, the newest one that is not over, else the newest one. The caller owns *ret_rollout.
    Returns an exit code. */
enum ctl_exit ctl_rollout_find (struct ctl *ctl, const char *name, bool any, noded_rollout **ret_rollout);

/*  In rollouts.c: prints the state of a rollout, or JSON. */
void ctl_rollout_show (struct ctl *ctl, const noded_rollout *rollout);

/*  In rollouts.c: whether word is "r-" and hexadecimal digits. The id of a node may look the same. */
bool ctl_rollout_is_id (const char *word);

/*  In rollouts.c: `nodectl why ROLLOUT`. */
enum ctl_exit ctl_rollout_why (struct ctl *ctl, const noded_rollout *rollout);

/*  For cleanup attributes. */
static inline void ctl_rollout_free_p (noded_rollout **rollout)
{
    noded_rollout_free (*rollout);
}

#endif
