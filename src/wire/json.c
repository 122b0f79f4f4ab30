/* SPDX-License-Identifier: MPL-2.0 */
/*  wire/json.c - messages as JSON, for people, files and the events channel

    JSON has the same members as msgpack, with the same names and bounds. A digest is 64 hexadecimal
    characters; a RAW is a string, or {"base64": "..."} if its bytes are not UTF-8. */

#include "wire/record.h"

#include <errno.h>
#include <string.h>

#include <jansson.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"

enum { JSON_MOST = 1024 * 1024 };

static void json_free_p (json_t **value)
{
    json_decref (*value);
}

static json_t *record_json (const struct wire_record *record, const void *message, int flags);

/*  A TEXT that is not UTF-8 is still written: each byte above 0x7f becomes '?'. */
static json_t *text_marked (const char *text)
{
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
    for (; *text; text++)
        if (base_buffer_append (&buffer, (*text & 0x80) ? "?" : text, 1))
            return NULL;
    return json_stringn ((const char *) buffer.data, buffer.size);
}

static json_t *text_json (enum wire_kind kind, const char *text)
{
    if (!text)
        return json_null ();
    if (base_text_is_utf8 (text, strlen (text)))
        return json_string (text);
    if (kind == WIRE_TEXT || kind == WIRE_TEXTS)
        return text_marked (text);
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
    if (base_base64_encode (text, strlen (text), &buffer))
        return NULL;
    return json_pack ("{s:s%}", "base64", (char *) buffer.data, buffer.size);
}

static json_t *list_json (const struct wire_field *field, const void *message, int flags)
{
    const void *member = wire_member_const (field, message);
    size_t count = wire_member_count (field, message);
    json_t *list = json_array ();
    for (size_t i = 0; list && i < count; i++) {
        json_t *item;
        if (field->kind == WIRE_PARTS)
            item = record_json (field->part, *(char *const *) member + i * field->part->size, flags);
        else
            item = text_json (field->kind, (*(char **const *) member)[i]);
        if (json_array_append_new (list, item)) {
            json_decref (list);
            return NULL;
        }
    }
    return list;
}

static json_t *field_json (const struct wire_field *field, const void *message, int flags)
{
    const void *member = wire_member_const (field, message);
    char digest[BASE_DIGEST_TEXT];
    switch (field->kind) {
    case WIRE_TEXT:
    case WIRE_RAW:
        return text_json (field->kind, *(char *const *) member);
    case WIRE_TEXTS:
    case WIRE_RAWS:
    case WIRE_PARTS:
        return list_json (field, message, flags);
    case WIRE_UINT:
        return json_integer ((json_int_t) (*(const uint64_t *) member & INT64_MAX));
    case WIRE_FLAG:
        return json_boolean (*(const bool *) member);
    case WIRE_DIGEST:
        return base_digest_is_null (member) ? json_null ()
                                            : json_string (base_digest_format (member, digest));
    case WIRE_WORD:
        if (*(const int *) member == 0 && !field->required)
            return json_null ();
        return json_string (wire_choices_word (field->choices, *(const int *) member));
    case WIRE_PART:
        return *(void *const *) member ? record_json (field->part, *(void *const *) member, flags)
                                       : json_null ();
    }
    return NULL;
}

static json_t *record_json (const struct wire_record *record, const void *message, int flags)
{
    json_t *object = json_object ();
    for (size_t i = 0; object && i < record->n_fields; i++) {
        const struct wire_field *field = &record->fields[i];
        if (!(flags & WIRE_JSON_COMPLETE) && wire_field_is_absent (field, message))
            continue;
        if (json_object_set_new (object, field->name, field_json (field, message, flags))) {
            json_decref (object);
            return NULL;
        }
    }
    return object;
}

static char *json_text (const json_t *value, int flags)
{
    if (!value)
        return NULL;
    if (!(flags & WIRE_JSON_PRETTY))
        return json_dumps (value, JSON_COMPACT);
    base_cleanup (base_free_p) char *text = json_dumps (value, JSON_INDENT (2));
    return text ? base_text_printf ("%s\n", text) : NULL;
}

char *wire_json (const struct wire_record *record, const void *message, int flags)
{
    base_assert (record);
    base_assert (message);
    base_cleanup (json_free_p) json_t *object = record_json (record, message, flags);
    return json_text (object, flags);
}

char *wire_json_array (const struct wire_record *record, const void *messages, size_t count, int flags)
{
    base_assert (record);
    base_assert (messages || count == 0);
    base_cleanup (json_free_p) json_t *list = json_array ();
    for (size_t i = 0; list && i < count; i++)
        if (json_array_append_new (list,
                                   record_json (record, (const char *) messages + i * record->size, flags)))
            return NULL;
    return json_text (list, flags);
}

static int record_parse (const struct wire_record *record, const json_t *object, void *message,
                         struct base_error *error);

static int part_parse (const struct wire_field *field, long index, const json_t *value, void *message,
                       struct base_error *error)
{
    if (!json_is_object (value))
        return wire_field_fail (field, index, error, "is not an object");
    int r = record_parse (field->part, value,
                          wire_field_part (field, message, index < 0 ? 0 : (size_t) index), error);
    return wire_field_within (field, index, error, r);
}

