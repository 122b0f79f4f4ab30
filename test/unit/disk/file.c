#include "disk/disk.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>

#include "test/fault/failing_disk.h"
#include "test/fault/scratch.h"

TestSuite (file, .init = scratch_begin, .fini = scratch_end);

static int here (void)
{
    return open (".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/*  Visible files and hidden leftovers of the directory. */
static void count (unsigned *ret_files, unsigned *ret_leftovers)
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

Test (file, replaces_the_whole_content_and_sets_the_mode_whatever_the_umask)
{
    (void) umask (0777);
    cr_assert_eq (disk_file_write (&disk_system, here (), "a", 0640, "one", 3, NULL), 0);
    cr_assert_eq (disk_file_write (&disk_system, here (), "a", 0751, "two!", 4, NULL), 0);
    struct stat status;
    cr_expect (scratch_holds ("a", "two!"));
    cr_expect_eq (stat ("a", &status), 0);
    cr_expect_eq (status.st_mode & 07777, 0751);
}

Test (file, lies_where_its_path_says)
{
    cr_assert_eq (disk_directory_make (&disk_system, here (), "below", 0700, NULL), 0);
    cr_assert_eq (disk_file_write (&disk_system, here (), "below/a", 0644, "x", 1, NULL), 0);
    cr_expect (scratch_holds ("below/a", "x"));
    struct base_error error = {0};
    cr_expect_eq (disk_file_write (&disk_system, here (), "nowhere/a", 0644, "x", 1, &error), -ENOENT);
    cr_expect_str_eq (error.text, "cannot open the directory of nowhere/a: No such file or directory");
}

Test (file, short_writes_are_completed)
{
    struct failing_disk failing;
    const struct disk *disk = failing_init (&failing, 0, 0);
    failing.write_most = 2;
    cr_assert_eq (disk_file_write (disk, here (), "a", 0644, "0123456", 7, NULL), 0);
    cr_expect (scratch_holds ("a", "0123456"));
    cr_assert_eq (disk_file_append (disk, here (), "a", 0644, "abcde\n", 6, true, NULL), 0);
    cr_expect (scratch_holds ("a", "0123456\nabcde\n"));
}

Test (file, any_call_that_fails_leaves_the_old_or_the_new_content)
{
    unsigned n = 0;
    for (int done = 0; !done; n++) {
        struct failing_disk failing;
        scratch_write_text ("a", "old");
        const struct disk *disk = failing_init (&failing, n + 1, n % 2 ? ENOSPC : EIO);
        int rc = disk_file_write (disk, here (), "a", 0644, "newer", 5, NULL);
        done = rc == 0;
        unsigned files, leftovers;
        count (&files, &leftovers);
        cr_expect_eq (files, 1);
        cr_expect_eq (leftovers, 0, "call %u", n);
        if (done)
            cr_expect (scratch_holds ("a", "newer"));
        else
            cr_expect (scratch_holds ("a", "old") || (scratch_holds ("a", "newer") && n + 1 == 5),
                       "only the last sync may fail behind the rename");
    }
    cr_expect_eq (n - 1, 5, "open, write, sync, rename, sync of the directory");
}

Test (file, is_synced_before_it_is_renamed_and_its_directory_after)
{
    static const char *const order[] = {"openat", "write", "fsync", "renameat", "fsync"};
    for (unsigned i = 0; i < 5; i++) {
        struct failing_disk all, one;
        (void) failing_init (&all, i + 1, EIO);
        cr_expect_eq (disk_file_write (&all.disk, here (), "a", 0644, "x", 1, NULL), -EIO);
        (void) failing_init (&one, i == 4 ? 2 : 1, EIO);
        one.only = order[i];
        cr_expect_eq (disk_file_write (&one.disk, here (), "b", 0644, "x", 1, NULL), -EIO);
        cr_expect_eq (scratch_exists ("a"), i == 4);
        cr_expect_eq (scratch_exists ("b"), i == 4);
    }
}

Test (file, killed_before_any_call_the_old_or_the_new_content_is_there)
{
    bool done = false;
    for (unsigned n = 1; !done; n++) {
        scratch_write_text ("a", "old");
        pid_t pid = fork ();
        if (pid == 0) {
            struct failing_disk failing;
            _exit (disk_file_write (failing_init (&failing, n, 0), here (), "a", 0644, "newer", 5, NULL));
        }
        int status;
        cr_assert_eq (waitpid (pid, &status, 0), pid);
        done = WEXITSTATUS (status) == 0;
        cr_expect (scratch_holds ("a", "newer") || (!done && scratch_holds ("a", "old")));
    }
}

Test (file, an_appended_record_closes_what_a_crash_left_open)
{
    scratch_write_text ("a", "whole\ncut sho");
    cr_assert_eq (disk_file_append (&disk_system, here (), "a", 0644, "next\n", 5, true, NULL), 0);
    cr_expect (scratch_holds ("a", "whole\ncut sho\nnext\n"));
    cr_assert_eq (disk_file_append (&disk_system, here (), "b", 0600, "first\n", 6, true, NULL), 0);
    cr_expect (scratch_holds ("b", "first\n"));
}

Test (file, a_record_that_cannot_be_appended_whole_is_not_there_at_all)
{
    scratch_write_text ("a", "old\n");
    struct failing_disk failing;
    const struct disk *disk = failing_init (&failing, 2, ENOSPC);
    failing.only = "write";
    failing.write_most = 3;
    cr_expect_eq (disk_file_append (disk, here (), "a", 0644, "longer\n", 7, true, NULL), -ENOSPC);
    cr_expect (scratch_holds ("a", "old\n"));
    disk = failing_init (&failing, 1, EIO);
    failing.only = "fsync";
    cr_expect_eq (disk_file_append (disk, here (), "a", 0644, "longer\n", 7, true, NULL), -EIO);
    cr_expect (scratch_holds ("a", "old\n"));
}

Test (file, only_a_regular_file_of_the_right_size_is_read)
{
    struct base_buffer buffer = {0};
    scratch_write_text ("a", "12345");
    cr_expect_eq (disk_file_read (&disk_system, here (), "a", 4, &buffer), -EFBIG);
    cr_expect_eq (disk_file_read (&disk_system, here (), ".", 99, &buffer), -EISDIR);
    cr_expect_eq (disk_file_read (&disk_system, here (), "none", 99, &buffer), -ENOENT);
    cr_assert_eq (mkfifo ("fifo", 0600), 0);
    cr_expect_eq (disk_file_read (&disk_system, here (), "fifo", 99, &buffer), -EINVAL, "and does not block");
    cr_expect_eq (buffer.size, 0);
    cr_expect_eq (disk_file_read (&disk_system, here (), "a", 5, &buffer), 0);
    cr_expect_eq (disk_file_read (&disk_system, here (), "a", 5, &buffer), 0);
    cr_expect_eq (buffer.size, 10);
    base_buffer_deinit (&buffer);
}
