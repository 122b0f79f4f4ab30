/*  broker/sessions.c - who comes, lives and goes */

#include "broker/private.h"

#include <errno.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "broker/labels.h"
#include "broker/text.h"
#include "wire/envelope.h"

struct broker_node *broker_hear (struct broker *broker, const struct bus_peer *peer, const char *id,
                                 const char *session)
{
    bool came;
    struct broker_node *node =
        broker_registry_heard (&broker->registry, id, session, peer, base_time_boot_ms (), &came);

    if (node && came) {
        base_log (BASE_LOG_INFO, "node %s is back", node->id);
        broker_event (broker, WIRE_EVENT_CAME, node, NULL, NULL, NULL, NULL);
        broker_node_changed (broker, node);
    }
    return node;
}

/*  hello */

static int hello_store (struct broker *broker, const struct wire_hello *hello,
                        const struct broker_node_record *record, bool *changed, bool *labelled,
                        struct base_error *error)
{
    const char *names[BROKER_APPLICATIONS_MOST];
    int r = broker_store_node_put (broker->store, record, error);

    for (size_t i = 0; r == 0 && i < hello->n_applications; i++) {
        names[i] = hello->applications[i].name;
        r = broker_application_tell (broker, hello->node, &hello->applications[i], &changed[i], error);
    }
    if (r == 0)
        r = broker_store_applications_keep (broker->store, hello->node, names, hello->n_applications, error);
    if (r == 0)
        r = broker_labels_tell (broker, hello, labelled, error);
    return r;
}

/*  Whether the session before this one ended without a word: not by a goodbye, not by a switch to another
    version, which may crash on trial, and not as seen by a broker that was itself away. */
static bool is_restart (const struct broker_node *node, const struct wire_hello *hello)
{
    if (!node || !node->session[0] || strcmp (node->session, hello->session) == 0 || node->trial)
        return false;
    for (size_t i = 0; i < hello->n_applications; i++)
        if (hello->applications[i].state == WIRE_STATE_TRIAL)
            return false;
    return true;
}

/*  Opens the session of a hello that may come in. Returns 0 or -errno; then nothing has changed. */
static int admit (struct broker *broker, const struct bus_peer *peer, const struct wire_hello *hello,
                  struct base_error *error)
{
    char last_seen[BASE_TIME_TEXT];
    bool changed[BROKER_APPLICATIONS_MOST] = {false}, labelled = false;
    struct broker_node_record record = {.id = hello->node,
                                        .place = hello->place,
                                        .software = hello->software,
                                        .platform = hello->platform,
                                        .kernel = hello->kernel};
    struct broker_node *node = broker_registry_find (&broker->registry, hello->node);
    int r;

    record.restarts = (node ? node->restarts : 0) + is_restart (node, hello);

    broker_reports_settle (broker);
    r = broker_store_begin (broker->store, error);

    record.last_seen = base_time_format (base_time_real_ns (), last_seen);
    if (r == 0)
        r = hello_store (broker, hello, &record, changed, &labelled, error);
    if (r == 0)
        r = broker_store_commit (broker->store, error);
    if (r == 0) {
        r = broker_registry_put (&broker->registry, &record, &node);
        if (r != 0)
            (void) base_error_errno (error, r, "cannot remember node %s", hello->node);
    }
    if (r != 0) {
        broker_store_rollback (broker->store);
        return r;
    }
    if (labelled && broker_labels_load (broker, node, error) != 0)
        (void) broker_storage_failed (broker, error);
    if (broker_registry_open (&broker->registry, node, hello->session, peer, base_time_boot_ms ())) {
        base_log (BASE_LOG_INFO, "node %s came: %s, noded %s", node->id,
                  node->place ? node->place : "no place",
                  node->software ? node->software : "of an unknown version");
        broker_event (broker, WIRE_EVENT_CAME, node, NULL, NULL, NULL, NULL);
    }
    node->trial = false;
    for (size_t i = 0; i < hello->n_applications; i++) {
        const struct wire_application *told = &hello->applications[i];
        if (changed[i])
            broker_event (broker, WIRE_EVENT_CHANGED, node, told, NULL, NULL, NULL);
        if (told->state == WIRE_STATE_TRIAL)
            node->trial = true;
        broker_settle_check (broker, node, told->name);
    }
    broker_node_changed (broker, node);
    if (node->trial)
        broker_hints_want (&broker->hints, node->ring, NULL, 0);
    return 0;
}

static bool hello_is_valid (const struct wire_hello *hello)
{
    if (!wire_node_is_valid (hello->node) || !hello->session[0] ||
        hello->n_applications > BROKER_APPLICATIONS_MOST)
        return false;
    for (size_t i = 0; i < hello->n_applications; i++)
        if (!wire_application_is_valid (hello->applications[i].name))
            return false;
    return true;
}

int broker_on_hello (void *context, const struct bus_peer *peer, const struct wire_hello *hello,
                     struct wire_welcome *answer)
{
    struct broker *broker = context;
    struct base_error error = {.code = 0};

