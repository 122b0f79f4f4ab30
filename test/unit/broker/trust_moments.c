/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/broker/trust_moments.c - a publication, a root and a renewal that are cut off before each of their system
    calls, by a kill or by a disk that fails: nodes find what was published before or after, and repeating it succeeds */

#include "test/fault/failing_disk.h"
#include "test/unit/broker/trust_fixture.h"

static const int codes[] = {0, EIO, ENOSPC};

struct change {
    struct world *world;
    int (*make) (struct world *world);
};

/*  Makes the change in a child process whose Nth call fails. Returns whether it was made without a failing call. */
static bool change_cut (struct world *world, int (*make) (struct world *world), unsigned n, int code)
{
    int status = 0;
    pid_t pid = fork ();
    if (pid == 0) {
        struct failing_disk failing;
        world->disk = failing_init (&failing, 0, code);
        world->trust.files.disk = world->disk;
        failing.at = n;
        int r = make (world);
        bool is_cut = failing.calls >= n;
        _exit (is_cut ? 1 : r == 0 ? 0 : 2);
    }
    cr_assert_eq (waitpid (pid, &status, 0), pid);
    cr_assert (WIFEXITED (status) && WEXITSTATUS (status) != 2, "it fails without a failing call");
    return WEXITSTATUS (status) == 0;
}

static uint64_t now;
static struct trust_draft next;

static int make_publication (struct world *world)
{
    return PUBLISH (world, now, {"targets", &next});
}

static int make_root (struct world *world)
{
    return publish_root (world, &next, now);
}

static int make_renewal (struct world *world)
{
    return broker_trust_renew (&world->trust, now, &world->error);
}

static int make_keys (struct world *world)
{
    return broker_trust_make_keys (&world->trust, &world->error);
}

/*  Cuts the change off at every call; then opens the directory as a broker that starts does, and repeats it. number: the
    release that it publishes; 0: none. */
static void expect_safe (int (*make) (struct world *), void (*prepare) (struct world *), uint8_t number,
                         unsigned calls_least)
{
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        bool through = false;
        unsigned n;
        for (n = 1; !through; n++) {
            struct world world;
            struct node node;
            world_begin (&world);
            node_init (&node, &world);
            now = NOW + 2 * DAY;
            cr_assert_eq (node_refresh (&node, &world, NOW), 0);
            if (prepare)
                prepare (&world);
            through = change_cut (&world, make, n, codes[i]);
            world_reopen (&world);
            cr_assert_eq (broker_trust_renew (&world.trust, now, &world.error), 0, "call %u: %s", n,
                          world.error.text);
            cr_assert_eq (fault_count (&world), 0, "call %u: %s", n, world.trust.state.faults[0]);
            expect_found (&node, &world, "noded", 1, now);
            if (number && node_find (&node, &world, "noded", number, now) != 0)
                cr_assert_not (through, "call %u: it was published, and nodes do not find it", n);
            now++;
            cr_assert_eq (make (&world), 0, "call %u: it cannot be repeated: %s", n, world.error.text);
            expect_found (&node, &world, "noded", number ? number : 1, now);
            cr_assert_eq (world.trust.state.log.count, number ? 2 : 1, "call %u: %zu entries", n,
                          world.trust.state.log.count);
            trust_draft_deinit (&next);
            node_deinit (&node);
            world_deinit (&world);
        }
        cr_expect_gt (n, calls_least);
    }
}

static void prepare_targets (struct world *world)
{
    next = targets_next (&world->targets, 2, now);
}

static void prepare_root (struct world *world)
{
    next = root_replacing (world);
}

Test (trust_moments, a_publication)
{
    expect_safe (make_publication, prepare_targets, 2, 16);
}

Test (trust_moments, a_root_that_replaces_the_online_keys)
{
    expect_safe (make_root, prepare_root, 0, 12);
}

Test (trust_moments, a_renewal)
{
    expect_safe (make_renewal, NULL, 0, 8);
}

Test (trust_moments, online_keys)
{
    expect_safe (make_keys, NULL, 0, 6);
}

/*  The first publication of all: nothing is there to continue. */
Test (trust_moments, the_first_publication)
{
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        bool through = false;
        unsigned n;
        for (n = 1; !through; n++) {
            struct world world;
            struct node node;
            now = NOW;
            world_init (&world);
            cr_assert_eq (broker_trust_make_keys (&world.trust, &world.error), 0);
            world.root = root_first (&world, NOW + 5 * YEAR);
            cr_assert_eq (publish_root (&world, &world.root, NOW), 0);
            node_init (&node, &world);
            next = targets_next (&world.targets, 1, now);
            through = change_cut (&world, make_publication, n, codes[i]);
            world_reopen (&world);
            cr_assert_eq (broker_trust_renew (&world.trust, now, &world.error), 0, "call %u: %s", n,
                          world.error.text);
            now++;
            cr_assert_eq (make_publication (&world), 0, "call %u: it cannot be repeated: %s", n,
                          world.error.text);
            expect_found (&node, &world, "noded", 1, now);
            cr_assert_eq (world.trust.state.log.count, 1, "call %u: %zu entries", n,
                          world.trust.state.log.count);
            world_reopen (&world);
            cr_assert_eq (fault_count (&world), 0, "call %u", n);
            cr_assert_eq (world.trust.state.log.count, 1);
            trust_draft_deinit (&next);
            node_deinit (&node);
            world_deinit (&world);
        }
        cr_expect_gt (n, 16);
    }
}
