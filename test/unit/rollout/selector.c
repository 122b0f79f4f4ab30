/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/rollout/selector.c - parsing and matching of selectors */

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rollout/selector.h"

struct labels {
    const char *id, *role, *zone;
};

static const char *node_label (const void *node, const char *name)
{
    const struct labels *labels = node;
    return strcmp (name, "id") == 0     ? labels->id
           : strcmp (name, "role") == 0 ? labels->role
           : strcmp (name, "zone") == 0 ? labels->zone
                                        : NULL;
}

static const struct labels nodes[] = {
    {"web-1", "web", "eu-1"}, {"web-2", "web", "us-1"}, {"db-1", "db", "eu-1"}, {"lost", NULL, NULL}};

/*  The indices of the matching nodes, as digits. Valid until the next call. */
static const char *matching_nodes (const char *text)
{
    static char digits[8];
    struct rollout_selector *selector;
    struct base_error error = {.code = 0};
    size_t n = 0;
    cr_assert_eq (rollout_selector_parse (text, &selector, &error), 0, "%s", error.text);
    for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++)
        if (rollout_selector_fits (selector, node_label, &nodes[i]))
            digits[n++] = (char) ('0' + i);
    digits[n] = '\0';
    (void) rollout_selector_free (selector);
    return digits;
}

Test (selector, a_selector_matches_ids_and_labels)
{
    static const char *const cases[][2] = {
        {"", "0123"},
        {"  ", "0123"},
        {"web-1", "0"},
        {"web-*", "01"},
        {"*-1", "02"},
        {"w?b-?", "01"},
        {"*", "0123"},
        {"role=web", "01"},
        {"role!=web", "23"},
        {"zone = eu-*", "02"},
        {"role=web and zone!=eu-1", "1"},
        {"web-1 or db-1 or nobody", "02"},
        {"role=db or role=web and zone=us-1", "12"},
        {"(role=db or role=web) and zone=us-1", "1"},
        {"not role=web", "23"},
        {"not not web-1", "0"},
        {"not (web-* or lost)", "2"},
        {"\"web-1\"", "0"},
        {"role=\"web\" and not id=\"*-2\"", "0"},
        {"\"and\"", ""},
        {"nothing=here", ""},
        {"nothing!=here", "0123"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_expect_str_eq (matching_nodes (cases[i][0]), cases[i][1], "%s", cases[i][0]);
}

Test (selector, errors_name_their_position)
{
    static const char *const cases[][2] = {
        {"role=", "a value is missing at character 6"},
        {"role=web zone=eu", "\"and\" or \"or\" is missing at character 10"},
        {"(role=web", "a closing parenthesis is missing at character 10"},
        {"role=web)", "\"and\" or \"or\" is missing at character 9"},
        {"and", "a label or an id is missing at character 1"},
        {"web-1 or", "a label or an id is missing at character 9"},
        {"\"web", "unterminated quote at character 1"},
        {"!web", "unexpected character at character 1"},
        {"=web", "a label or an id is missing at character 1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rollout_selector *selector;
        struct base_error error = {.code = 0};
        cr_expect_eq (rollout_selector_parse (cases[i][0], &selector, &error), -EINVAL, "%s", cases[i][0]);
        cr_expect (strstr (error.text, cases[i][1]), "%s: %s", cases[i][0], error.text);
    }
}

Test (selector, long_and_deeply_nested_selectors_are_handled)
{
    static char text[4096];
    struct rollout_selector *selector;
    memset (text, '(', sizeof text - 1);
    cr_expect_eq (rollout_selector_parse (text, &selector, NULL), -EINVAL);
    for (size_t i = 0; i + 1 < sizeof text; i++)
        text[i] = "not "[i % 4];
    cr_expect_eq (rollout_selector_parse (text, &selector, NULL), -EINVAL);
    memset (text, '*', sizeof text - 1);
    cr_assert_eq (rollout_selector_parse (text, &selector, NULL), 0);
    cr_expect (rollout_selector_fits (selector, node_label, &nodes[0]));
    (void) rollout_selector_free (selector);
}
