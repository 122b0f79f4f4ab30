/* SPDX-License-Identifier: MPL-2.0 */
/*  rollout/rollout.c - what advances a rollout: events of the nodes, and time */

#include "rollout/gates.h"
#include "rollout/machine.h"

#include "rollout/window.h"

#include "base/assert.h"

void rollout_halt (struct rollout *rollout, const char *reason, uint64_t now_ms)
{
    base_assert (rollout);
    base_assert (reason);
    if (!rollout_is_running (rollout) && rollout->phase != WIRE_PHASE_QUEUED)
        return;
    rollout_reason_set (rollout, "%s", reason);
    if (rollout->phase == WIRE_PHASE_QUEUED) { /* nothing has started that could be reverted or resumed */
        rollout_phase_enter (rollout, WIRE_PHASE_ABORTED, now_ms);
        rollout_members_leave (rollout, 0, rollout->n_members, now_ms);
    } else
        rollout_phase_halt (rollout, now_ms);
    rollout_machine_check (rollout);
}

bool rollout_gives (const struct rollout *rollout)
{
    base_assert (rollout);
    return rollout->phase == WIRE_PHASE_HALTED ||
           (rollout->paused && (rollout_is_running (rollout) || rollout->phase == WIRE_PHASE_QUEUED));
}

static bool rollout_is_taken (const struct rollout *rollout)
{
    for (uint32_t i = 0; i < rollout->n_members; i++)
        if (rollout->members[i].state != WIRE_MEMBER_TAKEN)
            return false;
    return true;
}

bool rollout_take (struct rollout *rollout, uint32_t index, const char *by, uint64_t now_ms)
{
    base_assert (rollout);
    base_assert (by);
    if (index >= rollout->n_members || !rollout_gives (rollout))
        return false;
    struct rollout_member *member = &rollout->members[index];
    if (member->state == WIRE_MEMBER_TAKEN || rollout_is_under_way (member->state))
        return false;
    rollout_member_uncount (rollout, member);
    member->charged = member->lost_before = false;
    rollout_member_count (rollout, member);
    rollout_member_enter (rollout, index, WIRE_MEMBER_TAKEN, ROLLOUT_KEEP, now_ms);
    rollout->changed = true;
    if (rollout_is_taken (rollout)) {
        rollout_reason_set (rollout, "rollout %s has taken over the last of its nodes", by);
        rollout_phase_enter (rollout, WIRE_PHASE_SUPERSEDED, now_ms);
    }
    rollout_machine_check (rollout);
    return true;
}

void rollout_forget (struct rollout *rollout, uint32_t index, uint64_t now_ms)
{
    base_assert (rollout);
    if (index >= rollout->n_members)
        return;
    struct rollout_member *member = &rollout->members[index];
    if (member->state != WIRE_MEMBER_WAITING && !rollout_is_under_way (member->state))
        return;
    rollout_member_uncount (rollout, member);
    member->lost_before = false;
    rollout_member_count (rollout, member);
    rollout_member_enter (rollout, index, WIRE_MEMBER_SKIPPED, ROLLOUT_KEEP, now_ms);
    rollout->changed = true;
    rollout_reverting_finish (rollout, now_ms);
    rollout_machine_check (rollout);
}

void rollout_pause (struct rollout *rollout, const char *reason)
{
    base_assert (rollout);
    base_assert (reason);
    if (!rollout_is_running (rollout) || rollout->paused)
        return;
    rollout_reason_set (rollout, "%s", reason);
    rollout->paused = true;
    rollout->changed = true;
    rollout_machine_check (rollout);
}

/*  A node of the first wave may have to rehearse its revert. Returns whether it has to. */
static bool member_rehearse_revert (struct rollout *rollout, uint32_t index, uint64_t now_ms)
{
    const struct rollout_member *member = &rollout->members[index];
    if (!rollout->spec.rehearse_revert || member->wave != 0 || member->revert_ms ||
        !rollout_is_running (rollout))
        return false;
    rollout_member_enter (rollout, index, WIRE_MEMBER_REVERTING, ROLLOUT_REVERT, now_ms);
    return true;
}

