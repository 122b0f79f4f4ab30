/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/disk/directory.c - making directories, removing trees, free space */

#include "disk/disk.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "test/fault/failing_disk.h"
#include "test/fault/scratch.h"

TestSuite (directory, .init = scratch_begin, .fini = scratch_end);

static int open_here (void)
{
    return open (".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

Test (directory, making_a_directory_ignores_the_umask_and_keeps_an_existing_one)
{
    struct base_error error = {0};
    struct stat status;
    (void) umask (0777);
    cr_assert_eq (disk_directory_make (&disk_system, open_here (), "d", 0750, &error), 0);
    cr_assert_eq (disk_directory_make (&disk_system, open_here (), "d", 0700, &error), 0);
    cr_expect_eq (stat ("d", &status), 0);
    cr_expect_eq (status.st_mode & 07777, 0750);
    scratch_write_text ("f", "");
    cr_expect_eq (disk_directory_make (&disk_system, open_here (), "f", 0700, &error), -ENOTDIR);
    cr_expect_str_eq (error.text, "cannot make the directory f: Not a directory");
}

Test (directory, a_tree_is_removed_without_following_links)
{
    free (scratch_shell (
        "mkdir -p t/a/b/c keep; touch t/a/f t/.hidden keep/f; ln -s ../../keep t/a/link; ln -s / t/root;"
        "mkfifo t/fifo; mkdir t/dark; touch t/dark/f; chmod 0 t/dark",
        NULL));
    cr_assert_eq (disk_tree_remove (&disk_system, open_here (), "t", NULL), 0);
    cr_expect_not (scratch_exists ("t"));
    cr_expect (scratch_exists ("keep/f"));
    cr_expect_eq (disk_tree_remove (&disk_system, open_here (), "t", NULL), 0,
                  "removing a tree that does not exist succeeds");
    cr_expect_eq (disk_tree_remove (&disk_system, open_here (), "none/t", NULL), 0);
    cr_assert_eq (symlink ("keep", "link"), 0);
    cr_expect_eq (disk_tree_remove (&disk_system, open_here (), "link", NULL), 0);
    cr_expect (scratch_exists ("keep/f"));
}

Test (directory, immutable_and_append_only_attributes_do_not_prevent_removal)
{
    int status;
    free (scratch_shell ("touch probe && chattr +i probe && chattr -i probe", &status));
    if (status)
        cr_skip_test ("this file system or this user has no such attributes");
    free (scratch_shell (
        "mkdir -p t/a/b t/c; touch t/a/f t/c/f; chattr +i t/a/f t/a/b t/a; chattr +a t/c t; touch f;"
        "chattr +i f; n=t/n; for i in $(seq 20); do mkdir $n; n=$n/n; done; chattr -R +i t/n",
        NULL));
    int rc = disk_tree_remove (&disk_system, open_here (), "t", NULL),
        file = disk_tree_remove (&disk_system, open_here (), "f", NULL);
    bool left = scratch_exists ("t") || scratch_exists ("f");
    free (scratch_shell ("chattr -R -i -a .", NULL));
    cr_expect_eq (rc, 0);
    cr_expect_eq (file, 0);
    cr_expect_not (left);
}

Test (directory, mounted_file_systems_in_a_tree_are_not_removed)
{
    if (unshare (CLONE_NEWNS) || mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
        cr_skip_test ("this user may not mount");
    free (scratch_shell ("mkdir -p keep/sub t/a/b top; touch keep/f keep/sub/f", NULL));
    cr_assert_eq (mount ("keep", "t/a/b", NULL, MS_BIND, NULL), 0, "a bind mount of the same file system");
    cr_assert_eq (mount ("keep", "top", NULL, MS_BIND, NULL), 0);
    cr_expect_eq (disk_tree_remove (&disk_system, open_here (), "t", NULL), -EBUSY);
    cr_expect_eq (disk_tree_remove (&disk_system, open_here (), "top", NULL), -EBUSY);
    cr_expect (scratch_exists ("keep/f") && scratch_exists ("keep/sub/f"));
    cr_assert_eq (umount ("t/a/b") | umount ("top"), 0);
    cr_expect_eq (disk_tree_remove (&disk_system, open_here (), "t", NULL), 0);
}

Test (directory, a_tree_deeper_than_the_descriptor_limit_is_removed)
{
    /*  Twice as deep as the limit of descriptors, with a file and a second directory on each level. */
    free (scratch_shell (
        "set -e; mkdir t; cd t; for i in $(seq 1 130); do mkdir d; touch f; mkdir e; touch e/f; cd d; done",
        NULL));
    struct rlimit few = {.rlim_cur = 64, .rlim_max = 64};
    cr_assert_eq (setrlimit (RLIMIT_NOFILE, &few), 0);
    cr_assert_eq (disk_tree_remove (&disk_system, open_here (), "t", NULL), 0);
    cr_expect_not (scratch_exists ("t"));
}

Test (directory, a_failed_removal_is_reported_and_can_be_repeated)
{
    bool done = false;
    unsigned n;
    for (n = 1; !done; n++) {
        struct failing_disk failing;
        free (scratch_shell ("mkdir -p t/a/b t/c; touch t/f t/a/f t/a/b/f", NULL));
        struct base_error error = {0};
        int rc = disk_tree_remove (failing_init (&failing, n, EIO), open_here (), "t", &error);
        done = failing.calls < n;
        cr_expect_eq (rc, done ? 0 : -EIO, "call %u", n);
        cr_expect_eq (disk_tree_remove (&disk_system, open_here (), "t", NULL), 0);
        cr_expect_not (scratch_exists ("t"));
    }
    cr_expect_gt (n, 8);
}

Test (directory, free_space_is_reported)
{
    uint64_t bytes = 0, inodes = 0;
    cr_assert_eq (disk_space (open_here (), &bytes, &inodes), 0);
    cr_expect_gt (bytes, 0);
    cr_expect_gt (inodes, 0);
}

Test (directory, mount_points_do_not_keep_the_rest_of_a_tree)
{
    /*  A mount point cannot be removed, even by root. */
    if (unshare (CLONE_NEWNS) || mount ("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
        cr_skip_test ("this user may not mount");
    free (scratch_shell (
        "mkdir t keep; touch keep/f; for i in $(seq 50); do mkdir -p t/$i/a; touch t/$i/f; done; "
        "mount --bind keep t/25/a; mount --bind keep/f t/26/f",
        NULL));
    cr_expect_eq (disk_tree_remove (&disk_system, open_here (), "t", NULL), -EBUSY);
    char *left = scratch_shell ("find t ! -path '*/a/f' | sort | tr '\\n' ' '", NULL);
    cr_expect_str_eq (left, "t t/25 t/25/a t/26 t/26/f ");
    free (left);
    cr_expect (scratch_exists ("keep/f"));
    cr_assert_eq (umount ("t/25/a") || umount ("t/26/f"), 0);
    cr_expect_eq (disk_tree_remove (&disk_system, open_here (), "t", NULL), 0);
}

Test (directory, a_file_system_mounted_on_the_tree_is_not_emptied)
{
    if (unshare (CLONE_NEWNS) || mount ("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
        cr_skip_test ("this user may not mount");
    free (scratch_shell ("mkdir t keep; touch keep/f; mount --bind keep t", NULL));
    cr_expect_eq (disk_tree_remove (&disk_system, open_here (), "t", NULL), -EBUSY);
    cr_expect (scratch_exists ("keep/f"));
    cr_assert_eq (umount ("t"), 0);
}

Test (directory, immutable_files_and_trees_are_removed)
{
    int status;
    free (scratch_shell (
        "mkdir -p t/a/b; touch t/f t/a/f one; chattr +i t/f t/a/b && chattr +a t/a && chattr +i t one",
        &status));
    if (status)
        cr_skip_test ("this file system or this user has no such attributes");
    cr_expect_eq (disk_tree_remove (&disk_system, open_here (), "t", NULL), 0);
    cr_expect_eq (disk_tree_remove (&disk_system, open_here (), "one", NULL), 0);
    cr_expect_not (scratch_exists ("t"));
}
