/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/broker/trust_damage.c - files of ROOT/trust that are lost, damaged or old */

#include "test/unit/broker/trust_fixture.h"

static char name[TRUST_FILE_TEXT];

/*  Three releases; the last one at NOW + 300. */
static void fleet (struct world *world, struct node *node)
{
    world_begin (world);
    node_init (node, world);
    world_release (world, 2, NOW + 200);
    world_release (world, 3, NOW + 300);
    cr_assert_eq (node_refresh (node, world, NOW + 300), 0);
}

static void end (struct world *world, struct node *node)
{
    node_deinit (node);
    world_deinit (world);
}

/*  Repairs as the start of a broker does. */
static void repair (struct world *world, uint64_t now)
{
    int r = broker_trust_renew (&world->trust, now, &world->error);
    cr_assert_eq (r, 0, "%s", world->error.text);
}

static void lose_timestamp (struct world *world)
{
    file_remove (world, "timestamp.json");
}

static void damage_timestamp (struct world *world)
{
    file_damage (world, "timestamp.json");
}

static void lose_snapshot (struct world *world)
{
    file_remove (world, version_name ("snapshot", broker_trust_version (&world->trust, "snapshot"), name));
}

static void damage_snapshot (struct world *world)
{
    file_damage (world, version_name ("snapshot", broker_trust_version (&world->trust, "snapshot"), name));
}

static void lose_both (struct world *world)
{
    lose_snapshot (world);
    lose_timestamp (world);
}

static void lose_log (struct world *world)
{
    file_remove (world, "log");
}

static void damage_log (struct world *world)
{
    file_damage (world, "log");
}

static void lose_log_and_timestamp (struct world *world)
{
    lose_log (world);
    lose_timestamp (world);
}

static void lose_older_targets (struct world *world)
{
    file_remove (world, version_name ("targets", NOW + 200, name));
}

Test (trust_damage, what_the_broker_signs_is_made_again)
{
    static void (*const losses[]) (struct world *) = {
        lose_timestamp, damage_timestamp, lose_snapshot,          damage_snapshot,   lose_both,
        lose_log,       damage_log,       lose_log_and_timestamp, lose_older_targets};
    for (size_t i = 0; i < sizeof losses / sizeof *losses; i++) {
        struct world world;
        struct node node;
        fleet (&world, &node);
        struct trust_log_head head = broker_trust_log_head (&world.trust.state.log);
        losses[i](&world);
        world_reopen (&world);
        cr_assert (world.trust.state.published);
        repair (&world, NOW + 400);
        cr_assert_eq (fault_count (&world), 0, "loss %zu: %s", i,
                      world.trust.state.faults ? world.trust.state.faults[0] : "");
        struct trust_log_head again = broker_trust_log_head (&world.trust.state.log);
        cr_assert (trust_log_head_equal (&again, &head), "loss %zu: the log has another head", i);
        expect_found (&node, &world, "noded", 3, NOW + 400);
        world_release (&world, 4, NOW + 500);
        expect_found (&node, &world, "noded", 4, NOW + 500);
        world_reopen (&world);
        cr_assert_eq (fault_count (&world), 0);
        expect_found (&node, &world, "noded", 4, NOW + 500);
        end (&world, &node);
    }
}

Test (trust_damage, a_repair_takes_no_version_back_when_the_clock_is_behind)
{
    struct world world;
    struct node node;
    fleet (&world, &node);
    repair (&world, NOW + 3 * DAY);
    cr_assert_eq (node_refresh (&node, &world, NOW + 3 * DAY), 0);
    lose_timestamp (&world);
    world_reopen (&world);
    repair (&world, NOW + 400);
    expect_found (&node, &world, "noded", 3, NOW + 400);
    end (&world, &node);
}

/*  Lost and damaged targets: served is the rest, and the same file repairs it. */
static void expect_repaired_targets (bool lost)
{
    struct world world;
    struct node node;
    const struct broker_trust_cached *file;
    struct base_digest one = release_of (1);
    fleet (&world, &node);
    version_name ("targets", NOW + 300, name);
    if (lost)
        file_remove (&world, name);
    else
        file_damage (&world, name);
    world_reopen (&world);
    cr_assert (has_fault (&world, "publish them again"), "%s", world.trust.state.faults[0]);
    cr_assert (world.trust.state.published);
    cr_assert_not (broker_trust_lists (&world.trust, "noded", &one),
                   "nothing is offered as if there were no root");
    cr_assert_eq (broker_trust_read (&world.trust, "timestamp", 0, &file, NULL), 0);
    cr_assert_eq (broker_trust_read (&world.trust, "root", 0, &file, NULL), 0);
    cr_assert_eq (broker_trust_read (&world.trust, "targets", 0, &file, &world.error), lost ? -ENOENT : -EIO);
    repair (&world, NOW + 2 * DAY);
    cr_assert_eq (PUBLISH (&world, NOW + 2 * DAY + 1, {"targets", &world.targets}), 0, "%s",
                  world.error.text);
    cr_assert_eq (fault_count (&world), 0);
    expect_found (&node, &world, "noded", 3, NOW + 2 * DAY + 1);
    end (&world, &node);
}