static void member_confirmed (struct rollout *rollout, uint32_t index, uint64_t now_ms)
{
    struct rollout_member *member = &rollout->members[index];
    if (member->state == WIRE_MEMBER_REVERTING || member->state == WIRE_MEMBER_UPDATED ||
        member->state == WIRE_MEMBER_REVERTED)
        return; /* reported before */
    if (member->charged)
        rollout_member_discharge (rollout, index); /* late, or without contact for a while, but updated */
    rollout_member_enter (rollout, index, WIRE_MEMBER_UPDATED, ROLLOUT_KEEP, now_ms);
    if (rollout->phase == WIRE_PHASE_REVERTING || rollout->phase == WIRE_PHASE_REVERTED) {
        rollout_phase_enter (rollout, WIRE_PHASE_REVERTING, now_ms);
        rollout_member_enter (rollout, index, WIRE_MEMBER_REVERTING, ROLLOUT_REVERT, now_ms);
    } else
        (void) member_rehearse_revert (rollout, index, now_ms);
}

static void member_reverted (struct rollout *rollout, uint32_t index, uint64_t now_ms)
{
    struct rollout_member *member = &rollout->members[index];
    if (member->state != WIRE_MEMBER_REVERTING && member->state != WIRE_MEMBER_STUCK &&
        member->state != WIRE_MEMBER_LOST_CONTACT) {
        if (member->confirmed || member->state == WIRE_MEMBER_ORDERED) { /* reverted by someone else */
            rollout_member_enter (rollout, index, WIRE_MEMBER_FAILED, ROLLOUT_KEEP, now_ms);
            rollout_member_charge (rollout, index);
            (void) rollout_gates_check (rollout, ROLLOUT_AT_FAILURE, ROLLOUT_NOBODY, now_ms);
        }
        return;
    }
    uint64_t took_ms = now_ms - member->since_ms;
    bool rehearsed = rollout->spec.rehearse_revert && member->wave == 0 && !member->revert_ms &&
                     rollout_is_running (rollout);
    rollout_member_enter (rollout, index, WIRE_MEMBER_REVERTED, ROLLOUT_KEEP, now_ms);
    if (!rehearsed)
        return;
    member->revert_ms = took_ms ? took_ms : 1;
    if (rollout_gates_check (rollout, ROLLOUT_AT_REVERT, index, now_ms))
        rollout_member_charge (rollout, index);
    else
        rollout_member_enter (rollout, index, WIRE_MEMBER_ORDERED, ROLLOUT_ORDER, now_ms);
}

static void member_failed (struct rollout *rollout, uint32_t index, uint64_t now_ms)
{
    struct rollout_member *member = &rollout->members[index];
    if (member->state == WIRE_MEMBER_REVERTING)
        rollout_member_enter (rollout, index, WIRE_MEMBER_STUCK, ROLLOUT_KEEP, now_ms);
    else if (member->state == WIRE_MEMBER_ORDERED || member->state == WIRE_MEMBER_UPDATED ||
             member->state == WIRE_MEMBER_OVERDUE || member->state == WIRE_MEMBER_LOST_CONTACT)
        rollout_member_enter (rollout, index, WIRE_MEMBER_FAILED, ROLLOUT_KEEP, now_ms);
    else
        return;
    rollout_member_charge (rollout, index);
    (void) rollout_gates_check (rollout, ROLLOUT_AT_FAILURE, ROLLOUT_NOBODY, now_ms);
}

void rollout_ended (struct rollout *rollout, uint32_t index, enum rollout_result result, uint64_t now_ms)
{
    base_assert (rollout);
    base_assert ((unsigned) result <= ROLLOUT_UNSERVED);
    if (index >= rollout->n_members || rollout->members[index].state == WIRE_MEMBER_WAITING ||
        rollout->members[index].state == WIRE_MEMBER_TAKEN)
        return;
    switch (result) {
    case ROLLOUT_CONFIRMED:
        member_confirmed (rollout, index, now_ms);
        break;
    case ROLLOUT_REVERTED:
        member_reverted (rollout, index, now_ms);
        break;
    case ROLLOUT_FAILED:
        member_failed (rollout, index, now_ms);
        break;
    case ROLLOUT_SKIPPED:
        if (rollout->members[index].state == WIRE_MEMBER_ORDERED)
            rollout_member_enter (rollout, index, WIRE_MEMBER_SKIPPED, ROLLOUT_KEEP, now_ms);
        break;
    case ROLLOUT_UNSERVED:
        if (rollout->members[index].state == WIRE_MEMBER_ORDERED) {
            bool later = rollout_is_running (rollout) && rollout->members[index].wave == rollout->wave;
            rollout_member_enter (rollout, index, later ? WIRE_MEMBER_WAITING : WIRE_MEMBER_SKIPPED,
                                  ROLLOUT_KEEP, now_ms);
            rollout_member_call_again (rollout, index, now_ms);
        }
        break;
    }
    rollout_reverting_finish (rollout, now_ms);
    rollout_machine_check (rollout);
}

