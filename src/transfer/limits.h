/* SPDX-License-Identifier: MPL-2.0 */
/*  transfer/limits.h - limits for both directions; only for src/transfer */

#ifndef TRANSFER_LIMITS_H
#define TRANSFER_LIMITS_H

#include "transfer/download.h"

enum {
    TRANSFER_BUSY_LEAST_MS = 10,  /* least pause after status busy, even if retry_after_ms is less ... */
    TRANSFER_BUSY_OFTEN_MS = 100, /* ... and once it has been busy TRANSFER_BUSY_OFTEN times */
    TRANSFER_BUSY_OFTEN = 10,
    TRANSFER_FAILED_WAIT_MS = 1000, /* pause after status failed */
};

/*  How long to wait for a peer after `busies` busy answers in a row. retry_after_ms: as the peer sent it. */
uint64_t transfer_busy_wait_ms (uint64_t retry_after_ms, unsigned busies);

/*  Returns limits, with the default for a limit that is 0 (NULL: for all), each within its bounds. */
struct transfer_limits transfer_limits_checked (const struct transfer_limits *limits);

#endif
