/*  broker/nodes.c - what nodes tell and ask

    What a message changes is on disk before it is answered, and events and hints follow it. */

#include "broker/private.h"

#include <errno.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "broker/orders.h"
#include "broker/text.h"
#include "wire/envelope.h"

void broker_node_changed (struct broker *broker, struct broker_node *node)
{
    struct base_error error = {.code = 0};

    broker_round_settle (broker); /* the numbers may be taken from the disk: they must not be undone */
    if (broker_store_revision_next (broker->store, &node->revision, &error) != 0) {
        base_log_limited (&broker->log, BASE_LOG_ERROR, "%s", error.text);
        return;
    }
    broker->revision = node->revision;
    broker_waiters_wake (&broker->waiters);
}

int broker_storage_failed (struct broker *broker, const struct base_error *error)
{
    base_log_limited (&broker->log, BASE_LOG_ERROR, "%s", error->text[0] ? error->text : "out of memory");
    return error->code;
}

/*  what is told */

static bool application_differs (const struct broker_application *application,
                                 const struct wire_application *told)
{
    return !application->is_told || application->told.state != told->state ||
           !base_digest_equal (&application->told.release, &told->release);
}

int broker_application_tell (struct broker *broker, const char *node, const struct wire_application *told,
                             bool *ret_changed, struct base_error *error)
{
    base_cleanup (broker_application_deinit) struct broker_application application = {.epoch = 0};
    struct wire_application copy;
    int r = broker_store_application_get (broker->store, node, told->name, &application, error);

    if (r == -ENOENT) {
        uint64_t count;
        r = broker_store_applications_count (broker->store, node, &count, error);
        if (r == 0 && count >= BROKER_APPLICATIONS_MOST)
            return base_error_set (error, -EMFILE, "node %s has more than %d applications", node,
                                   BROKER_APPLICATIONS_MOST);
        (void) base_text_copy (application.node, sizeof application.node, node);
        (void) base_text_copy (application.name, sizeof application.name, told->name);
    }
    if (r != 0)
        return r;
    r = wire_copy (&wire_application_record, told, &copy);
    if (r != 0)
        return base_error_errno (error, r, "cannot take over what node %s tells", node);
    *ret_changed = application_differs (&application, told);
    wire_application_deinit (&application.told);
    application.told = copy;
    application.is_told = true;
    broker_order_raise (&application, told);
    return broker_store_application_put (broker->store, &application, error);
}

void broker_settle_check (struct broker *broker, struct broker_node *node, const char *name)
{
    base_cleanup (broker_application_deinit) struct broker_application application = {.epoch = 0};
    base_cleanup (wire_node_deinit) struct wire_node shown = {.revision = 0};
    bool missing = false;

    if (broker_store_application_get (broker->store, node->id, name, &application, NULL) == 0)
        (void) broker_order_outcome (broker->store, &application, true, &shown, &missing, NULL);
    if (missing && !node->settle_ms)
        node->settle_ms = base_time_boot_ms () + BROKER_SETTLE_MS;
}

/*  ask and match */

int broker_on_ask (void *context, const struct bus_peer *peer, const struct wire_ask *ask,
                   struct wire_desired *answer)
{
    struct broker *broker = context;
    base_cleanup (broker_application_deinit) struct broker_application application = {.epoch = 0};
    struct broker_node *node = broker_hear (broker, peer, ask->node, ask->session);
    struct base_error error = {.code = 0};
    int r;

    if (!node)
        answer->status = WIRE_STATUS_REFUSED;
    else {
        bool has_heard = ask->instance && strcmp (ask->instance, origin_instance (broker->origin)) == 0;
        r = broker_store_application_get (broker->store, ask->node, ask->application, &application, &error);
        if (r != 0 && r != -ENOENT)
            return broker_storage_failed (broker, &error);
        answer->status = WIRE_STATUS_NONE;
        if (r == 0) {
            r = broker_order_desired (&application, answer);
            if (r != 0)
                return r;
        }
        if (node->trial && !has_heard)
            broker_hints_want_after (&broker->hints, node->ring, BROKER_TRIAL_HINT_MS);
    }
    return 0;
}

/*  Whether the node runs a release: it may still ask for it once it was withdrawn, to confirm itself. */
static bool node_runs (struct broker *broker, const struct wire_match *match)
{
    base_cleanup (broker_application_deinit) struct broker_application application = {.epoch = 0};

    return broker_store_application_get (broker->store, match->node, match->application, &application,
                                         NULL) == 0 &&
           application.is_told && base_digest_equal (&application.told.release, &match->release);
}

static int match_answer (struct broker *broker, const struct wire_match *match, struct wire_matched *answer)
{
    base_cleanup (broker_release_deinit) struct broker_release release = {.serial = 0};
    const struct wire_envelope *envelope = NULL;
    struct base_error error = {.code = 0};
    int r = broker_store_release_get (broker->store, &match->release, &release, &error);

    if (r != 0 && r != -ENOENT)
        return broker_storage_failed (broker, &error);
    if (r == 0 && strcmp (release.document.application, match->application) == 0)
        envelope = wire_release_match (&release.document, match->platform);
    else
        r = -ENOENT;
    if (r == 0 && release.withdrawn && !node_runs (broker, match)) {
        answer->status = WIRE_STATUS_GONE;
        answer->reason = broker_reason ("the release was withdrawn");
    } else if (!envelope) {
        answer->status = WIRE_STATUS_NONE;
        answer->reason = r == -ENOENT ? broker_reason ("there is no such release of %s", match->application)
                                      : broker_reason ("the release has nothing for %s", match->platform);
    } else {
        answer->envelope = calloc (1, sizeof *answer->envelope);
        if (!answer->envelope)
            return -ENOMEM;
        if (wire_copy (&wire_envelope_record, envelope, answer->envelope) != 0)
            return -ENOMEM;
        answer->status = WIRE_STATUS_OK;
    }
    return 0;
}

int broker_on_match (void *context, const struct bus_peer *peer, const struct wire_match *match,
                     struct wire_matched *answer)
{
    struct broker *broker = context;
    int r = match_answer (broker, match, answer);

    (void) peer;
    if (r != 0)
        return r;
    answer->application = strdup (match->application);
    answer->transaction = strdup (match->transaction);
    answer->attempt = match->attempt;
    answer->release = match->release;
    return answer->application && answer->transaction ? 0 : -ENOMEM;
}
