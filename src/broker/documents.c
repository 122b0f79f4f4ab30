/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/documents.c - the documents of releases beside the blobs */

#include "broker/documents.h"

#include <errno.h>
#include <fcntl.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/directory.h"
#include "base/log.h"
#include "base/text.h"
#include "base/time.h"
#include "disk/disk.h"
#include "wire/envelope.h"

#define DOCUMENTS "releases"

enum { NAME_SIZE = sizeof DOCUMENTS + BASE_DIGEST_TEXT + 8, DOCUMENT_MOST = 1024 * 1024 };

static const char *document_name (const struct base_digest *release, char name[NAME_SIZE])
{
    char text[BASE_DIGEST_TEXT];

    (void) snprintf (name, NAME_SIZE, DOCUMENTS "/%s.json", base_digest_format (release, text));
    return name;
}

int broker_document_put (int root, const struct records_release *release, struct base_error *error)
{
    base_assert (root >= 0 && release);
    struct wire_release copy = release->document; /* shallow: writing only reads it */
    struct wire_document document = {
        .time = release->time, .withdrawn = release->withdrawn, .release = &copy};
    base_cleanup (base_free_p) char *text = wire_json (&wire_document_record, &document, WIRE_JSON_PRETTY);
    char name[NAME_SIZE];

    if (!text)
        return base_error_errno (error, -ENOMEM, "cannot write the document of a release");
    int r = disk_directory_make (&disk_system, root, DOCUMENTS, 0700, error);
    if (r < 0)
        return r;
    return disk_file_write (&disk_system, root, document_name (&release->digest, name), 0600, text,
                            strlen (text), error);
}

