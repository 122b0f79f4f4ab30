/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/serving.c - which releases cannot be served */

#include "broker/serving.h"

#include <errno.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "broker/errors.h"
#include "base/time.h"
#include "broker/state.h"
#include "broker/trust_loop.h"
#include "wire/envelope.h"
#include "wire/text.h"

static bool blob_is_missing (struct broker *broker, const struct base_digest *digest, uint64_t size)
{
    base_assert (broker->blobs);
    uint64_t here;

    return !broker_blobs_has (broker->blobs, digest, &here) || here != size;
}

/*  Returns how many blobs of an envelope are missing. *ret_first: the first one; untouched if there is
    none. */
static uint64_t envelope_missing (struct broker *broker, const struct wire_envelope *envelope,
                                  struct base_digest *ret_first)
{
    uint64_t count = 0;

    for (size_t i = 0; i <= envelope->n_files; i++) {
        const struct base_digest *digest = i == 0 ? &envelope->binary : &envelope->files[i - 1].digest;
        uint64_t size = i == 0 ? envelope->size : envelope->files[i - 1].size;
        if (!blob_is_missing (broker, digest, size))
            continue;
        if (count++ == 0)
            *ret_first = *digest;
    }
    return count;
}

/*  Writes the blob of a release document again, from the recorded release. Returns whether it is here now. */
static bool document_restore (struct broker *broker, const struct wire_release *release,
                              const struct base_digest *digest)
{
    static const struct bus_peer broker_itself = {.size = 0};
    base_cleanup (base_buffer_deinit) struct base_buffer document = {.size = 0};
    base_cleanup (wire_taken_deinit) struct wire_taken taken = {.offset = 0};
    struct wire_put put = {.digest = *digest};
    struct base_digest packed;
    char text[BASE_DIGEST_TEXT];

    if (wire_release_pack (release, &document, NULL) != 0)
        return false;
    packed = base_digest_of (document.data, document.size);
    if (!base_digest_equal (&packed, digest)) /* records of another version cannot reproduce it */
        return false;
    put.size = document.size;
    if (broker_blobs_put (broker->blobs, &broker_itself, &put, document.data, document.size,
                          base_time_boot_ms (), &taken) != 0 ||
        !taken.complete) {
        base_log_limited (&broker->log, BASE_LOG_WARNING, "cannot restore the release document %s: %s",
                          base_digest_format (digest, text),
                          taken.reason ? taken.reason : "it cannot be stored");
        return false;
    }
    base_log (BASE_LOG_WARNING,
              "the release document %s was missing or damaged: restored it from the records",
              base_digest_format (digest, text));
    return true;
}

static bool document_is_missing (struct broker *broker, const struct wire_release *release,
                                 struct base_digest *ret_digest)
{
    uint64_t size = 0;

    *ret_digest = wire_release_digest (release, &size);
    return broker->blobs && blob_is_missing (broker, ret_digest, size) &&
           !document_restore (broker, release, ret_digest);
}

bool broker_serving_restore (struct broker *broker, const struct base_digest *digest)
{
    base_cleanup (records_release_deinit) struct records_release release = {.serial = 0};

    return records_release_get (broker->records, digest, &release, NULL) == 0 && !release.withdrawn &&
           document_restore (broker, &release.document, digest);
}

uint64_t broker_serving_missing (struct broker *broker, const struct wire_release *release)
{
    base_assert (broker && release);
    struct base_digest first;
    uint64_t count = document_is_missing (broker, release, &first);

    for (size_t i = 0; broker->blobs && i < release->n_envelopes; i++)
        count += envelope_missing (broker, &release->envelopes[i], &first);
    return count;
}

