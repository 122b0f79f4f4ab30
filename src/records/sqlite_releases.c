/* SPDX-License-Identifier: MPL-2.0 */
/*  records/sqlite_releases.c - releases and the blobs that they use */

#include "records/sqlite.h"

#include <errno.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"

int records_blob_add (struct records *records, const struct base_digest *release,
                      const struct base_digest *blob, uint64_t size, struct base_error *error)
{
    base_assert (records && release && blob);
    return sqlite_do (records, error,
                      "INSERT OR IGNORE INTO blobs (release, digest, size) VALUES (?1, ?2, ?3)", "ddu",
                      release, blob, size);
}

int records_release_add (struct records *records, const struct base_digest *digest,
                         const struct wire_release *document, const struct base_buffer *packed,
                         const char *time, struct base_error *error)
{
    base_assert (records && digest && document && packed && time);
    return sqlite_do (
        records, error,
        "INSERT INTO releases (digest, application, version, document, time) VALUES (?1, ?2, ?3, ?4, ?5)"
        " ON CONFLICT (digest) DO NOTHING",
        "dttbt", digest, document->application, document->version, packed, time);
}

int records_release_mark_withdrawn (struct records *records, const struct base_digest *digest,
                                    struct base_error *error)
{
    base_assert (records && digest);
    int r = sqlite_do (records, error, "UPDATE releases SET withdrawn = 1 WHERE digest = ?1", "d", digest);

    if (r < 0)
        return r;
    return sqlite3_changes (records->database) == 0 ? -ENOENT : 0;
}

/*  Columns: serial, digest, time, withdrawn, document. */
static int release_read (sqlite3_stmt *row, struct records_release *ret_release, struct base_error *error)
{
    base_assert (row && ret_release);
    struct records_release release = {.serial = sqlite_number (row, 0)};
    int r;

    release.digest = sqlite_digest (row, 1);
    if (base_text_copy (release.time, sizeof release.time, sqlite_text (row, 2)) != 0)
        release.time[0] = '\0';
    release.withdrawn = sqlite_number (row, 3) != 0;
    r = sqlite_unpack (row, 4, &wire_release_record, &release.document, error);
    if (r < 0)
        return r;
    *ret_release = release;
    return 0;
}

int records_release_get (struct records *records, const struct base_digest *digest,
                         struct records_release *ret_release, struct base_error *error)
{
    base_assert (records && digest && ret_release);
    base_cleanup (sqlite_end) sqlite3_stmt *row = NULL;
    int r = sqlite_query (records, &row, error,
                          "SELECT serial, digest, time, withdrawn, document FROM releases WHERE digest = ?1",
                          "d", digest);

    if (r < 0)
        return r;
    r = sqlite_row (records, row, error);
    if (r < 0)
        return r;
    return r == SQLITE_E_ROW ? release_read (row, ret_release, error) : -ENOENT;
}

int records_releases (struct records *records, const char *application, uint64_t before,
                      records_release_each *each, void *context, struct base_error *error)
{
    base_assert (records && each);
    base_cleanup (sqlite_end) sqlite3_stmt *row = NULL;
    int r = sqlite_query (
        records, &row, error,
        "SELECT serial, digest, time, withdrawn, document FROM releases"
        " WHERE (?1 IS NULL OR application = ?1) AND (?2 = 0 OR serial < ?2) ORDER BY serial DESC",
        "tu", application, before);

    if (r < 0)
        return r;
    while ((r = sqlite_row (records, row, error)) == SQLITE_E_ROW) {
        base_cleanup (records_release_deinit) struct records_release release = {.serial = 0};
        r = release_read (row, &release, error);
        if (r < 0)
            return r;
        r = each (context, &release);
        if (r != 0)
            return r;
    }
    return r;
}

/*  A release needs its blobs while it is offered, and while a node runs it or could revert to it: the node
    may have to repair itself. */
#define NEEDED                                                                                               \
    "SELECT blobs.digest FROM blobs JOIN releases ON releases.digest = blobs.release"                        \
    " WHERE releases.withdrawn = 0 OR EXISTS (SELECT 1 FROM applications WHERE running = releases.digest)"   \
    " OR EXISTS (SELECT 1 FROM applications WHERE previous = releases.digest)"

int records_blobs_unused (struct records *records, const struct base_digest *release,
                          records_digest_each *each, void *context, struct base_error *error)
{
    base_assert (records && release && each);
    base_cleanup (sqlite_end) sqlite3_stmt *row = NULL;
    int r = sqlite_query (records, &row, error,
                          "SELECT digest FROM blobs WHERE release = ?1 AND digest NOT IN (" NEEDED ")", "d",
                          release);

    if (r < 0)
        return r;
    while ((r = sqlite_row (records, row, error)) == SQLITE_E_ROW) {
        struct base_digest blob = sqlite_digest (row, 0);
        r = each (context, &blob);
        if (r != 0)
            return r;
    }
    return r;
}

int records_blob_used (struct records *records, const struct base_digest *blob, bool *ret_used,
                       struct base_error *error)
{
    base_assert (records && blob && ret_used);
    base_cleanup (sqlite_end) sqlite3_stmt *row = NULL;
    int r = sqlite_query (records, &row, error, "SELECT 1 WHERE ?1 IN (" NEEDED ")", "d", blob);

    if (r < 0)
        return r;
    r = sqlite_row (records, row, error);
    if (r < 0)
        return r;
    *ret_used = r == SQLITE_E_ROW;
    return 0;
}
