/* SPDX-License-Identifier: MPL-2.0 */
/*  start/times.h - times of the launcher that are not set by a trial

    In an object of its own, so that tests can link other values. */

#ifndef START_TIMES_H
#define START_TIMES_H

#include <stdint.h>

struct start_times {
    /*  Interval between checks of stable. inotify would notice at once, but closing it takes 12 ms, in which
        no manager runs. */
    uint64_t look_ms;
    /*  A version that has made another one stable exits by itself and gets this time for it. Any other
        process that moved the link may have been killed before it could send SIGUSR2. */
    uint64_t settle_ms;
    /*  Time for a version to end after it was asked to, and after it was killed. A process waiting for a disk
        that does not respond cannot be killed and is given up: not every init enforces an end itself. */
    uint64_t asked_ms;
    uint64_t killed_ms;
    /*  A version on trial can stop its launcher with SIGSTOP. The kernel resumes the launcher this long after
        a deadline. */
    uint64_t stuck_ms;
};

extern const struct start_times start_times;

#endif