Test (trust_damage, lost_targets_are_named_and_published_again)
{
    expect_repaired_targets (true);
}

Test (trust_damage, damaged_targets_are_not_served_and_published_again)
{
    expect_repaired_targets (false);
}

Test (trust_damage, newer_targets_replace_damaged_ones)
{
    struct world world;
    struct node node;
    fleet (&world, &node);
    file_damage (&world, version_name ("targets", NOW + 300, name));
    world_reopen (&world);
    world_release (&world, 4, NOW + 500);
    cr_assert_eq (fault_count (&world), 0);
    expect_found (&node, &world, "noded", 4, NOW + 500);
    end (&world, &node);
}

static void second_root (struct world *world, struct trust_draft *ret_root)
{
    cr_assert_eq (trust_draft_root_next (&world->root, NOW + 5 * YEAR, ret_root, NULL), 0);
    sign (ret_root, KEY_ROOT);
    cr_assert_eq (publish_root (world, ret_root, NOW + 310), 0, "%s", world->error.text);
}

Test (trust_damage, a_damaged_root_is_named_the_older_one_is_served_and_publishing_it_again_repairs)
{
    struct world world;
    struct node node;
    struct trust_draft two = {.json = NULL};
    fleet (&world, &node);
    second_root (&world, &two);
    file_damage (&world, "2.root.json");
    world_reopen (&world);
    cr_assert (has_fault (&world, "root version 2 cannot be used"));
    cr_assert_eq (broker_trust_version (&world.trust, "root"), 1);
    expect_found (&node, &world, "noded", 3, NOW + 320);
    cr_assert_eq (publish_root (&world, &two, NOW + 330), 0, "%s", world.error.text);
    cr_assert_eq (fault_count (&world), 0);
    expect_found (&node, &world, "noded", 3, NOW + 330);
    trust_draft_deinit (&two);
    end (&world, &node);
}

Test (trust_damage, a_root_in_the_middle_is_named_and_published_again)
{
    struct world world;
    struct node node;
    struct trust_draft two = {.json = NULL}, other = {.json = NULL}, three = {.json = NULL};
    fleet (&world, &node);
    second_root (&world, &two);
    cr_assert_eq (trust_draft_root_next (&two, NOW + 5 * YEAR, &three, NULL), 0);
    sign (&three, KEY_ROOT);
    cr_assert_eq (publish_root (&world, &three, NOW + 311), 0);
    file_remove (&world, "2.root.json");
    world_reopen (&world);
    cr_assert (has_fault (&world, "nodes whose root is older than version 3 cannot follow"));
    cr_assert_eq (broker_trust_version (&world.trust, "root"), 3);
    cr_assert_eq (trust_draft_root_next (&world.root, NOW + YEAR, &other, NULL), 0);
    sign (&other, KEY_ALICE);
    cr_assert_eq (publish_root (&world, &other, NOW + 312), BROKER_E_REFUSED, "not signed by its own key");
    struct trust_secret removed = secret_of (KEY_ROOT);
    json_t *added = public_of (KEY_ALICE);
    cr_assert_eq (trust_draft_root_add_key (&other, TRUST_ROOT, added, NULL), 0);
    cr_assert_eq (trust_draft_root_remove_key (&other, TRUST_ROOT, &removed.keyid, NULL), 0);
    sign (&other, KEY_ALICE);
    cr_assert_eq (publish_root (&world, &other, NOW + 312), BROKER_E_REFUSED, "version 3 does not follow it");
    json_decref (added);
    cr_assert_eq (publish_root (&world, &two, NOW + 312), 0, "%s", world.error.text);
    cr_assert_eq (fault_count (&world), 0);
    expect_found (&node, &world, "noded", 3, NOW + 312);
    trust_draft_deinit (&two);
    trust_draft_deinit (&other);
    trust_draft_deinit (&three);
    end (&world, &node);
}

