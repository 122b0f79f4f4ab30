/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/operator.c - requests of operators

    An order to many nodes is answered a page at a time, and only the nodes of the page are ordered: the
    same request with `after` continues. A page, and its answer under the request's key, are one
    transaction: a repeated order finds either nothing done, or the answer. */

#include "broker/operator.h"

#include <errno.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "broker/announce.h"
#include "broker/backup.h"
#include "broker/collect.h"
#include "broker/documents.h"
#include "broker/labels.h"
#include "broker/lists.h"
#include "broker/orders.h"
#include "broker/publish.h"
#include "broker/round.h"
#include "broker/serving.h"
#include "deploy/deploy.h"
#include "deploy/lists.h"
#include "deploy/request.h"
#include "wire/envelope.h"
#include "wire/page.h"
#include "wire/text.h"

enum { KEY_SIZE = 2 * RECORDS_ID_SIZE };

/*  orders */

struct ordering {
    struct broker *broker;
    const struct wire_request *request;
    struct wire_page page;
    uint64_t epochs[WIRE_PAGE_COUNT]; /* of the orders that were made; 0: none */
    char served[RECORDS_ID_SIZE];     /* the platform to which the release can be served */
    struct base_error *error;
};

static int forget_make (struct ordering *ordering, const struct broker_node *node,
                        struct wire_ordered *ordered)
{
    if (node->online) {
        ordered->status = WIRE_STATUS_REFUSED;
        ordered->reason = strdup ("it is online: stop its node manager first");
        return ordered->reason ? 0 : -ENOMEM;
    }
    ordered->status = WIRE_STATUS_OK;
    return records_node_remove (ordering->broker->records, node->id, ordering->error);
}

/*  Returns the rollout that has ordered the node to update or to revert, and waits for the result; NULL:
    none. */
static const struct deploy_rollout *rollout_with (struct broker *broker, const struct broker_order *order)
{
    uint32_t index;
    const struct deploy_rollout *rollout =
        deploy_rollout_of (&broker->deploy, order->node, order->application, &index);

    return rollout && (rollout->machine.members[index].state == WIRE_MEMBER_ORDERED ||
                       rollout->machine.members[index].state == WIRE_MEMBER_BACKING)
               ? rollout
               : NULL;
}

/*  Checks that the node could download the release to update to. Returns 1 if not: the answer says so. */
static int release_check (struct ordering *ordering, const struct broker_order *order,
                          struct wire_ordered *ordered)
{
    struct broker *broker = ordering->broker;
    base_cleanup (records_release_deinit) struct records_release release = {.serial = 0};
    char text[BROKER_SERVING_TEXT];
    int r;

    if (strcmp (ordering->served, order->platform) == 0)
        return 0;
    r = order->release && !base_digest_is_null (order->release)
            ? records_release_get (broker->records, order->release, &release, ordering->error)
            : broker_order_newest (broker->records, order->application, order->platform, &release,
                                   ordering->error);

    if (r != 0)
        return r == -ENOENT ? 0 : r; /* broker_order_make reports that */
    if (release.withdrawn ||
        broker_serving_check (broker, &release.document, &release.digest, order->platform, text) == 0) {
        (void) base_text_copy (ordering->served, sizeof ordering->served, order->platform);
        return 0;
    }
    ordered->node = strdup (order->node);
    ordered->status = WIRE_STATUS_REFUSED;
    ordered->reason = wire_reason ("%s", text);
    return ordered->node && ordered->reason ? 1 : -ENOMEM;
}

static int given_make (struct ordering *ordering, const struct broker_order *order,
                       struct wire_ordered *ordered, uint64_t *ret_epoch)
{
    struct broker *broker = ordering->broker;
    const struct deploy_rollout *rollout =
        order->verb == WIRE_VERB_UPDATE ? rollout_with (broker, order) : NULL;
    char time[BASE_TIME_TEXT];
    struct records_given given = {.node = order->node,
                                  .application = order->application,
                                  .verb = order->verb,
                                  .place = ordering->request->place,
                                  .time = base_time_format (base_time_real_ns (), time)};
    int r;

