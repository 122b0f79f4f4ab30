/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/trust/delegate.c - which delegations are trusted for a path */

#include "test/unit/trust/fixture.h"

Test (pattern, wildcards_stay_within_a_part_of_the_path)
{
    static const struct {
        const char *pattern, *path;
        bool matches;
    } cases[] = {
        {"targets/*.tgz", "targets/foo.tgz", true},
        {"targets/*.tgz", "targets/foo.txt", false},
        {"foo-version-?.tgz", "foo-version-2.tgz", true},
        {"foo-version-?.tgz", "foo-version-alpha.tgz", false},
        {"*.tgz", "targets/foo.tgz", false},
        {"*.tgz", "foo.tgz", true},
        {"foo.tgz", "foo.tgz", true},
        {"foo.tgz", "Foo.tgz", false},
        {"*", "a", true},
        {"*", "", true},
        {"*", "a/b", false},
        {"*/*", "a/b", true},
        {"*/*", "a/b/c", false},
        {"*/*", "/", true},
        {"a/*", "a/", true},
        {"a/*", "a", false},
        {"?", "/", false},
        {"?", "\u00e9", true},
        {"??", "\u00e9", false},
        {"*a*b*", "xxaxxbxx", true},
        {"*a*b*", "xxbxxaxx", false},
        {"*a*b", "abab", true},
        {"**", "abc", true},
        {"**/b", "a/b", true},
        {"**/c", "a/b/c", false},
        {"a*/b*", "ax/by", true},
        {"a*/b*", "a/xb", false},
        {"*b/c", "ab/c", true},
        {"*b/c", "ab/bc", false},
        {"[abc]x", "bx", true},
        {"[abc]x", "dx", false},
        {"[a-c]x", "bx", true},
        {"[!a-c]x", "bx", false},
        {"[!a-c]x", "dx", true},
        {"[!a]", "/", false},
        {"[--0]", "/", false},
        {"[]a]", "]", true},
        {"[!]a]", "b", true},
        {"[a", "[a", true},
        {"[a", "a", false},
        {"[a-]", "-", true},
        {"x[a/b]", "xa", false},
        {"x[a/b]", "x[a/b]", true},
        {"", "", true},
        {"", "a", false},
        {"a", "", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_assert_eq (trust_pattern_matches (cases[i].pattern, cases[i].path), cases[i].matches, "%s %s",
                      cases[i].pattern, cases[i].path);
}

/*  A matcher that tries every way would not come to an end. */
Test (pattern, many_stars_take_no_long_time, .timeout = 10)
{
    char pattern[TRUST_PATH_MOST + 1] = {0}, path[TRUST_PATH_MOST + 1] = {0};
    for (size_t i = 0; i + 1 < sizeof pattern; i++)
        pattern[i] = "*a"[i % 2];
    memset (path, 'a', sizeof path - 1);
    path[sizeof path - 2] = 'b';
    cr_assert (!trust_pattern_matches (pattern, path));
}

static struct trust_targets targets_of (const json_t *content)
{
    struct trust_targets targets;
    struct base_error error = {0};
    cr_assert_eq (trust_targets_read (content, &targets, &error), 0, "%s", error.text);
    return targets;
}

static const char *delegates_of (const struct trust_targets *targets, const char *path, char text[256])
{
    struct base_digest digest = base_digest_of (path, strlen (path));
    struct trust_delegate delegate;
    size_t position = 0, at = 0;
    *text = 0;
    while (trust_delegate_next (targets, path, &digest, &position, &delegate))
        at +=
            (size_t) snprintf (text + at, 256 - at, "%s%s ", delegate.name, delegate.terminating ? "!" : "");
    return text;
}

Test (delegate, delegations_match_in_their_order)
{
    char text[256];
    json_t *content = targets_content (1);
    delegate (content, "c", (unsigned[]){20, 0}, 1, "a/*");
    delegate (content, "a", (unsigned[]){20, 0}, 1, "b/*");
    json_object_set_new (delegate (content, "b", (unsigned[]){21, 0}, 1, "a/?"), "terminating", json_true ());
    struct trust_targets targets = targets_of (content);
    cr_assert_str_eq (delegates_of (&targets, "a/x", text), "c b! ");
    cr_assert_str_eq (delegates_of (&targets, "b/x", text), "a ");
    cr_assert_str_eq (delegates_of (&targets, "c/x", text), "");
    struct trust_delegate found;
    cr_assert (trust_delegate_find (&targets, "b", &found));
    cr_assert (found.terminating);
    cr_assert (!trust_delegate_find (&targets, "d", &found));
    trust_targets_deinit (&targets);
    json_decref (content);
}

/*  SHA-256 of "abc" begins with ba78. */
Test (delegate, path_hash_prefixes_match_the_digest_of_the_path)
{
    static const char *const prefixes[] = {"b", "ba", "ba7", "ba78", "c", "ba79", "BA", ""};
    static const bool matches[] = {true, true, true, true, false, false, false};
    for (size_t i = 0; i < 7; i++) {
        char text[256];
        json_t *content = targets_content (1);
        json_t *role = delegate (content, "bin", (unsigned[]){20, 0}, 1, "x");
        json_object_del (role, "paths");
        json_object_set_new (role, "path_hash_prefixes", json_pack ("[s,s]", "ffff", prefixes[i]));
        struct trust_targets targets = targets_of (content);
        cr_assert_str_eq (delegates_of (&targets, "abc", text), matches[i] ? "bin " : "", "%s", prefixes[i]);
        trust_targets_deinit (&targets);
        json_decref (content);
    }
}

Test (delegate, a_delegation_without_paths_matches_nothing)
{
    char text[256];
    json_t *content = targets_content (1);
    json_object_del (delegate (content, "none", (unsigned[]){20, 0}, 1, "x"), "paths");
    struct trust_targets targets = targets_of (content);
    cr_assert_str_eq (delegates_of (&targets, "abc", text), "");
    trust_targets_deinit (&targets);
    json_decref (content);
}

/*  TAP 15: the first bits of ba7816bf. */
Test (delegate, succinct_roles_name_one_bin_for_each_path)
{
    static const struct {
        int bits;
        const char *bin, *other;
    } cases[] = {{1, "bin-1", "bin-0"},       {3, "bin-5", "bin-8"},    {4, "bin-b", "bin-B"},
                 {5, "bin-17", "bin-20"},     {8, "bin-ba", "bin-0ba"}, {32, "bin-ba7816bf", "bin-100000000"},
                 {16, "bin-ba78", "bin-+ba7"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[256], expected[64];
        struct trust_delegate found;
        json_t *content = targets_content (1), *role = role_of ((unsigned[]){20, 0}, 1);
        json_object_set_new (role, "bit_length", json_integer (cases[i].bits));
        json_object_set_new (role, "name_prefix", json_string ("bin"));
        json_object_set_new (content, "delegations",
                             json_pack ("{s:{},s:o}", "keys", "succinct_roles", role));
        struct trust_targets targets = targets_of (content);
        (void) snprintf (expected, sizeof expected, "%s! ", cases[i].bin);
        cr_assert_str_eq (delegates_of (&targets, "abc", text), expected);
        cr_assert (trust_delegate_find (&targets, cases[i].bin, &found));
        cr_assert_str_eq (found.name, cases[i].bin);
        cr_assert_eq (trust_delegate_find (&targets, cases[i].other, &found), cases[i].bits == 1, "%s",
                      cases[i].other);
        cr_assert (!trust_delegate_find (&targets, "bin-", &found));
        cr_assert (!trust_delegate_find (&targets, "bin", &found));
        cr_assert (!trust_delegate_find (&targets, "other-1", &found));
        trust_targets_deinit (&targets);
        json_decref (content);
    }
}
