/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/records/database.h - records in a directory of the test, and the database changed beside them */

#ifndef TEST_RECORDS_DATABASE_H
#define TEST_RECORDS_DATABASE_H

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

#include "disk/disk.h"
#include "records/records.h"

static char root[64], path[96];
static struct records *records;
static struct base_error error;

static inline void database_open (void)
{
    cr_assert_eq (records_open (path, &records, &error), 0, "%s", error.text);
}

static inline void database_make (void)
{
    (void) snprintf (root, sizeof root, "/tmp/records.XXXXXX");
    cr_assert_not_null (mkdtemp (root));
    (void) snprintf (path, sizeof path, "%s/broker.db", root);
    database_open ();
}

static inline void database_remove (void)
{
    records = records_free (records);
    (void) disk_tree_remove (&disk_system, AT_FDCWD, root, NULL);
}

static inline void database_execute (const char *sql)
{
    sqlite3 *database;

    cr_assert_eq (sqlite3_open (path, &database), SQLITE_OK);
    cr_assert_eq (sqlite3_exec (database, sql, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg (database));
    sqlite3_close (database);
}

static inline void node_put (const char *id)
{
    struct records_node node = {.id = id, .platform = "linux/amd64", .last_seen = "x"};

    cr_assert_eq (records_node_put (records, &node, &error), 0, "%s", error.text);
}

#endif
