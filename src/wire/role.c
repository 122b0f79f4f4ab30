/* SPDX-License-Identifier: MPL-2.0 */
/*  wire/role.c - what each role may do */

#include "wire/role.h"

#include "base/assert.h"

#define BIT(role) (1u << WIRE_ROLE_##role)

/*  What each role permits: the roles that a request may need. */
static const unsigned role_permits[WIRE_ROLE_END] = {
    [WIRE_ROLE_CONTENT] = BIT (CONTENT),
    [WIRE_ROLE_OBSERVER] = BIT (OBSERVER),
    [WIRE_ROLE_DEPLOYER] = BIT (OBSERVER) | BIT (DEPLOYER),
    [WIRE_ROLE_PUBLISHER] = BIT (PUBLISHER),
    [WIRE_ROLE_ADMIN] = BIT (CONTENT) | BIT (OBSERVER) | BIT (DEPLOYER) | BIT (PUBLISHER) | BIT (ADMIN),
};

/*  Who may send the messages of the content channel. */
static const unsigned may_put = BIT (PUBLISHER) | BIT (ADMIN);
static const unsigned may_get = BIT (NODE) | BIT (CONTENT) | BIT (ADMIN);

bool wire_role_permits (enum wire_role role, enum wire_role needed)
{
    base_assert ((unsigned) role < WIRE_ROLE_END && (unsigned) needed < WIRE_ROLE_END);
    return role_permits[role] >> needed & 1;
}

bool wire_role_uses_content (enum wire_role role)
{
    base_assert ((unsigned) role < WIRE_ROLE_END);
    return (may_put | may_get) >> role & 1;
}

const char *wire_role_refuses_content (enum wire_role role, const struct wire_record *record)
{
    base_assert ((unsigned) role < WIRE_ROLE_END);
    if (record == &wire_put_record)
        return may_put >> role & 1 ? NULL : "an upload needs publisher or admin";
    if (record == &wire_get_record)
        return may_get >> role & 1 ? NULL : "a download needs node, content or admin";
    return "only uploads and downloads are served here";
}
