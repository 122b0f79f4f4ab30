/* SPDX-License-Identifier: MPL-2.0 */
/*  start/assert.c - a failed assertion does not end the launcher

    Init would start the same launcher again, which would fail in the same way, before it had rolled back or
    started anything. So it logs the failure and continues as if there were no assertion: a version that runs
    can replace this launcher. */

#include "base/assert.h"

#include "start/log.h"

void base_assert_failed (const char *expression, const char *file, int line)
{
    start_log ("WARNING: %s:%d: assertion failed: %s: continuing; this is a bug in noded, please report it",
               file, line, expression);
}
