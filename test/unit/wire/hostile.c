/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/wire/hostile.c - received messages that break the rules

    Each is an error, never a crash, and no memory is allocated for data that is not there. */

#include <criterion/criterion.h>

#include <msgpack.h>

#include "base/cleanup.h"
#include "test/lib/random_message.h"
#include "wire/check.h"

/*  How one key of a packed message is changed. */
struct change {
    const char *key;
    int copies;                             /* how often the key occurs: 0, 1 or 2 */
    void (*value) (msgpack_packer *packer); /* packs another value; NULL: the value is kept */
    const struct wire_field *over;          /* not NULL: packs a value by the bound of this field */
    size_t by; /* 0: at the bound; 1: over it; 2: a list with one item over its bound */
};

static void pack_long (msgpack_packer *packer, bool bin, size_t size)
{
    char *text = malloc (size + 1);
    memset (text, 'x', size + 1);
    if (bin) {
        msgpack_pack_bin (packer, size);
        msgpack_pack_bin_body (packer, text, size);
    } else {
        msgpack_pack_str (packer, size);
        msgpack_pack_str_body (packer, text, size);
    }
    free (text);
}

static void pack_items (msgpack_packer *packer, const struct wire_field *field, size_t count)
{
    msgpack_pack_array (packer, count);
    for (size_t i = 0; i < count; i++) {
        if (field->kind != WIRE_PARTS) {
            pack_long (packer, field->kind == WIRE_RAWS, 1);
            continue;
        }
        msgpack_pack_map (packer, 0);
    }
}

static void pack_over (msgpack_packer *packer, const struct change *change)
{
    const struct wire_field *field = change->over;
    switch (field->kind) {
    case WIRE_TEXT:
    case WIRE_RAW:
        pack_long (packer, field->kind == WIRE_RAW, field->most + change->by);
        break;
    case WIRE_UINT:
        msgpack_pack_uint64 (packer, field->most + change->by);
        break;
    case WIRE_DIGEST:
        pack_long (packer, true, BASE_DIGEST_BYTES + change->by);
        break;
    case WIRE_TEXTS:
    case WIRE_RAWS:
        if (change->by == 2) {
            msgpack_pack_array (packer, 1);
            pack_long (packer, field->kind == WIRE_RAWS, field->most + 1);
        } else
            pack_items (packer, field, field->count + change->by);
        break;
    case WIRE_PARTS:
        pack_items (packer, field, field->count + change->by);
        break;
    case WIRE_FLAG:
    case WIRE_WORD:
    case WIRE_PART:
        msgpack_pack_nil (packer);
        break;
    }
}

/*  Packs a valid message that has only the required fields of the record, with one key changed. */
static struct base_buffer message_changed (const struct wire_record *record, const struct change *change)
{
    struct random random = {5};
    void *message = calloc (1, record->size);
    for (size_t i = 0; i < record->n_fields; i++)
        if (record->fields[i].required)
            random_field (&random, &record->fields[i], message);
    struct base_buffer packed = {0}, result = {0};
    struct base_error error;
    cr_assert_eq (wire_pack (record, message, &packed, &error), 0, "%s", error.text);
    wire_deinit (record, message);
    free (message);

    msgpack_unpacked unpacked;
    msgpack_unpacked_init (&unpacked);
    cr_assert_eq (msgpack_unpack_next (&unpacked, (char *) packed.data, packed.size, NULL),
                  MSGPACK_UNPACK_SUCCESS);
    msgpack_sbuffer out;
    msgpack_sbuffer_init (&out);
    msgpack_packer packer;
    msgpack_packer_init (&packer, &out, msgpack_sbuffer_write);
    const msgpack_object_map *map = &unpacked.data.via.map;
    size_t others = 0;
    const msgpack_object *own = NULL;
    for (uint32_t i = 0; i < map->size; i++) {
        const msgpack_object_str *key = &map->ptr[i].key.via.str;
        if (key->size == strlen (change->key) && memcmp (key->ptr, change->key, key->size) == 0)
            own = &map->ptr[i].val;
        else
            others++;
    }
    msgpack_pack_map (&packer, others + (size_t) change->copies);
    for (uint32_t i = 0; i < map->size; i++)
        if (&map->ptr[i].val != own) {
            msgpack_pack_object (&packer, map->ptr[i].key);
            msgpack_pack_object (&packer, map->ptr[i].val);
        }
    for (int i = 0; i < change->copies; i++) {
        msgpack_pack_str_with_body (&packer, change->key, strlen (change->key));
        if (change->over)
            pack_over (&packer, change);
        else if (change->value)
            change->value (&packer);
        else
            msgpack_pack_object (&packer, *own);
    }
    base_buffer_append (&result, out.data, out.size);
    msgpack_sbuffer_destroy (&out);
    msgpack_unpacked_destroy (&unpacked);
    base_buffer_deinit (&packed);
    return result;
}

