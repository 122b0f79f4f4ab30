/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/disk/blobs.c - the store of blobs: partial and complete blobs, failing calls, collection */

#include "disk/disk.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "test/fault/failing_disk.h"
#include "test/fault/scratch.h"

static struct disk_blobs blobs;
static struct failing_disk failing;
static struct base_error error;

static void blobs_begin (void)
{
    scratch_begin ();
    cr_assert_eq (disk_blobs_open (failing_init (&failing, 0, 0), AT_FDCWD, "blobs", &blobs, &error), 0, "%s",
                  error.text);
}

static void blobs_end (void)
{
    disk_blobs_deinit (&blobs);
    scratch_end ();
}

TestSuite (blobs, .init = blobs_begin, .fini = blobs_end);

/*  A disk that has a bad sector: while this is set, no file can be read at a position. */
static bool reads_fail;

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): the C library has its own names */
ssize_t pread (int fd, void *data, size_t size, off_t offset)
{
    if (reads_fail) {
        errno = EIO;
        return -1;
    }
    return syscall (SYS_pread64, fd, data, size, offset);
}

static const char content[] = "what a release is made of";
enum { SIZE = sizeof content - 1 };

static struct base_digest content_digest (void)
{
    return base_digest_of (content, SIZE);
}

static int blob_put (const struct base_digest *digest, const void *data, size_t size)
{
    base_cleanup (disk_partial_deinit) struct disk_partial partial = {.fd = -1};
    int rc = disk_partial_open (&blobs, digest, size, &partial, &error);
    if (rc == 0)
        rc = disk_partial_write (&partial, (const char *) data + partial.offset, size - partial.offset,
                                 &error);
    return rc ? rc : disk_partial_finish (&partial, &error);
}

static bool blob_exists (const struct base_digest *digest)
{
    int fd;
    uint64_t size;
    if (disk_blobs_get (&blobs, digest, &fd, &size))
        return false;
    struct base_digest found;
    cr_expect_eq (base_digest_of_fd (fd, &found, NULL), 0);
    cr_expect (base_digest_equal (&found, digest), "a blob under its name is complete");
    (void) close (fd);
    return true;
}

Test (blobs, a_blob_appears_only_when_it_is_complete)
{
    struct base_digest digest = content_digest ();
    struct disk_partial partial;
    cr_assert_eq (disk_partial_open (&blobs, &digest, SIZE, &partial, &error), 0, "%s", error.text);
    cr_assert_eq (disk_partial_write (&partial, content, 5, &error), 0);
    cr_expect_not (blob_exists (&digest));
    cr_expect_eq (disk_partial_finish (&partial, &error), -EINVAL);
    cr_assert_eq (disk_partial_write (&partial, content + 5, SIZE - 5, &error), 0);
    cr_expect_eq (disk_partial_write (&partial, "x", 1, &error), -EFBIG);
    cr_assert_eq (disk_partial_finish (&partial, &error), 0, "%s", error.text);
    cr_expect_eq (partial.fd, -1);
    cr_expect (blob_exists (&digest));
    cr_expect_eq (disk_blobs_partial_size (&blobs, &digest), 0);
}

Test (blobs, an_interrupted_blob_resumes_at_its_offset)
{
    struct base_digest digest = content_digest ();
    struct disk_partial partial;
    cr_assert_eq (disk_partial_open (&blobs, &digest, SIZE, &partial, &error), 0);
    cr_assert_eq (disk_partial_write (&partial, content, 7, &error), 0);
    disk_partial_deinit (&partial);
    cr_expect_eq (disk_blobs_partial_size (&blobs, &digest), 7, "reserved space is not counted");
    cr_assert_eq (disk_partial_open (&blobs, &digest, SIZE, &partial, &error), 0);
    cr_expect_eq (partial.offset, 7);
    cr_assert_eq (disk_partial_write (&partial, content + 7, SIZE - 7, &error), 0);
    cr_expect_eq (disk_partial_finish (&partial, &error), 0, "%s", error.text);
    cr_expect (blob_exists (&digest));
}

Test (blobs, a_blob_with_a_wrong_digest_is_discarded)
{
    struct base_digest digest = content_digest ();
    cr_expect_eq (blob_put (&digest, "WHAT A RELEASE IS MADE OF", SIZE), DISK_E_DIGEST);
    cr_expect_not (blob_exists (&digest));
    cr_expect_eq (disk_blobs_partial_size (&blobs, &digest), 0);
    cr_expect_eq (blob_put (&digest, content, SIZE), 0);
    cr_expect (blob_exists (&digest));
}

