/* SPDX-License-Identifier: MPL-2.0 */
/*  deploy/schedule.c - continues rollouts, and schedules their next checks */

#include "deploy/schedule.h"

#include "base/assert.h"

enum {
    WINDOW_MS = 10 * 1000, /* between two checks of a window */
    RETRY_MS = 1000        /* after a failed transaction */
};

void deploy_tick_want (struct deploy *deploy, uint64_t at_ms)
{
    base_assert (deploy);
    uint64_t now_ms = deploy_now_ms (deploy), delay_ms = at_ms > now_ms ? at_ms - now_ms : 0;

    if (delay_ms > deploy->clock.keep_ms) /* the clock must be saved, and does not count long gaps */
        delay_ms = deploy->clock.keep_ms;
    if (deploy->is_awaited && deploy->tick_ms <= now_ms + delay_ms)
        return;
    deploy->tick_ms = now_ms + delay_ms;
    deploy->is_awaited = deploy->ops->wake (deploy->context, delay_ms) == 0;
}

void deploy_rollout_due (struct deploy *deploy, struct deploy_rollout *rollout, uint64_t at_ms)
{
    base_assert (deploy && rollout);
    rollout->due_ms = at_ms;
    deploy_tick_want (deploy, at_ms);
}

void deploy_rollout_broken (struct deploy *deploy, struct deploy_rollout *rollout)
{
    base_assert (deploy && rollout);
    rollout->broken = true;
    deploy_rollout_due (deploy, rollout, deploy_now_ms (deploy) + RETRY_MS);
}

int deploy_rollout_advance (struct deploy *deploy, struct deploy_rollout *rollout,
                            const struct deploy_steering *by, struct base_error *error)
{
    base_assert (deploy && rollout);
    enum wire_phase phase = rollout->state.phase;
    bool paused = rollout->state.paused, has_changed;
    int r = deploy_rollout_apply (deploy, rollout, by, error);
    uint64_t look_ms = deploy_now_ms (deploy) + WINDOW_MS;

    if (r < 0)
        return r;
    if (rollout->machine.spec.window && !rollout_is_over (&rollout->machine) && rollout->due_ms > look_ms)
        rollout->due_ms = look_ms; /* setting the wall clock opens or closes a window */
    if (rollout->machine.phase == WIRE_PHASE_QUEUED && !rollout->machine.paused && (by || !rollout->blocked))
        rollout->due_ms = 0; /* its nodes may be free now */
    deploy_tick_want (deploy, rollout->due_ms);
    has_changed = rollout->state.phase != phase || rollout->state.paused != paused ||
                  rollout_is_over (&rollout->machine) || rollout_gives (&rollout->machine);
    for (size_t i = 0; has_changed && i < deploy->n_live; i++) {
        struct deploy_rollout *other = deploy->live[i];
        if (other != rollout &&
            other->machine.phase == WIRE_PHASE_QUEUED) /* it may have waited for this rollout */
            deploy_rollout_due (deploy, other, 0);
    }
    return 0;
}
