/* SPDX-License-Identifier: MPL-2.0 */
/*  records/releases.c - which blobs a release uses, and how releases are published and withdrawn */

#include "records/driver.h"

#include "base/cleanup.h"
#include "wire/envelope.h"

void records_release_deinit (struct records_release *release)
{
    wire_release_deinit (&release->document);
    *release = (struct records_release){.serial = 0};
}

static int contents_add (struct records *records, const struct base_digest *digest,
                         const struct wire_release *document, struct base_error *error)
{
    uint64_t size = 0;
    int r;

    (void) wire_release_digest (document, &size);
    r = records_content_add (records, digest, digest, size, error);
    for (size_t i = 0; r == 0 && i < document->n_envelopes; i++) {
        const struct wire_envelope *envelope = &document->envelopes[i];
        r = records_content_add (records, digest, &envelope->binary, envelope->size, error);
        for (size_t j = 0; r == 0 && j < envelope->n_files; j++)
            r = records_content_add (records, digest, &envelope->files[j].digest, envelope->files[j].size,
                                     error);
    }
    return r;
}

int records_release_put (struct records *records, const struct base_digest *digest,
                         const struct wire_release *document, const char *time, struct base_error *error)
{
    base_cleanup (base_buffer_deinit) struct base_buffer packed = {.size = 0};
    int r = records_pack (&wire_release_record, document, &packed, error);

    if (r != 0)
        return r;
    r = records_begin (records, error);
    if (r == 0)
        r = records_release_add (records, digest, document, &packed, time, error);
    if (r == 0)
        r = contents_add (records, digest, document, error);
    if (r == 0)
        r = records_commit (records, error);
    if (r != 0)
        records_rollback (records);
    return r;
}

int records_release_withdraw (struct records *records, const struct base_digest *digest,
                              struct base_error *error)
{
    int r = records_begin (records, error);

    if (r == 0)
        r = records_release_mark_withdrawn (records, digest, error);
    if (r == 0)
        r = records_commit (records, error);
    if (r != 0)
        records_rollback (records);
    return r;
}