    if (rollout) {
        ordered->node = strdup (order->node);
        ordered->status = WIRE_STATUS_BUSY;
        ordered->reason = wire_reason ("it is under way in rollout %s: wait for its end, or nodectl rollout "
                                       "abort %s",
                                       rollout->state.id, rollout->state.id);
        return ordered->node && ordered->reason ? 0 : -ENOMEM;
    }
    if (order->verb == WIRE_VERB_UPDATE) {
        r = release_check (ordering, order, ordered);
        if (r != 0)
            return r > 0 ? 0 : r;
    }
    r = broker_order_make (broker->records, order, ordered, ret_epoch, ordering->error);
    if (r != 0 || *ret_epoch == 0)
        return r;
    given.epoch = *ret_epoch;
    given.transaction = ordered->transaction;
    return records_given_put (broker->records, &given, ordering->error);
}

static int order_node (struct ordering *ordering, const char *id, const struct broker_node *node,
                       struct wire_ordered *ordered, uint64_t *ret_epoch)
{
    const struct wire_request *request = ordering->request;
    struct broker_order order = {.verb = request->verb,
                                 .application = broker_request_application (request),
                                 .release =
                                     base_digest_is_null (&request->release) ? NULL : &request->release,
                                 .node = id,
                                 .now_ms = base_time_real_ns () / 1000000};

    if (node && request->verb != WIRE_VERB_FORGET && request->verb != WIRE_VERB_LABEL) {
        order.platform = node->platform;
        order.online = node->online;
        return given_make (ordering, &order, ordered, ret_epoch);
    }
    ordered->node = strdup (id);
    if (!ordered->node)
        return -ENOMEM;
    if (node && request->verb == WIRE_VERB_LABEL)
        return broker_labels_order (ordering->broker, node, request, ordered, ordering->error);
    if (node)
        return forget_make (ordering, node, ordered);
    ordered->status = WIRE_STATUS_NONE;
    ordered->reason = strdup ("no node has this id: nodectl nodes lists them");
    return ordered->reason ? 0 : -ENOMEM;
}

static int ordering_visit (void *context, const char *id, struct broker_node *node)
{
    struct ordering *ordering = context;
    base_cleanup (wire_ordered_deinit) struct wire_ordered ordered = {.epoch = 0};
    uint64_t epoch = 0;
    size_t at = ordering->page.count;
    int r;

    /* Checks the space first: an order that was made must be in the answer. */
    if (at == WIRE_PAGE_COUNT || ordering->page.bytes + 2048 > WIRE_PAGE_BYTES)
        return 1;
    r = order_node (ordering, id, node, &ordered, &epoch);
    if (r == 0)
        r = wire_page_add (&ordering->page, &ordered);
    if (r == 0)
        ordering->epochs[at] = epoch;
    return r;
}

