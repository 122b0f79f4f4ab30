/* SPDX-License-Identifier: MPL-2.0 */
/*  deploy/plan.h - plans a rollout from the current records */

#ifndef DEPLOY_PLAN_H
#define DEPLOY_PLAN_H

#include "deploy/rollout.h"
#include "rollout/plan.h"

/*  A plan and its facts. The ids in the facts are the owner's, and valid until the owner changes its
    nodes. */
struct deploy_planned {
    struct rollout_plan plan;
    struct rollout_fact *facts; /* owned */
    uint32_t n_facts;
    char *version; /* owned; of the release */
};
void deploy_planned_deinit (struct deploy_planned *planned);

/*  Makes a plan. The caller owns *ret_planned and *ret_refusal. Returns 0, -errno, or DEPLOY_E_REFUSED:
    ret_refusal has status and reason. */
int deploy_plan_make (struct deploy *deploy, const struct wire_rollout *spec,
                      struct deploy_planned *ret_planned, struct wire_answer *ret_refusal,
                      struct base_error *error);

enum { DEPLOY_SKIPPED_TEXT = 128 };

/*  Writes why a node is skipped, for a person. index: in plan.skipped. Returns text. */
const char *deploy_plan_skipped (struct deploy *deploy, const struct deploy_planned *planned, uint32_t index,
                                 char text[DEPLOY_SKIPPED_TEXT]);

/*  Makes the message of a plan, which the caller owns. Returns 0 or -ENOMEM. */
int deploy_plan_show (const struct deploy_planned *planned, struct wire_plan **ret_plan);

/*  Keeps the members of a plan for clients that list them. Replaces the oldest kept plan. Returns 0 or
    -ENOMEM. */
int deploy_plan_keep (struct deploy *deploy, const struct deploy_planned *planned);

#endif
