/* SPDX-License-Identifier: MPL-2.0 */
/*  test/bad/second_program.c - a version of the application that second_kind.c manages; its probe ends with STATUS */

#include <string.h>
#include <unistd.h>

int main (int count, char **args)
{
    static const volatile char version[] = VERSION; /* versions must differ in their bytes */
    (void) version[0];
    if (count == 2 && strcmp (args[1], "probe") == 0)
        return STATUS;
    for (;;)
        (void) pause ();
}
