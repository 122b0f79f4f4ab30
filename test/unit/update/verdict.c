/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/update/verdict.c - the blame check after a failed rehearsal, case by case */

#include <criterion/criterion.h>

#include "update/verdict.h"

static const struct update_rehearsed passed = {.passed = true}, failed = {.slowest_ms = 10},
                                     host = {.host = true}, killed = {.killed = true}, late = {.late = true};

Test (verdict, a_candidate_that_passes_any_attempt_has_passed)
{
    cr_expect_eq (update_verdict_candidate (&passed, 1), UPDATE_VERDICT_PASSED);
    cr_expect_eq (update_verdict_candidate (&passed, 2), UPDATE_VERDICT_PASSED);
}

Test (verdict, a_kill_or_a_deadline_allows_a_second_attempt_and_no_third)
{
    cr_expect_eq (update_verdict_candidate (&killed, 1), UPDATE_VERDICT_AGAIN);
    cr_expect_eq (update_verdict_candidate (&late, 1), UPDATE_VERDICT_AGAIN);
    cr_expect_eq (update_verdict_candidate (&killed, 2), UPDATE_VERDICT_CONTROL);
    cr_expect_eq (update_verdict_candidate (&late, 2), UPDATE_VERDICT_CONTROL);
    cr_expect_eq (update_verdict_candidate (&failed, 1), UPDATE_VERDICT_CONTROL,
                  "this failure comes from the candidate");
}

Test (verdict, a_candidate_that_the_host_could_not_run_is_not_tried_again)
{
    struct update_rehearsed both = {.host = true, .late = true};
    cr_expect_eq (update_verdict_candidate (&host, 1), UPDATE_VERDICT_UNFIT);
    cr_expect_eq (update_verdict_candidate (&both, 1), UPDATE_VERDICT_UNFIT);
}

Test (verdict, a_candidate_is_blamed_only_if_the_running_version_passes)
{
    cr_expect_eq (update_verdict_control (&failed, &passed, 1000), UPDATE_VERDICT_BLAMED);
    cr_expect_eq (update_verdict_control (&killed, &passed, 1000), UPDATE_VERDICT_BLAMED);
    cr_expect_eq (update_verdict_control (&late, &passed, 1000), UPDATE_VERDICT_BLAMED);
    cr_expect_eq (update_verdict_control (&failed, &failed, 1000), UPDATE_VERDICT_UNFIT);
    cr_expect_eq (update_verdict_control (&failed, &host, 1000), UPDATE_VERDICT_UNFIT);
    cr_expect_eq (update_verdict_control (&late, &late, 1000), UPDATE_VERDICT_UNFIT);
}

Test (verdict, a_deadline_that_the_running_version_barely_meets_is_not_blamed_on_the_candidate)
{
    struct update_rehearsed barely = {.passed = true, .slowest_ms = 501};
    struct update_rehearsed well = {.passed = true, .slowest_ms = 500};
    cr_expect_eq (update_verdict_control (&late, &barely, 1000), UPDATE_VERDICT_UNFIT);
    cr_expect_eq (update_verdict_control (&late, &well, 1000), UPDATE_VERDICT_BLAMED);
    cr_expect_eq (update_verdict_control (&failed, &barely, 1000), UPDATE_VERDICT_BLAMED,
                  "other failures are not a lack of time");
}
