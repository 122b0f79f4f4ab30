/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/broker/documents.c - the documents of releases beside the records */

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>

#include "broker/broker.h"
#include "broker/documents.h"
#include "broker/keeping.h"
#include "test/fault/scratch.h"
#include "wire/envelope.h"

static struct records *records;
static struct broker_mark *mark;
static struct base_error error;
static int root;

static void set_up (void)
{
    scratch_begin ();
    root = open (".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cr_assert_eq (broker_keeping_open (".", root, false, &records, &mark, &error), 0, "%s", error.text);
}

static void tear_down (void)
{
    records = records_free (records);
    mark = broker_mark_free (mark);
    (void) close (root);
    scratch_end ();
}

TestSuite (documents, .init = set_up, .fini = tear_down);

/*  Puts a release into the records and, as the broker does, its document beside them. */
static struct base_digest release_publish (const char *version, const char *time)
{
    const char *args[] = {"odd \"\xff\n"};
    struct wire_envelope envelope = {.application = "noded",
                                     .version = version,
                                     .binary = base_digest_of (version, strlen (version)),
                                     .size = strlen (version),
                                     .args = args,
                                     .n_args = 1};
    struct records_release release = {
        .document = {.application = "noded", .version = version, .envelopes = &envelope, .n_envelopes = 1}};

    release.digest = wire_release_digest (&release.document, NULL);
    (void) snprintf (release.time, sizeof release.time, "%s", time);
    cr_assert_eq (records_release_put (records, &release.digest, &release.document, time, &error), 0);
    cr_assert_eq (broker_document_put (root, &release, &error), 0, "%s", error.text);
    return release.digest;
}

static int records_reopen (bool anew)
{
    records = records_free (records);
    mark = broker_mark_free (mark);
    return broker_keeping_open (".", root, anew, &records, &mark, &error);
}

static void records_remove (void)
{
    records = records_free (records);
    mark = broker_mark_free (mark);
    free (scratch_shell ("rm broker.db*", NULL));
}

Test (documents, rebuild_the_records_in_the_order_of_publishing)
{
    struct base_digest second = release_publish ("2", "2026-02-01T00:00:00.000000000Z");
    struct base_digest first = release_publish ("1", "2026-01-01T00:00:00.000000000Z");
    struct records_release release = {.serial = 0};

    cr_assert_eq (records_release_withdraw (records, &first, &error), 0);
    cr_assert_eq (records_release_get (records, &first, &release, &error), 0);
    cr_assert_eq (broker_document_put (root, &release, &error), 0);
    records_release_deinit (&release);
    records_remove ();
    cr_assert_eq (broker_keeping_open (".", root, false, &records, &mark, &error), BROKER_E_NO_RECORDS);
    cr_assert_eq (broker_recover (".", &error), 0, "%s", error.text);
    cr_assert_eq (records_reopen (false), 0, "%s", error.text);
    cr_assert_eq (records_release_get (records, &first, &release, &error), 0);
    cr_expect (release.withdrawn);
    cr_expect_eq (release.serial, 1);
    records_release_deinit (&release);
    cr_assert_eq (records_release_get (records, &second, &release, &error), 0);
    cr_expect_not (release.withdrawn);
    cr_expect_eq (release.serial, 2);
    records_release_deinit (&release);
}

Test (documents, that_are_missing_are_written_and_damaged_ones_are_repaired)
{
    struct base_digest digest = release_publish ("1", "2026-01-01T00:00:00.000000000Z");

    free (scratch_shell ("rm -r releases", NULL));
    cr_assert_eq (records_reopen (false), 0, "%s", error.text);
    cr_expect (broker_document_has (root, &digest));
    free (scratch_shell ("for i in releases/*; do echo noise >$i; done", NULL));
    cr_assert_eq (records_reopen (false), 0, "%s", error.text);
    records_remove ();
    cr_assert_eq (broker_recover (".", &error), 0, "%s", error.text);
    cr_assert_eq (records_reopen (false), 0, "%s", error.text);
    struct records_release release = {.serial = 0};
    cr_expect_eq (records_release_get (records, &digest, &release, &error), 0);
    records_release_deinit (&release);
}

Test (documents, whose_release_does_not_match_their_name_are_ignored)
{
    (void) release_publish ("1", "2026-01-01T00:00:00.000000000Z");
    records_remove ();
    free (scratch_shell ("sed -i 's/\"version\": \"1\"/\"version\": \"2\"/' releases/*", NULL));
    cr_assert_eq (broker_recover (".", &error), 0, "%s", error.text);
    cr_assert_eq (records_reopen (false), 0, "%s", error.text);
    free (scratch_shell ("ls releases/*.json", NULL)); /* the document is kept */
}

Test (documents, that_the_records_do_not_know_show_that_the_records_are_older)
{
    (void) release_publish ("1", "2026-01-01T00:00:00.000000000Z");
    records = records_free (records);
    mark = broker_mark_free (mark);
    free (scratch_shell ("cp broker.db copy", NULL));
    cr_assert_eq (records_reopen (false), 0, "%s", error.text);
    (void) release_publish ("2", "2026-02-01T00:00:00.000000000Z");
    records_remove ();
    free (scratch_shell ("mv copy broker.db; rm records.mark", NULL));
    cr_assert_eq (broker_keeping_open (".", root, false, &records, &mark, &error), BROKER_E_OLDER);
    cr_expect_not_null (strstr (error.text, "lacks 1 of the releases"), "%s", error.text);
}

Test (documents, are_set_aside_when_new_records_are_requested)
{
    struct base_digest digest = release_publish ("1", "2026-01-01T00:00:00.000000000Z");

    records_remove ();
    cr_assert_eq (broker_keeping_open (".", root, true, &records, &mark, &error), 0, "%s", error.text);
    cr_expect_not (broker_document_has (root, &digest));
    cr_assert_eq (records_reopen (false), 0, "%s", error.text);
    cr_expect_eq (records_reopen (true), -EEXIST);
    free (scratch_shell ("ls releases.until-*/*.json", NULL));
}

/*  The states that a kill during the very first start leaves. */
Test (documents, are_not_required_after_a_kill_during_the_first_start)
{
    records = records_free (records);
    mark = broker_mark_free (mark);
    free (scratch_shell ("rm -r broker.db* records.mark; : >broker.db", NULL));
    cr_assert_eq (records_reopen (false), 0, "%s", error.text);
    records = records_free (records);
    mark = broker_mark_free (mark);
    free (scratch_shell ("rm broker.db* records.mark; cp /dev/null broker.db; sqlite3 broker.db"
                         " 'PRAGMA journal_mode = WAL; CREATE TABLE t (x); DROP TABLE t'; rm -f records.mark",
                         NULL));
    cr_assert_eq (records_reopen (false), 0, "%s", error.text);
}
