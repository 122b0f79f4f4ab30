/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/keeping.c - opens the records of a root, and sets them aside */

#include "broker/keeping.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "base/time.h"
#include "broker/documents.h"
#include "broker/errors.h"
#include "disk/disk.h"
#include "records/backup.h"

static const char *const files[] = {BROKER_RECORDS, BROKER_RECORDS "-wal", BROKER_RECORDS "-shm",
                                    BROKER_RECORDS "-journal"};
enum { FILES = sizeof files / sizeof files[0] };

int broker_keeping_is_empty (const char *path, int root, bool *ret_empty, struct base_error *error)
{
    base_assert (path && root >= 0 && ret_empty);
    base_cleanup (base_free_p) char *file = base_text_printf ("%s/" BROKER_RECORDS, path);
    struct stat status;

    if (!file)
        return base_error_errno (error, -ENOMEM, "cannot open the records in %s", path);
    *ret_empty = true;
    if (fstatat (root, BROKER_RECORDS, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? 0 : base_error_errno (error, -errno, "cannot access %s", file);
    if (S_ISLNK (status.st_mode))
        return base_error_set (
            error, -EINVAL,
            "%s is a symbolic link: put the records themselves there, with broker.db-wal, or"
            " give --root the directory in which they are",
            file);
    if (!S_ISREG (status.st_mode))
        return base_error_set (error, -EINVAL, "%s is not a file: move it away, then " RECORDS_REMEDY, file);
    /* A database of 0 bytes is not opened, because SQLite would delete the log beside it. */
    *ret_empty = status.st_size == 0 || !records_file_has_tables (file);
    return 0;
}

enum { BLOB_FOUND = 1 /* ends the search */ };

static int blob_seen (void *context, const struct base_digest *digest, uint64_t size)
{
    (void) context;
    (void) digest;
    (void) size;
    return BLOB_FOUND;
}

static bool root_has_blobs (int root)
{
    base_cleanup (disk_blobs_deinit) struct disk_blobs blobs = {.fd = -1};

    if (faccessat (root, "blobs", F_OK, 0) != 0 ||
        disk_blobs_open (&disk_system, root, "blobs", &blobs, NULL) != 0)
        return false;
    return disk_blobs_each (&blobs, blob_seen, NULL) == BLOB_FOUND;
}

/*  Returns what shows that the root had records before; NULL: nothing. */
static const char *records_evidence (int root)
{
    struct stat status;

    if (broker_documents_any (root))
        return "releases were published here";
    if (root_has_blobs (root))
        return "blobs are here";
    if (faccessat (root, BROKER_MARK, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return "this broker had records";
    /* If the database is not empty, SQLite has read its log with it: a broker was killed while it created the
       records. */
    if ((fstatat (root, BROKER_RECORDS, &status, AT_SYMLINK_NOFOLLOW) != 0 || status.st_size == 0) &&
        fstatat (root, BROKER_RECORDS "-wal", &status, AT_SYMLINK_NOFOLLOW) == 0 && status.st_size > 0)
        return "a database log is here";
    return NULL;
}

int broker_keeping_set_aside (int root, struct base_error *error)
{
    base_assert (root >= 0);
    char time[BASE_TIME_TEXT], name[BASE_TIME_TEXT + 40];

    (void) base_time_format (base_time_real_ns (), time);
    for (size_t i = 0; i < FILES; i++) {
        int r;
        (void) snprintf (name, sizeof name, "%s.until-%s", files[i], time);
        r = disk_rename (&disk_system, root, files[i], name, NULL);
        if (r < 0 && r != -ENOENT)
            return base_error_errno (error, r, "cannot set %s aside", files[i]);
    }
    return 0;
}

static int records_begin_anew (const char *path, int root, bool anew, struct base_error *error)
{
    const char *evidence = records_evidence (root);
    int r;

    if (evidence && !anew)
        return base_error_set (error, BROKER_E_NO_RECORDS,
                               "%s: no records in " BROKER_RECORDS ", but %s. " RECORDS_REMEDY
                               "; to start with empty records, add --new",
                               path, evidence);
    if (!evidence)
        return 0;
    r = disk_unlink (&disk_system, root, BROKER_MARK);
    if (r < 0 && r != -ENOENT)
        return base_error_errno (error, r, "cannot remove " BROKER_MARK);
    r = broker_documents_set_aside (root, error);
    if (r < 0)
        return r;
    return broker_keeping_set_aside (root, error);
}

static int documents_check (const char *path, int root, struct records *records, struct base_error *error)
{
    uint64_t missing = 0;
    int r = broker_documents_check (root, records, &missing, error);
    if (r < 0 || missing == 0)
        return r;
    return base_error_set (error, BROKER_E_OLDER,
                           "%s/" BROKER_RECORDS " is older than the releases published here: it lacks"
                           " %" PRIu64 " of the releases in %s/releases. Put the latest records"
                           " back; else " RECORDS_REMEDY,
                           path, missing, path);
}

/*  Adds the root to the error of a file beside the records, and what to do if something else has the name of
    that file. Forwards r. */
static int error_name_root (const char *path, int r, struct base_error *error)
{
    base_assert (r == 0 || error);
    struct base_error why = *error;

    if (r >= 0 || strstr (why.text, path))
        return r;
    if (r == -EISDIR || r == -ENOTDIR || r == -ELOOP)
        return base_error_set (error, r, "%s: %.300s: move it away; the broker creates it again", path,
                               why.text);
    return base_error_prefix (error, "%s", path);
}

/*  Opens the records with the mark and the documents beside them. What *ret_records and *ret_mark get is the
    caller's, also on failure. */
static int records_open_checked (const char *path, const char *file, int root, struct records **ret_records,
                                 struct broker_mark **ret_mark, struct base_error *error)
{
    int r = records_open (file, ret_records, error);
    if (r < 0)
        return r;
    r = broker_mark_open (*ret_records, root, BROKER_MARK, BROKER_MARK_CHECK, ret_mark, error);
    if (r)
        return error_name_root (path, r, error);
    return error_name_root (path, documents_check (path, root, *ret_records, error), error);
}

int broker_keeping_open (const char *path, int root, bool anew, struct records **ret_records,
                         struct broker_mark **ret_mark, struct base_error *error)
{
    base_assert (path && root >= 0 && ret_records && ret_mark);
    struct broker_mark *mark = NULL;
    struct records *records = NULL;
    base_cleanup (base_free_p) char *file = base_text_printf ("%s/" BROKER_RECORDS, path);
    bool empty = false;
    int r = file ? broker_keeping_is_empty (path, root, &empty, error) : -ENOMEM;

    if (r < 0)
        return r;
    if (anew && !empty)
        return base_error_set (error, -EEXIST,
                               "%s: --new is for a root without records, but this root has records: omit"
                               " --new, or use another root",
                               file);
    if (empty) {
        r = records_begin_anew (path, root, anew, error);
        if (r)
            return r;
    }
    r = records_open_checked (path, file, root, &records, &mark, error);
    if (r) {
        (void) records_free (records);
        (void) broker_mark_free (mark);
        return r;
    }
    *ret_records = records;
    *ret_mark = mark;
    return 0;
}

int broker_keeping_settle (const char *path, int root, struct base_error *error)
{
    base_assert (path && root >= 0);
    struct broker_mark *mark = NULL;
    struct records *records = NULL;
    base_cleanup (base_free_p) char *file = base_text_printf ("%s/" BROKER_RECORDS, path);
    int r = file ? records_open (file, &records, error) : -ENOMEM;
    if (r < 0)
        return r;
    r = broker_mark_open (records, root, BROKER_MARK, BROKER_MARK_REPLACE, &mark, error);
    (void) records_free (records);
    (void) broker_mark_free (mark);
    return r;
}
