/* SPDX-License-Identifier: MPL-2.0 */
/*  node/later.h - whether an order that found this host unfit is kept to be retried */

#ifndef NODE_LATER_H
#define NODE_LATER_H

#include "wire/wire.h"

static inline bool node_retry_is_kept (const struct wire_order_state *order_state)
{
    return order_state->unfit && order_state->retry && order_state->under_way > order_state->epoch;
}

#endif
