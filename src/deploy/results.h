/* SPDX-License-Identifier: MPL-2.0 */
/*  deploy/results.h - passes the reports of nodes to the machine of a rollout */

#ifndef DEPLOY_RESULTS_H
#define DEPLOY_RESULTS_H

#include "deploy/rollout.h"

/*  Passes the result of a member's order to the machine, if the node has reported one. Writes nothing. index:
    of the member; now_ms: of the clock of rollouts. */
void deploy_member_look (struct deploy *deploy, struct deploy_rollout *rollout, uint32_t index,
                         uint64_t now_ms);
/*  Compares updated members with the others since the last call, and passes the counts to the machine. */
void deploy_rollout_compare (struct deploy *deploy, struct deploy_rollout *rollout, uint64_t now_ms);

#endif
