/* SPDX-License-Identifier: MPL-2.0 */
/*  deploy/schedule.h - lets a rollout continue, and has it checked when something is due */

#ifndef DEPLOY_SCHEDULE_H
#define DEPLOY_SCHEDULE_H

#include "deploy/apply.h"

/*  Has deploy_tick called at at_ms of the clock, or earlier. */
void deploy_tick_want (struct deploy *deploy, uint64_t at_ms);

/*  Has the rollout checked at at_ms. */
void deploy_rollout_due (struct deploy *deploy, struct deploy_rollout *rollout, uint64_t at_ms);

/*  Lets a rollout continue, with the command of an operator (NULL: none), and schedules its next check, and
    that of the queued rollouts that may have waited for it. Returns 0 or -errno, as deploy_rollout_apply. */
int deploy_rollout_advance (struct deploy *deploy, struct deploy_rollout *rollout,
                            const struct deploy_steering *by, struct base_error *error);

/*  Marks the rollout to be loaded again: its machine is ahead of the disk. */
void deploy_rollout_broken (struct deploy *deploy, struct deploy_rollout *rollout);

#endif
