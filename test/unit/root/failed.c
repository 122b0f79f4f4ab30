/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/root/failed.c - the files .failed.WORKSPACE: releases that failed on trial are not tried
    again */

#include "root/record.h"

#include "fixture.h"

static struct base_digest release;

static void suite_begin (void)
{
    fixture_begin ();
    versions_make (2);
    base_cleanup (wire_installed_deinit) struct wire_installed installed = {.envelope = NULL};
    cr_assert_eq (root_workspace_read (&root, two, &installed, &error), 0, "%s", error.text);
    release = installed.release;
    stable_put (one);
    cr_assert_eq (root_switch (&root, two, &root_limits_default, &error), 0, "%s", error.text);
}

TestSuite (failed, .init = suite_begin, .fini = fixture_end);

static struct root_outcome outcome_crashed (void)
{
    struct root_outcome outcome = {.cause = ROOT_CAUSE_CRASHED, .text = "exited\nwith status 3"};
    memcpy (outcome.workspace, two, sizeof two);
    return outcome;
}

Test (failed, a_note_names_the_release_that_was_on_trial)
{
    struct root_outcome outcome = outcome_crashed (), found;
    cr_expect_eq (root_failed_read (&root, two, &found), ROOT_E_NONE);
    cr_assert_eq (root_failed_write (&root, &outcome, &error), 0, "%s", error.text);
    cr_assert_eq (root_failed_read (&root, two, &found), 0);
    cr_expect_eq (found.cause, ROOT_CAUSE_CRASHED);
    cr_expect_str_eq (found.text, "exited with status 3", "one line");
    cr_expect (base_digest_equal (&found.release, &release));
    cr_expect_eq (found.judged, ROOT_JUDGED_NONE);
    found.judged = ROOT_JUDGED_GUILTY;
    cr_assert_eq (root_failed_write (&root, &found, &error), 0);
    struct root_outcome again;
    cr_assert_eq (root_failed_read (&root, two, &again), 0);
    cr_expect_eq (again.judged, ROOT_JUDGED_GUILTY);
    cr_expect_str_eq (again.time, found.time,
                      "the time is that of the end of the trial, not of the blame check");
}

/*  A time of now would change the digest of the quarantine each time that it is read. */
Test (failed, a_note_without_a_time_has_that_of_its_workspace)
{
    struct root_outcome outcome = outcome_crashed ();
    base_cleanup (wire_failure_deinit) struct wire_failure failure = {.time = NULL};
    cr_assert_eq (root_failed_describe (&root, &outcome, &failure), 0);
    cr_expect_str_eq (failure.time, two);
}

Test (failed, a_note_on_a_full_disk_uses_the_space_reserved_for_it)
{
    static const int codes[] = {ENOSPC, EDQUOT, EIO};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        for (unsigned n = 1;; n++) {
            struct root_outcome outcome = outcome_crashed (), found;
            struct root_began began = {.release = release};
            struct failing_disk failing;
            struct root full = root;
            memcpy (began.workspace, two, sizeof two);
            memcpy (began.back, one, sizeof one);
            cr_assert_eq (root_failed_remove (&root, two), 0);
            cr_assert_eq (root_began_write (&root, &began, &error), 0);
            full.disk = failing_init (&failing, n, codes[i]);
            (void) root_failed_write (&full, &outcome, &error);
            cr_assert_eq (root_failed_read (&root, two, &found), 0, "call %u: %s", n, error.text);
            cr_expect (base_digest_equal (&found.release, &release), "call %u", n);
            if (failing.calls < n)
                break;
        }
}

Test (failed, a_damaged_note_still_means_that_the_trial_ended)
{
    static const char *const damages[] = {": > root/.failed.$two", "echo nonsense > root/.failed.$two",
                                          "rm root/.failed.$two; mkdir root/.failed.$two",
                                          "rm -r root/.failed.$two; ln -s /nowhere root/.failed.$two"};
    struct root_outcome outcome = outcome_crashed (), found;
    cr_assert_eq (setenv ("two", two, 1), 0);
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        cr_assert_eq (root_failed_write (&root, &outcome, &error), 0, "%s", error.text);
        free (scratch_shell (damages[i], NULL));
        cr_assert_eq (root_failed_read (&root, two, &found), 0, "%s", damages[i]);
        cr_expect_eq (found.cause, ROOT_CAUSE_INTERRUPTED);
        cr_expect (base_digest_equal (&found.release, &release), "the release of the workspace");
    }
    cr_expect_eq (root_failed_remove (&root, two), 0);
    cr_expect_eq (root_failed_read (&root, two, &found), ROOT_E_NONE);
}

