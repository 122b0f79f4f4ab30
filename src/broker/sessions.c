/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/sessions.c - nodes that connect, live and disconnect */

#include "broker/sessions.h"

#include <errno.h>
#include <inttypes.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "broker/caller.h"
#include "broker/journals.h"
#include "broker/labels.h"
#include "broker/publish.h"
#include "broker/commit.h"
#include "wire/envelope.h"
#include "wire/list.h"
#include "wire/text.h"

enum {
    HELLOS_AT_ONCE = 60,   /* hellos of a node that are written; and as many a minute */
    CONNECTS_AT_ONCE = 10, /* connects and disconnects of a node that are logged and sent as events */
    CONNECTS_A_MINUTE = 6,
    ALL_AT_ONCE = 40000, /* of all nodes: a fleet that disconnects and returns */
    ALL_A_MINUTE = 12000,
};

/*  Returns whether a connect or disconnect is reported. A flapping node must not fill the log or flood the
    subscribers. */
static bool connect_is_logged (struct broker *broker, struct broker_node *node)
{
    uint64_t now_ms = base_time_boot_ms ();

    return broker_pace_take (&node->events, CONNECTS_AT_ONCE, CONNECTS_A_MINUTE, now_ms) &&
           broker_pace_take (&broker->connects, ALL_AT_ONCE, ALL_A_MINUTE, now_ms);
}

/*  Logs that a node connected, and fills what happened. Returns their number: 0 if that is not reported. */
static size_t connect_log (struct broker *broker, struct broker_node *node, const char *how,
                           struct broker_node_event *events)
{
    if (!connect_is_logged (broker, node))
        return 0;
    if (node->events.refused > 0)
        base_log (BASE_LOG_WARNING, "node %s: %" PRIu64 " further connects and disconnects were not logged",
                  node->id, node->events.refused);
    node->events.refused = 0;
    base_log (BASE_LOG_INFO, "node %s %s", node->id, how);
    *events = (struct broker_node_event){.event = WIRE_EVENT_CONNECTED};
    return 1;
}

struct broker_node *broker_hear (struct broker *broker, const struct bus_peer *peer, const char *id,
                                 const char *session)
{
    bool connected;
    struct broker_node *node =
        broker_registry_heard (&broker->registry, id, session, peer, base_time_boot_ms (), &connected);

    if (node)
        origin_keep (broker->origin);
    if (node && connected) {
        struct broker_node_event events;
        size_t n = connect_log (broker, node, "is in contact again", &events);
        broker_node_publish (
            broker, &(struct broker_node_change){
                        .node = node, .flags = BROKER_NODE_CONTACT, .events = &events, .n_events = n});
    }
    return node;
}

/*  hello */

/*  Returns whether the previous session ended without a goodbye. Not counted: a switch to another version,
    which may crash on trial, and the first session after a start of the broker. */
static bool is_restart (const struct broker_node *node, const struct wire_hello *hello)
{
    return node && node->session[0] && strcmp (node->session, hello->session) != 0 && !node->trial &&
           !hello->trial;
}

/*  Returns whether the node has another list of applications than the records. Records without any state need
    no list: there is nothing to forget, and the states follow. */
static bool list_differs (const struct wire_hello *hello, const struct base_digest *list)
{
    struct base_digest empty = wire_list_digest (NULL, 0);

    return !base_digest_is_null (&hello->list) && !base_digest_equal (&hello->list, list) &&
           !base_digest_equal (list, &empty);
}

/*  A hello that is being written. */
struct greeting {
    struct bus_peer peer;
    struct wire_hello hello;
    uint64_t restarts;
    bool labelled;
    bool list_wanted; /* the node has another list of applications than the records */
    struct broker_journal_news journal;
};

static void greeting_free (struct greeting *greeting)
{
    wire_hello_deinit (&greeting->hello);
    records_journal_deinit (&greeting->journal.before);
    free (greeting);
}

static struct records_node record_of (const struct greeting *greeting, char now[BASE_TIME_TEXT])
{
    const struct wire_hello *hello = &greeting->hello;

    return (struct records_node){.id = hello->node,
                                 .host_pid = hello->host_pid,
                                 .software = hello->software,
                                 .platform = hello->platform,
                                 .kernel = hello->kernel,
                                 .restarts = greeting->restarts,
                                 .last_seen = base_time_format (base_time_real_ns (), now)};
}

