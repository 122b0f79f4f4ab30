/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/operator_releases.c - publishing and withdrawing releases */

#include <errno.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/time.h"
#include "broker/collect.h"
#include "broker/documents.h"
#include "broker/errors.h"
#include "broker/operator.h"
#include "broker/commit.h"
#include "broker/serving.h"
#include "deploy/deploy.h"
#include "wire/envelope.h"
#include "wire/text.h"

/*  Returns 0, or BROKER_E_REFUSED if a blob is missing. */
static int blob_check (struct broker *broker, const struct base_digest *digest, uint64_t size,
                       const char *what, struct wire_published *answer)
{
    char text[BASE_DIGEST_TEXT];
    uint64_t here;

    if (!broker->blobs)
        return 0;
    (void) base_digest_format (digest, text);
    if (!broker_blobs_has (broker->blobs, digest, &here))
        answer->reason = wire_reason (
            "the blob %s (%s) %s: upload it, then publish again", text, what,
            broker_blobs_is_damaged (broker->blobs, digest) ? "is damaged" : "has not been uploaded");
    else if (here != size)
        answer->reason = wire_reason ("the blob %s (%s) has %llu bytes, but %llu in the release", text, what,
                                      (unsigned long long) here, (unsigned long long) size);
    else
        return 0;
    answer->status = WIRE_STATUS_REFUSED;
    return BROKER_E_REFUSED;
}

/*  Checks all blobs of a release; returns as blob_check. */
static int blobs_check (struct broker *broker, const struct wire_release *release,
                        struct wire_published *answer)
{
    uint64_t size = 0;
    struct base_digest digest = wire_release_digest (release, &size);
    int r = blob_check (broker, &digest, size, "the release document", answer);
    if (r)
        return r;
    for (size_t i = 0; i < release->n_envelopes; i++) {
        const struct wire_envelope *envelope = &release->envelopes[i];
        r = blob_check (broker, &envelope->binary, envelope->size, "the binary", answer);
        if (r)
            return r;
        for (size_t j = 0; j < envelope->n_files; j++) {
            const struct wire_file *file = &envelope->files[j];
            r = blob_check (broker, &file->digest, file->size, file->path, answer);
            if (r)
                return r;
        }
    }
    return 0;
}

/*  Writes the document of a recorded release. */
static int document_put (struct broker *broker, const struct base_digest *digest, struct base_error *error)
{
    base_cleanup (records_release_deinit) struct records_release release = {.serial = 0};
    int r = records_release_get (broker->records, digest, &release, error);
    if (r < 0)
        return r;
    return broker_document_put (broker->root, &release, error);
}

int broker_serve_publish_release (struct broker_call *call, const struct wire_publish_release *request,
                                  struct wire_published *answer)
{
    base_assert (call && request && request->release && answer);
    struct broker *broker = call->broker;
    struct base_error *error = call->error;
    base_cleanup (records_release_deinit) struct records_release known = {.serial = 0};
    struct base_digest digest;
    char time[BASE_TIME_TEXT], text[BASE_DIGEST_TEXT];
    int r;

    (void) snprintf (call->what, sizeof call->what, "publish %.64s %.64s", request->release->application,
                     request->release->version);
    if (wire_release_check (request->release, error) != 0)
        return wire_answer_set (answer, WIRE_STATUS_INVALID, "%s", error->text);
    digest = wire_release_digest (request->release, NULL);
    r = records_release_get (broker->records, &digest, &known, error);
    if (r < 0 && r != -ENOENT)
        return r;
    if (r == 0 && known.withdrawn)
        return wire_answer_set (answer, WIRE_STATUS_GONE,
                                "this release was withdrawn: publish it with another version");
    if (blobs_check (broker, request->release, answer) == BROKER_E_REFUSED)
        return 0;
    if (r == -ENOENT) {
        r = records_release_put (broker->records, &digest, request->release,
                                 base_time_format (base_time_real_ns (), time), error);
        if (r < 0)
            return r;
        broker_serving_changed (broker);
        base_log (BASE_LOG_INFO, "published %s %s: %s", request->release->application,
                  request->release->version, base_digest_format (&digest, text));
    }
    if (!broker_document_has (broker->root, &digest)) {
        r = document_put (broker, &digest, error);
        if (r < 0)
            return r;
    }
    answer->status = WIRE_STATUS_OK;
    answer->release = digest;
    return 0;
}

int broker_serve_withdraw_release (struct broker_call *call, const struct wire_withdraw_release *request,
                                   struct wire_withdrawn *answer)
{
    base_assert (call && request && answer);
    struct broker *broker = call->broker;
    struct base_error *error = call->error;
    char text[BASE_DIGEST_TEXT];
    int r = records_release_withdraw (broker->records, &request->release, error);

    (void) snprintf (call->what, sizeof call->what, "withdraw %s",
                     base_digest_format (&request->release, text));
    if (r == -ENOENT)
        return wire_answer_set (answer, WIRE_STATUS_NONE, "no such release: nodectl releases lists them");
    if (r < 0)
        return r;
    broker_serving_changed (broker); /* it is withdrawn even if a later step fails */
    base_log (BASE_LOG_INFO, "withdrew %s", base_digest_format (&request->release, text));
    deploy_release_withdrawn (&broker->deploy, &request->release);
    if (document_put (broker, &request->release, error) < 0) /* the next start writes it */
        (void) broker_storage_failed (broker, error);
    answer->status = WIRE_STATUS_OK;
    answer->release = request->release;
    if (!broker->blobs)
        return 0;
    return broker_blobs_collect_of (broker, &request->release, error);
}
