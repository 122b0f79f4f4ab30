/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/wire/json.c - messages as JSON and back */

#include <criterion/criterion.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "test/lib/random_message.h"

Test (json, every_record_survives_json)
{
    struct random random = {1};
    for (size_t i = 0; wire_records[i]; i++) {
        const struct wire_record *record = wire_records[i];
        for (int round = 0; round < 60; round++) {
            void *message = calloc (1, record->size);
            void *back = malloc (record->size);
            struct base_error error = {0};
            random_message (&random, record, message);
            base_cleanup (base_free_p) char *text = wire_json (record, message, round & 3);
            cr_assert_not_null (text);
            cr_assert (base_text_is_utf8 (text, strlen (text)));
            bool pretty = (round & 3) & WIRE_JSON_PRETTY;
            cr_assert_eq (text[strlen (text) - 1], pretty ? '\n' : '}');
            cr_assert (pretty || !strchr (text, '\n'));
            cr_assert_eq (wire_json_parse (record, text, strlen (text), back, &error), 0, "%s", error.text);
            cr_assert (wire_equal (record, message, back), "%s", text);
            wire_deinit (record, message);
            wire_deinit (record, back);
            free (message);
            free (back);
        }
    }
}

Test (json, json_is_one_line_in_the_order_of_the_schema)
{
    struct wire_node_event node_event = {.event = WIRE_EVENT_FAILED,
                                         .instance = "i",
                                         .sequence = 3,
                                         .time = "t",
                                         .node = "n\n1",
                                         .reason = "it \"broke\""};
    base_cleanup (base_free_p) char *text = wire_json (&wire_node_event_record, &node_event, 0);
    cr_assert_str_eq (
        text, "{\"event\":\"failed\",\"instance\":\"i\",\"sequence\":3,\"time\":\"t\",\"node\":\"n\\n1\","
              "\"reason\":\"it \\\"broke\\\"\"}");
}

Test (json, complete_json_includes_absent_fields)
{
    struct wire_file file = {.path = "a", .digest.bytes = {1}};
    struct wire_bye bye = {.node = "n", .session = "s"};
    base_cleanup (base_free_p) char *text = wire_json (&wire_file_record, &file, WIRE_JSON_COMPLETE);
    cr_assert (strstr (text, "\"size\":0,\"executable\":false}"), "%s", text);
    base_cleanup (base_free_p) char *other = wire_json (&wire_bye_record, &bye, WIRE_JSON_COMPLETE);
    cr_assert_str_eq (other, "{\"node\":\"n\",\"session\":\"s\",\"reason\":null}");
    struct wire_envelope envelope = {.application = "a", .version = "1"};
    base_cleanup (base_free_p) char *third = wire_json (&wire_envelope_record, &envelope, WIRE_JSON_COMPLETE);
    cr_assert (strstr (third, "\"args\":[],\"env\":[],\"binary\":null,\"size\":0,\"files\":[]}"), "%s",
               third);
}

Test (json, an_array_of_messages_is_a_json_array)
{
    struct wire_bye byes[] = {{.node = "a", .session = "s"}, {.node = "b", .session = "s"}};
    base_cleanup (base_free_p) char *text = wire_json_array (&wire_bye_record, byes, 2, 0);
    cr_assert_str_eq (text, "[{\"node\":\"a\",\"session\":\"s\"},{\"node\":\"b\",\"session\":\"s\"}]");
    base_cleanup (base_free_p) char *none = wire_json_array (&wire_bye_record, NULL, 0, 0);
    cr_assert_str_eq (none, "[]");
}

Test (json, bytes_that_are_not_text_become_base64)
{
    const char *args[] = {"plain \"ä\"", "\xff\xfe", "\n$(x)"};
    struct wire_envelope envelope = {
        .application = "a", .version = "1", .binary.bytes = {1}, .args = args, .n_args = 3};
    base_cleanup (base_free_p) char *text = wire_json (&wire_envelope_record, &envelope, 0);
    cr_assert (strstr (text, "{\"base64\":\"//4=\"}"), "%s", text);
    struct wire_envelope back;
    cr_assert_eq (wire_json_parse (&wire_envelope_record, text, strlen (text), &back, NULL), 0);
    cr_assert (wire_equal (&wire_envelope_record, &envelope, &back));
    wire_envelope_deinit (&back);
}

Test (json, invalid_utf_8_in_a_text_is_replaced)
{
    struct wire_bye bye = {.node = "n",
                           .session = "s",
                           .reason = "a\xff"
                                     "b"};
    base_cleanup (base_free_p) char *text = wire_json (&wire_bye_record, &bye, 0);
    cr_assert_str_eq (text, "{\"node\":\"n\",\"session\":\"s\",\"reason\":\"a?b\"}");
}

