/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/store_releases.c - releases and the blobs that they use */

#include "broker/store_statement.h"

#include <errno.h>

#include "base/cleanup.h"
#include "base/text.h"

void broker_release_deinit (struct broker_release *release)
{
    wire_release_deinit (&release->document);
    *release = (struct broker_release){.serial = 0};
}

static int content_put (struct broker_store *store, const struct base_digest *release,
                        const struct base_digest *content, uint64_t size, struct base_error *error)
{
    return store_do (store, error,
                     "INSERT OR IGNORE INTO contents (release, digest, size) VALUES (?1, ?2, ?3)", "ddu",
                     release, content, size);
}

static int release_insert (struct broker_store *store, const struct base_digest *digest,
                           const struct wire_release *document, const char *time, struct base_error *error)
{
    base_cleanup (base_buffer_deinit) struct base_buffer packed = {.size = 0};
    int r = store_pack (&wire_release_record, document, &packed, error);

    if (r == 0)
        r = store_do (
            store, error,
            "INSERT INTO releases (digest, application, version, document, time) VALUES (?1, ?2, ?3, ?4, ?5)"
            " ON CONFLICT (digest) DO NOTHING",
            "dttbt", digest, document->application, document->version, &packed, time);
    for (size_t i = 0; r == 0 && i < document->n_envelopes; i++) {
        const struct wire_envelope *envelope = &document->envelopes[i];
        r = content_put (store, digest, &envelope->binary, envelope->size, error);
        for (size_t j = 0; r == 0 && j < envelope->n_files; j++)
            r = content_put (store, digest, &envelope->files[j].digest, envelope->files[j].size, error);
    }
    return r;
}

int broker_store_release_put (struct broker_store *store, const struct base_digest *digest,
                              const struct wire_release *document, const char *time, struct base_error *error)
{
    int r = broker_store_begin (store, error);

    if (r == 0)
        r = release_insert (store, digest, document, time, error);
    if (r == 0)
        r = broker_store_commit (store, error);
    if (r != 0)
        broker_store_rollback (store);
    return r;
}

/*  Columns: serial, digest, time, withdrawn, document. */
static int release_read (sqlite3_stmt *row, struct broker_release *ret_release, struct base_error *error)
{
    struct broker_release release = {.serial = store_number (row, 0)};
    int r;

    release.digest = store_digest (row, 1);
    if (base_text_copy (release.time, sizeof release.time, store_text (row, 2)) != 0)
        release.time[0] = '\0';
    release.withdrawn = store_number (row, 3) != 0;
    r = store_record (row, 4, &wire_release_record, &release.document, error);
    if (r == 0)
        *ret_release = release;
    return r;
}

int broker_store_release_get (struct broker_store *store, const struct base_digest *digest,
                              struct broker_release *ret_release, struct base_error *error)
{
    base_cleanup (store_end) sqlite3_stmt *row = NULL;
    int r = store_query (store, &row, error,
                         "SELECT serial, digest, time, withdrawn, document FROM releases WHERE digest = ?1",
                         "d", digest);

    if (r == 0)
        r = store_row (store, row, error);
    if (r < 0)
        return r;
    return r == 1 ? release_read (row, ret_release, error) : -ENOENT;
}

int broker_store_release_withdraw (struct broker_store *store, const struct base_digest *digest,
                                   struct base_error *error)
{
    int r = broker_store_begin (store, error);

    if (r == 0)
        r = store_do (store, error, "UPDATE releases SET withdrawn = 1 WHERE digest = ?1", "d", digest);
    if (r == 0 && sqlite3_changes (store->database) == 0)
        r = -ENOENT;
    if (r == 0)
        r = broker_store_commit (store, error);
    if (r != 0)
        broker_store_rollback (store);
    return r;
}

int broker_store_releases (struct broker_store *store, const char *application, uint64_t before,
                           broker_release_each *each, void *context, struct base_error *error)
{
    base_cleanup (store_end) sqlite3_stmt *row = NULL;
    int r = store_query (
        store, &row, error,
        "SELECT serial, digest, time, withdrawn, document FROM releases"
        " WHERE (?1 IS NULL OR application = ?1) AND (?2 = 0 OR serial < ?2) ORDER BY serial DESC",
        "tu", application, before);

    if (r != 0)
        return r;
    while ((r = store_row (store, row, error)) == 1) {
        base_cleanup (broker_release_deinit) struct broker_release release = {.serial = 0};
        r = release_read (row, &release, error);
        if (r == 0)
            r = each (context, &release);
        if (r != 0)
            break;
    }
    return r;
}

/*  A release needs its blobs while it is offered, and while a node runs it or could revert to it: the node
    may have to repair itself. */
#define NEEDED                                                                                               \
    "SELECT contents.digest FROM contents JOIN releases ON releases.digest = contents.release"               \
    " WHERE releases.withdrawn = 0 OR EXISTS (SELECT 1 FROM applications WHERE running = releases.digest)"   \
    " OR EXISTS (SELECT 1 FROM applications WHERE previous = releases.digest)"

int broker_store_contents_unused (struct broker_store *store, const struct base_digest *release,
                                  broker_digest_each *each, void *context, struct base_error *error)
{
    base_cleanup (store_end) sqlite3_stmt *row = NULL;
    int r = store_query (store, &row, error,
                         "SELECT digest FROM contents WHERE release = ?1 AND digest NOT IN (" NEEDED ")", "d",
                         release);

    if (r != 0)
        return r;
    while ((r = store_row (store, row, error)) == 1) {
        struct base_digest content = store_digest (row, 0);
        r = each (context, &content);
        if (r != 0)
            break;
    }
    return r;
}

int broker_store_content_used (struct broker_store *store, const struct base_digest *content, bool *ret_used,
                               struct base_error *error)
{
    base_cleanup (store_end) sqlite3_stmt *row = NULL;
    int r = store_query (store, &row, error, "SELECT 1 WHERE ?1 IN (" NEEDED ")", "d", content);

    if (r == 0)
        r = store_row (store, row, error);
    if (r < 0)
        return r;
    *ret_used = r == 1;
    return 0;
}
