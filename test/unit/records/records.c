/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/records/records.c - the records on disk */

#include "database.h"

static void file_reopen (void)
{
    records = records_free (records);
    database_open ();
}

TestSuite (records, .init = database_make, .fini = database_remove, .timeout = 120);

static struct base_digest digest_of (const char *text)
{
    return base_digest_of (text, strlen (text));
}

static struct base_digest release_put (const char *version, const char *binary)
{
    struct wire_file file = {.path = "lib/x", .digest = digest_of ("shared"), .size = 6};
    struct wire_envelope envelope = {.application = "noded",
                                     .version = version,
                                     .binary = digest_of (binary),
                                     .size = strlen (binary),
                                     .files = &file,
                                     .n_files = 1};
    struct wire_release release = {
        .application = "noded", .version = version, .envelopes = &envelope, .n_envelopes = 1};
    struct base_digest digest = digest_of (version);

    cr_assert (records_release_put (records, &digest, &release, "2026-11-22T15:00:00.000000000Z", &error) ==
                   0,
               "%s", error.text);
    return digest;
}

static int release_names (void *context, const struct records_release *release)
{
    char *names = context;
    size_t size = strlen (names);

    (void) snprintf (names + size, 256 - size, "%s%s ", release->document.version,
                     release->withdrawn ? "-" : "");
    return 0;
}

Test (records, releases_are_listed_newest_first_and_survive_a_restart)
{
    char names[256] = "";
    struct base_digest second;

    (void) release_put ("1", "a");
    second = release_put ("2", "b");
    (void) release_put ("3", "c");
    (void) release_put ("2", "b");
    cr_assert_eq (records_release_withdraw (records, &second, &error), 0);
    file_reopen ();
    cr_assert_eq (records_releases (records, "noded", 0, release_names, names, &error), 0);
    cr_assert_str_eq (names, "3 2- 1 ");
    names[0] = '\0';
    cr_assert_eq (records_releases (records, "other", 0, release_names, names, &error), 0);
    cr_assert_str_eq (names, "");
}

Test (records, withdrawing_an_unknown_release_fails)
{
    struct base_digest digest = digest_of ("nothing");
    struct records_release release;

    cr_assert_eq (records_release_withdraw (records, &digest, &error), -ENOENT);
    cr_assert_eq (records_release_get (records, &digest, &release, &error), -ENOENT);
}

static int blobs_count (void *context, const struct base_digest *blob)
{
    (void) blob;
    ++*(int *) context;
    return 0;
}

static void application_put (const char *node, const struct base_digest *running,
                             const struct base_digest *previous)
{
    struct records_application application = {.is_reported = true};

    (void) snprintf (application.node, sizeof application.node, "%s", node);
    (void) snprintf (application.name, sizeof application.name, "noded");
    application.reported.name = "noded";
    application.reported.state = WIRE_STATE_IDLE;
    if (running)
        application.reported.release = *running;
    if (previous)
        application.reported.previous_release = *previous;
    cr_assert (records_application_put (records, &application, &error) == 0, "%s", error.text);
}

Test (records, a_blob_is_unused_once_no_offered_release_and_no_node_needs_it)
{
    struct base_digest first = release_put ("1", "a");
    struct base_digest second = release_put ("2", "b");
    struct base_digest blob = digest_of ("a");
    bool used;
    int count = 0;

    cr_assert_eq (records_blobs_unused (records, &first, blobs_count, &count, &error), 0);
    cr_assert_eq (count, 0);
    cr_assert_eq (records_release_withdraw (records, &first, &error), 0);
    application_put ("web-1", &second, &first);
    cr_assert_eq (records_blobs_unused (records, &first, blobs_count, &count, &error), 0);
    cr_assert_eq (count, 0, "a node could still revert to it");
    application_put ("web-1", &first, &second);
    cr_assert_eq (records_blobs_unused (records, &first, blobs_count, &count, &error), 0);
    cr_assert_eq (count, 0, "a node runs it");
    application_put ("web-1", &second, NULL);
    cr_assert_eq (records_blobs_unused (records, &first, blobs_count, &count, &error), 0);
    cr_assert_eq (count, 2,
                  "its own program and document, not the file that it shares with the other release");
    cr_assert_eq (records_blob_used (records, &blob, &used, &error), 0);
    cr_assert_not (used);
    blob = digest_of ("shared");
    cr_assert_eq (records_blob_used (records, &blob, &used, &error), 0);
    cr_assert (used);
}

