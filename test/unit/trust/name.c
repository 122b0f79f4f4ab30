/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/trust/name.c - names of roles, and of their files */

#include <criterion/criterion.h>
#include <string.h>

#include "trust/name.h"

Test (name, a_file_name_quotes_all_but_unreserved_characters)
{
    static const char *const names[][2] = {
        {"targets", "targets.json"}, {"a/b", "a%2Fb.json"},     {"../x", "..%2Fx.json"},
        {"..", "...json"},           {".", "..json"},           {"%2F", "%252F.json"},
        {"a b", "a%20b.json"},       {"\u00f6", "%C3%B6.json"}, {"Az09._-~", "Az09._-~.json"},
        {"?#", "%3F%23.json"},       {"a\\b", "a%5Cb.json"},
    };
    char text[TRUST_FILE_TEXT];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        cr_assert_str_eq (trust_name_file (names[i][0], 0, text), names[i][1]);
    cr_assert_str_eq (trust_name_file ("root", 12, text), "12.root.json");
}

Test (name, the_longest_name_fits)
{
    char name[TRUST_NAME_TEXT] = {0}, text[TRUST_FILE_TEXT];
    memset (name, '/', TRUST_NAME_MOST);
    trust_name_file (name, UINT64_MAX, text);
    cr_assert_eq (strlen (text), 20 + 1 + 3 * TRUST_NAME_MOST + 5);
    cr_assert (strlen (text) <= 255);
}

Test (name, a_delegated_role_has_a_short_printable_name_of_its_own)
{
    char name[TRUST_NAME_MOST + 2] = {0};
    static const char *const good[] = {"a", "registry.npmjs.org", "..", "/", "Root", "roots", "\u00f6"};
    static const char *const bad[] = {"",    "root",    "timestamp", "snapshot", "targets", "mirrors",
                                      "a\n", "\x1b[0m", "\xff",      "a\u202eb", "\u200b"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        cr_assert (trust_name_is_delegated (good[i]), "%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert (!trust_name_is_delegated (bad[i]), "%zu", i);
    memset (name, 'a', TRUST_NAME_MOST);
    cr_assert (trust_name_is_delegated (name));
    name[TRUST_NAME_MOST] = 'a';
    cr_assert (!trust_name_is_delegated (name));
}
