/*  transfer/limits.h - what both directions share; only for src/transfer */

#ifndef TRANSFER_LIMITS_H
#define TRANSFER_LIMITS_H

#include "transfer/download.h"

enum {
    TRANSFER_BUSY_LEAST_MS = 100,   /* a busy peer is not asked again sooner, whatever it says */
    TRANSFER_FAILED_WAIT_MS = 1000, /* before a peer that could not do it is asked again */
};

/*  The defaults where limits is NULL or a limit is 0, each within its bounds. */
struct transfer_limits transfer_limits_checked (const struct transfer_limits *limits);

#endif
