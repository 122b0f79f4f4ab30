/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/wire/role.c - who may upload and download; requests: unit/broker/roles.c */

#include <criterion/criterion.h>
#include <string.h>

#include "wire/role.h"

Test (role, uploads_and_downloads_are_for_the_roles_of_the_design)
{
    static const struct {
        enum wire_role role;
        bool put, get;
    } cases[] = {
        {WIRE_ROLE_NULL, false, false},     {WIRE_ROLE_NODE, false, true},
        {WIRE_ROLE_CONTENT, false, true},   {WIRE_ROLE_OBSERVER, false, false},
        {WIRE_ROLE_DEPLOYER, false, false}, {WIRE_ROLE_PUBLISHER, true, false},
        {WIRE_ROLE_ADMIN, true, true},
    };

    _Static_assert(sizeof cases / sizeof *cases == WIRE_ROLE_END, "a case a role");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *put = wire_role_refuses_content (cases[i].role, &wire_put_record);
        const char *get = wire_role_refuses_content (cases[i].role, &wire_get_record);
        cr_expect_eq (!put, cases[i].put, "%s", wire_role_word (cases[i].role));
        cr_expect_eq (!get, cases[i].get, "%s", wire_role_word (cases[i].role));
        cr_expect_eq (wire_role_uses_content (cases[i].role), cases[i].put || cases[i].get);
        cr_expect_not_null (wire_role_refuses_content (cases[i].role, &wire_hello_record));
    }
}

Test (role, a_refusal_names_the_roles_that_may)
{
    cr_expect_not_null (
        strstr (wire_role_refuses_content (WIRE_ROLE_NODE, &wire_put_record), "publisher or admin"));
    cr_expect_not_null (
        strstr (wire_role_refuses_content (WIRE_ROLE_OBSERVER, &wire_get_record), "node, content or admin"));
}
