/* SPDX-License-Identifier: MPL-2.0 */
/*  rollout/command.c - an operator's commands to a rollout */

#include "rollout/machine.h"

#include <errno.h>
#include <stdio.h>

#include "base/assert.h"

static bool rollout_may_pause (const struct rollout *rollout)
{
    return rollout_is_running (rollout) || rollout->phase == WIRE_PHASE_QUEUED;
}

static int command_refuse (const struct rollout *rollout, char text[ROLLOUT_REASON], const char *what)
{
    (void) snprintf (text, ROLLOUT_REASON, "%s: the rollout is %s%s", what,
                     rollout->paused && rollout_may_pause (rollout) ? "paused, " : "",
                     wire_phase_word (rollout->phase));
    return -EINVAL;
}

bool rollout_is_forgiven (const struct rollout_member *member)
{
    base_assert (member);
    bool failed = member->state == WIRE_MEMBER_FAILED || member->state == WIRE_MEMBER_OVERDUE ||
                  member->state == WIRE_MEMBER_LOST_CONTACT || member->state == WIRE_MEMBER_STUCK;
    return failed && !member->charged && !member->lost_before;
}

/*  The operator accepts the failures until now: they no longer count in the budgets. */
static void members_forgive (struct rollout *rollout)
{
    for (uint32_t i = 0; i < rollout->n_members; i++) {
        struct rollout_member *member = &rollout->members[i];
        if (!member->charged && !member->lost_before)
            continue;
        rollout_member_uncount (rollout, member);
        member->charged = member->lost_before = false;
        rollout_member_count (rollout, member);
        rollout_member_pend (rollout, i, ROLLOUT_KEEP);
    }
    rollout->evidence = (struct rollout_evidence){.samples = 0};
}

/*  Lets the wave's nodes try again. A node without contact keeps its state: it may have been updated
    unseen. */
static void wave_try_again (struct rollout *rollout, uint64_t now_ms)
{
    const struct rollout_wave *wave = &rollout->waves[rollout->wave];
    for (uint32_t i = wave->first; i < wave->first + wave->count; i++) {
        const struct rollout_member *member = &rollout->members[i];
        bool ended = member->state == WIRE_MEMBER_FAILED || member->state == WIRE_MEMBER_OVERDUE ||
                     member->state == WIRE_MEMBER_SKIPPED || member->state == WIRE_MEMBER_REVERTED;
        if (ended && member->online)
            rollout_member_enter (rollout, i, WIRE_MEMBER_WAITING, ROLLOUT_KEEP, now_ms);
    }
}

static void halt_forget (struct rollout *rollout)
{
    members_forgive (rollout);
    rollout->paused = false;
    rollout_reason_set (rollout, "%s", "");
}

uint32_t rollout_approves (const struct rollout *rollout)
{
    base_assert (rollout);
    if (rollout->phase == WIRE_PHASE_APPROVAL)
        return rollout->wave;
    bool unproven = rollout->phase == WIRE_PHASE_HALTED && rollout_is_unproven (rollout);
    return unproven ? rollout->wave + 1 : ROLLOUT_NOBODY;
}

static int command_approve (struct rollout *rollout, uint64_t now_ms, char text[ROLLOUT_REASON])
{
    if (rollout_approves (rollout) == ROLLOUT_NOBODY)
        return command_refuse (rollout, text, "no wave is waiting for approval");
    if (rollout->phase == WIRE_PHASE_APPROVAL) {
        rollout_wave_begin (rollout, now_ms);
        return 0;
    }
    halt_forget (rollout);
    rollout_wave_end (rollout, ROLLOUT_APPROVED, now_ms);
    return 0;
}

static int command_resume (struct rollout *rollout, uint64_t now_ms, char text[ROLLOUT_REASON])
{
    if (rollout->phase == WIRE_PHASE_HALTED) {
        struct rollout_wave *wave = &rollout->waves[rollout->wave];
        halt_forget (rollout);
        if (rollout->members[wave->first].start_ms == 0) { /* halted before this wave was started */
            rollout_wave_begin_or_ask (rollout, now_ms);
            return 0;
        }
        if (rollout_is_unproven (rollout))
            wave_try_again (rollout, now_ms);
        wave->cursor = 0;
        rollout->wave_ms = now_ms;
        rollout->stopped_ms = rollout->stop_ms = 0;
        rollout_phase_enter (rollout, WIRE_PHASE_UPDATING, now_ms);
        return 0;
    }
    if (!rollout_may_pause (rollout) || !rollout->paused)
        return command_refuse (rollout, text, "nothing to resume");
    rollout_reason_set (rollout, "%s", "");
    rollout->paused = false;
    rollout->changed = true;
    return 0;
}

