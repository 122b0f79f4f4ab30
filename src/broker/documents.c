/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/documents.c - the documents of releases beside the blobs */

#include "broker/documents.h"

#include <errno.h>
#include <fcntl.h>

#include "base/cleanup.h"
#include "base/directory.h"
#include "base/log.h"
#include "base/text.h"
#include "base/time.h"
#include "disk/disk.h"
#include "wire/envelope.h"

#define DOCUMENTS "releases"

enum { NAME_SIZE = sizeof DOCUMENTS + BASE_DIGEST_TEXT + 8, DOCUMENT_MOST = 1024 * 1024 };

static const char *name_of (const struct base_digest *release, char name[NAME_SIZE])
{
    char text[BASE_DIGEST_TEXT];

    (void) snprintf (name, NAME_SIZE, DOCUMENTS "/%s.json", base_digest_format (release, text));
    return name;
}

int broker_document_put (int root, const struct records_release *release, struct base_error *error)
{
    struct wire_release content = release->document; /* shallow: writing only reads it */
    struct wire_document document = {
        .time = release->time, .withdrawn = release->withdrawn, .release = &content};
    base_cleanup (base_free_p) char *text = wire_json (&wire_document_record, &document, WIRE_JSON_PRETTY);
    char name[NAME_SIZE];
    int r;

    if (!text)
        return base_error_errno (error, -ENOMEM, "cannot write the document of a release");
    r = disk_directory_make (&disk_system, root, DOCUMENTS, 0700, error);
    return r == 0 ? disk_file_write (&disk_system, root, name_of (&release->digest, name), 0600, text,
                                     strlen (text), error)
                  : r;
}

