/* SPDX-License-Identifier: MPL-2.0 */
/*  deploy/apply.h - writes the actions of the machine of a rollout, and sends them when they are
    on disk */

#ifndef DEPLOY_APPLY_H
#define DEPLOY_APPLY_H

#include "deploy/rollout.h"

enum { DEPLOY_TRANSITIONS_MOST = 32 /* in one transaction */ };

/*  A command of an operator, which is written in one transaction with the actions that follow from it. */
struct deploy_steering {
    enum wire_command command; /* 0: the rollout starts */
    const char *user, *reason;
    /*  Called in the transaction before the first action; may be NULL. Returns 0 or -errno. */
    int (*begin) (void *context, struct deploy_rollout *rollout, struct base_error *error);
    /*  Called in the transaction before the commit; may be NULL. Returns 0 or -errno. */
    int (*end) (void *context, struct deploy_rollout *rollout, struct base_error *error);
    void *context;
};

/*  Writes and sends the actions of the machine, and sets due_ms to the time of the next check. by: NULL
    without a command. Returns 0, or -errno: nothing was written or sent, and the machine must be loaded
    again. */
int deploy_rollout_apply (struct deploy *deploy, struct deploy_rollout *rollout,
                          const struct deploy_steering *by, struct base_error *error);

#endif
