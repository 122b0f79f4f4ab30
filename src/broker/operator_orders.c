/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/operator_orders.c - orders to nodes, their labels, and forgetting them

    A request about many nodes is answered a page at a time, and only the nodes of the page are ordered: the
    same request with `after` continues. A page, and its answer under the request's key, are one transaction:
    a repeated order finds either nothing done, or the answer. */

#include <errno.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "broker/announce.h"
#include "broker/errors.h"
#include "broker/labels.h"
#include "broker/lists.h"
#include "broker/operator.h"
#include "broker/orders.h"
#include "broker/publish.h"
#include "broker/commit.h"
#include "broker/serving.h"
#include "deploy/deploy.h"
#include "wire/page.h"
#include "wire/text.h"

enum { KEY_SIZE = 3 * RECORDS_ID_SIZE };

/*  A request about nodes. */
struct ordering {
    struct broker *broker;
    const char *word; /* for the log: "hold" */
    /*  Carries out the request for one node; NULL: gives the order. */
    int (*serve) (struct ordering *ordering, const struct broker_node *node,
                  struct wire_order_result *ordered);
    /*  Called for each node when that is on disk; NULL: notifies the nodes. */
    void (*done) (struct ordering *ordering, struct broker_node *node, const char *id);
    enum wire_order order;
    const char *application;
    const struct base_digest *release; /* NULL: none is named */
    const struct wire_label *labels;
    size_t n_labels;
    struct broker_named named;
    bool all;
    const char *key, *user;
    struct wire_page page;
    uint64_t epochs[WIRE_PAGE_COUNT]; /* of the orders that were made; 0: none */
    char served[RECORDS_ID_SIZE];     /* the platform to which the release can be served */
    struct base_error *error;
};

static int node_forget (struct ordering *ordering, const struct broker_node *node,
                        struct wire_order_result *ordered)
{
    if (node->online)
        return wire_answer_set (ordered, WIRE_STATUS_REFUSED, "it is connected: stop its node manager first");
    ordered->status = WIRE_STATUS_OK;
    return records_node_remove (ordering->broker->records, node->id, ordering->error);
}

static void node_forgotten (struct ordering *ordering, struct broker_node *node, const char *id)
{
    (void) node;
    broker_registry_remove (&ordering->broker->registry, id);
    deploy_node_forgotten (&ordering->broker->deploy, id);
}

static int node_label (struct ordering *ordering, const struct broker_node *node,
                       struct wire_order_result *ordered)
{
    return broker_labels_order (ordering->broker, node, ordering->labels, ordering->n_labels, ordered,
                                ordering->error);
}

static void node_labelled (struct ordering *ordering, struct broker_node *node, const char *id)
{
    struct broker *broker = ordering->broker;

    (void) id;
    if (!node)
        return;
    if (broker_labels_load (broker, node, ordering->error) != 0)
        (void) broker_storage_failed (broker, ordering->error);
    broker_node_changed (broker, node);
    deploy_others_changed (&broker->deploy);
}

/*  Returns the rollout that has ordered the node to update or to revert, and waits for the result; NULL:
    none. */
static const struct deploy_rollout *rollout_of_node (struct broker *broker, const struct broker_order *order)
{
    uint32_t index;
    const struct deploy_rollout *rollout =
        deploy_rollout_of (&broker->deploy, order->node, order->application, &index);

    return rollout && (rollout->machine.members[index].state == WIRE_MEMBER_ORDERED ||
                       rollout->machine.members[index].state == WIRE_MEMBER_REVERTING)
               ? rollout
               : NULL;
}

/*  Checks that the node could download the release to update to. Returns 0, -errno, or BROKER_E_REFUSED. */
static int release_check (struct ordering *ordering, const struct broker_order *order,
                          struct wire_order_result *ordered)
{
    struct broker *broker = ordering->broker;
    base_cleanup (records_release_deinit) struct records_release release = {.serial = 0};
    char text[BROKER_SERVING_TEXT];
    int r;

