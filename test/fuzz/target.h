/* SPDX-License-Identifier: MPL-2.0 */
/*  test/fuzz/target.h - functions shared by the fuzz targets */

#ifndef TEST_FUZZ_TARGET_H
#define TEST_FUZZ_TARGET_H

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "wire/envelope.h"
#include "wire/record.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/*  An assertion that is active in every build, also with NDEBUG. */
#define fuzz_assert(condition) ((condition) ? (void) 0 : fuzz_fail (__FILE__, __LINE__, #condition))

static inline void fuzz_fail (const char *file, int line, const char *condition)
{
    (void) fprintf (stderr, "%s:%d: %s does not hold\n", file, line, condition);
    abort ();
}

static inline const struct wire_record *fuzz_record (uint8_t choice)
{
    size_t count = 1; /* there is at least one */
    while (wire_records[count])
        count++;
    return wire_records[choice % count];
}

/*  Memory for a message, filled with garbage. The caller frees it. */
static inline void *fuzz_message (const struct wire_record *record)
{
    void *message = malloc (record->size);
    fuzz_assert (message);
    return memset (message, 0xee, record->size);
}

static inline bool fuzz_is_null (const struct wire_record *record, const void *message)
{
    for (size_t i = 0; i < record->size; i++)
        if (((const uint8_t *) message)[i])
            return false;
    return true;
}

static inline void fuzz_round_trip_msgpack (const struct wire_record *record, const void *message)
{
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0}, again = {0};
    void *back = fuzz_message (record);
    /*  A message from JSON may be too large for a frame; also, "unknown" may be longer than the word that it
        replaces. */
    int rc = wire_pack (record, message, &buffer, NULL);
    fuzz_assert (rc == 0 || rc == WIRE_E_TOO_LARGE);
    if (rc == 0) {
        fuzz_assert (wire_unpack (record, buffer.data, buffer.size, back, NULL) == 0);
        fuzz_assert (wire_equal (record, message, back));
        fuzz_assert (wire_pack (record, back, &again, NULL) == 0);
        fuzz_assert (buffer.size == again.size && memcmp (buffer.data, again.data, again.size) == 0);
        wire_deinit (record, back);
    }
    base_buffer_deinit (&again);
    free (back);
}

static inline void fuzz_round_trip_json (const struct wire_record *record, const void *message, int flags)
{
    void *back = fuzz_message (record);
    base_cleanup (base_free_p) char *text = wire_json (record, message, flags);
    fuzz_assert (text);
    int rc = wire_json_parse (record, text, strlen (text), back, NULL);
    fuzz_assert (rc == 0 || (rc == WIRE_E_TOO_LARGE && strlen (text) > 1024 * 1024));
    if (rc == 0) {
        fuzz_assert (wire_equal (record, message, back));
        wire_deinit (record, back);
    }
    free (back);
}

/*  Checks that copies and both encodings give an equal message. Releases the message's content. */
static inline void fuzz_round_trip (const struct wire_record *record, void *message)
{
    void *copy = fuzz_message (record);
    fuzz_assert (wire_copy (record, message, copy) == 0);
    fuzz_assert (wire_equal (record, message, copy));
    wire_deinit (record, copy);
    free (copy);
    fuzz_round_trip_msgpack (record, message);
    fuzz_round_trip_json (record, message, 0);
    fuzz_round_trip_json (record, message, WIRE_JSON_PRETTY | WIRE_JSON_COMPLETE);
    if (record == &wire_envelope_record) {
        (void) wire_envelope_check (message, NULL);
        (void) wire_envelope_release_digest (message);
    } else if (record == &wire_release_record) {
        (void) wire_release_check (message, NULL);
        (void) wire_release_digest (message, NULL);
        (void) wire_release_match (message, "linux/amd64");
    }
    wire_deinit (record, message);
}

#endif
