/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/deploy/apply.c - what rollouts ask of their owner, and when */

#include "owner.h"

TestSuite (apply, .init = owner_init, .fini = owner_deinit, .timeout = 120);

Test (apply, orders_are_announced_and_published_when_they_are_on_disk)
{
    owner_rollout_put (3);
    owner_load ();
    cr_expect_eq (owner.delay_ms, 0, "a rollout is checked at once");
    deploy_tick (&owner.deploy);
    cr_expect_eq (owner.ordered, 3);
    cr_expect_eq (owner.announced, 3);
    cr_expect_eq (owner.announcements, 1);
    cr_expect_eq (owner.changes, 1);
    cr_expect_geq (owner.settled, 1, "what others have written is committed first");
    cr_expect_eq (owner_member (2), WIRE_MEMBER_ORDERED);
    deploy_tick (&owner.deploy);
    cr_expect_eq (owner.ordered, 3, "nothing is due");
}

Test (apply, a_transaction_that_fails_announces_nothing_and_is_done_again)
{
    owner_rollout_put (2);
    owner_load ();
    owner_execute ("CREATE TRIGGER no BEFORE UPDATE ON rollouts BEGIN SELECT RAISE (FAIL, 'no'); END");
    deploy_tick (&owner.deploy);
    cr_expect_eq (owner.ordered, 2);
    cr_expect_eq (owner.announcements + owner.changes, 0);
    cr_expect_eq (owner_member (0), WIRE_MEMBER_WAITING);
    cr_expect_gt (owner.delay_ms, 0, "it is tried again, but not at once");

    owner_execute ("DROP TRIGGER no");
    owner.deploy.clock.boot_ms -= 1100; /* the delay has passed */
    deploy_tick (&owner.deploy);
    cr_expect_eq (owner.ordered, 4, "the orders that were undone");
    cr_expect_eq (owner.announced, 2);
    cr_expect_eq (owner_member (0), WIRE_MEMBER_ORDERED);
}

Test (apply, the_orders_of_one_transaction_are_bounded)
{
    owner_rollout_put (OWNER_NODES);
    owner_load ();
    deploy_tick (&owner.deploy);
    cr_expect_eq (owner.ordered, DEPLOY_ORDERS_MOST);
    cr_expect_eq (owner.announced, DEPLOY_ORDERS_MOST);
    cr_expect_eq (owner.delay_ms, 0, "the rest follows at once");
    cr_expect_eq (owner_member (OWNER_NODES - 1), WIRE_MEMBER_WAITING);
    deploy_tick (&owner.deploy);
    cr_expect_eq (owner.ordered, OWNER_NODES);
    cr_expect_eq (owner.announced, OWNER_NODES);
}

Test (apply, a_member_whose_node_is_unknown_is_skipped)
{
    owner_rollout_put (2);
    owner.n_nodes = 1;
    owner_load ();
    deploy_tick (&owner.deploy);
    cr_expect_eq (owner.ordered, 1);
    cr_expect_eq (owner_member (0), WIRE_MEMBER_ORDERED);
    cr_expect_eq (owner_member (1), WIRE_MEMBER_SKIPPED);
}

/*  One node, which was ordered to update and has reported under that order. */
static void node_report (enum wire_state state)
{
    owner_rollout_put (1);
    owner_load ();
    deploy_tick (&owner.deploy);
    cr_assert_eq (owner.ordered, 1);
    owner_application_put (owner.ids[0], state, owner.epoch);
    deploy_node_changed (&owner.deploy, owner.ids[0], true);
    deploy_tick (&owner.deploy);
}

Test (apply, a_missing_result_is_looked_for_again_before_it_is_inferred)
{
    uint64_t before_ms = base_time_boot_ms ();

    owner.missing = true;
    node_report (WIRE_STATE_IDLE);
    cr_expect_str_eq (owner.rechecked, "n-000");
    cr_expect_geq (owner.recheck_ms, before_ms + DEPLOY_SETTLE_MS);
    cr_expect_leq (owner.recheck_ms, base_time_boot_ms () + DEPLOY_SETTLE_MS);
    cr_expect_eq (owner_member (0), WIRE_MEMBER_ORDERED);
}

Test (apply, a_node_is_not_charged_while_its_blobs_are_being_read)
{
    owner.outcome = WIRE_OUTCOME_FAILED;
    owner.verified = -EBUSY;
    node_report (WIRE_STATE_IDLE);
    cr_expect_str_eq (owner.rechecked, "n-000");
    cr_expect_eq (owner_member (0), WIRE_MEMBER_ORDERED);
}

Test (apply, a_release_that_cannot_be_served_pauses_its_rollout_and_charges_nobody)
{
    owner.outcome = WIRE_OUTCOME_FAILED;
    owner.verified = 1;
    node_report (WIRE_STATE_IDLE);
    cr_expect (owner.paused);
    cr_expect_not_null (strstr (owner.reason, "is missing or damaged at the broker"), "%s", owner.reason);
    cr_expect_eq (owner_member (0), WIRE_MEMBER_WAITING);
    cr_expect_eq (owner.deploy.live[0]->machine.charged, 0);
}

Test (apply, a_download_that_failed_although_all_blobs_are_intact_charges_the_node)
{
    owner.outcome = WIRE_OUTCOME_FAILED;
    node_report (WIRE_STATE_IDLE);
    cr_expect_eq (owner_member (0), WIRE_MEMBER_FAILED);
}
