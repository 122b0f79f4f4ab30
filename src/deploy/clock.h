/* SPDX-License-Identifier: MPL-2.0 */
/*  deploy/clock.h - the clock of rollouts: for how long brokers have watched these records

    Nobody can set this clock. It counts the time during which a broker ran, by CLOCK_BOOTTIME, and
    continues from the records after a restart. Time in which no broker ran, or in which it was not
    scheduled (its host slept), is not counted. Soaks, deadlines and spreads are differences of this clock,
    so they need no boot id. A broker that is killed loses the time since the last save, and never repeats
    an instant that is in the records. It saves the clock often at first, so that time advances even if it
    is killed again and again, and later every DEPLOY_CLOCK_KEEP_MS. */

#ifndef DEPLOY_CLOCK_H
#define DEPLOY_CLOCK_H

#include <stdint.h>

enum {
    DEPLOY_CLOCK_KEEP_FIRST_MS = 250, /* first interval of saves while rollouts are live; doubled each time */
    DEPLOY_CLOCK_KEEP_MS = 10 * 1000,
    DEPLOY_CLOCK_GAP_MS = 60 * 1000 /* of a longer gap between two readings, only this much counts */
};

struct deploy_clock {
    uint64_t watched_ms; /* at boot_ms */
    uint64_t boot_ms;
    uint64_t kept_ms; /* in the records */
    uint64_t keep_ms; /* interval until the next save */
};

/*  kept_ms: the clock in the records. */
static inline void deploy_clock_begin (struct deploy_clock *clock, uint64_t kept_ms, uint64_t boot_ms)
{
    *clock = (struct deploy_clock){
        .watched_ms = kept_ms, .boot_ms = boot_ms, .kept_ms = kept_ms, .keep_ms = DEPLOY_CLOCK_KEEP_FIRST_MS};
}

static inline uint64_t deploy_clock_ms (struct deploy_clock *clock, uint64_t boot_ms)
{
    uint64_t passed_ms = boot_ms > clock->boot_ms ? boot_ms - clock->boot_ms : 0;
    clock->watched_ms += passed_ms < DEPLOY_CLOCK_GAP_MS ? passed_ms : DEPLOY_CLOCK_GAP_MS;
    clock->boot_ms = boot_ms;
    return clock->watched_ms;
}

#endif
