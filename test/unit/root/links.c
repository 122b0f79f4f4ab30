/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/root/links.c - repair of the links stable and previous */

#include "root/links.h"

#include "fixture.h"

#include <sys/stat.h>

static char now[ROOT_NAME_SIZE];

/*  stable points to two, previous to one. */
static void suite_begin (void)
{
    fixture_begin ();
    versions_make (3);
    stable_put (one);
    stable_put (two);
    previous_put (one);
}

TestSuite (links, .init = suite_begin, .fini = fixture_end);

static void stable_remove (void)
{
    (void) unlinkat (root.fd, ROOT_STABLE, 0);
}

/*  As the version in workspace two, which knows that it is proven, or does not. */
static int two_repair (bool proven)
{
    const struct root_own own = {.name = two, .proven = proven};
    return root_stable_repair (&root, &own, now, &error);
}

Test (links, an_unusable_stable_is_reported)
{
    static const struct {
        const char *change, *text;
    } cases[] = {
        {"rm stable", "is missing"},
        {"ln -sfnT 2001-01-01T00:00:00.000000000Z stable", "nothing that can be started"},
        {"ln -sfnT /etc stable", "not a link to a workspace"},
        {"rm stable; mkdir stable", "not a link to a workspace"},
    };
    cr_expect_eq (root_stable_check (&root, &error), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *command = base_text_printf ("cd root; %s", cases[i].change);
        free (scratch_shell (command, NULL));
        cr_expect_gt (root_stable_check (&root, &error), 0);
        cr_expect_not_null (strstr (error.text, cases[i].text), "%s", error.text);
        free (command);
    }
}

Test (links, repair_prefers_back_then_the_proven_own_workspace_then_previous)
{
    stable_remove ();
    cr_assert_eq (symlink (three, "root/.back"), 0);
    scratch_write_text ("root/.try.1", "");
    cr_expect (root_trial_is_likely (&root, two));
    cr_expect_eq (two_repair (true), 0, "%s", error.text);
    cr_expect (link_is (ROOT_STABLE, three) && strcmp (now, three) == 0);
    cr_expect_not (scratch_exists ("root/.back") || scratch_exists ("root/.try.1"));

    stable_remove ();
    cr_expect_not (root_trial_is_likely (&root, two));
    cr_expect_eq (two_repair (true), 0);
    cr_expect (link_is (ROOT_STABLE, two) && link_is (ROOT_PREVIOUS, one));

    stable_remove ();
    cr_expect_eq (two_repair (false), 0);
    cr_expect (link_is (ROOT_STABLE, two), "two was confirmed once");

    stable_remove ();
    cr_assert_eq (root_ok_remove (&root, two), 0);
    cr_expect_eq (two_repair (false), 0);
    cr_expect (link_is (ROOT_STABLE, one));
    cr_expect_not (scratch_exists ("root/previous"), "previous would be the same as stable");
}

Test (links, an_unproven_workspace_never_becomes_stable)
{
    stable_remove ();
    cr_assert_eq (unlink ("root/previous"), 0);
    cr_assert_eq (root_ok_remove (&root, one), 0);
    cr_assert_eq (root_ok_remove (&root, two), 0);
    cr_expect_eq (two_repair (false), ROOT_E_NONE);
    cr_expect_eq (root_stable_repair (&root, NULL, now, &error), ROOT_E_NONE);
    cr_expect_not_null (strstr (error.text, "ln -sfnT"), "%s", error.text);
    cr_expect_not (scratch_exists ("root/stable"));
}

Test (links, damaged_links_and_workspaces_are_skipped)
{
    char path[128];
    stable_remove ();
    cr_assert_eq (symlink ("nonsense", "root/.back"), 0);
    (void) snprintf (path, sizeof path, "root/%s/noded", two);
    scratch_write_text (path, "tw!");
    cr_expect_eq (two_repair (true), 0, "%s", error.text);
    cr_expect (link_is (ROOT_STABLE, one));
}

/*  The marks are made in an order that no directory lists by chance in the order of time. */
Test (links, the_newest_confirmed_workspaces_are_tried_first)
{
    enum { MANY = 24 };
    char names[MANY][ROOT_NAME_SIZE];
    for (size_t i = 0; i < MANY; i++) {
        (void) snprintf (names[i], ROOT_NAME_SIZE, "2001-01-%02zuT00:00:00.000000000Z", i + 1);
        cr_assert_eq (mkdirat (root.fd, names[i], 0755), 0);
    }
    for (size_t i = 0; i < MANY; i++)
        cr_assert_eq (root_ok_set (&root, names[i * 7 % MANY], &error), 0, "%s", error.text);
    char **fallbacks = root_fallbacks (&root, two, NULL);
    cr_assert_eq (base_list_count (fallbacks), MANY + 1);
    cr_expect_str_eq (fallbacks[0], one, "previous comes first");
    for (size_t i = 0; i < MANY; i++)
        cr_expect_str_eq (fallbacks[i + 1], names[MANY - 1 - i]);
    (void) base_list_free (fallbacks);
}

