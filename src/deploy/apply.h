/* SPDX-License-Identifier: MPL-2.0 */
/*  deploy/apply.h - writes the actions of a rollout's machine, and sends them when they are on
    disk */

#ifndef DEPLOY_APPLY_H
#define DEPLOY_APPLY_H

#include "deploy/rollout.h"

enum { DEPLOY_TURNS_MOST = 32 /* in one transaction */ };

/*  The request of an operator, which is written with its consequences. */
struct deploy_steering {
    enum wire_command command; /* 0: the rollout starts */
    const char *user, *reason;
    /*  Called in the transaction, before the first action. Returns 0 or -errno. */
    int (*begin) (void *context, struct deploy_rollout *rollout, struct base_error *error);
    /*  Called in the transaction, when only the commit is left to do. */
    int (*end) (void *context, struct deploy_rollout *rollout, struct base_error *error);
    void *context;
};

/*  Writes and sends the actions of the machine. by may be NULL. Returns 0, or -errno: nothing has happened,
    and the machine must be loaded again. due_ms is the time of the next check. */
int deploy_rollout_apply (struct deploy *deploy, struct deploy_rollout *rollout,
                          const struct deploy_steering *by, struct base_error *error);

#endif
