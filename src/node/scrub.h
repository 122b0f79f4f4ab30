/*  node/scrub.h - what the reader of the workspaces found; see scrub.c */

#ifndef NODE_SCRUB_H
#define NODE_SCRUB_H

#include "root/root.h"

enum { NODE_SCRUB_TEXT = 512 };

/*  What was found damaged of what stable and previous lead to now, with what to do, in one line. Reads var/scrub,
    and changes nothing. Returns whether there is anything. */
bool node_scrub_read (const struct root *root, char ret_text[NODE_SCRUB_TEXT]);

#endif