static int greeting_store (struct broker *broker, void *item, struct base_error *error)
{
    struct greeting *greeting = item;
    char now[BASE_TIME_TEXT];
    struct records_node record = record_of (greeting, now);
    const struct wire_hello *hello = &greeting->hello;
    struct broker_journal_report journal = {
        .serial = hello->journal_serial, .head = &hello->journal_head, .fault = hello->journal_fault};
    struct base_digest list;
    int r = records_node_put (broker->records, &record, error);

    if (r == 0)
        r = broker_labels_report (broker, hello, &greeting->labelled, error);
    if (r == 0)
        r = records_applications_list (broker->records, hello->node, &list, error);
    if (r == 0) {
        greeting->list_wanted = list_differs (hello, &list);
        r = broker_journal_store (broker, hello->node, &journal, &greeting->journal, error);
    }
    if (r == 0) { /* reports that follow in the same transaction may have been queued before this hello */
        struct broker_node *node = broker_registry_find (&broker->registry, hello->node);
        if (node)
            node->journal_hello = hello->journal_serial;
    }
    return r;
}

/*  The session was opened or continues: logs what is new, and publishes it. */
static void greeting_publish (struct broker *broker, struct broker_node *node,
                              const struct greeting *greeting, bool connected)
{
    struct broker_node_event events[2]; /* it connected; a fault of its journal */
    base_cleanup (base_free_p) char *fault = NULL;
    size_t n = 0;

    if (connected) {
        char how[256];
        (void) snprintf (how, sizeof how, "connected: %.128s, noded %.64s",
                         node->host_pid ? node->host_pid : "an unknown host",
                         node->software ? node->software : "of an unknown version");
        n += connect_log (broker, node, how, events);
    }
    fault = broker_journal_fault (broker, node, &greeting->journal);
    if (fault)
        events[n++] = (struct broker_node_event){.event = WIRE_EVENT_JOURNAL, .reason = fault};
    broker_node_publish (broker,
                         &(struct broker_node_change){.node = node,
                                                      .flags = BROKER_NODE_CONTACT |
                                                               (greeting->labelled ? BROKER_NODE_LABELS : 0),
                                                      .events = events,
                                                      .n_events = n});
}

/*  Opens the session of a hello that is on disk. */
static int greeting_open (struct broker *broker, const struct greeting *greeting, struct base_error *error)
{
    const struct wire_hello *hello = &greeting->hello;
    char now[BASE_TIME_TEXT];
    struct records_node record = record_of (greeting, now);
    struct broker_node *node;
    bool connected;
    int r = broker_registry_put (&broker->registry, &record, &node);

    if (r != 0)
        return base_error_errno (error, r, "cannot store node %s", hello->node);
    if (greeting->labelled && broker_labels_load (broker, node, error) != 0)
        (void) broker_storage_failed (broker, error);
    connected =
        broker_registry_open (&broker->registry, node, hello->session, &greeting->peer, base_time_boot_ms ());
    node->journal_hello = hello->journal_serial;
    if (connected ||
        hello->trial) /* the states of its applications follow, which may have another one on trial */
        broker_registry_trial (&broker->registry, node, hello->trial);
    greeting_publish (broker, node, greeting, connected);
    if (node->trial)
        broker_hints_want_after (&broker->hints, node->ring, node->id, 0);
    return 0;
}

/*  Answers a hello. A node that has disconnected meanwhile says hello again. */
static void welcome_send (struct broker *broker, const struct bus_peer *peer, enum wire_status status,
                          const char *reason, const struct greeting *greeting)
{
    struct wire_welcome answer = {.status = status,
                                  .reason = reason,
                                  .instance = origin_instance (broker->origin),
                                  .sequence = origin_sequence (broker->origin),
                                  .heartbeat_ms = broker->heartbeat_ms};

    if (greeting) {
        answer.journal_serial = greeting->journal.before.serial;
        answer.journal_head = greeting->journal.before.head;
        answer.list = greeting->list_wanted;
    }
    (void) origin_answer (broker->origin, peer, &wire_welcome_record, &answer);
}

static void greeting_ended (struct broker *broker, void *item, bool kept)
{
    struct greeting *greeting = item;
    struct base_error error = {.text = "the broker could not store the hello"};
    int r = kept ? greeting_open (broker, greeting, &error) : -EIO;

    if (kept && r != 0)
        (void) broker_storage_failed (broker, &error);
    welcome_send (broker, &greeting->peer, r == 0 ? WIRE_STATUS_OK : WIRE_STATUS_FAILED,
                  r == 0 ? NULL : error.text, greeting);
    greeting_free (greeting);
}

static const struct broker_write_ops greeting_ops = {.store = greeting_store, .ended = greeting_ended};

static bool greeting_is_of (const void *item, const void *id)
{
    const struct greeting *greeting = item;

    return strcmp (greeting->hello.node, id) == 0;
}

/*  Commits a hello of the node that is still being written, so that the registry knows of it. */
static void greeting_settle (struct broker *broker, const char *id)
{
    if (broker_commit_has (broker, &greeting_ops, greeting_is_of, id))
        broker_commit_flush (broker);
}

