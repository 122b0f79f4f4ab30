/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/rollouts.c - the operations that room deploy needs, and the changes of nodes that it gets */

#include "broker/rollouts.h"

#include "base/assert.h"
#include "base/time.h"
#include "broker/announce.h"
#include "broker/errors.h"
#include "broker/labels.h"
#include "broker/orders.h"
#include "broker/publish.h"
#include "broker/commit.h"
#include "broker/serving.h"
#include "deploy/deploy.h"

_Static_assert((int) DEPLOY_BLOBS_TEXT >= (int) BROKER_SERVING_TEXT, "the text fits");

/*  Nodes. */

static struct deploy_node node_describe (const struct broker_node *node)
{
    return (struct deploy_node){.id = node->id,
                                .platform = node->platform,
                                .online = broker_node_is_online (node),
                                .restarts = node->restarts,
                                .labels = node};
}

static bool on_node (void *context, const char *id, struct deploy_node *ret_node)
{
    const struct broker *broker = context;
    const struct broker_node *node = broker_registry_find (&broker->registry, id);

    if (node)
        *ret_node = node_describe (node);
    return node != NULL;
}

static int on_nodes (void *context, deploy_node_each *each, void *each_context)
{
    const struct broker *broker = context;
    int r = 0;

    for (size_t i = 0; r == 0 && i < broker->registry.n_nodes; i++) {
        struct deploy_node node = node_describe (broker->registry.nodes[i]);
        r = each (each_context, &node);
    }
    return r;
}

static void on_recheck (void *context, const char *id, uint64_t at_ms)
{
    const struct broker *broker = context;
    struct broker_node *node = broker_registry_find (&broker->registry, id);

    if (node && (node->settle_ms == 0 || node->settle_ms > at_ms))
        node->settle_ms = at_ms;
}

/*  Orders. */

static int on_order (void *context, const struct deploy_order *order, struct wire_order_result *ret_ordered,
                     uint64_t *ret_epoch, struct base_error *error)
{
    base_assert (order && order->node && order->application);
    const struct broker *broker = context;
    const struct broker_node *node = broker_registry_find (&broker->registry, order->node);
    struct broker_order made = {.verb = order->verb,
                                .application = order->application,
                                .release = order->release,
                                .node = order->node,
                                .platform = node ? node->platform : "",
                                .online = node && broker_node_is_online (node),
                                .no_hold = true,
                                .now_ms = base_time_real_ns () / 1000000};

    return broker_order_make (broker->records, &made, ret_ordered, ret_epoch, error);
}

static int on_result (void *context, const struct records_application *application,
                      const struct deploy_issued *issued, bool may_come, struct wire_node *ret_shown,
                      bool *ret_missing, struct base_error *error)
{
    const struct broker *broker = context;
    struct broker_order_issued asked = {.verb = issued->verb,
                                        .epoch = issued->epoch,
                                        .release = issued->release,
                                        .transaction = issued->transaction};

    return broker_order_result (broker->records, application, &asked, may_come, ret_shown, ret_missing,
                                error);
}

static bool on_quarantined (void *context, const struct records_application *application,
                            const struct base_digest *release)
{
    const struct broker *broker = context;

    return broker_order_quarantined (broker->records, application, release);
}

/*  Blobs. */

static int on_serve_check (void *context, const struct wire_release *release,
                           const struct base_digest *digest, char text[DEPLOY_BLOBS_TEXT])
{
    int r = broker_serving_check (context, release, digest, NULL, text);
    return r == BROKER_E_UNSERVED ? DEPLOY_E_UNSERVED : r;
}

static int on_serve_verify (void *context, const struct base_digest *release, const char *platform,
                            struct base_digest *ret_blob)
{
    int r = broker_serving_verify (context, release, platform, ret_blob);
    return r == BROKER_E_UNSERVED ? DEPLOY_E_UNSERVED : r;
}

/*  Announcements and changes. */

static void on_announce (void *context, const char *const *ids, size_t n_ids, const char *application,
                         uint64_t epoch)
{
    base_assert (n_ids <= DEPLOY_ORDERS_MOST);
    struct broker *broker = context;
    struct broker_node *nodes[DEPLOY_ORDERS_MOST];
    size_t n_nodes = 0;

    for (size_t i = 0; i < n_ids; i++) {
        struct broker_node *node = broker_registry_find (&broker->registry, ids[i]);
        if (!node)
            continue;
        broker_node_changed (broker, node);
        nodes[n_nodes++] = node;
    }
    broker_announce (broker, nodes, n_nodes, application, epoch);
}

static void on_changed (void *context, struct deploy_rollout *rollout,
                        const struct wire_transition *transitions, size_t n_transitions)
{
    base_assert (rollout && (transitions || n_transitions == 0));
    const struct broker *broker = context;

    broker_changes_rollout (&broker->changes,
                            &(struct broker_rollout_change){.rollout = rollout,
                                                            .transitions = transitions,
                                                            .n_transitions = n_transitions});
}

/*  Loop and records. */

static uint64_t on_revision (void *context)
{
    const struct broker *broker = context;

    return broker->revision;
}

static void on_settle (void *context)
{
    broker_commit_flush (context);
}

static void on_timer (void *context)
{
    struct broker *broker = context;

    broker->deploy_timer = 0;
    deploy_tick (&broker->deploy);
}

static int on_wake (void *context, uint64_t delay_ms)
{
    struct broker *broker = context;

    bus_timer_cancel (broker->loop, broker->deploy_timer > 0 ? broker->deploy_timer : 0);
    broker->deploy_timer = bus_timer_start (broker->loop, delay_ms, on_timer, broker);
    return broker->deploy_timer < 0 ? broker->deploy_timer : 0;
}

const struct deploy_ops broker_deploy_ops = {
    .node = on_node,
    .nodes = on_nodes,
    .label = broker_label_of,
    .recheck = on_recheck,
    .order = on_order,
    .result = on_result,
    .held = broker_order_held,
    .quarantined = on_quarantined,
    .serve_check = on_serve_check,
    .serve_verify = on_serve_verify,
    .announce = on_announce,
    .changed = on_changed,
    .revision = on_revision,
    .settle = on_settle,
    .wake = on_wake,
};

static void on_node_change (void *context, const struct broker_node_change *change)
{
    struct broker *broker = context;

    if (change->flags & (BROKER_NODE_CONTACT | BROKER_NODE_REPORT | BROKER_NODE_REPEAT))
        deploy_node_changed (&broker->deploy, change->node->id, broker_node_is_online (change->node));
    else if (change->flags & BROKER_NODE_LABELS)
        deploy_others_changed (&broker->deploy);
}

const struct broker_changes_ops broker_rollouts_ops = {.node = on_node_change};
