/* SPDX-License-Identifier: MPL-2.0 */
/*  base/assert.c - ends the process after a failed assertion

    A program that defines base_assert_failed itself is linked without this object. */

#include "base/assert.h"

#include <stdlib.h>

#include "base/log.h"

void base_assert_failed (const char *expression, const char *file, int line)
{
    base_log (BASE_LOG_ERROR, "%s:%d: assertion failed: %s: this is a bug in noded, please report it", file,
              line, expression);
    abort ();
}