/*  Accepts a hello: it is answered after it is on disk. Returns 0 or -errno; then nothing has changed. */
static int hello_admit (struct broker *broker, const struct bus_peer *peer, const struct wire_hello *hello,
                        struct base_error *error)
{
    const struct broker_node *node = broker_registry_find (&broker->registry, hello->node);
    struct greeting *greeting = calloc (1, sizeof *greeting);
    int r;

    if (!greeting || wire_copy (&wire_hello_record, hello, &greeting->hello) != 0) {
        free (greeting);
        return base_error_errno (error, -ENOMEM, "cannot process a hello");
    }
    greeting->peer = *peer;
    greeting->restarts = (node ? node->restarts : 0) + is_restart (node, hello);
    r = broker_commit_add (broker, &greeting_ops, greeting, error);
    if (r != 0)
        greeting_free (greeting);
    return r;
}

/*  Checks that the connection belongs to this node, and the rate of hellos: of one node, and of unknown
    nodes. A hello above the rate fails, and the node repeats it later. */
static bool hello_is_in_time (struct broker *broker, const struct wire_hello *hello,
                              struct wire_welcome *answer)
{
    struct broker_node *node = broker_registry_find (&broker->registry, hello->node);
    uint64_t now_ms = base_time_boot_ms ();

    if (!origin_is_named (broker->origin, hello->node)) {
        answer->status = WIRE_STATUS_REFUSED;
        answer->reason = wire_reason ("this connection belongs to another node");
        return false;
    }
    if (node ? broker_pace_take (&node->hellos, HELLOS_AT_ONCE, HELLOS_AT_ONCE, now_ms)
             : broker_pace_take (&broker->new_ids, BROKER_NEW_AT_ONCE, broker->new_nodes, now_ms))
        return true;
    answer->status = WIRE_STATUS_FAILED;
    answer->reason = node ? wire_reason ("node %s has sent too many hellos within a minute", node->id)
                          : wire_reason ("too many unknown nodes: %u a minute are accepted"
                                         " (broker/new-nodes)",
                                         broker->new_nodes);
    return false;
}

int broker_on_hello (void *context, const struct bus_peer *peer, const struct wire_hello *hello,
                     struct wire_welcome *answer)
{
    struct broker *broker = context;
    struct base_error error = {.code = 0};

    if (!wire_node_is_valid (hello->node) || !hello->session[0]) {
        answer->status = WIRE_STATUS_INVALID;
        answer->reason = wire_reason ("the id of the node is not valid, or it has no session");
        return 0;
    }
    greeting_settle (broker, hello->node);
    if (!hello_is_in_time (broker, hello, answer))
        return 0;
    switch (broker_registry_hello (&broker->registry, peer, hello, base_time_boot_ms (), &error)) {
    case BROKER_WAIT:
        return ORIGIN_LATER;
    case BROKER_REFUSE:
        base_log_limited (&broker->log, BASE_LOG_WARNING, "refused: %s", error.text);
        answer->status = WIRE_STATUS_REFUSED;
        answer->reason = wire_reason ("%s", error.text);
        return 0;
    case BROKER_ADMIT:
        break;
    }
    return hello_admit (broker, peer, hello, &error) == 0 ? ORIGIN_LATER
                                                          : broker_storage_failed (broker, &error);
}

/*  operations of the registry */

static int registry_ping (void *context, const struct bus_peer *peer)
{
    struct broker *broker = context;
    struct wire_heartbeat heartbeat = {.sender = origin_instance (broker->origin),
                                       .sequence = origin_sequence (broker->origin)};

    return origin_answer (broker->origin, peer, &wire_heartbeat_record, &heartbeat);
}

static void registry_settled (void *context, struct broker_node *node, const struct bus_peer *peer,
                              const struct wire_hello *hello, const char *refusal)
{
    struct broker *broker = context;
    struct base_error error = {.code = 0};
    const struct broker_caller caller = broker_caller_of (&broker->keys, peer);
    char denied[BROKER_CALLER_TEXT];

    /* Its key may have been revoked while it waited. */
    if (!refusal && broker_caller_check_message (&caller, &wire_hello_record, hello, denied) != 0)
        refusal = denied;
    if (refusal) {
        base_log_limited (&broker->log, BASE_LOG_WARNING, "refused: %s", refusal);
        welcome_send (broker, peer, WIRE_STATUS_REFUSED, refusal, NULL);
        return;
    }
    base_log_limited (&broker->log, BASE_LOG_INFO,
                      "node %s: its session lost contact and is replaced by the session of %s", node->id,
                      hello->host_pid ? hello->host_pid : "an unknown host");
    if (hello_admit (broker, peer, hello, &error) == 0)
        return;
    (void) broker_storage_failed (broker, &error);
    welcome_send (broker, peer, WIRE_STATUS_FAILED, error.text, NULL);
}