static int message_unpack (const struct wire_record *record, const struct change *change,
                           struct base_error *error)
{
    struct base_buffer buffer = message_changed (record, change);
    void *message = malloc (record->size);
    void *null = calloc (1, record->size);
    memset (message, 0xee, record->size);
    *error = (struct base_error){0};
    int rc = wire_unpack (record, buffer.data, buffer.size, message, error);
    if (rc == 0)
        wire_deinit (record, message);
    cr_assert_arr_eq (message, null, record->size);
    free (message);
    free (null);
    base_buffer_deinit (&buffer);
    return rc;
}

#define EACH_FIELD(record, field)                                                                            \
    for (size_t i_ = 0; wire_records[i_]; i_++)                                                              \
        for (size_t j_ = 0; j_ < wire_records[i_]->n_fields; j_++)                                           \
            for (const struct wire_record *record = wire_records[i_]; record; record = NULL)                 \
                for (const struct wire_field *field = &record->fields[j_]; field; field = NULL)

Test (hostile, a_missing_required_key_is_named)
{
    EACH_FIELD (record, field)
    {
        struct base_error error;
        int rc = message_unpack (record, &(struct change){.key = field->name, .copies = 0}, &error);
        cr_assert_eq (rc, field->required ? WIRE_E_MALFORMED : 0);
        char wanted[200];
        snprintf (wanted, sizeof wanted, "%s: %s: is missing", record->name, field->name);
        if (field->required)
            cr_assert_str_eq (error.text, wanted);
    }
}

Test (hostile, a_duplicate_key_is_an_error)
{
    EACH_FIELD (record, field)
    {
        struct base_error error;
        struct change change = {.key = field->name, .copies = 2};
        if (!field->required)
            continue;
        cr_assert_eq (message_unpack (record, &change, &error), WIRE_E_MALFORMED);
        cr_assert (strstr (error.text, "is repeated"), "%s", error.text);
    }
}

static void pack_nil (msgpack_packer *packer)
{
    msgpack_pack_nil (packer);
}

static void pack_float (msgpack_packer *packer)
{
    msgpack_pack_double (packer, 1.5);
}

static void pack_negative (msgpack_packer *packer)
{
    msgpack_pack_int (packer, -1);
}

static void pack_ext (msgpack_packer *packer)
{
    msgpack_pack_ext_with_body (packer, "ab", 2, 7);
}

static void pack_nested_array (msgpack_packer *packer)
{
    msgpack_pack_array (packer, 1);
    msgpack_pack_array (packer, 0);
}

static void pack_bytes_with_nul (msgpack_packer *packer)
{
    msgpack_pack_bin_with_body (packer, "a\0b", 3);
}

static void pack_text_with_nul (msgpack_packer *packer)
{
    msgpack_pack_str_with_body (packer, "a\0b", 3);
}

static void pack_invalid_utf8 (msgpack_packer *packer)
{
    msgpack_pack_str_with_body (packer, "a\xc3", 2);
}

static void pack_null_digest (msgpack_packer *packer)
{
    static const char zero[32];
    msgpack_pack_bin_with_body (packer, zero, 32);
}

Test (hostile, nil_is_an_absent_value)
{
    EACH_FIELD (record, field)
    {
        struct base_error error;
        int rc = message_unpack (record, &(struct change){.key = field->name, .copies = 1, .value = pack_nil},
                                 &error);
        cr_assert_eq (rc, field->required ? WIRE_E_MALFORMED : 0, "%s.%s", record->name, field->name);
    }
}

Test (hostile, a_value_of_another_kind_is_an_error)
{
    static void (*const values[]) (msgpack_packer *) = {pack_float, pack_negative, pack_ext,
                                                        pack_nested_array};
    EACH_FIELD (record, field)
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct base_error error;
        struct change change = {.key = field->name, .copies = 1, .value = values[i]};
        cr_assert_eq (message_unpack (record, &change, &error), WIRE_E_MALFORMED, "%s.%s %zu", record->name,
                      field->name, i);
        cr_assert (*error.text);
    }
}

/*  {"failures": [FAILURE, FAILURE]}; the second failure has an integer as its step. */
static const char nested[] = "\x81\xa8"
                             "failures\x92"
                             "\x85\xabtransaction\xa1t\xa4step\xa1s\xa6reason\xa1r\xa4time\xa1t\xa1x\x01"
                             "\x81\xa4step\x07";