Test (trust_damage, without_any_root_nothing_is_offered_until_it_is_published_again)
{
    struct world world;
    struct node node;
    struct base_digest one = release_of (1);
    fleet (&world, &node);
    file_damage (&world, "1.root.json");
    world_reopen (&world);
    cr_assert (world.trust.state.published);
    cr_assert_not (broker_trust_lists (&world.trust, "noded", &one));
    struct trust_draft four = targets_next (&world.targets, 4, NOW + 400);
    cr_assert_eq (PUBLISH (&world, NOW + 400, {"targets", &four}), BROKER_E_REFUSED);
    cr_assert_eq (publish_root (&world, &world.root, NOW + 400), 0, "%s", world.error.text);
    cr_assert_eq (fault_count (&world), 0);
    expect_found (&node, &world, "noded", 3, NOW + 400);
    trust_draft_deinit (&four);
    end (&world, &node);
}

Test (trust_damage, a_restored_older_directory_is_not_refused_for_ever)
{
    struct world world;
    struct node node;
    fleet (&world, &node);
    copy (&world, "trust", "old");
    world_release (&world, 4, NOW + 400);
    struct trust_draft newest = {.json = NULL};
    repair (&world, NOW + 2 * DAY);
    cr_assert_eq (node_refresh (&node, &world, NOW + 2 * DAY), 0);
    world_restore (&world, "old");
    repair (&world, NOW + 3 * DAY);
    /* what nodes have seen is missing here: they refuse, and say so, until it is published again */
    cr_assert_eq (node_refresh (&node, &world, NOW + 3 * DAY), TRUST_E_VERSION);
    cr_assert_eq (PUBLISH (&world, NOW + 3 * DAY + 1, {"targets", &world.targets}), 0, "%s",
                  world.error.text);
    expect_found (&node, &world, "noded", 4, NOW + 3 * DAY + 1);
    trust_draft_deinit (&newest);
    end (&world, &node);
}

Test (trust_damage, lost_online_keys_are_named_and_replaced_by_a_new_root)
{
    struct world world;
    struct node node;
    struct trust_draft two = {.json = NULL};
    fleet (&world, &node);
    cr_assert_eq (disk_tree_remove (&disk_system, world.trust.files.fd, "keys", NULL), 0);
    world_reopen (&world);
    expect_found (&node, &world, "noded", 3, NOW + 400);
    cr_assert_eq (broker_trust_renew (&world.trust, NOW + 2 * DAY, &world.error), BROKER_E_REFUSED);
    cr_assert (strstr (world.error.text, "no key that root version 1 lists"), "%s", world.error.text);
    cr_assert_str_not_empty (world.trust.renewal);
    struct trust_draft four = targets_next (&world.targets, 4, NOW + 2 * DAY);
    cr_assert_eq (PUBLISH (&world, NOW + 2 * DAY, {"targets", &four}), BROKER_E_REFUSED);
    cr_assert_eq (broker_trust_make_keys (&world.trust, NULL), 0);
    cr_assert_eq (trust_draft_root_next (&world.root, NOW + 5 * YEAR, &two, NULL), 0);
    json_t *timestamp = online_of (&world, TRUST_TIMESTAMP), *snapshot = online_of (&world, TRUST_SNAPSHOT);
    cr_assert_eq (trust_draft_root_rotate_online (&two, &(struct trust_draft_keys){&timestamp, 1, 1},
                                                  &(struct trust_draft_keys){&snapshot, 1, 1}, NULL),
                  0);
    sign (&two, KEY_ROOT);
    cr_assert_eq (publish_root (&world, &two, NOW + 2 * DAY), 0, "%s", world.error.text);
    cr_assert_str_empty (world.trust.renewal);
    expect_found (&node, &world, "noded", 3, NOW + 2 * DAY);
    json_decref (timestamp);
    json_decref (snapshot);
    trust_draft_deinit (&two);
    trust_draft_deinit (&four);
    end (&world, &node);
}

Test (trust_damage, a_log_that_cannot_be_regained_stops_publishing_and_nothing_else)
{
    struct world world;
    struct node node;
    fleet (&world, &node);
    world_release (&world, 9, NOW + 310);
    world_release (&world, 4, NOW + 320);
    lose_log (&world);
    file_remove (&world, version_name ("targets", NOW + 310, name)); /* only it shows that 9 was before 4 */
    world_reopen (&world);
    cr_assert (has_fault (&world, "the log of releases has 0 intact entries, but 5 are published"));
    repair (&world, NOW + 2 * DAY);
    expect_found (&node, &world, "noded", 3, NOW + 2 * DAY);
    struct trust_draft next = targets_next (&world.targets, 10, NOW + 2 * DAY);
    cr_assert_eq (PUBLISH (&world, NOW + 2 * DAY, {"targets", &next}), BROKER_E_REFUSED);
    cr_assert (strstr (world.error.text, "put back ROOT/trust/log"), "%s", world.error.text);
    struct trust_draft two = root_replacing (&world);
    cr_assert_eq (publish_root (&world, &two, NOW + 2 * DAY), 0, "%s", world.error.text);
    cr_assert_eq (PUBLISH (&world, NOW + 2 * DAY, {"targets", &next}), 0, "a new log: %s", world.error.text);
    expect_found (&node, &world, "noded", 10, NOW + 2 * DAY);
    trust_draft_deinit (&two);
    trust_draft_deinit (&next);
    end (&world, &node);
}

