/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/rollouts_request.h - rollouts that operators request: plan, start, steer

    A refusal returns 0, and is in the answer's status and reason; -errno: something could not be read or
    written. */

#ifndef BROKER_ROLLOUTS_REQUEST_H
#define BROKER_ROLLOUTS_REQUEST_H

#include "base/error.h"
#include "wire/wire.h"

struct broker;

int broker_rollout_plan (struct broker *broker, const struct wire_request *request,
                         struct wire_answer *answer, struct base_error *error);
int broker_rollout_start (struct broker *broker, const struct wire_request *request,
                          struct wire_answer *answer, struct base_error *error);
int broker_rollout_steer (struct broker *broker, const struct wire_request *request,
                          struct wire_answer *answer, struct base_error *error);

#endif
