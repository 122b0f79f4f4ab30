/* SPDX-License-Identifier: MPL-2.0 */
/*  deploy/request.h - rollouts that operators request: plan, start, steer

    Each fills its answer and returns 0 or -errno. A refusal returns 0: it is in status and reason of the
    answer. A repeated start or command is recognized by its key, and gets the same answer. */

#ifndef DEPLOY_REQUEST_H
#define DEPLOY_REQUEST_H

#include "base/error.h"
#include "wire/wire.h"

struct deploy;

int deploy_request_plan (struct deploy *deploy, const struct wire_plan_rollout *request,
                         struct wire_planned *answer, struct base_error *error);
int deploy_request_start (struct deploy *deploy, const struct wire_start_rollout *request,
                          struct wire_started *answer, struct base_error *error);
int deploy_request_steer (struct deploy *deploy, const struct wire_steer_rollout *request,
                          struct wire_steered *answer, struct base_error *error);

#endif
