/* SPDX-License-Identifier: MPL-2.0 */
/*  update/order.h - what a node has to do about a desired state; pure

    A desired state is cumulative: it contains the epoch since which each thing is wanted. The node compares
    these epochs with those that it has completed. So it carries out every order once, however often and in
    whatever order the desired states arrive. */

#ifndef UPDATE_ORDER_H
#define UPDATE_ORDER_H

#include "wire/wire.h"

/*  What has to be done. Several members may be set; they are carried out in this order. */
struct update_order {
    bool hold;           /* apply desired->held, and store hold_epoch */
    bool clear;          /* clear the quarantine, and store clear_epoch */
    bool cancel;         /* end the update that is under way or waits for another try */
    bool cancel_late;    /* a cancellation of an update that has switched already: the update continues */
    bool cancel_nothing; /* a cancellation while nothing is under way: it is completed */
    bool revert;         /* revert to the previous version */
    bool revert_nothing; /* a revert of a release that does not run here: it is completed */
    bool update;         /* start the update to desired->release */
    bool update_held;    /* the same, refused because the node is held */
    bool update_later;   /* the same, but another update is under way: ask again at idle */
    bool older;          /* do nothing: a later state was seen; the origin was restored from older data */
    bool other;          /* do nothing: another state with the same epoch has been seen */
};

/*  state: of the procedure. under_way: the epoch of the order that it works on (0: none). running: the
    release that runs. A hold that this desired state ends counts as ended. */
struct update_order update_order_choose (const struct wire_desired *desired,
                                         const struct wire_order_state *order_state, enum wire_state state,
                                         uint64_t under_way, const struct base_digest *running);

/*  The digest of what a desired state orders. It does not depend on the version that computes it: fields that
    a later schema adds are not included. */
struct base_digest update_order_digest (const struct wire_desired *desired);

/*  Whether nothing is under way in this state. */
bool update_order_at_rest (enum wire_state state);

#endif
