/* SPDX-License-Identifier: MPL-2.0 */
/*  wire/wire.h - the messages of schemas/ as checked structs, msgpack and JSON

    For every RECORD and MESSAGE `name` of schemas/ there are

        struct wire_name            one member a field: const char * (TEXT, RAW), const char *const * with
                                    n_field (TEXTS, RAWS), uint64_t, bool, struct base_digest (all zero: absent), enum
                                    wire_CHOICES (0: absent or unknown), struct wire_kind * (PART; NULL:
                                    absent), struct wire_kind * with n_field (PARTS)
        wire_name_record            its description, which all functions below use
        wire_name_deinit (message)  frees what a message owns and makes it null

    Every request of an operator begins with the members of struct wire_request, one that changes something
    with those of struct wire_change, and every answer to one with those of struct wire_answer. So a copy of
    that many bytes (memcpy, not a cast) reads or writes them in any such message.

    A struct whose members are all zero is the null value. An unpacked message owns everything that it points
    to. Its required members are never NULL, an optional text that arrived empty is NULL, and a list of texts
    ends with a NULL. A message to be packed may point to anything: packing only reads it. So
    texts are const in both: one that a message owns is replaced and freed by the functions of wire/text.h.

    Received bytes are data: every length and count is checked against the bytes that are there and against
    the schema before anything is allocated. A frame over WIRE_FRAME_MOST is refused unread. Unknown keys are
    skipped. A repeated key, a missing required key or a value over its bound is an error. */

#ifndef WIRE_WIRE_H
#define WIRE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/digest.h"
#include "base/error.h"

enum {
    WIRE_VERSION = 1,                     /* of the protocol; N and N + 1 understand each other */
    WIRE_PREFIX_SIZE = 4,                 /* 'N' 'D' version type */
    WIRE_FRAME_MOST = 64 * 1024,          /* bytes of a msgpack frame */
    WIRE_CHUNK_MOST = 1024 * 1024,        /* bytes of a payload frame */
    WIRE_DOCUMENT_MOST = 64 * 1024,       /* bytes of a release document */
    WIRE_DEPTH_MOST = 8,                  /* nesting of maps and arrays */
    WIRE_QUARANTINE_MOST = 256,           /* quarantined releases of an application on a node */
    WIRE_ROLE_NAME_MOST = 64,             /* bytes of the name of a role of signed metadata */
    WIRE_METADATA_MOST = 4 * 1024 * 1024, /* bytes of a metadata file */
    WIRE_PART_MOST = 32 * 1024,           /* bytes of a part of one */
    WIRE_PORT_ANNOUNCE = 7670,
    WIRE_PORT_CONTROL = 7671,
    WIRE_PORT_CONTENT = 7672,
    WIRE_PORT_EVENTS = 7673,
    WIRE_REQUESTS_FROM = 64, /* types of requests of operators */
    WIRE_REQUESTS_UNTIL = 127,
};

#define WIRE_SIZE_MOST (UINT64_C (1) << 48)
#define WIRE_EPOCH_MOST (UINT64_C (1) << 62)
#define WIRE_COUNTER_MOST ((UINT64_C (1) << 53) - 1)       /* release-counter of signed metadata */
#define WIRE_LOG_MOST ((UINT64_C (1) << 53) - 1)           /* entries of the log of published releases */
#define WIRE_SPAN_MOST (UINT64_C (366) * 24 * 3600 * 1000) /* milliseconds */

/*  Errors of this room that its callers handle. */
enum {
    WIRE_E_MALFORMED = 1, /* no msgpack, no JSON, or a violation of the schema; the error says where */
    WIRE_E_TOO_LARGE,     /* over WIRE_FRAME_MOST */
    WIRE_E_FOREIGN,       /* not a frame of this protocol: prefix, version, or unknown type */
};

/*  enum wire_state { WIRE_STATE_NULL, WIRE_STATE_IDLE, ... } and so on. */
/* clang-format off */
#define CHOICES(NAME, name, doc) enum wire_##name { WIRE_##NAME##_NULL = 0,
#define CHOICE(NAME, VALUE, word, doc) WIRE_##NAME##_##VALUE,
#define END_CHOICES(NAME, name) WIRE_##NAME##_END };
/* clang-format on */
#include "schemas/choices.def"
#undef CHOICES
#undef CHOICE
#undef END_CHOICES

/*  The word of a choice on the wire ("idle"); "unknown" for 0 and for a value outside the enumeration. And
    back: 0 for an unknown word. */
#define CHOICES(NAME, name, doc)                                                                             \
    const char *wire_##name##_word (enum wire_##name value);                                                 \
    enum wire_##name wire_##name##_parse (const char *word);
#define CHOICE(NAME, VALUE, word, doc)
#define END_CHOICES(NAME, name)
#include "schemas/choices.def"
#undef CHOICES
#undef CHOICE
#undef END_CHOICES

/* clang-format off */
#define RECORD(name, doc) struct wire_##name {
#define MESSAGE(name, type, doc) struct wire_##name {
#define END(name) };
/* clang-format on */
#define TEXT(record, field, most, presence, doc) const char *field;
#define TEXTS(record, field, count, most, doc)                                                               \
    const char *const *field;                                                                                \
    size_t n_##field;
