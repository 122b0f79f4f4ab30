/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/broker/watch.c - the clock of rollouts: how long the broker has watched over its records */

#include <criterion/criterion.h>

#include "broker/watch.h"

Test (watch, the_clock_continues_from_the_records_whatever_the_boot_clock_shows)
{
    struct broker_watch watch;
    broker_watch_begin (&watch, 5000, 100);
    cr_expect_eq (broker_watch_ms (&watch, 100), 5000);
    cr_expect_eq (broker_watch_ms (&watch, 350), 5250);
    broker_watch_begin (&watch, 5250, 900000); /* the broker was restarted */
    cr_expect_eq (broker_watch_ms (&watch, 900001), 5251);
    broker_watch_begin (&watch, 5251, 3); /* the host was restarted */
    cr_expect_eq (broker_watch_ms (&watch, 4), 5252);
}

Test (watch, a_gap_between_two_readings_counts_one_minute_at_most)
{
    struct broker_watch watch;
    broker_watch_begin (&watch, 0, 1000);
    cr_expect_eq (broker_watch_ms (&watch, 1000 + 8 * 3600 * 1000), BROKER_WATCH_GAP_MS, "the host slept");
    cr_expect_eq (broker_watch_ms (&watch, 1000 + 8 * 3600 * 1000 + 10), BROKER_WATCH_GAP_MS + 10);
}

Test (watch, the_clock_never_goes_back)
{
    struct broker_watch watch;
    broker_watch_begin (&watch, 7, 1000);
    cr_expect_eq (broker_watch_ms (&watch, 900), 7);
    cr_expect_eq (broker_watch_ms (&watch, 1000), 107);
}
