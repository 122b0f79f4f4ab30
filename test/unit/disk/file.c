/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/disk/file.c - writing, appending and reading whole files, with failing calls and crashes */

#include "disk/disk.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>

#include "test/fault/failing_disk.h"
#include "test/fault/scratch.h"

TestSuite (file, .init = scratch_begin, .fini = scratch_end);

static int open_here (void)
{
    return open (".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int line_append (const struct disk *disk, const char *path, mode_t mode, const char *text)
{
    const struct disk_line line = {.data = text, .size = strlen (text), .mode = mode, .durable = true};
    return disk_file_append (disk, open_here (), path, &line, NULL);
}

/*  Counts the visible files and the temporary files (.tmp.*) of the current directory. */
static void directory_count (unsigned *ret_files, unsigned *ret_leftovers)
{
    *ret_files = *ret_leftovers = 0;
    DIR *directory = opendir (".");
    for (struct dirent *entry; (entry = readdir (directory));)
        if (entry->d_name[0] != '.')
            ++*ret_files;
        else if (strncmp (entry->d_name, ".tmp.", 5) == 0)
            ++*ret_leftovers;
    (void) closedir (directory);
}

Test (file, writing_replaces_the_content_and_sets_the_mode_despite_the_umask)
{
    (void) umask (0777);
    cr_assert_eq (disk_file_write (&disk_system, open_here (), "a", 0640, "one", 3, NULL), 0);
    cr_assert_eq (disk_file_write (&disk_system, open_here (), "a", 0751, "two!", 4, NULL), 0);
    struct stat status;
    cr_expect (scratch_holds ("a", "two!"));
    cr_expect_eq (stat ("a", &status), 0);
    cr_expect_eq (status.st_mode & 07777, 0751);
}

Test (file, a_path_with_directories_is_relative_to_the_descriptor)
{
    cr_assert_eq (disk_directory_make (&disk_system, open_here (), "below", 0700, NULL), 0);
    cr_assert_eq (disk_file_write (&disk_system, open_here (), "below/a", 0644, "x", 1, NULL), 0);
    cr_expect (scratch_holds ("below/a", "x"));
    struct base_error error = {0};
    cr_expect_eq (disk_file_write (&disk_system, open_here (), "nowhere/a", 0644, "x", 1, &error), -ENOENT);
    cr_expect_str_eq (error.text, "cannot open the directory of nowhere/a: No such file or directory");
}

Test (file, short_writes_are_completed)
{
    struct failing_disk failing;
    const struct disk *disk = failing_init (&failing, 0, 0);
    failing.write_most = 2;
    cr_assert_eq (disk_file_write (disk, open_here (), "a", 0644, "0123456", 7, NULL), 0);
    cr_expect (scratch_holds ("a", "0123456"));
    cr_assert_eq (line_append (disk, "a", 0644, "abcde\n"), 0);
    cr_expect (scratch_holds ("a", "0123456\nabcde\n"));
}

Test (file, any_failing_call_leaves_the_old_or_the_new_content)
{
    unsigned n = 0;
    for (int done = 0; !done; n++) {
        struct failing_disk failing;
        scratch_write_text ("a", "old");
        const struct disk *disk = failing_init (&failing, n + 1, n % 2 ? ENOSPC : EIO);
        int rc = disk_file_write (disk, open_here (), "a", 0644, "newer", 5, NULL);
        done = rc == 0;
        unsigned files, leftovers;
        directory_count (&files, &leftovers);
        cr_expect_eq (files, 1);
        cr_expect_eq (leftovers, 0, "call %u", n);
        if (done)
            cr_expect (scratch_holds ("a", "newer"));
        else
            cr_expect (scratch_holds ("a", "old") || (scratch_holds ("a", "newer") && n + 1 == 5),
                       "only the last sync can fail after the rename");
    }
    cr_expect_eq (n - 1, 5, "open, write, sync, rename, sync of the directory");
}

Test (file, the_file_is_synced_before_the_rename_and_the_directory_after)
{
    static const char *const order[] = {"openat", "write", "fsync", "renameat", "fsync"};
    for (unsigned i = 0; i < 5; i++) {
        struct failing_disk all, one;
        (void) failing_init (&all, i + 1, EIO);
        cr_expect_eq (disk_file_write (&all.disk, open_here (), "a", 0644, "x", 1, NULL), -EIO);
        (void) failing_init (&one, i == 4 ? 2 : 1, EIO);
        one.only = order[i];
        cr_expect_eq (disk_file_write (&one.disk, open_here (), "b", 0644, "x", 1, NULL), -EIO);
        cr_expect_eq (scratch_exists ("a"), i == 4);
        cr_expect_eq (scratch_exists ("b"), i == 4);
    }
}

Test (file, a_kill_before_any_call_leaves_the_old_or_the_new_content)
{
    bool done = false;
    for (unsigned n = 1; !done; n++) {
        scratch_write_text ("a", "old");
        pid_t pid = fork ();
        if (pid == 0) {
            struct failing_disk failing;
            _exit (
                disk_file_write (failing_init (&failing, n, 0), open_here (), "a", 0644, "newer", 5, NULL));
        }
        int status;
        cr_assert_eq (waitpid (pid, &status, 0), pid);
        done = WEXITSTATUS (status) == 0;
        cr_expect (scratch_holds ("a", "newer") || (!done && scratch_holds ("a", "old")));
    }
}

Test (file, appending_ends_a_line_that_a_crash_cut_short)
{
    scratch_write_text ("a", "whole\ncut sho");
    cr_assert_eq (line_append (&disk_system, "a", 0644, "next\n"), 0);
    cr_expect (scratch_holds ("a", "whole\ncut sho\nnext\n"));
    cr_assert_eq (line_append (&disk_system, "b", 0600, "first\n"), 0);
    cr_expect (scratch_holds ("b", "first\n"));
}

Test (file, a_failed_append_leaves_no_part_of_the_record)
{
    scratch_write_text ("a", "old\n");
    struct failing_disk failing;
    const struct disk *disk = failing_init (&failing, 2, ENOSPC);
    failing.only = "write";
    failing.write_most = 3;
    cr_expect_eq (line_append (disk, "a", 0644, "longer\n"), -ENOSPC);
    cr_expect (scratch_holds ("a", "old\n"));
    disk = failing_init (&failing, 1, EIO);
    failing.only = "fsync";
    cr_expect_eq (line_append (disk, "a", 0644, "longer\n"), -EIO);
    cr_expect (scratch_holds ("a", "old\n"));
}

Test (file, only_a_regular_file_within_the_size_limit_is_read)
{
    struct base_buffer buffer = {0};
    scratch_write_text ("a", "12345");
    cr_expect_eq (disk_file_read (&disk_system, open_here (), "a", 4, &buffer), -EFBIG);
    cr_expect_eq (disk_file_read (&disk_system, open_here (), ".", 99, &buffer), -EISDIR);
    cr_expect_eq (disk_file_read (&disk_system, open_here (), "none", 99, &buffer), -ENOENT);
    cr_assert_eq (mkfifo ("fifo", 0600), 0);
    cr_expect_eq (disk_file_read (&disk_system, open_here (), "fifo", 99, &buffer), -EINVAL,
                  "a FIFO is refused without blocking");
    cr_expect_eq (buffer.size, 0);
    cr_expect_eq (disk_file_read (&disk_system, open_here (), "a", 5, &buffer), 0);
    cr_expect_eq (disk_file_read (&disk_system, open_here (), "a", 5, &buffer), 0);
    cr_expect_eq (buffer.size, 10);
    base_buffer_deinit (&buffer);
}