/*  The orders are on disk: notifies the nodes, and clients that wait for changes. */
static void ordering_announce (struct ordering *ordering)
{
    struct broker *broker = ordering->broker;
    const struct wire_ordered *items = ordering->page.items;
    const char *application = broker_request_application (ordering->request);
    struct broker_node *told[WIRE_PAGE_COUNT];
    size_t n_told = 0;
    uint64_t highest = 0;

    for (size_t i = 0; i < ordering->page.count; i++) {
        struct broker_node *node = broker_registry_find (&broker->registry, items[i].node);
        if (ordering->request->verb == WIRE_VERB_FORGET && items[i].status == WIRE_STATUS_OK) {
            broker_registry_remove (&broker->registry, items[i].node);
            deploy_node_forgotten (&broker->deploy, items[i].node);
            continue;
        }
        if (node && ordering->request->verb == WIRE_VERB_LABEL && items[i].status == WIRE_STATUS_OK) {
            if (broker_labels_load (broker, node, ordering->error) != 0)
                (void) broker_storage_failed (broker, ordering->error);
            broker_node_changed (broker, node);
            deploy_others_changed (&broker->deploy);
            continue;
        }
        if (!node || ordering->epochs[i] == 0)
            continue;
        base_log (BASE_LOG_INFO, "node %s: %s of %s ordered, epoch %llu%s%s", node->id,
                  wire_verb_word (ordering->request->verb), application,
                  (unsigned long long) ordering->epochs[i], items[i].transaction ? ", " : "",
                  items[i].transaction ? items[i].transaction : "");
        broker_node_changed (broker, node);
        if (ordering->epochs[i] > highest)
            highest = ordering->epochs[i];
        told[n_told++] = node;
    }
    if (!ordering->request->all)
        broker_announce (broker, told, n_told, application, highest);
    else if (highest > 0)
        broker_hints_want (&broker->hints, BROKER_HINT_ALL,
                           &(struct wire_update){.application = (char *) application, .epoch = highest});
}

static int ordering_store (struct ordering *ordering, const char *key, struct wire_answer *answer)
{
    struct broker *broker = ordering->broker;
    int r = records_begin (broker->records, ordering->error);

    if (r != 0)
        return r;
    r = broker_nodes_each (broker, ordering->request, ordering_visit, ordering);
    if (r < 0)
        return r;
    answer->status = WIRE_STATUS_OK;
    answer->ordered = ordering->page.items;
    answer->n_ordered = ordering->page.count;
    if (r == 1) {
        answer->more = true;
        answer->next = strdup (answer->ordered[answer->n_ordered - 1].node);
        if (!answer->next)
            return -ENOMEM;
    }
    r = key ? records_answer_put (broker->records, key, answer, ordering->error) : 0;
    return r == 0 ? records_commit (broker->records, ordering->error) : r;
}

static int order_request (struct broker *broker, const struct wire_request *request,
                          struct wire_answer *answer, struct base_error *error)
{
    base_cleanup (base_free_p) struct ordering *ordering = NULL;
    char key[KEY_SIZE];
    int r;

    if (!request->all && request->n_nodes == 0)
        return wire_answer_say (answer, WIRE_STATUS_INVALID, "name the nodes, or select all");
    if (request->all && request->n_nodes > 0)
        return wire_answer_say (answer, WIRE_STATUS_INVALID, "name the nodes, or select all, not both");
    if (request->all && request->verb == WIRE_VERB_UPDATE)
        return wire_answer_say (
            answer, WIRE_STATUS_REFUSED,
            "an update of all nodes is a rollout: nodectl rollout start, or nodectl update --all");
    if (request->key) {
        (void) snprintf (key, sizeof key, "%s/%s", request->key, request->after ? request->after : "");
        r = records_answer_get (broker->records, key, answer, error);
        if (r != -ENOENT)
            return r;
    }
    ordering = calloc (1, sizeof *ordering);
    if (!ordering)
        return -ENOMEM;
    *ordering = (struct ordering){
        .broker = broker, .request = request, .page = {.record = &wire_ordered_record}, .error = error};
    r = ordering_store (ordering, request->key ? key : NULL, answer);
    if (r == 0) {
        ordering_announce (ordering);
        return 0;
    }
    records_rollback (broker->records);
    if (!answer->ordered)
        wire_page_deinit (&ordering->page);
    return r;
}

static int label_request (struct broker *broker, const struct wire_request *request,
                          struct wire_answer *answer, struct base_error *error)
{
    bool is_valid;
    int r = broker_labels_check (request, answer, &is_valid);

    return r == 0 && is_valid ? order_request (broker, request, answer, error) : r;
}

/*  publish, withdraw */

