/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/pace.c - rate limit */

#include "broker/pace.h"

#include "base/assert.h"

bool broker_pace_take (struct broker_pace *pace, unsigned at_once, unsigned a_minute, uint64_t now_ms)
{
    base_assert (pace && at_once > 0 && a_minute > 0);
    uint64_t past_ms = now_ms > pace->until_ms ? now_ms - pace->until_ms : 0;
    uint64_t freed = past_ms < UINT32_MAX ? past_ms * a_minute / 60 : UINT64_MAX;

    if (freed > 0) { /* else until_ms stays: fractions of a thousandth add up */
        pace->used = pace->used > freed ? pace->used - freed : 0;
        pace->until_ms = now_ms;
    }
    if (pace->used + 1000 > (uint64_t) at_once * 1000) {
        pace->refused++;
        return false;
    }
    pace->used += 1000;
    return true;
}
