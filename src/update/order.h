/*  update/order.h - what a node has to do about a desired state; pure

    A desired state is cumulative: it tells since which epoch each thing is wanted. The node compares it
    with the epochs that it has come to an end with, and so carries out every order once, however often and
    in whatever order it hears of it. */

#ifndef UPDATE_ORDER_H
#define UPDATE_ORDER_H

#include "wire/wire.h"

/*  What has to be done, several at once, in the order of the members. */
struct update_order {
    bool hold;           /* obey desired->held, and remember hold_epoch */
    bool clear;          /* clear the quarantine, and remember clear_epoch */
    bool cancel;         /* end the update under way, or the one that is to be tried again */
    bool cancel_late;    /* a cancellation of the update under way, which has switched: it goes on */
    bool cancel_nothing; /* a cancellation that finds nothing under way: it has come to its end */
    bool revert;         /* go back to the previous version */
    bool revert_nothing; /* an order to go back from a release that does not run here: it has ended */
    bool update;         /* take up the update to desired->release */
    bool update_held;    /* the same, refused because the node is held */
    bool update_later;   /* another update is under way: ask again at idle */
    bool older;          /* nothing: a later state has been seen. An origin that was set back gives it */
    bool other;          /* nothing: another state with this very epoch has been seen */
};

/*  state: of the procedure. under_way: the epoch of the order that it works on (0: none). running: the
    release that runs. A hold that this very state ends counts as ended. */
struct update_order update_order_choose (const struct wire_desired *desired,
                                         const struct wire_standing *standing, enum wire_state state,
                                         uint64_t under_way, const struct base_digest *running);

/*  What a desired state orders, in a form that does not depend on the version that compares it: what a
    later schema adds does not count. */
struct base_digest update_order_digest (const struct wire_desired *desired);

/*  Whether a state is one in which nothing is under way. */
bool update_order_at_rest (enum wire_state state);

#endif
