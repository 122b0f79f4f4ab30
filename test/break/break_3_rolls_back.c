/* SPDX-License-Identifier: MPL-2.0 */
/*  test/break/break_3_rolls_back.c - a launcher that confirms a version that failed its trial */

#include "root/root.h"

int __wrap_root_roll_back_to (const struct root *root, const struct root_fallback *known,
                              struct base_error *error)
{
    (void) known;
    return root_confirm (root, error);
}
