/* SPDX-License-Identifier: MPL-2.0 */
/*  node/scrub.h - what the scrub of the workspaces found; see scrub.c */

#ifndef NODE_SCRUB_H
#define NODE_SCRUB_H

#include "root/root.h"

enum { NODE_SCRUB_TEXT = 512 };

/*  Describes in one line the known damage of the workspaces that stable and previous point to now, and what
    to do. Reads var/scrub, changes nothing. Returns whether there is damage; if not, ret_text is untouched. */
bool node_scrub_read (const struct root *root, char ret_text[NODE_SCRUB_TEXT]);

#endif
