/*  start - the launcher of a root, and the guard of a probe

    The launcher is called by noded.sh, without arguments; what an init passes by mistake is not for us. */

#include <string.h>

#include "start/guard.h"
#include "start/launch.h"

int main (int argc, char **argv)
{
    if (argc > 1 && strcmp (argv[1], "guard") == 0)
        return start_guard (argc - 2, argv + 2);
    return start_launch ();
}
