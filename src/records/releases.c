/* SPDX-License-Identifier: MPL-2.0 */
/*  records/releases.c - which blobs a release uses, and how releases are published and withdrawn */

#include "records/driver.h"

#include "base/assert.h"
#include "base/cleanup.h"
#include "wire/envelope.h"

void records_release_deinit (struct records_release *release)
{
    base_assert (release);
    wire_release_deinit (&release->document);
    *release = (struct records_release){.serial = 0};
}

static int release_blobs_add (struct records *records, const struct base_digest *digest,
                              const struct wire_release *document, struct base_error *error)
{
    base_assert (records && digest && document);
    base_assert (document->envelopes || document->n_envelopes == 0);
    uint64_t size = 0;
    int r;

    (void) wire_release_digest (document, &size);
    r = records_blob_add (records, digest, digest, size, error);
    if (r < 0)
        return r;
    for (size_t i = 0; i < document->n_envelopes; i++) {
        const struct wire_envelope *envelope = &document->envelopes[i];
        r = records_blob_add (records, digest, &envelope->binary, envelope->size, error);
        if (r < 0)
            return r;
        for (size_t j = 0; j < envelope->n_files; j++) {
            r = records_blob_add (records, digest, &envelope->files[j].digest, envelope->files[j].size,
                                  error);
            if (r < 0)
                return r;
        }
    }
    return 0;
}

/*  In the caller's transaction. */
static int release_add (struct records *records, const struct base_digest *digest,
                        const struct wire_release *document, const struct base_buffer *packed,
                        const char *time, struct base_error *error)
{
    base_assert (packed->size > 0);
    int r = records_release_add (records, digest, document, packed, time, error);

    return r < 0 ? r : release_blobs_add (records, digest, document, error);
}

/*  Commits if r is 0, else rolls back. Returns r, or the error of the commit. */
static int transaction_end (struct records *records, int r, struct base_error *error)
{
    base_assert (r <= 0);
    if (r < 0) {
        records_rollback (records);
        return r;
    }
    return records_commit (records, error);
}

int records_release_put (struct records *records, const struct base_digest *digest,
                         const struct wire_release *document, const char *time, struct base_error *error)
{
    base_assert (records && digest && document && time);
    base_cleanup (base_buffer_deinit) struct base_buffer packed = {.size = 0};
    int r = records_pack (&wire_release_record, document, &packed, error);

    if (r < 0)
        return r;
    r = records_begin (records, error);
    if (r < 0)
        return r;
    r = release_add (records, digest, document, &packed, time, error);
    return transaction_end (records, r, error);
}

int records_release_withdraw (struct records *records, const struct base_digest *digest,
                              struct base_error *error)
{
    base_assert (records && digest);
    int r = records_begin (records, error);

    if (r < 0)
        return r;
    r = records_release_mark_withdrawn (records, digest, error);
    return transaction_end (records, r, error);
}
