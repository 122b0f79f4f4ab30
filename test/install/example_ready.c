/*  example_ready - a program that a node manager may start: it tells when it can do its work

    C and C++ alike. */

#include <noded/ready.h>

#include <stdio.h>

int main (void)
{
    char error[512];
    /*  Here it would open its files and sockets. */
    int rc = noded_ready ("1.2.3", 0, error, sizeof error);
    if (rc < 0)
        fprintf (stderr, "example_ready: going on without: %s\n", error);
    else
        printf ("%s\n", rc ? "announced" : "nobody wants to know");
    /*  Here it would work. */
    return rc < 0;
}
