/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/rollouts_plan.h - plans a rollout from the current records */

#ifndef BROKER_ROLLOUTS_PLAN_H
#define BROKER_ROLLOUTS_PLAN_H

#include "rollout/plan.h"
#include "wire/wire.h"

struct broker;

/*  A plan, and the facts that it was made from. Ids point into the registry: use them at once. */
struct broker_planned {
    struct rollout_plan plan;
    struct rollout_fact *facts; /* owned */
    uint32_t n_facts;
    char *version; /* owned; of the release */
};
void broker_planned_deinit (struct broker_planned *planned);

/*  Returns 0, -errno, or 1 if there is no plan: the answer says why. */
int broker_plan_make (struct broker *broker, const struct wire_request *request,
                      struct broker_planned *ret_planned, struct wire_answer *answer,
                      struct base_error *error);

/*  Writes why a node is skipped, for a person. Returns text. */
enum { BROKER_LEFT_OUT_TEXT = 128 };
const char *broker_plan_left_out (struct broker *broker, const struct broker_planned *planned, uint32_t index,
                                  char text[BROKER_LEFT_OUT_TEXT]);

/*  Copies the plan into the answer. Returns 0 or -ENOMEM. */
int broker_plan_show (const struct broker_planned *planned, struct wire_answer *answer);

/*  A plan that was made, so that its members can be listed. */
struct broker_plan {
    struct base_digest hash;
    struct wire_member_state *members; /* owned */
    size_t n_members;
};

/*  The plans that were made last. */
enum { BROKER_PLANS = 4 };
struct broker_plans {
    struct broker_plan kept[BROKER_PLANS];
    unsigned next; /* the index of the next one */
};
void broker_plans_deinit (struct broker_plans *plans);

/*  Keeps the members of a plan for clients that list them, in the place of the oldest plan. Returns 0 or
    -ENOMEM. */
int broker_plan_keep (struct broker *broker, const struct broker_planned *planned);
/*  Returns a plan that is kept, or NULL; it stays the broker's, until the next one is kept. */
const struct broker_plan *broker_plan_find (const struct broker *broker, const struct base_digest *hash);

#endif
