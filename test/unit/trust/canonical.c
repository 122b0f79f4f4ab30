/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/trust/canonical.c - the canonical form */

#include <criterion/criterion.h>

#include "base/cleanup.h"
#include "trust/canonical.h"
#include "trust/errors.h"

static int canonical_is (const char *json, const char *expected)
{
    json_t *value = json_loads (json, JSON_DECODE_ANY, NULL);
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
    cr_assert (value, "%s", json);
    cr_assert_eq (base_buffer_append_text (&buffer, "before"), 0);
    struct base_error error = {0};
    int r = trust_canonical_write (value, &buffer, &error);
    json_decref (value);
    if (r) {
        cr_assert_eq (buffer.size, 6);
        cr_assert (*error.text);
        return r;
    }
    cr_assert_eq (buffer.size, 6 + strlen (expected));
    cr_assert_eq (memcmp (buffer.data + 6, expected, strlen (expected)), 0, "%s", json);
    return 0;
}

Test (canonical, there_is_no_white_space_and_names_are_in_byte_order)
{
    cr_assert_eq (canonical_is ("{ \"b\" : [ 1 , 2 ] , \"a\" : { } }", "{\"a\":{},\"b\":[1,2]}"), 0);
    cr_assert_eq (canonical_is ("{\"a\":1,\"B\":2,\"_\":3,\"aa\":4,\"\":5}",
                                "{\"\":5,\"B\":2,\"_\":3,\"a\":1,\"aa\":4}"),
                  0);
    cr_assert_eq (canonical_is ("{\"\\u00e9\":1,\"z\":2,\"\\ud83d\\ude00\":3,\"\\uffee\":4}",
                                "{\"z\":2,\"\u00e9\":1,\"\uffee\":4,\"\U0001f600\":3}"),
                  0);
}

Test (canonical, only_quotes_and_backslashes_are_escaped)
{
    cr_assert_eq (canonical_is ("\"a\\\"b\\\\c\\/d\\n\\t\\u0001\\u00fc\"", "\"a\\\"b\\\\c/d\n\t\x01\u00fc\""),
                  0);
}

Test (canonical, integers_and_constants_have_one_form)
{
    cr_assert_eq (canonical_is ("[0,-0,-7,9223372036854775807,-9223372036854775808,true,false,null]",
                                "[0,0,-7,9223372036854775807,-9223372036854775808,true,false,null]"),
                  0);
}

Test (canonical, a_float_has_no_canonical_form)
{
    static const char *const texts[] = {"1.0", "1e3", "{\"a\":[0.5]}", "-1E-1"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        cr_assert_eq (canonical_is (texts[i], ""), TRUST_E_FORMAT);
}

Test (canonical, nesting_has_a_limit)
{
    char text[2 * TRUST_DEPTH_MOST + 3];
    for (int depth = TRUST_DEPTH_MOST - 1; depth <= TRUST_DEPTH_MOST + 1; depth++) {
        memset (text, '[', (size_t) depth);
        memset (text + depth, ']', (size_t) depth);
        text[2 * depth] = 0;
        cr_assert_eq (canonical_is (text, text), depth <= TRUST_DEPTH_MOST ? 0 : TRUST_E_FORMAT, "%d", depth);
    }
}
