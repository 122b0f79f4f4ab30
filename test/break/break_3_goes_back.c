/*  test/break/break_3_goes_back.c - a launcher that ends a failed trial by keeping what failed */

#include "root/root.h"

int __wrap_root_go_back (const struct root *root, struct base_error *error)
{
    return root_confirm (root, error);
}
