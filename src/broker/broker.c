/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/broker.c - creates the broker, frees it, and runs its tick */

#include "broker/broker.h"

#include <errno.h>
#include <inttypes.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/time.h"
#include "broker/backup.h"
#include "broker/caller.h"
#include "broker/collect.h"
#include "broker/describe.h"
#include "broker/events.h"
#include "broker/keeping.h"
#include "broker/labels.h"
#include "broker/metadata.h"
#include "broker/nodes.h"
#include "broker/operator.h"
#include "broker/publish.h"
#include "broker/quarantine.h"
#include "broker/refusals.h"
#include "broker/reports.h"
#include "broker/rescue.h"
#include "broker/revisions.h"
#include "broker/rollouts.h"
#include "broker/root.h"
#include "broker/commit.h"
#include "broker/serving.h"
#include "broker/sessions.h"
#include "broker/status.h"
#include "broker/trust_loop.h"
#include "deploy/deploy.h"

enum { TICK_LEAST_MS = 20, TICK_MOST_MS = 500, LIVENESS_HEARTBEATS = 3 };

static int on_blob_open (void *context, const struct base_digest *digest, int *ret_fd, uint64_t *ret_size,
                         bool *ret_immutable)
{
    struct broker *broker = context;
    int r = broker_blobs_get (broker->blobs, digest, ret_fd, ret_size, ret_immutable);
    bool used;
    uint64_t size;

    if (r != -ENOENT)
        return r;
    /* Restores a blob from the trash if the records need it. */
    if (records_blob_used (broker->records, digest, &used, NULL) == 0 && used &&
        broker_blobs_has (broker->blobs, digest, &size))
        r = broker_blobs_get (broker->blobs, digest, ret_fd, ret_size, ret_immutable);
    if (r == -ENOENT && broker_serving_restore (broker, digest))
        r = broker_blobs_get (broker->blobs, digest, ret_fd, ret_size, ret_immutable);
    return r;
}

static int on_blob_put (void *context, const struct bus_peer *peer, const struct wire_put *put,
                        const void *payload, size_t size, struct wire_taken *answer)
{
    const struct broker *broker = context;

    return broker_blobs_put (broker->blobs, peer, put, payload, size, base_time_boot_ms (), answer);
}

/*  Any message but a request of an operator. */
static bool on_permitted (void *context, const struct bus_peer *peer, const struct wire_record *record,
                          const void *message, char ret_reason[ORIGIN_REASON_SIZE])
{
    _Static_assert((int) ORIGIN_REASON_SIZE >= (int) BROKER_CALLER_TEXT, "the reason fits");
    struct broker *broker = context;
    const struct broker_caller caller = broker_caller_of (&broker->keys, peer);
    const struct wire_backup_records backup = {.serial = 0};
    bool is_backup = record == &wire_get_record &&
                     broker_backup_is_copy (broker, &((const struct wire_get *) message)->digest);

    if (broker_caller_check_message (&caller, record, message, ret_reason) == 0 &&
        (!is_backup || broker_caller_check (&caller, &wire_backup_records_record, &backup, ret_reason) == 0))
        return true;
    broker->denied++;
    base_log_limited (&broker->denied_log, BASE_LOG_WARNING, "refused %s: %s", wire_record_name (record),
                      ret_reason);
    return false;
}

static const struct origin_ops operations = {
    .permitted = on_permitted,
    .hello = broker_on_hello,
    .list = broker_on_list,
    .describe = broker_on_describe,
    .ask = broker_on_ask,
    .quarantine = broker_on_quarantine,
    .match = broker_on_match,
    .report = broker_on_report,
    .want_metadata = broker_on_want_metadata,
    .want_consistency = broker_on_want_consistency,
    .request = broker_on_request,
    .heartbeat = broker_on_heartbeat,
    .bye = broker_on_bye,
    .refused = broker_on_refused,
    .subscription = broker_on_subscription,
    .blob_open = on_blob_open,
    .blob_put = on_blob_put,
};

static void hint_send (void *context, unsigned slot, const struct wire_update *hint)
{
    struct broker *broker = context;
    char topic[BROKER_HINT_TOPIC_SIZE];
    int r = origin_announce (broker->origin, broker_hints_topic (&broker->hints, slot, topic), hint);

    if (r < 0)
        base_log_limited (&broker->log, BASE_LOG_WARNING, "cannot announce on %s, ignoring: %s", topic,
                          strerror (-r));
}

