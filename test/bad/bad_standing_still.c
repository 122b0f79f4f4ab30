/*  test/bad/bad_standing_still.c - says that it has switched stable, and has not: it is started again
    instead of the new version */

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
