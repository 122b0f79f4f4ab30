/*  broker/rollouts_results.h - what nodes tell, as the machine of a rollout understands it */

#ifndef BROKER_ROLLOUTS_RESULTS_H
#define BROKER_ROLLOUTS_RESULTS_H

#include "broker/rollout.h"

/*  Takes into the machine what a member has told of its order. Nothing is written yet. */
void broker_rollout_look (struct broker *broker, struct broker_rollout *rollout, uint32_t index,
                          uint64_t now_ms);
/*  Compares updated members with the others; to be called once in a while. */
void broker_rollout_compare (struct broker *broker, struct broker_rollout *rollout, uint64_t now_ms);

#endif
