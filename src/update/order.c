/* SPDX-License-Identifier: MPL-2.0 */
/*  update/order.c - which orders of a desired state remain to be carried out; pure */

#include "update/order.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/digest.h"

/*  Whether an operator can still cancel the update in this state. */
static bool state_is_before_switch (enum wire_state state)
{
    return state == WIRE_STATE_MATCHING || state == WIRE_STATE_FETCHING || state == WIRE_STATE_STAGING ||
           state == WIRE_STATE_PROBING;
}

bool update_order_at_rest (enum wire_state state)
{
    return state == WIRE_STATE_NULL || state == WIRE_STATE_IDLE || state == WIRE_STATE_UNFIT;
}

struct base_digest update_order_digest (const struct wire_desired *desired)
{
    base_assert (desired);
    char text[1024], release[BASE_DIGEST_TEXT], from[BASE_DIGEST_TEXT], cleared[BASE_DIGEST_TEXT];
    int length = snprintf (text, sizeof text,
                           "release %" PRIu64 " %s %s\nrevert %" PRIu64 " %s\ncancel %" PRIu64
                           "\nclear %" PRIu64 " %s\nhold %" PRIu64 " %d\n",
                           desired->release_epoch, base_digest_format (&desired->release, release),
                           desired->transaction ? desired->transaction : "", desired->revert_epoch,
                           base_digest_format (&desired->revert_from, from), desired->cancel_epoch,
                           desired->clear_epoch, base_digest_format (&desired->clear_release, cleared),
                           desired->hold_epoch, desired->held);
    return base_digest_of (text, (size_t) length);
}

struct update_order update_order_choose (const struct wire_desired *desired,
                                         const struct wire_order_state *order_state, enum wire_state state,
                                         uint64_t under_way, const struct base_digest *running)
{
    base_assert (desired);
    base_assert (order_state);
    base_assert (running);
    struct update_order order = {.hold = false};
    if (desired->status != WIRE_STATUS_OK)
        return order;
    if (desired->epoch < order_state->seen_epoch) {
        order.older = true;
        return order;
    }
    if (desired->epoch == order_state->seen_epoch && !base_digest_is_null (&order_state->seen_digest)) {
        struct base_digest digest = update_order_digest (desired);
        order.other = !base_digest_equal (&digest, &order_state->seen_digest);
        if (order.other)
            return order;
    }
    order.hold = desired->hold_epoch > order_state->hold_epoch;
    order.clear = desired->clear_epoch > order_state->clear_epoch;
    bool held = order.hold ? desired->held : order_state->held;

    bool cancelled =
        desired->cancel_epoch > order_state->epoch && desired->cancel_epoch > desired->release_epoch;
    bool reverted =
        desired->revert_epoch > order_state->epoch && desired->revert_epoch > desired->release_epoch;
    if (cancelled || reverted) {
        order.cancel = under_way != 0 && (state_is_before_switch (state) || state == WIRE_STATE_UNFIT);
        order.cancel_late =
            cancelled && under_way != 0 && !state_is_before_switch (state) && !update_order_at_rest (state);
        order.cancel_nothing = cancelled && !order.cancel && update_order_at_rest (state);
    }
    if (reverted && !order.cancel) {
        bool runs =
            base_digest_is_null (&desired->revert_from) || base_digest_equal (&desired->revert_from, running);
        order.revert = runs && (update_order_at_rest (state) || state == WIRE_STATE_TRIAL);
        order.revert_nothing = !runs && update_order_at_rest (state);
        return order;
    }
    bool wanted = !base_digest_is_null (&desired->release) && desired->release_epoch > order_state->epoch &&
                  desired->release_epoch > desired->revert_epoch &&
                  desired->release_epoch > desired->cancel_epoch;
    if (!wanted || desired->release_epoch == under_way)
        return order;
    if (!update_order_at_rest (state))
        order.update_later = true;
    else if (held)
        order.update_held = true;
    else
        order.update = true;
    return order;
}