    if (strcmp (ordering->served, order->platform) == 0)
        return 0;
    if (order->release && !base_digest_is_null (order->release))
        r = records_release_get (broker->records, order->release, &release, ordering->error);
    else
        r = broker_order_newest (broker->records, order->application, order->platform, &release,
                                 ordering->error);
    if (r < 0)
        return r == -ENOENT ? 0 : r; /* broker_order_make reports a missing release */
    if (release.withdrawn ||
        broker_serving_check (broker, &release.document, &release.digest, order->platform, text) == 0) {
        (void) base_text_copy (ordering->served, sizeof ordering->served, order->platform);
        return 0;
    }
    ordered->node = strdup (order->node);
    ordered->status = WIRE_STATUS_REFUSED;
    ordered->reason = wire_reason ("%s", text);
    return ordered->node && ordered->reason ? BROKER_E_REFUSED : -ENOMEM;
}

static int order_make (struct ordering *ordering, const struct broker_order *order,
                       struct wire_order_result *ordered, uint64_t *ret_epoch)
{
    struct broker *broker = ordering->broker;
    const struct deploy_rollout *rollout =
        order->verb == WIRE_ORDER_UPDATE ? rollout_of_node (broker, order) : NULL;
    char time[BASE_TIME_TEXT];
    struct records_issued issued = {.node = order->node,
                                    .application = order->application,
                                    .verb = order->verb,
                                    .user = ordering->user,
                                    .time = base_time_format (base_time_real_ns (), time)};
    int r;

    if (rollout) {
        ordered->node = strdup (order->node);
        r = wire_answer_set (ordered, WIRE_STATUS_BUSY,
                             "it is under way in rollout %s: wait for its end, or nodectl rollout abort %s",
                             rollout->state.id, rollout->state.id);
        return ordered->node ? r : -ENOMEM;
    }
    if (order->verb == WIRE_ORDER_UPDATE) {
        r = release_check (ordering, order, ordered);
        if (r)
            return r == BROKER_E_REFUSED ? 0 : r;
    }
    r = broker_order_make (broker->records, order, ordered, ret_epoch, ordering->error);
    if (r < 0 || *ret_epoch == 0)
        return r;
    issued.epoch = *ret_epoch;
    issued.transaction = ordered->transaction;
    return records_issued_put (broker->records, &issued, ordering->error);
}

static int node_order (struct ordering *ordering, const char *id, const struct broker_node *node,
                       struct wire_order_result *ordered, uint64_t *ret_epoch)
{
    struct broker_order order = {.verb = ordering->order,
                                 .application = ordering->application,
                                 .release = ordering->release,
                                 .node = id,
                                 .now_ms = base_time_real_ns () / 1000000};

    if (node && !ordering->serve) {
        order.platform = node->platform;
        order.online = broker_node_is_online (node);
        return order_make (ordering, &order, ordered, ret_epoch);
    }
    ordered->node = strdup (id);
    if (!ordered->node)
        return -ENOMEM;
    if (node)
        return ordering->serve (ordering, node, ordered);
    return wire_answer_set (ordered, WIRE_STATUS_NONE, "no node has this id: nodectl nodes lists them");
}

static int ordering_visit (void *context, const char *id, struct broker_node *node)
{
    struct ordering *ordering = context;
    base_cleanup (wire_order_result_deinit) struct wire_order_result ordered = {.epoch = 0};
    uint64_t epoch = 0;
    size_t at = ordering->page.count;
    int r;

    base_assert (at <= WIRE_PAGE_COUNT);
    /* Checks the space first: an order that was made must be in the answer. */
    if (at == WIRE_PAGE_COUNT || ordering->page.bytes + 2048 > WIRE_PAGE_BYTES)
        return WIRE_PAGE_FULL;
    r = node_order (ordering, id, node, &ordered, &epoch);
    if (r < 0)
        return r;
    r = wire_page_add (&ordering->page, &ordered);
    if (r == 0)
        ordering->epochs[at] = epoch;
    return r;
}