Test (records, an_application_keeps_its_reported_and_its_desired_state)
{
    struct records_application application = {
        .epoch = 7, .verb = WIRE_ORDER_HOLD, .is_reported = true, .is_desired = true};
    struct records_application found;

    (void) snprintf (application.node, sizeof application.node, "web-1");
    (void) snprintf (application.name, sizeof application.name, "noded");
    application.reported.name = "noded";
    application.reported.state = WIRE_STATE_TRIAL;
    application.desired.application = "noded";
    application.desired.status = WIRE_STATUS_OK;
    application.desired.epoch = 7;
    application.desired.hold_epoch = 7;
    application.desired.held = true;
    cr_assert_eq (records_application_put (records, &application, &error), 0);
    file_reopen ();
    cr_assert_eq (records_application_get (records, "web-1", "noded", &found, &error), 0);
    cr_assert_eq (found.epoch, 7);
    cr_assert_eq (found.verb, WIRE_ORDER_HOLD);
    cr_assert_eq (found.reported.state, WIRE_STATE_TRIAL);
    cr_assert (found.desired.held);
    records_application_deinit (&found);
    cr_assert_eq (records_application_get (records, "web-1", "other", &found, &error), -ENOENT);

    bool trial;
    cr_assert_eq (records_node_on_trial (records, "web-1", &trial, &error), 0);
    cr_assert (trial);
    size_t dropped;
    cr_assert_eq (records_applications_keep (records, "web-1", NULL, 0, &dropped, &error), 0);
    cr_assert_eq (dropped, 1);
    cr_assert_eq (records_node_on_trial (records, "web-1", &trial, &error), 0);
    cr_assert_not (trial);
    cr_assert_eq (records_application_get (records, "web-1", "noded", &found, &error), 0);
    cr_assert_not (found.is_reported);
    cr_assert (found.is_desired, "the desired state is kept when the reported one is removed");
    records_application_deinit (&found);
}

static bool report_put (uint64_t epoch, const char *step, enum wire_outcome outcome)
{
    struct wire_application application = {.name = "noded", .state = WIRE_STATE_IDLE};
    struct wire_report report = {.node = "web-1",
                                 .session = "s",
                                 .epoch = epoch,
                                 .attempt = 1,
                                 .step = step,
                                 .outcome = outcome,
                                 .time = "2026-11-22T15:00:00.000000000Z",
                                 .application = &application};
    bool news = false;

    cr_assert (records_report_put (records, &report, &news, &error) == 0, "%s", error.text);
    return news;
}

static int report_names (void *context, const struct wire_stored_report *stored)
{
    char *names = context;
    size_t size = strlen (names);

    cr_assert (stored->serial > 0);
    (void) snprintf (names + size, 256 - size, "%s:%s ", stored->step, wire_outcome_word (stored->outcome));
    return 0;
}

Test (records, a_report_replaces_the_one_of_its_step_and_news_are_listed_last)
{
    char names[256] = "";

    cr_assert (report_put (1, "fetching", WIRE_OUTCOME_STARTED));
    cr_assert (report_put (1, "hold", WIRE_OUTCOME_PASSED));
    cr_assert_not (report_put (1, "fetching", WIRE_OUTCOME_STARTED), "a repeated report is not news");
    cr_assert_eq (records_reports (records, "web-1", NULL, 0, report_names, names, &error), 0);
    cr_assert_str_eq (names, "fetching:started hold:passed ");
    names[0] = '\0';
    cr_assert (report_put (1, "fetching", WIRE_OUTCOME_PASSED));
    cr_assert_eq (records_reports (records, "web-1", NULL, 0, report_names, names, &error), 0);
    cr_assert_str_eq (names, "hold:passed fetching:passed ");
    names[0] = '\0';
    cr_assert_eq (records_reports_of (records, "web-1", "noded", 1, report_names, names, &error), 0);
    cr_assert_str_eq (names, "fetching:passed hold:passed ");
}

static int reports_count (void *context, const struct wire_stored_report *stored)
{
    (void) stored;
    ++*(int *) context;
    return 0;
}