void rollout_unfit (struct rollout *rollout, uint32_t index, enum rollout_fitness fitness)
{
    base_assert (rollout);
    if (index >= rollout->n_members || rollout->members[index].state != WIRE_MEMBER_ORDERED)
        return;
    struct rollout_member *member = &rollout->members[index];
    member->unfit = fitness == ROLLOUT_UNFIT;
    member->was_unfit |= member->unfit;
    rollout_member_pend (rollout, index, ROLLOUT_KEEP);
    rollout->changed = true; /* the text of what it waits for */
    rollout_machine_check (rollout);
}

void rollout_heard (struct rollout *rollout, uint32_t index, enum rollout_contact contact, uint64_t now_ms)
{
    base_assert (rollout);
    bool online = contact == ROLLOUT_CONTACT;
    if (index >= rollout->n_members || rollout->members[index].online == online)
        return;
    struct rollout_member *member = &rollout->members[index];
    rollout_member_uncount (rollout, member);
    member->online = online;
    member->lost_ms = online ? 0 : now_ms;
    rollout_member_count (rollout, member);
    if (!online)
        rollout_look_by (rollout, now_ms + rollout->settle_ms);
    else if (member->state == WIRE_MEMBER_LOST_CONTACT) { /* the report of its version follows */
        rollout_member_discharge (rollout, index);
        rollout_member_enter (rollout, index, member->confirmed ? WIRE_MEMBER_UPDATED : WIRE_MEMBER_ORDERED,
                              ROLLOUT_KEEP, now_ms);
    }
    if (online)
        rollout_member_call_again (rollout, index, now_ms);
    rollout_machine_check (rollout);
}

void rollout_other (struct rollout *rollout, uint32_t failure_domain, int all, int lost)
{
    base_assert (rollout);
    if (failure_domain >= rollout->n_failure_domains)
        return;
    rollout->failure_domains[failure_domain].others += (uint32_t) all;
    rollout->failure_domains[failure_domain].others_lost += (uint32_t) lost;
}

void rollout_compare (struct rollout *rollout, const struct rollout_sample *sample, uint64_t now_ms)
{
    base_assert (rollout);
    base_assert (sample);
    if (!rollout_is_running (rollout) || rollout->spec.significance == 0)
        return;
    rollout_evidence_add (&rollout->evidence, sample);
    (void) rollout_gates_check (rollout, ROLLOUT_AT_SAMPLE, ROLLOUT_NOBODY, now_ms);
    rollout_machine_check (rollout);
}

static uint64_t stopped_ms (const struct rollout *rollout, uint64_t now_ms)
{
    uint64_t running = rollout->stop_ms && now_ms > rollout->stop_ms ? now_ms - rollout->stop_ms : 0;
    return rollout->stopped_ms + running;
}

/*  The time of a wave stands still while the rollout is paused, or updating outside its window. */
static void clock_set (struct rollout *rollout, uint64_t closed_ms, uint64_t now_ms)
{
    bool stop = rollout->paused || (closed_ms && rollout->phase == WIRE_PHASE_UPDATING);
    if (stop == (rollout->stop_ms != 0))
        return;
    rollout->stopped_ms = stopped_ms (rollout, now_ms);
    rollout->stop_ms = stop ? now_ms : 0;
    rollout->changed = true;
}

/*  Whether the failure is the node's own. If most of the nodes of the same failure domain that are not
    updated have lost contact too, the network or the broker is at fault. */
static bool member_is_alone (const struct rollout *rollout, const struct rollout_member *member)
{
    const struct rollout_failure_domain *failure_domain = &rollout->failure_domains[member->failure_domain];
    return failure_domain->others_lost == 0 || 2 * failure_domain->others_lost < failure_domain->others;
}

static void member_judge_silence (struct rollout *rollout, uint32_t index, uint64_t now_ms)
{
    struct rollout_member *member = &rollout->members[index];
    if (!member->lost_ms || (member->state != WIRE_MEMBER_ORDERED && member->state != WIRE_MEMBER_UPDATED))
        return;
    if (now_ms < member->lost_ms + rollout->settle_ms) {
        rollout_look_by (rollout, member->lost_ms + rollout->settle_ms);
        return;
    }
    if (!member_is_alone (rollout, member)) {
        rollout_look_by (rollout, now_ms + rollout->settle_ms); /* the others may come back without it */
        return;
    }
    member->lost_ms = 0;
    rollout_member_enter (rollout, index, WIRE_MEMBER_LOST_CONTACT, ROLLOUT_KEEP, now_ms);
    rollout_member_charge (rollout, index);
}

