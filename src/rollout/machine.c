/* SPDX-License-Identifier: MPL-2.0 */
/*  rollout/machine.c - every change of a rollout's members, phases and waves */

#include "rollout/machine.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/assert.h"
#include "rollout/gates.h"

void rollout_machine_check (const struct rollout *rollout)
{
    base_assert (rollout->n_members > 0 && rollout->members && rollout->failure_domains);
    base_assert (rollout->n_waves > 0 && rollout->n_waves <= ROLLOUT_WAVES);
    base_assert (rollout->wave < rollout->n_waves);
    base_assert ((unsigned) rollout->phase < WIRE_PHASE_END && (unsigned) rollout->gate < WIRE_GATE_END);
    uint32_t members = 0, under_way = 0, charged = 0;
    for (uint32_t i = 0; i < rollout->n_waves; i++) {
        const struct rollout_wave *wave = &rollout->waves[i];
        base_assert (wave->count > 0 && wave->first == members);
        base_assert (wave->cursor <= wave->count && wave->under_way <= wave->count);
        base_assert (wave->confirmed <= wave->count && wave->charged + wave->lost_before <= wave->count);
        members += wave->count;
        under_way += wave->under_way;
        charged += wave->charged + wave->lost_before;
    }
    base_assert (members == rollout->n_members);
    base_assert (under_way == rollout->under_way && charged == rollout->charged);
    base_assert ((rollout->pending_first == ROLLOUT_NOBODY) == (rollout->pending_last == ROLLOUT_NOBODY));
    base_assert (rollout->pending_first == ROLLOUT_NOBODY ||
                 (rollout->pending_first < rollout->n_members && rollout->pending_last < rollout->n_members));
}

static struct rollout_wave *member_wave (struct rollout *rollout, const struct rollout_member *member)
{
    return &rollout->waves[member->wave];
}

bool rollout_is_under_way (enum wire_member state)
{
    return state == WIRE_MEMBER_ORDERED || state == WIRE_MEMBER_REVERTING;
}

/*  Whether it counts among the nodes that are not updated. If most of those lose contact too, it is the
    network or the broker. */
static bool member_is_other (const struct rollout_member *member)
{
    return member->state == WIRE_MEMBER_WAITING || member->state == WIRE_MEMBER_SKIPPED;
}

/*  one: 1 or -1, modulo 2^32. */
static void counts_add (struct rollout *rollout, const struct rollout_member *member, uint32_t one)
{
    base_assert (member->wave < ROLLOUT_WAVES && member->failure_domain < rollout->n_failure_domains);
    struct rollout_wave *wave = member_wave (rollout, member);
    struct rollout_failure_domain *failure_domain = &rollout->failure_domains[member->failure_domain];
    wave->under_way += rollout_is_under_way (member->state) ? one : 0;
    rollout->under_way += rollout_is_under_way (member->state) ? one : 0;
    wave->confirmed += member->confirmed ? one : 0;
    wave->charged += member->charged && !member->lost_before ? one : 0;
    wave->lost_before += member->lost_before ? one : 0;
    rollout->charged += member->charged || member->lost_before ? one : 0;
    failure_domain->others += member_is_other (member) ? one : 0;
    failure_domain->others_lost += member_is_other (member) && !member->online ? one : 0;
}

void rollout_member_count (struct rollout *rollout, const struct rollout_member *member)
{
    base_assert (rollout && member);
    counts_add (rollout, member, 1);
}

void rollout_member_uncount (struct rollout *rollout, const struct rollout_member *member)
{
    base_assert (rollout && member);
    counts_add (rollout, member, UINT32_MAX);
}

void rollout_member_pend (struct rollout *rollout, uint32_t index, enum rollout_kind kind)
{
    base_assert (rollout && index < rollout->n_members);
    base_assert (kind != ROLLOUT_WAIT && kind != ROLLOUT_TRANSITION);
    struct rollout_member *member = &rollout->members[index];
    bool listed = member->pending != ROLLOUT_WAIT;
    member->kept = false;
    if (listed && kind == ROLLOUT_KEEP)
        return; /* the pending action stores it as well */
    member->pending = kind;
    if (listed)
        return;
    member->pending_next = ROLLOUT_NOBODY;
    if (rollout->pending_first == ROLLOUT_NOBODY)
        rollout->pending_first = index;
    else
        rollout->members[rollout->pending_last].pending_next = index;
    rollout->pending_last = index;
}

void rollout_look_by (struct rollout *rollout, uint64_t at_ms)
{
    base_assert (rollout);
    if (at_ms < rollout->look_ms)
        rollout->look_ms = at_ms;
}

