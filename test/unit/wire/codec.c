/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/wire/codec.c - packing and unpacking of every record; invalid messages are in hostile.c */

#include <criterion/criterion.h>

#include "base/cleanup.h"
#include "test/lib/random_message.h"

enum { ROUNDS = 100 };

Test (codec, every_record_survives_packing_and_unpacking)
{
    struct random random = {1};
    for (size_t i = 0; wire_records[i]; i++) {
        const struct wire_record *record = wire_records[i];
        for (unsigned round = 0; round < ROUNDS; round++) {
            void *message = calloc (1, record->size);
            void *back = malloc (record->size);
            void *copy = malloc (record->size);
            struct base_buffer first = {0}, second = {0}, third = {0};
            struct base_error error = {0};
            random_message (&random, record, message);
            cr_assert_eq (wire_pack (record, message, &first, &error), 0, "%s", error.text);
            cr_assert_eq (wire_unpack (record, first.data, first.size, back, &error), 0, "%s", error.text);
            cr_assert (wire_equal (record, message, back), "%s", record->name);
            cr_assert_eq (wire_pack (record, back, &second, &error), 0);
            cr_assert_eq (first.size, second.size);
            cr_assert_arr_eq (first.data, second.data, first.size);
            cr_assert_eq (wire_copy (record, back, copy), 0);
            wire_deinit (record, back);
            cr_assert_eq (wire_pack (record, copy, &third, &error), 0);
            cr_assert_eq (first.size, third.size);
            cr_assert_arr_eq (first.data, third.data, first.size);
            wire_deinit (record, message);
            wire_deinit (record, copy);
            base_buffer_deinit (&first);
            base_buffer_deinit (&second);
            base_buffer_deinit (&third);
            free (message);
            free (back);
            free (copy);
        }
    }
}

Test (codec, messages_that_differ_in_one_field_are_unequal_and_have_different_digests)
{
    struct random random = {2};
    for (size_t i = 0; wire_records[i]; i++) {
        const struct wire_record *record = wire_records[i];
        for (size_t j = 0; j < record->n_fields; j++) {
            /* A record with only this field, over the same struct. */
            const struct wire_field *field = &record->fields[j];
            struct wire_record one = *record;
            one.fields = field;
            one.n_fields = 1;
            void *message = calloc (1, record->size);
            void *other = calloc (1, record->size);
            random_message (&random, record, message);
            cr_assert_eq (wire_copy (record, message, other), 0);
            cr_assert (wire_equal (record, message, other));
            for (bool differs = false; !differs;) {
                wire_deinit (record, other);
                random_field (&random, field, other);
                differs = !wire_equal (&one, message, other);
                cr_assert_eq (differs, !wire_equal (&one, other, message));
                struct base_digest a = wire_digest (&one, message), b = wire_digest (&one, other);
                cr_assert_eq (differs, !base_digest_equal (&a, &b), "%s.%s", record->name, field->name);
            }
            wire_deinit (record, message);
            wire_deinit (record, other);
            free (message);
            free (other);
        }
    }
}

Test (codec, a_packed_message_equals_the_bytes_of_the_reference)
{
    struct wire_get get = {.offset = 262144, .length = 128};
    memset (get.digest.bytes, 0xab, sizeof get.digest.bytes);
    static const uint8_t head[] = {0x83, 0xa6, 'd', 'i', 'g', 'e', 's', 't', 0xc4, 0x20};
    static const uint8_t tail[] = {0xa6, 'o',  'f', 'f', 's', 'e', 't', 0xce, 0x00, 0x04, 0x00,
                                   0x00, 0xa6, 'l', 'e', 'n', 'g', 't', 'h',  0xcc, 0x80};
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
    cr_assert_eq (wire_pack (&wire_get_record, &get, &buffer, NULL), 0);
    cr_assert_eq (buffer.size, sizeof head + 32 + sizeof tail);
    cr_assert_arr_eq (buffer.data, head, sizeof head);
    cr_assert_arr_eq (buffer.data + sizeof head + 32, tail, sizeof tail);
    uint8_t prefix[WIRE_PREFIX_SIZE];
    wire_prefix (&wire_get_record, prefix);
    cr_assert_arr_eq (prefix, ((uint8_t[]){'N', 'D', 1, 30}), sizeof prefix);
}