bool broker_document_has (int root, const struct base_digest *release)
{
    char name[NAME_SIZE];

    return faccessat (root, name_of (release, name), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
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

static int document_read (int root, const struct base_digest *release, struct records_release *ret_release,
                          struct base_error *error)
{
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {.size = 0};
    base_cleanup (wire_document_deinit) struct wire_document document = {.withdrawn = false};
    struct records_release read = {.digest = *release};
    struct base_digest digest;
    char name[NAME_SIZE];
    int r = disk_file_read (&disk_system, root, name_of (release, name), DOCUMENT_MOST, &buffer);

    if (r == -EINVAL || r == -ELOOP || r == -EISDIR || r == -EFBIG)
        return base_error_set (error, WIRE_E_MALFORMED, "%s is not the document of a release", name);
    if (r != 0)
        return base_error_errno (error, r, "cannot read %s", name);
    r = wire_json_parse (&wire_document_record, (const char *) buffer.data, buffer.size, &document, error);
    if (r != 0)
        return r < 0 ? r : base_error_prefix (error, "%s", name);
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
    if (r == 0)
        documents->count++;
    else if (r < 0)
        return base_error_set (error, r, "%s", why.text);
    else
        base_log (BASE_LOG_WARNING, "ignoring a damaged document: %s", why.text);
    return 0;
}

static int documents_load (int root, struct broker_documents *ret_documents, struct base_error *error)
{
    base_cleanup (documents_deinit) struct broker_documents documents = {.count = 0};
    base_cleanup (base_directory_close_p) DIR *directory =
        base_directory_list (openat (root, DOCUMENTS, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
    const struct dirent *entry;
    int r = 0;

    if (!directory && errno != ENOENT)
        return base_error_errno (error, -errno, "cannot list " DOCUMENTS);
    errno = 0;
    while (r == 0 && directory && (entry = readdir (directory))) {
        struct base_digest release;
        if (name_parse (entry->d_name, &release))
            r = documents_add (&documents, root, &release, error);
        errno = 0;
    }
    if (r == 0 && errno != 0)
        r = base_error_errno (error, -errno, "cannot list " DOCUMENTS);
    if (r == 0) {
        *ret_documents = documents;
        documents = (struct broker_documents){.count = 0};
    }
    return r;
}

bool broker_documents_any (int root)
{
    base_cleanup (base_directory_close_p) DIR *directory =
        base_directory_list (openat (root, DOCUMENTS, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
    const struct dirent *entry;
    struct base_digest release;

    while (directory && (entry = readdir (directory)))
        if (name_parse (entry->d_name, &release))
            return true;
    return false;
}

static int by_time (const void *a, const void *b)
{
    const struct records_release *left = a, *right = b;

    return strcmp (left->time, right->time);
}

int broker_documents_adopt (int root, struct records *records, uint64_t *ret_adopted,
                            struct base_error *error)
{
    base_cleanup (documents_deinit) struct broker_documents documents = {.count = 0};
    int r = documents_load (root, &documents, error);

    *ret_adopted = 0;
    if (documents.count > 0)
        qsort (documents.all, documents.count, sizeof *documents.all, by_time);
    for (size_t i = 0; r == 0 && i < documents.count; i++) {
        base_cleanup (records_release_deinit) struct records_release known = {.serial = 0};
        const struct records_release *release = &documents.all[i];
        r = records_release_get (records, &release->digest, &known, error);
        if (r == -ENOENT) {
            ++*ret_adopted;
            r = 0;
        }
        /* Also for a release that is known: its blobs may be missing in the records. */
        if (r == 0)
            r = records_release_put (records, &release->digest, &release->document, release->time, error);
        if (r == 0 && release->withdrawn && !known.withdrawn)
            r = records_release_withdraw (records, &release->digest, error);
    }
    return r;
}

struct checking {
    int root;
    const struct broker_documents *documents;
    uint64_t known; /* documents whose release the records have */
    struct base_error *error;
};

static const struct records_release *document_of (const struct broker_documents *documents,
                                                  const struct base_digest *release)
{
    for (size_t i = 0; i < documents->count; i++)
        if (base_digest_equal (&documents->all[i].digest, release))
            return &documents->all[i];
    return NULL;
}

static int check_one (void *context, const struct records_release *release)
{
    struct checking *checking = context;
    const struct records_release *document = document_of (checking->documents, &release->digest);

    checking->known += document != NULL;
    return document && document->withdrawn >= release->withdrawn
               ? 0
               : broker_document_put (checking->root, release, checking->error);
}

static int documents_compare (int root, struct records *records, const struct broker_documents *documents,
                              uint64_t *ret_missing, struct base_error *error)
{
    struct checking checking = {.root = root, .documents = documents, .error = error};
    int r = records_releases (records, NULL, 0, check_one, &checking, error);

    *ret_missing = documents->count - checking.known;
    return r;
}

int broker_documents_check (int root, struct records *records, uint64_t *ret_missing,
                            struct base_error *error)
{
    base_cleanup (documents_deinit) struct broker_documents documents = {.count = 0};
    uint64_t adopted;
    int r = documents_load (root, &documents, error);

    if (r == 0)
        r = documents_compare (root, records, &documents, ret_missing, error);
    /* Only a document may have it that a release was withdrawn, or which blobs it has. */
    return r == 0 && *ret_missing == 0 ? broker_documents_adopt (root, records, &adopted, error) : r;
}

int broker_documents_set_aside (int root, struct base_error *error)
{
    char time[BASE_TIME_TEXT], name[sizeof DOCUMENTS + BASE_TIME_TEXT + 8];
    int r;

    (void) base_time_format (base_time_real_ns (), time);
    (void) snprintf (name, sizeof name, DOCUMENTS ".until-%s", time);
    r = disk_rename (&disk_system, root, DOCUMENTS, name, NULL);
    return r == 0 || r == -ENOENT ? 0 : base_error_errno (error, r, "cannot set " DOCUMENTS " aside");
}

/*  Returns whether a blob is the release document, or a file of one of its envelopes. */
static bool release_has (const struct records_release *known, const struct base_digest *blob)
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
    for (size_t i = 0; i < documents->count; i++)
        if (!documents->all[i].withdrawn && release_has (&documents->all[i], blob))
            return true;
    return false;
}

int broker_documents_load (int root, struct broker_documents **ret_documents, struct base_error *error)
{
    base_cleanup (base_free_p) struct broker_documents *documents = calloc (1, sizeof *documents);
    int r = documents ? documents_load (root, documents, error)
                      : base_error_errno (error, -ENOMEM, "cannot read the documents of releases");

    if (r == 0)
        *ret_documents = base_take (documents);
    return r;
}

struct broker_documents *broker_documents_free (struct broker_documents *documents)
{
    if (documents)
        documents_deinit (documents);
    free (documents);
    return NULL;
}
