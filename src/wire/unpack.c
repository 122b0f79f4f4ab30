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

/*  "a str", for an error. */
static const char *value_word (const msgpack_object *value)
{
    switch (value->type) {
    case MSGPACK_OBJECT_NIL:
        return "nil";
    case MSGPACK_OBJECT_BOOLEAN:
        return "a bool";
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        return "an unsigned integer";
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        return "a negative integer";
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
        return "a float";
    case MSGPACK_OBJECT_STR:
        return "a str";
    case MSGPACK_OBJECT_ARRAY:
        return "an array";
    case MSGPACK_OBJECT_MAP:
        return "a map";
    case MSGPACK_OBJECT_BIN:
        return "a bin";
    case MSGPACK_OBJECT_EXT:
        return "an ext";
    }
    return "unknown";
}

static int kind_fail (const struct wire_field *field, long index, const msgpack_object *value,
                      const char *expected, struct base_error *error)
{
    return wire_field_fail (field, index, error, "is %s, %s is expected", value_word (value), expected);
}

static int part_unpack (const struct wire_field *field, long index, const msgpack_object *value,
                        void *message, struct base_error *error)
{
    if (value->type != MSGPACK_OBJECT_MAP)
        return kind_fail (field, index, value, "a map", error);
    int r = record_unpack (field->part, value,
                           wire_field_part (field, message, index < 0 ? 0 : (size_t) index), error);
    return wire_field_within (field, index, error, r);
}

static int strings_unpack (const struct wire_field *field, const msgpack_object *value, void *message,
                           struct base_error *error)
{
    bool text = field->kind == WIRE_TEXTS;
    if (value->type != MSGPACK_OBJECT_ARRAY)
        return kind_fail (field, -1, value, "an array", error);
    int r = wire_field_set_count (field, message, value->via.array.size, error);
    for (uint32_t i = 0; r == 0 && i < value->via.array.size; i++) {
        const msgpack_object *item = &value->via.array.ptr[i];
        if (text && item->type == MSGPACK_OBJECT_STR)
            r = wire_field_set_text (field, message, (long) i, item->via.str.ptr, item->via.str.size, error);
        else if (!text && item->type == MSGPACK_OBJECT_BIN)
            r = wire_field_set_text (field, message, (long) i, item->via.bin.ptr, item->via.bin.size, error);
        else
            r = kind_fail (field, (long) i, item, text ? "a str" : "a bin", error);
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
            return kind_fail (field, -1, value, "a str", error);
        return wire_field_set_text (field, message, -1, value->via.str.ptr, value->via.str.size, error);
    case WIRE_RAW:
        if (value->type != MSGPACK_OBJECT_BIN)
            return kind_fail (field, -1, value, "a bin", error);
        return wire_field_set_text (field, message, -1, value->via.bin.ptr, value->via.bin.size, error);
    case WIRE_TEXTS:
    case WIRE_RAWS:
        return strings_unpack (field, value, message, error);
    case WIRE_UINT:
        if (value->type != MSGPACK_OBJECT_POSITIVE_INTEGER)
            return kind_fail (field, -1, value, "an unsigned integer", error);
        return wire_field_set_uint (field, message, value->via.u64, error);
    case WIRE_FLAG:
        if (value->type != MSGPACK_OBJECT_BOOLEAN)
            return kind_fail (field, -1, value, "a bool", error);
        *(bool *) wire_member (field, message) = value->via.boolean;
        return 0;
    case WIRE_DIGEST:
        if (value->type != MSGPACK_OBJECT_BIN)
            return kind_fail (field, -1, value, "a bin", error);
        return wire_field_set_digest (field, message, value->via.bin.ptr, value->via.bin.size, error);
    case WIRE_WORD:
        if (value->type != MSGPACK_OBJECT_STR)
            return kind_fail (field, -1, value, "a str", error);
        return wire_field_set_word (field, message, value->via.str.ptr, value->via.str.size);
    case WIRE_PART:
        r = wire_field_set_count (field, message, 1, error);
        return r ? r : part_unpack (field, -1, value, message, error);
    case WIRE_PARTS:
        if (value->type != MSGPACK_OBJECT_ARRAY)
            return kind_fail (field, -1, value, "an array", error);
        r = wire_field_set_count (field, message, value->via.array.size, error);
        for (uint32_t i = 0; r == 0 && i < value->via.array.size; i++)
            r = part_unpack (field, (long) i, &value->via.array.ptr[i], message, error);
        return r;
    }
    return 0;
}

static int record_unpack (const struct wire_record *record, const msgpack_object *object, void *message,
                          struct base_error *error)
{
    uint64_t keys = 0, seen = 0; /* keys that were present, and keys with a value: nil is none */
    for (uint32_t i = 0; i < object->via.map.size; i++) {
        const msgpack_object_kv *pair = &object->via.map.ptr[i];
        if (pair->key.type != MSGPACK_OBJECT_STR)
            return base_error_set (error, WIRE_E_MALFORMED, "(key): is %s, a str is expected",
                                   value_word (&pair->key));
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
        return base_error_set (error, WIRE_E_TOO_LARGE, "%s: has %zu bytes, at most %d are allowed",
                               record->name, size, (int) WIRE_FRAME_MOST);
    const char *fault = wire_check (data, size);
    if (fault)
        return base_error_set (error, WIRE_E_MALFORMED, "%s: is not valid msgpack: it %s", record->name,
                               fault);

    base_cleanup (msgpack_unpacked_destroy) msgpack_unpacked unpacked;
    msgpack_unpacked_init (&unpacked);
    size_t end = 0;
    msgpack_unpack_return unpacking = msgpack_unpack_next (&unpacked, data, size, &end);
    if (unpacking == MSGPACK_UNPACK_NOMEM_ERROR)
        return base_error_set (error, -ENOMEM, "out of memory");
    if (unpacking != MSGPACK_UNPACK_SUCCESS || end != size)
        return base_error_set (error, WIRE_E_MALFORMED, "%s: is not valid msgpack", record->name);
    int r = unpacked.data.type == MSGPACK_OBJECT_MAP
                ? record_unpack (record, &unpacked.data, ret_message, error)
                : base_error_set (error, WIRE_E_MALFORMED, "is %s, a map is expected",
                                  value_word (&unpacked.data));
    if (r)
        wire_deinit (record, ret_message);
    return wire_record_fail (record, error, r);
}