/*  disconnects */

/*  A disconnect that is being written. */
struct parting {
    char node[RECORDS_ID_SIZE];
    char last_seen[BASE_TIME_TEXT];
    char reason[513];
};

static int parting_store (struct broker *broker, void *item, struct base_error *error)
{
    const struct parting *parting = item;

    return records_node_seen (broker->records, parting->node, parting->last_seen, error);
}

static void parting_ended (struct broker *broker, void *item, bool kept)
{
    struct parting *parting = item;
    struct broker_node *node = broker_registry_find (&broker->registry, parting->node);

    (void) kept; /* the node is offline in any case */
    if (node) {
        struct broker_node_event events = {.event = WIRE_EVENT_DISCONNECTED, .reason = parting->reason};
        bool is_logged = connect_is_logged (broker, node);
        if (is_logged)
            base_log (BASE_LOG_INFO, "node %s disconnected: %s", node->id, parting->reason);
        broker_node_publish (broker, &(struct broker_node_change){.node = node,
                                                                  .flags = BROKER_NODE_CONTACT,
                                                                  .events = &events,
                                                                  .n_events = is_logged});
    }
    free (parting);
}

static const struct broker_write_ops parting_ops = {.store = parting_store, .ended = parting_ended};

static void node_disconnected (struct broker *broker, struct broker_node *node, const char *reason)
{
    struct parting *parting = calloc (1, sizeof *parting);
    struct base_error error = {.code = -ENOMEM};

    if (!parting) {
        (void) broker_storage_failed (broker, &error);
        return;
    }
    (void) base_text_copy (parting->node, sizeof parting->node, node->id);
    (void) broker_node_last_seen (node, parting->last_seen);
    (void) snprintf (parting->reason, sizeof parting->reason, "%s", reason);
    if (broker_commit_add (broker, &parting_ops, parting, &error) != 0) {
        (void) broker_storage_failed (broker, &error);
        parting_ended (broker, parting, false);
    }
}

static void registry_disconnected (void *context, struct broker_node *node)
{
    node_disconnected (context, node, "lost contact");
}

const struct broker_registry_ops broker_registry_ops = {
    .ping = registry_ping, .settled = registry_settled, .disconnected = registry_disconnected};

/*  heartbeats, goodbyes, subscriptions */

/*  The session uses a new connection: asks it to say hello there, as only then its messages are
    accepted. */
static void hello_want (struct broker *broker, const struct bus_peer *peer, const char *id,
                        const char *session)
{
    const struct broker_node *node = broker_registry_find (&broker->registry, id);
    struct wire_desired answer = {.application = "noded", .status = WIRE_STATUS_REFUSED};

    if (node && strcmp (node->session, session) == 0)
        (void) origin_answer (broker->origin, peer, &wire_desired_record, &answer);
}

void broker_on_heartbeat (void *context, const struct bus_peer *peer, const struct wire_heartbeat *heartbeat)
{
    struct broker *broker = context;
    struct broker_node *node;

    if (!heartbeat->node)
        return;
    node = broker_hear (broker, peer, heartbeat->node, heartbeat->sender);
    if (!node)
        hello_want (broker, peer, heartbeat->node, heartbeat->sender);
    if (node && heartbeat->answer)
        broker_registry_answered (&broker->registry, node);
    if (node && node->trial)
        broker_hints_want_after (&broker->hints, node->ring, node->id, BROKER_TRIAL_HINT_MS);
}

void broker_on_bye (void *context, const struct bus_peer *peer, const struct wire_bye *bye)
{
    struct broker *broker = context;
    struct broker_node *node;
    bool was_online;

    greeting_settle (broker, bye->node);
    node = broker_registry_find (&broker->registry, bye->node);
    was_online = node && node->online;
    node = broker_registry_bye (&broker->registry, bye->node, bye->session, peer);
    if (node && was_online && !node->online)
        node_disconnected (broker, node, bye->reason ? bye->reason : "closed");
}

void broker_session_end (struct broker *broker, const char *id, const char *reason)
{
    struct broker_node *node;

    greeting_settle (broker, id);
    node = broker_registry_find (&broker->registry, id);
    if (!node || !node->online)
        return;
    node = broker_registry_bye (&broker->registry, id, node->session, &node->peer);
    if (node && !node->online)
        node_disconnected (broker, node, reason);
}

void broker_on_subscription (void *context, const char *topic, bool subscribed)
{
    struct broker *broker = context;
    int ring = subscribed ? broker_hints_ring (topic) : -1;

    /* A version on trial confirms itself only after it has heard an announcement. */
    if (ring >= 0)
        for (const struct broker_node *node = broker->registry.trials[ring]; node; node = node->next_on_trial)
            broker_hints_want_after (&broker->hints, (unsigned) ring, node->id, 0);
}
