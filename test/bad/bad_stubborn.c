/*  test/bad/bad_stubborn.c - a launcher that never runs out of starts: a version that fails on trial is
    started again, for ever */

#include "root/root.h"

int __wrap_root_token_take (const struct root *root, struct root_limits *ret_limits, unsigned *ret_left,
                            struct base_error *error)
{
    (void) root;
    (void) error;
    *ret_limits = root_limits_default;
    *ret_left = 1;
    return 0;
}