Test (links, a_trial_is_recognized_by_its_files)
{
    static const char *const traces[] = {"ln -s nonsense .back", "touch .try.9",
                                         "echo '{\"workspace\":\"'$two'\"}' > var/trial"};
    struct wire_trial trial = {.transaction = "t", .epoch = 1, .version = "1", .workspace = two};
    cr_assert_eq (setenv ("two", two, 1), 0);
    cr_expect_not (root_trial_is_likely (&root, two));
    cr_assert_eq (root_ok_remove (&root, two), 0);
    cr_expect (root_trial_is_likely (&root, two), "only another workspace was confirmed");
    cr_assert_eq (root_ok_remove (&root, one), 0);
    cr_expect_not (root_trial_is_likely (&root, two), "no workspace is marked: the version sets no marks");
    for (size_t i = 0; i < sizeof traces / sizeof *traces; i++) {
        char *command = base_text_printf ("cd root; rm -f .back .try.9; %s", traces[i]);
        free (scratch_shell (command, NULL));
        cr_expect (root_trial_is_likely (&root, two), "%s", traces[i]);
        free (command);
    }
    free (scratch_shell ("rm -f root/.back root/.try.9", NULL));
    cr_assert_eq (root_trial_note (&root, &trial, &error), 0, "%s", error.text);
    cr_expect (root_trial_is_likely (&root, two), "the record as noded writes it");
    cr_expect_not (root_trial_is_likely (&root, three), "var/trial names another workspace");
}

Test (links, any_failing_call_leaves_stable_proven_or_missing)
{
    for (int code = 0; code < 2; code++)
        for (unsigned n = 1;; n++) {
            free (scratch_shell ("cd root; rm -rf stable; mkdir stable", NULL));
            previous_put (one);
            struct failing_disk failing;
            struct root on = root;
            on.disk = failing_init (&failing, n, code ? ENOSPC : EIO);
            (void) root_stable_repair (&on, &(struct root_own){.name = two, .proven = true}, now, &error);
            cr_expect (root_link (&root, ROOT_STABLE, now) || link_is (ROOT_STABLE, one) ||
                           link_is (ROOT_STABLE, two),
                       "call %u: %s", n, now);
            cr_expect (root_stable_check (&root, NULL) == 0 || two_repair (true) == 0,
                       "call %u: the second attempt fails too: %s", n, error.text);
            if (failing.calls < n)
                break;
        }
}

Test (links, a_revert_without_stable_uses_previous)
{
    stable_remove ();
    cr_expect_eq (root_revert (&root, now, &error), 0, "%s", error.text);
    cr_expect_str_eq (now, one);
    cr_expect (link_is (ROOT_STABLE, one));
}

static const char *previous_fault (const char *known)
{
    *now = '\0';
    error.text[0] = '\0';
    (void) root_previous_check (&root, known, now, &error);
    return error.text;
}

Test (links, a_lost_previous_is_distinguished_from_none)
{
    cr_expect_str_empty (previous_fault (NULL));
    cr_expect_str_eq (now, one);
    cr_assert_eq (unlink ("root/previous"), 0);
    cr_expect_str_empty (previous_fault (NULL), "no record says that previous existed");
    cr_expect_str_empty (previous_fault (two), "the known previous is stable now");
    cr_expect_str_empty (previous_fault ("2001-01-01T00:00:00.000000000Z"),
                         "the workspace of the known previous is gone as well");
    cr_expect_str_empty (now);
    cr_expect_not_null (strstr (previous_fault (one), "is missing"));
    cr_assert_eq (symlink ("2001-01-01T00:00:00.000000000Z", "root/previous"), 0);
    cr_expect_not_null (strstr (previous_fault (NULL), "points to nothing that can be started"));
    free (scratch_shell ("ln -sfn /etc root/previous", NULL));
    cr_expect_not_null (strstr (previous_fault (NULL), "not a link to a workspace"));
    previous_put (two);
    cr_expect_not_null (strstr (previous_fault (one), "the same version as stable"));
}

Test (links, previous_is_restored_only_to_an_intact_workspace_other_than_stable)
{
    char path[128];
    free (scratch_shell ("cd root; rm previous; mkdir previous", NULL));
    cr_expect_eq (root_previous_repair (&root, NULL, &error), ROOT_E_NONE);
    cr_expect_eq (root_previous_repair (&root, "../one", &error), ROOT_E_NONE);
    cr_expect_eq (root_previous_repair (&root, two, &error), ROOT_E_NONE);
    cr_expect_eq (root_previous_repair (&root, one, &error), 0, "%s", error.text);
    cr_expect (link_is (ROOT_PREVIOUS, one) && link_is (ROOT_STABLE, two));
    cr_expect (scratch_exists ("root/previous.damaged"));
    (void) snprintf (path, sizeof path, "root/%s/noded", three);
    scratch_write_text (path, "thr!e");
    cr_expect_eq (root_previous_repair (&root, three, &error), ROOT_E_NONE);
    cr_expect (link_is (ROOT_PREVIOUS, one));
}
