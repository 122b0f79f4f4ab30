/* SPDX-License-Identifier: MPL-2.0 */
/*  test/bad/bad_silent.c - works correctly, but never announces readiness */

#include "node/callback.h"

void __wrap_node_callback_ready (struct node_callback *callback)
{
    (void) callback;
}
