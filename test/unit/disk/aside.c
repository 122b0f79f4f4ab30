/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/disk/aside.c - blobs that are put aside and taken back, with failing calls */

#include "disk/disk.h"

#include <criterion/criterion.h>

#include "test/fault/failing_disk.h"
#include "test/fault/scratch.h"

static struct failing_disk failing;
static struct disk_blobs blobs;
static struct base_digest digest;

static void aside_begin (void)
{
    struct disk_partial partial;
    scratch_begin ();
    int here = open (".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    digest = base_digest_of ("content", 7);
    cr_assert_eq (disk_blobs_open (failing_init (&failing, 0, 0), here, "store", &blobs, NULL), 0);
    cr_assert_eq (disk_partial_open (&blobs, &digest, 7, &partial, NULL), 0);
    cr_assert_eq (disk_partial_write (&partial, "content", 7, NULL), 0);
    cr_assert_eq (disk_partial_finish (&partial, NULL), 0);
}

static void aside_end (void)
{
    disk_blobs_deinit (&blobs);
    scratch_end ();
}

TestSuite (aside, .init = aside_begin, .fini = aside_end);

static bool is_in_place (void)
{
    int fd = -1;
    bool found = disk_blobs_get (&blobs, &digest, &fd, NULL) == 0;
    if (fd >= 0)
        (void) close (fd);
    return found;
}

static bool is_aside (enum disk_aside aside)
{
    return disk_aside_has (&blobs, aside, &digest);
}

static int count_one (void *context, const struct base_digest *found, const struct stat *status)
{
    unsigned *count = context;
    *count += base_digest_equal (found, &digest) && status->st_mtime == 1000;
    return 0;
}

Test (aside, a_blob_is_in_the_trash_with_its_stamp_and_can_be_taken_back)
{
    unsigned count = 0;
    cr_expect_eq (disk_aside_each (&blobs, DISK_TRASH, count_one, &count), 0, "there is no trash yet");
    cr_assert_eq (disk_aside_put (&blobs, DISK_TRASH, &digest, 1000), 0);
    cr_expect (is_aside (DISK_TRASH) && !is_aside (DISK_DAMAGED) && !is_in_place ());
    cr_expect_eq (disk_aside_each (&blobs, DISK_TRASH, count_one, &count), 0);
    cr_expect_eq (count, 1);
    cr_assert_eq (disk_aside_take_back (&blobs, &digest), 0);
    cr_expect (is_in_place () && !is_aside (DISK_TRASH));
    cr_expect_eq (disk_aside_take_back (&blobs, &digest), -ENOENT);
}

Test (aside, a_missing_blob_is_an_error_but_its_removal_is_not)
{
    struct base_digest other = base_digest_of ("other", 5);
    cr_expect_eq (disk_aside_put (&blobs, DISK_DAMAGED, &other, 0), -ENOENT);
    cr_expect_eq (disk_aside_remove (&blobs, DISK_DAMAGED, &other), 0);
    cr_assert_eq (disk_aside_put (&blobs, DISK_DAMAGED, &digest, 0), 0);
    cr_expect_eq (disk_aside_remove (&blobs, DISK_DAMAGED, &digest), 0);
    cr_expect_not (is_in_place () || is_aside (DISK_DAMAGED));
}

Test (aside, a_failing_call_leaves_the_blob_in_exactly_one_place)
{
    for (unsigned n = 1;; n++) {
        failing.calls = 0;
        failing.at = n;
        failing.code = EIO;
        int put = disk_aside_put (&blobs, DISK_TRASH, &digest, 0);
        bool over = failing.calls < n;
        failing.at = 0;
        cr_expect (over || put == -EIO, "call %u: %d", n, put);
        cr_expect_neq (is_in_place (), is_aside (DISK_TRASH), "call %u", n);
        if (is_aside (DISK_TRASH))
            cr_assert_eq (disk_aside_take_back (&blobs, &digest), 0);
        if (over)
            return;
    }
}