Test (failed, a_note_quarantines_its_release_without_a_record_until_cleared)
{
    struct root_outcome outcome = outcome_crashed (), found;
    struct wire_failure failure, *listed;
    size_t count;
    unsigned cleared;
    cr_assert_eq (root_failed_write (&root, &outcome, &error), 0);
    free (scratch_shell ("rm -r root/var", NULL));
    cr_assert_eq (root_quarantine_find (&root, &release, &failure), 0);
    cr_expect_str_eq (failure.reason, "on trial it crashed: exited with status 3");
    cr_expect_str_eq (failure.version, "1.0.0");
    cr_assert_eq (root_quarantine_add (&root, &failure, &error), 0, "%s", error.text);
    wire_failure_deinit (&failure);
    cr_assert_eq (root_quarantine_list (&root, &listed, &count, &error), 0);
    cr_expect_eq (count, 1, "a note and a record of one release are listed once");
    root_quarantine_free (listed, count);
    cr_assert_eq (root_quarantine_clear (&root, &release, &cleared, &error), 0);
    cr_expect_eq (cleared, 1);
    cr_expect_eq (root_quarantine_find (&root, &release, &failure), ROOT_E_NONE);
    static const enum root_judged ways[] = {ROOT_JUDGED_PENDING, ROOT_JUDGED_INNOCENT};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        outcome.judged = ways[i];
        cr_assert_eq (root_failed_write (&root, &outcome, &error), 0);
        cr_expect_eq (root_quarantine_find (&root, &release, &failure), ROOT_E_NONE);
        cr_expect_eq (root_failed_find (&root, &release, &found), 0);
    }
    cr_assert_eq (root_quarantine_clear (&root, NULL, &cleared, &error), 0);
    cr_expect_eq (root_failed_find (&root, &release, &found), ROOT_E_NONE,
                  "clearing all releases clears these notes, too");
}

Test (failed, stale_marks_and_notes_are_removed)
{
    struct root_outcome outcome = outcome_crashed ();
    cr_assert_eq (root_failed_write (&root, &outcome, &error), 0);
    cr_assert_eq (root_roll_back (&root, &error), 0);
    for (int i = 0; i < 20; i++) {
        char *command = base_text_printf ("cd root; touch .failed.2001-01-01T00:00:00.0000000%02dZ", i);
        free (scratch_shell (command, NULL));
        free (command);
    }
    free (scratch_shell ("cd root; touch .ok .failed .trial .try.1 .try.9 .tmp.a .ok.nonsense"
                         " .ok.2001-01-01T00:00:00.000000000Z; mkdir .old.x .new.x",
                         NULL));
    cr_assert_eq (root_tidy (&root, NULL, &error), 0, "%s", error.text);
    char *left = scratch_shell ("cd root; ls -A | grep '^\\.' | grep -v '^\\.failed\\.20'", NULL);
    char *wanted = base_text_printf (".ok.%s", one);
    cr_expect_str_eq (left, wanted);
    char **names;
    cr_assert_eq (root_failed_list (&root, &names), 0);
    cr_expect_eq (base_list_count (names), ROOT_FAILED_MOST);
    cr_expect_str_eq (names[0], two, "the newest note is kept");
    (void) base_list_free (names);
    free (wanted);
    free (left);
}

/*  If any call fails once, the next start removes the leftovers. */
Test (failed, leftovers_are_removed_later_after_any_failing_call)
{
    cr_assert_eq (root_roll_back (&root, &error), 0);
    for (unsigned n = 1;; n++) {
        struct failing_disk failing;
        struct root on = root;
        free (scratch_shell ("cd root; touch .ok .failed .trial .try.1 .try.9 .tmp.a; mkdir .old.x .new.x;"
                             "touch var/.tmp.a .old.x/y; ln -sfn $(readlink stable) .back",
                             NULL));
        on.disk = failing_init (&failing, n, EIO);
        (void) root_tidy (&on, NULL, &error);
        cr_expect_eq (root_tidy (&root, NULL, &error), 0, "call %u: %s", n, error.text);
        char *left =
            scratch_shell ("cd root; ls -A . var | grep '^\\.' | grep -v -e '^\\.ok\\.20' -e '^\\.:'", NULL);
        cr_expect_str_empty (left, "call %u: %s", n, left);
        free (left);
        if (failing.calls < n)
            break;
    }
}