/*  Logs how many connections were closed because a peer used too much, and how many messages were ignored. */
static void peers_log (struct broker *broker)
{
    struct origin_counts counts = broker_counts (broker);

    for (unsigned i = 0; i < BUS_END_COUNT; i++) {
        uint64_t ended = counts.ended[i];
        if (ended != broker->ended[i])
            base_log_limited (&broker->log, BASE_LOG_WARNING, "ended %" PRIu64 " connections: %s",
                              ended - broker->ended[i], bus_end_text ((enum bus_end) i));
        broker->ended[i] = ended;
    }
    if (broker->registry.foreign != broker->foreign)
        base_log_limited (&broker->log, BASE_LOG_WARNING,
                          "ignoring %" PRIu64 " messages in a node's name that arrived on another connection",
                          broker->registry.foreign - broker->foreign);
    broker->foreign = broker->registry.foreign;
}

static void on_tick (void *context)
{
    struct broker *broker = context;
    uint64_t now_ms = base_time_boot_ms ();

    base_assert (broker->tick_ms >= TICK_LEAST_MS && broker->tick_ms <= TICK_MOST_MS);
    broker->tick = bus_timer_start (broker->loop, broker->tick_ms, on_tick, broker);
    broker_registry_tick (&broker->registry, now_ms);
    for (size_t i = 0; i < broker->registry.n_nodes; i++) {
        struct broker_node *node = broker->registry.nodes[i];
        if (node->settle_ms && now_ms >= node->settle_ms) {
            node->settle_ms = 0;
            broker_node_publish (broker,
                                 &(struct broker_node_change){.node = node, .flags = BROKER_NODE_REPORT});
        }
    }
    if (broker->blobs)
        broker_blobs_tick (broker->blobs, now_ms);
    broker_backup_tick (broker, now_ms);
    broker_rescue_look (broker);
    peers_log (broker);
}

/*  Adds a node from the records. It is offline until a message of it arrives. */
static int node_load (void *context, const struct records_node *record)
{
    struct broker *broker = context;
    struct broker_node *node;

    return broker_registry_put (&broker->registry, record, &node);
}

/*  Completes a node from the records. */
static int node_complete (struct broker *broker, struct broker_node *node, struct base_error *error)
{
    bool trial = false;
    int r = records_node_on_trial (broker->records, node->id, &trial, error);
    if (r < 0)
        return r;
    broker_registry_trial (&broker->registry, node, trial);
    r = broker_labels_load (broker, node, error);
    if (r < 0)
        return r;
    /* Clients that follow changes across a restart need a new revision: the node is offline now. */
    r = records_revision_next (broker->records, &node->revision, error);
    if (r < 0)
        return r;
    broker->revision = node->revision;
    return 0;
}

static int nodes_load (struct broker *broker, struct base_error *error)
{
    int r = records_nodes (broker->records, node_load, broker, error);
    if (r < 0)
        return r;
    r = records_revision_next (broker->records, &broker->revision, error);
    if (r < 0)
        return r;
    for (size_t i = 0; i < broker->registry.n_nodes; i++) {
        r = node_complete (broker, broker->registry.nodes[i], error);
        if (r < 0)
            return r;
    }
    return 0;
}

static int records_load (struct broker *broker, const struct broker_config *config, struct base_error *error)
{
    int r = broker_keeping_open (config->root, broker->root, config->anew, &broker->records, &broker->mark,
                                 error);
    if (r)
        return r;
    return nodes_load (broker, error);
}

static struct bus_admission *admission_of (const struct broker *broker, const struct broker_config *config)
{
    return broker->keys.on ? broker->keys.admission : config->admission;
}

static int events_bind (struct broker *broker, const struct broker_config *config, struct base_error *error)
{
    struct bus_socket_options options = {.keys = broker->keys.on ? &broker->keys.own : NULL,
                                         .admission = admission_of (broker, config),
                                         .channel = BUS_CHANNEL_EVENTS,
                                         .quiet = true};
    int r = bus_socket_new (broker->loop, BUS_PUB, &options, &broker->events, error);
    if (r < 0)
        return r;
    return bus_socket_bind (broker->events, config->bind->events, error);
}