#define RAW(record, field, most, presence, doc) const char *field;
#define RAWS(record, field, count, most, doc)                                                                \
    const char *const *field;                                                                                \
    size_t n_##field;
#define UINT(record, field, most, presence, doc) uint64_t field;
#define FLAG(record, field, doc) bool field;
#define DIGEST(record, field, presence, doc) struct base_digest field;
#define WORD(record, field, choices, presence, doc) enum wire_##choices field;
#define PART(record, field, kind, presence, doc) struct wire_##kind *field;
#define PARTS(record, field, kind, count, doc)                                                               \
    struct wire_##kind *field;                                                                               \
    size_t n_##field;
#include "wire/schema.h"
#include "wire/schema_undef.h"

struct wire_record; /* a record's description; see wire/record.h */

/*  enum { WIRE_TYPE_hello = 1, ... } */
enum wire_type {
    WIRE_TYPE_none = 0,
#define RECORD(name, doc)
#define MESSAGE(name, type, doc) WIRE_TYPE_##name = (type),
#include "wire/schema_names.h"
#include "wire/schema.h"
#include "wire/schema_undef.h"
};

/*  Frees what the message owns and makes it null. */
void wire_deinit (const struct wire_record *record, void *message);

#define RECORD(name, doc)                                                                                    \
    extern const struct wire_record wire_##name##_record;                                                    \
    static inline void wire_##name##_deinit (struct wire_##name *message)                                    \
    {                                                                                                        \
        wire_deinit (&wire_##name##_record, message);                                                        \
    }
#define MESSAGE(name, type, doc) RECORD (name, doc)
#include "wire/schema_names.h"
#include "wire/schema.h"
#include "wire/schema_undef.h"

/*  The description of a message by its type number; wire_request_record for an unknown one from
    WIRE_REQUESTS_FROM to WIRE_REQUESTS_UNTIL; NULL: unknown. */
const struct wire_record *wire_record_of (unsigned type);

/*  Its name ("hello"), its type number (0 for a RECORD), and the size of its struct. */
const char *wire_record_name (const struct wire_record *record);
unsigned wire_record_type (const struct wire_record *record);
size_t wire_record_size (const struct wire_record *record);

/*  What the sender of a request of an operator needs; WIRE_ROLE_NULL: the message is none, or `request`
    itself. */
enum wire_role wire_record_role (const struct wire_record *record);

/*  Whether it is a request that changes something: it begins with the members of struct wire_change. */
bool wire_record_is_change (const struct wire_record *record);

/*  The message that answers a request of an operator; NULL: the message is no request. */
const struct wire_record *wire_record_answer (const struct wire_record *record);

/*  The prefix frame of a message. */
void wire_prefix (const struct wire_record *record, uint8_t ret_prefix[WIRE_PREFIX_SIZE]);

/*  Reads a prefix frame. Accepts WIRE_VERSION and the versions next to it. Returns 0 or WIRE_E_FOREIGN. */
int wire_prefix_read (const void *data, size_t size, const struct wire_record **ret_record);

/*  Appends the message as one msgpack map: fields in the order of the schema, absent ones left out, so that
    equal messages become equal bytes. A required choice without a value is packed as "unknown", so that a
    message of a newer peer can be passed on. Returns 0, -ENOMEM, WIRE_E_TOO_LARGE, or WIRE_E_MALFORMED if the
    message violates its schema; on failure nothing is appended. */
int wire_pack (const struct wire_record *record, const void *message, struct base_buffer *buffer,
               struct base_error *error);

/*  Fills the struct (which need not be initialized) from exactly size bytes. Returns 0, -ENOMEM,
    WIRE_E_MALFORMED or WIRE_E_TOO_LARGE; on failure the struct is null. */
int wire_unpack (const struct wire_record *record, const void *data, size_t size, void *ret_message,
                 struct base_error *error);

/*  Makes a deep copy; the caller owns it. Returns 0 or -ENOMEM. */
int wire_copy (const struct wire_record *record, const void *message, void *ret_copy);

/*  Whether both would be packed as the same bytes. */
bool wire_equal (const struct wire_record *record, const void *a, const void *b);

/*  SHA-256 of the packed form. The digest is null if the message violates its schema. */
struct base_digest wire_digest (const struct wire_record *record, const void *message);

/*  JSON, on the heap, caller owns. Digests are hexadecimal; a RAW that is not UTF-8 is {"base64": "..."}.
    Pretty: indented and with a final newline; else one line without it. `complete` writes absent fields too,
    as null, 0, false or []. Returns NULL if memory is exhausted. */
enum { WIRE_JSON_PRETTY = 1, WIRE_JSON_COMPLETE = 2 };
char *wire_json (const struct wire_record *record, const void *message, int flags);

/*  A JSON array of count consecutive messages. */
char *wire_json_array (const struct wire_record *record, const void *messages, size_t count, int flags);

/*  Parses JSON, with the checks of wire_unpack. Returns 0, -ENOMEM, WIRE_E_MALFORMED or WIRE_E_TOO_LARGE (1
    MiB). */
int wire_json_parse (const struct wire_record *record, const char *text, size_t size, void *ret_message,
                     struct base_error *error);

/*  Whether the text is a JSON object or array. */
bool wire_is_json (const char *text, size_t size);

/*  Appends the reference of all families as Markdown. Returns 0 or -ENOMEM. */
int wire_reference (struct base_buffer *buffer);

#endif
