/* SPDX-License-Identifier: MPL-2.0 */
/*  rollout/machine.h - the members, phases and waves of a rollout, for the files that change it; private to
    this room

    The functions that enter, begin, halt or revert do so in any phase: the caller has checked that it may. */

#ifndef ROLLOUT_MACHINE_H
#define ROLLOUT_MACHINE_H

#include "rollout/rollout.h"

/*  Asserts what holds between the calls of the owner. Does not visit the members. */
void rollout_machine_check (const struct rollout *rollout);

/*  A change of a member: removes it from the counts, and adds it again. */
void rollout_member_uncount (struct rollout *rollout, const struct rollout_member *member);
void rollout_member_count (struct rollout *rollout, const struct rollout_member *member);

/*  Puts a member into the list of those with a pending action. */
void rollout_member_pend (struct rollout *rollout, uint32_t index, enum rollout_kind kind);

/*  Sets a member's state; kind is the pending action that follows. */
void rollout_member_enter (struct rollout *rollout, uint32_t index, enum wire_member state,
                           enum rollout_kind kind, uint64_t now_ms);

/*  Charges a member to the budgets, or no longer. */
void rollout_member_charge (struct rollout *rollout, uint32_t index);
void rollout_member_discharge (struct rollout *rollout, uint32_t index);

/*  Whether a node without contact has been so for long enough to count: just after the owner's start, all are
    without contact. */
bool rollout_member_is_silent (const struct rollout *rollout, const struct rollout_member *member,
                               uint64_t now_ms);

/*  A node is back that was without contact when it was to be started: it is started later, unless its wave is
    over. */
void rollout_member_call_again (struct rollout *rollout, uint32_t index, uint64_t now_ms);

/*  Checks the members' deadlines at at_ms at the latest. */
void rollout_look_by (struct rollout *rollout, uint64_t at_ms);

/*  Whether it is on the way to its end: not halted, reverting or over. A paused one is. */
bool rollout_is_running (const struct rollout *rollout);

void rollout_phase_enter (struct rollout *rollout, enum wire_phase phase, uint64_t now_ms);

/*  Sets the reason; no gate is named for it. */
__attribute__ ((format (printf, 2, 3))) void rollout_reason_set (struct rollout *rollout, const char *format,
                                                                 ...);

/*  Cancels updates that have not switched yet. */
void rollout_members_cancel (struct rollout *rollout);

/*  The same, and reverts updated nodes, and nodes that may have been updated unseen: the order waits for
    them. */
void rollout_members_revert (struct rollout *rollout, uint64_t now_ms);

/*  Halts, or reverts if the spec says so. The reason must be set. */
void rollout_phase_halt (struct rollout *rollout, uint64_t now_ms);

/*  Reverts all members; if none needs it, the rollout is reverted at once. The reason must be set. */
void rollout_phase_revert (struct rollout *rollout, uint64_t now_ms);

/*  Ends reverting once no node is under way any more. */
void rollout_reverting_finish (struct rollout *rollout, uint64_t now_ms);

/*  When the time of the wave, or of its approval, is over. UINT64_MAX while it stands still. */
uint64_t rollout_wave_ends_ms (const struct rollout *rollout, uint64_t now_ms);

/*  Begins the current wave. Its nodes are started in their order, staggered evenly. */
void rollout_wave_begin (struct rollout *rollout, uint64_t now_ms);

/*  Begins the current wave, or waits for its approval first. */
void rollout_wave_begin_or_ask (struct rollout *rollout, uint64_t now_ms);

/*  Whether an operator has approved the next wave. */
enum rollout_approval { ROLLOUT_NOT_APPROVED, ROLLOUT_APPROVED };

/*  Ends the wave, and begins the next one if it needs no further approval. */
void rollout_wave_end (struct rollout *rollout, enum rollout_approval approval, uint64_t now_ms);

/*  Marks members that are still waiting as skipped, at the end of the rollout or of their wave. */
void rollout_members_leave (struct rollout *rollout, uint32_t first, uint32_t count, uint64_t now_ms);

#endif
