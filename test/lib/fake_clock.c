/* SPDX-License-Identifier: MPL-2.0 */
/*  test/lib/fake_clock.c - a wrong wall clock, for programs that preload this library (LD_PRELOAD)

    The file named by FAKE_CLOCK contains an offset in seconds. It is read at each call, so the clock jumps
    when the file changes. Monotonic clocks are not changed. (libfaketime also moves absolute timers of these,
    so that they never fire.) */

#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

int clock_gettime (clockid_t clock_id, struct timespec *tp);
time_t time (time_t *timer);

static long long clock_offset_s (void)
{
    const char *path = getenv ("FAKE_CLOCK");
    char text[32] = "";
    int fd = path ? open (path, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t got = fd < 0 ? 0 : read (fd, text, sizeof text - 1);
    if (fd >= 0)
        (void) close (fd);
    return got > 0 ? atoll (text) : 0;
}

int clock_gettime (clockid_t clock_id, struct timespec *tp)
{
    if (syscall (SYS_clock_gettime, clock_id, tp))
        return -1;
    if (clock_id == CLOCK_REALTIME || clock_id == CLOCK_REALTIME_COARSE)
        tp->tv_sec += clock_offset_s ();
    return 0;
}

int gettimeofday (struct timeval *restrict tv, void *restrict tz)
{
    struct timespec now;
    (void) tz;
    if (clock_gettime (CLOCK_REALTIME, &now))
        return -1;
    *tv = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
    return 0;
}

time_t time (time_t *timer)
{
    struct timespec now;
    if (clock_gettime (CLOCK_REALTIME, &now))
        return -1;
    if (timer)
        *timer = now.tv_sec;
    return now.tv_sec;
}