Test (hostile, the_error_names_the_path_of_the_field_and_what_is_expected)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *error;
    } cases[] = {
        {"\x81\xa5"
         "epoch\xcb\x40\x08\0\0\0\0\0\0",
         16, "report: epoch: is a float, an unsigned integer is expected"},
        {"\x81\xa5"
         "epoch\xff",
         8, "report: epoch: is a negative integer, an unsigned integer is expected"},
        {"\x81\xa7"
         "attempt\xcd\x03\xe9",
         12, "report: attempt: is 1001, at most 1000 is allowed"},
        {"\x81\xab"
         "application\x90",
         14, "report: application: is an array, a map is expected"},
        {nested, sizeof nested - 1,
         "quarantine: failures[1].step: is an unsigned integer, a str is expected"},
        {"\x81\xab"
         "application\x81\x01\x02",
         16, "report: application.(key): is an unsigned integer, a str is expected"},
        {"\x90", 1, "report: is an array, a map is expected"},
        {"\x81", 1, "report: is not valid msgpack: it declares more items than it has bytes"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        union {
            struct wire_report report;
            struct wire_quarantine quarantine;
        } message;
        struct base_error error = {0};
        const struct wire_record *record =
            strncmp (cases[i].error, "quarantine", 10) == 0 ? &wire_quarantine_record : &wire_report_record;
        cr_assert_eq (wire_unpack (record, cases[i].bytes, cases[i].size, &message, &error),
                      WIRE_E_MALFORMED);
        cr_expect_str_eq (error.text, cases[i].error);
    }
}

Test (hostile, text_is_utf8_without_nul_and_raw_is_without_nul)
{
    EACH_FIELD (record, field)
    {
        struct base_error error;
        if (field->kind == WIRE_TEXT) {
            cr_assert_eq (message_unpack (
                              record, &(struct change){field->name, 1, pack_text_with_nul, NULL, 0}, &error),
                          WIRE_E_MALFORMED);
            cr_assert_eq (
                message_unpack (record, &(struct change){field->name, 1, pack_invalid_utf8, NULL, 0}, &error),
                WIRE_E_MALFORMED);
        }
        if (field->kind == WIRE_TEXT || field->kind == WIRE_RAW || field->kind == WIRE_DIGEST)
            cr_assert_eq (message_unpack (
                              record, &(struct change){field->name, 1, pack_bytes_with_nul, NULL, 0}, &error),
                          WIRE_E_MALFORMED);
        if (field->kind == WIRE_DIGEST)
            cr_assert_eq (
                message_unpack (record, &(struct change){field->name, 1, pack_null_digest, NULL, 0}, &error),
                field->required ? WIRE_E_MALFORMED : 0);
    }
    static const char arrived[] = "\x81\xa4"
                                  "args\x91\xc4\x03"
                                  "a\0b";
    struct wire_envelope envelope;
    struct base_error error;
    cr_assert_eq (wire_unpack (&wire_envelope_record, arrived, sizeof arrived - 1, &envelope, &error),
                  WIRE_E_MALFORMED);
    cr_assert_str_eq (error.text, "envelope: args[0]: has a NUL byte");
}

Test (hostile, each_bound_is_enforced_and_can_be_reached)
{
    EACH_FIELD (record, field)
    {
        struct base_error error;
        bool bounded = field->kind != WIRE_FLAG && field->kind != WIRE_WORD && field->kind != WIRE_PART;
        bool fits = field->kind != WIRE_PARTS; /* empty parts lack their required keys */
        if (!bounded)
            continue;
        struct change change = {.key = field->name, .copies = 1, .over = field, .by = 1};
        cr_assert_eq (message_unpack (record, &change, &error), WIRE_E_MALFORMED, "%s.%s", record->name,
                      field->name);
        cr_assert_eq (strncmp (error.text, record->name, strlen (record->name)), 0);
        cr_assert (strstr (error.text, "at most") || strstr (error.text, "32 bytes"), "%s", error.text);
        change.by = 0;
        if (fits)
            cr_assert_eq (message_unpack (record, &change, &error), 0, "%s", error.text);
        change.by = 2;
        if (field->kind == WIRE_TEXTS || field->kind == WIRE_RAWS)
            cr_assert_eq (message_unpack (record, &change, &error), WIRE_E_MALFORMED);
    }
}

