/* SPDX-License-Identifier: MPL-2.0 */
/*  deploy/queue.c - queued rollouts: the rollouts they wait for, and the nodes they take over */

#include "deploy/queue.h"

#include <stdio.h>

#include "base/assert.h"
#include "deploy/schedule.h"
#include "wire/text.h"

/*  Takes over the shared nodes that another rollout can give away. Returns 0 or -errno. */
static int nodes_take_over (struct deploy *deploy, struct deploy_rollout *rollout,
                            struct deploy_rollout *other, struct base_error *error)
{
    base_assert (other != rollout && !other->broken);
    char reason[128];
    struct deploy_steering by = {.reason = reason};
    uint32_t taken = 0;
    int r;

    for (uint32_t i = 0; i < rollout->machine.n_members; i++) {
        uint32_t index = deploy_rollout_find (other, rollout->members[i].id);
        if (index == ROLLOUT_NOBODY ||
            !rollout_take (&other->machine, index, rollout->state.id, deploy_now_ms (deploy)))
            continue;
        struct deploy_member *member = &other->members[index];
        member->epoch = 0;
        (void) wire_text_set (&member->step, NULL);
        (void) wire_text_set (&member->reason, NULL);
        member->reason = wire_reason ("taken over by rollout %s", rollout->state.id);
        taken++;
    }
    if (taken == 0)
        return 0;
    (void) snprintf (reason, sizeof reason, "rollout %s takes over %u of its nodes", rollout->state.id,
                     taken);
    r = deploy_rollout_advance (deploy, other, &by, error);
    if (r < 0)
        deploy_rollout_broken (deploy, other);
    return r;
}

/*  Takes over nodes from the earlier rollouts that are halted or paused. */
static int nodes_take_over_all (struct deploy *deploy, struct deploy_rollout *rollout,
                                struct base_error *error)
{
    for (size_t i = 0; i < deploy->n_live; i++) {
        struct deploy_rollout *other = deploy->live[i];
        if (other == rollout || other->broken || !rollout_gives (&other->machine) ||
            !deploy_rollout_comes_before (other, rollout))
            continue;
        int r = nodes_take_over (deploy, rollout, other, error);
        if (r < 0)
            return r;
    }
    return 0;
}

/*  Returns another rollout that has one of the nodes of this one; NULL: none. *ret_member: the member of this
    one. The search begins with the member that was not free at the last call, because it runs often. */
static struct deploy_rollout *rollout_first_before (struct deploy *deploy, struct deploy_rollout *rollout,
                                                    uint32_t *ret_member)
{
    uint32_t n = rollout->machine.n_members, from = rollout->waits_at;

    base_assert (from < n);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = (from + i) % n, index;
        struct deploy_rollout *other = deploy_rollout_before (deploy, rollout, rollout->members[at].id,
                                                              rollout->machine.spec.application, &index);
        *ret_member = rollout->waits_at = at;
        if (other)
            return other;
    }
    return NULL;
}

int deploy_queue_look (struct deploy *deploy, struct deploy_rollout *rollout, struct base_error *error)
{
    struct deploy_rollout *other;
    uint32_t member;
    char text[256];

    base_assert (deploy && rollout && !rollout->broken);
    if (rollout->machine.phase != WIRE_PHASE_QUEUED || rollout->machine.paused)
        return 0;
    if (rollout->machine.spec.supersede) {
        int r = nodes_take_over_all (deploy, rollout, error);
        if (r < 0)
            return r;
    }
    other = rollout_first_before (deploy, rollout, &member);
    if (!other) {
        rollout_begin (&rollout->machine, deploy_now_ms (deploy));
        return 0;
    }
    (void) snprintf (text, sizeof text, "rollout %s (%s%s), which has node %s", other->state.id,
                     other->machine.paused ? "paused, " : "", wire_phase_word (other->machine.phase),
                     rollout->members[member].id);
    if (rollout->blocked && strcmp (rollout->blocked, text) == 0)
        return 0;
    rollout->machine.changed = true; /* what it waits for is part of its state */
    return wire_text_set (&rollout->blocked, text);
}
