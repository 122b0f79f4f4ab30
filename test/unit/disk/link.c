/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/disk/link.c - replacing and reading symbolic links, with failing calls and crashes */

#include "disk/disk.h"

#include <criterion/criterion.h>
#include <errno.h>

#include "test/fault/failing_disk.h"
#include "test/fault/scratch.h"

TestSuite (link, .init = scratch_begin, .fini = scratch_end);

static int open_here (void)
{
    return open (".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static bool link_points_to (const char *path, const char *target)
{
    char found[64];
    return disk_link_read (AT_FDCWD, path, found, sizeof found) == 0 && strcmp (found, target) == 0;
}

Test (link, replacing_a_link_does_not_touch_its_target)
{
    cr_assert_eq (mkdir ("old", 0755), 0);
    cr_assert_eq (disk_link_replace (&disk_system, open_here (), "l", "old", NULL), 0);
    cr_assert_eq (disk_link_replace (&disk_system, open_here (), "l", "new", NULL), 0);
    cr_expect (link_points_to ("l", "new"));
    cr_expect_not (scratch_exists ("old/new"));
    cr_expect_eq (rmdir ("old"), 0, "nothing was moved into it");
}

Test (link, any_failing_call_leaves_a_valid_link_and_no_temporary_file)
{
    unsigned failed = 0;
    for (unsigned n = 1;; n++) {
        struct failing_disk failing;
        cr_assert_eq (disk_link_replace (&disk_system, open_here (), "l", "old", NULL), 0);
        int rc = disk_link_replace (failing_init (&failing, n, EIO), open_here (), "l", "new", NULL);
        if (failing.calls < n) {
            cr_expect_eq (rc, 0);
            break;
        }
        failed++;
        cr_expect (link_points_to ("l", "old") || link_points_to ("l", "new"), "call %u", n);
        char *found = scratch_shell ("ls -A", NULL);
        cr_expect_str_eq (found, "l", "call %u", n);
        free (found);
    }
    cr_expect_eq (failed, 5, "clear the temporary name, link, sync, rename, sync");
    cr_expect (link_points_to ("l", "new"));
}

Test (link, a_kill_before_any_call_leaves_the_old_or_the_new_target)
{
    bool done = false;
    for (unsigned n = 1; !done; n++) {
        cr_assert_eq (disk_link_replace (&disk_system, open_here (), "l", "old", NULL), 0);
        pid_t pid = fork ();
        if (pid == 0) {
            struct failing_disk failing;
            _exit (disk_link_replace (failing_init (&failing, n, 0), open_here (), "l", "new", NULL));
        }
        int status;
        cr_assert_eq (waitpid (pid, &status, 0), pid);
        done = WEXITSTATUS (status) == 0;
        cr_expect (link_points_to ("l", "new") || (!done && link_points_to ("l", "old")));
    }
}

Test (link, a_prepared_link_is_switched_by_one_rename)
{
    cr_assert_eq (disk_link_replace (&disk_system, open_here (), "l", "old", NULL), 0);
    cr_assert_eq (disk_link_prepare (&disk_system, open_here (), ".tmp.l", "wrong", NULL), 0);
    cr_assert_eq (disk_link_prepare (&disk_system, open_here (), ".tmp.l", "new", NULL), 0,
                  "an older prepared link is replaced");
    struct failing_disk failing;
    cr_expect_eq (disk_rename (failing_init (&failing, 0, 0), open_here (), ".tmp.l", "l", NULL), 0);
    cr_expect_eq (failing.calls, 2, "a rename and the sync of the directory");
    cr_expect (link_points_to ("l", "new"));
}

Test (link, a_target_that_is_too_long_is_an_error)
{
    char target[8] = "kept";
    cr_assert_eq (symlink ("1234567", "fits"), 0);
    cr_assert_eq (symlink ("12345678", "long"), 0);
    scratch_write_text ("file", "");
    cr_expect_eq (disk_link_read (open_here (), "long", target, sizeof target), -ENAMETOOLONG);
    cr_expect_eq (disk_link_read (open_here (), "none", target, sizeof target), -ENOENT);
    cr_expect_eq (disk_link_read (open_here (), "file", target, sizeof target), -EINVAL);
    cr_expect_str_eq (target, "kept");
    cr_expect_eq (disk_link_read (open_here (), "fits", target, sizeof target), 0);
    cr_expect_str_eq (target, "1234567");
}