Test (hostile, every_truncated_message_fails_without_a_leak)
{
    struct random random = {6};
    for (size_t i = 0; wire_records[i]; i++) {
        const struct wire_record *record = wire_records[i];
        void *message = calloc (1, record->size);
        base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
        random_message (&random, record, message);
        cr_assert_eq (wire_pack (record, message, &buffer, NULL), 0);
        wire_deinit (record, message);
        for (size_t size = 0; size < buffer.size; size++) {
            /* In memory of exactly this size, so that a sanitizer finds a read past its end. */
            uint8_t *part = malloc (size ? size : 1);
            memcpy (part, buffer.data, size);
            cr_assert_eq (wire_unpack (record, part, size, message, NULL), WIRE_E_MALFORMED, "%s %zu",
                          record->name, size);
            free (part);
        }
        base_buffer_append (&buffer, "\xc0", 1);
        cr_assert_eq (wire_unpack (record, buffer.data, buffer.size, message, NULL), WIRE_E_MALFORMED);
        free (message);
    }
}

Test (hostile, no_flipped_bit_causes_a_crash)
{
    struct random random = {7};
    for (size_t i = 0; wire_records[i]; i++) {
        const struct wire_record *record = wire_records[i];
        void *message = calloc (1, record->size);
        base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
        random_message (&random, record, message);
        cr_assert_eq (wire_pack (record, message, &buffer, NULL), 0);
        wire_deinit (record, message);
        for (size_t at = 0; at < buffer.size; at++)
            for (int bit = 0; bit < 8; bit++) {
                buffer.data[at] ^= (uint8_t) (1 << bit);
                if (wire_unpack (record, buffer.data, buffer.size, message, NULL) == 0)
                    wire_deinit (record, message);
                buffer.data[at] ^= (uint8_t) (1 << bit);
            }
        free (message);
    }
}

static const struct {
    const char *name;
    const char *bytes;
    size_t size;
} headers[] = {
#define BYTES(name, text)                                                                                    \
    {                                                                                                        \
        name, text, sizeof text - 1                                                                          \
    }
    BYTES ("a map of 4G", "\xdf\xff\xff\xff\xff"),
    BYTES ("a map of 64K", "\xde\xff\xff"),
    BYTES ("a map of 15", "\x8f\xa1"
                          "a\xc0"),
    BYTES ("an array of 4G under a known key", "\x81\xa5"
                                               "files\xdd\xff\xff\xff\xff"),
    BYTES ("an array of 64K under a known key", "\x81\xa4"
                                                "args\xdc\xff\xff"),
    BYTES ("an array of 4G under an unknown key", "\x81\xa1?\xdd\xff\xff\xff\xff"),
    BYTES ("a map of 2G, whose doubled count overflows to 0", "\xdf\x80\x00\x00\x00"),
    BYTES ("a str of 4G", "\x81\xdb\xff\xff\xff\xff"),
    BYTES ("a bin of 4G", "\x81\xa1?\xc6\xff\xff\xff\xff"),
    BYTES ("an ext of 4G", "\x81\xa1?\xc9\xff\xff\xff\xff\x01"),
    BYTES ("an ext without its type", "\x81\xa1?\xc7\x00"),
    BYTES ("a fixext that ends", "\x81\xa1?\xd8\x01"
                                 "abc"),
    BYTES ("the byte that msgpack does not use", "\x81\xa1?\xc1"),
    BYTES ("a key that is a number", "\x81\x01\x01"),
    BYTES ("a key that is a map", "\x81\x80\x01"),
    BYTES ("an array", "\x90"),
    BYTES ("a number", "\x01"),
    BYTES ("two values", "\x80\x80"),
    BYTES ("nothing", ""),
#undef BYTES
};

Test (hostile, a_header_with_a_false_size_is_refused_before_allocation)
{
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        struct wire_envelope envelope;
        struct base_error error = {0};
        uint8_t *bytes = malloc (headers[i].size ? headers[i].size : 1);
        memcpy (bytes, headers[i].bytes, headers[i].size);
        cr_assert_eq (wire_unpack (&wire_envelope_record, bytes, headers[i].size, &envelope, &error),
                      WIRE_E_MALFORMED, "%s", headers[i].name);
        cr_assert (*error.text);
        free (bytes);
    }
    cr_assert_str_eq (wire_check ("\x81\xa1?\xdd\xff\xff\xff\xff", 8),
                      "declares more items than it has bytes");
    cr_assert_str_eq (wire_check ("\xdf\x80\x00\x00\x00", 5), "declares more items than it has bytes");
    cr_assert_str_eq (wire_check ("\x80\x80", 2), "continues after its end");
}

