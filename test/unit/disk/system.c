/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/disk/system.c - the read-only disk refuses every change; a copy names the side that failed */

#include "disk/disk.h"

#include <criterion/criterion.h>

#include "test/fault/failing_disk.h"
#include "test/fault/scratch.h"

TestSuite (calls, .init = scratch_begin, .fini = scratch_end);

static int open_here (void)
{
    return open (".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

Test (calls, the_read_only_disk_reads_and_refuses_every_change)
{
    const struct disk *disk = &disk_read_only;
    const struct disk_line line = {.data = "x\n", .size = 2, .mode = 0644};
    struct base_buffer buffer = {0};
    int here = open_here ();
    scratch_write_text ("a", "content");
    cr_assert_eq (symlink ("a", "link"), 0);
    cr_expect_eq (disk_file_read (disk, here, "a", 100, &buffer), 0);
    cr_expect_eq (buffer.size, 7);
    base_buffer_deinit (&buffer);

    cr_expect_eq (disk_file_write (disk, here, "a", 0644, "new", 3, NULL), -EROFS);
    cr_expect_eq (disk_file_append (disk, here, "a", &line, NULL), -EROFS);
    cr_expect_eq (disk_link_replace (disk, here, "link", "b", NULL), -EROFS);
    cr_expect_eq (disk_rename (disk, here, "a", "b", NULL), -EROFS);
    cr_expect_eq (disk_unlink (disk, here, "a"), -EROFS);
    cr_expect_eq (disk_directory_make (disk, here, "below", 0755, NULL), -EROFS);
    cr_expect_eq (disk_tree_remove (disk, here, "a", NULL), -EROFS);
    cr_expect_lt (disk->ops->linkat (disk->context, here, "a", here, "b"), 0);
    cr_expect_lt (disk->ops->exchangeat (disk->context, here, "a", "link"), 0);
    cr_expect_lt (disk->ops->fallocate (disk->context, here, 1), 0);
    cr_expect_lt (disk->ops->pwrite (disk->context, here, "x", 1, 0), 0);
    cr_expect (scratch_holds ("a", "content"));
    cr_expect_not (scratch_exists ("b") || scratch_exists ("below"));
}

Test (calls, a_copy_has_the_content_and_the_digest_of_its_source)
{
    struct base_digest found, wanted = base_digest_of ("content", 7);
    scratch_write_text ("a", "content");
    int from = open ("a", O_RDONLY | O_CLOEXEC), to = open ("b", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    cr_expect_eq (disk_file_copy (&disk_unsynced, from, to, &found), 0);
    cr_expect (base_digest_equal (&found, &wanted));
    cr_expect (scratch_holds ("b", "content"));
}

Test (calls, a_copy_names_the_side_that_failed)
{
    struct failing_disk failing;
    struct base_digest found;
    int here = open_here (), to = open ("b", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    const struct disk *disk = failing_init (&failing, 1, ENOTSUP);
    failing.only = "clone";
    cr_expect_eq (disk_file_copy (disk, here, to, &found), DISK_E_SOURCE, "a directory has no bytes");

    scratch_write_text ("a", "content");
    int from = open ("a", O_RDONLY | O_CLOEXEC);
    disk = failing_init (&failing, 2, ENOSPC); /* the first call is the clone */
    failing.only = NULL;
    int r = disk_file_copy (disk, from, to, &found);
    cr_expect (r == -ENOSPC || r == 0, "%d", r); /* 0: this file system shares blocks */
}