int broker_serving_check (struct broker *broker, const struct wire_release *release,
                          const struct base_digest *digest, const char *platform,
                          char text[BROKER_SERVING_TEXT])
{
    base_assert (broker && release && digest && text);
    const struct wire_envelope *chosen = platform ? wire_release_match (release, platform) : NULL;
    struct base_digest first = {.bytes = {0}};
    char name[BASE_DIGEST_TEXT], blob[BASE_DIGEST_TEXT];
    const char *why;
    uint64_t count;

    if (!broker_trust_offers (broker, release->application, digest, NULL, &why)) {
        (void) snprintf (text, BROKER_SERVING_TEXT, "release %s cannot be served: %s",
                         base_digest_format (digest, name), why);
        return BROKER_E_UNSERVED;
    }
    count = document_is_missing (broker, release, &first);
    for (size_t i = 0; broker->blobs && count == 0 && i < release->n_envelopes; i++)
        if (!platform || chosen == &release->envelopes[i])
            count = envelope_missing (broker, &release->envelopes[i], &first);
    if (count == 0)
        return 0;
    (void) snprintf (
        text, BROKER_SERVING_TEXT,
        "release %s cannot be served: %llu of its blobs are missing or damaged at the broker (the"
        " first: %s): publish it again from the same files",
        base_digest_format (digest, name), (unsigned long long) count, base_digest_format (&first, blob));
    return BROKER_E_UNSERVED;
}

int broker_serving_verify (struct broker *broker, const struct base_digest *release, const char *platform,
                           struct base_digest *ret_blob)
{
    base_assert (broker && release && ret_blob);
    base_cleanup (records_release_deinit) struct records_release known = {.serial = 0};
    const struct wire_envelope *envelope;
    int result = 0;

    if (!broker->blobs || records_release_get (broker->records, release, &known, NULL) != 0)
        return 0;
    envelope = wire_release_match (&known.document, platform);
    for (size_t i = 0; envelope && i <= envelope->n_files + 1; i++) {
        const struct base_digest *digest = i == 0   ? &known.digest
                                           : i == 1 ? &envelope->binary
                                                    : &envelope->files[i - 2].digest;
        int r = broker_blobs_verify (broker->blobs, digest);
        if (r == -ENOENT) {
            *ret_blob = *digest;
            return BROKER_E_UNSERVED;
        }
        if (r == -EBUSY)
            result = r;
    }
    return result;
}

void broker_serving_changed (struct broker *broker)
{
    base_assert (broker);
    broker->serving.is_counted = false;
}

static int release_count (void *context, const struct records_release *release)
{
    struct broker *broker = context;

    if (release->withdrawn)
        return 0;
    broker->serving.releases++;
    if (broker_serving_missing (broker, &release->document) > 0)
        broker->serving.missing++;
    return 0;
}

/*  Counts again only if a blob or a release was added or removed since the last count. */
int broker_serving_count (struct broker *broker, uint64_t *ret_releases, uint64_t *ret_missing,
                          struct base_error *error)
{
    base_assert (broker && ret_releases && ret_missing);
    uint64_t changes = broker->blobs ? broker_blobs_changes (broker->blobs) : 0;

    if (!broker->serving.is_counted || broker->serving.changes != changes) {
        broker->serving.is_counted = false;
        broker->serving.releases = broker->serving.missing = 0;
        int r = records_releases (broker->records, NULL, 0, release_count, broker, error);
        if (r < 0)
            return r;
        broker->serving.is_counted = true;
        broker->serving.changes = broker->blobs ? broker_blobs_changes (broker->blobs) : 0;
    }
    *ret_releases = broker->serving.releases;
    *ret_missing = broker->serving.missing;
    return 0;
}

char *broker_serving_notice (struct broker *broker)
{
    base_assert (broker);
    struct base_error error = {.code = 0};
    uint64_t releases, missing = 0;
    char *signing;

    if (records_is_lost (broker->records, &error) != 0)
        return wire_reason ("%s", error.text);
    if ((signing = broker_trust_notice (broker)))
        return signing;
    if (!broker->blobs || broker_serving_count (broker, &releases, &missing, &error) != 0)
        return NULL;
    return missing ? wire_reason (
                         "%llu releases cannot be served, because some of their blobs are missing or damaged:"
                         " nodectl releases shows which; publish them again from the same files, or"
                         " withdraw them",
                         (unsigned long long) missing)
                   : NULL;
}