static int channels_bind (struct broker *broker, const struct broker_config *config, const char *local,
                          struct base_error *error)
{
    struct origin_config origin = {.announce = config->bind->announce,
                                   .control = config->bind->control,
                                   .content = config->no_content ? NULL : config->bind->content,
                                   .control_local = local,
                                   .keys = broker->keys.on ? &broker->keys.own : NULL,
                                   .admission = admission_of (broker, config),
                                   .heartbeat_ms = broker->heartbeat_ms};
    int r = origin_new (broker->loop, &origin, &operations, broker, &broker->origin, error);
    if (r < 0)
        return r;
    return events_bind (broker, config, error);
}

static void on_damaged (void *context, const struct base_digest *digest)
{
    struct broker *broker = context;
    base_cleanup (base_free_p) char *notice = NULL;

    origin_blob_forget (broker->origin, digest);
    notice = broker_serving_notice (broker);
    if (notice)
        broker_event_notice (broker, notice);
}

/*  Starts to check, collect and scrub the blobs. Called after the channels are bound, so that a start that
    fails moves no blob to the trash. */
static void blobs_begin (struct broker *broker, const struct broker_config *config)
{
    const struct broker_trash_rules none = {.keep_ms = 0};
    const struct broker_trash_rules usual = BROKER_TRASH_RULES;
    bool is_set = memcmp (&config->trash, &none, sizeof none) != 0;

    broker_blobs_watch (broker->blobs, on_damaged, broker);
    broker_blobs_rules (broker->blobs, is_set ? &config->trash : &usual, config->scrub_ms);
    broker_blobs_collect (broker);
}

/*  The order matters: see broker/revisions.h. */
static int changes_subscribe (struct broker *broker)
{
    static const struct broker_changes_ops *const subscribers[] = {&broker_revisions_ops,
                                                                   &broker_rollouts_ops, &broker_events_ops};

    for (size_t i = 0; i < sizeof subscribers / sizeof *subscribers; i++) {
        int r = broker_changes_subscribe (&broker->changes, subscribers[i], broker);
        if (r < 0)
            return r;
    }
    return 0;
}

static void broker_free_p (struct broker **broker)
{
    broker_free (*broker);
}

int broker_pace (struct broker *broker, uint64_t heartbeat_ms, uint64_t liveness_ms, struct base_error *error)
{
    base_assert (broker);
    heartbeat_ms = heartbeat_ms ? heartbeat_ms : BROKER_HEARTBEAT_MS;
    liveness_ms = liveness_ms ? liveness_ms : LIVENESS_HEARTBEATS * heartbeat_ms;
    if (liveness_ms <= heartbeat_ms)
        return base_error_set (error, -EINVAL,
                               "the liveness of %llu ms is too short for a heartbeat of %llu ms: the"
                               " liveness must be longer than the heartbeat",
                               (unsigned long long) liveness_ms, (unsigned long long) heartbeat_ms);
    broker->heartbeat_ms = heartbeat_ms;
    broker->registry.liveness_ms = liveness_ms;
    broker->tick_ms = liveness_ms / 8;
    if (broker->tick_ms < TICK_LEAST_MS)
        broker->tick_ms = TICK_LEAST_MS;
    if (broker->tick_ms > TICK_MOST_MS)
        broker->tick_ms = TICK_MOST_MS;
    deploy_set_times (&broker->deploy, &(struct deploy_times){.heartbeat_ms = heartbeat_ms,
                                                              .liveness_ms = liveness_ms,
                                                              .reconnect_ms = BUS_RECONNECT_MOST_MS});
    if (broker->origin)
        origin_pace (broker->origin, heartbeat_ms);
    return 0;
}

/*  Opens the keys, binds the channels, and with keys a control channel for users of this host. */
static int keys_bind (struct broker *broker, const struct broker_config *config, struct base_error *error)
{
    const struct broker_keys_config keys = {
        .path = config->root, .root = broker->root, .wanted = config->with_keys, .own = config->keys};
    char local[BUS_ENDPOINT_SIZE];
    int r = broker_keys_open (&broker->keys, &keys, broker->records, error);
    if (r < 0)
        return r;
    if (!broker->keys.on)
        return channels_bind (broker, config, NULL, error);
    r = broker_keys_local (&keys, local, error);
    if (r < 0)
        return r;
    r = channels_bind (broker, config, local, error);
    return r < 0 ? r : broker_keys_local_bound (&keys, error);
}

static void keys_log (const struct broker *broker, const struct broker_config *config)
{
    if (!broker->keys.on)
        base_log (BASE_LOG_WARNING,
                  "--insecure: this broker has no keys, everybody who reaches it may do everything");
    else
        base_log (BASE_LOG_INFO, "%zu keys are active; root administers them with nodectl --root %s",
                  broker->keys.n_active, config->root);
}

