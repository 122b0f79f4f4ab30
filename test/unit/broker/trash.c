/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/broker/trash.c - blobs that nothing needs are kept for long and deleted last */

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "broker/trash.h"
#include "test/fault/scratch.h"

#define HOUR (UINT64_C (3600) * 1000)
#define DAY (24 * HOUR)

static struct disk_blobs blobs;
static struct broker_trash trash;
static struct base_error error;
static uint64_t now_ms = 1000 * HOUR;

static void trash_begin (void)
{
    broker_trash_init (&trash, &blobs, now_ms);
    trash.rules.free = UINT64_MAX; /* short of space, whatever the disk has */
}

static void set_up (void)
{
    scratch_begin ();
    cr_assert_eq (disk_blobs_open (&disk_system, AT_FDCWD, "blobs", &blobs, &error), 0, "%s", error.text);
    trash_begin ();
}

static void tear_down (void)
{
    broker_trash_deinit (&trash);
    disk_blobs_deinit (&blobs);
    scratch_end ();
}

TestSuite (trash, .init = set_up, .fini = tear_down);

static struct base_digest blob_put (const char *text)
{
    struct base_digest digest = base_digest_of (text, strlen (text));
    struct disk_partial partial;

    cr_assert_eq (disk_partial_open (&blobs, &digest, strlen (text), &partial, &error), 0, "%s", error.text);
    cr_assert_eq (disk_partial_write (&partial, text, strlen (text), &error), 0);
    cr_assert_eq (disk_partial_finish (&partial, &error), 0, "%s", error.text);
    return digest;
}

static bool is_in_place (const struct base_digest *digest)
{
    int fd;

    if (disk_blobs_get (&blobs, digest, &fd, NULL) != 0)
        return false;
    (void) close (fd);
    return true;
}

static bool is_in_trash (const struct base_digest *digest)
{
    return disk_aside_has (&blobs, DISK_TRASH, digest);
}

static void time_pass (uint64_t ms)
{
    now_ms += ms;
    broker_trash_tick (&trash, now_ms);
}

Test (trash, a_blob_that_is_needed_again_is_restored)
{
    struct base_digest digest = blob_put ("one");

    cr_assert_eq (broker_trash_put (&trash, &digest, now_ms), 0);
    cr_expect_not (is_in_place (&digest));
    cr_expect (is_in_trash (&digest));
    cr_assert_eq (broker_trash_take_back (&trash, &digest), 0);
    cr_expect (is_in_place (&digest));
    cr_expect_not (is_in_trash (&digest));
    cr_expect_eq (broker_trash_take_back (&trash, &digest), -ENOENT);
    cr_expect_eq (broker_trash_put (&trash, &(struct base_digest){.bytes = {1}}, now_ms), -ENOENT);
}

Test (trash, the_oldest_blob_is_deleted_first_and_none_before_seven_days)
{
    struct base_digest first = blob_put ("one"), second = blob_put ("two");

    cr_assert_eq (broker_trash_put (&trash, &first, now_ms), 0);
    time_pass (DAY);
    cr_assert_eq (broker_trash_put (&trash, &second, now_ms), 0);
    time_pass (6 * DAY - HOUR);
    cr_expect (is_in_trash (&first));
    time_pass (2 * HOUR);
    cr_expect_not (is_in_trash (&first));
    cr_expect (is_in_trash (&second));
    time_pass (DAY);
    cr_expect_not (is_in_trash (&second));
}

Test (trash, nothing_is_deleted_while_there_is_space)
{
    struct base_digest digest = blob_put ("one");

    trash.rules.free = 0;
    cr_assert_eq (broker_trash_put (&trash, &digest, now_ms), 0);
    for (int i = 0; i < 100; i++)
        time_pass (DAY);
    cr_expect (is_in_trash (&digest));
    broker_trash_make_room (&trash, UINT64_MAX, now_ms);
    cr_expect_not (is_in_trash (&digest), "an upload that needs space gets it");
}

Test (trash, time_is_counted_over_restarts_and_nothing_is_deleted_in_the_first_hour)
{
    struct base_digest digest = blob_put ("one");

    cr_assert_eq (broker_trash_put (&trash, &digest, now_ms), 0);
    for (int i = 0; i < 8; i++) {
        time_pass (DAY - HOUR);
        broker_trash_deinit (&trash);
        now_ms = HOUR; /* the host was restarted; the time that it was off is not counted */
        trash_begin ();
        cr_expect (i == 7 || is_in_trash (&digest), "start %d", i);
    }
    cr_expect_not (is_in_trash (&digest), "after eight days of uptime");
}

Test (trash, nothing_is_deleted_in_the_first_hour_even_when_it_is_old_enough)
{
    struct base_digest digest = blob_put ("one");

    cr_assert_eq (broker_trash_put (&trash, &digest, now_ms), 0);
    broker_trash_deinit (&trash);
    scratch_write_text ("blobs/trash/clock", "ran_ms 864000000\n"); /* ten days */
    trash_begin ();
    time_pass (HOUR - 1);
    cr_expect (is_in_trash (&digest));
    time_pass (HOUR);
    cr_expect_not (is_in_trash (&digest));
}

static unsigned listed;

static int openat_counted (void *context, int directory, const char *path, int flags, mode_t mode)
{
    listed += strcmp (path, "trash") == 0;
    return disk_system.ops->openat (context, directory, path, flags, mode);
}

static int count_up (void *context, const struct base_digest *digest, const struct stat *status)
{
    (void) digest;
    (void) status;
    ++*(unsigned *) context;
    return 0;
}

/*  The broker empties the trash in its loop, so a pass must not scan it once per blob. */
Test (trash, a_large_trash_is_emptied_without_one_scan_per_blob)
{
    struct disk_ops ops = *disk_system.ops;
    struct disk counted = {.ops = &ops, .context = disk_system.context};
    unsigned left = 0;

    ops.openat = openat_counted;
    free (scratch_shell (
        "mkdir -p blobs/trash; for i in $(seq 600); do : >blobs/trash/$(printf '%064x' $i); done;"
        "touch -d @1 blobs/trash/*; touch -d 1960-01-01 blobs/trash/$(printf '%064x' 600)",
        NULL));
    trash.clock_ms = 8 * DAY;
    blobs.disk = &counted;
    time_pass (2 * HOUR);
    (void) disk_aside_each (&blobs, DISK_TRASH, count_up, &left);
    cr_expect_eq (left, 1, "%u are left", left);
    cr_expect_leq (listed, 600 + 8, "each removal opens the directory, too: %u", listed);
    time_pass (8 * DAY);
    left = 0;
    (void) disk_aside_each (&blobs, DISK_TRASH, count_up, &left);
    cr_expect_eq (left, 0, "a blob with a time before 1970 is deleted seven days after it was found");
    blobs.disk = &disk_system;
}

/*  A copy of the root without file times, and a lost clock, only make the trash keep its blobs longer. */
Test (trash, file_times_of_the_present_and_a_lost_clock_delete_nothing_early)
{
    struct base_digest digest = blob_put ("one");

    cr_assert_eq (broker_trash_put (&trash, &digest, now_ms), 0);
    free (scratch_shell ("touch blobs/trash/*; rm blobs/trash/clock", NULL));
    broker_trash_deinit (&trash);
    free (scratch_shell ("rm -f blobs/trash/clock", NULL));
    trash_begin ();
    time_pass (2 * HOUR);
    time_pass (7 * DAY - HOUR);
    cr_expect (is_in_trash (&digest));
    time_pass (2 * HOUR);
    cr_expect_not (is_in_trash (&digest), "seven days after it was found");
}