/*  Returns 1 if a blob is missing: the answer says so. */
static int content_check (struct broker *broker, const struct base_digest *digest, uint64_t size,
                          const char *what, struct wire_answer *answer)
{
    char text[BASE_DIGEST_TEXT];
    uint64_t here;

    if (!broker->content)
        return 0;
    (void) base_digest_format (digest, text);
    if (!broker_content_has (broker->content, digest, &here))
        answer->reason = wire_reason (
            "the blob %s (%s) %s: upload it, then publish again", text, what,
            broker_content_is_damaged (broker->content, digest) ? "is damaged" : "has not been uploaded");
    else if (here != size)
        answer->reason = wire_reason ("the blob %s (%s) has %llu bytes, but %llu in the release", text, what,
                                      (unsigned long long) here, (unsigned long long) size);
    else
        return 0;
    answer->status = WIRE_STATUS_REFUSED;
    return 1;
}

static int contents_check (struct broker *broker, const struct wire_release *release,
                           struct wire_answer *answer)
{
    uint64_t size = 0;
    struct base_digest digest = wire_release_digest (release, &size);
    int r = content_check (broker, &digest, size, "the release document", answer);

    for (size_t i = 0; r == 0 && i < release->n_envelopes; i++) {
        const struct wire_envelope *envelope = &release->envelopes[i];
        r = content_check (broker, &envelope->binary, envelope->size, "the binary", answer);
        for (size_t j = 0; r == 0 && j < envelope->n_files; j++)
            r = content_check (broker, &envelope->files[j].digest, envelope->files[j].size,
                               envelope->files[j].path, answer);
    }
    return r;
}

/*  Writes the document of a recorded release. */
static int document_put (struct broker *broker, const struct base_digest *digest, struct base_error *error)
{
    base_cleanup (records_release_deinit) struct records_release release = {.serial = 0};
    int r = records_release_get (broker->records, digest, &release, error);

    return r == 0 ? broker_document_put (broker->root, &release, error) : r;
}

static int publish_request (struct broker *broker, const struct wire_request *request,
                            struct wire_answer *answer, struct base_error *error)
{
    base_cleanup (records_release_deinit) struct records_release known = {.serial = 0};
    struct base_digest digest;
    char time[BASE_TIME_TEXT], text[BASE_DIGEST_TEXT];
    int r;

    if (!request->publish)
        return wire_answer_say (answer, WIRE_STATUS_INVALID, "the request has no release to publish");
    if (wire_release_check (request->publish, error) != 0) {
        answer->status = WIRE_STATUS_INVALID;
        answer->reason = wire_reason ("%s", error->text);
        return 0;
    }
    digest = wire_release_digest (request->publish, NULL);
    r = records_release_get (broker->records, &digest, &known, error);
    if (r != 0 && r != -ENOENT)
        return r;
    if (r == 0 && known.withdrawn)
        return wire_answer_say (answer, WIRE_STATUS_GONE,
                                "this release was withdrawn: publish it with another version");
    if (contents_check (broker, request->publish, answer) != 0)
        return 0;
    if (r == -ENOENT) {
        r = records_release_put (broker->records, &digest, request->publish,
                                 base_time_format (base_time_real_ns (), time), error);
        if (r != 0)
            return r;
        broker_serving_changed (broker);
        base_log (BASE_LOG_INFO, "published %s %s: %s", request->publish->application,
                  request->publish->version, base_digest_format (&digest, text));
    }
    if (r == 0 && !broker_document_has (broker->root, &digest))
        r = document_put (broker, &digest, error);
    if (r != 0)
        return r;
    answer->status = WIRE_STATUS_OK;
    answer->release = digest;
    return 0;
}

static int withdraw_request (struct broker *broker, const struct wire_request *request,
                             struct wire_answer *answer, struct base_error *error)
{
    char text[BASE_DIGEST_TEXT];
    int r = base_digest_is_null (&request->release)
                ? -ENOENT
                : records_release_withdraw (broker->records, &request->release, error);

