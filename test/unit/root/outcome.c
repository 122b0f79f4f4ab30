/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/root/outcome.c - var/outcome, the record of older versions */

#include "root/outcome.h"

#include "fixture.h"

static struct root_outcome outcome = {.workspace = "2026-11-22T15:00:00.123456789Z",
                                      .cause = ROOT_CAUSE_HUNG,
                                      .text = "was not ready\nin time"};

TestSuite (outcome, .init = fixture_begin, .fini = fixture_end);

Test (outcome, an_outcome_is_read_as_it_was_written)
{
    struct root_outcome found;
    cr_expect_eq (root_outcome_read (&root, &found), ROOT_E_NONE);
    cr_assert_eq (root_outcome_write (&root, &outcome, NULL), 0);
    cr_assert_eq (root_outcome_read (&root, &found), 0);
    cr_expect_str_eq (found.workspace, outcome.workspace);
    cr_expect_eq (found.cause, ROOT_CAUSE_HUNG);
    cr_expect_str_eq (found.text, "was not ready in time", "one line");
    cr_expect_eq (root_outcome_remove (&root), 0);
    cr_expect_eq (root_outcome_remove (&root), 0);
    cr_expect_eq (root_outcome_read (&root, &found), ROOT_E_NONE);
}

Test (outcome, an_outcome_is_written_if_var_is_missing)
{
    struct root_outcome found;
    cr_assert_eq (rmdir ("root/var"), 0);
    cr_assert_eq (root_outcome_write (&root, &outcome, NULL), 0);
    cr_expect_eq (root_outcome_read (&root, &found), 0);
}

Test (outcome, a_damaged_outcome_is_set_aside)
{
    struct root_outcome found;
    scratch_write_text ("root/var/outcome", "cause unheard-of\nworkspace 2026-11-22T15:00:00.123456789Z\n");
    cr_expect_eq (root_outcome_read (&root, &found), ROOT_E_DAMAGED);
    cr_expect_eq (root_outcome_read (&root, &found), ROOT_E_NONE);
    cr_expect (scratch_exists ("root/var/outcome.damaged"));
    cr_assert_eq (mkdir ("root/var/outcome", 0700), 0);
    cr_expect_eq (root_outcome_read (&root, &found), ROOT_E_DAMAGED,
                  "a directory replaces the older file that was set aside");
    cr_expect_eq (root_outcome_read (&root, &found), ROOT_E_NONE);
}
