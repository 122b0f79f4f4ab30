/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/broker/mark.c - the file by which a broker notices that its records are not the latest */

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "broker/errors.h"
#include "broker/mark.h"
#include "disk/disk.h"

#define NAME "records.mark"

static char root[64], path[96];
static int directory;
static struct records *records;
static struct broker_mark *mark;
static struct base_error error;

static void set_up (void)
{
    (void) snprintf (root, sizeof root, "/tmp/mark.XXXXXX");
    cr_assert_not_null (mkdtemp (root));
    (void) snprintf (path, sizeof path, "%s/broker.db", root);
    directory = open (root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cr_assert_eq (records_open (path, &records, &error), 0, "%s", error.text);
    cr_assert_eq (broker_mark_open (records, directory, NAME, BROKER_MARK_CHECK, &mark, &error), 0, "%s",
                  error.text);
}

static void records_close (void)
{
    records = records_free (records);
    mark = broker_mark_free (mark);
}

static void tear_down (void)
{
    records_close ();
    close (directory);
    (void) disk_tree_remove (&disk_system, AT_FDCWD, root, NULL);
}

TestSuite (mark, .init = set_up, .fini = tear_down, .timeout = 60);

static void node_put (const char *id)
{
    struct records_node node = {.id = id, .platform = "linux/amd64", .last_seen = "x"};

    cr_assert_eq (records_begin (records, &error), 0);
    cr_assert_eq (records_node_put (records, &node, &error), 0, "%s", error.text);
    cr_assert_eq (records_commit (records, &error), 0, "%s", error.text);
}

static struct base_buffer file_read (void)
{
    struct base_buffer text = {.size = 0};

    cr_assert_eq (disk_file_read (&disk_system, directory, NAME, 1000, &text), 0);
    return text;
}

static void file_write (const void *data, size_t size)
{
    cr_assert_eq (disk_file_write (&disk_system, directory, NAME, 0600, data, size, &error), 0);
}

static int records_reopen (enum broker_mark_mode mode)
{
    records_close ();
    cr_assert_eq (records_open (path, &records, &error), 0, "%s", error.text);
    return broker_mark_open (records, directory, NAME, mode, &mark, &error);
}

Test (mark, follows_the_records_and_accepts_them)
{
    struct base_buffer before = file_read (), after;

    node_put ("a");
    after = file_read ();
    cr_expect_eq (after.size, before.size);
    cr_expect_neq (memcmp (before.data, after.data, after.size), 0);
    broker_mark_sync (mark);
    cr_expect_eq (records_reopen (BROKER_MARK_CHECK), 0, "%s", error.text);
    base_buffer_deinit (&before);
    base_buffer_deinit (&after);
}

Test (mark, refuses_records_that_are_older)
{
    struct base_buffer later;
    struct records_mark now;

    node_put ("a");
    node_put ("b");
    later = file_read ();
    records_close ();
    (void) disk_unlink (&disk_system, AT_FDCWD, path);
    cr_assert_eq (records_open (path, &records, &error), 0);
    cr_assert_eq (broker_mark_open (records, directory, NAME, BROKER_MARK_REPLACE, &mark, &error), 0, "%s",
                  error.text);
    file_write (later.data, later.size);
    cr_expect_eq (records_reopen (BROKER_MARK_CHECK), BROKER_E_OLDER, "another identity");
    cr_expect_not_null (strstr (error.text, "is not the database"), "%s", error.text);
    cr_expect_null (mark);
    base_buffer_deinit (&later);

    cr_assert_eq (records_mark_get (records, &now, &error), 0);
    char text[96];
    (void) snprintf (text, sizeof text, "database %016llx\nmark %020llu\n", (unsigned long long) now.identity,
                     (unsigned long long) now.count + 1);
    file_write (text, strlen (text));
    cr_expect_eq (records_reopen (BROKER_MARK_CHECK), BROKER_E_OLDER, "a lower count");
    cr_expect_not_null (strstr (error.text, "is older than"), "%s", error.text);
    cr_expect_eq (records_reopen (BROKER_MARK_REPLACE), 0, "on purpose");
    cr_expect_eq (records_reopen (BROKER_MARK_CHECK), 0, "the file was written again");
}

Test (mark, is_written_again_if_its_file_is_missing_or_damaged)
{
    node_put ("a");
    file_write ("noise", 5);
    cr_expect_eq (records_reopen (BROKER_MARK_CHECK), 0, "%s", error.text);
    records_close ();
    (void) disk_unlink (&disk_system, directory, NAME);
    cr_expect_eq (records_reopen (BROKER_MARK_CHECK), 0, "%s", error.text);
    cr_expect_eq (faccessat (directory, NAME, F_OK, 0), 0);
}
