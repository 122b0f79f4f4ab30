/* SPDX-License-Identifier: MPL-2.0 */
/*  wire/copy.c - deep copies, comparison and release of messages */

#include "wire/record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "wire/text.h"

static void strings_free (char **strings, size_t count)
{
    for (size_t i = 0; strings && i < count; i++)
        free (strings[i]);
    free (strings);
}

void wire_deinit (const struct wire_record *record, void *message)
{
    base_assert (record);
    base_assert (message);
    for (size_t i = 0; i < record->n_fields; i++) {
        const struct wire_field *field = &record->fields[i];
        void *member = wire_member (field, message);
        switch (field->kind) {
        case WIRE_TEXT:
        case WIRE_RAW:
            wire_text_free (member);
            break;
        case WIRE_TEXTS:
        case WIRE_RAWS:
            strings_free (wire_texts_own (*(const char *const **) member),
                          wire_member_count (field, message));
            break;
        case WIRE_PART:
            if (*(void **) member)
                wire_deinit (field->part, *(void **) member);
            free (*(void **) member);
            break;
        case WIRE_PARTS:
            for (size_t j = 0; *(void **) member && j < wire_member_count (field, message); j++)
                wire_deinit (field->part, wire_field_part (field, message, j));
            free (*(void **) member);
            break;
        case WIRE_UINT:
        case WIRE_FLAG:
        case WIRE_DIGEST:
        case WIRE_WORD:
            break;
        }
    }
    memset (message, 0, record->size);
}

static int record_copy (const struct wire_record *record, const void *message, void *copy);

static int field_copy (const struct wire_field *field, const void *message, void *copy)
{
    const void *from = wire_member_const (field, message);
    void *to = wire_member (field, copy);
    const char **list;
    size_t count;
    int r;

    switch (field->kind) {
    case WIRE_TEXT:
    case WIRE_RAW:
        return wire_text_set (to, *(const char *const *) from);
    case WIRE_TEXTS:
    case WIRE_RAWS:
        count = wire_member_count (field, message);
        if (count == 0)
            return 0;
        list = calloc (count + 1, sizeof *list);
        if (!list)
            return -ENOMEM;
        *(const char ***) to = list;
        *(size_t *) (void *) ((char *) copy + field->n_offset) = count;
        for (size_t i = 0; i < count; i++) {
            r = wire_text_set (&list[i], (*(const char *const *const *) from)[i]);
            if (r < 0)
                return r;
        }
        return 0;
    case WIRE_UINT:
        *(uint64_t *) to = *(const uint64_t *) from;
        return 0;
    case WIRE_FLAG:
        *(bool *) to = *(const bool *) from;
        return 0;
    case WIRE_DIGEST:
        *(struct base_digest *) to = *(const struct base_digest *) from;
        return 0;
    case WIRE_WORD:
        *(int *) to = *(const int *) from;
        return 0;
    case WIRE_PART:
        if (!*(void *const *) from)
            return 0;
        *(void **) to = calloc (1, field->part->size);
        if (!*(void **) to)
            return -ENOMEM;
        return record_copy (field->part, *(void *const *) from, *(void **) to);
    case WIRE_PARTS:
        count = wire_member_count (field, message);
        if (count == 0)
            return 0;
        *(void **) to = calloc (count, field->part->size);
        if (!*(void **) to)
            return -ENOMEM;
        *(size_t *) (void *) ((char *) copy + field->n_offset) = count;
        for (size_t i = 0; i < count; i++) {
            r = record_copy (field->part, *(char *const *) from + i * field->part->size,
                             *(char **) to + i * field->part->size);
            if (r < 0)
                return r;
        }
        return 0;
    }
    return 0;
}

static int record_copy (const struct wire_record *record, const void *message, void *copy)
{
    for (size_t i = 0; i < record->n_fields; i++) {
        int r = field_copy (&record->fields[i], message, copy);
        if (r < 0)
            return r;
    }
    return 0;
}

int wire_copy (const struct wire_record *record, const void *message, void *ret_copy)
{
    base_assert (record);
    base_assert (message && ret_copy && message != ret_copy);
    memset (ret_copy, 0, record->size);
    int r = record_copy (record, message, ret_copy);
    if (r < 0)
        wire_deinit (record, ret_copy);
    return r;
}

static bool strings_equal (const char *const *a, const char *const *b, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp (a[i], b[i]) != 0)
            return false;
    return true;
}

static bool field_equal (const struct wire_field *field, const void *a, const void *b)
{
    bool absent = wire_field_is_absent (field, a);
    if (absent || wire_field_is_absent (field, b))
        return absent && wire_field_is_absent (field, b);

    const void *in_a = wire_member_const (field, a);
    const void *in_b = wire_member_const (field, b);
    size_t count;

    switch (field->kind) {
    case WIRE_TEXT:
    case WIRE_RAW: {
        const char *text_a = *(char *const *) in_a;
        const char *text_b = *(char *const *) in_b;
        return text_a && text_b ? strcmp (text_a, text_b) == 0 : text_a == text_b;
    }
    case WIRE_TEXTS:
    case WIRE_RAWS:
        count = wire_member_count (field, a);
        return count == wire_member_count (field, b) &&
               strings_equal (*(const char *const *const *) in_a, *(const char *const *const *) in_b, count);
    case WIRE_UINT:
        return *(const uint64_t *) in_a == *(const uint64_t *) in_b;
    case WIRE_FLAG:
        return *(const bool *) in_a == *(const bool *) in_b;
    case WIRE_DIGEST:
        return base_digest_equal (in_a, in_b);
    case WIRE_WORD:
        return *(const int *) in_a == *(const int *) in_b;
    case WIRE_PART: {
        const void *part_a = *(void *const *) in_a;
        const void *part_b = *(void *const *) in_b;
        return part_a && part_b ? wire_equal (field->part, part_a, part_b) : part_a == part_b;
    }
    case WIRE_PARTS:
        count = wire_member_count (field, a);
        if (count != wire_member_count (field, b))
            return false;
        for (size_t i = 0; i < count; i++)
            if (!wire_equal (field->part, *(char *const *) in_a + i * field->part->size,
                             *(char *const *) in_b + i * field->part->size))
                return false;
        return true;
    }
    return false;
}

bool wire_equal (const struct wire_record *record, const void *a, const void *b)
{
    base_assert (record);
    base_assert (a && b);
    for (size_t i = 0; i < record->n_fields; i++)
        if (!field_equal (&record->fields[i], a, b))
            return false;
    return true;
}
