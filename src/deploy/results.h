/* SPDX-License-Identifier: MPL-2.0 */
/*  deploy/results.h - passes the reports of nodes to the machine of a rollout */

#ifndef DEPLOY_RESULTS_H
#define DEPLOY_RESULTS_H

#include "deploy/rollout.h"

/*  Passes what a member has reported on its order to the machine. Nothing is written yet. */
void deploy_member_look (struct deploy *deploy, struct deploy_rollout *rollout, uint32_t index,
                         uint64_t now_ms);
/*  Compares updated members with the others; to be called from time to time. */
void deploy_rollout_compare (struct deploy *deploy, struct deploy_rollout *rollout, uint64_t now_ms);

#endif
