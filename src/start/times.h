/*  start/times.h - how long the launcher waits for what has no deadline of its own; in one object, so that a test can
    link another */

#ifndef START_TIMES_H
#define START_TIMES_H

#include <stdint.h>

struct start_times {
    /*  How often stable is looked at. inotify would tell at once, and costs 12 ms as it is closed, in which no manager
        runs. */
    uint64_t look_ms;
    /*  A version that has made another one stable ends by itself, and is not disturbed at that. Whoever else moved
        the link may have been killed before he could say so. */
    uint64_t settle_ms;
    /*  How long a version that was told to end may take, and one that was killed: what waits for a disk that does not
        answer cannot be, and is given up. Not every init ends by force what does not end. */
    uint64_t told_ms;
    uint64_t killed_ms;
    /*  A version on trial can stop its launcher (SIGSTOP), and nothing else would end that: the kernel continues it so
        long after a deadline. */
    uint64_t stuck_ms;
};

extern const struct start_times start_times;

#endif
