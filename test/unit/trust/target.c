/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/trust/target.c - what metadata says about a file */

#include <criterion/criterion.h>

#include "base/cleanup.h"
#include "trust/errors.h"
#include "trust/target.h"

#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static int target_read (const char *path, const char *json, struct trust_target *target)
{
    json_t *value = json_loads (json, JSON_DECODE_ANY, NULL);
    struct base_error error = {0};
    int r = trust_target_read (path, value, target, &error);
    json_decref (value);
    cr_assert_eq (r != 0, *error.text != 0);
    return r;
}

Test (target, its_length_and_hashes_are_checked)
{
    base_cleanup (trust_target_deinit) struct trust_target target = {0}, copy = {0};
    cr_assert_eq (target_read ("a/b",
                               "{\"length\":3,\"hashes\":{\"sha256\":\"" ABC "\"},\"custom\":{\"n\":1}}",
                               &target),
                  0);
    cr_assert_eq (trust_target_copy (&target, &copy), 0);
    cr_assert_str_eq (copy.path, "a/b");
    cr_assert_eq (json_integer_value (json_object_get (copy.custom, "n")), 1);
    cr_assert_eq (trust_target_check (&copy, "abc", 3, NULL), 0);
    cr_assert_eq (trust_target_check (&copy, "abd", 3, NULL), TRUST_E_HASH);
    cr_assert_eq (trust_target_check (&copy, "abcd", 4, NULL), TRUST_E_LENGTH);
    cr_assert_eq (trust_target_check (&copy, "", 0, NULL), TRUST_E_LENGTH);
}

Test (target, its_location_has_a_hash_with_consistent_snapshots)
{
    base_cleanup (trust_target_deinit) struct trust_target deep = {0}, flat = {0}, other = {0};
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
    cr_assert_eq (target_read ("a/b/c.tgz", "{\"length\":3,\"hashes\":{\"sha256\":\"" ABC "\"}}", &deep), 0);
    cr_assert_eq (target_read ("c.tgz", "{\"length\":3,\"hashes\":{\"sha256\":\"" ABC "\"}}", &flat), 0);
    cr_assert_eq (target_read ("c.tgz", "{\"length\":3,\"hashes\":{\"md9\":\"00\"}}", &other), 0);
    cr_assert_eq (trust_target_location (&deep, true, &buffer), 0);
    cr_assert_eq (trust_target_location (&deep, false, &buffer), 0);
    cr_assert_eq (trust_target_location (&flat, true, &buffer), 0);
    cr_assert_eq (trust_target_location (&other, true, &buffer), TRUST_E_HASH);
    base_cleanup (base_free_p) char *text = base_buffer_take_text (&buffer);
    cr_assert_str_eq (text, "a/b/" ABC ".c.tgz"
                            "a/b/c.tgz" ABC ".c.tgz");
}

Test (target, a_malformed_target_is_refused)
{
    static const char *const texts[] = {"7",
                                        "{}",
                                        "{\"length\":3}",
                                        "{\"hashes\":{\"sha256\":\"" ABC "\"}}",
                                        "{\"length\":-1,\"hashes\":{\"sha256\":\"" ABC "\"}}",
                                        "{\"length\":\"3\",\"hashes\":{\"sha256\":\"" ABC "\"}}",
                                        "{\"length\":3,\"hashes\":{}}",
                                        "{\"length\":3,\"hashes\":{\"sha256\":\"" ABC "\"},\"custom\":7}"};
    struct trust_target target = {0};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        cr_assert_eq (target_read ("a", texts[i], &target), TRUST_E_FORMAT, "%s", texts[i]);
    cr_assert_eq (
        target_read ("a", "{\"length\":281474976710657,\"hashes\":{\"sha256\":\"" ABC "\"}}", &target),
        TRUST_E_TOO_LARGE);
    cr_assert_null (target.path);
}

Test (target, a_path_that_is_empty_long_or_not_printable_is_refused)
{
    static const char good[] = "{\"length\":3,\"hashes\":{\"sha256\":\"" ABC "\"}}";
    char path[TRUST_PATH_MOST + 2] = {0};
    struct trust_target target = {0};
    cr_assert_eq (target_read ("", good, &target), TRUST_E_FORMAT);
    cr_assert_eq (target_read ("a\nb", good, &target), TRUST_E_FORMAT);
    memset (path, 'a', TRUST_PATH_MOST + 1);
    cr_assert_eq (target_read (path, good, &target), TRUST_E_FORMAT);
    path[TRUST_PATH_MOST] = 0;
    cr_assert_eq (target_read (path, good, &target), 0);
    trust_target_deinit (&target);
}