Test (records, reports_of_a_node_are_bounded)
{
    int count = 0;

    cr_assert_eq (records_begin (records, &error), 0);
    for (uint64_t i = 1; i <= RECORDS_REPORTS_MOST + 10; i++)
        (void) report_put (i, "start", WIRE_OUTCOME_PASSED);
    cr_assert_eq (records_commit (records, &error), 0);
    cr_assert_eq (records_reports (records, "web-1", NULL, 0, reports_count, &count, &error), 0);
    cr_assert_eq (count, RECORDS_REPORTS_MOST);
}

static uint64_t revision_next (void)
{
    uint64_t revision;

    cr_assert_eq (records_revision_next (records, &revision, &error), 0);
    return revision;
}

Test (records, revisions_never_decrease_however_the_process_ends)
{
    uint64_t last = revision_next ();

    for (int i = 0; i < 3; i++) {
        uint64_t next;
        file_reopen ();
        next = revision_next ();
        cr_assert (next > last);
        last = next;
    }
    file_reopen ();
    cr_assert_eq (records_begin (records, &error), 0);
    last = revision_next ();
    records_rollback (records);
    cr_assert (revision_next () > last);
    last = revision_next ();
    file_reopen ();
    cr_assert (revision_next () > last, "a block of revisions that was rolled back is reserved again");
}

Test (records, a_rolled_back_transaction_changes_nothing)
{
    struct records_node node = {.id = "web-1", .platform = "linux/amd64", .last_seen = "x"};
    struct records_application found;

    cr_assert_eq (records_begin (records, &error), 0);
    cr_assert_eq (records_node_put (records, &node, &error), 0);
    application_put ("web-1", NULL, NULL);
    records_rollback (records);
    cr_assert_eq (records_application_get (records, "web-1", "noded", &found, &error), -ENOENT);
}

Test (records, a_database_of_a_newer_broker_is_refused)
{
    records = records_free (records);
    database_execute ("PRAGMA user_version = 1000");
    cr_assert_eq (records_open (path, &records, &error), -EPROTO);
    cr_assert_not_null (strstr (error.text, "newer"), "%s", error.text);
}

Test (records, a_revision_that_no_broker_wrote_is_refused)
{
    records = records_free (records);
    database_execute ("INSERT OR REPLACE INTO meta (key, value) VALUES ('revision', -1)");
    cr_assert_eq (records_open (path, &records, &error), -EBADMSG);
    cr_assert_not_null (strstr (error.text, "revision"), "%s", error.text);
}

Test (records, an_interrupted_migration_starts_over)
{
    records = records_free (records);
    database_execute (
        "PRAGMA user_version = 0; DROP TABLE answers; DROP TABLE reports; DROP TABLE applications; DROP TABLE quarantine; DROP TABLE keys;"
        "DROP TABLE nodes; DROP TABLE blobs; DROP TABLE releases; DROP TABLE meta;"
        "DROP TABLE labels; DROP TABLE heads; DROP TABLE rollouts; DROP TABLE members;"
        "DROP TABLE transitions; DROP TABLE issued;");
    database_open ();
    (void) release_put ("1", "a");
}

Test (records, a_file_that_is_not_a_database_is_reported)
{
    int fd;

    records = records_free (records);
    (void) disk_unlink (&disk_system, AT_FDCWD, path);
    fd = open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    cr_assert (fd >= 0);
    for (int i = 0; i < 100; i++)
        cr_assert_eq (write (fd, "this is no database ", 20), 20);
    close (fd);
    cr_assert (records_open (path, &records, &error) < 0);
    cr_assert_neq (error.text[0], '\0');
}

Test (records, an_answer_is_found_under_its_key)
{
    struct wire_order_result ordered = {.node = "web-1", .status = WIRE_STATUS_OK, .epoch = 3};
    struct wire_orders answer = {.serial = 1, .status = WIRE_STATUS_OK, .orders = &ordered, .n_orders = 1},
                       found;

    cr_assert_eq (records_answer_put (records, "key/", &wire_orders_record, &answer, &error), 0);
    file_reopen ();
    cr_assert_eq (records_answer_get (records, "key/", &wire_orders_record, &found, &error), 0);
    cr_assert_eq (found.orders[0].epoch, 3);
    wire_orders_deinit (&found);
    cr_assert_eq (records_answer_get (records, "other/", &wire_orders_record, &found, &error), -ENOENT);
}