/*  The orders are on disk: notifies the nodes, and clients that wait for changes. */
static void orders_announce (struct ordering *ordering)
{
    base_assert (!ordering->done && ordering->page.count <= WIRE_PAGE_COUNT);
    struct broker *broker = ordering->broker;
    const struct wire_order_result *items = ordering->page.items;
    struct broker_node *ordered[WIRE_PAGE_COUNT];
    size_t n_ordered = 0;
    uint64_t highest = 0;

    for (size_t i = 0; i < ordering->page.count; i++) {
        struct broker_node *node = broker_registry_find (&broker->registry, items[i].node);
        if (!node || ordering->epochs[i] == 0)
            continue;
        base_log (BASE_LOG_INFO, "node %s: %s of %s ordered, epoch %llu%s%s", node->id, ordering->word,
                  ordering->application, (unsigned long long) ordering->epochs[i],
                  items[i].transaction ? ", " : "", items[i].transaction ? items[i].transaction : "");
        broker_node_changed (broker, node);
        if (ordering->epochs[i] > highest)
            highest = ordering->epochs[i];
        ordered[n_ordered++] = node;
    }
    if (!ordering->all)
        broker_announce (broker, ordered, n_ordered, ordering->application, highest);
    else if (highest > 0)
        broker_hints_want (&broker->hints, BROKER_HINT_ALL,
                           &(struct wire_update){.application = ordering->application, .epoch = highest});
}

static void ordering_done (struct ordering *ordering)
{
    const struct wire_order_result *items = ordering->page.items;

    for (size_t i = 0; i < ordering->page.count; i++)
        if (items[i].status == WIRE_STATUS_OK)
            ordering->done (ordering, broker_registry_find (&ordering->broker->registry, items[i].node),
                            items[i].node);
}

/*  Carries out a page of a request, and stores the answer under its key (NULL: not). Returns 0, or -errno:
    the transaction is still open. */
static int ordering_store (struct ordering *ordering, const char *key, struct wire_orders *answer)
{
    struct broker *broker = ordering->broker;
    int r = records_begin (broker->records, ordering->error);
    if (r < 0)
        return r;
    r = broker_nodes_each (broker, &ordering->named, ordering_visit, ordering);
    if (r < 0)
        return r;
    answer->status = WIRE_STATUS_OK;
    answer->orders = ordering->page.items;
    answer->n_orders = ordering->page.count;
    if (r == WIRE_PAGE_FULL) {
        base_assert (answer->n_orders > 0);
        answer->more = true;
        answer->next = strdup (answer->orders[answer->n_orders - 1].node);
        if (!answer->next)
            return -ENOMEM;
    }
    if (key) {
        r = records_answer_put (broker->records, key, &wire_orders_record, answer, ordering->error);
        if (r < 0)
            return r;
    }
    return records_commit (broker->records, ordering->error);
}

/*  Serves a page. given: what is in the request; its other members are null. */
static int ordering_serve (struct broker_call *call, const struct ordering *issued,
                           struct wire_orders *answer)
{
    base_assert (call && issued->word && answer);
    base_assert (issued->named.nodes || issued->named.n_nodes == 0);
    base_assert (!issued->serve == !issued->done);
    base_cleanup (base_free_p) struct ordering *ordering = NULL;
    struct broker *broker = call->broker;
    const struct broker_named *named = &issued->named;
    char key[KEY_SIZE];
    int r;

    (void) snprintf (call->what, sizeof call->what, "%s %.64s%s", issued->word,
                     issued->all          ? "all nodes"
                     : named->n_nodes > 0 ? named->nodes[0]
                                          : "no node",
                     named->n_nodes > 1 ? " and others" : "");
    if (issued->order == WIRE_ORDER_UPDATE && named->n_nodes == 0)
        return wire_answer_set (
            answer, WIRE_STATUS_REFUSED,
            "an update of all nodes is a rollout: nodectl rollout start, or nodectl update --all");
    if (!issued->all && named->n_nodes == 0)
        return wire_answer_set (answer, WIRE_STATUS_INVALID, "name the nodes, or select all");
    if (issued->all && named->n_nodes > 0)
        return wire_answer_set (answer, WIRE_STATUS_INVALID, "name the nodes, or select all, not both");
    if (issued->key) {
        (void) snprintf (key, sizeof key, "%s/%s/%s", issued->word, issued->key,
                         named->after ? named->after : "");
        r = records_answer_get (broker->records, key, &wire_orders_record, answer, call->error);
        if (r != -ENOENT)
            return r;
    }
    ordering = malloc (sizeof *ordering);
    if (!ordering)
        return -ENOMEM;
    *ordering = *issued;
    ordering->broker = broker;
    ordering->error = call->error;
    ordering->page.record = &wire_order_result_record;
    r = ordering_store (ordering, issued->key ? key : NULL, answer);
    if (r < 0) {
        records_rollback (broker->records);
        if (!answer->orders)
            wire_page_deinit (&ordering->page);
        return r;
    }
    if (ordering->done)
        ordering_done (ordering);
    else
        orders_announce (ordering);
    return 0;
}

