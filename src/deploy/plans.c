/* SPDX-License-Identifier: MPL-2.0 */
/*  deploy/plans.c - the last plans */

#include "deploy/plans.h"

#include <stdlib.h>

#include "base/assert.h"

void deploy_plan_deinit (struct deploy_plan *plan)
{
    base_assert (plan);
    for (size_t i = 0; i < plan->n_members; i++)
        wire_member_state_deinit (&plan->members[i]);
    free (plan->members);
    *plan = (struct deploy_plan){.n_members = 0};
}

void deploy_plans_deinit (struct deploy_plans *plans)
{
    base_assert (plans);
    for (unsigned i = 0; i < DEPLOY_PLANS; i++)
        deploy_plan_deinit (&plans->kept[i]);
    *plans = (struct deploy_plans){.next = 0};
}

void deploy_plans_add (struct deploy_plans *plans, struct deploy_plan *plan)
{
    base_assert (plans && plan && plans->next < DEPLOY_PLANS);
    struct deploy_plan *slot = &plans->kept[plans->next];

    deploy_plan_deinit (slot);
    *slot = *plan;
    *plan = (struct deploy_plan){.n_members = 0};
    plans->next = (plans->next + 1) % DEPLOY_PLANS;
}

const struct deploy_plan *deploy_plans_find (const struct deploy_plans *plans, const struct base_digest *hash)
{
    base_assert (plans && hash);
    for (unsigned i = 0; i < DEPLOY_PLANS; i++)
        if (base_digest_equal (&plans->kept[i].hash, hash))
            return &plans->kept[i];
    return NULL;
}