Test (blobs, a_partial_longer_than_its_blob_restarts)
{
    struct base_digest digest = content_digest ();
    struct disk_partial partial;
    cr_assert_eq (disk_partial_open (&blobs, &digest, 1000, &partial, &error), 0);
    cr_assert_eq (disk_partial_write (&partial, (char[100]){0}, 100, &error), 0);
    disk_partial_deinit (&partial);
    cr_expect_eq (blob_put (&digest, content, SIZE), 0);
}

Test (blobs, a_partial_that_cannot_be_read_restarts)
{
    struct base_digest digest = content_digest ();
    struct disk_partial partial;
    cr_assert_eq (disk_partial_open (&blobs, &digest, SIZE, &partial, &error), 0);
    cr_assert_eq (disk_partial_write (&partial, content, 7, &error), 0);
    disk_partial_deinit (&partial);
    reads_fail = true;
    int rc = disk_partial_open (&blobs, &digest, SIZE, &partial, &error);
    reads_fail = false;
    cr_assert_eq (rc, 0, "%s", error.text);
    cr_expect_eq (partial.offset, 0);
    cr_assert_eq (disk_partial_write (&partial, content, SIZE, &error), 0);
    cr_assert_eq (disk_partial_finish (&partial, &error), 0, "%s", error.text);
    cr_expect (blob_exists (&digest));
}

Test (blobs, an_empty_blob_can_be_stored)
{
    struct base_digest digest = base_digest_of ("", 0);
    cr_expect_eq (blob_put (&digest, "", 0), 0, "%s", error.text);
    cr_expect (blob_exists (&digest));
}

Test (blobs, too_little_space_is_reported_before_writing_with_needed_and_free_bytes)
{
    struct base_digest digest = content_digest ();
    struct disk_partial partial;
    failing.only = "fallocate";
    failing.at = failing.calls = 0;
    failing.at = 1;
    failing.code = ENOSPC;
    cr_expect_eq (disk_partial_open (&blobs, &digest, SIZE, &partial, &error), -ENOSPC);
    cr_expect_eq (strncmp (error.text, "too little space: 25 bytes are needed, ", 39), 0, "%s", error.text);
    cr_expect_not_null (strstr (error.text, " bytes are free"));
    char *left = scratch_shell ("ls blobs/partial", NULL);
    cr_expect_str_empty (left);
    free (left);
    failing.calls = 0;
    failing.code = EOPNOTSUPP;
    cr_expect_eq (disk_partial_open (&blobs, &digest, UINT64_C (1) << 47, &partial, &error), -ENOSPC,
                  "if the file system cannot reserve space, its free space is checked");
    failing.calls = 0;
    cr_expect_eq (blob_put (&digest, content, SIZE), 0, "%s", error.text);
}

Test (blobs, any_failing_call_leaves_a_complete_blob_or_none)
{
    struct base_digest digest = content_digest ();
    bool done = false;
    for (unsigned n = 1; !done; n++) {
        failing.calls = 0;
        failing.at = n;
        failing.code = n % 2 ? EIO : ENOSPC;
        failing.write_most = 10;
        int rc = blob_put (&digest, content, SIZE);
        done = failing.calls < n;
        cr_expect_eq (rc == 0, done, "call %u: %d", n, rc);
        failing.at = 0;
        (void) blob_exists (&digest);
        cr_expect_eq (blob_put (&digest, content, SIZE), 0, "call %u: the second attempt succeeds: %s", n,
                      error.text);
        cr_expect (blob_exists (&digest));
        cr_expect_eq (disk_blobs_remove (&blobs, &digest), 0);
        cr_expect_not (blob_exists (&digest));
    }
}

Test (blobs, a_partial_is_discarded_after_a_failed_sync)
{
    struct base_digest digest = content_digest ();
    failing.only = "fsync";
    failing.calls = 0;
    failing.at = 1;
    failing.code = EIO;
    cr_expect_eq (blob_put (&digest, content, SIZE), -EIO);
    cr_expect_eq (disk_blobs_partial_size (&blobs, &digest), 0);
}

static int blob_note (void *context, const struct base_digest *digest, uint64_t size)
{
    unsigned *seen = context;
    cr_expect (size == SIZE || size == 1);
    cr_expect_not (base_digest_is_null (digest));
    return ++*seen == 99 ? 1 : 0;
}

