/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/trust_staging.c - metadata files that are sent in parts */

#include "broker/trust_staging.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/assert.h"
#include "wire/wire.h"

static void staging_check (const struct broker_staging *staging)
{
    size_t bytes = 0;
    base_assert (staging->count <= BROKER_STAGED_MOST);
    for (size_t i = 0; i < staging->count; i++) {
        base_assert (staging->all[i].bytes.size <= staging->all[i].size);
        bytes += staging->all[i].size;
    }
    base_assert (bytes <= BROKER_STAGED_BYTES);
}

static void staged_drop (struct broker_staging *staging, size_t at)
{
    base_assert (at < staging->count);
    base_buffer_deinit (&staging->all[at].bytes);
    staging->all[at] = staging->all[--staging->count];
    staging->all[staging->count] = (struct broker_staged){.size = 0};
}

void broker_staging_deinit (struct broker_staging *staging)
{
    base_assert (staging);
    while (staging->count > 0)
        staged_drop (staging, staging->count - 1);
}

void broker_staging_tick (struct broker_staging *staging, uint64_t now_ms)
{
    base_assert (staging);
    for (size_t i = staging->count; i-- > 0;)
        if (now_ms - staging->all[i].used_ms >= BROKER_STAGED_KEPT_MS)
            staged_drop (staging, i);
    staging_check (staging);
}

static struct broker_staged *staged_find (struct broker_staging *staging, const struct base_digest *digest)
{
    for (size_t i = 0; i < staging->count; i++)
        if (base_digest_equal (&staging->all[i].digest, digest))
            return &staging->all[i];
    return NULL;
}

static size_t bytes_of (const struct broker_staging *staging)
{
    size_t bytes = 0;
    for (size_t i = 0; i < staging->count; i++)
        bytes += staging->all[i].size;
    return bytes;
}

/*  Makes room for a file of this size, and begins it. */
static struct broker_staged *staged_begin (struct broker_staging *staging, const struct broker_part *part)
{
    base_assert (part->size <= BROKER_STAGED_BYTES);
    while (staging->count == BROKER_STAGED_MOST || bytes_of (staging) + part->size > BROKER_STAGED_BYTES) {
        size_t oldest = 0;
        for (size_t i = 1; i < staging->count; i++)
            if (staging->all[i].used_ms < staging->all[oldest].used_ms)
                oldest = i;
        staged_drop (staging, oldest);
    }
    struct broker_staged *staged = &staging->all[staging->count++];
    *staged = (struct broker_staged){.digest = part->digest, .size = part->size};
    return staged;
}

/*  The bytes are complete: compares the digest. */
static int staged_finish (struct broker_staging *staging, struct broker_staged *staged,
                          struct base_error *error)
{
    struct base_digest digest = base_digest_of (staged->bytes.data, staged->bytes.size);
    if (base_digest_equal (&digest, &staged->digest))
        return BROKER_PART_TAKEN;
    staged_drop (staging, (size_t) (staged - staging->all));
    return base_error_set (error, BROKER_PART_INVALID,
                           "the bytes do not match the digest of the file; send it again from offset 0");
}

int broker_staging_add (struct broker_staging *staging, const struct broker_part *part, uint64_t now_ms,
                        uint64_t *ret_next, struct base_error *error)
{
    base_assert (staging && part && (part->data || part->length == 0) && ret_next);
    struct broker_staged *staged = staged_find (staging, &part->digest);
    *ret_next = 0;
    if (part->size == 0 || part->size > WIRE_METADATA_MOST || part->length == 0 ||
        part->offset > part->size || part->length > part->size - part->offset ||
        (staged && staged->size != part->size))
        return base_error_set (error, BROKER_PART_INVALID,
                               "a part of %zu bytes at offset %" PRIu64
                               " does not fit into a file of %" PRIu64
                               " bytes; a file has at most %d bytes, and the same size in each part",
                               part->length, part->offset, part->size, WIRE_METADATA_MOST);
    if (!staged && part->offset > 0)
        return BROKER_PART_EARLY;
    if (!staged)
        staged = staged_begin (staging, part);
    staged->used_ms = now_ms;
    int r = BROKER_PART_TAKEN; /* also for a part that is repeated */
    if (part->offset > staged->bytes.size)
        r = BROKER_PART_EARLY;
    else if (part->offset == staged->bytes.size) {
        if (base_buffer_append (&staged->bytes, part->data, part->length) < 0)
            return base_error_errno (error, -ENOMEM, "cannot keep a part of a metadata file");
        if (staged->bytes.size == staged->size) {
            r = staged_finish (staging, staged, error);
            if (r != BROKER_PART_TAKEN)
                return r;
        }
    }
    *ret_next = staged->bytes.size;
    staging_check (staging);
    return r;
}

const struct broker_staged *broker_staging_find (struct broker_staging *staging,
                                                 const struct base_digest *digest, uint64_t now_ms)
{
    base_assert (staging && digest);
    struct broker_staged *staged = staged_find (staging, digest);
    if (!staged || staged->bytes.size < staged->size)
        return NULL;
    staged->used_ms = now_ms;
    return staged;
}