    if (!hello_is_valid (hello)) {
        answer->status = WIRE_STATUS_INVALID;
        answer->reason = broker_reason ("the id of a node or the name of an application is not valid");
        return 0;
    }
    switch (broker_registry_hello (&broker->registry, peer, hello, base_time_boot_ms (), &error)) {
    case BROKER_WAIT:
        return ORIGIN_LATER;
    case BROKER_REFUSE:
        base_log_limited (&broker->log, BASE_LOG_WARNING, "refused: %s", error.text);
        answer->status = WIRE_STATUS_REFUSED;
        answer->reason = broker_reason ("%s", error.text);
        return 0;
    case BROKER_ADMIT:
        break;
    }
    if (admit (broker, peer, hello, &error) != 0)
        return broker_storage_failed (broker, &error);
    answer->status = WIRE_STATUS_OK;
    return 0;
}

/*  the registry's operations */

static int registry_poke (void *context, const struct bus_peer *peer)
{
    struct broker *broker = context;
    struct wire_heartbeat heartbeat = {.sender = (char *) origin_instance (broker->origin),
                                       .sequence = origin_sequence (broker->origin)};

    return origin_answer (broker->origin, peer, &wire_heartbeat_record, &heartbeat);
}

static void registry_settled (void *context, struct broker_node *node, const struct bus_peer *peer,
                              const struct wire_hello *hello, const char *refusal)
{
    struct broker *broker = context;
    base_cleanup (base_free_p) char *reason = NULL;
    struct base_error error = {.code = 0};
    struct wire_welcome welcome = {.status = WIRE_STATUS_OK,
                                   .instance = (char *) origin_instance (broker->origin),
                                   .sequence = origin_sequence (broker->origin),
                                   .heartbeat_ms = broker->heartbeat_ms};

    if (refusal) {
        base_log_limited (&broker->log, BASE_LOG_WARNING, "refused: %s", refusal);
        welcome.status = WIRE_STATUS_REFUSED;
        reason = broker_reason ("%s", refusal);
    } else {
        base_log (BASE_LOG_INFO, "node %s: session %s was silent and is replaced by %s", node->id,
                  node->session[0] ? node->session : "(none)", hello->session);
        if (admit (broker, peer, hello, &error) != 0) {
            (void) broker_storage_failed (broker, &error);
            welcome.status = WIRE_STATUS_FAILED;
            reason = broker_reason ("%s", error.text);
        }
    }
    welcome.reason = reason;
    /* Where the newcomer has gone meanwhile, it will say hello again. */
    (void) origin_answer (broker->origin, peer, &wire_welcome_record, &welcome);
}

static void node_went (struct broker *broker, struct broker_node *node, const char *reason)
{
    char last_seen[BASE_TIME_TEXT];
    struct base_error error = {.code = 0};

    broker_reports_settle (broker);
    base_log (BASE_LOG_INFO, "node %s went: %s", node->id, reason);
    if (broker_store_node_seen (broker->store, node->id, broker_node_last_seen (node, last_seen), &error) !=
        0)
        (void) broker_storage_failed (broker, &error);
    broker_event (broker, WIRE_EVENT_WENT, node, NULL, NULL, NULL, reason);
    broker_node_changed (broker, node);
}

static void registry_went (void *context, struct broker_node *node)
{
    node_went (context, node, "silent");
}

const struct broker_registry_ops broker_registry_ops = {
    .poke = registry_poke, .settled = registry_settled, .went = registry_went};

/*  signs of life */

void broker_on_heartbeat (void *context, const struct bus_peer *peer, const struct wire_heartbeat *heartbeat)
{
    struct broker *broker = context;
    struct broker_node *node;

    if (!heartbeat->node)
        return;
    node = broker_hear (broker, peer, heartbeat->node, heartbeat->sender);
    if (node && node->trial)
        broker_hints_want_after (&broker->hints, node->ring, BROKER_TRIAL_HINT_MS);
}

void broker_on_bye (void *context, const struct bus_peer *peer, const struct wire_bye *bye)
{
    struct broker *broker = context;
    struct broker_node *node = broker_registry_find (&broker->registry, bye->node);
    bool was_online = node && node->online;

    (void) peer;
    node = broker_registry_bye (&broker->registry, bye->node, bye->session);
    if (node && was_online && !node->online)
        node_went (broker, node, bye->reason ? bye->reason : "closed");
}

void broker_on_subscription (void *context, const char *topic, bool subscribed)
{
    struct broker *broker = context;
    int ring = subscribed ? broker_hints_ring (topic) : -1;

    if (ring < 0)
        return;
    /* A version on trial confirms itself only once it has heard an announcement. */
    for (size_t i = 0; i < broker->registry.n_nodes; i++) {
        const struct broker_node *node = broker->registry.nodes[i];
        if (node->trial && node->ring == ring) {
            broker_hints_want (&broker->hints, (unsigned) ring, NULL, 0);
            return;
        }
    }
}
