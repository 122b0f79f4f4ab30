/* SPDX-License-Identifier: MPL-2.0 */
/*  deploy/queue.h - queued rollouts: what they wait for, and which nodes they take over */

#ifndef DEPLOY_QUEUE_H
#define DEPLOY_QUEUE_H

#include "deploy/rollout.h"

/*  Begins a queued rollout if it need not wait any more; else records what it waits for. Does nothing to
    other rollouts. Returns 0 or -errno. */
int deploy_queue_look (struct deploy *deploy, struct deploy_rollout *rollout, struct base_error *error);

#endif