static int command_retry (struct rollout *rollout, uint32_t index, uint64_t now_ms, char text[ROLLOUT_REASON])
{
    if (index >= rollout->n_members)
        return command_refuse (rollout, text, "the node is not in this rollout");
    struct rollout_member *member = &rollout->members[index];
    bool ended = member->state == WIRE_MEMBER_FAILED || member->state == WIRE_MEMBER_OVERDUE ||
                 member->state == WIRE_MEMBER_LOST_CONTACT || member->state == WIRE_MEMBER_SKIPPED ||
                 member->state == WIRE_MEMBER_REVERTED || member->state == WIRE_MEMBER_STUCK;
    if (ended && (rollout->phase == WIRE_PHASE_HALTED || (rollout->paused && rollout_is_running (rollout))))
        return command_refuse (rollout, text, "resume it first, then retry");
    if (!ended || !rollout_is_running (rollout) || rollout->phase == WIRE_PHASE_APPROVAL) {
        (void) snprintf (text, ROLLOUT_REASON, "the node is %s and the rollout %s: nothing to retry",
                         wire_member_word (member->state), wire_phase_word (rollout->phase));
        return -EINVAL;
    }
    if (member->charged)
        rollout_member_discharge (rollout, index);
    if (member->wave < rollout->wave) { /* its wave is over: the node is started on its own */
        rollout_member_enter (rollout, index, WIRE_MEMBER_ORDERED, ROLLOUT_ORDER, now_ms);
        return 0;
    }
    rollout_member_enter (rollout, index, WIRE_MEMBER_WAITING, ROLLOUT_KEEP, now_ms);
    rollout_member_call_again (rollout, index, now_ms);
    return 0;
}

static int command_run (struct rollout *rollout, enum wire_command command, uint32_t member, uint64_t now_ms,
                        char text[ROLLOUT_REASON])
{
    switch (command) {
    case WIRE_COMMAND_PAUSE:
        if (!rollout_may_pause (rollout) || rollout->paused)
            return command_refuse (rollout, text, "nothing to pause");
        rollout->paused = true;
        rollout->changed = true;
        return 0;
    case WIRE_COMMAND_RESUME:
        return command_resume (rollout, now_ms, text);
    case WIRE_COMMAND_APPROVE:
        return command_approve (rollout, now_ms, text);
    case WIRE_COMMAND_ABORT:
        if (!rollout_may_pause (rollout) && rollout->phase != WIRE_PHASE_HALTED)
            return command_refuse (rollout, text, "nothing to abort");
        rollout_reason_set (rollout, "aborted by an operator");
        rollout_phase_enter (rollout, WIRE_PHASE_ABORTED, now_ms);
        rollout_members_leave (rollout, 0, rollout->n_members, now_ms);
        rollout_members_cancel (rollout);
        return 0;
    case WIRE_COMMAND_REVERT:
        if (rollout->phase == WIRE_PHASE_REVERTING || rollout->phase == WIRE_PHASE_REVERTED)
            return command_refuse (rollout, text, "the rollout is being reverted already");
        if (rollout->phase == WIRE_PHASE_QUEUED || rollout->phase == WIRE_PHASE_SUPERSEDED)
            return command_refuse (rollout, text, "the rollout has no node to revert");
        rollout_reason_set (rollout, "reverted by an operator");
        rollout_phase_revert (rollout, now_ms);
        return 0;
    case WIRE_COMMAND_RETRY:
        return command_retry (rollout, member, now_ms, text);
    case WIRE_COMMAND_NULL:
    case WIRE_COMMAND_END:
        break;
    }
    return command_refuse (rollout, text, "unknown command");
}

int rollout_command (struct rollout *rollout, enum wire_command command, uint32_t member, uint64_t now_ms,
                     char text[ROLLOUT_REASON])
{
    base_assert (rollout);
    base_assert (text);
    int r = command_run (rollout, command, member, now_ms, text);
    rollout_machine_check (rollout);
    return r;
}
