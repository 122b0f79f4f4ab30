/* SPDX-License-Identifier: MPL-2.0 */
/*  deploy/clock.h - the clock of rollouts: the time in which a broker has run with these records

    Nobody can set this clock. It counts by CLOCK_BOOTTIME, and continues from the records after a restart.
    Time in which no broker ran, or in which its host slept, is not counted. Soaks, deadlines and staggers are
    differences of this clock, so they need no boot id.

    A broker that was killed loses the time since the last save; no time in the records is repeated. The clock
    is saved often at first, so that it advances even if the broker is killed again and again, and later every
    DEPLOY_CLOCK_KEEP_MS. */

#ifndef DEPLOY_CLOCK_H
#define DEPLOY_CLOCK_H

#include <stdint.h>

enum {
    DEPLOY_CLOCK_KEEP_FIRST_MS = 250, /* first interval of saves while rollouts are live; doubled each time */
    DEPLOY_CLOCK_KEEP_MS = 10 * 1000,
    DEPLOY_CLOCK_GAP_MS = 60 * 1000 /* the most that counts of the time between two readings */
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

/*  Reads the clock. boot_ms: CLOCK_BOOTTIME now. */
static inline uint64_t deploy_clock_ms (struct deploy_clock *clock, uint64_t boot_ms)
{
    uint64_t passed_ms = boot_ms > clock->boot_ms ? boot_ms - clock->boot_ms : 0;
    clock->watched_ms += passed_ms < DEPLOY_CLOCK_GAP_MS ? passed_ms : DEPLOY_CLOCK_GAP_MS;
    clock->boot_ms = boot_ms;
    return clock->watched_ms;
}

#endif