static void member_check_deadline (struct rollout *rollout, uint32_t index, uint64_t now_ms)
{
    struct rollout_member *member = &rollout->members[index];
    if (!rollout_is_under_way (member->state))
        return;
    uint64_t ends_ms = member->since_ms + rollout->spec.node_deadline_ms;
    if (now_ms >= ends_ms && member->unfit) {
        rollout_member_enter (rollout, index, WIRE_MEMBER_SKIPPED, ROLLOUT_CANCEL, now_ms);
        return;
    }
    if (now_ms >= ends_ms && member->was_unfit)
        ends_ms += rollout->spec.node_deadline_ms;
    if (now_ms < ends_ms) {
        rollout_look_by (rollout, ends_ms);
        return;
    }
    bool back = member->state == WIRE_MEMBER_REVERTING;
    rollout_member_enter (rollout, index, back ? WIRE_MEMBER_STUCK : WIRE_MEMBER_OVERDUE,
                          back ? ROLLOUT_KEEP : ROLLOUT_CANCEL, now_ms);
    rollout_member_charge (rollout, index);
}

/*  Checks the deadlines of all members; seldom, because it visits each of them. */
static void members_look (struct rollout *rollout, uint64_t now_ms)
{
    if (now_ms < rollout->look_ms)
        return;
    rollout->look_ms = UINT64_MAX;
    for (uint32_t i = 0; i < rollout->n_members; i++) {
        member_judge_silence (rollout, i, now_ms);
        member_check_deadline (rollout, i, now_ms);
    }
    (void) rollout_gates_check (rollout, ROLLOUT_AT_FAILURE, ROLLOUT_NOBODY, now_ms);
    rollout_reverting_finish (rollout, now_ms);
}

uint64_t rollout_wave_ends_ms (const struct rollout *rollout, uint64_t now_ms)
{
    base_assert (rollout);
    if (rollout->phase == WIRE_PHASE_APPROVAL)
        return rollout->paused ? UINT64_MAX : rollout->phase_ms + rollout->spec.wave_deadline_ms;
    if (rollout->stop_ms)
        return UINT64_MAX;
    return rollout->wave_ms + rollout->spec.wave_deadline_ms + stopped_ms (rollout, now_ms);
}

/*  Every node of the wave has ended, except those without contact. Waits until they have been silent long
    enough. */
static void wave_soak_or_wait (struct rollout *rollout, uint64_t now_ms, uint64_t *ret_until_ms)
{
    const struct rollout_wave *wave = &rollout->waves[rollout->wave];
    uint64_t until_ms = 0;
    for (uint32_t i = wave->first; i < wave->first + wave->count; i++) {
        const struct rollout_member *member = &rollout->members[i];
        if (member->state == WIRE_MEMBER_WAITING && !member->online &&
            !rollout_member_is_silent (rollout, member, now_ms) &&
            member->lost_ms + rollout->settle_ms > until_ms)
            until_ms = member->lost_ms + rollout->settle_ms;
    }
    if (until_ms == 0)
        rollout_phase_enter (rollout, WIRE_PHASE_SOAKING, now_ms);
    else if (until_ms < *ret_until_ms)
        *ret_until_ms = until_ms;
}

/*  Starts the next node of the wave. Returns false if there is none; nothing changes by itself until
    *ret_until_ms. */
static bool wave_start_next (struct rollout *rollout, uint64_t now_ms, uint64_t *ret_until_ms)
{
    struct rollout_wave *wave = &rollout->waves[rollout->wave];
    for (; wave->cursor < wave->count; wave->cursor++) {
        uint32_t index = wave->first + wave->cursor;
        const struct rollout_member *member = &rollout->members[index];
        if (member->state != WIRE_MEMBER_WAITING || !member->online)
            continue;
        if (rollout->spec.concurrency && wave->under_way >= rollout->spec.concurrency)
            return false;
        uint64_t start_ms = member->start_ms + rollout->stopped_ms;
        if (now_ms < start_ms) {
            *ret_until_ms = start_ms;
            return false;
        }
        wave->cursor++;
        rollout_member_enter (rollout, index, WIRE_MEMBER_ORDERED, ROLLOUT_ORDER, now_ms);
        return true;
    }
    if (wave->under_way == 0)
        wave_soak_or_wait (rollout, now_ms, ret_until_ms);
    return false;
}

