/* SPDX-License-Identifier: MPL-2.0 */
/*  wire/pack.c - from a message to msgpack

    Equal messages become equal bytes: fields in the order of the schema, absent ones left out, every number
    and length in its shortest form. */

#include "wire/record.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <msgpack.h>

#include "base/assert.h"
#include "base/text.h"

struct packing {
    msgpack_packer packer;
    struct base_buffer *buffer;
    size_t begin;
    int failure;
};

static int packing_write (void *data, const char *bytes, size_t size)
{
    struct packing *packing = data;
    if (!packing->failure && packing->buffer->size - packing->begin + size > WIRE_FRAME_MOST)
        packing->failure = WIRE_E_TOO_LARGE;
    if (!packing->failure)
        packing->failure = base_buffer_append (packing->buffer, bytes, size);
    return packing->failure ? -1 : 0;
}

static int record_pack (const struct wire_record *record, const void *message, struct packing *packing,
                        struct base_error *error);

static int part_pack (const struct wire_field *field, long index, const void *part, struct packing *packing,
                      struct base_error *error)
{
    return wire_field_within (field, index, error, record_pack (field->part, part, packing, error));
}

static int text_pack (const struct wire_field *field, long index, const char *text, struct packing *packing,
                      struct base_error *error)
{
    msgpack_packer *packer = &packing->packer;
    if (!text)
        return wire_field_fail (field, index, error, "is missing");
    size_t size = strnlen (text, field->most + 1);
    if (size > field->most)
        return wire_field_fail (field, index, error, "has more than %" PRIu64 " bytes", field->most);
    if (field->kind == WIRE_TEXT || field->kind == WIRE_TEXTS) {
        if (!base_text_is_utf8 (text, size))
            return wire_field_fail (field, index, error, "is not UTF-8");
        (void) msgpack_pack_str (packer, size);
        (void) msgpack_pack_str_body (packer, text, size);
    } else {
        (void) msgpack_pack_bin (packer, size);
        (void) msgpack_pack_bin_body (packer, text, size);
    }
    return packing->failure;
}

static int list_pack (const struct wire_field *field, const void *message, struct packing *packing,
                      struct base_error *error)
{
    const void *member = wire_member_const (field, message);
    size_t count = wire_member_count (field, message);
    if (count > field->count)
        return wire_field_fail (field, -1, error, "has %zu items, at most %zu are allowed", count,
                                field->count);
    (void) msgpack_pack_array (&packing->packer, count);
    int r = packing->failure;
    for (size_t i = 0; r == 0 && i < count; i++) {
        if (field->kind == WIRE_PARTS)
            r = part_pack (field, (long) i, *(char *const *) member + i * field->part->size, packing, error);
        else
            r = text_pack (field, (long) i, (*(char **const *) member)[i], packing, error);
    }
    return r;
}

static int field_pack (const struct wire_field *field, const void *message, struct packing *packing,
                       struct base_error *error)
{
    msgpack_packer *packer = &packing->packer;
    const void *member = wire_member_const (field, message);
    const char *word;

    switch (field->kind) {
    case WIRE_TEXT:
    case WIRE_RAW:
        return text_pack (field, -1, *(char *const *) member, packing, error);
    case WIRE_TEXTS:
    case WIRE_RAWS:
    case WIRE_PARTS:
        return list_pack (field, message, packing, error);
    case WIRE_UINT:
        if (*(const uint64_t *) member > field->most)
            return wire_field_fail (field, -1, error, "is %" PRIu64 ", at most %" PRIu64 " is allowed",
                                    *(const uint64_t *) member, field->most);
        (void) msgpack_pack_uint64 (packer, *(const uint64_t *) member);
        return packing->failure;
    case WIRE_FLAG:
        (void) msgpack_pack_true (packer);
        return packing->failure;
    case WIRE_DIGEST:
        if (base_digest_is_null (member))
            return wire_field_fail (field, -1, error, "is missing");
        (void) msgpack_pack_bin (packer, BASE_DIGEST_BYTES);
        (void) msgpack_pack_bin_body (packer, member, BASE_DIGEST_BYTES);
        return packing->failure;
    case WIRE_WORD:
        /*  "unknown" if this version does not know the word that it received: passing a message on must not
            fail. */
        word = wire_choices_word (field->choices, *(const int *) member);
        (void) msgpack_pack_str (packer, strlen (word));
        (void) msgpack_pack_str_body (packer, word, strlen (word));
        return packing->failure;
    case WIRE_PART:
        if (!*(void *const *) member)
            return wire_field_fail (field, -1, error, "is missing");
        return part_pack (field, -1, *(void *const *) member, packing, error);
    }
    return 0;
}

static int record_pack (const struct wire_record *record, const void *message, struct packing *packing,
                        struct base_error *error)
{
    size_t present = 0;
    for (size_t i = 0; i < record->n_fields; i++)
        if (!wire_field_is_absent (&record->fields[i], message))
            present++;
    (void) msgpack_pack_map (&packing->packer, present);
    int r = packing->failure;
    for (size_t i = 0; r == 0 && i < record->n_fields; i++) {
        const struct wire_field *field = &record->fields[i];
        if (wire_field_is_absent (field, message))
            continue;
        (void) msgpack_pack_str (&packing->packer, strlen (field->name));
        (void) msgpack_pack_str_body (&packing->packer, field->name, strlen (field->name));
        r = packing->failure ? packing->failure : field_pack (field, message, packing, error);
    }
    return r;
}

int wire_pack (const struct wire_record *record, const void *message, struct base_buffer *buffer,
               struct base_error *error)
{
    base_assert (record);
    base_assert (message);
    base_assert (buffer);
    struct packing packing = {.buffer = buffer, .begin = buffer->size};
    msgpack_packer_init (&packing.packer, &packing, packing_write);
    int r = record_pack (record, message, &packing, error);
    if (r == 0)
        return 0;
    buffer->size = packing.begin;
    if (r == WIRE_E_TOO_LARGE)
        return base_error_set (error, r, "%s: is larger than a frame of %d bytes", record->name,
                               (int) WIRE_FRAME_MOST);
    if (r == -ENOMEM)
        return base_error_set (error, r, "out of memory");
    return wire_record_fail (record, error, r);
}

struct base_digest wire_digest (const struct wire_record *record, const void *message)
{
    base_assert (record);
    base_assert (message);
    struct base_digest digest = {{0}};
    struct base_buffer buffer = {0};
    if (wire_pack (record, message, &buffer, NULL) == 0)
        digest = base_digest_of (buffer.data, buffer.size);
    base_buffer_deinit (&buffer);
    return digest;
}
