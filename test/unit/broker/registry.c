/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/broker/registry.c - which sessions are admitted, challenged, replaced or offline

    The peers are names only; the test hands in the time. */

#include <criterion/criterion.h>
#include <errno.h>

#include "broker/registry.h"

static struct broker_registry registry;
static int pings, ping_result, settled, disconnected;
static bool settled_admitted;
static char refusal[BASE_ERROR_SIZE];
static struct base_error error;
static const struct bus_peer peer_a = {.size = 1, .id = {'a'}}, peer_b = {.size = 1, .id = {'b'}},
                             peer_c = {.size = 1, .id = {'c'}};

static int on_ping (void *context, const struct bus_peer *peer)
{
    (void) context;
    (void) peer;
    pings++;
    return ping_result;
}

static void on_settled (void *context, struct broker_node *node, const struct bus_peer *peer,
                        const struct wire_hello *hello, const char *text)
{
    (void) context;
    settled++;
    settled_admitted = !text;
    (void) snprintf (refusal, sizeof refusal, "%s", text ? text : "");
    if (!text)
        broker_registry_open (&registry, node, hello->session, peer, 5000);
}

static void on_disconnected (void *context, struct broker_node *node)
{
    (void) context;
    (void) node;
    disconnected++;
}

static const struct broker_registry_ops ops = {
    .ping = on_ping, .settled = on_settled, .disconnected = on_disconnected};

static void set_up (void)
{
    broker_registry_init (&registry, &ops, NULL, 1000);
}

static void tear_down (void)
{
    broker_registry_deinit (&registry);
}

TestSuite (registry, .init = set_up, .fini = tear_down);

static struct wire_hello hello_of (const char *id, const char *session)
{
    return (struct wire_hello){.node = id,
                               .session = session,
                               .host_pid = session, /* so that a refusal shows it */
                               .platform = "linux/amd64"};
}

static struct broker_node *node_put (const char *id)
{
    struct records_node record = {.id = id, .platform = "linux/amd64", .last_seen = "never"};
    struct broker_node *node;

    cr_assert_eq (broker_registry_put (&registry, &record, &node), 0);
    return node;
}

/*  Hands in a hello, and opens the session if it is admitted. */
static enum broker_verdict node_hello (const char *id, const char *session, const struct bus_peer *peer,
                                       uint64_t now_ms)
{
    struct wire_hello said = hello_of (id, session);
    enum broker_verdict verdict = broker_registry_hello (&registry, peer, &said, now_ms, &error);

    if (verdict == BROKER_ADMIT)
        (void) broker_registry_open (&registry, node_put (id), session, peer, now_ms);
    return verdict;
}

Test (registry, nodes_are_found_and_listed_by_id)
{
    (void) node_put ("b");
    (void) node_put ("c");
    (void) node_put ("a");
    (void) node_put ("b");
    cr_assert_eq (registry.n_nodes, 3);
    cr_assert_str_eq (registry.nodes[broker_registry_behind (&registry, NULL)]->id, "a");
    cr_assert_str_eq (registry.nodes[broker_registry_behind (&registry, "a")]->id, "b");
    cr_assert_str_eq (registry.nodes[broker_registry_behind (&registry, "bb")]->id, "c");
    cr_assert_eq (broker_registry_behind (&registry, "c"), 3);
    broker_registry_remove (&registry, "b");
    cr_assert_null (broker_registry_find (&registry, "b"));
    cr_assert_not_null (broker_registry_find (&registry, "c"));
}

Test (registry, a_silent_node_goes_offline_once)
{
    bool connected;

    cr_assert_eq (node_hello ("n", "s1", &peer_a, 100), BROKER_ADMIT);
    for (uint64_t now = 200; now <= 1100; now += 100)
        broker_registry_tick (&registry, now);
    cr_assert_eq (disconnected, 0);
    for (uint64_t now = 1200; now <= 2000; now += 100)
        broker_registry_tick (&registry, now);
    cr_assert_eq (disconnected, 1);
    cr_assert_not_null (broker_registry_heard (&registry, "n", "s1", &peer_a, 2100, &connected));
    cr_assert (connected, "its session is still valid");
    cr_assert_null (broker_registry_heard (&registry, "n", "s2", &peer_a, 2100, &connected));
}

Test (registry, no_node_goes_offline_because_the_broker_did_not_run)
{
    cr_assert_eq (node_hello ("n", "s1", &peer_a, 100), BROKER_ADMIT);
    broker_registry_tick (&registry, 200);
    broker_registry_tick (&registry, 90000);
    cr_assert_eq (disconnected, 0);
    broker_registry_tick (&registry, 90100);
    cr_assert_eq (disconnected, 1);
}

Test (registry, the_same_session_on_a_new_connection_only_changes_the_peer)
{
    cr_assert_eq (node_hello ("n", "s1", &peer_a, 100), BROKER_ADMIT);
    cr_assert_eq (node_hello ("n", "s1", &peer_b, 200), BROKER_ADMIT);
    cr_assert_eq (pings, 0);
    cr_assert (bus_peer_equal (&broker_registry_find (&registry, "n")->peer, &peer_b));
}

Test (registry, a_session_without_a_connection_is_replaced_at_once)
{
    ping_result = -EHOSTUNREACH;
    cr_assert_eq (node_hello ("n", "s1", &peer_a, 100), BROKER_ADMIT);
    cr_assert_eq (node_hello ("n", "s2", &peer_b, 200), BROKER_ADMIT);
    cr_assert_eq (pings, 1);
}

