/* SPDX-License-Identifier: MPL-2.0 */
/*  wire/unpack.c - from msgpack to a checked message */

#include "wire/record.h"

#include <errno.h>
#include <string.h>

#include <msgpack.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "wire/check.h"

static int record_unpack (const struct wire_record *record, const msgpack_object *object, void *message,
                          struct base_error *error);

static int strings_unpack (const struct wire_field *field, const msgpack_object *value, void *message,
                           struct base_error *error)
{
    bool text = field->kind == WIRE_TEXTS;
    if (value->type != MSGPACK_OBJECT_ARRAY)
        return wire_field_fail (field, -1, error, "is not an array");
    int r = wire_field_set_count (field, message, value->via.array.size, error);
    for (uint32_t i = 0; r == 0 && i < value->via.array.size; i++) {
        const msgpack_object *item = &value->via.array.ptr[i];
        if (text && item->type == MSGPACK_OBJECT_STR)
            r = wire_field_set_text (field, message, (long) i, item->via.str.ptr, item->via.str.size, error);
        else if (!text && item->type == MSGPACK_OBJECT_BIN)
            r = wire_field_set_text (field, message, (long) i, item->via.bin.ptr, item->via.bin.size, error);
        else
            r = wire_field_fail (field, (long) i, error, text ? "is not a str" : "is not a bin");
    }
    return r;
}

static int field_unpack (const struct wire_field *field, const msgpack_object *value, void *message,
                         struct base_error *error)
{
    int r;
    switch (field->kind) {
    case WIRE_TEXT:
        if (value->type != MSGPACK_OBJECT_STR)
            return wire_field_fail (field, -1, error, "is not a str");
        return wire_field_set_text (field, message, -1, value->via.str.ptr, value->via.str.size, error);
    case WIRE_RAW:
        if (value->type != MSGPACK_OBJECT_BIN)
            return wire_field_fail (field, -1, error, "is not a bin");
        return wire_field_set_text (field, message, -1, value->via.bin.ptr, value->via.bin.size, error);
    case WIRE_TEXTS:
    case WIRE_RAWS:
        return strings_unpack (field, value, message, error);
    case WIRE_UINT:
        if (value->type != MSGPACK_OBJECT_POSITIVE_INTEGER)
            return wire_field_fail (field, -1, error, "is not a non-negative integer");
        return wire_field_set_uint (field, message, value->via.u64, error);
    case WIRE_FLAG:
        if (value->type != MSGPACK_OBJECT_BOOLEAN)
            return wire_field_fail (field, -1, error, "is not a bool");
        *(bool *) wire_member (field, message) = value->via.boolean;
        return 0;
    case WIRE_DIGEST:
        if (value->type != MSGPACK_OBJECT_BIN)
            return wire_field_fail (field, -1, error, "is not a bin");
        return wire_field_set_digest (field, message, value->via.bin.ptr, value->via.bin.size, error);
    case WIRE_WORD:
        if (value->type != MSGPACK_OBJECT_STR)
            return wire_field_fail (field, -1, error, "is not a str");
        return wire_field_set_word (field, message, value->via.str.ptr, value->via.str.size);
    case WIRE_PART:
        r = wire_field_set_count (field, message, 1, error);
        if (r)
            return r;
        return record_unpack (field->part, value, wire_field_part (field, message, 0), error);
    case WIRE_PARTS:
        if (value->type != MSGPACK_OBJECT_ARRAY)
            return wire_field_fail (field, -1, error, "is not an array");
        r = wire_field_set_count (field, message, value->via.array.size, error);
        for (uint32_t i = 0; r == 0 && i < value->via.array.size; i++)
            r = record_unpack (field->part, &value->via.array.ptr[i], wire_field_part (field, message, i),
                               error);
        return r;
    }
    return 0;
}

static int record_unpack (const struct wire_record *record, const msgpack_object *object, void *message,
                          struct base_error *error)
{
    uint64_t keys = 0, seen = 0; /* keys that were present, and keys with a value: nil is none */
    if (object->type != MSGPACK_OBJECT_MAP)
        return base_error_set (error, WIRE_E_MALFORMED, "%s is not a map", record->name);
    for (uint32_t i = 0; i < object->via.map.size; i++) {
        const msgpack_object_kv *pair = &object->via.map.ptr[i];
        if (pair->key.type != MSGPACK_OBJECT_STR)
            return base_error_set (error, WIRE_E_MALFORMED, "%s has a key that is not a str", record->name);
        const struct wire_field *field =
            wire_record_field (record, pair->key.via.str.ptr, pair->key.via.str.size);
        if (!field)
            continue;
        uint64_t bit = UINT64_C (1) << (field - record->fields);
        if (keys & bit)
            return wire_field_fail (field, -1, error, "is repeated");
        keys |= bit;
        if (pair->val.type == MSGPACK_OBJECT_NIL)
            continue;
        seen |= bit;
        int r = field_unpack (field, &pair->val, message, error);
        if (r)
            return r;
    }
    return wire_record_check (record, seen, error);
}

int wire_unpack (const struct wire_record *record, const void *data, size_t size, void *ret_message,
                 struct base_error *error)
{
    base_assert (record);
    base_assert (data || size == 0);
    base_assert (ret_message);
    memset (ret_message, 0, record->size);
    if (size > WIRE_FRAME_MOST)
        return base_error_set (error, WIRE_E_TOO_LARGE, "%s has %zu bytes, %d are allowed", record->name,
                               size, (int) WIRE_FRAME_MOST);
    const char *fault = wire_check (data, size);
    if (fault)
        return base_error_set (error, WIRE_E_MALFORMED, "%s is not valid msgpack: it %s", record->name,
                               fault);

    base_cleanup (msgpack_unpacked_destroy) msgpack_unpacked unpacked;
    msgpack_unpacked_init (&unpacked);
    size_t end = 0;
    msgpack_unpack_return unpacking = msgpack_unpack_next (&unpacked, data, size, &end);
    if (unpacking == MSGPACK_UNPACK_NOMEM_ERROR)
        return base_error_set (error, -ENOMEM, "out of memory");
    if (unpacking != MSGPACK_UNPACK_SUCCESS || end != size)
        return base_error_set (error, WIRE_E_MALFORMED, "%s is not valid msgpack", record->name);
    int r = record_unpack (record, &unpacked.data, ret_message, error);
    if (r)
        wire_deinit (record, ret_message);
    return r;
}
