/* SPDX-License-Identifier: MPL-2.0 */
/*  wire/record.h - descriptions of records for the codecs; only for src/wire and its tests

    record.c and choice.c make everything from schemas/. A codec only walks these tables; it contains no
    message names. */

#ifndef WIRE_RECORD_H
#define WIRE_RECORD_H

#include "wire/wire.h"

enum wire_kind {
    WIRE_TEXT,
    WIRE_TEXTS,
    WIRE_RAW,
    WIRE_RAWS,
    WIRE_UINT,
    WIRE_FLAG,
    WIRE_DIGEST,
    WIRE_WORD,
    WIRE_PART,
    WIRE_PARTS,
};

enum { WIRE_FIELDS_MOST = 64 /* fields of a record: one 64-bit word keeps which keys were seen */ };

struct wire_choice {
    const char *word;
    const char *doc;
};

struct wire_choices {
    const char *name;
    const char *doc;
    const struct wire_choice *choices; /* value i + 1 is at index i */
    size_t count;
};

struct wire_field {
    const char *record;
    const char *name;
    const char *doc;
    enum wire_kind kind;
    bool required;
    size_t offset;   /* of the member in the struct */
    size_t n_offset; /* of its n_ member, if the field is a list */
    uint64_t most;   /* bytes of a text, or of each text of a list; or the highest number */
    size_t count;    /* items of a list, at most */
    const struct wire_record *part;
    const struct wire_choices *choices;
};

struct wire_record {
    const char *name;
    const char *doc;
    unsigned type; /* 0: only part of other records */
    enum wire_role role;
    const struct wire_record *answer; /* NULL: no request of an operator */
    size_t size;                      /* of its struct */
    const struct wire_field *fields;
    size_t n_fields;
};

/*  All records, in the order of wire/schema.h, and all choices; both end with NULL. */
extern const struct wire_record *const wire_records[];
extern const struct wire_choices *const wire_all_choices[];

#define CHOICES(NAME, name, doc) extern const struct wire_choices wire_##name##_choices;
#define CHOICE(NAME, VALUE, word, doc)
#define END_CHOICES(NAME, name)
#include "schemas/choices.def"
#undef CHOICES
#undef CHOICE
#undef END_CHOICES

/*  Returns the value of a word of size bytes; 0 if it is unknown. Returns the word of a value; "unknown" if
    there is none. */
int wire_choices_parse (const struct wire_choices *choices, const char *word, size_t size);
const char *wire_choices_word (const struct wire_choices *choices, int value);

/*  The field with that key, or NULL. */
const struct wire_field *wire_record_field (const struct wire_record *record, const char *key, size_t size);

/*  A member of a message. */
static inline void *wire_member (const struct wire_field *field, void *message)
{
    return (char *) message + field->offset;
}

static inline const void *wire_member_const (const struct wire_field *field, const void *message)
{
    return (const char *) message + field->offset;
}

static inline size_t wire_member_count (const struct wire_field *field, const void *message)
{
    return *(const size_t *) (const void *) ((const char *) message + field->n_offset);
}

/*  Whether the codecs leave the field out: an optional field without a value, or an empty list. */
bool wire_field_is_absent (const struct wire_field *field, const void *message);

/*  Decoders fill a member with these functions: each checks a received value against the schema and stores
    it. The message must be all zero at first. index: of the item in a list, or -1. Return 0, -ENOMEM or
    WIRE_E_MALFORMED. */
int wire_field_set_text (const struct wire_field *field, void *message, long index, const char *data,
                         size_t size, struct base_error *error);
int wire_field_set_uint (const struct wire_field *field, void *message, uint64_t number,
                         struct base_error *error);
int wire_field_set_digest (const struct wire_field *field, void *message, const void *data, size_t size,
                           struct base_error *error);
int wire_field_set_word (const struct wire_field *field, void *message, const char *word, size_t size);

/*  Allocates a PART (count is 1) or a list of count items, all null. */
int wire_field_set_count (const struct wire_field *field, void *message, size_t count,
                          struct base_error *error);

/*  The address of a PART (index 0) or of an item of PARTS. */
void *wire_field_part (const struct wire_field *field, void *message, size_t index);

/*  Checks that no REQUIRED field is missing: bit i of seen stands for field i. */
int wire_record_check (const struct wire_record *record, uint64_t seen, struct base_error *error);

/*  Errors say "RECORD: PATH: WHAT", for example "quarantine: failures[3].step: is missing". The
    decoder of a field sets "FIELD: WHAT". Each record around it puts its own field in front (wire_field_within),
    and the outermost its name (wire_record_fail). index: of the item in a list, or -1. All return
    WIRE_E_MALFORMED, or the r that they were given. */
__attribute__ ((format (printf, 4, 5))) int wire_field_fail (const struct wire_field *field, long index,
                                                             struct base_error *error, const char *format,
                                                             ...);
int wire_field_within (const struct wire_field *field, long index, struct base_error *error, int r);
int wire_record_fail (const struct wire_record *record, struct base_error *error, int r);

#endif
