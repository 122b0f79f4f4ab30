/* SPDX-License-Identifier: MPL-2.0 */
/*  base/cleanup.h - cleanup of local variables

    A local marked base_cleanup (f) is released by f when its scope ends. Build a result in such a local and
    hand it over in the last lines with base_take. Every f accepts the null value of its type. */

#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

#define base_cleanup(f) __attribute__ ((cleanup (f)))

/*  Hands over a pointer: the expression has its value, and the variable becomes NULL. */
#define base_take(pointer)                                                                                   \
    (__extension__({                                                                                         \
        __typeof__ (pointer) base_taken_ = (pointer);                                                        \
        (pointer) = NULL;                                                                                    \
        base_taken_;                                                                                         \
    }))

/*  The same for a file descriptor; the variable becomes -1. */
static inline int base_take_fd (int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

static inline void base_free_p (void *pointer)
{
    free (*(void **) pointer);
}

static inline void base_close_p (int *fd)
{
    if (*fd >= 0)
        (void) close (*fd);
}

#endif