    if (r == -ENOENT)
        return wire_answer_say (answer, WIRE_STATUS_NONE, "no such release: nodectl releases lists them");
    if (r != 0)
        return r;
    r = document_put (broker, &request->release, error);
    if (r != 0)
        return r;
    broker_serving_changed (broker);
    base_log (BASE_LOG_INFO, "withdrew %s", base_digest_format (&request->release, text));
    deploy_release_withdrawn (&broker->deploy, &request->release);
    if (broker->content)
        r = broker_contents_collect_of (broker, &request->release, error);
    answer->status = WIRE_STATUS_OK;
    answer->release = request->release;
    return r;
}

/*  requests */

/*  Fills a list whose changes a client can wait for. */
static int list_make (struct broker *broker, const struct wire_request *request, struct wire_answer *answer,
                      struct base_error *error)
{
    return request->verb == WIRE_VERB_ROLLOUTS
               ? deploy_list_rollouts (&broker->deploy, request, answer, error)
               : broker_list_nodes (broker, request, answer, error);
}

static bool list_is_empty (const struct wire_answer *answer)
{
    return answer->n_nodes == 0 && answer->n_rollouts == 0 && answer->status == WIRE_STATUS_OK;
}

static int list_request (struct broker *broker, const struct bus_peer *peer,
                         const struct wire_request *request, struct wire_answer *answer,
                         struct base_error *error)
{
    int r = list_make (broker, request, answer, error);

    if (r != 0 || request->since == 0 || request->wait_ms == 0 || !list_is_empty (answer) || request->after)
        return r;
    r = broker_waiters_add (&broker->waiters, peer, request);
    if (r == -EBUSY)
        return wire_answer_say (answer, WIRE_STATUS_BUSY, "too many requests are waiting for changes");
    return r == 0 ? ORIGIN_LATER : r;
}

static int request_serve (struct broker *broker, const struct bus_peer *peer,
                          const struct wire_request *request, struct wire_answer *answer,
                          struct base_error *error)
{
    switch (request->verb) {
    case WIRE_VERB_PUBLISH:
        return publish_request (broker, request, answer, error);
    case WIRE_VERB_WITHDRAW:
        return withdraw_request (broker, request, answer, error);
    case WIRE_VERB_RELEASES:
        return broker_list_releases (broker, request, answer, error);
    case WIRE_VERB_NODES:
    case WIRE_VERB_ROLLOUTS:
        return list_request (broker, peer, request, answer, error);
    case WIRE_VERB_PLAN:
        return deploy_request_plan (&broker->deploy, request, answer, error);
    case WIRE_VERB_START:
        return deploy_request_start (&broker->deploy, request, answer, error);
    case WIRE_VERB_STEER:
        return deploy_request_steer (&broker->deploy, request, answer, error);
    case WIRE_VERB_MEMBERS:
        return deploy_list_members (&broker->deploy, request, answer, error);
    case WIRE_VERB_HISTORY:
        return deploy_list_turns (&broker->deploy, request, answer, error);
    case WIRE_VERB_WHY:
        return broker_list_reports (broker, request, answer, error);
    case WIRE_VERB_UPDATE:
    case WIRE_VERB_REVERT:
    case WIRE_VERB_HOLD:
    case WIRE_VERB_UNHOLD:
    case WIRE_VERB_CANCEL:
    case WIRE_VERB_CLEAR:
    case WIRE_VERB_FORGET:
        return order_request (broker, request, answer, error);
    case WIRE_VERB_BACKUP:
        return broker_backup_request (broker, peer, request, answer, error);
    case WIRE_VERB_LABEL:
        return label_request (broker, request, answer, error);
    default:
        return wire_answer_say (answer, WIRE_STATUS_INVALID,
                                "unknown request: this broker may be older than nodectl");
    }
}

