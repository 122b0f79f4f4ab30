/*  root/check.h - checks a whole root offline, for `noded verify` */

#ifndef ROOT_CHECK_H
#define ROOT_CHECK_H

#include "root/root.h"

/*  Calls found for everything that is wrong (text is one line). Hidden leftovers are not wrong. Returns 0
    where nothing is, ROOT_E_DAMAGED, or -errno where it could not be looked at. */
int root_check (const struct root *root, void (*found) (void *context, const char *text), void *context);

#endif
