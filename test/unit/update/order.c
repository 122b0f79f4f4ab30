/*  What a node does about a desired state, whatever it has missed, and however often it is told. */

#include <criterion/criterion.h>

#include "update/order.h"

static const struct base_digest runs = {{1}}, wanted = {{2}};

static struct wire_desired desired_release (uint64_t epoch)
{
    return (struct wire_desired){
        .status = WIRE_STATUS_OK, .epoch = epoch, .release = wanted, .release_epoch = epoch};
}

static struct update_order choose (const struct wire_desired *desired, const struct wire_standing *standing,
                                   enum wire_state state, uint64_t under_way)
{
    return update_order_choose (desired, standing, state, under_way, &runs);
}

Test (order, a_new_epoch_at_rest_is_taken_up_and_an_old_one_is_not)
{
    struct wire_standing standing = {.epoch = 4};
    struct wire_desired desired = desired_release (5);
    cr_expect (choose (&desired, &standing, WIRE_STATE_IDLE, 0).update);
    cr_expect (choose (&desired, &standing, WIRE_STATE_UNFIT, 0).update);
    standing.epoch = 5;
    cr_expect_not (choose (&desired, &standing, WIRE_STATE_IDLE, 0).update, "told twice, done once");
    standing.epoch = 9;
    cr_expect_not (choose (&desired, &standing, WIRE_STATE_IDLE, 0).update, "a lower epoch is stale");
}

Test (order, nothing_is_done_without_a_desired_state)
{
    struct wire_standing standing = {.epoch = 0};
    struct wire_desired desired = desired_release (5);
    desired.status = WIRE_STATUS_NONE;
    struct update_order order = choose (&desired, &standing, WIRE_STATE_IDLE, 0);
    cr_expect_not (order.update || order.revert || order.hold || order.clear || order.cancel);
}

Test (order, a_second_update_waits_until_the_first_has_ended)
{
    struct wire_standing standing = {.epoch = 4};
    struct wire_desired desired = desired_release (6);
    struct update_order order = choose (&desired, &standing, WIRE_STATE_FETCHING, 5);
    cr_expect (order.update_later);
    cr_expect_not (order.update);
    order = choose (&desired, &standing, WIRE_STATE_FETCHING, 6);
    cr_expect_not (order.update_later, "the order under way is not waited for");
}

Test (order, a_held_node_refuses_and_a_hold_that_ends_with_the_same_state_does_not_stand_in_the_way)
{
    struct wire_standing standing = {.epoch = 4, .held = true, .hold_epoch = 3};
    struct wire_desired desired = desired_release (6);
    cr_expect (choose (&desired, &standing, WIRE_STATE_IDLE, 0).update_held);
    desired.hold_epoch = 5;
    desired.held = false;
    struct update_order order = choose (&desired, &standing, WIRE_STATE_IDLE, 0);
    cr_expect (order.hold && order.update && !order.update_held);
    standing = (struct wire_standing){.epoch = 4};
    desired.held = true;
    cr_expect (choose (&desired, &standing, WIRE_STATE_IDLE, 0).update_held, "held in the meantime");
}

Test (order, a_revert_is_only_for_the_release_that_it_names)
{
    struct wire_standing standing = {.epoch = 5};
    struct wire_desired desired = desired_release (5);
    desired.revert_epoch = 6;
    desired.revert_from = runs;
    cr_expect (choose (&desired, &standing, WIRE_STATE_IDLE, 0).revert);
    desired.revert_from = wanted;
    struct update_order order = choose (&desired, &standing, WIRE_STATE_IDLE, 0);
    cr_expect (order.revert_nothing && !order.revert, "what is to be left does not run here");
    desired.revert_from = (struct base_digest){{0}};
    cr_expect (choose (&desired, &standing, WIRE_STATE_IDLE, 0).revert, "no name: whatever runs");
    standing.epoch = 6;
    cr_expect_not (choose (&desired, &standing, WIRE_STATE_IDLE, 0).revert, "told twice, done once");
}