/*  What the requests of this file have in common, and in orders. */
#define NAMED(request)                                                                                       \
    .key = (request)->key, .user = (request)->user,                                                          \
    .named = {.nodes = (request)->nodes, .n_nodes = (request)->n_nodes, .after = (request)->after}
#define ORDERED(request, kind)                                                                               \
    .word = wire_order_word (kind), .order = (kind),                                                         \
    .application = (request)->application ? (request)->application : "noded", NAMED (request)

static const struct base_digest *release_named (const struct base_digest *release)
{
    return base_digest_is_null (release) ? NULL : release;
}

int broker_serve_order_update (struct broker_call *call, const struct wire_order_update *request,
                               struct wire_orders *answer)
{
    const struct ordering issued = {ORDERED (request, WIRE_ORDER_UPDATE),
                                    .release = release_named (&request->release)};

    return ordering_serve (call, &issued, answer);
}

int broker_serve_order_revert (struct broker_call *call, const struct wire_order_revert *request,
                               struct wire_orders *answer)
{
    const struct ordering issued = {ORDERED (request, WIRE_ORDER_REVERT), .all = request->all};

    return ordering_serve (call, &issued, answer);
}

int broker_serve_order_hold (struct broker_call *call, const struct wire_order_hold *request,
                             struct wire_orders *answer)
{
    const struct ordering issued = {ORDERED (request, WIRE_ORDER_HOLD), .all = request->all};

    return ordering_serve (call, &issued, answer);
}

int broker_serve_order_unhold (struct broker_call *call, const struct wire_order_unhold *request,
                               struct wire_orders *answer)
{
    const struct ordering issued = {ORDERED (request, WIRE_ORDER_UNHOLD), .all = request->all};

    return ordering_serve (call, &issued, answer);
}

int broker_serve_order_cancel (struct broker_call *call, const struct wire_order_cancel *request,
                               struct wire_orders *answer)
{
    const struct ordering issued = {ORDERED (request, WIRE_ORDER_CANCEL), .all = request->all};

    return ordering_serve (call, &issued, answer);
}

int broker_serve_order_clear (struct broker_call *call, const struct wire_order_clear *request,
                              struct wire_orders *answer)
{
    const struct ordering issued = {ORDERED (request, WIRE_ORDER_CLEAR), .all = request->all,
                                    .release = release_named (&request->release)};

    return ordering_serve (call, &issued, answer);
}

int broker_serve_label_nodes (struct broker_call *call, const struct wire_label_nodes *request,
                              struct wire_orders *answer)
{
    struct base_error wrong = {.code = 0};
    const struct ordering issued = {.word = "label",
                                    .serve = node_label,
                                    .done = node_labelled,
                                    .labels = request->labels,
                                    .n_labels = request->n_labels,
                                    .all = request->all,
                                    NAMED (request)};

    if (broker_labels_check (request->labels, request->n_labels, &wrong) != 0)
        return wire_answer_set (answer, WIRE_STATUS_INVALID, "%s", wrong.text);
    return ordering_serve (call, &issued, answer);
}

int broker_serve_forget_nodes (struct broker_call *call, const struct wire_forget_nodes *request,
                               struct wire_orders *answer)
{
    const struct ordering issued = {
        .word = "forget", .serve = node_forget, .done = node_forgotten, .all = request->all, NAMED (request)};

    return ordering_serve (call, &issued, answer);
}
