/* SPDX-License-Identifier: MPL-2.0 */
/*  disk/pace.h - background reading with at most 10 MB/s and 5 % of a processor

    The caller reads a slice and then pauses. Works on one thread at a time. */

#ifndef DISK_PACE_H
#define DISK_PACE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    DISK_PACE_SLICE = 512 * 1024, /* bytes to read at once */
    DISK_PACE_RATE = 10 * 1000,   /* bytes per millisecond, at most */
};

/*  Processor time of this thread, in nanoseconds. */
uint64_t disk_pace_cpu_ns (void);

/*  Reads a slice from the disk (from memory only if a process maps the file) and does not keep it in the page
    cache. Returns as pread does. */
ssize_t disk_pace_read (int fd, void *block, size_t size, uint64_t offset);

/*  The pause after reading bytes that took cpu_ns of processor time. rate: bytes per millisecond, limited to
    1 ... DISK_PACE_RATE. */
uint64_t disk_pace_pause_ms (uint64_t bytes, uint64_t rate, uint64_t cpu_ns);

#endif
