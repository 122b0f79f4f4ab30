/* SPDX-License-Identifier: MPL-2.0 */
/*  deploy/state.h - the state of a rollout, for people */

#ifndef DEPLOY_STATE_H
#define DEPLOY_STATE_H

#include "deploy/rollout.h"

/*  Updates rollout->state from the machine and the members. now_ms: of the clock of rollouts. Returns 0 or
    -ENOMEM: then only a part is updated. */
int deploy_rollout_describe (struct deploy_rollout *rollout, uint64_t now_ms);

#endif
