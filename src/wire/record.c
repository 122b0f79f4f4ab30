/* SPDX-License-Identifier: MPL-2.0 */
/*  wire/record.c - the descriptions of all records, made from schemas/, and lookups in them */

#include "wire/record.h"

#include <stddef.h>
#include <string.h>

enum { OPTIONAL = 0, REQUIRED = 1 };

#define FIELD(record_, field_, kind_, doc_, ...)                                                             \
    {.record = #record_,                                                                                     \
     .name = #field_,                                                                                        \
     .doc = doc_,                                                                                            \
     .kind = kind_,                                                                                          \
     .offset = offsetof (struct wire_##record_, field_),                                                     \
     __VA_ARGS__},
#define COUNTED(record_, field_) .n_offset = offsetof (struct wire_##record_, n_##field_)

#define RECORD(name, doc) static const struct wire_field fields_of_##name[] = {
#define MESSAGE(name, type, doc) RECORD (name, doc)
/* clang-format off */
#define END(name)                                                                                            \
    };                                                                                                       \
    _Static_assert (sizeof fields_of_##name / sizeof *fields_of_##name <= WIRE_FIELDS_MOST, #name);
/* clang-format on */
#define TEXT(record, field, most_, presence, doc)                                                            \
    FIELD (record, field, WIRE_TEXT, doc, .most = (most_), .required = (presence))
#define TEXTS(record, field, count_, most_, doc)                                                             \
    FIELD (record, field, WIRE_TEXTS, doc, .most = (most_), .count = (count_), COUNTED (record, field))
#define RAW(record, field, most_, presence, doc)                                                             \
    FIELD (record, field, WIRE_RAW, doc, .most = (most_), .required = (presence))
#define RAWS(record, field, count_, most_, doc)                                                              \
    FIELD (record, field, WIRE_RAWS, doc, .most = (most_), .count = (count_), COUNTED (record, field))
#define UINT(record, field, most_, presence, doc)                                                            \
    FIELD (record, field, WIRE_UINT, doc, .most = (most_), .required = (presence))
#define FLAG(record, field, doc) FIELD (record, field, WIRE_FLAG, doc, .required = false)
#define DIGEST(record, field, presence, doc) FIELD (record, field, WIRE_DIGEST, doc, .required = (presence))
#define WORD(record, field, choices_, presence, doc)                                                         \
    FIELD (record, field, WIRE_WORD, doc, .choices = &wire_##choices_##_choices, .required = (presence))
#define PART(record, field, kind_, presence, doc)                                                            \
    FIELD (record, field, WIRE_PART, doc, .part = &wire_##kind_##_record, .required = (presence))
#define PARTS(record, field, kind_, count_, doc)                                                             \
    FIELD (record, field, WIRE_PARTS, doc, .part = &wire_##kind_##_record, .count = (count_),                \
           COUNTED (record, field))
#include "base/assert.h"
#include "wire/schema.h"
#include "wire/schema_undef.h"

#define DESCRIBE(name_, type_, doc_, ...)                                                                    \
    const struct wire_record wire_##name_##_record = {.name = #name_,                                        \
                                                      .doc = doc_,                                           \
                                                      .type = type_,                                         \
                                                      .size = sizeof (struct wire_##name_),                  \
                                                      .fields = fields_of_##name_,                           \
                                                      .n_fields = sizeof fields_of_##name_ /                 \
                                                                  sizeof *fields_of_##name_,                 \
                                                      __VA_ARGS__};
#define RECORD(name, doc) DESCRIBE (name, 0, doc)
#define MESSAGE(name, type, doc) DESCRIBE (name, type, doc)
#define REQUEST(name, type, role_, answer_, doc)                                                             \
    DESCRIBE (name, type, doc, .role = WIRE_ROLE_##role_, .answer = &wire_##answer_##_record)
#include "wire/schema_names.h"
#include "wire/schema.h"
#include "wire/schema_undef.h"
#undef REQUEST

const struct wire_record *const wire_records[] = {
#define RECORD(name, doc) &wire_##name##_record,
#define MESSAGE(name, type, doc) &wire_##name##_record,
#include "wire/schema_names.h"
#include "wire/schema.h"
#include "wire/schema_undef.h"
    NULL,
};

const struct wire_record *wire_record_of (unsigned type)
{
    switch (type) {
#define RECORD(name, doc)
#define MESSAGE(name, type, doc)                                                                             \
    case type:                                                                                               \
        return &wire_##name##_record;
#include "wire/schema_names.h"
#include "wire/schema.h"
#include "wire/schema_undef.h"
    default:
        return type >= WIRE_REQUESTS_FROM && type <= WIRE_REQUESTS_UNTIL ? &wire_request_record : NULL;
    }
}

enum wire_role wire_record_role (const struct wire_record *record)
{
    return record->role;
}

bool wire_record_is_change (const struct wire_record *record)
{
    base_assert (record);
    const struct wire_record *change = &wire_change_record;

    return record->answer && record->n_fields >= change->n_fields &&
           strcmp (record->fields[change->n_fields - 1].name, change->fields[change->n_fields - 1].name) == 0;
}

const struct wire_record *wire_record_answer (const struct wire_record *record)
{
    return record->answer;
}

const char *wire_record_name (const struct wire_record *record)
{
    base_assert (record);
    return record->name;
}

unsigned wire_record_type (const struct wire_record *record)
{
    base_assert (record);
    return record->type;
}

size_t wire_record_size (const struct wire_record *record)
{
    base_assert (record);
    return record->size;
}

const struct wire_field *wire_record_field (const struct wire_record *record, const char *key, size_t size)
{
    base_assert (record);
    base_assert (key || size == 0);
    for (size_t i = 0; i < record->n_fields; i++)
        if (strlen (record->fields[i].name) == size && memcmp (record->fields[i].name, key, size) == 0)
            return &record->fields[i];
    return NULL;
}

void wire_prefix (const struct wire_record *record, uint8_t ret_prefix[WIRE_PREFIX_SIZE])
{
    base_assert (record);
    base_assert (ret_prefix);
    ret_prefix[0] = 'N';
    ret_prefix[1] = 'D';
    ret_prefix[2] = WIRE_VERSION;
    ret_prefix[3] = (uint8_t) record->type;
}

int wire_prefix_read (const void *data, size_t size, const struct wire_record **ret_record)
{
    base_assert (data || size == 0);
    base_assert (ret_record);
    const uint8_t *prefix = data;
    if (size != WIRE_PREFIX_SIZE || prefix[0] != 'N' || prefix[1] != 'D')
        return WIRE_E_FOREIGN;
    if (prefix[2] + 1 < WIRE_VERSION || prefix[2] > WIRE_VERSION + 1)
        return WIRE_E_FOREIGN;
    const struct wire_record *record = wire_record_of (prefix[3]);
    if (!record)
        return WIRE_E_FOREIGN;
    *ret_record = record;
    return 0;
}
