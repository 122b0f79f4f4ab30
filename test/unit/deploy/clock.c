/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/deploy/clock.c - the clock of rollouts: how long the broker has watched over its records */

#include <criterion/criterion.h>

#include "deploy/clock.h"

Test (clock, the_clock_continues_from_the_records_whatever_the_boot_clock_shows)
{
    struct deploy_clock clock;
    deploy_clock_begin (&clock, 5000, 100);
    cr_expect_eq (deploy_clock_ms (&clock, 100), 5000);
    cr_expect_eq (deploy_clock_ms (&clock, 350), 5250);
    deploy_clock_begin (&clock, 5250, 900000); /* the broker was restarted */
    cr_expect_eq (deploy_clock_ms (&clock, 900001), 5251);
    deploy_clock_begin (&clock, 5251, 3); /* the host was restarted */
    cr_expect_eq (deploy_clock_ms (&clock, 4), 5252);
}

Test (clock, a_gap_between_two_readings_counts_one_minute_at_most)
{
    struct deploy_clock clock;
    deploy_clock_begin (&clock, 0, 1000);
    cr_expect_eq (deploy_clock_ms (&clock, 1000 + 8 * 3600 * 1000), DEPLOY_CLOCK_GAP_MS, "the host slept");
    cr_expect_eq (deploy_clock_ms (&clock, 1000 + 8 * 3600 * 1000 + 10), DEPLOY_CLOCK_GAP_MS + 10);
}

Test (clock, the_clock_never_goes_back)
{
    struct deploy_clock clock;
    deploy_clock_begin (&clock, 7, 1000);
    cr_expect_eq (deploy_clock_ms (&clock, 900), 7);
    cr_expect_eq (deploy_clock_ms (&clock, 1000), 107);
}
