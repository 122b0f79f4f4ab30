/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/wire/label.c - valid names and values of labels */

#include <criterion/criterion.h>
#include <errno.h>

#include "wire/label.h"

Test (label, names_and_values_that_selectors_can_express_are_accepted)
{
    cr_expect_eq (wire_label_check ("role", "web", true, NULL), 0);
    cr_expect_eq (wire_label_check ("example.org/rack-1", "r\xc3\xb6t 7 (left)", true, NULL), 0);
    cr_expect_eq (wire_label_check ("role", NULL, false, NULL), 0);
    cr_expect_eq (wire_label_check ("group", "eu-1", true, NULL), 0);
    cr_expect_eq (wire_label_check ("group", "any text", false, NULL), 0);
}

Test (label, an_invalid_label_is_refused_with_a_reason)
{
    char most[130];
    static const struct {
        const char *name, *value, *says;
        bool own;
    } table[] = {
        {"", "x", "letters", false},        {"a b", "x", "letters", false},
        {"-a", "x", "letters", false},      {"version", "2", "fact", true},
        {"id", "2", "fact", false},         {"and", "x", "selectors", false},
        {"role", "", "1 to 128", false},    {"role", "a\"b", "quotes", true},
        {"role", "a\nb", "control", true},  {"role", "\xff", "text", true},
        {"group", "a b", "announce", true}, {"group", "/x", "announce", true},
        {"kernel", NULL, "fact", false},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct base_error error = {.text = ""};
        cr_expect_eq (wire_label_check (table[i].name, table[i].value, table[i].own, &error), -EINVAL,
                      "%s was accepted", table[i].name);
        cr_expect_not_null (strstr (error.text, table[i].says), "%s", error.text);
    }
    memset (most, 'x', sizeof most - 1);
    most[sizeof most - 1] = '\0';
    cr_expect_eq (wire_label_check ("role", most, false, NULL), -EINVAL);
    cr_expect_eq (wire_label_check ("role", most + 1, false, NULL), 0);
    cr_expect_eq (wire_label_check (most + 64, "x", false, NULL), -EINVAL);
    cr_expect_eq (wire_label_check (most + 65, "x", false, NULL), 0);
}