static int text_parse (const struct wire_field *field, long index, const json_t *value, void *message,
                       struct base_error *error)
{
    bool raw = field->kind == WIRE_RAW || field->kind == WIRE_RAWS;
    if (json_is_string (value))
        return wire_field_set_text (field, message, index, json_string_value (value),
                                    json_string_length (value), error);
    const json_t *base64 = raw && json_object_size (value) == 1 ? json_object_get (value, "base64") : NULL;
    if (!json_is_string (base64))
        return wire_field_fail (field, index, error,
                                raw ? "is neither a string nor base64" : "is not a string");
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
    int r = base_base64_decode (json_string_value (base64), &buffer);
    if (r == -ENOMEM)
        return base_error_set (error, r, "out of memory");
    if (r < 0)
        return wire_field_fail (field, index, error, "is not base64");
    return wire_field_set_text (field, message, index, (const char *) buffer.data, buffer.size, error);
}

static int field_parse (const struct wire_field *field, const json_t *value, void *message,
                        struct base_error *error)
{
    struct base_digest digest;
    size_t count;
    int r;

    switch (field->kind) {
    case WIRE_TEXT:
    case WIRE_RAW:
        return text_parse (field, -1, value, message, error);
    case WIRE_TEXTS:
    case WIRE_RAWS:
    case WIRE_PARTS:
        if (!json_is_array (value))
            return wire_field_fail (field, -1, error, "is not an array");
        count = json_array_size (value);
        r = wire_field_set_count (field, message, count, error);
        for (size_t i = 0; r == 0 && i < count; i++) {
            const json_t *item = json_array_get (value, i);
            if (field->kind == WIRE_PARTS)
                r = part_parse (field, (long) i, item, message, error);
            else
                r = text_parse (field, (long) i, item, message, error);
        }
        return r;
    case WIRE_UINT:
        if (!json_is_integer (value) || json_integer_value (value) < 0)
            return wire_field_fail (field, -1, error, "is not a non-negative integer");
        return wire_field_set_uint (field, message, (uint64_t) json_integer_value (value), error);
    case WIRE_FLAG:
        if (!json_is_boolean (value))
            return wire_field_fail (field, -1, error, "is not true or false");
        *(bool *) wire_member (field, message) = json_is_true (value);
        return 0;
    case WIRE_DIGEST:
        if (!json_is_string (value) || base_digest_parse (json_string_value (value), &digest))
            return wire_field_fail (field, -1, error, "is not 64 hexadecimal characters");
        return wire_field_set_digest (field, message, digest.bytes, sizeof digest.bytes, error);
    case WIRE_WORD:
        if (!json_is_string (value))
            return wire_field_fail (field, -1, error, "is not a string");
        return wire_field_set_word (field, message, json_string_value (value), json_string_length (value));
    case WIRE_PART:
        r = wire_field_set_count (field, message, 1, error);
        return r ? r : part_parse (field, -1, value, message, error);
    }
    return 0;
}

static int record_parse (const struct wire_record *record, const json_t *object, void *message,
                         struct base_error *error)
{
    uint64_t seen = 0;
    for (size_t i = 0; i < record->n_fields; i++) {
        const json_t *value = json_object_get (object, record->fields[i].name);
        if (!value || json_is_null (value))
            continue;
        seen |= UINT64_C (1) << i;
        int r = field_parse (&record->fields[i], value, message, error);
        if (r)
            return r;
    }
    return wire_record_check (record, seen, error);
}

int wire_json_parse (const struct wire_record *record, const char *text, size_t size, void *ret_message,
                     struct base_error *error)
{
    base_assert (record);
    base_assert (text || size == 0);
    base_assert (ret_message);
    memset (ret_message, 0, record->size);
    if (size > JSON_MOST)
        return base_error_set (error, WIRE_E_TOO_LARGE, "%s: has %zu bytes of JSON, at most %d are allowed",
                               record->name, size, (int) JSON_MOST);
    json_error_t fault;
    base_cleanup (json_free_p) json_t *object = json_loadb (text, size, JSON_REJECT_DUPLICATES, &fault);
    if (!object && json_error_code (&fault) == json_error_out_of_memory)
        return base_error_set (error, -ENOMEM, "out of memory");
    if (!object)
        return base_error_set (error, WIRE_E_MALFORMED, "%s: is not valid JSON: %s in line %d", record->name,
                               fault.text, fault.line);
    int r = json_is_object (object) ? record_parse (record, object, ret_message, error)
                                    : base_error_set (error, WIRE_E_MALFORMED, "is not an object");
    if (r)
        wire_deinit (record, ret_message);
    return wire_record_fail (record, error, r);
}

bool wire_is_json (const char *text, size_t size)
{
    base_cleanup (json_free_p) json_t *value = size <= JSON_MOST ? json_loadb (text, size, 0, NULL) : NULL;
    return value != NULL;
}
