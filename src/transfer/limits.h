/*  transfer/limits.h - what both directions share; only for src/transfer */

#ifndef TRANSFER_LIMITS_H
#define TRANSFER_LIMITS_H

#include "transfer/download.h"

enum {
    TRANSFER_BUSY_LEAST_MS = 10,  /* a busy peer is not asked again sooner, whatever it says, ... */
    TRANSFER_BUSY_OFTEN_MS = 100, /* ... nor sooner than this once it has been busy often */
    TRANSFER_BUSY_OFTEN = 10,
    TRANSFER_FAILED_WAIT_MS = 1000, /* before a peer that could not do it is asked again */
};

/*  How long to wait for a peer that was busy so many times in a row, and says when to ask again. */
uint64_t transfer_busy_wait_ms (uint64_t retry_after_ms, unsigned busies);

/*  The defaults where limits is NULL or a limit is 0, each within its bounds. */
struct transfer_limits transfer_limits_checked (const struct transfer_limits *limits);

#endif
