/*  test/lib/load.h - deadlines that scale with the load of the machine

    NODED_LOAD tells how many times slower it is than one at rest, as bin/test measures it; without it that is 1.
    A build with sanitizers takes twice as long. */

#ifndef LOAD_H
#define LOAD_H

#include <stdlib.h>

static inline unsigned load_factor (void)
{
    const char *load = getenv ("NODED_LOAD");
    unsigned long factor = load ? strtoul (load, NULL, 10) : 1;

    if (factor < 1 || factor > 100)
        factor = 1;
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
    factor *= 2;
#endif
    return (unsigned) factor;
}

/*  A deadline in milliseconds that is enough on a machine at rest, as this one needs it. */
static inline unsigned load_deadline_ms (unsigned ms)
{
    return ms * load_factor ();
}

#endif
