/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/broker/backup.c - copies of a broker's records, and brokers that start from them */

#include "operator.h"

#include <sqlite3.h>

static struct base_error error;
static char other[64]; /* a second root */

static void set_up (void)
{
    operator_set_up ();
    (void) snprintf (other, sizeof other, "/tmp/broker.XXXXXX");
    cr_assert_not_null (mkdtemp (other));
}

static void tear_down (void)
{
    operator_tear_down ();
    (void) disk_tree_remove (&disk_system, AT_FDCWD, other, NULL);
}

TestSuite (backup, .init = set_up, .fini = tear_down, .timeout = 120);

/*  Requests a copy of the records. path: receives the path of the copy. */
static void backup_make (char path[256])
{
    struct wire_backup_records request = {.serial = 0};
    struct wire_backed_up answer = operator_ask (operator, backup_records, backed_up, &request);
    char digest[BASE_DIGEST_TEXT];
    struct stat status;

    cr_assert_eq (answer.status, WIRE_STATUS_OK, "%s", answer.reason);
    (void) base_digest_format (&answer.backup->blob, digest);
    (void) snprintf (path, 256, "%s/blobs/%.2s/%s", fixture.root, digest, digest);
    cr_assert_eq (stat (path, &status), 0, "%s does not exist", path);
    cr_expect_eq ((uint64_t) status.st_size, answer.backup->size);
    wire_backed_up_deinit (&answer);
}

static void node_hold (const char *node)
{
    struct wire_order_result ordered = operator_order (operator, WIRE_ORDER_HOLD, node, NULL);
    wire_order_result_deinit (&ordered);
}

/*  Restarts the broker on the other root. */
static void broker_move (void)
{
    char swap[sizeof other];

    operator= peer_free (operator);
    fixture_stop (&fixture);
    memcpy (swap, fixture.root, sizeof swap);
    memcpy (fixture.root, other, sizeof swap);
    memcpy (other, swap, sizeof swap); /* the paths of the sockets do not change */
    fixture_start (&fixture);
    operator= fixture_control (&fixture);
}

Test (backup, a_broker_continues_from_a_copy)
{
    struct node node;
    struct wire_node before, after;
    char path[256];

    node_init (&node, &fixture, "web-1");
    node_hello (&node);
    node_hold ("web-1");
    before = operator_node (operator, "web-1");
    backup_make (path);
    node_hold ("web-1"); /* not in the copy */
    cr_assert_eq (broker_restore (other, path, &error), 0, "%s", error.text);
    peer_free (node.control);
    broker_move ();
    after = operator_node (operator, "web-1");
    cr_expect_eq (after.desired_epoch, before.desired_epoch);
    cr_expect_gt (after.revision, before.revision + 1000000,
                  "a client that waits for changes would miss new ones");
    wire_node_deinit (&after);
    node_hold ("web-1");
    after = operator_node (operator, "web-1");
    cr_expect_gt (after.desired_epoch, before.desired_epoch);
    wire_node_deinit (&after);
    wire_node_deinit (&before);
}

Test (backup, existing_records_are_not_overwritten)
{
    char path[256];

    backup_make (path);
    operator= peer_free (operator);
    fixture_stop (&fixture);
    cr_assert_eq (broker_restore (fixture.root, path, &error), -EEXIST);
    cr_expect_not_null (strstr (error.text, "use another root"), "%s", error.text);
    fixture_start (&fixture);
    operator= fixture_control (&fixture);
    cr_expect_gt (broker_restore (fixture.root, path, &error), 0, "a broker uses the root");
}

static void database_execute (const char *path, const char *sql)
{
    sqlite3 *database;

    cr_assert_eq (sqlite3_open (path, &database), SQLITE_OK);
    cr_assert_eq (sqlite3_exec (database, sql, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg (database));
    sqlite3_close (database);
}

static void expect_refused (const char *path, const char *says)
{
    char made[128];

    cr_expect_lt (broker_restore (other, path, &error), 0, "%s was accepted", path);
    cr_expect_not_null (strstr (error.text, says), "%s", error.text);
    (void) snprintf (made, sizeof made, "%s/broker.db", other);
    cr_expect_neq (access (made, F_OK), 0, "a refused file became the records");
}

Test (backup, a_file_that_is_not_a_copy_is_refused_and_the_root_stays_empty)
{
    char path[256], file[128];
    int fd;

    backup_make (path);
    expect_refused ("/nowhere", "cannot read /nowhere");
    (void) snprintf (file, sizeof file, "%s/file", fixture.root);
    fd = open (file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    for (int i = 0; i < 1000; i++)
        cr_assert_eq (write (fd, "this is no database ", 20), 20);
    close (fd);
    expect_refused (file, "not a database");
    (void) unlink (file);
    database_execute (file, "CREATE TABLE t (x)");
    expect_refused (file, "not a copy of the records of noded-broker");
    database_execute (path, "PRAGMA user_version = 1000");
    expect_refused (path, "newer noded-broker");
    database_execute (path, "PRAGMA user_version = 1");
    fd = open (path, O_WRONLY | O_CLOEXEC);
    for (int at = 8192; at < 60000; at += 4096)
        cr_assert_eq (pwrite (fd, "\xff\xff\xff\xff\xff\xff\xff\xff", 8, at), 8);
    close (fd);
    expect_refused (path, "cannot restore");
}

Test (backup, a_broker_without_blobs_says_what_to_do)
{
    struct wire_backup_records request = {.serial = 0};
    struct wire_backed_up answer;

    operator= peer_free (operator);
    fixture_stop (&fixture);
    fixture.no_content = true;
    fixture_start (&fixture);
    operator= fixture_control (&fixture);
    answer = operator_ask (operator, backup_records, backed_up, &request);
    cr_expect_eq (answer.status, WIRE_STATUS_REFUSED);
    cr_expect_not_null (strstr (answer.reason, ".backup"), "%s", answer.reason);
    wire_backed_up_deinit (&answer);
}

Test (backup, only_the_newest_copies_are_kept)
{
    char first[256], path[256];

    backup_make (first);
    for (int i = 0; i < 8; i++)
        backup_make (path);
    cr_expect_eq (access (path, F_OK), 0);
    cr_expect_neq (access (first, F_OK), 0);
}
