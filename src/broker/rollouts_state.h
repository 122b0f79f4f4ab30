/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/rollouts_state.h - the state of a rollout, for people */

#ifndef BROKER_ROLLOUTS_STATE_H
#define BROKER_ROLLOUTS_STATE_H

#include "broker/rollout.h"

/*  Updates rollout->state from the machine. now_ms: of the clock of rollouts. Returns 0 or -ENOMEM. */
int broker_rollout_describe (struct broker_rollout *rollout, uint64_t now_ms);

#endif
