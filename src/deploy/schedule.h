/* SPDX-License-Identifier: MPL-2.0 */
/*  deploy/schedule.h - continues rollouts, and schedules their next checks */

#ifndef DEPLOY_SCHEDULE_H
#define DEPLOY_SCHEDULE_H

#include "deploy/apply.h"

/*  Requests a call of deploy_tick at at_ms of the clock or earlier. */
void deploy_tick_want (struct deploy *deploy, uint64_t at_ms);

/*  Requests a check of the rollout at at_ms of the clock. */
void deploy_rollout_due (struct deploy *deploy, struct deploy_rollout *rollout, uint64_t at_ms);

/*  Writes and sends the actions of a rollout, with the command of an operator (NULL: none). Schedules its
    next check, and checks of the queued rollouts that may wait for it. Returns 0 or -errno, as
    deploy_rollout_apply. */
int deploy_rollout_advance (struct deploy *deploy, struct deploy_rollout *rollout,
                            const struct deploy_steering *by, struct base_error *error);

/*  Marks the rollout as broken: its machine is ahead of the disk. It is loaded again after a second. */
void deploy_rollout_broken (struct deploy *deploy, struct deploy_rollout *rollout);

#endif