Test (trust_damage, entries_of_a_publication_that_did_not_happen_are_not_in_the_log)
{
    struct world world;
    struct node node;
    char path[256], line[BASE_DIGEST_TEXT];
    struct base_digest stray = release_of (77);
    fleet (&world, &node);
    base_cleanup (base_close_p) int fd =
        open (file_path (&world, "log", path), O_WRONLY | O_APPEND | O_CLOEXEC);
    (void) base_digest_format (&stray, line);
    line[sizeof line - 1] = '\n';
    cr_assert_eq (write (fd, line, sizeof line), (ssize_t) sizeof line);
    world_reopen (&world);
    cr_assert_eq (fault_count (&world), 0);
    cr_assert_eq (world.trust.state.log.count, 3);
    world_release (&world, 4, NOW + 500);
    cr_assert_eq (world.trust.state.log.count, 4);
    cr_assert_eq (broker_trust_log_find (&world.trust.state.log, &stray), -1);
    world_reopen (&world);
    cr_assert_eq (world.trust.state.log.count, 4);
    end (&world, &node);
}

Test (trust_damage, a_forged_set_is_refused_while_the_snapshot_is_lost)
{
    struct world world;
    struct node node;
    struct trust_draft forged = {.json = NULL};
    fleet (&world, &node);
    lose_both (&world);
    world_reopen (&world);
    cr_assert_eq (trust_draft_targets_next (&world.targets, NOW + 400, NOW + YEAR, &forged, NULL), 0);
    list_release (&forged, "noded", 66);
    sign (&forged, KEY_ALICE);
    cr_assert_eq (PUBLISH (&world, NOW + 400, {"targets", &forged}), BROKER_E_REFUSED);
    cr_assert (strstr (world.error.text, "is not signed by the keys"), "%s", world.error.text);
    world_release (&world, 4, NOW + 500);
    expect_found (&node, &world, "noded", 4, NOW + 500);
    trust_draft_deinit (&forged);
    end (&world, &node);
}

Test (trust_damage, nothing_is_signed_by_a_clock_that_is_certainly_wrong)
{
    static const uint64_t clocks[] = {0, 1000000000, TRUST_EXPIRES_MOST};
    struct world world;
    struct node node;
    fleet (&world, &node);
    struct trust_draft four = targets_next (&world.targets, 4, NOW + 400);
    for (size_t i = 0; i < sizeof clocks / sizeof *clocks; i++) {
        cr_assert_eq (broker_trust_renew (&world.trust, clocks[i], &world.error), BROKER_E_REFUSED);
        cr_assert (strstr (world.error.text, "the clock of the broker's host is wrong"), "%s",
                   world.error.text);
        cr_assert_eq (PUBLISH (&world, clocks[i], {"targets", &four}), BROKER_E_REFUSED);
    }
    expect_found (&node, &world, "noded", 3, NOW + 400);
    trust_draft_deinit (&four);
    end (&world, &node);
}

Test (trust_damage, files_of_other_names_and_kinds_are_left_alone)
{
    struct world world;
    struct node node;
    char path[256];
    fleet (&world, &node);
    cr_assert_eq (mkfifo (file_path (&world, "9.targets.json", path), 0600), 0);
    cr_assert_eq (mkdir (file_path (&world, "8.snapshot.json", path), 0700), 0);
    cr_assert_eq (symlink ("/etc/passwd", file_path (&world, "7.root.json", path)), 0);
    cr_assert_eq (close (creat (file_path (&world, "notes", path), 0600)), 0);
    world_reopen (&world);
    cr_assert (has_fault (&world, "root version 7 cannot be used"));
    expect_found (&node, &world, "noded", 3, NOW + 400);
    repair (&world, NOW + 2 * DAY);
    cr_assert (file_exists (&world, "9.targets.json") && file_exists (&world, "notes"));
    end (&world, &node);
}
