/* SPDX-License-Identifier: MPL-2.0 */
/*  rollout/gates.c - the table of gates

    A gate's name, and what it demands, are in schemas/choices.def. To add one, add it there, a row here, and a
    test to test/unit/rollout/gates.c. */

#include "rollout/gates.h"

#include <stdio.h>

#include "base/assert.h"
#include "rollout/machine.h"
#include "rollout/window.h"

/*  A row has one of the two functions. */
struct gate {
    enum rollout_moment moment;
    /*  Writes the reason if the gate is shut. */
    bool (*is_shut) (const struct rollout *rollout, uint32_t member, uint64_t now_ms,
                     char reason[ROLLOUT_REASON]);
    /*  Milliseconds until nodes may be started. */
    uint64_t (*opens_ms) (const struct rollout *rollout, uint64_t wall_ms);
};

static bool wave_budget_is_exceeded (const struct rollout *rollout, uint32_t member, uint64_t now_ms,
                                     char reason[ROLLOUT_REASON])
{
    const struct rollout_wave *wave = &rollout->waves[rollout->wave];
    char before[64] = "";
    (void) member;
    (void) now_ms;
    if (wave->charged + wave->lost_before <= rollout->spec.wave_budget)
        return false;
    if (wave->lost_before)
        (void) snprintf (before, sizeof before, ", and %u had lost contact before", wave->lost_before);
    (void) snprintf (reason, ROLLOUT_REASON, "wave %u: %u of %u nodes failed%s (allowed: %llu)",
                     rollout->wave + 1, wave->charged, wave->count, before,
                     (unsigned long long) rollout->spec.wave_budget);
    return true;
}

static bool budget_is_exceeded (const struct rollout *rollout, uint32_t member, uint64_t now_ms,
                                char reason[ROLLOUT_REASON])
{
    (void) member;
    (void) now_ms;
    if (rollout->charged <= rollout->spec.budget)
        return false;
    (void) snprintf (reason, ROLLOUT_REASON, "%u nodes failed in all waves (allowed: %llu)", rollout->charged,
                     (unsigned long long) rollout->spec.budget);
    return true;
}

static bool updated_nodes_do_worse (const struct rollout *rollout, uint32_t member, uint64_t now_ms,
                                    char reason[ROLLOUT_REASON])
{
    const struct rollout_evidence *evidence = &rollout->evidence;
    (void) member;
    (void) now_ms;
    if (!rollout_evidence_is_enough (evidence, (unsigned) rollout->spec.significance))
        return false;
    (void) snprintf (
        reason, ROLLOUT_REASON,
        "updated nodes do worse: %llu of %llu checks of them found a failure, and %llu of %llu of the others; "
        "at most 1 of %.0f good releases shows such a difference",
        (unsigned long long) evidence->updated_failed, (unsigned long long) evidence->updated,
        (unsigned long long) evidence->others_failed, (unsigned long long) evidence->others,
        rollout_evidence_factor (evidence));
    return true;
}

static bool revert_took_too_long (const struct rollout *rollout, uint32_t member, uint64_t now_ms,
                                  char reason[ROLLOUT_REASON])
{
    uint64_t took_ms = rollout->members[member].revert_ms;
    (void) now_ms;
    if (took_ms <= rollout->spec.revert_limit_ms)
        return false;
    (void) snprintf (reason, ROLLOUT_REASON,
                     "the rehearsed revert of a node took %llu ms; the limit is %llu ms",
                     (unsigned long long) took_ms, (unsigned long long) rollout->spec.revert_limit_ms);
    return true;
}

static bool wave_is_overdue (const struct rollout *rollout, uint32_t member, uint64_t now_ms,
                             char reason[ROLLOUT_REASON])
{
    (void) member;
    if (now_ms < rollout_wave_ends_ms (rollout, now_ms))
        return false;
    (void) snprintf (reason, ROLLOUT_REASON, "wave %u %s its deadline", rollout->wave + 1,
                     rollout->phase == WIRE_PHASE_APPROVAL ? "was not approved within"
                                                           : "did not finish within");
    return true;
}

static bool wave_proves_nothing (const struct rollout *rollout, uint32_t member, uint64_t now_ms,
                                 char reason[ROLLOUT_REASON])
{
    (void) member;
    (void) now_ms;
    if (!rollout_is_unproven (rollout))
        return false;
    (void) snprintf (reason, ROLLOUT_REASON,
                     "wave %u: no node was updated, so the release is not proven for wave %u",
                     rollout->wave + 1, rollout->wave + 2);
    return true;
}

static uint64_t window_opens_ms (const struct rollout *rollout, uint64_t wall_ms)
{
    return rollout_window_opens_ms (rollout->spec.window, wall_ms);
}

static const struct gate gates[WIRE_GATE_END] = {
    [WIRE_GATE_WAVE_BUDGET] = {ROLLOUT_AT_FAILURE, .is_shut = wave_budget_is_exceeded},
    [WIRE_GATE_BUDGET] = {ROLLOUT_AT_FAILURE, .is_shut = budget_is_exceeded},
    [WIRE_GATE_COMPARISON] = {ROLLOUT_AT_SAMPLE, .is_shut = updated_nodes_do_worse},
    [WIRE_GATE_REVERT] = {ROLLOUT_AT_REVERT, .is_shut = revert_took_too_long},
    [WIRE_GATE_DEADLINE] = {ROLLOUT_AT_CLOCK, .is_shut = wave_is_overdue},
    [WIRE_GATE_PROOF] = {ROLLOUT_AT_WAVE_END, .is_shut = wave_proves_nothing},
    [WIRE_GATE_WINDOW] = {.opens_ms = window_opens_ms},
};

bool rollout_gates_check (struct rollout *rollout, enum rollout_moment moment, uint32_t member,
                          uint64_t now_ms)
{
    base_assert (rollout);
    base_assert ((unsigned) moment <= ROLLOUT_AT_WAVE_END);
    base_assert (moment != ROLLOUT_AT_REVERT || member < rollout->n_members);
    char reason[ROLLOUT_REASON];
    if (!rollout_is_running (rollout))
        return false;
    for (enum wire_gate gate = 0; gate < WIRE_GATE_END; gate++) {
        if (!gates[gate].is_shut || gates[gate].moment != moment ||
            !gates[gate].is_shut (rollout, member, now_ms, reason))
            continue;
        rollout_reason_set (rollout, "%s", reason);
        rollout->gate = gate;
        rollout_phase_halt (rollout, now_ms);
        return true;
    }
    return false;
}

uint64_t rollout_gates_open_ms (const struct rollout *rollout, uint64_t wall_ms)
{
    base_assert (rollout);
    uint64_t latest_ms = 0;
    for (enum wire_gate gate = 0; gate < WIRE_GATE_END; gate++) {
        uint64_t opens_ms = gates[gate].opens_ms ? gates[gate].opens_ms (rollout, wall_ms) : 0;
        latest_ms = opens_ms > latest_ms ? opens_ms : latest_ms;
    }
    return latest_ms;
}
