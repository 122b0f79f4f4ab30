/* SPDX-License-Identifier: MPL-2.0 */
/*  root/check.h - checks a whole root offline, for `noded verify` */

#ifndef ROOT_CHECK_H
#define ROOT_CHECK_H

#include "root/root.h"

/*  Calls found for each fault; text is one line. Hidden leftovers are no fault. Returns 0 if there is no
    fault, ROOT_E_DAMAGED, or -errno if the root cannot be read. */
int root_check (const struct root *root, void (*found) (void *context, const char *text), void *context);

#endif
