/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/describe.c - which applications a node has, and the state of each

    hello has only a digest of the list. A node whose list differs from the records sends it; what is not in it
    is forgotten. No list, a list without noded, or one with a name that is not allowed changes nothing: a
    record is never dropped because something is absent. What was ordered of an application is kept in any
    case. The state of each application comes in a message of its own. Both are written in a round with the
    reports (broker/commit.h), and answered after they are on disk. */

#include "broker/describe.h"

#include <errno.h>
#include <inttypes.h>

#include "base/assert.h"
#include "base/time.h"
#include "broker/applications.h"
#include "broker/publish.h"
#include "broker/commit.h"
#include "broker/sessions.h"
#include "deploy/deploy.h"
#include "wire/envelope.h"
#include "wire/list.h"

/*  Lists and states of a node that are written: each application after each welcome, and some changes. */
enum { STATES_AT_ONCE = 240, STATES_A_MINUTE = 240 };

static bool is_in_time (struct broker_node *node)
{
    return broker_pace_take (&node->states, STATES_AT_ONCE, STATES_A_MINUTE, base_time_boot_ms ());
}

/*  list */

/*  A list that is being written. */
struct listing {
    struct bus_peer peer;
    struct wire_list list;
    size_t dropped; /* applications that are not in it, and had a state */
};

static void listing_free (struct listing *listing)
{
    wire_list_deinit (&listing->list);
    free (listing);
}

static int listing_store (struct broker *broker, void *item, struct base_error *error)
{
    struct listing *listing = item;

    return records_applications_keep (broker->records, listing->list.node, listing->list.names,
                                      listing->list.n_names, &listing->dropped, error);
}

static void listing_ended (struct broker *broker, void *item, bool kept)
{
    struct listing *listing = item;
    const struct wire_list *list = &listing->list;
    struct broker_node *node = broker_registry_find (&broker->registry, list->node);
    struct wire_listed answer = {.status = kept ? WIRE_STATUS_OK : WIRE_STATUS_FAILED,
                                 .list = wire_list_digest (list->names, list->n_names)};

    (void) origin_answer (broker->origin, &listing->peer, &wire_listed_record, &answer);
    if (kept && node && listing->dropped > 0) {
        base_log_limited (&broker->log, BASE_LOG_INFO,
                          "node %s no longer has %zu of its applications: forgetting their states", node->id,
                          listing->dropped);
        broker_node_publish (broker, &(struct broker_node_change){.node = node, .flags = BROKER_NODE_REPORT});
    }
    listing_free (listing);
}

static const struct broker_write_ops listing_ops = {.store = listing_store, .ended = listing_ended};

static bool list_is_valid (const struct wire_list *list)
{
    bool has_noded = false;

    for (size_t i = 0; i < list->n_names; i++) {
        if (!wire_application_is_valid (list->names[i]))
            return false;
        has_noded = has_noded || strcmp (list->names[i], NODED) == 0;
    }
    return has_noded;
}

static int list_add (struct broker *broker, const struct bus_peer *peer, const struct wire_list *list,
                     struct base_error *error)
{
    struct listing *listing = calloc (1, sizeof *listing);
    int r;

    if (!listing || wire_copy (&wire_list_record, list, &listing->list) != 0) {
        free (listing);
        return base_error_errno (error, -ENOMEM, "cannot process the list of a node's applications");
    }
    listing->peer = *peer;
    r = broker_commit_add (broker, &listing_ops, listing, error);
    if (r != 0)
        listing_free (listing);
    return r;
}

int broker_on_list (void *context, const struct bus_peer *peer, const struct wire_list *list,
                    struct wire_listed *answer)
{
    struct broker *broker = context;
    struct broker_node *node = broker_hear (broker, peer, list->node, list->session);
    struct base_error error = {.code = 0};

    if (!node)
        answer->status = WIRE_STATUS_REFUSED;
    else if (!list_is_valid (list)) {
        base_log_limited (&broker->log, BASE_LOG_WARNING,
                          "node %s: ignoring a list of applications without noded, or with an invalid name",
                          node->id);
        answer->status = WIRE_STATUS_INVALID;
    } else if (!is_in_time (node))
        answer->status = WIRE_STATUS_FAILED;
    else
        return list_add (broker, peer, list, &error) == 0 ? ORIGIN_LATER
                                                          : broker_storage_failed (broker, &error);
    return 0;
}

/*  describe */

/*  A state that is being written. */
struct describing {
    struct bus_peer peer;
    struct wire_describe describe;
    struct broker_application_news news;
};

