/*  rollout/machine.h - the members, phases and waves of a rollout, for the files that move it on; used inside
    this room only

    What enters, begins, halts or reverts does so whatever the rollout is doing: who calls has looked. */

#ifndef ROLLOUT_MACHINE_H
#define ROLLOUT_MACHINE_H

#include "rollout/rollout.h"

/*  members */

/*  Adds a member to what is counted, or takes it out: around each change of it. */
void rollout_member_count (struct rollout *rollout, const struct rollout_member *member, bool in);

/*  Puts a member into the list of those with something to be told, or to be kept. */
void rollout_member_pend (struct rollout *rollout, uint32_t index, enum rollout_kind kind);

/*  Brings a member into a state; kind is what is to be told or kept for it. */
void rollout_member_enter (struct rollout *rollout, uint32_t index, enum wire_member state,
                           enum rollout_kind kind, uint64_t now_ms);

/*  Counts a member as bad, or no longer. */
void rollout_member_charge (struct rollout *rollout, uint32_t index, bool charged);

/*  Whether a silence has lasted long enough to say something: a moment after the owner was started, all are
    silent. */
bool rollout_member_is_silent (const struct rollout *rollout, const struct rollout_member *member,
                               uint64_t now_ms);

/*  A node that was away when it was its turn has come back: it has its turn again where its wave is not
    over. */
void rollout_member_call_again (struct rollout *rollout, uint32_t index, uint64_t now_ms);

/*  Has the deadlines of the members looked at no later than then. */
void rollout_look_by (struct rollout *rollout, uint64_t at_ms);

/*  phases */

/*  Whether it is on its way to its end: not halted, not going back, not over. Paused, it is. */
bool rollout_is_running (const struct rollout *rollout);

void rollout_phase_enter (struct rollout *rollout, enum wire_phase phase, uint64_t now_ms);

/*  Sets the reason. */
__attribute__ ((format (printf, 2, 3))) void rollout_reason_set (struct rollout *rollout, const char *format,
                                                                 ...);

/*  Ends what is under way where it has not switched yet; with back, what was updated goes back, and so does
    who may have been updated where nobody could see it: the order waits for him. */
void rollout_members_stop (struct rollout *rollout, bool back, uint64_t now_ms);

/*  Halts, or goes back where its spec says so. The reason has been set. */
void rollout_phase_halt (struct rollout *rollout, uint64_t now_ms);

/*  Has everybody go back; where nobody need, that is over at once. The reason has been set. */
void rollout_phase_revert (struct rollout *rollout, uint64_t now_ms);

/*  Ends going back once nobody is under way any more. */
void rollout_reverting_finish (struct rollout *rollout, uint64_t now_ms);

/*  Halts one that is running where a budget is overdrawn. */
void rollout_budgets_check (struct rollout *rollout, uint64_t now_ms);

/*  waves */

/*  Begins the wave that it is at. Its nodes are begun with in their order, evenly over the spread. */
void rollout_wave_begin (struct rollout *rollout, uint64_t now_ms);

/*  The same, or has a person asked about it. */
void rollout_wave_begin_or_ask (struct rollout *rollout, uint64_t now_ms);

/*  Leaves the wave. approved: nobody need be asked about the next one. */
void rollout_wave_end (struct rollout *rollout, bool approved, uint64_t now_ms);

/*  Who of these has not been begun with when the rollout ends, or with it its wave, never is. */
void rollout_members_leave (struct rollout *rollout, uint32_t first, uint32_t count, uint64_t now_ms);

#endif
