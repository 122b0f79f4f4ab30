/* SPDX-License-Identifier: MPL-2.0 */
/*  test/lib/load.h - deadlines that scale with the load of the machine

    NODED_LOAD is how many times slower the machine is than an idle one, as bin/test measures it; 1 if it is not
    set. A build with sanitizers takes twice as long. */

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

/*  Scales a deadline. ms: a deadline in milliseconds that is enough on an idle machine. */
static inline unsigned load_deadline_ms (unsigned ms)
{
    return ms * load_factor ();
}

#endif
