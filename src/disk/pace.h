/*  disk/pace.h - reading in the background, at most 10 MB/s and 5 % of a processor

    Who reads a slice, pauses behind it. Works on one thread at a time. */

#ifndef DISK_PACE_H
#define DISK_PACE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    DISK_PACE_SLICE = 512 * 1024, /* bytes to read at once */
    DISK_PACE_RATE = 10 * 1000,   /* bytes a millisecond, at most */
};

/*  Processor time of this thread. */
uint64_t disk_pace_cpu_ns (void);

/*  Reads a slice, from the disk where nobody maps it, and does not keep it in memory. Returns as pread does. */
ssize_t disk_pace_read (int fd, void *block, size_t size, uint64_t offset);

/*  The pause behind so many bytes that took so much processor time. rate: bytes a millisecond; at most
    DISK_PACE_RATE counts, and at least 1. */
uint64_t disk_pace_pause_ms (uint64_t bytes, uint64_t rate, uint64_t cpu_ns);

#endif
