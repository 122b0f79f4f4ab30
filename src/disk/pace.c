/* SPDX-License-Identifier: MPL-2.0 */
/*  disk/pace.c - reads past the page cache and computes pauses */

#include "disk/pace.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"

enum { SHARE = 20 /* at most 1/20 of a processor */ };

uint64_t disk_pace_cpu_ns (void)
{
    struct timespec now = {.tv_sec = 0};
    (void) clock_gettime (CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t) now.tv_sec * 1000000000 + (uint64_t) now.tv_nsec;
}

ssize_t disk_pace_read (int fd, void *block, size_t size, uint64_t offset)
{
    base_assert (block && size > 0);
    /* Drops cached pages first: the file must be read from the disk, where it decays, not from memory. */
    (void) posix_fadvise (fd, (off_t) offset, (off_t) size, POSIX_FADV_DONTNEED);
    ssize_t got = pread (fd, block, size, (off_t) offset);
    if (got > 0)
        (void) posix_fadvise (fd, (off_t) offset, got, POSIX_FADV_DONTNEED);
    return got;
}

uint64_t disk_pace_pause_ms (uint64_t bytes, uint64_t rate, uint64_t cpu_ns)
{
    rate = rate < 1 ? 1 : rate > DISK_PACE_RATE ? DISK_PACE_RATE : rate;
    uint64_t of_rate = (bytes + rate - 1) / rate, of_share = cpu_ns * (SHARE - 1) / 1000000;
    return of_rate > of_share ? of_rate : of_share;
}
