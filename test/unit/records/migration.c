/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/records/migration.c - a newer broker reads the records that an older one wrote

    layout_1.sql holds the records that a broker of layout 1 left after it had updated nodes to 2.0.0. */

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

#include "base/buffer.h"
#include "records/records.h"
#include "disk/disk.h"

static char root[64], path[96];
static struct records *records;
static struct base_error error;

static void database_make (const char *name)
{
    struct base_buffer sql = {.size = 0};
    char *text, *message = NULL;
    sqlite3 *database;

    cr_assert_eq (disk_file_read (&disk_system, AT_FDCWD, name, 1 << 20, &sql), 0, "%s", name);
    text = base_buffer_take_text (&sql);
    (void) snprintf (root, sizeof root, "/tmp/records.XXXXXX");
    cr_assert_not_null (mkdtemp (root));
    (void) snprintf (path, sizeof path, "%s/broker.db", root);
    cr_assert_eq (sqlite3_open (path, &database), SQLITE_OK);
    cr_assert_eq (sqlite3_exec (database, text, NULL, NULL, &message), SQLITE_OK, "%s", message);
    sqlite3_close (database);
    free (text);
}

static void tear_down (void)
{
    records = records_free (records);
    (void) disk_tree_remove (&disk_system, AT_FDCWD, root, NULL);
}

TestSuite (migration, .fini = tear_down, .timeout = 120);

static int count_node (void *context, const struct records_node *node)
{
    cr_expect_str_eq (node->platform, "linux/amd64");
    cr_expect_eq (node->restarts, 0);
    cr_expect_null (node->kernel);
    ++*(unsigned *) context;
    return 0;
}

static int take_release (void *context, const struct records_release *release)
{
    cr_expect_str_eq (release->document.version, "2.0.0");
    *(struct base_digest *) context = release->digest;
    return 0;
}

static int last_outcome (void *context, const struct wire_stored_report *stored)
{
    *(enum wire_outcome *) context = stored->outcome;
    return 0;
}

static int count_label (void *context, const struct wire_label *label)
{
    (void) label;
    ++*(unsigned *) context;
    return 0;
}

Test (migration, all_records_of_layout_1_are_found)
{
    struct records_application application;
    struct base_digest release = {.bytes = {0}};
    enum wire_outcome outcome = WIRE_OUTCOME_NULL;
    struct wire_label label = {.name = "role", .value = "web"};
    unsigned nodes = 0, labels = 0;
    uint64_t revision = 0, applications = 0;
    bool used = false;

    database_make (SOURCE "/layout_1.sql");
    cr_assert_eq (records_open (path, &records, &error), 0, "%s", error.text);
    cr_assert_eq (records_nodes (records, count_node, &nodes, &error), 0);
    cr_expect_eq (nodes, 2);
    cr_assert_eq (records_releases (records, "noded", 0, take_release, &release, &error), 0);
    cr_expect_not (base_digest_is_null (&release));

    cr_assert_eq (records_application_get (records, "a", "noded", &application, &error), 0);
    cr_expect (application.is_reported && application.is_desired);
    cr_expect (base_digest_equal (&application.reported.release, &release));
    cr_expect (base_digest_equal (&application.desired.release, &release));
    cr_expect_eq (application.epoch, application.desired.epoch);
    cr_expect_eq (application.verb, WIRE_ORDER_UPDATE);
    records_application_deinit (&application);
    cr_assert_eq (records_applications_count (records, "b", &applications, &error), 0);
    cr_expect_eq (applications, 1);

    cr_assert_eq (records_reports (records, "a", "noded", 0, last_outcome, &outcome, &error), 0);
    cr_expect_eq (outcome, WIRE_OUTCOME_CONFIRMED);
    cr_assert_eq (records_revision_next (records, &revision, &error), 0);
    cr_expect_gt (revision, 1, "the revisions start anew");
    cr_assert_eq (records_blob_used (records, &release, &used, &error), 0);

    cr_assert_eq (records_label_put (records, "a", &label, &error), 0, "%s", error.text);
    cr_assert_eq (records_labels (records, "a", count_label, &labels, &error), 0);
    cr_expect_eq (labels, 1);
}

/*  Turns new records into those that a broker of layout 3 left. It ran a rollout, and its wall clock was
    ahead. */
static const char layout_3[] =
    "DROP TABLE keys; DROP TABLE quarantine; ALTER TABLE applications DROP COLUMN quarantine;"
    "ALTER TABLE members DROP COLUMN real; DELETE FROM meta WHERE key = 'watched';"
    "INSERT INTO rollouts (serial, id, application, live, phase, paused, wave, phase_ms, wave_ms, stopped_ms,"
    " stop_ms, evidence, state, revision) VALUES (1, 'r-1', 'noded', 1, 'updating', 0, 0, 1795391506532,"
    " 1795391506000, 0, 0, '', x'', 7);"
    "INSERT INTO members (rollout, idx, node, wave, state, since, start, revert_ms, flags, pending, epoch, verb,"
    " update_id, ordered, took, step, reason, revision) VALUES (1, 0, 'a', 0, 'ordered', 1795391506533, 5, 0, 0, 0,"
    " 9, 'update', 't', 1795391506531, 0, NULL, NULL, 8);"
    "PRAGMA user_version = 3;";

static int member_take (void *context, const struct records_member *row)
{
    cr_expect_eq (row->since_ms, 1795391506533);
    cr_expect_eq (row->real_ms, 1795391506533, "the time that people are shown stays");
    ++*(unsigned *) context;
    return 0;
}

Test (migration, rollouts_of_layout_3_continue_after_their_last_time)
{
    uint64_t watched_ms = 0;
    unsigned members = 0;
    sqlite3 *database;
    char *message = NULL;

    (void) snprintf (root, sizeof root, "/tmp/records.XXXXXX");
    cr_assert_not_null (mkdtemp (root));
    (void) snprintf (path, sizeof path, "%s/broker.db", root);
    cr_assert_eq (records_open (path, &records, &error), 0, "%s", error.text);
    cr_assert_eq (records_clock_get (records, &watched_ms, &error), 0);
    cr_expect_gt (watched_ms, 0, "0 means never");
    records = records_free (records);
    cr_assert_eq (sqlite3_open (path, &database), SQLITE_OK);
    cr_assert_eq (sqlite3_exec (database, layout_3, NULL, NULL, &message), SQLITE_OK, "%s", message);
    sqlite3_close (database);

    cr_assert_eq (records_open (path, &records, &error), 0, "%s", error.text);
    cr_assert_eq (records_clock_get (records, &watched_ms, &error), 0, "%s", error.text);
    cr_expect_eq (watched_ms, 1795391506533);
    cr_assert_eq (records_members (records, 1, 0, 0, member_take, &members, &error), 0);
    cr_expect_eq (members, 1);
    cr_assert_eq (records_clock_put (records, 5, &error), 0);
    cr_assert_eq (records_clock_get (records, &watched_ms, &error), 0);
    cr_expect_eq (watched_ms, 1795391506533, "the clock never goes back");
}