Test (blobs, only_complete_blobs_are_listed)
{
    unsigned seen = 0;
    struct base_digest digest = content_digest (), other = base_digest_of ("x", 1),
                       under_way = base_digest_of ("y", 1);
    struct disk_partial partial;
    cr_assert_eq (blob_put (&digest, content, SIZE), 0);
    cr_assert_eq (blob_put (&other, "x", 1), 0);
    cr_assert_eq (disk_partial_open (&blobs, &under_way, 1, &partial, &error), 0);
    disk_partial_deinit (&partial);
    cr_assert_eq (mkdir ("blobs/zz", 0755), 0);
    cr_assert_eq (disk_directory_make (&disk_system, AT_FDCWD, "blobs/00", 0755, NULL), 0);
    scratch_write_text ("blobs/00/stranger", "");
    cr_expect_eq (disk_blobs_each (&blobs, blob_note, &seen), 0);
    cr_expect_eq (seen, 2);
    seen = 98;
    cr_expect_eq (disk_blobs_each (&blobs, blob_note, &seen), 1, "a non-zero return ends the listing");
}

Test (blobs, old_partials_are_collected_and_recent_ones_are_kept)
{
    struct base_digest whole = content_digest (), old = base_digest_of ("x", 1),
                       young = base_digest_of ("y", 1);
    struct disk_partial partial;
    cr_assert_eq (blob_put (&whole, content, SIZE), 0);
    cr_assert_eq (disk_partial_open (&blobs, &young, 2, &partial, &error), 0);
    cr_assert_eq (disk_partial_write (&partial, "y", 1, &error), 0);
    disk_partial_deinit (&partial);
    cr_assert_eq (disk_partial_open (&blobs, &old, 2, &partial, &error), 0);
    cr_assert_eq (disk_partial_write (&partial, "x", 1, &error), 0);
    const struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    cr_assert_eq (futimens (partial.fd, times), 0);
    disk_partial_deinit (&partial);
    disk_blobs_collect (&blobs, 1000);
    cr_expect_eq (disk_blobs_partial_size (&blobs, &old), 1, "exactly as old as the limit");
    disk_blobs_collect (&blobs, 1001);
    cr_expect_eq (disk_blobs_partial_size (&blobs, &old), 0);
    cr_expect_eq (disk_blobs_partial_size (&blobs, &young), 1);
    cr_expect (blob_exists (&whole));
}

Test (blobs, blobs_are_found_in_the_order_of_their_names)
{
    struct base_digest digests[3], found = {{0}};
    uint64_t size = 0;
    cr_expect_eq (disk_blobs_next (&blobs, NULL, &found, &size), -ENOENT);
    for (unsigned i = 0; i < 3; i++) {
        char text[2] = {(char) ('a' + i), '\0'};
        digests[i] = base_digest_of (text, 1);
        cr_assert_eq (blob_put (&digests[i], text, 1), 0);
    }
    free (scratch_shell ("cd blobs; for d in ??; do touch $d/stray; done", NULL));
    unsigned count = 0;
    for (int r = disk_blobs_next (&blobs, NULL, &found, &size); r == 0; count++) {
        struct base_digest last = found;
        cr_expect_eq (size, 1);
        r = disk_blobs_next (&blobs, &last, &found, &size);
        cr_expect (r == -ENOENT || (r == 0 && memcmp (last.bytes, found.bytes, sizeof last.bytes) < 0));
    }
    cr_expect_eq (count, 3);
}

Test (blobs, a_partial_directory_that_was_removed_is_made_anew)
{
    struct base_digest digest = content_digest ();
    cr_assert_eq (rmdir ("blobs/partial"), 0);
    cr_expect_eq (blob_put (&digest, content, SIZE), 0, "%s", error.text);
}

Test (blobs, opening_a_partial_can_be_cancelled)
{
    struct base_digest digest = content_digest ();
    struct disk_partial partial;
    const atomic_bool stop = true;
    cr_assert_eq (disk_partial_open (&blobs, &digest, SIZE, &partial, &error), 0);
    cr_assert_eq (disk_partial_write (&partial, content, 5, &error), 0);
    disk_partial_deinit (&partial);
    cr_expect_eq (disk_partial_open_until (&blobs, &digest, SIZE, &stop, &partial, &error), -ECANCELED);
    cr_expect_eq (disk_blobs_partial_size (&blobs, &digest), 5, "what is here stays for a resume");
}
