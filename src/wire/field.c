/* SPDX-License-Identifier: MPL-2.0 */
/*  wire/field.c - checks a decoded value against the schema and stores it in its member

    Shared by the decoders of msgpack and JSON, so that both enforce the same bounds. */

#include "wire/record.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/text.h"

static bool field_is_text (const struct wire_field *field)
{
    return field->kind == WIRE_TEXT || field->kind == WIRE_TEXTS || field->kind == WIRE_RAW ||
           field->kind == WIRE_RAWS;
}

static bool field_is_list_or_part (const struct wire_field *field)
{
    return field->kind == WIRE_TEXTS || field->kind == WIRE_RAWS || field->kind == WIRE_PART ||
           field->kind == WIRE_PARTS;
}

int wire_field_fail (const struct wire_field *field, long index, struct base_error *error, const char *format,
                     ...)
{
    base_assert (field && format);
    char what[200];
    va_list arguments;
    va_start (arguments, format);
    (void) vsnprintf (what, sizeof what, format, arguments);
    va_end (arguments);
    if (index < 0)
        return base_error_set (error, WIRE_E_MALFORMED, "%s: %s", field->name, what);
    return base_error_set (error, WIRE_E_MALFORMED, "%s[%ld]: %s", field->name, index, what);
}

int wire_field_within (const struct wire_field *field, long index, struct base_error *error, int r)
{
    if (!error || r != WIRE_E_MALFORMED)
        return r;
    const struct base_error inner = *error;
    if (index < 0)
        return base_error_set (error, r, "%s.%s", field->name, inner.text);
    return base_error_set (error, r, "%s[%ld].%s", field->name, index, inner.text);
}

int wire_record_fail (const struct wire_record *record, struct base_error *error, int r)
{
    return error && r == WIRE_E_MALFORMED ? base_error_prefix (error, "%s", record->name) : r;
}

bool wire_field_is_absent (const struct wire_field *field, const void *message)
{
    base_assert (field);
    base_assert (message);
    const void *member = wire_member_const (field, message);
    switch (field->kind) {
    case WIRE_TEXTS:
    case WIRE_RAWS:
    case WIRE_PARTS:
        return wire_member_count (field, message) == 0;
    case WIRE_FLAG:
        return !*(const bool *) member;
    case WIRE_TEXT:
    case WIRE_RAW:
        return !field->required && (!*(char *const *) member || !**(char *const *) member);
    case WIRE_UINT:
        return !field->required && *(const uint64_t *) member == 0;
    case WIRE_DIGEST:
        return !field->required && base_digest_is_null (member);
    case WIRE_WORD:
        return !field->required && *(const int *) member == 0;
    case WIRE_PART:
        return !field->required && !*(void *const *) member;
    }
    return true;
}

int wire_field_set_text (const struct wire_field *field, void *message, long index, const char *data,
                         size_t size, struct base_error *error)
{
    base_assert (field && message);
    base_assert (field_is_text (field));
    base_assert (data || size == 0);
    const char **member = wire_member (field, message);
    if (size > field->most)
        return wire_field_fail (field, index, error, "has %zu bytes, at most %" PRIu64 " are allowed", size,
                                field->most);
    bool text = field->kind == WIRE_TEXT || field->kind == WIRE_TEXTS;
    if (text && !base_text_is_utf8 (data, size))
        return wire_field_fail (field, index, error, "is not UTF-8, or has a NUL byte");
    if (!text && size && memchr (data, '\0', size))
        return wire_field_fail (field, index, error, "has a NUL byte");
    /*  An empty optional text and an absent one mean the same: they become equal structs. */
    if (index < 0 && size == 0 && !field->required)
        return 0;
    char *copy = malloc (size + 1);
    if (!copy)
        return base_error_set (error, -ENOMEM, "out of memory");
    if (size)
        memcpy (copy, data, size);
    copy[size] = '\0';
    if (index < 0)
        *member = copy;
    else
        (*(const char ***) (void *) member)[index] = copy;
    return 0;
}

int wire_field_set_uint (const struct wire_field *field, void *message, uint64_t number,
                         struct base_error *error)
{
    base_assert (field && field->kind == WIRE_UINT);
    base_assert (message);
    if (number > field->most)
        return wire_field_fail (field, -1, error, "is %" PRIu64 ", at most %" PRIu64 " is allowed", number,
                                field->most);
    *(uint64_t *) wire_member (field, message) = number;
    return 0;
}

int wire_field_set_digest (const struct wire_field *field, void *message, const void *data, size_t size,
                           struct base_error *error)
{
    base_assert (field && field->kind == WIRE_DIGEST);
    base_assert (message);
    base_assert (data || size == 0);
    struct base_digest *member = wire_member (field, message);
    if (size != BASE_DIGEST_BYTES)
        return wire_field_fail (field, -1, error, "has %zu bytes, a digest has 32 bytes", size);
    memcpy (member->bytes, data, size);
    if (field->required && base_digest_is_null (member))
        return wire_field_fail (field, -1, error,
                                "is a digest of zeros, which means absent, and is required");
    return 0;
}

int wire_field_set_word (const struct wire_field *field, void *message, const char *word, size_t size)
{
    base_assert (field && field->kind == WIRE_WORD);
    base_assert (message);
    *(int *) wire_member (field, message) = wire_choices_parse (field->choices, word, size);
    return 0;
}

int wire_field_set_count (const struct wire_field *field, void *message, size_t count,
                          struct base_error *error)
{
    base_assert (field && field_is_list_or_part (field));
    base_assert (message);
    void **member = wire_member (field, message);
    void *list = NULL;
    if (field->kind == WIRE_PART)
        list = calloc (1, field->part->size);
    else {
        if (count > field->count)
            return wire_field_fail (field, -1, error, "has %zu items, at most %zu are allowed", count,
                                    field->count);
        if (count == 0)
            return 0;
        if (field->kind == WIRE_PARTS)
            list = calloc (count, field->part->size);
        else
            list = calloc (count + 1, sizeof (char *));
    }
    if (!list)
        return base_error_set (error, -ENOMEM, "out of memory");
    *member = list;
    if (field->kind != WIRE_PART)
        *(size_t *) (void *) ((char *) message + field->n_offset) = count;
    return 0;
}

void *wire_field_part (const struct wire_field *field, void *message, size_t index)
{
    base_assert (field && (field->kind == WIRE_PART || field->kind == WIRE_PARTS));
    base_assert (message);
    base_assert (index == 0 || index < wire_member_count (field, message));
    return *(char **) wire_member (field, message) + index * field->part->size;
}

int wire_record_check (const struct wire_record *record, uint64_t seen, struct base_error *error)
{
    base_assert (record);
    for (size_t i = 0; i < record->n_fields; i++)
        if (record->fields[i].required && !(seen & UINT64_C (1) << i))
            return wire_field_fail (&record->fields[i], -1, error, "is missing");
    return 0;
}
