/* SPDX-License-Identifier: MPL-2.0 */
/*  rollout/init.c - making a rollout, and restoring one from its stored state */

#include "rollout/machine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

enum {
    NODE_DEADLINE_MS = 30 * 60 * 1000,
    WAVE_DEADLINE_MS = 24 * 3600 * 1000,
    REVERT_LIMIT_MS = 60 * 1000,
    SETTLE_MS = 60 * 1000,
};

void rollout_set_defaults (struct wire_rollout *spec)
{
    base_assert (spec);
    if (spec->node_deadline_ms == 0)
        spec->node_deadline_ms = NODE_DEADLINE_MS;
    if (spec->wave_deadline_ms == 0)
        spec->wave_deadline_ms = WAVE_DEADLINE_MS;
    if (spec->revert_limit_ms == 0)
        spec->revert_limit_ms = REVERT_LIMIT_MS;
    if (spec->on_halt == WIRE_ON_HALT_NULL)
        spec->on_halt = WIRE_ON_HALT_STAY;
}

/*  Adds the candidates as members and assigns them to waves. */
static int members_add (struct rollout *rollout, const struct rollout_candidate *candidates, uint64_t now_ms)
{
    /*  A candidate that is offline has been silent for long enough at once. */
    uint64_t known_ms = now_ms > rollout->settle_ms ? now_ms - rollout->settle_ms : 1;
    for (uint32_t i = 0; i < rollout->n_members; i++) {
        const struct rollout_candidate *candidate = &candidates[i];
        bool next = i == 0 ? candidate->wave == 0
                           : candidate->wave == candidates[i - 1].wave ||
                                 candidate->wave == candidates[i - 1].wave + 1;
        if (!next || candidate->wave >= rollout->spec.n_waves ||
            candidate->failure_domain >= rollout->n_failure_domains)
            return -EINVAL;
        struct rollout_wave *wave = &rollout->waves[candidate->wave];
        if (wave->count++ == 0)
            wave->first = i;
        rollout->members[i] = (struct rollout_member){.wave = candidate->wave,
                                                      .state = WIRE_MEMBER_WAITING,
                                                      .since_ms = now_ms,
                                                      .failure_domain = candidate->failure_domain,
                                                      .online = candidate->online,
                                                      .lost_ms = candidate->online ? 0 : known_ms,
                                                      .pending_next = ROLLOUT_NOBODY};
        rollout_member_count (rollout, &rollout->members[i]);
    }
    rollout->n_waves = candidates[rollout->n_members - 1].wave + 1;
    return 0;
}

int rollout_init_queued (struct rollout *rollout, const struct wire_rollout *spec,
                         const struct rollout_candidate *candidates, uint32_t n_candidates,
                         uint32_t n_failure_domains, uint64_t now_ms)
{
    base_assert (rollout);
    base_assert (spec);
    base_assert (candidates || n_candidates == 0);
    *rollout = (struct rollout){.n_members = n_candidates,
                                .n_failure_domains = n_failure_domains,
                                .pending_first = ROLLOUT_NOBODY,
                                .pending_last = ROLLOUT_NOBODY,
                                .look_ms = UINT64_MAX,
                                .settle_ms = SETTLE_MS};
    int r = n_candidates == 0 || n_failure_domains == 0 || spec->n_waves > ROLLOUT_WAVES ? -EINVAL : 0;
    if (r < 0)
        goto failed;
    r = wire_copy (&wire_rollout_record, spec, &rollout->spec);
    if (r < 0)
        goto failed;
    rollout_set_defaults (&rollout->spec);
    rollout->members = calloc (n_candidates, sizeof *rollout->members);
    rollout->failure_domains = calloc (n_failure_domains, sizeof *rollout->failure_domains);
    r = rollout->members && rollout->failure_domains ? 0 : -ENOMEM;
    if (r < 0)
        goto failed;
    r = members_add (rollout, candidates, now_ms);
    if (r < 0)
        goto failed;
    rollout_phase_enter (rollout, WIRE_PHASE_QUEUED, now_ms);
    rollout_machine_check (rollout);
    return 0;
failed:
    rollout_deinit (rollout);
    return r;
}

