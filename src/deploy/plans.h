/* SPDX-License-Identifier: MPL-2.0 */
/*  deploy/plans.h - the last plans, kept so that clients can list their members */

#ifndef DEPLOY_PLANS_H
#define DEPLOY_PLANS_H

#include "wire/wire.h"

struct deploy_plan {
    struct base_digest hash;
    struct wire_member_state *members; /* owned */
    size_t n_members;
};
void deploy_plan_deinit (struct deploy_plan *plan);

/*  Null value: all zero. */
enum { DEPLOY_PLANS = 4 };
struct deploy_plans {
    struct deploy_plan kept[DEPLOY_PLANS];
    unsigned next; /* the index of the next one */
};
void deploy_plans_deinit (struct deploy_plans *plans);

/*  Takes ownership of a plan, which is null then. Replaces the oldest one. */
void deploy_plans_add (struct deploy_plans *plans, struct deploy_plan *plan);
/*  Returns a plan, or NULL; valid until the next one is added. */
const struct deploy_plan *deploy_plans_find (const struct deploy_plans *plans,
                                             const struct base_digest *hash);

#endif
