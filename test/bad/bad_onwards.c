/* SPDX-License-Identifier: MPL-2.0 */
/*  test/bad/bad_onwards.c - announces readiness, receives the update announcement, asks for the desired
    state, and finds nothing to do in the answer */

#include "update/order.h"

struct update_order __wrap_update_order_choose (const struct wire_desired *desired,
                                                const struct wire_order_state *order_state,
                                                enum wire_state state, uint64_t under_way,
                                                const struct base_digest *running)
{
    (void) desired;
    (void) order_state;
    (void) state;
    (void) under_way;
    (void) running;
    return (struct update_order){.update = false};
}
