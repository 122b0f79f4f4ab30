/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/collect.c - moves blobs that nothing needs to the trash */

#include "broker/collect.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "broker/documents.h"

enum { COLLECT_AGE_S = 24 * 60 * 60 };

/*  A search for blobs that neither the records nor a release document on disk needs. */
struct collecting {
    struct broker *broker;
    struct broker_documents *documents;
};

static int blob_collect (void *context, const struct base_digest *digest)
{
    const struct collecting *collecting = context;

    if (!broker_documents_need (collecting->documents, digest))
        (void) broker_blobs_discard (collecting->broker->blobs, digest);
    return 0;
}

int broker_blobs_collect_of (struct broker *broker, const struct base_digest *release,
                             struct base_error *error)
{
    base_assert (broker && broker->blobs && release);
    struct collecting collecting = {.broker = broker};
    int r = broker_documents_load (broker->root, &collecting.documents, error);
    if (r < 0)
        return r;
    r = records_blobs_unused (broker->records, release, blob_collect, &collecting, error);
    (void) broker_documents_free (collecting.documents);
    return r;
}

/*  Returns whether the blob was uploaded so long ago that nobody is about to publish it. */
static bool blob_is_old (struct broker *broker, const struct base_digest *digest)
{
    char text[BASE_DIGEST_TEXT], path[BASE_DIGEST_TEXT + 16];
    struct stat status;

    (void) base_digest_format (digest, text);
    (void) snprintf (path, sizeof path, "blobs/%.2s/%s", text, text);
    return fstatat (broker->root, path, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
           time (NULL) - status.st_mtime > COLLECT_AGE_S;
}

static int blob_visit (void *context, const struct base_digest *digest, uint64_t size)
{
    const struct collecting *collecting = context;
    bool used = true;

    (void) size;
    if (blob_is_old (collecting->broker, digest) &&
        records_blob_used (collecting->broker->records, digest, &used, NULL) == 0 && !used)
        return blob_collect (context, digest);
    return 0;
}

void broker_blobs_collect (struct broker *broker)
{
    base_assert (broker);
    struct collecting collecting = {.broker = broker};
    struct base_error error = {.code = 0};
    int r;

    if (!broker->blobs)
        return;
    r = broker_documents_load (broker->root, &collecting.documents, &error);
    if (r == 0)
        r = broker_blobs_each (broker->blobs, blob_visit, &collecting);
    if (r < 0)
        base_log (BASE_LOG_WARNING, "cannot check the blobs, ignoring: %s",
                  error.text[0] ? error.text : strerror (-r));
    (void) broker_documents_free (collecting.documents);
}
