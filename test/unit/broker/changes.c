/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/broker/changes.c - the change bus, and what those do that subscribe first */

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "broker/publish.h"
#include "broker/revisions.h"
#include "broker/rollouts.h"
#include "broker/commit.h"
#include "deploy/deploy.h"
#include "disk/disk.h"

static struct broker_changes changes;
static char heard[256];

static void heard_add (const char *text)
{
    size_t size = strlen (heard);

    (void) snprintf (heard + size, sizeof heard - size, "%s ", text);
}

static void on_node (void *context, const struct broker_node_change *change)
{
    char text[64];

    (void) snprintf (text, sizeof text, "%s:%s:%u:%zu", (const char *) context, change->node->id,
                     change->flags, change->n_events);
    heard_add (text);
}

static void on_rollout (void *context, const struct broker_rollout_change *change)
{
    char text[64];

    (void) snprintf (text, sizeof text, "%s:%s:%zu", (const char *) context, change->rollout->state.id,
                     change->n_transitions);
    heard_add (text);
}

static const struct broker_changes_ops both = {.node = on_node, .rollout = on_rollout};
static const struct broker_changes_ops only_nodes = {.node = on_node};
static const struct broker_changes_ops only_rollouts = {.rollout = on_rollout};

Test (changes, reach_every_subscriber_in_the_order_of_their_subscriptions)
{
    struct broker_node_event events = {.event = WIRE_EVENT_CONNECTED};
    struct broker_node node = {.id = "n"};
    struct wire_transition transitions[2] = {{.serial = 1}, {.serial = 2}};
    struct deploy_rollout rollout = {.state.id = "r-1"};
    char a[] = "a", b[] = "b", c[] = "c";

    cr_assert_eq (broker_changes_subscribe (&changes, &only_nodes, a), 0);
    cr_assert_eq (broker_changes_subscribe (&changes, &both, b), 0);
    cr_assert_eq (broker_changes_subscribe (&changes, &only_rollouts, c), 0);
    broker_changes_node (&changes,
                         &(struct broker_node_change){
                             .node = &node, .flags = BROKER_NODE_CONTACT, .events = &events, .n_events = 1});
    cr_expect_str_eq (heard, "a:n:1:1 b:n:1:1 ");
    heard[0] = '\0';
    broker_changes_rollout (
        &changes,
        &(struct broker_rollout_change){.rollout = &rollout, .transitions = transitions, .n_transitions = 2});
    cr_expect_str_eq (heard, "b:r-1:2 c:r-1:2 ");
}

Test (changes, without_subscribers_go_nowhere)
{
    struct broker_node node = {.id = "n"};

    broker_changes_node (&changes, &(struct broker_node_change){.node = &node});
    cr_expect_str_eq (heard, "");
}

Test (changes, have_a_bounded_number_of_subscribers)
{
    char s[] = "s";
    for (size_t i = 0; i < BROKER_SUBSCRIBERS_MOST; i++)
        cr_assert_eq (broker_changes_subscribe (&changes, &both, s), 0);
    cr_expect_eq (broker_changes_subscribe (&changes, &both, s), -ENOSPC);
    cr_expect_eq (changes.n_subscribers, BROKER_SUBSCRIBERS_MOST);
}

/*  revisions, with records and without sockets */

static char root[64], path[96];
static struct broker broker;
static struct broker_node node = {.id = "web-1"};
static struct base_error error;
static uint64_t seen; /* the revision that the next subscriber found */

static void revision_take (void *context, const struct broker_node_change *change)
{
    (void) context;
    seen = change->node->revision;
}

static const struct broker_changes_ops take = {.node = revision_take};

static void records_make (void)
{
    (void) snprintf (root, sizeof root, "/tmp/changes.XXXXXX");
    cr_assert_not_null (mkdtemp (root));
    (void) snprintf (path, sizeof path, "%s/broker.db", root);
    cr_assert_eq (records_open (path, &broker.records, &error), 0, "%s", error.text);
    broker.loop = bus_loop_new ();
    cr_assert_not_null (broker.loop);
    broker_waiters_init (&broker.waiters, broker.loop, NULL, NULL);
    cr_assert_eq (broker_changes_subscribe (&broker.changes, &broker_revisions_ops, &broker), 0);
    cr_assert_eq (broker_changes_subscribe (&broker.changes, &take, NULL), 0);
}

static void records_remove (void)
{
    broker_commit_deinit (&broker);
    broker_waiters_deinit (&broker.waiters);
    broker.records = records_free (broker.records);
    broker.loop = bus_loop_free (broker.loop);
    (void) disk_tree_remove (&disk_system, AT_FDCWD, root, NULL);
}

TestSuite (revisions, .init = records_make, .fini = records_remove, .timeout = 60);

static void node_publish (unsigned flags)
{
    broker_node_publish (&broker, &(struct broker_node_change){.node = &node, .flags = flags});
}

Test (revisions, are_given_before_the_next_subscriber_is_called)
{
    uint64_t first;

    node_publish (BROKER_NODE_CONTACT);
    first = node.revision;
    cr_expect_gt (first, 0);
    cr_expect_eq (seen, first);
    cr_expect_eq (broker.revision, first);
    broker_node_changed (&broker, &node);
    cr_expect_gt (node.revision, first);
    cr_expect_eq (seen, node.revision);
}

Test (revisions, are_not_given_for_a_report_that_is_only_repeated)
{
    node_publish (BROKER_NODE_REPORT);
    uint64_t first = node.revision;
    node_publish (BROKER_NODE_REPEAT);
    cr_expect_eq (node.revision, first);
    node_publish (BROKER_NODE_REPEAT | BROKER_NODE_LABELS);
    cr_expect_gt (node.revision, first);
}

Test (revisions, of_a_rollout_count_for_all_that_is_asked_since)
{
    struct deploy_rollout rollout = {.state.id = "r-1", .state.revision = 77};

    broker_changes_rollout (&broker.changes, &(struct broker_rollout_change){.rollout = &rollout});
    cr_expect_eq (broker.revision, 77);
    rollout.state.revision = 5;
    broker_changes_rollout (&broker.changes, &(struct broker_rollout_change){.rollout = &rollout});
    cr_expect_eq (broker.revision, 77, "an older one");
}

static int item_store (struct broker *writing, void *item, struct base_error *why)
{
    struct records_node record = {.id = item, .platform = "linux/amd64", .last_seen = "x"};

    return records_node_put (writing->records, &record, why);
}

static void item_ended (struct broker *writing, void *item, bool kept)
{
    (void) writing;
    (void) item;
    heard_add (kept ? "kept" : "lost");
}

static const struct broker_write_ops item_ops = {.store = item_store, .ended = item_ended};

Test (revisions, are_given_when_the_open_transaction_is_on_disk)
{
    char other[] = "web-2";
    cr_assert_eq (broker_commit_add (&broker, &item_ops, other, &error), 0, "%s", error.text);
    cr_expect_str_eq (heard, "");
    node_publish (BROKER_NODE_CONTACT);
    cr_expect_str_eq (heard, "kept ", "published within a transaction that may still fail");
    cr_expect_eq (broker.commit.count, 0);
}
