/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/update/order.c - what a node does for a desired state, also for a missed or repeated one */

#include <criterion/criterion.h>

#include "update/order.h"

static const struct base_digest runs = {{1}}, wanted = {{2}};

static struct wire_desired desired_release (uint64_t epoch)
{
    return (struct wire_desired){
        .status = WIRE_STATUS_OK, .epoch = epoch, .release = wanted, .release_epoch = epoch};
}

static struct update_order order_choose (const struct wire_desired *desired,
                                         const struct wire_order_state *order_state, enum wire_state state,
                                         uint64_t under_way)
{
    return update_order_choose (desired, order_state, state, under_way, &runs);
}

Test (order, an_idle_node_starts_a_new_epoch_and_ignores_an_old_one)
{
    struct wire_order_state order_state = {.epoch = 4};
    struct wire_desired desired = desired_release (5);
    cr_expect (order_choose (&desired, &order_state, WIRE_STATE_IDLE, 0).update);
    cr_expect (order_choose (&desired, &order_state, WIRE_STATE_UNFIT, 0).update);
    order_state.epoch = 5;
    cr_expect_not (order_choose (&desired, &order_state, WIRE_STATE_IDLE, 0).update,
                   "a repeated order is carried out once");
    order_state.epoch = 9;
    cr_expect_not (order_choose (&desired, &order_state, WIRE_STATE_IDLE, 0).update,
                   "a lower epoch is stale");
}

Test (order, nothing_is_done_without_a_desired_state)
{
    struct wire_order_state order_state = {.epoch = 0};
    struct wire_desired desired = desired_release (5);
    desired.status = WIRE_STATUS_NONE;
    struct update_order order = order_choose (&desired, &order_state, WIRE_STATE_IDLE, 0);
    cr_expect_not (order.update || order.revert || order.hold || order.clear || order.cancel);
}

Test (order, a_second_update_waits_until_the_first_has_ended)
{
    struct wire_order_state order_state = {.epoch = 4};
    struct wire_desired desired = desired_release (6);
    struct update_order order = order_choose (&desired, &order_state, WIRE_STATE_FETCHING, 5);
    cr_expect (order.update_later);
    cr_expect_not (order.update);
    order = order_choose (&desired, &order_state, WIRE_STATE_FETCHING, 6);
    cr_expect_not (order.update_later, "this order is the one being carried out");
}

Test (order, a_held_node_refuses_an_update_unless_the_same_state_ends_the_hold)
{
    struct wire_order_state order_state = {.epoch = 4, .held = true, .hold_epoch = 3};
    struct wire_desired desired = desired_release (6);
    cr_expect (order_choose (&desired, &order_state, WIRE_STATE_IDLE, 0).update_held);
    desired.hold_epoch = 5;
    desired.held = false;
    struct update_order order = order_choose (&desired, &order_state, WIRE_STATE_IDLE, 0);
    cr_expect (order.hold && order.update && !order.update_held);
    order_state = (struct wire_order_state){.epoch = 4};
    desired.held = true;
    cr_expect (order_choose (&desired, &order_state, WIRE_STATE_IDLE, 0).update_held,
               "the same state holds the node");
}

Test (order, a_revert_applies_only_to_the_release_it_names)
{
    struct wire_order_state order_state = {.epoch = 5};
    struct wire_desired desired = desired_release (5);
    desired.revert_epoch = 6;
    desired.revert_from = runs;
    cr_expect (order_choose (&desired, &order_state, WIRE_STATE_IDLE, 0).revert);
    desired.revert_from = wanted;
    struct update_order order = order_choose (&desired, &order_state, WIRE_STATE_IDLE, 0);
    cr_expect (order.revert_nothing && !order.revert, "the release to revert does not run here");
    desired.revert_from = (struct base_digest){{0}};
    cr_expect (order_choose (&desired, &order_state, WIRE_STATE_IDLE, 0).revert,
               "no release is named: any release is reverted");
    order_state.epoch = 6;
    cr_expect_not (order_choose (&desired, &order_state, WIRE_STATE_IDLE, 0).revert,
                   "a repeated order is carried out once");
}

Test (order, a_revert_cancels_an_update_before_its_switch_and_precedes_an_older_one)
{
    struct wire_order_state order_state = {.epoch = 4};
    struct wire_desired desired = desired_release (5);
    desired.revert_epoch = 6;
    struct update_order order = order_choose (&desired, &order_state, WIRE_STATE_PROBING, 5);
    cr_expect (order.cancel && !order.revert);
    order = order_choose (&desired, &order_state, WIRE_STATE_SWITCHING, 5);
    cr_expect_not (order.cancel || order.revert, "between switch and trial nothing is done");
    order = order_choose (&desired, &order_state, WIRE_STATE_TRIAL, 5);
    cr_expect (order.revert, "on trial the revert starts at once");
    order = order_choose (&desired, &order_state, WIRE_STATE_IDLE, 0);
    cr_expect (order.revert && !order.update);
}

