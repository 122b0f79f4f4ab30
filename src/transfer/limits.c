/* SPDX-License-Identifier: MPL-2.0 */
/*  transfer/limits.c - defaults and bounds for both directions */

#include "transfer/limits.h"

const struct transfer_limits transfer_limits_default = {
    .chunk = 256 * 1024,
    .window = 2 * 1024 * 1024,
    .answer_ms = 10000,
    .retries = 5,
};

uint64_t transfer_busy_wait_ms (uint64_t retry_after_ms, unsigned busies)
{
    uint64_t least = busies < TRANSFER_BUSY_OFTEN ? TRANSFER_BUSY_LEAST_MS : TRANSFER_BUSY_OFTEN_MS;
    return retry_after_ms < least ? least : retry_after_ms;
}

struct transfer_limits transfer_limits_checked (const struct transfer_limits *limits)
{
    struct transfer_limits checked = limits ? *limits : transfer_limits_default;
    if (checked.chunk == 0)
        checked.chunk = transfer_limits_default.chunk;
    if (checked.chunk > WIRE_CHUNK_MOST)
        checked.chunk = WIRE_CHUNK_MOST;
    if (checked.window == 0)
        checked.window = transfer_limits_default.window;
    if (checked.window > 32 * checked.chunk)
        checked.window = 32 * checked.chunk;
    if (checked.window < checked.chunk)
        checked.window = checked.chunk;
    if (checked.answer_ms == 0)
        checked.answer_ms = transfer_limits_default.answer_ms;
    return checked;
}