Test (hostile, nesting_is_limited)
{
    for (unsigned depth = 1; depth < 40; depth++) {
        for (int map = 0; map < 2; map++) {
            base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
            for (unsigned i = 1; i < depth; i++)
                base_buffer_append (&buffer, map ? "\x81\xa1?" : "\x91", map ? 3 : 1);
            base_buffer_append (&buffer, map ? "\x80" : "\x90", 1);
            const char *fault = wire_check (buffer.data, buffer.size);
            if (depth <= WIRE_DEPTH_MOST)
                cr_assert_null (fault);
            else
                cr_assert_str_eq (fault, "is nested too deep");
        }
    }
}

Test (hostile, unknown_keys_are_skipped_whatever_their_value)
{
    static const char known[] = "\xa4node\xa1n\xa7session\xa1s";
    static const struct {
        const char *bytes;
        size_t size;
    } values[] = {{"\xc0", 1},
                  {"\xc3", 1},
                  {"\x93\x01\x02\x90", 4},
                  {"\x82\x01\x02\xa1x\x80", 6},
                  {"\xcb\0\0\0\0\0\0\0\0", 9},
                  {"\xd4\x05x", 3},
                  {"\xc7\x02\x05xy", 5},
                  {"\xd3\xff\xff\xff\xff\xff\xff\xff\xff", 9},
                  {"\xc4\x02\0\xff", 4},
                  {"\xa2\xff\xff", 3}};
    for (unsigned more = 0; more <= 3000; more = more ? more * 10 : 3) {
        base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
        uint8_t head[3] = {0xde, (uint8_t) ((more + 2) >> 8), (uint8_t) (more + 2)};
        base_buffer_append (&buffer, head, sizeof head);
        for (unsigned i = 0; i < more; i++) {
            base_buffer_append (&buffer, "\xa3new", 4);
            base_buffer_append (&buffer, values[i % 10].bytes, values[i % 10].size);
        }
        base_buffer_append (&buffer, known, sizeof known - 1);
        struct wire_bye bye;
        struct base_error error;
        cr_assert_eq (wire_unpack (&wire_bye_record, buffer.data, buffer.size, &bye, &error), 0, "%s",
                      error.text);
        cr_assert_str_eq (bye.node, "n");
        cr_assert_str_eq (bye.session, "s");
        wire_bye_deinit (&bye);
    }
}

Test (hostile, numbers_are_read_in_any_form_and_packed_in_the_shortest)
{
    static const struct {
        const char *bytes;
        size_t size;
    } forms[] = {{"\x07", 1},
                 {"\xcc\x07", 2},
                 {"\xcd\0\x07", 3},
                 {"\xce\0\0\0\x07", 5},
                 {"\xcf\0\0\0\0\0\0\0\x07", 9},
                 {"\xd0\x07", 2},
                 {"\xd1\0\x07", 3},
                 {"\xd2\0\0\0\x07", 5},
                 {"\xd3\0\0\0\0\0\0\0\x07", 9}};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
        base_cleanup (base_buffer_deinit) struct base_buffer packed = {0};
        base_buffer_append_text (&buffer, "\x82\xa8instance\xa1i\xa8sequence");
        base_buffer_append (&buffer, forms[i].bytes, forms[i].size);
        struct wire_update update;
        struct base_error error;
        cr_assert_eq (wire_unpack (&wire_update_record, buffer.data, buffer.size, &update, &error), 0, "%s",
                      error.text);
        cr_assert_eq (update.sequence, 7);
        cr_assert_eq (wire_pack (&wire_update_record, &update, &packed, NULL), 0);
        cr_assert_eq (packed.data[packed.size - 1], 7);
        cr_assert_eq (packed.data[packed.size - 2], 'e');
        wire_update_deinit (&update);
    }
}

Test (hostile, a_frame_over_the_bound_is_refused_unread)
{
    struct wire_bye bye;
    struct base_error error;
    /* If it were read, a sanitizer or an unmapped page would end the test. */
    cr_assert_eq (wire_unpack (&wire_bye_record, "x", WIRE_FRAME_MOST + 1, &bye, &error), WIRE_E_TOO_LARGE);
    cr_assert_null (bye.node);
}

Test (hostile, random_bytes_do_not_cause_a_crash)
{
    struct random random = {8};
    uint8_t bytes[64];
    for (unsigned round = 0; round < 200000; round++) {
        size_t size = random_below (&random, sizeof bytes);
        for (size_t i = 0; i < size; i++)
            bytes[i] = (uint8_t) (random_next (&random) | (i == 0 ? 0x80 : 0));
        struct wire_bye bye;
        if (wire_unpack (&wire_bye_record, bytes, size, &bye, NULL) == 0)
            wire_bye_deinit (&bye);
    }
}
