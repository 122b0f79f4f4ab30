/*  rollout/machine.h - what the files of the machine share; used inside this room only */

#ifndef ROLLOUT_MACHINE_H
#define ROLLOUT_MACHINE_H

#include "rollout/rollout.h"

/*  Adds a member to what is counted, or takes it out: around each change of it. */
void rollout_member_count (struct rollout *rollout, const struct rollout_member *member, bool in);

/*  Puts a member into the list of those with something to be told, or to be kept. */
void rollout_member_pend (struct rollout *rollout, uint32_t index, enum rollout_kind kind);

/*  Begins the wave that it is at, or has a person asked about it. */
void rollout_wave_begin_or_ask (struct rollout *rollout, uint64_t now_ms);

#endif
