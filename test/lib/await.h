/* SPDX-License-Identifier: MPL-2.0 */
/*  test/lib/await.h - waits for what other processes write into the current directory */

#ifndef TEST_AWAIT_H
#define TEST_AWAIT_H

#include <criterion/criterion.h>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/time.h"
#include "test/lib/load.h"

/*  Returns a descriptor that can be read after any change in the current directory. */
static inline int await_begin (void)
{
    int watch = inotify_init1 (IN_CLOEXEC | IN_NONBLOCK);
    cr_assert_geq (watch, 0);
    cr_assert_geq (inotify_add_watch (watch, ".", IN_CREATE | IN_MOVED_TO | IN_MODIFY | IN_CLOSE_WRITE), 0);
    return watch;
}

/*  Waits for the next change. Returns false after the deadline. */
static inline bool await_change (int watch, uint64_t until_ms)
{
    char events[4096];
    uint64_t now_ms = base_time_boot_ms ();
    struct pollfd change = {.fd = watch, .events = POLLIN};
    if (now_ms >= until_ms || poll (&change, 1, (int) (until_ms - now_ms)) <= 0)
        return false;
    while (read (watch, events, sizeof events) > 0)
        continue;
    return true;
}

/*  Waits until a condition about files of the current directory is true, for a minute at most. Checks it again after
    each change. */
#define AWAIT(condition)                                                                                     \
    do {                                                                                                     \
        int watch_ = await_begin ();                                                                         \
        uint64_t until_ms_ = base_time_boot_ms () + load_deadline_ms (60000);                                \
        bool in_time_ = true;                                                                                \
        while (!(condition) && in_time_)                                                                     \
            in_time_ = await_change (watch_, until_ms_);                                                     \
        (void) close (watch_);                                                                               \
        cr_assert (in_time_, "timed out waiting for: %s", #condition);                                       \
    } while (0)

#endif
