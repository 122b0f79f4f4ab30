/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/rollout/window.c - when a maintenance window opens and closes */

#include <criterion/criterion.h>

#include "rollout/window.h"

#define MINUTE UINT64_C (60000)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define MONDAY (UINT64_C (4) * DAY) /* 1970-01-05 */

Test (window, without_a_window_it_is_always_open)
{
    cr_expect_eq (rollout_window_opens_ms (NULL, 12345), 0);
    cr_expect_eq (rollout_window_closes_ms (NULL, 12345), UINT64_MAX);
}

Test (window, a_window_opens_and_closes_on_one_day)
{
    struct wire_window window = {.from = 2 * 60, .until = 4 * 60};
    cr_expect_eq (rollout_window_opens_ms (&window, MONDAY), 2 * HOUR);
    cr_expect_eq (rollout_window_closes_ms (&window, MONDAY), 0);
    cr_expect_eq (rollout_window_opens_ms (&window, MONDAY + 2 * HOUR), 0);
    cr_expect_eq (rollout_window_closes_ms (&window, MONDAY + 2 * HOUR), 2 * HOUR);
    cr_expect_eq (rollout_window_closes_ms (&window, MONDAY + 4 * HOUR - 1), 1);
    cr_expect_eq (rollout_window_opens_ms (&window, MONDAY + 4 * HOUR), 22 * HOUR);
}

Test (window, a_window_may_span_midnight)
{
    struct wire_window window = {.from = 22 * 60, .until = 2 * 60};
    cr_expect_eq (rollout_window_closes_ms (&window, MONDAY + HOUR), HOUR);
    cr_expect_eq (rollout_window_closes_ms (&window, MONDAY + 23 * HOUR), 3 * HOUR);
    cr_expect_eq (rollout_window_opens_ms (&window, MONDAY + 3 * HOUR), 19 * HOUR);
}

Test (window, a_window_opens_only_on_its_days)
{
    struct wire_window window = {.from = 22 * 60, .until = 2 * 60, .days = 1 << 5}; /* Saturday */
    cr_expect_eq (rollout_window_opens_ms (&window, MONDAY), 5 * DAY + 22 * HOUR);
    cr_expect_eq (rollout_window_closes_ms (&window, MONDAY + 5 * DAY + 23 * HOUR), 3 * HOUR);
    cr_expect_eq (rollout_window_closes_ms (&window, MONDAY + 6 * DAY + HOUR), HOUR,
                  "the window of Saturday lasts into Sunday");
    cr_expect_eq (rollout_window_closes_ms (&window, MONDAY + HOUR), 0, "Sunday has no window");
}

Test (window, windows_of_whole_days_are_continuous)
{
    struct wire_window always = {.from = 0, .until = 0};
    struct wire_window weekend = {.from = 0, .until = 0, .days = 1 << 5 | 1 << 6};
    cr_expect_eq (rollout_window_opens_ms (&always, MONDAY + 7 * HOUR), 0);
    cr_expect_eq (rollout_window_closes_ms (&always, MONDAY + 7 * HOUR), UINT64_MAX);
    cr_expect_eq (rollout_window_closes_ms (&weekend, MONDAY + 5 * DAY + HOUR), 2 * DAY - HOUR);
    cr_expect_eq (rollout_window_opens_ms (&weekend, MONDAY + 4 * DAY), DAY);
}
