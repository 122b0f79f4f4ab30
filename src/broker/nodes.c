/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/nodes.c - requests of nodes: the desired state, and whether a release fits */

#include "broker/nodes.h"

#include <errno.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "broker/orders.h"
#include "broker/commit.h"
#include "broker/sessions.h"
#include "broker/trust_loop.h"
#include "wire/envelope.h"
#include "wire/text.h"

int broker_on_ask (void *context, const struct bus_peer *peer, const struct wire_ask *ask,
                   struct wire_desired *answer)
{
    base_assert (context && peer && ask && answer);
    struct broker *broker = context;
    base_cleanup (records_application_deinit) struct records_application application = {.epoch = 0};
    struct broker_node *node = broker_hear (broker, peer, ask->node, ask->session);
    struct base_error error = {.code = 0};

    if (!node) {
        answer->status = WIRE_STATUS_REFUSED;
        return 0;
    }
    bool has_heard = ask->instance && strcmp (ask->instance, origin_instance (broker->origin)) == 0;
    int r = records_application_get (broker->records, ask->node, ask->application, &application, &error);
    if (r < 0 && r != -ENOENT)
        return broker_storage_failed (broker, &error);
    answer->status = WIRE_STATUS_NONE;
    if (r == 0) {
        r = broker_order_desired (&application, answer);
        if (r < 0)
            return r;
    }
    if (ask->hint || (node->trial && !has_heard))
        broker_hints_want_after (&broker->hints, node->ring, node->id, BROKER_TRIAL_HINT_MS);
    return 0;
}

/*  Returns whether the node reports that it runs the release. Such a node may match the release after it was
    withdrawn, to confirm itself. */
static bool node_runs (struct broker *broker, const struct wire_match *match)
{
    base_cleanup (records_application_deinit) struct records_application application = {.epoch = 0};

    return records_application_get (broker->records, match->node, match->application, &application, NULL) ==
               0 &&
           application.is_reported && base_digest_equal (&application.reported.release, &match->release);
}

static int match_answer (struct broker *broker, const struct wire_match *match, struct wire_matched *answer)
{
    base_cleanup (records_release_deinit) struct records_release release = {.serial = 0};
    const struct wire_envelope *envelope = NULL;
    struct base_error error = {.code = 0};
    const char *why = NULL;
    bool is_damaged = false;
    int r = records_release_get (broker->records, &match->release, &release, &error);

    if (r < 0 && r != -ENOENT)
        return broker_storage_failed (broker, &error);
    if (r == 0 && strcmp (release.document.application, match->application) == 0)
        envelope = wire_release_match (&release.document, match->platform);
    else
        r = -ENOENT;
    if (r == 0 && release.withdrawn && !node_runs (broker, match)) {
        answer->status = WIRE_STATUS_GONE;
        answer->reason = wire_reason ("the release was withdrawn");
    } else if (!envelope) {
        answer->status = WIRE_STATUS_NONE;
        answer->reason = r == -ENOENT ? wire_reason ("no such release of %s", match->application)
                                      : wire_reason ("the release does not support %s", match->platform);
    } else if (!broker_trust_offers (broker, match->application, &match->release, &is_damaged, &why) &&
               !node_runs (broker, match)) {
        answer->status = is_damaged ? WIRE_STATUS_FAILED : WIRE_STATUS_NONE;
        answer->reason = wire_reason ("the release is not offered: %s", why);
    } else {
        (void) wire_release_digest (&release.document, &answer->size);
        answer->status = WIRE_STATUS_OK;
    }
    return 0;
}

int broker_on_match (void *context, const struct bus_peer *peer, const struct wire_match *match,
                     struct wire_matched *answer)
{
    base_assert (context && match && answer);
    struct broker *broker = context;
    int r = match_answer (broker, match, answer);

    (void) peer;
    if (r < 0)
        return r;
    answer->application = strdup (match->application);
    answer->transaction = strdup (match->transaction);
    answer->attempt = match->attempt;
    answer->release = match->release;
    return answer->application && answer->transaction ? 0 : -ENOMEM;
}
