/* SPDX-License-Identifier: MPL-2.0 */
/*  start/main.c - the program `start`: the launcher of a root, and the guard of a probe

    noded.sh calls the launcher without arguments; arguments that an init passes by mistake are ignored. */

#include <string.h>

#include "start/guard.h"
#include "start/launch.h"

int main (int argc, char **argv)
{
    if (argc > 1 && strcmp (argv[1], "guard") == 0)
        return start_guard (argc - 2, argv + 2);
    return start_launch ();
}