Test (json, invalid_json_is_an_error_that_names_the_fault)
{
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"", "bye: is not valid JSON"},
        {"{", "bye: is not valid JSON"},
        {"[]", "bye: is not an object"},
        {"null", "bye: is no"},
        {"{\"node\":\"n\",\"session\":\"s\"} x", "bye: is not valid JSON"},
        {"{\"node\":\"n\",\"node\":\"n\",\"session\":\"s\"}", "bye: is not valid JSON"},
        {"{\"node\":\"n\",\"session\":\"s\",\"other\":1,\"other\":2}", "bye: is not valid JSON"},
        {"{\"node\":\"n\"}", "bye: session: is missing"},
        {"{\"node\":\"n\",\"session\":null}", "bye: session: is missing"},
        {"{\"node\":1,\"session\":\"s\"}", "bye: node: is not a string"},
        {"{\"node\":{\"base64\":\"bg==\"},\"session\":\"s\"}", "bye: node: is not a string"},
        {"{\"node\":\"a\\u0000b\",\"session\":\"s\"}", "bye: is not valid JSON"},
        {"{\"node\":\"\xff\",\"session\":\"s\"}", "bye: is not valid JSON"},
        {"{\"node\":\"12345678901234567890123456789012345678901234567890123456789012345\",\"session\":\"s\"}",
         "bye: node: has 65 bytes, at most 64 are allowed"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct wire_bye bye;
        struct base_error error;
        cr_assert_eq (wire_json_parse (&wire_bye_record, cases[i].text, strlen (cases[i].text), &bye, &error),
                      WIRE_E_MALFORMED, "%s", cases[i].text);
        cr_assert (strstr (error.text, cases[i].error), "%s: %s", cases[i].text, error.text);
        cr_assert_null (bye.node);
    }
}

Test (json, a_value_of_another_kind_is_named)
{
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"{\"size\":-1}", "envelope: size: is not a non-negative integer"},
        {"{\"size\":1.0}", "envelope: size: is not a non-negative integer"},
        {"{\"size\":\"1\"}", "envelope: size: is not a non-negative integer"},
        {"{\"size\":281474976710657}",
         "envelope: size: is 281474976710657, at most 281474976710656 is allowed"},
        {"{\"size\":99999999999999999999}", "envelope: is not valid JSON"},
        {"{\"binary\":\"00\"}", "envelope: binary: is not 64"},
        {"{\"binary\":\"zz00000000000000000000000000000000000000000000000000000000000000\"}",
         "envelope: binary: is not"},
        {"{\"binary\":\"0000000000000000000000000000000000000000000000000000000000000000\"}",
         "envelope: binary: is a digest of zeros"},
        {"{\"args\":\"x\"}", "envelope: args: is not an array"},
        {"{\"args\":[null]}", "envelope: args[0]: is neither a string nor base64"},
        {"{\"args\":[\"\",{\"base64\":\"!\"}]}", "envelope: args[1]: is not base64"},
        {"{\"args\":[{\"base64\":\"AA==\"}]}", "envelope: args[0]: has a NUL"},
        {"{\"args\":[{\"base64\":\"YQ==\",\"x\":1}]}", "envelope: args[0]: is neither a string nor base64"},
        {"{\"files\":[3]}", "envelope: files[0]: is not an object"},
        {"{\"files\":[{\"path\":\"x\",\"executable\":1}]}",
         "envelope: files[0].executable: is not true or false"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct wire_envelope envelope;
        struct base_error error;
        cr_assert_eq (
            wire_json_parse (&wire_envelope_record, cases[i].text, strlen (cases[i].text), &envelope, &error),
            WIRE_E_MALFORMED, "%s", cases[i].text);
        cr_assert (strstr (error.text, cases[i].error), "%s: %s", cases[i].text, error.text);
    }
}

Test (json, unknown_keys_and_words_are_accepted)
{
    static const char text[] = "{\"name\":\"a\",\"new\":{\"x\":[1,2.5,{}]},\"state\":\"levitates\"}";
    struct wire_application application;
    cr_assert_eq (wire_json_parse (&wire_application_record, text, sizeof text - 1, &application, NULL), 0);
    cr_assert_eq (application.state, WIRE_STATE_NULL);
    wire_application_deinit (&application);
}

Test (json, deeply_nested_and_oversize_json_are_errors)
{
    size_t size = 1024 * 1024;
    base_cleanup (base_free_p) char *text = malloc (size + 1);
    memset (text, '[', size + 1);
    struct wire_bye bye;
    cr_assert_eq (wire_json_parse (&wire_bye_record, text, size, &bye, NULL), WIRE_E_MALFORMED);
    cr_assert_eq (wire_json_parse (&wire_bye_record, text, size + 1, &bye, NULL), WIRE_E_TOO_LARGE);
}

Test (json, every_truncated_json_fails)
{
    struct random random = {4};
    struct wire_answer answer = {0}, back;
    random_message (&random, &wire_answer_record, &answer);
    base_cleanup (base_free_p) char *text = wire_json (&wire_answer_record, &answer, 0);
    for (size_t size = 0; size < strlen (text); size++)
        cr_assert_eq (wire_json_parse (&wire_answer_record, text, size, &back, NULL), WIRE_E_MALFORMED);
    wire_answer_deinit (&answer);
}