void rollout_member_enter (struct rollout *rollout, uint32_t index, enum wire_member state,
                           enum rollout_kind kind, uint64_t now_ms)
{
    base_assert (rollout && index < rollout->n_members);
    base_assert (state > WIRE_MEMBER_NULL && state < WIRE_MEMBER_END);
    struct rollout_member *member = &rollout->members[index];
    rollout_member_uncount (rollout, member);
    member->state = state;
    member->since_ms = now_ms;
    member->unfit = member->was_unfit = false;
    member->confirmed = state == WIRE_MEMBER_UPDATED ||
                        (member->confirmed && (state == WIRE_MEMBER_LOST_CONTACT ||
                                               state == WIRE_MEMBER_REVERTING || state == WIRE_MEMBER_STUCK));
    rollout_member_count (rollout, member);
    if (rollout_is_under_way (state))
        rollout_look_by (rollout, now_ms + rollout->spec.node_deadline_ms);
    rollout_member_pend (rollout, index, kind);
}

void rollout_member_charge (struct rollout *rollout, uint32_t index)
{
    base_assert (rollout && index < rollout->n_members);
    struct rollout_member *member = &rollout->members[index];
    rollout_member_uncount (rollout, member);
    member->charged = true;
    rollout_member_count (rollout, member);
    rollout_member_pend (rollout, index, ROLLOUT_KEEP);
}

void rollout_member_discharge (struct rollout *rollout, uint32_t index)
{
    base_assert (rollout && index < rollout->n_members);
    struct rollout_member *member = &rollout->members[index];
    rollout_member_uncount (rollout, member);
    member->charged = false;
    rollout_member_count (rollout, member);
    rollout_member_pend (rollout, index, ROLLOUT_KEEP);
}

void rollout_phase_enter (struct rollout *rollout, enum wire_phase phase, uint64_t now_ms)
{
    base_assert (rollout);
    base_assert (phase > WIRE_PHASE_NULL && phase < WIRE_PHASE_END);
    rollout->phase = phase;
    rollout->phase_ms = now_ms;
    rollout->changed = true;
}

void rollout_reason_set (struct rollout *rollout, const char *format, ...)
{
    base_assert (rollout);
    base_assert (format);
    va_list arguments;
    va_start (arguments, format);
    (void) vsnprintf (rollout->reason, sizeof rollout->reason, format, arguments);
    va_end (arguments);
    rollout->gate = WIRE_GATE_NULL;
}

void rollout_members_cancel (struct rollout *rollout)
{
    base_assert (rollout);
    for (uint32_t i = 0; i < rollout->n_members; i++) {
        const struct rollout_member *member = &rollout->members[i];
        if (member->state == WIRE_MEMBER_ORDERED ||
            (member->state == WIRE_MEMBER_LOST_CONTACT && !member->confirmed))
            rollout_member_pend (rollout, i, ROLLOUT_CANCEL);
    }
}

void rollout_members_revert (struct rollout *rollout, uint64_t now_ms)
{
    base_assert (rollout);
    for (uint32_t i = 0; i < rollout->n_members; i++) {
        enum wire_member state = rollout->members[i].state;
        bool unseen = state == WIRE_MEMBER_LOST_CONTACT || state == WIRE_MEMBER_OVERDUE;
        if (unseen || state == WIRE_MEMBER_UPDATED)
            rollout_member_enter (rollout, i, WIRE_MEMBER_REVERTING, ROLLOUT_REVERT, now_ms);
        else if (state == WIRE_MEMBER_ORDERED)
            rollout_member_pend (rollout, i, ROLLOUT_CANCEL);
    }
}

void rollout_reverting_finish (struct rollout *rollout, uint64_t now_ms)
{
    base_assert (rollout);
    if (rollout->phase == WIRE_PHASE_REVERTING && rollout->under_way == 0)
        rollout_phase_enter (rollout, WIRE_PHASE_REVERTED, now_ms);
}

void rollout_members_leave (struct rollout *rollout, uint32_t first, uint32_t count, uint64_t now_ms)
{
    base_assert (rollout);
    base_assert (first <= rollout->n_members && count <= rollout->n_members - first);
    for (uint32_t i = first; i < first + count; i++)
        if (rollout->members[i].state == WIRE_MEMBER_WAITING)
            rollout_member_enter (rollout, i, WIRE_MEMBER_SKIPPED, ROLLOUT_KEEP, now_ms);
}

void rollout_phase_revert (struct rollout *rollout, uint64_t now_ms)
{
    base_assert (rollout);
    rollout_phase_enter (rollout, WIRE_PHASE_REVERTING, now_ms);
    rollout_members_leave (rollout, 0, rollout->n_members, now_ms);
    rollout_members_revert (rollout, now_ms);
    rollout_reverting_finish (rollout, now_ms);
}

