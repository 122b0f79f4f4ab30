/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/root/repair.c - what `noded install --repair` changes in the places of a root, and that a check of
    them changes nothing */

#include "root/repair.h"

#include "fixture.h"

#include <sys/stat.h>

static char said[4096];

static void line_keep (void *context, const char *text)
{
    (void) context;
    size_t length = strlen (said);
    (void) snprintf (said + length, sizeof said - length, "%s\n", text);
}

static struct root_repair repair_of (const struct root *on)
{
    *said = '\0';
    return (struct root_repair){.root = on, .changed = line_keep};
}

TestSuite (repair, .init = fixture_begin, .fini = fixture_end);

static mode_t mode_of (const char *path)
{
    struct stat status;
    return stat (path, &status) ? 0 : status.st_mode & 07777;
}

Test (repair, a_directory_is_a_root_by_any_of_its_names)
{
    static const char *const signs[] = {"stable", "previous", "node.zpl",
                                        ".lock",  "probe",    "2026-11-22T15:00:00.000000001Z"};
    cr_assert_eq (mkdir ("other", 0700), 0);
    cr_expect_not (root_repair_is_root ("other") || root_repair_is_root ("missing"));
    scratch_write_text ("other/notes", "");
    cr_expect_not (root_repair_is_root ("other"));
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        char path[96];
        (void) snprintf (path, sizeof path, "other/%s", signs[i]);
        scratch_write_text (path, "");
        cr_assert_eq (chmod ("other", 0), 0);
        cr_expect (root_repair_is_root ("other"), "%s", signs[i]);
        cr_expect_eq (mode_of ("other"), 0700);
        cr_assert_eq (unlink (path), 0);
    }
}

Test (repair, directories_are_made_restored_and_what_is_in_their_way_is_kept)
{
    struct root_repair repair = repair_of (&root);
    cr_assert_eq (root_repair_directories (&repair, &error), 0, "%s", error.text);
    cr_expect_str_empty (said, "nothing is wrong: %s", said);
    free (scratch_shell ("cd root; rmdir var; echo precious > var; rmdir probe; chmod 0 apps; chmod 500 .",
                         NULL));
    repair = repair_of (&root);
    cr_assert_eq (root_repair_directories (&repair, &error), 0, "%s", error.text);
    cr_expect (scratch_holds ("root/var.damaged", "precious\n"));
    cr_expect (mode_of ("root/var") == 0700 && mode_of ("root/probe") == 0755);
    cr_expect (mode_of ("root/apps") == 0700 && mode_of ("root") == 0700);
    cr_expect_not_null (strstr (said, "var: moved aside to var.damaged"), "%s", said);
    cr_expect_not_null (strstr (said, "probe: was missing, and was created"), "%s", said);
    repair = repair_of (&root);
    cr_assert_eq (root_repair_directories (&repair, &error), 0);
    cr_expect_str_empty (said, "a second repair changes nothing: %s", said);
}

Test (repair, a_directory_that_cannot_be_made_is_an_error_and_the_others_are_made)
{
    struct failing_disk failing;
    struct root on = root;
    free (scratch_shell ("cd root; rmdir var probe", NULL));
    on.disk = failing_init (&failing, 1, ENOSPC);
    failing.only = "mkdirat";
    struct root_repair repair = repair_of (&on);
    cr_expect_eq (root_repair_directories (&repair, &error), -ENOSPC);
    cr_expect_not_null (strstr (error.text, "var"), "%s", error.text);
    cr_expect (scratch_exists ("root/probe") && !scratch_exists ("root/var"));
}

Test (repair, a_check_reports_and_changes_nothing)
{
    free (scratch_shell ("cd root; rmdir probe; echo > probe; chmod 0 apps; rmdir var", NULL));
    struct root_repair repair = repair_of (&root);
    root_directories_check (&repair);
    cr_expect_not_null (strstr (said, "probe is not a directory"), "%s", said);
    cr_expect_not_null (strstr (said, "apps has the mode 0000"), "%s", said);
    cr_expect_not_null (strstr (said, "var is missing"), "%s", said);
    cr_expect_null (strstr (said, "blobs"), "%s", said);
    cr_expect_not (scratch_exists ("root/var"));
    cr_expect_eq (mode_of ("root/apps"), 0);
    repair = repair_of (&root);
    repair.served = true;
    root_directories_check (&repair);
    cr_expect_not_null (strstr (said, "var/blobs is missing"), "a manager needs it: %s", said);
}

Test (repair, without_an_intact_version_nothing_is_chosen)
{
    char one[ROOT_NAME_SIZE], name[ROOT_NAME_SIZE] = "untouched", path[96];
    workspaces_add (&root, "one", one);
    struct root_repair repair = repair_of (&root);
    cr_expect_eq (root_repair_choose (&repair, name), ROOT_E_NONE,
                  "it was never confirmed, and no link names it");
    stable_put (one);
    cr_expect_eq (root_repair_choose (&repair, name), 0);
    cr_expect_str_eq (name, one);
    (void) snprintf (path, sizeof path, "root/%s/noded", one);
    scratch_write_text (path, "damaged");
    cr_expect_eq (root_repair_choose (&repair, name), ROOT_E_NONE);
}