Test (order, a_revert_cancels_what_has_not_switched_and_goes_before_an_older_update)
{
    struct wire_standing standing = {.epoch = 4};
    struct wire_desired desired = desired_release (5);
    desired.revert_epoch = 6;
    struct update_order order = choose (&desired, &standing, WIRE_STATE_PROBING, 5);
    cr_expect (order.cancel && !order.revert);
    order = choose (&desired, &standing, WIRE_STATE_SWITCHING, 5);
    cr_expect_not (order.cancel || order.revert, "between switch and trial nothing is done");
    order = choose (&desired, &standing, WIRE_STATE_TRIAL, 5);
    cr_expect (order.revert, "on trial it is the quickest way back");
    order = choose (&desired, &standing, WIRE_STATE_IDLE, 0);
    cr_expect (order.revert && !order.update);
}

Test (order, an_update_ordered_after_a_revert_or_a_cancellation_is_taken_up)
{
    struct wire_standing standing = {.epoch = 7};
    struct wire_desired desired = desired_release (8);
    desired.revert_epoch = 6;
    desired.cancel_epoch = 7;
    struct update_order order = choose (&desired, &standing, WIRE_STATE_IDLE, 0);
    cr_expect (order.update && !order.revert && !order.cancel && !order.cancel_nothing);
}

Test (order, a_cancellation_ends_what_is_under_way_and_says_so_where_nothing_is)
{
    struct wire_standing standing = {.epoch = 4};
    struct wire_desired desired = desired_release (5);
    desired.cancel_epoch = 6;
    cr_expect (choose (&desired, &standing, WIRE_STATE_FETCHING, 5).cancel);
    struct update_order order = choose (&desired, &standing, WIRE_STATE_IDLE, 0);
    cr_expect (order.cancel_nothing && !order.update, "cancelled before it was heard of");
    static const enum wire_state late[] = {WIRE_STATE_SWITCHING, WIRE_STATE_RESTARTING, WIRE_STATE_TRIAL,
                                           WIRE_STATE_CONFIRMED, WIRE_STATE_REVERTING};
    for (size_t i = 0; i < sizeof late / sizeof *late; i++) {
        order = choose (&desired, &standing, late[i], 5);
        cr_expect (order.cancel_late && !order.cancel && !order.cancel_nothing, "too late in %s",
                   wire_state_word (late[i]));
    }
    cr_expect_not (choose (&desired, &standing, WIRE_STATE_FETCHING, 5).cancel_late);
    cr_expect_not (choose (&desired, &standing, WIRE_STATE_IDLE, 0).cancel_late);
    standing.epoch = 6;
    cr_expect_not (choose (&desired, &standing, WIRE_STATE_IDLE, 0).cancel_nothing);
}

Test (order, the_quarantine_is_cleared_once)
{
    struct wire_standing standing = {.epoch = 4, .clear_epoch = 4};
    struct wire_desired desired = {.status = WIRE_STATUS_OK, .epoch = 5, .clear_epoch = 5};
    cr_expect (choose (&desired, &standing, WIRE_STATE_IDLE, 0).clear);
    standing.clear_epoch = 5;
    cr_expect_not (choose (&desired, &standing, WIRE_STATE_IDLE, 0).clear);
}

Test (order, a_state_that_was_left_behind_is_not_obeyed_nor_one_that_gives_its_epoch_another_meaning)
{
    struct wire_desired desired = desired_release (6), older = desired_release (5);
    struct wire_standing standing = {
        .epoch = 4, .seen_epoch = 6, .seen_digest = update_order_digest (&desired)};
    struct update_order order = choose (&older, &standing, WIRE_STATE_IDLE, 0);
    cr_expect (order.older);
    cr_expect_not (order.update, "its epoch has not ended, and something else is wanted since");
    order = choose (&desired, &standing, WIRE_STATE_IDLE, 0);
    cr_expect (order.update && !order.other, "told again");
    desired.release = runs;
    order = choose (&desired, &standing, WIRE_STATE_IDLE, 0);
    cr_expect (order.other);
    cr_expect_not (order.update);
    desired.hold_epoch = desired.epoch = 7;
    order = choose (&desired, &standing, WIRE_STATE_IDLE, 0);
    cr_expect (order.hold && order.update, "a higher epoch brings whatever it brings");
}

Test (order, whatever_an_order_changes_shows_in_its_digest)
{
    struct wire_desired plain = desired_release (6);
    plain.transaction = (char *) "t-1";
    struct base_digest digest = update_order_digest (&plain);
    struct wire_desired changed[10];
    for (size_t i = 0; i < 10; i++)
        changed[i] = plain;
    changed[0].release = runs;
    changed[1].release_epoch = 5;
    changed[2].transaction = (char *) "t-2";
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