static void describing_free (struct describing *describing)
{
    wire_describe_deinit (&describing->describe);
    free (describing);
}

static int describing_store (struct broker *broker, void *item, struct base_error *error)
{
    struct describing *describing = item;
    const struct wire_describe *describe = &describing->describe;

    return broker_application_store (broker, describe->node, describe->application, &describing->news, error);
}

/*  A broker stores an epoch before it issues it. So if a node has seen a higher epoch, the records are
    older. */
static void age_check (struct broker *broker, const struct broker_node *node,
                       const struct wire_application *reported, const struct broker_application_news *news)
{
    if (!news->known || !news->plausible || reported->seen_epoch <= news->before)
        return;
    base_log_limited (&broker->log, BASE_LOG_WARNING,
                      "node %s has seen epoch %" PRIu64
                      " of %s, but the highest epoch in the records is %" PRIu64
                      ": were they replaced by an older copy?",
                      node->id, reported->seen_epoch, reported->name, news->before);
    deploy_records_older (&broker->deploy, node->id, reported->name);
}

/*  The state is on disk: logs what is new, and publishes it. */
static void describing_apply (struct broker *broker, const struct describing *describing)
{
    const struct wire_application *reported = describing->describe.application;
    struct broker_node *node = broker_registry_find (&broker->registry, describing->describe.node);
    struct broker_node_event events[2]; /* a change of state, damage */
    struct base_error error = {.code = 0};
    bool trial;
    size_t n = 0;

    if (!node)
        return;
    if (strcmp (reported->name, NODED) == 0 && strcmp (node->session, describing->describe.session) == 0)
        node->described = true;
    age_check (broker, node, reported, &describing->news);
    if (records_node_on_trial (broker->records, node->id, &trial, &error) != 0)
        (void) broker_storage_failed (broker, &error);
    else if (trial != node->trial) {
        broker_registry_trial (&broker->registry, node, trial);
        if (trial)
            broker_hints_want_after (&broker->hints, node->ring, node->id, 0);
    }
    broker_settle_check (broker, node, reported->name);
    if (describing->news.changed)
        events[n++] = (struct broker_node_event){.event = WIRE_EVENT_CHANGED, .application = reported};
    if (describing->news.damaged)
        events[n++] = broker_damage_log (broker, node, reported);
    broker_node_publish (broker,
                         &(struct broker_node_change){
                             .node = node, .flags = BROKER_NODE_REPORT, .events = events, .n_events = n});
}

static void describing_ended (struct broker *broker, void *item, bool kept)
{
    struct describing *describing = item;
    struct wire_described answer = {.application = describing->describe.application->name,
                                    .serial = describing->describe.serial,
                                    .status = kept ? WIRE_STATUS_OK : WIRE_STATUS_FAILED,
                                    .quarantine = kept && describing->news.quarantine_wanted};

    (void) origin_answer (broker->origin, &describing->peer, &wire_described_record, &answer);
    if (kept)
        describing_apply (broker, describing);
    describing_free (describing);
}

static const struct broker_write_ops describing_ops = {.store = describing_store, .ended = describing_ended};

static int describe_add (struct broker *broker, const struct bus_peer *peer,
                         const struct wire_describe *describe, struct base_error *error)
{
    struct describing *describing = calloc (1, sizeof *describing);
    int r;

    base_assert (describe->application);
    if (!describing || wire_copy (&wire_describe_record, describe, &describing->describe) != 0) {
        free (describing);
        return base_error_errno (error, -ENOMEM, "cannot process the state of an application");
    }
    describing->peer = *peer;
    r = broker_commit_add (broker, &describing_ops, describing, error);
    if (r != 0)
        describing_free (describing);
    return r;
}

int broker_on_describe (void *context, const struct bus_peer *peer, const struct wire_describe *describe,
                        struct wire_described *answer)
{
    struct broker *broker = context;
    struct broker_node *node = broker_hear (broker, peer, describe->node, describe->session);
    struct base_error error = {.code = 0};
    int r;

    if (!node)
        answer->status = WIRE_STATUS_REFUSED;
    else if (!wire_application_is_valid (describe->application->name))
        answer->status = WIRE_STATUS_INVALID;
    else if (!is_in_time (node))
        answer->status = WIRE_STATUS_FAILED;
    else {
        r = describe_add (broker, peer, describe, &error);
        if (r != -EMFILE)
            return r == 0 ? ORIGIN_LATER : broker_storage_failed (broker, &error);
        base_log_limited (&broker->log, BASE_LOG_WARNING, "%s", error.text);
        answer->status = WIRE_STATUS_INVALID;
    }
    return 0;
}
