#include "update/order.h"

/*  Whether the state is one that an operator can still cancel. */
static bool before_switch (enum wire_state state)
{
    return state == WIRE_STATE_MATCHING || state == WIRE_STATE_FETCHING || state == WIRE_STATE_STAGING ||
           state == WIRE_STATE_PROBING;
}

bool update_order_at_rest (enum wire_state state)
{
    return state == WIRE_STATE_NULL || state == WIRE_STATE_IDLE || state == WIRE_STATE_UNFIT;
}

struct update_order update_order_choose (const struct wire_desired *desired,
                                         const struct wire_standing *standing, enum wire_state state,
                                         uint64_t under_way, const struct base_digest *running)
{
    struct update_order order = {.hold = false};
    if (desired->status != WIRE_STATUS_OK)
        return order;
    order.hold = desired->hold_epoch > standing->hold_epoch;
    order.clear = desired->clear_epoch > standing->clear_epoch;
    bool held = order.hold ? desired->held : standing->held;

    bool cancelled =
        desired->cancel_epoch > standing->epoch && desired->cancel_epoch > desired->release_epoch;
    bool reverted = desired->revert_epoch > standing->epoch && desired->revert_epoch > desired->release_epoch;
    if (cancelled || reverted) {
        order.cancel = under_way != 0 && before_switch (state);
        order.cancel_nothing = cancelled && !order.cancel && update_order_at_rest (state);
    }
    if (reverted && !order.cancel) {
        bool runs =
            base_digest_is_null (&desired->revert_from) || base_digest_equal (&desired->revert_from, running);
        order.revert = runs && (update_order_at_rest (state) || state == WIRE_STATE_TRIAL);
        order.revert_nothing = !runs && update_order_at_rest (state);
        return order;
    }
    bool wanted = !base_digest_is_null (&desired->release) && desired->release_epoch > standing->epoch &&
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