bool rollout_is_running (const struct rollout *rollout)
{
    base_assert (rollout);
    return rollout->phase == WIRE_PHASE_APPROVAL || rollout->phase == WIRE_PHASE_UPDATING ||
           rollout->phase == WIRE_PHASE_SOAKING;
}

void rollout_phase_halt (struct rollout *rollout, uint64_t now_ms)
{
    base_assert (rollout);
    if (rollout->spec.on_halt == WIRE_ON_HALT_REVERT) {
        rollout_phase_revert (rollout, now_ms);
        return;
    }
    rollout_phase_enter (rollout, WIRE_PHASE_HALTED, now_ms);
    rollout_members_cancel (rollout);
}

bool rollout_member_is_silent (const struct rollout *rollout, const struct rollout_member *member,
                               uint64_t now_ms)
{
    base_assert (rollout);
    base_assert (member);
    return !member->online && now_ms >= member->lost_ms + rollout->settle_ms;
}

void rollout_wave_begin (struct rollout *rollout, uint64_t now_ms)
{
    base_assert (rollout && rollout->wave < rollout->n_waves);
    struct rollout_wave *wave = &rollout->waves[rollout->wave];
    rollout->wave_ms = now_ms;
    rollout->stopped_ms = 0;
    rollout->stop_ms = rollout->paused ? now_ms : 0;
    rollout_phase_enter (rollout, WIRE_PHASE_UPDATING, now_ms);
    for (uint32_t i = 0; i < wave->count; i++) {
        struct rollout_member *member = &rollout->members[wave->first + i];
        rollout_member_uncount (rollout, member);
        member->start_ms = now_ms + rollout->spec.stagger_ms * i / wave->count;
        member->lost_before =
            member->state == WIRE_MEMBER_WAITING && rollout_member_is_silent (rollout, member, now_ms);
        rollout_member_count (rollout, member);
        rollout_member_pend (rollout, wave->first + i, ROLLOUT_KEEP);
    }
    (void) rollout_gates_check (rollout, ROLLOUT_AT_FAILURE, ROLLOUT_NOBODY, now_ms);
}

void rollout_wave_begin_or_ask (struct rollout *rollout, uint64_t now_ms)
{
    base_assert (rollout && rollout->wave < rollout->n_waves);
    if (rollout->spec.waves[rollout->wave].approval)
        rollout_phase_enter (rollout, WIRE_PHASE_APPROVAL, now_ms);
    else
        rollout_wave_begin (rollout, now_ms);
}

bool rollout_is_unproven (const struct rollout *rollout)
{
    base_assert (rollout && rollout->wave < rollout->n_waves);
    const struct rollout_wave *wave = &rollout->waves[rollout->wave];
    if (rollout->members[wave->first].start_ms == 0)
        return false;
    for (uint32_t i = wave->first; i < wave->first + wave->count; i++) {
        enum wire_member state = rollout->members[i].state;
        if (state == WIRE_MEMBER_UPDATED || state == WIRE_MEMBER_WAITING || rollout_is_under_way (state))
            return false;
    }
    return true;
}

void rollout_wave_end (struct rollout *rollout, enum rollout_approval approval, uint64_t now_ms)
{
    base_assert (rollout && rollout->wave < rollout->n_waves);
    const struct rollout_wave *wave = &rollout->waves[rollout->wave];
    rollout_members_leave (rollout, wave->first, wave->count, now_ms);
    if (rollout->wave + 1 == rollout->n_waves) {
        rollout_phase_enter (rollout, WIRE_PHASE_DONE, now_ms);
        return;
    }
    if (approval == ROLLOUT_NOT_APPROVED &&
        rollout_gates_check (rollout, ROLLOUT_AT_WAVE_END, ROLLOUT_NOBODY, now_ms))
        return;
    rollout->wave++;
    if (approval == ROLLOUT_APPROVED)
        rollout_wave_begin (rollout, now_ms);
    else
        rollout_wave_begin_or_ask (rollout, now_ms);
}

void rollout_member_call_again (struct rollout *rollout, uint32_t index, uint64_t now_ms)
{
    base_assert (rollout && index < rollout->n_members);
    struct rollout_wave *wave = &rollout->waves[rollout->wave];
    if (rollout->members[index].state != WIRE_MEMBER_WAITING || rollout->members[index].wave != rollout->wave)
        return;
    if (index - wave->first < wave->cursor)
        wave->cursor = index - wave->first;
    if (rollout->phase == WIRE_PHASE_SOAKING)
        rollout_phase_enter (rollout, WIRE_PHASE_UPDATING, now_ms);
}
