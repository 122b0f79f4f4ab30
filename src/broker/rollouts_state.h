/*  broker/rollouts_state.h - how a rollout stands, for people */

#ifndef BROKER_ROLLOUTS_STATE_H
#define BROKER_ROLLOUTS_STATE_H

#include "broker/rollout.h"

/*  Brings rollout->state up to date with the machine. now_ms: of the clock of rollouts. Returns 0 or -ENOMEM. */
int broker_rollout_describe (struct broker_rollout *rollout, uint64_t now_ms);

#endif