/*  Opens what the broker serves, and binds its channels. What is open already is the broker's, also on
    failure. Returns 0, -errno or a code of broker/errors.h. */
static int broker_open (struct broker *broker, const struct broker_config *config, struct base_error *error)
{
    int r = broker_root_open (config->root, &broker->root, &broker->lock, error);
    if (r)
        return r;
    r = records_load (broker, config, error);
    if (r)
        return r;
    r = broker_trust_begin (broker, error);
    if (r < 0)
        return r;
    if (!config->no_content) {
        r = broker_blobs_open (broker->loop, broker->root, &broker->blobs, error);
        if (r < 0)
            return r;
    }
    r = keys_bind (broker, config, error);
    if (r < 0)
        return r;
    keys_log (broker, config);
    if (broker->blobs)
        blobs_begin (broker, config);
    return deploy_load (&broker->deploy, broker->records, error);
}

int broker_new (struct bus_loop *loop, const struct broker_config *config, struct broker **ret_broker,
                struct base_error *error)
{
    base_assert (loop && config && config->root && config->bind && ret_broker);
    base_cleanup (broker_free_p) struct broker *broker = calloc (1, sizeof *broker);
    int r;

    if (!broker)
        return base_error_errno (error, -ENOMEM, "cannot make a broker");
    broker->root = -1;
    broker->lock = -1;
    broker->loop = loop;
    broker->started_ms = base_time_boot_ms ();
    broker->started_ns = base_time_real_ns ();
    deploy_init (&broker->deploy, &broker_deploy_ops, broker);
    r = broker_pace (broker, config->heartbeat_ms, config->liveness_ms, error);
    if (r < 0)
        return r;
    r = changes_subscribe (broker);
    if (r < 0)
        return r;
    broker_registry_init (&broker->registry, &broker_registry_ops, broker, broker->registry.liveness_ms);
    if (config->nodes_most)
        broker->registry.nodes_most = config->nodes_most;
    broker->new_nodes = config->new_nodes ? config->new_nodes : BROKER_NEW_NODES;
    broker_hints_init (&broker->hints, loop, hint_send, broker);
    broker_waiters_init (&broker->waiters, loop, broker_waiter_look, broker);
    r = broker_open (broker, config, error);
    if (r)
        return r;
    broker->tick = bus_timer_start (loop, broker->tick_ms, on_tick, broker);
    if (broker->tick < 0)
        return base_error_errno (error, broker->tick, "cannot start a timer");
    *ret_broker = base_take (broker);
    return 0;
}

struct broker *broker_free (struct broker *broker)
{
    if (!broker)
        return NULL;
    bus_timer_cancel (broker->loop, broker->tick > 0 ? broker->tick : 0);
    broker_backup_deinit (broker);
    broker_trust_end (broker);
    broker_commit_deinit (broker);
    broker_quarantine_deinit (broker);
    deploy_deinit (&broker->deploy);
    bus_timer_cancel (broker->loop, broker->deploy_timer > 0 ? broker->deploy_timer : 0);
    broker->origin = origin_free (broker->origin);
    broker->events = bus_socket_free (broker->events);
    broker_keys_deinit (&broker->keys);
    broker_hints_deinit (&broker->hints);
    broker_waiters_deinit (&broker->waiters);
    broker_registry_deinit (&broker->registry);
    broker->blobs = broker_blobs_free (broker->blobs);
    broker->records = records_free (broker->records);
    broker->mark = broker_mark_free (broker->mark);
    base_close_p (&broker->root);
    base_close_p (&broker->lock);
    free (broker);
    return NULL;
}

const char *broker_endpoint_announce (const struct broker *broker)
{
    base_assert (broker);
    return origin_endpoint_announce (broker->origin);
}

const char *broker_endpoint_control (const struct broker *broker)
{
    base_assert (broker);
    return origin_endpoint_control (broker->origin);
}

const char *broker_endpoint_content (const struct broker *broker)
{
    base_assert (broker);
    return origin_endpoint_content (broker->origin);
}

const char *broker_endpoint_events (const struct broker *broker)
{
    base_assert (broker);
    return bus_socket_endpoint (broker->events);
}

const char *broker_public_key (const struct broker *broker)
{
    base_assert (broker);
    return broker->keys.own.public_key;
}
