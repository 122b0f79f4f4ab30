/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/wire/label.c - valid names and values of labels */

#include <criterion/criterion.h>
#include <errno.h>

#include "wire/label.h"

Test (label, names_and_values_that_selectors_can_express_are_accepted)
{
    cr_expect_eq (wire_label_check ("role", "web", WIRE_LABEL_AT_NODE, NULL), 0);
    cr_expect_eq (wire_label_check ("example.org/rack-1", "r\xc3\xb6t 7 (left)", WIRE_LABEL_AT_NODE, NULL),
                  0);
    cr_expect_eq (wire_label_check ("role", NULL, WIRE_LABEL_AT_BROKER, NULL), 0);
    cr_expect_eq (wire_label_check ("group", "eu-1", WIRE_LABEL_AT_NODE, NULL), 0);
    cr_expect_eq (wire_label_check ("group", "any text", WIRE_LABEL_AT_BROKER, NULL), 0);
}

Test (label, an_invalid_label_is_refused_with_a_reason)
{
    char most[130];
    static const struct {
        const char *name, *value, *says;
        enum wire_label_side side;
    } table[] = {
        {"", "x", "letters", WIRE_LABEL_AT_BROKER},       {"a b", "x", "letters", WIRE_LABEL_AT_BROKER},
        {"-a", "x", "letters", WIRE_LABEL_AT_BROKER},     {"version", "2", "fact", WIRE_LABEL_AT_NODE},
        {"id", "2", "fact", WIRE_LABEL_AT_BROKER},        {"and", "x", "selectors", WIRE_LABEL_AT_BROKER},
        {"role", "", "1 to 128", WIRE_LABEL_AT_BROKER},   {"role", "a\"b", "quotes", WIRE_LABEL_AT_NODE},
        {"role", "a\nb", "control", WIRE_LABEL_AT_NODE},  {"role", "\xff", "text", WIRE_LABEL_AT_NODE},
        {"group", "a b", "announce", WIRE_LABEL_AT_NODE}, {"group", "/x", "announce", WIRE_LABEL_AT_NODE},
        {"kernel", NULL, "fact", WIRE_LABEL_AT_BROKER},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct base_error error = {.text = ""};
        cr_expect_eq (wire_label_check (table[i].name, table[i].value, table[i].side, &error), -EINVAL,
                      "%s was accepted", table[i].name);
        cr_expect_not_null (strstr (error.text, table[i].says), "%s", error.text);
    }
    memset (most, 'x', sizeof most - 1);
    most[sizeof most - 1] = '\0';
    cr_expect_eq (wire_label_check ("role", most, WIRE_LABEL_AT_BROKER, NULL), -EINVAL);
    cr_expect_eq (wire_label_check ("role", most + 1, WIRE_LABEL_AT_BROKER, NULL), 0);
    cr_expect_eq (wire_label_check (most + 64, "x", WIRE_LABEL_AT_BROKER, NULL), -EINVAL);
    cr_expect_eq (wire_label_check (most + 65, "x", WIRE_LABEL_AT_BROKER, NULL), 0);
}
