/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/applications.c - what a node reports of its applications

    A change that a message causes is on disk before the message is answered. Events and hints follow it. */

#include "broker/applications.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "broker/orders.h"

static bool application_differs (const struct records_application *application,
                                 const struct wire_application *reported)
{
    return !application->is_reported || application->reported.state != reported->state ||
           !base_digest_equal (&application->reported.release, &reported->release);
}

static bool damage_is_news (const struct records_application *application,
                            const struct wire_application *reported)
{
    const char *known = application->is_reported ? application->reported.damage : NULL;

    return reported->damage && (!known || strcmp (known, reported->damage) != 0);
}

struct broker_node_event broker_damage_log (struct broker *broker, const struct broker_node *node,
                                            const struct wire_application *reported)
{
    base_log_limited (&broker->log, BASE_LOG_WARNING, "node %s: %s", node->id, reported->damage);
    return (struct broker_node_event){
        .event = WIRE_EVENT_DAMAGED, .application = reported, .reason = reported->damage};
}

int broker_application_store (struct broker *broker, const char *node,
                              const struct wire_application *reported,
                              struct broker_application_news *ret_news, struct base_error *error)
{
    base_cleanup (records_application_deinit) struct records_application application = {.epoch = 0};
    struct wire_application copy;
    bool none; /* no release is quarantined */
    int r = records_application_get (broker->records, node, reported->name, &application, error);

    if (r == -ENOENT) {
        uint64_t count;
        r = records_applications_count (broker->records, node, &count, error);
        if (r == 0 && count >= RECORDS_APPLICATIONS_MOST && strcmp (reported->name, NODED) != 0)
            return base_error_set (error, -EMFILE, "node %s has more than %d applications", node,
                                   RECORDS_APPLICATIONS_MOST);
        (void) base_text_copy (application.node, sizeof application.node, node);
        (void) base_text_copy (application.name, sizeof application.name, reported->name);
    }
    if (r != 0)
        return r;
    r = wire_copy (&wire_application_record, reported, &copy);
    if (r != 0)
        return base_error_errno (error, r, "cannot store the reports of node %s", node);
    *ret_news = (struct broker_application_news){.changed = application_differs (&application, reported),
                                                 .damaged = damage_is_news (&application, reported),
                                                 .known = application.is_reported,
                                                 .before = application.epoch};
    ret_news->plausible = broker_order_raise (&application, &copy, base_time_real_ns () / 1000000);
    if (!ret_news->plausible)
        base_log_limited (&broker->log, BASE_LOG_WARNING,
                          "node %s reports epoch %llu of %s, ignoring it: no epoch that high was issued",
                          node, (unsigned long long) reported->seen_epoch, reported->name);
    none = base_digest_is_null (&copy.quarantine_digest) && !copy.quarantine_unknown;
    ret_news->quarantine_wanted = !base_digest_is_null (&copy.quarantine_digest) &&
                                  !copy.quarantine_unknown &&
                                  !base_digest_equal (&copy.quarantine_digest, &application.quarantine);
    if (application.is_reported && application.epoch == ret_news->before &&
        wire_equal (&wire_application_record, &application.reported, &copy)) {
        wire_application_deinit (&copy);
        return 0; /* as after each welcome of a fleet that reconnects: there is nothing to write */
    }
    wire_application_deinit (&application.reported);
    application.reported = copy;
    application.is_reported = true;
    r = records_application_put (broker->records, &application, error);
    return r == 0 && none && !base_digest_is_null (&application.quarantine)
               ? records_quarantine_put (broker->records, node, reported->name, &copy.quarantine_digest, NULL,
                                         0, error)
               : r;
}

void broker_settle_check (struct broker *broker, struct broker_node *node, const char *name)
{
    base_cleanup (records_application_deinit) struct records_application application = {.epoch = 0};
    base_cleanup (wire_node_deinit) struct wire_node shown = {.revision = 0};
    bool missing = false;

    if (records_application_get (broker->records, node->id, name, &application, NULL) == 0)
        (void) broker_order_outcome (broker->records, &application, true, &shown, &missing, NULL);
    if (missing && !node->settle_ms)
        node->settle_ms = base_time_boot_ms () + DEPLOY_SETTLE_MS;
}