Test (codec, packing_appends_and_a_failure_appends_nothing)
{
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
    base_buffer_append_text (&buffer, "before");
    struct wire_bye bye = {.node = "n1"};
    struct base_error error;
    cr_assert_eq (wire_pack (&wire_bye_record, &bye, &buffer, &error), WIRE_E_MALFORMED);
    cr_assert_str_eq (error.text, "bye: session: is missing");
    cr_assert_eq (buffer.size, 6);
    bye.session = "s";
    cr_assert_eq (wire_pack (&wire_bye_record, &bye, &buffer, &error), 0);
    cr_assert_arr_eq (buffer.data, "before\x82\xa4node\xa2n1\xa7session\xa1s", buffer.size);
}

Test (codec, a_message_larger_than_a_frame_is_not_packed)
{
    char text[16000];
    memset (text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    const char *args[] = {text, text, text, text, text};
    struct wire_envelope envelope = {
        .application = "a", .version = "1", .args = args, .n_args = 5, .size = 1};
    envelope.binary.bytes[0] = 1;
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
    struct base_error error;
    cr_assert_eq (wire_pack (&wire_envelope_record, &envelope, &buffer, &error), WIRE_E_TOO_LARGE);
    cr_assert_eq (buffer.size, 0);
    struct base_digest digest = wire_digest (&wire_envelope_record, &envelope);
    cr_assert (base_digest_is_null (&digest));
    envelope.n_args = 4;
    cr_assert_eq (wire_pack (&wire_envelope_record, &envelope, &buffer, &error), 0);
}

Test (codec, packing_checks_the_schema)
{
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
    struct base_error error;
    char id[66];
    memset (id, 'n', sizeof id - 1);
    id[65] = '\0';
    struct wire_bye bye = {.node = id, .session = "s"};
    cr_assert_eq (wire_pack (&wire_bye_record, &bye, &buffer, &error), WIRE_E_MALFORMED);
    cr_assert_str_eq (error.text, "bye: node: has more than 64 bytes");
    id[64] = '\0';
    cr_assert_eq (wire_pack (&wire_bye_record, &bye, &buffer, &error), 0);
    bye.session = "\xff";
    cr_assert_eq (wire_pack (&wire_bye_record, &bye, &buffer, &error), WIRE_E_MALFORMED);
    cr_assert_str_eq (error.text, "bye: session: is not UTF-8");
    struct wire_get get = {.length = WIRE_CHUNK_MOST + 1, .digest.bytes = {1}};
    cr_assert_eq (wire_pack (&wire_get_record, &get, &buffer, &error), WIRE_E_MALFORMED);
    cr_assert_str_eq (error.text, "get: length: is 1048577, at most 1048576 is allowed");
    get = (struct wire_get){.length = 1};
    cr_assert_eq (wire_pack (&wire_get_record, &get, &buffer, &error), WIRE_E_MALFORMED);
    cr_assert_str_eq (error.text, "get: digest: is missing");
    const char *args[257] = {0};
    struct wire_envelope envelope = {
        .application = "a", .version = "1", .binary.bytes = {1}, .args = args, .n_args = 257};
    cr_assert_eq (wire_pack (&wire_envelope_record, &envelope, &buffer, &error), WIRE_E_MALFORMED);
    cr_assert_str_eq (error.text, "envelope: args: has 257 items, at most 256 are allowed");
    envelope.n_args = 1;
    cr_assert_eq (wire_pack (&wire_envelope_record, &envelope, &buffer, &error), WIRE_E_MALFORMED);
    cr_assert_str_eq (error.text, "envelope: args[0]: is missing");
}

Test (codec, an_empty_optional_text_counts_as_absent)
{
    base_cleanup (base_buffer_deinit) struct base_buffer with = {0};
    base_cleanup (base_buffer_deinit) struct base_buffer without = {0};
    struct wire_bye bye = {.node = "n", .session = "s", .reason = ""};
    struct wire_bye same = {.node = "n", .session = "s"};
    cr_assert_eq (wire_pack (&wire_bye_record, &bye, &with, NULL), 0);
    cr_assert_eq (wire_pack (&wire_bye_record, &same, &without, NULL), 0);
    cr_assert_eq (with.size, without.size);
    cr_assert (wire_equal (&wire_bye_record, &bye, &same));
    static const char arrived[] = "\x83\xa4node\xa0\xa7session\xa1s\xa6reason\xa0";
    struct wire_bye back;
    cr_assert_eq (wire_unpack (&wire_bye_record, arrived, sizeof arrived - 1, &back, NULL), 0);
    cr_assert_str_eq (back.node, "");
    cr_assert_null (back.reason);
    wire_bye_deinit (&back);
}

Test (codec, a_list_of_texts_ends_with_null)
{
    struct random random = {3};
    struct wire_hello hello = {0}, back;
    random_message (&random, &wire_hello_record, &hello);
    while (hello.n_tags == 0)
        random_field (&random, wire_record_field (&wire_hello_record, "tags", 4), &hello);
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
    cr_assert_eq (wire_pack (&wire_hello_record, &hello, &buffer, NULL), 0);
    cr_assert_eq (wire_unpack (&wire_hello_record, buffer.data, buffer.size, &back, NULL), 0);
    cr_assert_null (back.tags[back.n_tags]);
    wire_hello_deinit (&back);
    cr_assert_null (back.node);
    cr_assert_eq (back.n_tags, 0);
    wire_hello_deinit (&hello);
}

Test (codec, a_list_is_not_equal_to_its_prefix)
{
    const char *one[] = {"x", NULL}, *two[] = {"x", "y", NULL};
    struct wire_file files[] = {{.path = "a"}, {.path = "b"}};
    struct wire_envelope a = {.args = one, .n_args = 1, .files = files, .n_files = 1}, b = a;
    cr_assert (wire_equal (&wire_envelope_record, &a, &b));
    b.args = two;
    b.n_args = 2;
    cr_assert_not (wire_equal (&wire_envelope_record, &a, &b));
    b = a;
    b.n_files = 2;
    cr_assert_not (wire_equal (&wire_envelope_record, &a, &b));
}

Test (codec, an_unknown_choice_can_be_forwarded)
{
    static const char arrived[] = "\x82\xa4name\xa6"
                                  "appone\xa5state\xa9"
                                  "levitates";
    struct wire_application application, again;
    cr_assert_eq (wire_unpack (&wire_application_record, arrived, sizeof arrived - 1, &application, NULL), 0);
    cr_assert_eq (application.state, WIRE_STATE_NULL);
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
    cr_assert_eq (wire_pack (&wire_application_record, &application, &buffer, NULL), 0);
    cr_assert_eq (wire_unpack (&wire_application_record, buffer.data, buffer.size, &again, NULL), 0);
    cr_assert_eq (again.state, WIRE_STATE_NULL);
    wire_application_deinit (&application);
    wire_application_deinit (&again);
}

Test (codec, every_word_stands_for_one_value)
{
    for (size_t i = 0; wire_all_choices[i]; i++) {
        const struct wire_choices *choices = wire_all_choices[i];
        for (size_t j = 0; j < choices->count; j++) {
            const char *word = choices->choices[j].word;
            cr_assert_eq (wire_choices_parse (choices, word, strlen (word)), (int) j + 1, "%s", word);
            cr_assert_str_eq (wire_choices_word (choices, (int) j + 1), word);
            cr_assert_str_neq (word, "unknown");
        }
        cr_assert_str_eq (wire_choices_word (choices, 0), "unknown");
        cr_assert_str_eq (wire_choices_word (choices, (int) choices->count + 1), "unknown");
        cr_assert_str_eq (wire_choices_word (choices, -1), "unknown");
    }
    cr_assert_eq (wire_state_parse ("trial"), WIRE_STATE_TRIAL);
    cr_assert_eq (wire_state_parse ("trials"), WIRE_STATE_NULL);
    cr_assert_eq (wire_state_parse (""), WIRE_STATE_NULL);
    cr_assert_str_eq (wire_outcome_word (WIRE_OUTCOME_ROLLED_BACK), "rolled-back");
}

Test (codec, a_prefix_is_read_in_this_version_and_the_adjacent_ones)
{
    unsigned messages = 0;
    for (size_t i = 0; wire_records[i]; i++) {
        const struct wire_record *record = wire_records[i], *read = NULL;
        cr_assert_eq (wire_record_type (record), record->type);
        if (!record->type)
            continue;
        messages++;
        uint8_t prefix[WIRE_PREFIX_SIZE];
        wire_prefix (record, prefix);
        for (int version = 0; version < 256; version++) {
            prefix[2] = (uint8_t) version;
            bool near = version >= WIRE_VERSION - 1 && version <= WIRE_VERSION + 1;
            cr_assert_eq (wire_prefix_read (prefix, sizeof prefix, &read), near ? 0 : WIRE_E_FOREIGN);
        }
        cr_assert_eq (read, record);
    }
    cr_assert_gt (messages, 15);
}

Test (codec, an_invalid_prefix_is_foreign)
{
    const struct wire_record *record = &wire_get_record;
    static const char *const foreign[] = {"", "N", "ND\1", "ND\1\1\1", "XD\1\1", "NX\1\1", "ND\1\xff"};
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        cr_assert_eq (wire_prefix_read (foreign[i], strlen (foreign[i]), &record), WIRE_E_FOREIGN, "%zu", i);
    cr_assert_eq (wire_prefix_read ("ND\1\0", 4, &record), WIRE_E_FOREIGN);
    cr_assert_eq (record, &wire_get_record);
}

/*  Whether the fields of record begin with those of head. */
static bool begins_with (const struct wire_record *record, const struct wire_record *head)
{
    for (size_t i = 0; i < head->n_fields; i++)
        if (i >= record->n_fields || strcmp (record->fields[i].name, head->fields[i].name) != 0 ||
            record->fields[i].kind != head->fields[i].kind ||
            record->fields[i].offset != head->fields[i].offset)
            return false;
    return true;
}

Test (codec, every_request_has_a_role_and_begins_as_its_answer_does_like_all_others)
{
    unsigned requests = 0;
    for (size_t i = 0; wire_records[i]; i++) {
        const struct wire_record *record = wire_records[i], *answer = wire_record_answer (record);
        bool in_range = record->type >= WIRE_REQUESTS_FROM && record->type <= WIRE_REQUESTS_UNTIL;
        cr_expect_eq (in_range, answer != NULL, "%s", record->name);
        if (!answer)
            continue;
        requests++;
        /* every role may read signed metadata */
        bool is_public = record == &wire_show_trust_record || record == &wire_read_metadata_record ||
                         record == &wire_read_log_record;
        cr_expect_eq (wire_record_role (record) == WIRE_ROLE_NULL,
                      is_public || record == &wire_request_record, "%s", record->name);
        cr_expect (begins_with (record, &wire_request_record), "%s", record->name);
        cr_expect_eq (begins_with (record, &wire_change_record), wire_record_is_change (record), "%s",
                      record->name);
        if (wire_record_is_change (record))
            cr_expect_neq (wire_record_role (record), WIRE_ROLE_OBSERVER, "%s", record->name);
        cr_expect (begins_with (answer, &wire_answer_record), "%s", answer->name);
    }
    cr_expect_gt (requests, 20);
    cr_expect_eq (wire_record_of (WIRE_REQUESTS_UNTIL), &wire_request_record, "an unknown request");
    cr_expect_null (wire_record_of (WIRE_REQUESTS_FROM - 1));
}
