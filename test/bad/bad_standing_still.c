/* SPDX-License-Identifier: MPL-2.0 */
/*  test/bad/bad_standing_still.c - reports success without switching stable: the old version is started again
    instead of the new one */

#include "root/root.h"

int __wrap_root_switch (const struct root *root, const char *name, const struct root_limits *limits,
                        struct base_error *error)
{
    (void) root;
    (void) name;
    (void) limits;
    (void) error;
    return 0;
}