void rollout_begin (struct rollout *rollout, uint64_t now_ms)
{
    base_assert (rollout);
    if (rollout->phase != WIRE_PHASE_QUEUED || rollout->paused)
        return;
    rollout_wave_begin_or_ask (rollout, now_ms);
    rollout_machine_check (rollout);
}

int rollout_init (struct rollout *rollout, const struct wire_rollout *spec,
                  const struct rollout_candidate *candidates, uint32_t n_candidates,
                  uint32_t n_failure_domains, uint64_t now_ms)
{
    int r = rollout_init_queued (rollout, spec, candidates, n_candidates, n_failure_domains, now_ms);
    if (r < 0)
        return r;
    rollout_begin (rollout, now_ms);
    return 0;
}

void rollout_deinit (struct rollout *rollout)
{
    base_assert (rollout);
    wire_deinit (&wire_rollout_record, &rollout->spec);
    free (rollout->members);
    free (rollout->failure_domains);
    *rollout = (struct rollout){.n_members = 0};
}

/*  Stored state is data: it may be of another version, or damaged. */
static bool state_is_sound (const struct rollout *rollout)
{
    uint32_t members = 0;
    if (rollout->n_waves == 0 || rollout->n_waves > ROLLOUT_WAVES || rollout->wave >= rollout->n_waves ||
        (unsigned) rollout->phase >= WIRE_PHASE_END || (unsigned) rollout->gate >= WIRE_GATE_END)
        return false;
    for (uint32_t i = 0; i < rollout->n_waves; i++) {
        const struct rollout_wave *wave = &rollout->waves[i];
        if (wave->first != members || wave->count == 0 || wave->count > rollout->n_members - members)
            return false;
        for (uint32_t j = wave->first; j < wave->first + wave->count; j++)
            if (rollout->members[j].wave != i ||
                rollout->members[j].failure_domain >= rollout->n_failure_domains ||
                rollout->members[j].state == WIRE_MEMBER_NULL ||
                (unsigned) rollout->members[j].pending > ROLLOUT_KEEP ||
                (unsigned) rollout->members[j].state >= WIRE_MEMBER_END)
                return false;
        members += wave->count;
    }
    return members == rollout->n_members;
}

int rollout_resume (struct rollout *rollout)
{
    base_assert (rollout);
    base_assert (rollout->members && rollout->n_members > 0);
    base_assert (rollout->failure_domains && rollout->n_failure_domains > 0);
    if (!state_is_sound (rollout))
        return -EBADMSG;
    memset (rollout->failure_domains, 0, rollout->n_failure_domains * sizeof *rollout->failure_domains);
    rollout->under_way = rollout->charged = 0;
    rollout->pending_first = rollout->pending_last = ROLLOUT_NOBODY;
    rollout->look_ms = 0; /* deadlines may have passed meanwhile */
    rollout->changed = false;
    if (rollout->settle_ms == 0)
        rollout->settle_ms = SETTLE_MS;
    for (uint32_t i = 0; i < rollout->n_waves; i++)
        rollout->waves[i] = (struct rollout_wave){.first = rollout->waves[i].first,
                                                  .count = rollout->waves[i].count,
                                                  .cursor = i < rollout->wave ? rollout->waves[i].count : 0};
    for (uint32_t i = 0; i < rollout->n_members; i++) {
        enum rollout_kind pending = rollout->members[i].pending;
        rollout->members[i].pending = ROLLOUT_WAIT;
        if (pending != ROLLOUT_WAIT && pending != ROLLOUT_KEEP)
            rollout_member_pend (rollout, i, pending);
        rollout_member_count (rollout, &rollout->members[i]);
    }
    rollout_machine_check (rollout);
    return 0;
}
