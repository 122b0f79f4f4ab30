/* SPDX-License-Identifier: MPL-2.0 */
/*  deploy/plan.h - plans a rollout from the current records */

#ifndef DEPLOY_PLAN_H
#define DEPLOY_PLAN_H

#include "deploy/rollout.h"
#include "rollout/plan.h"

/*  A plan, and the facts that it was made from. Ids are the owner's: use them at once. */
struct deploy_planned {
    struct rollout_plan plan;
    struct rollout_fact *facts; /* owned */
    uint32_t n_facts;
    char *version; /* owned; of the release */
};
void deploy_planned_deinit (struct deploy_planned *planned);

/*  Returns 0, -errno, or 1 if there is no plan: ret_refusal, which the caller owns, has status and reason. */
int deploy_plan_make (struct deploy *deploy, const struct wire_rollout *spec,
                      struct deploy_planned *ret_planned, struct wire_answer *ret_refusal,
                      struct base_error *error);

/*  Writes why a node is skipped, for a person. Returns text. */
enum { DEPLOY_LEFT_OUT_TEXT = 128 };
const char *deploy_plan_left_out (struct deploy *deploy, const struct deploy_planned *planned, uint32_t index,
                                  char text[DEPLOY_LEFT_OUT_TEXT]);

/*  Makes the message of a plan, on the heap. Returns 0 or -ENOMEM. */
int deploy_plan_show (const struct deploy_planned *planned, struct wire_plan **ret_plan);

/*  Keeps the members of a plan for clients that list them, in the place of the oldest plan. Returns 0 or
    -ENOMEM. */
int deploy_plan_keep (struct deploy *deploy, const struct deploy_planned *planned);

#endif