Test (registry, a_session_that_said_goodbye_is_replaced_without_a_challenge)
{
    cr_assert_eq (node_hello ("n", "s1", &peer_a, 100), BROKER_ADMIT);
    cr_assert_not_null (broker_registry_bye (&registry, "n", "s1", &peer_a));
    cr_assert_null (broker_registry_heard (&registry, "n", "s1", &peer_a, 150, NULL));
    cr_assert_eq (node_hello ("n", "s2", &peer_b, 200), BROKER_ADMIT);
    cr_assert_eq (pings, 0);
}

Test (registry, an_older_session_that_answers_keeps_the_id_and_is_named_in_the_refusal)
{
    cr_assert_eq (node_hello ("n", "s1", &peer_a, 100), BROKER_ADMIT);
    broker_registry_find (&registry, "n")->host_pid = strdup ("host-one");
    cr_assert_eq (node_hello ("n", "s2", &peer_b, 200), BROKER_WAIT);
    cr_assert_eq (node_hello ("n", "s2", &peer_b, 300), BROKER_WAIT, "a repeated hello keeps waiting");
    cr_assert_eq (pings, 1);
    cr_assert_eq (node_hello ("n", "s3", &peer_c, 400), BROKER_REFUSE, "a third session starts no challenge");
    cr_assert_not_null (broker_registry_heard (&registry, "n", "s1", &peer_a, 500, NULL));
    cr_assert_eq (settled, 0, "the message may be older than the challenge");
    broker_registry_answered (&registry, broker_registry_find (&registry, "n"));
    cr_assert_eq (settled, 1);
    cr_assert_not (settled_admitted);
    cr_assert_not_null (strstr (refusal, "host-one"));
    cr_assert_null (strstr (refusal, "session"), "a session identifies its node and is not shown");
}

Test (registry, messages_of_a_session_on_another_connection_are_ignored_and_counted)
{
    cr_assert_eq (node_hello ("n", "s1", &peer_a, 100), BROKER_ADMIT);
    cr_assert_null (broker_registry_heard (&registry, "n", "s1", &peer_b, 200, NULL));
    cr_assert_null (broker_registry_bye (&registry, "n", "s1", &peer_b));
    cr_assert_eq (registry.foreign, 2);
    cr_assert (broker_registry_find (&registry, "n")->online);
    cr_assert (bus_peer_equal (&broker_registry_find (&registry, "n")->peer, &peer_a));
    cr_assert_eq (node_hello ("n", "s1", &peer_b, 300), BROKER_ADMIT, "its connection was opened anew");
    cr_assert_not_null (broker_registry_heard (&registry, "n", "s1", &peer_b, 400, NULL));
}

Test (registry, a_pace_allows_a_burst_and_then_a_rate_per_minute)
{
    struct broker_pace pace = {.used = 0};
    unsigned allowed = 0;

    for (unsigned i = 0; i < 100; i++)
        allowed += broker_pace_take (&pace, 10, 6, 1000);
    cr_assert_eq (allowed, 10);
    cr_assert_eq (pace.refused, 90);
    for (uint64_t now = 1000; now < 61000; now += 100)
        allowed += broker_pace_take (&pace, 10, 6, now);
    cr_assert_geq (allowed, 15);
    cr_assert_leq (allowed, 16);
}

Test (registry, an_older_session_that_stays_silent_is_replaced)
{
    cr_assert_eq (node_hello ("n", "s1", &peer_a, 100), BROKER_ADMIT);
    cr_assert_eq (node_hello ("n", "s2", &peer_b, 200), BROKER_WAIT);
    broker_registry_tick (&registry, 400);
    cr_assert_eq (settled, 0);
    for (uint64_t now = 800; now <= 2400; now += 400)
        broker_registry_tick (&registry, now);
    cr_assert_eq (settled, 1);
    cr_assert (settled_admitted);
    cr_assert_str_eq (broker_registry_find (&registry, "n")->session, "s2");
    cr_assert_null (broker_registry_heard (&registry, "n", "s1", &peer_a, 2600, NULL));
}

/*  They may come from a process that has ended, or from one that never answers. */
Test (registry, late_messages_of_an_older_session_only_extend_its_deadline)
{
    cr_assert_eq (node_hello ("n", "s1", &peer_a, 100), BROKER_ADMIT);
    cr_assert_eq (node_hello ("n", "s2", &peer_b, 200), BROKER_WAIT);
    for (uint64_t now = 600; now <= 2600; now += 400) {
        (void) broker_registry_heard (&registry, "n", "s1", &peer_a, now, NULL);
        broker_registry_tick (&registry, now);
    }
    cr_assert_eq (settled, 0);
    for (uint64_t now = 3000; now <= 20000 && !settled; now += 400) {
        (void) broker_registry_heard (&registry, "n", "s1", &peer_a, now, NULL);
        broker_registry_tick (&registry, now);
    }
    cr_assert_eq (settled, 1, "the newer session does not wait for ever");
    cr_assert (settled_admitted);
}

Test (registry, a_goodbye_of_the_older_session_admits_the_newer_one)
{
    cr_assert_eq (node_hello ("n", "s1", &peer_a, 100), BROKER_ADMIT);
    cr_assert_eq (node_hello ("n", "s2", &peer_b, 200), BROKER_WAIT);
    (void) broker_registry_bye (&registry, "n", "s1", &peer_a);
    cr_assert_eq (settled, 1);
    cr_assert (settled_admitted);
    cr_assert (broker_registry_find (&registry, "n")->online);
}
