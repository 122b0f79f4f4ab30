/* SPDX-License-Identifier: MPL-2.0 */
/*  example_ready - a program that a node manager may start: it reports that it is ready

    Valid C and C++. */

#include <noded/ready.h>

#include <stdio.h>

int main (void)
{
    char error[512];
    /*  A real program would open its files and sockets here. */
    int rc = noded_ready ("1.2.3", 0, error, sizeof error);
    if (rc < 0)
        fprintf (stderr, "example_ready: going on without: %s\n", error);
    else
        printf ("%s\n", rc ? "announced" : "not announced: no manager waits for it");
    /*  A real program would work here. */
    return rc < 0;
}
