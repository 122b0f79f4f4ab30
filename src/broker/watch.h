/*  broker/watch.h - the clock of rollouts: how long a broker has watched over these records

    Nobody can set it. It counts the time during which a broker ran, by CLOCK_BOOTTIME, and goes on from the
    records where the last one ended: the time in which no broker ran, or in which it was not scheduled (its
    host slept), is not in it. Soaks, deadlines and spreads are differences of this clock, so they need no
    boot id. A broker that is killed loses what it has watched since it was kept last, and never repeats an
    instant that is in the records. It keeps the clock often at first, so that time passes even where it is
    killed again and again, and later every BROKER_WATCH_KEEP_MS. */

#ifndef BROKER_WATCH_H
#define BROKER_WATCH_H

#include <stdint.h>

enum {
    BROKER_WATCH_KEEP_FIRST_MS = 250, /* while rollouts are at work; doubled each time */
    BROKER_WATCH_KEEP_MS = 10 * 1000,
    BROKER_WATCH_GAP_MS = 60 * 1000 /* of what lies further apart, this much at most was watched */
};

struct broker_watch {
    uint64_t watched_ms; /* at boot_ms */
    uint64_t boot_ms;
    uint64_t kept_ms; /* in the records */
    uint64_t keep_ms; /* how long until it is kept again */
};

/*  kept_ms: as the records have it. */
static inline void broker_watch_begin (struct broker_watch *watch, uint64_t kept_ms, uint64_t boot_ms)
{
    *watch = (struct broker_watch){
        .watched_ms = kept_ms, .boot_ms = boot_ms, .kept_ms = kept_ms, .keep_ms = BROKER_WATCH_KEEP_FIRST_MS};
}

static inline uint64_t broker_watch_ms (struct broker_watch *watch, uint64_t boot_ms)
{
    uint64_t passed_ms = boot_ms > watch->boot_ms ? boot_ms - watch->boot_ms : 0;
    watch->watched_ms += passed_ms < BROKER_WATCH_GAP_MS ? passed_ms : BROKER_WATCH_GAP_MS;
    watch->boot_ms = boot_ms;
    return watch->watched_ms;
}

#endif
