/* SPDX-License-Identifier: MPL-2.0 */
/*  wire/role.h - what each role may do, for every server that knows the keys of its peers

    Which request needs which role is in schemas/operator.def. */

#ifndef WIRE_ROLE_H
#define WIRE_ROLE_H

#include "wire/wire.h"

/*  Whether a role includes what another one permits. WIRE_ROLE_NULL permits nothing. */
bool wire_role_permits (enum wire_role role, enum wire_role needed);

/*  Whether a role has anything to send on the content channel. */
bool wire_role_uses_content (enum wire_role role);

/*  Judges a message of the content channel: put or get. Returns NULL if the role may send it, else what it
    needs, such as "an upload needs publisher or admin". */
const char *wire_role_refuses_content (enum wire_role role, const struct wire_record *record);

#endif