Test (order, an_update_ordered_after_a_revert_or_a_cancellation_is_started)
{
    struct wire_order_state order_state = {.epoch = 7};
    struct wire_desired desired = desired_release (8);
    desired.revert_epoch = 6;
    desired.cancel_epoch = 7;
    struct update_order order = order_choose (&desired, &order_state, WIRE_STATE_IDLE, 0);
    cr_expect (order.update && !order.revert && !order.cancel && !order.cancel_nothing);
}

Test (order, a_cancellation_ends_an_update_and_is_reported_if_there_is_none)
{
    struct wire_order_state order_state = {.epoch = 4};
    struct wire_desired desired = desired_release (5);
    desired.cancel_epoch = 6;
    cr_expect (order_choose (&desired, &order_state, WIRE_STATE_FETCHING, 5).cancel);
    struct update_order order = order_choose (&desired, &order_state, WIRE_STATE_IDLE, 0);
    cr_expect (order.cancel_nothing && !order.update, "cancelled before this node saw the order");
    static const enum wire_state late[] = {WIRE_STATE_SWITCHING, WIRE_STATE_RESTARTING, WIRE_STATE_TRIAL,
                                           WIRE_STATE_CONFIRMED, WIRE_STATE_REVERTING};
    for (size_t i = 0; i < sizeof late / sizeof *late; i++) {
        order = order_choose (&desired, &order_state, late[i], 5);
        cr_expect (order.cancel_late && !order.cancel && !order.cancel_nothing, "too late in %s",
                   wire_state_word (late[i]));
    }
    cr_expect_not (order_choose (&desired, &order_state, WIRE_STATE_FETCHING, 5).cancel_late);
    cr_expect_not (order_choose (&desired, &order_state, WIRE_STATE_IDLE, 0).cancel_late);
    order_state.epoch = 6;
    cr_expect_not (order_choose (&desired, &order_state, WIRE_STATE_IDLE, 0).cancel_nothing);
}

Test (order, the_quarantine_is_cleared_once)
{
    struct wire_order_state order_state = {.epoch = 4, .clear_epoch = 4};
    struct wire_desired desired = {.status = WIRE_STATUS_OK, .epoch = 5, .clear_epoch = 5};
    cr_expect (order_choose (&desired, &order_state, WIRE_STATE_IDLE, 0).clear);
    order_state.clear_epoch = 5;
    cr_expect_not (order_choose (&desired, &order_state, WIRE_STATE_IDLE, 0).clear);
}

Test (order, an_older_state_and_a_different_one_of_the_same_epoch_are_ignored)
{
    struct wire_desired desired = desired_release (6), older = desired_release (5);
    struct wire_order_state order_state = {
        .epoch = 4, .seen_epoch = 6, .seen_digest = update_order_digest (&desired)};
    struct update_order order = order_choose (&older, &order_state, WIRE_STATE_IDLE, 0);
    cr_expect (order.older);
    cr_expect_not (order.update, "its epoch was not carried out, but a newer state was seen");
    order = order_choose (&desired, &order_state, WIRE_STATE_IDLE, 0);
    cr_expect (order.update && !order.other, "the newest state is repeated");
    desired.release = runs;
    order = order_choose (&desired, &order_state, WIRE_STATE_IDLE, 0);
    cr_expect (order.other);
    cr_expect_not (order.update);
    desired.hold_epoch = desired.epoch = 7;
    order = order_choose (&desired, &order_state, WIRE_STATE_IDLE, 0);
    cr_expect (order.hold && order.update, "a higher epoch may change everything");
}

Test (order, every_field_of_an_order_changes_its_digest)
{
    struct wire_desired plain = desired_release (6);
    plain.transaction = "t-1";
    struct base_digest digest = update_order_digest (&plain);
    struct wire_desired changed[10];
    for (size_t i = 0; i < 10; i++)
        changed[i] = plain;
    changed[0].release = runs;
    changed[1].release_epoch = 5;
    changed[2].transaction = "t-2";
    changed[3].revert_epoch = 6;
    changed[4].revert_from = runs;
    changed[5].cancel_epoch = 6;
    changed[6].clear_epoch = 6;
    changed[7].clear_release = runs;
    changed[8].hold_epoch = 6;
    changed[9].held = true;
    for (size_t i = 0; i < 10; i++) {
        struct base_digest other = update_order_digest (&changed[i]);
        cr_expect_not (base_digest_equal (&digest, &other), "change %zu", i);
    }
}
