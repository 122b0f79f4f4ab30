/* SPDX-License-Identifier: MPL-2.0 */
/*  rollout/gates.h - the gates of a rollout: what it checks before it goes on; private to this room

    A gate is checked at its moment. One that is shut halts the rollout, which then names the gate and the
    reason in its state. The window is the exception: while it is closed, the rollout waits. */

#ifndef ROLLOUT_GATES_H
#define ROLLOUT_GATES_H

#include "rollout/rollout.h"

enum rollout_moment {
    ROLLOUT_AT_FAILURE, /* a node was charged, or may have been */
    ROLLOUT_AT_SAMPLE,  /* a sample of the comparison was added */
    ROLLOUT_AT_REVERT,  /* a node of the first wave has rehearsed its revert */
    ROLLOUT_AT_CLOCK,   /* time has passed */
    ROLLOUT_AT_WAVE_END /* the wave has soaked; the next one, if any, is about to begin */
};

/*  Checks the gates of a moment, in the order of their numbers. The first one that is shut halts a running
    rollout. member: of ROLLOUT_AT_REVERT; else ROLLOUT_NOBODY. Returns whether a gate was shut. */
bool rollout_gates_check (struct rollout *rollout, enum rollout_moment moment, uint32_t member,
                          uint64_t now_ms);

/*  Milliseconds until every gate lets nodes be started; 0: now. wall_ms: since 1970, UTC. */
uint64_t rollout_gates_open_ms (const struct rollout *rollout, uint64_t wall_ms);

#endif
