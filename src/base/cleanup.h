/*  base/cleanup.h - release of what a scope owns

    A local marked base_cleanup (f) is released when its scope ends. Build in such a local, hand it over in
    the last lines with base_take. Every f accepts the null value of its type. */

#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

#define base_cleanup(f) __attribute__ ((cleanup (f)))

/*  Gives the pointer away: evaluates to it and leaves NULL behind. */
#define base_take(pointer)                                                                                   \
    (__extension__({                                                                                         \
        __typeof__ (pointer) base_taken_ = (pointer);                                                        \
        (pointer) = NULL;                                                                                    \
        base_taken_;                                                                                         \
    }))

/*  The same for a descriptor, which leaves -1 behind. */
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
