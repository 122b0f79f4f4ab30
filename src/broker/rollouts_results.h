/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/rollouts_results.h - passes the reports of nodes to the machine of a rollout */

#ifndef BROKER_ROLLOUTS_RESULTS_H
#define BROKER_ROLLOUTS_RESULTS_H

#include "broker/rollout.h"

/*  Passes what a member has reported on its order to the machine. Nothing is written yet. */
void broker_rollout_look (struct broker *broker, struct broker_rollout *rollout, uint32_t index,
                          uint64_t now_ms);
/*  Compares updated members with the others; to be called from time to time. */
void broker_rollout_compare (struct broker *broker, struct broker_rollout *rollout, uint64_t now_ms);

#endif
