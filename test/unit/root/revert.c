/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/root/revert.c - a revert that cannot be done leaves stable as it is, and says why; one that was cut
    is completed; start files that are executed are the ones of the manifest */

#include "root/root.h"

#include "fixture.h"

#include <unistd.h>

static char now[ROOT_NAME_SIZE];
static bool again;

static void suite_begin (void)
{
    fixture_begin ();
    versions_make (2);
    stable_put (one);
}

TestSuite (revert, .init = suite_begin, .fini = fixture_end);

Test (revert, without_a_version_to_return_to_stable_stays_and_the_error_says_why)
{
    cr_expect_eq (root_revert (&root, now, &error), ROOT_E_NONE);
    cr_expect_not_null (strstr (error.text, "has no previous version"), "%s", error.text);
    previous_put ("nonsense");
    cr_expect_eq (root_revert_ordered (&root, now, &again, &error), ROOT_E_DAMAGED);
    cr_expect_not_null (strstr (error.text, "previous does not name a workspace"), "%s", error.text);
    previous_put (one);
    cr_expect_eq (root_revert (&root, now, &error), ROOT_E_NONE, "the same version");
    previous_put (two);
    char path[96];
    (void) snprintf (path, sizeof path, "root/%s/noded", two);
    scratch_write_text (path, "changed");
    cr_expect_eq (root_revert (&root, now, &error), ROOT_E_DAMAGED);
    cr_expect_not_null (strstr (error.text, "a revert to"), "%s", error.text);
    cr_expect (link_is (ROOT_STABLE, one));
}

Test (revert, a_failed_exchange_changes_nothing_and_leaves_no_record)
{
    struct failing_disk failing;
    struct root on = root;
    previous_put (two);
    on.disk = failing_init (&failing, 1, EIO);
    failing.only = "exchangeat";
    failing.exchanges = true;
    cr_expect_eq (root_revert_ordered (&on, now, &again, &error), -EIO);
    cr_expect_not_null (strstr (error.text, "cannot exchange"), "%s", error.text);
    cr_expect (link_is (ROOT_STABLE, one) && link_is (ROOT_PREVIOUS, two));
    cr_expect_not (scratch_exists ("root/.revert"));
}

Test (revert, one_that_was_cut_between_its_renames_is_completed)
{
    cr_assert_eq (symlink (two, "root/.tmp.previous"), 0);
    cr_assert_eq (root_revert_ordered (&root, now, &again, &error), 0, "%s", error.text);
    cr_expect_str_eq (now, one);
    cr_expect_not (again);
    cr_expect (link_is (ROOT_STABLE, one) && link_is (ROOT_PREVIOUS, two));
}

Test (revert, one_that_is_repeated_by_a_person_is_done_once)
{
    previous_put (two);
    cr_assert_eq (root_revert_ordered (&root, now, &again, &error), 0, "%s", error.text);
    cr_expect (strcmp (now, two) == 0 && !again);
    cr_assert_eq (root_revert_ordered (&root, now, &again, &error), 0, "%s", error.text);
    cr_expect (strcmp (now, two) == 0 && again);
    cr_expect (link_is (ROOT_STABLE, two) && link_is (ROOT_PREVIOUS, one));
    cr_assert_eq (root_revert_done (&root), 0);
    cr_assert_eq (root_revert_ordered (&root, now, &again, &error), 0, "%s", error.text);
    cr_expect (strcmp (now, one) == 0 && !again, "an order after the records were written is a new one");
}

Test (revert, on_trial_it_is_a_rollback_and_without_stable_a_repair)
{
    cr_assert_eq (root_switch (&root, two, &root_limits_default, &error), 0, "%s", error.text);
    cr_assert_eq (root_revert_ordered (&root, now, &again, &error), 0, "%s", error.text);
    cr_expect (strcmp (now, one) == 0 && link_is (ROOT_STABLE, one));
    cr_assert_eq (root_revert_done (&root), 0);
    cr_assert_eq (unlink ("root/stable"), 0);
    cr_assert_eq (root_revert_ordered (&root, now, &again, &error), 0, "%s", error.text);
    cr_expect (strcmp (now, one) == 0 && link_is (ROOT_STABLE, one));
}

Test (revert, only_a_start_file_that_matches_the_manifest_is_opened)
{
    int fd = -1;
    char path[96];
    cr_assert_eq (root_start_open (&root, one, ROOT_LAUNCHER, &fd, &error), 0, "%s", error.text);
    (void) close (fd);
    fd = -1;
    cr_expect_eq (root_start_open (&root, one, "missing", &fd, &error), -ENOENT);
    (void) snprintf (path, sizeof path, "root/%s/extra", one);
    scratch_write_text (path, "x");
    cr_expect_eq (root_start_open (&root, one, "extra", &fd, &error), ROOT_E_DAMAGED);
    cr_expect_not_null (strstr (error.text, "is not in the manifest"), "%s", error.text);
    (void) snprintf (path, sizeof path, "root/%s/" ROOT_LAUNCHER, one);
    scratch_write_text (path, "changed");
    cr_expect_eq (root_start_open (&root, one, ROOT_LAUNCHER, &fd, &error), ROOT_E_DAMAGED);
    cr_expect_not_null (strstr (error.text, "does not match the manifest"), "%s", error.text);
    (void) snprintf (path, sizeof path, "root/%s/" ROOT_MANIFEST, one);
    cr_assert_eq (unlink (path), 0);
    cr_expect_eq (root_start_open (&root, one, ROOT_LAUNCHER, &fd, &error), -ENOENT);
    cr_expect_eq (fd, -1, "nothing was opened");
}
