/* SPDX-License-Identifier: MPL-2.0 */
/*  deploy/queue.h - queued rollouts: the rollouts they wait for, and the nodes they take over */

#ifndef DEPLOY_QUEUE_H
#define DEPLOY_QUEUE_H

#include "deploy/rollout.h"

/*  Begins a queued rollout if all its nodes are free; else sets rollout->blocked to the rollout that it waits
    for. Does nothing if the rollout is not queued, or paused. A rollout with spec.supersede takes over nodes
    first. Returns 0 or -errno. */
int deploy_queue_look (struct deploy *deploy, struct deploy_rollout *rollout, struct base_error *error);

#endif
