/*  ctl/rollout_follow.h - following a rollout to its end */

#ifndef CTL_ROLLOUT_FOLLOW_H
#define CTL_ROLLOUT_FOLLOW_H

#include "ctl/ctl.h"

/*  What is good: that every wave is through, or that everything is back. */
enum ctl_rollout_goal { CTL_ROLLOUT_TO_DONE, CTL_ROLLOUT_TO_REVERTED };

/*  Shows how it goes on until it is over, is halted and waits for a person, or --timeout has passed. rollout:
    as it was just told. Returns an exit code. */
int ctl_rollout_follow (struct ctl *ctl, const json_t *rollout, enum ctl_rollout_goal goal);

/*  In rollouts.c: the rollout that is named by the beginning of its id. name NULL: the only one that is not
    over; with any, the newest that is not, else the newest. Returns an exit code. */
int ctl_rollout_find (struct ctl *ctl, const char *name, bool any, json_t **ret_rollout);

/*  In rollouts.c: "r-" and digits. A node may be called so, too. */
bool ctl_rollout_is_id (const char *word);

/*  In rollouts.c: `nodectl why ROLLOUT`. */
int ctl_rollout_why (struct ctl *ctl, const json_t *rollout);

#endif