bool broker_document_has (int root, const struct base_digest *release)
{
    base_assert (root >= 0 && release);
    char name[NAME_SIZE];

    return faccessat (root, document_name (release, name), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/*  All documents that match their names; owned. */
struct broker_documents {
    struct records_release *all;
    size_t count;
};

static void documents_deinit (struct broker_documents *documents)
{
    for (size_t i = 0; i < documents->count; i++)
        records_release_deinit (&documents->all[i]);
    free (documents->all);
    *documents = (struct broker_documents){.count = 0};
}

/*  Parses the file name of a document. */
static bool name_parse (const char *name, struct base_digest *ret_release)
{
    char text[BASE_DIGEST_TEXT];

    if (strlen (name) != BASE_DIGEST_TEXT - 1 + 5 || strcmp (name + BASE_DIGEST_TEXT - 1, ".json") != 0)
        return false;
    memcpy (text, name, BASE_DIGEST_TEXT - 1);
    text[BASE_DIGEST_TEXT - 1] = '\0';
    return base_digest_parse (text, ret_release) == 0;
}

/*  Returns 0, -errno, or WIRE_E_MALFORMED if the file is not the document of the release. */
static int document_read (int root, const struct base_digest *release, struct records_release *ret_release,
                          struct base_error *error)
{
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {.size = 0};
    base_cleanup (wire_document_deinit) struct wire_document document = {.withdrawn = false};
    struct records_release read = {.digest = *release};
    struct base_digest digest;
    char name[NAME_SIZE];
    int r = disk_file_read (&disk_system, root, document_name (release, name), DOCUMENT_MOST, &buffer);

    if (r == -EINVAL || r == -ELOOP || r == -EISDIR || r == -EFBIG)
        return base_error_set (error, WIRE_E_MALFORMED, "%s is not the document of a release", name);
    if (r < 0)
        return base_error_errno (error, r, "cannot read %s", name);
    r = wire_json_parse (&wire_document_record, (const char *) buffer.data, buffer.size, &document, error);
    if (r < 0)
        return r;
    if (r > 0)
        return base_error_prefix (error, "%s", name);
    digest = wire_release_digest (document.release, NULL);
    if (!base_digest_equal (&digest, release))
        return base_error_set (error, WIRE_E_MALFORMED, "%s is the document of another release", name);
    read.withdrawn = document.withdrawn;
    (void) base_text_copy (read.time, sizeof read.time, document.time);
    read.document = *document.release;
    *document.release = (struct wire_release){.application = NULL};
    *ret_release = read;
    return 0;
}

static int documents_add (struct broker_documents *documents, int root, const struct base_digest *release,
                          struct base_error *error)
{
    struct base_error why = {.code = 0};
    struct records_release *all = reallocarray (documents->all, documents->count + 1, sizeof *all);
    int r;

    if (!all)
        return base_error_errno (error, -ENOMEM, "cannot read the documents of releases");
    documents->all = all;
    r = document_read (root, release, &all[documents->count], &why);
    if (r < 0)
        return base_error_set (error, r, "%s", why.text);
    if (r > 0)
        base_log (BASE_LOG_WARNING, "ignoring a damaged document: %s", why.text);
    else
        documents->count++;
    return 0;
}

static int documents_load (int root, struct broker_documents *ret_documents, struct base_error *error)
{
    base_cleanup (documents_deinit) struct broker_documents documents = {.count = 0};
    base_cleanup (base_directory_close_p) DIR *directory =
        base_directory_list (openat (root, DOCUMENTS, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
    const struct dirent *entry;

    if (!directory && errno != ENOENT)
        return base_error_errno (error, -errno, "cannot list " DOCUMENTS);
    for (errno = 0; directory && (entry = readdir (directory)); errno = 0) {
        struct base_digest release;
        if (!name_parse (entry->d_name, &release))
            continue;
        int r = documents_add (&documents, root, &release, error);
        if (r < 0)
            return r;
    }
    if (directory && errno != 0)
        return base_error_errno (error, -errno, "cannot list " DOCUMENTS);
    *ret_documents = documents;
    documents = (struct broker_documents){.count = 0};
    return 0;
}

bool broker_documents_any (int root)
{
    base_assert (root >= 0);
    base_cleanup (base_directory_close_p) DIR *directory =
        base_directory_list (openat (root, DOCUMENTS, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
    const struct dirent *entry;
    struct base_digest release;

    while (directory && (entry = readdir (directory)))
        if (name_parse (entry->d_name, &release))
            return true;
    return false;
}

static int times_compare (const void *a, const void *b)
{
    const struct records_release *left = a, *right = b;

    return strcmp (left->time, right->time);
}

/*  Adds one release to the records. *ret_new: the records did not have it. */
static int release_adopt (struct records *records, const struct records_release *release, bool *ret_new,
                          struct base_error *error)
{
    base_cleanup (records_release_deinit) struct records_release known = {.serial = 0};
    int r = records_release_get (records, &release->digest, &known, error);
    if (r < 0 && r != -ENOENT)
        return r;
    *ret_new = r == -ENOENT;
    /* Also for a release that is known: its blobs may be missing in the records. */
    r = records_release_put (records, &release->digest, &release->document, release->time, error);
    if (r < 0 || !release->withdrawn || known.withdrawn)
        return r;
    return records_release_withdraw (records, &release->digest, error);
}

int broker_documents_adopt (int root, struct records *records, uint64_t *ret_adopted,
                            struct base_error *error)
{
    base_assert (root >= 0 && records && ret_adopted);
    base_cleanup (documents_deinit) struct broker_documents documents = {.count = 0};
    int r = documents_load (root, &documents, error);

    *ret_adopted = 0;
    if (r < 0)
        return r;
    if (documents.count > 0)
        qsort (documents.all, documents.count, sizeof *documents.all, times_compare);
    for (size_t i = 0; i < documents.count; i++) {
        bool is_new;
        r = release_adopt (records, &documents.all[i], &is_new, error);
        if (r < 0)
            return r;
        *ret_adopted += is_new;
    }
    return 0;
}

struct checking {
    int root;
    const struct broker_documents *documents;
    uint64_t known; /* documents whose release the records have */
    struct base_error *error;
};

static const struct records_release *document_find (const struct broker_documents *documents,
                                                    const struct base_digest *release)
{
    for (size_t i = 0; i < documents->count; i++)
        if (base_digest_equal (&documents->all[i].digest, release))
            return &documents->all[i];
    return NULL;
}

static int release_check (void *context, const struct records_release *release)
{
    struct checking *checking = context;
    const struct records_release *document = document_find (checking->documents, &release->digest);

    checking->known += document != NULL;
    return document && document->withdrawn >= release->withdrawn
               ? 0
               : broker_document_put (checking->root, release, checking->error);
}

static int documents_compare (int root, struct records *records, const struct broker_documents *documents,
                              uint64_t *ret_missing, struct base_error *error)
{
    struct checking checking = {.root = root, .documents = documents, .error = error};
    int r = records_releases (records, NULL, 0, release_check, &checking, error);

    if (r < 0)
        return r;
    *ret_missing = documents->count - checking.known;
    return 0;
}

int broker_documents_check (int root, struct records *records, uint64_t *ret_missing,
                            struct base_error *error)
{
    base_assert (root >= 0 && records && ret_missing);
    base_cleanup (documents_deinit) struct broker_documents documents = {.count = 0};
    uint64_t adopted;
    int r = documents_load (root, &documents, error);
    if (r < 0)
        return r;
    r = documents_compare (root, records, &documents, ret_missing, error);
    if (r < 0 || *ret_missing > 0)
        return r;
    /* The records may lack a withdrawal, or blobs of a release, that its document has. */
    return broker_documents_adopt (root, records, &adopted, error);
}

int broker_documents_set_aside (int root, struct base_error *error)
{
    base_assert (root >= 0);
    char time[BASE_TIME_TEXT], name[sizeof DOCUMENTS + BASE_TIME_TEXT + 8];
    int r;

    (void) base_time_format (base_time_real_ns (), time);
    (void) snprintf (name, sizeof name, DOCUMENTS ".until-%s", time);
    r = disk_rename (&disk_system, root, DOCUMENTS, name, NULL);
    return r == 0 || r == -ENOENT ? 0 : base_error_errno (error, r, "cannot set " DOCUMENTS " aside");
}

/*  Returns whether a blob is the release document, or a file of one of its envelopes. */
static bool release_has_blob (const struct records_release *known, const struct base_digest *blob)
{
    const struct wire_release *release = &known->document;
    if (base_digest_equal (&known->digest, blob))
        return true;
    for (size_t i = 0; i < release->n_envelopes; i++) {
        const struct wire_envelope *envelope = &release->envelopes[i];
        if (base_digest_equal (&envelope->binary, blob))
            return true;
        for (size_t j = 0; j < envelope->n_files; j++)
            if (base_digest_equal (&envelope->files[j].digest, blob))
                return true;
    }
    return false;
}

bool broker_documents_need (const struct broker_documents *documents, const struct base_digest *blob)
{
    base_assert (documents && blob);
    for (size_t i = 0; i < documents->count; i++)
        if (!documents->all[i].withdrawn && release_has_blob (&documents->all[i], blob))
            return true;
    return false;
}

int broker_documents_load (int root, struct broker_documents **ret_documents, struct base_error *error)
{
    base_assert (root >= 0 && ret_documents);
    base_cleanup (base_free_p) struct broker_documents *documents = calloc (1, sizeof *documents);
    if (!documents)
        return base_error_errno (error, -ENOMEM, "cannot read the documents of releases");
    int r = documents_load (root, documents, error);
    if (r < 0)
        return r;
    *ret_documents = base_take (documents);
    return 0;
}

struct broker_documents *broker_documents_free (struct broker_documents *documents)
{
    if (documents)
        documents_deinit (documents);
    free (documents);
    return NULL;
}