/*  Advances the rollout. Returns the time until which nothing changes by itself; 0: something has changed. */
static uint64_t rollout_advance (struct rollout *rollout, uint64_t now_ms, uint64_t wall_ms)
{
    uint64_t until_ms = UINT64_MAX, ends_ms;
    if (!rollout_is_running (rollout))
        return until_ms;
    uint64_t closed_ms = rollout_gates_open_ms (rollout, wall_ms);
    if (rollout->phase != WIRE_PHASE_APPROVAL)
        clock_set (rollout, closed_ms, now_ms);
    ends_ms = rollout_wave_ends_ms (rollout, now_ms);
    if (rollout_gates_check (rollout, ROLLOUT_AT_CLOCK, ROLLOUT_NOBODY, now_ms))
        return 0;
    if (rollout->phase == WIRE_PHASE_UPDATING && !rollout->paused && !closed_ms) {
        if (wave_start_next (rollout, now_ms, &until_ms) || rollout->phase == WIRE_PHASE_SOAKING)
            return 0;
        uint64_t closes_ms = rollout_window_closes_ms (rollout->spec.window, wall_ms);
        if (closes_ms != UINT64_MAX && now_ms + closes_ms < until_ms)
            until_ms = now_ms + closes_ms;
    } else if (rollout->phase == WIRE_PHASE_UPDATING && !rollout->paused) {
        const struct rollout_wave *wave = &rollout->waves[rollout->wave];
        until_ms = now_ms + closed_ms;
        if (wave->cursor == wave->count && wave->under_way == 0) /* ended after the window closed */
            wave_soak_or_wait (rollout, now_ms, &until_ms);
        if (rollout->phase == WIRE_PHASE_SOAKING)
            return 0;
    } else if (rollout->phase == WIRE_PHASE_SOAKING && !rollout->paused && rollout->under_way == 0) {
        until_ms = rollout->phase_ms + rollout->spec.soak_ms;
        if (now_ms >= until_ms) {
            rollout_wave_end (rollout, ROLLOUT_NOT_APPROVED, now_ms);
            return 0;
        }
    }
    return ends_ms < until_ms ? ends_ms : until_ms;
}

static struct rollout_action action_next (struct rollout *rollout, uint64_t now_ms, uint64_t wall_ms)
{
    uint64_t until_ms;
    do {
        members_look (rollout, now_ms);
        if (rollout->changed) {
            rollout->changed = false;
            return (struct rollout_action){.kind = ROLLOUT_TRANSITION, .member = ROLLOUT_NOBODY};
        }
        if (rollout->pending_first != ROLLOUT_NOBODY) {
            uint32_t index = rollout->pending_first;
            struct rollout_member *member = &rollout->members[index];
            struct rollout_action action = {.kind = member->pending, .member = index};
            rollout->pending_first = member->pending_next;
            if (rollout->pending_first == ROLLOUT_NOBODY)
                rollout->pending_last = ROLLOUT_NOBODY;
            base_assert (action.kind != ROLLOUT_WAIT);
            member->pending = ROLLOUT_WAIT;
            return action;
        }
        until_ms = rollout_advance (rollout, now_ms, wall_ms);
    } while (until_ms == 0 || rollout->changed);
    if (rollout->look_ms < until_ms)
        until_ms = rollout->look_ms;
    return (struct rollout_action){.kind = ROLLOUT_WAIT, .member = ROLLOUT_NOBODY, .until_ms = until_ms};
}

struct rollout_action rollout_next (struct rollout *rollout, uint64_t now_ms, uint64_t wall_ms)
{
    base_assert (rollout);
    struct rollout_action action = action_next (rollout, now_ms, wall_ms);
    rollout_machine_check (rollout);
    base_assert ((action.kind == ROLLOUT_WAIT || action.kind == ROLLOUT_TRANSITION) ==
                 (action.member == ROLLOUT_NOBODY));
    return action;
}

bool rollout_is_over (const struct rollout *rollout)
{
    base_assert (rollout);
    return rollout->phase == WIRE_PHASE_DONE || rollout->phase == WIRE_PHASE_ABORTED ||
           rollout->phase == WIRE_PHASE_REVERTED || rollout->phase == WIRE_PHASE_SUPERSEDED;
}