/*  Fills the fields that every answer has. */
static int answer_finish (struct broker *broker, const struct wire_request *request,
                          struct wire_answer *answer)
{
    free (answer->notice);
    answer->notice = broker_serving_notice (broker);
    answer->serial = request->serial; /* of this request: the answer may be that of an earlier one */
    answer->revision = broker->revision;
    free (answer->instance);
    answer->instance = strdup (origin_instance (broker->origin));
    return answer->instance ? 0 : -ENOMEM;
}

static bool changes_something (enum wire_verb verb)
{
    switch (verb) {
    case WIRE_VERB_RELEASES:
    case WIRE_VERB_NODES:
    case WIRE_VERB_WHY:
    case WIRE_VERB_PLAN:
    case WIRE_VERB_ROLLOUTS:
    case WIRE_VERB_MEMBERS:
    case WIRE_VERB_HISTORY:
    case WIRE_VERB_NULL:
        return false;
    default:
        return true;
    }
}

/*  Logs who ordered what. The place is only what nodectl says of itself; the connection distinguishes
    clients. */
static void request_log (struct broker *broker, const struct bus_peer *peer,
                         const struct wire_request *request, const struct wire_answer *answer)
{
    char connection[2 * BUS_PEER_MOST + 1] = "", what[160];

    for (size_t i = 0; i < peer->size; i++)
        (void) snprintf (connection + 2 * i, 3, "%02x", peer->id[i]);
    if (request->rollout || request->command)
        (void) snprintf (what, sizeof what, " %s %.64s",
                         request->command ? wire_command_word (request->command) : "",
                         request->rollout ? request->rollout : "");
    else if (request->all)
        (void) snprintf (what, sizeof what, " all nodes");
    else if (request->n_nodes > 0)
        (void) snprintf (what, sizeof what, " %.64s%s", request->nodes[0],
                         request->n_nodes > 1 ? " and others" : "");
    else
        what[0] = '\0';
    base_log_limited (&broker->orders_log, BASE_LOG_INFO, "%s%s ordered by \"%s\" on connection %s: %s%s%s",
                      wire_verb_word (request->verb), what, request->place ? request->place : "unknown",
                      connection, wire_status_word (answer->status), answer->reason ? ": " : "",
                      answer->reason ? answer->reason : "");
}

int broker_on_request (void *context, const struct bus_peer *peer, const struct wire_request *request,
                       struct wire_answer *answer)
{
    struct broker *broker = context;
    struct base_error error = {.code = 0};
    int r;

    broker_round_settle (broker);
    r = request_serve (broker, peer, request, answer, &error);
    broker_mark_sync (broker->mark);
    if (r == ORIGIN_LATER)
        return r;
    if (r < 0) {
        base_log_limited (&broker->log, BASE_LOG_ERROR, "cannot serve %s: %s", wire_verb_word (request->verb),
                          error.text[0] ? error.text : strerror (-r));
        wire_answer_deinit (answer);
        answer->status = WIRE_STATUS_FAILED;
        answer->reason = wire_reason ("the broker failed: %s", error.text[0] ? error.text : strerror (-r));
    }
    if (changes_something (request->verb))
        request_log (broker, peer, request, answer);
    return answer_finish (broker, request, answer);
}

bool broker_waiter_look (void *context, const struct broker_waiter *waiter, bool over)
{
    struct broker *broker = context;
    base_cleanup (wire_answer_deinit) struct wire_answer answer = {.serial = 0};
    struct base_error error = {.code = 0};
    int r;

    broker_round_settle (broker);
    r = list_make (broker, &waiter->request, &answer, &error);

    if (r == 0 && list_is_empty (&answer) && !over)
        return false;
    if (r < 0) {
        wire_answer_deinit (&answer);
        answer.status = WIRE_STATUS_FAILED;
        answer.reason = wire_reason ("the broker failed: %s", *error.text ? error.text : strerror (-r));
    }
    if (answer_finish (broker, &waiter->request, &answer) == 0)
        (void) origin_answer (broker->origin, &waiter->peer, &wire_answer_record, &answer);
    return true;
}
