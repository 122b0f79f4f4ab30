/*  Whose fault a failed rehearsal is, case by case. */

#include <criterion/criterion.h>

#include "update/verdict.h"

static const struct update_rehearsed passed = {.passed = true}, failed = {.slowest_ms = 10},
                                     host = {.host = true}, killed = {.killed = true}, late = {.late = true};

Test (verdict, a_candidate_that_passes_is_through_at_whichever_try)
{
    cr_expect_eq (update_verdict_candidate (&passed, 1), UPDATE_VERDICT_PASSED);
    cr_expect_eq (update_verdict_candidate (&passed, 2), UPDATE_VERDICT_PASSED);
}

Test (verdict, what_may_have_come_from_outside_gives_a_second_try_and_no_third)
{
    cr_expect_eq (update_verdict_candidate (&killed, 1), UPDATE_VERDICT_AGAIN);
    cr_expect_eq (update_verdict_candidate (&late, 1), UPDATE_VERDICT_AGAIN);
    cr_expect_eq (update_verdict_candidate (&killed, 2), UPDATE_VERDICT_CONTROL);
    cr_expect_eq (update_verdict_candidate (&late, 2), UPDATE_VERDICT_CONTROL);
    cr_expect_eq (update_verdict_candidate (&failed, 1), UPDATE_VERDICT_CONTROL, "this came from inside");
}

Test (verdict, a_candidate_that_never_had_its_chance_is_not_tried_further)
{
    struct update_rehearsed both = {.host = true, .late = true};
    cr_expect_eq (update_verdict_candidate (&host, 1), UPDATE_VERDICT_UNFIT);
    cr_expect_eq (update_verdict_candidate (&both, 1), UPDATE_VERDICT_UNFIT);
}

Test (verdict, a_candidate_is_blamed_only_where_the_version_that_runs_passes)
{
    cr_expect_eq (update_verdict_control (&failed, &passed, 1000), UPDATE_VERDICT_BLAMED);
    cr_expect_eq (update_verdict_control (&killed, &passed, 1000), UPDATE_VERDICT_BLAMED);
    cr_expect_eq (update_verdict_control (&late, &passed, 1000), UPDATE_VERDICT_BLAMED);
    cr_expect_eq (update_verdict_control (&failed, &failed, 1000), UPDATE_VERDICT_UNFIT);
    cr_expect_eq (update_verdict_control (&failed, &host, 1000), UPDATE_VERDICT_UNFIT);
    cr_expect_eq (update_verdict_control (&late, &late, 1000), UPDATE_VERDICT_UNFIT);
}

Test (verdict, a_deadline_that_the_version_that_runs_meets_barely_blames_nobody)
{
    struct update_rehearsed barely = {.passed = true, .slowest_ms = 501};
    struct update_rehearsed well = {.passed = true, .slowest_ms = 500};
    cr_expect_eq (update_verdict_control (&late, &barely, 1000), UPDATE_VERDICT_UNFIT);
    cr_expect_eq (update_verdict_control (&late, &well, 1000), UPDATE_VERDICT_BLAMED);
    cr_expect_eq (update_verdict_control (&failed, &barely, 1000), UPDATE_VERDICT_BLAMED,
                  "what failed otherwise was not for want of time");
}
