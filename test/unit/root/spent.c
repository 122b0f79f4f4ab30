/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/root/spent.c - the file .trial: written by the launcher, and by a version on trial at will */

#include "root/spent.h"

#include "fixture.h"

#include <sys/stat.h>

static const char first[] = "2026-11-22T15:00:00.000000001Z", second[] = "2026-11-22T15:00:00.000000002Z";

TestSuite (spent, .init = fixture_begin, .fini = fixture_end);

Test (spent, what_is_written_is_read_for_the_same_workspace_only)
{
    struct root_spent spent, found;
    cr_expect_eq (root_spent_read (&root, first, &found), ROOT_E_NONE);
    root_spent_begin (&root, first, &spent);
    cr_expect (strcmp (spent.workspace, first) == 0 && spent.spent_ms == 0 && spent.returned == 0);
    spent.spent_ms = 12345;
    spent.returned = 2;
    (void) memset (spent.release, 'a', sizeof spent.release - 1);
    spent.release[sizeof spent.release - 1] = '\0';
    cr_assert_eq (root_spent_write (&root, &spent, &error), 0, "%s", error.text);
    cr_assert_eq (root_spent_read (&root, first, &found), 0);
    cr_expect (found.spent_ms == 12345 && found.returned == 2);
    cr_expect_str_eq (found.release, spent.release);
    cr_expect_eq (root_spent_read (&root, second, &found), ROOT_E_NONE);
    cr_expect (root_spent_remove (&root));
    cr_expect_not (root_spent_remove (&root));
}

Test (spent, a_file_that_a_version_has_rewritten_is_damaged_or_reads_as_written)
{
    static const struct {
        const char *text;
        int r;
    } cases[] = {
        {"workspace 2026-11-22T15:00:00.000000001Z\nspent_ms 5\nfuture x\nno-value\n", 0},
        {"", ROOT_E_DAMAGED},
        {"spent_ms 5\n", ROOT_E_DAMAGED},
        {"workspace somewhere\n", ROOT_E_DAMAGED},
        {"workspace 2026-11-22T15:00:00.000000001Z\nspent_ms -5\n", ROOT_E_DAMAGED},
        {"workspace 2026-11-22T15:00:00.000000001Z\nreturned many\n", ROOT_E_DAMAGED},
        {"workspace 2026-11-22T15:00:00.000000001Z\nrelease abc\n", ROOT_E_DAMAGED},
        {"workspace 2026-11-22T15:00:00.000000001Z\nboot 0123456789012345678901234567890123456789\n",
         ROOT_E_DAMAGED},
    };
    struct root_spent found;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        scratch_write_text ("root/.trial", cases[i].text);
        cr_expect_eq (root_spent_read (&root, first, &found), cases[i].r, "%zu", i);
    }
    char *large = calloc (1, 5000);
    (void) memset (large, '\n', 4999);
    scratch_write_text ("root/.trial", large);
    cr_expect_eq (root_spent_read (&root, first, &found), ROOT_E_DAMAGED);
    free (large);
}

Test (spent, a_directory_in_its_place_is_damaged_and_is_replaced)
{
    struct root_spent spent, found;
    cr_assert_eq (mkdir ("root/.trial", 0700), 0);
    scratch_write_text ("root/.trial/a", "");
    cr_expect_eq (root_spent_read (&root, first, &found), ROOT_E_DAMAGED);
    root_spent_begin (&root, first, &spent);
    cr_assert_eq (root_spent_write (&root, &spent, &error), 0, "%s", error.text);
    cr_expect_eq (root_spent_read (&root, first, &found), 0);
    cr_assert_eq (root_spent_remove (&root), true);
    cr_assert_eq (mkdir ("root/.trial", 0700), 0);
    cr_expect (root_spent_remove (&root));
}

Test (spent, a_read_error_is_no_damage)
{
    struct failing_disk failing;
    struct root on = root;
    struct root_spent spent, found;
    root_spent_begin (&root, first, &spent);
    cr_assert_eq (root_spent_write (&root, &spent, &error), 0);
    on.disk = failing_init (&failing, 1, EMFILE);
    cr_expect_eq (root_spent_read (&on, first, &found), -EMFILE);
}
