/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/pace.h - rate limit: a burst of at_once, and a_minute a minute after that

    Null value: all zero; the first call is allowed. The caller passes the time. */

#ifndef BROKER_PACE_H
#define BROKER_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct broker_pace {
    uint64_t used;     /* thousandths of one permit that are in use */
    uint64_t until_ms; /* time at which used was last updated */
    uint64_t refused;  /* refusals that the owner has not reported yet */
};

/*  Returns whether one more may happen now, and counts it as used or as refused. now_ms: since boot. */
bool broker_pace_take (struct broker_pace *pace, unsigned at_once, unsigned a_minute, uint64_t now_ms);

#endif
