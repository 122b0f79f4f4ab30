/* SPDX-License-Identifier: MPL-2.0 */
/*  rollout/window.c - when a rollout may start nodes */

#include "rollout/window.h"

#define MINUTE_MS UINT64_C (60000)
#define DAY_MS (24 * 60 * MINUTE_MS)

enum { DAYS = 7, FIRST_DAY = 3 /* 1970-01-01 was a Thursday */ };

static bool window_opens_on (const struct wire_window *window, uint64_t day)
{
    return window->days == 0 || (window->days >> ((day + FIRST_DAY) % DAYS) & 1);
}

/*  The times at which the window of a day opens and closes. Returns false if it does not open on that day. */
static bool window_of_day (const struct wire_window *window, uint64_t day, uint64_t *ret_from,
                           uint64_t *ret_until)
{
    if (!window_opens_on (window, day))
        return false;
    uint64_t until = window->until > window->from ? window->until : window->until + 24 * 60;
    *ret_from = day * DAY_MS + window->from * MINUTE_MS;
    *ret_until = day * DAY_MS + until * MINUTE_MS;
    return true;
}

uint64_t rollout_window_closes_ms (const struct wire_window *window, uint64_t now_ms)
{
    uint64_t day = now_ms / DAY_MS, from, until, closes = 0;
    if (!window)
        return UINT64_MAX;
    /*  The window of the day before may still be open; one that lasts a whole day continues in the next
        one's. */
    for (uint64_t at = day ? day - 1 : 0; at <= day + DAYS; at++)
        if (window_of_day (window, at, &from, &until) && from <= (closes ? now_ms + closes : now_ms) &&
            until > (closes ? now_ms + closes : now_ms))
            closes = until - now_ms;
    return closes > DAYS * DAY_MS ? UINT64_MAX : closes;
}

uint64_t rollout_window_opens_ms (const struct wire_window *window, uint64_t now_ms)
{
    uint64_t day = now_ms / DAY_MS, from, until;
    if (rollout_window_closes_ms (window, now_ms) > 0)
        return 0;
    for (uint64_t at = day; at <= day + DAYS; at++)
        if (window_of_day (window, at, &from, &until) && from > now_ms)
            return from - now_ms;
    return DAYS * DAY_MS; /* `days` names no existing day */
}
