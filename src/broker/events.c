/*  broker/events.c - what happened to nodes, for whoever listens */

#include "broker/private.h"

#include "base/cleanup.h"
#include "base/time.h"

void broker_event (struct broker *broker, enum wire_event event, const struct broker_node *node,
                   const struct wire_application *application, const char *transaction, const char *step,
                   const char *reason)
{
    char time[BASE_TIME_TEXT];
    char topic[128];
    base_cleanup (base_free_p) char *text = NULL;
    struct wire_happened happened = {.event = event,
                                     .instance = (char *) origin_instance (broker->origin),
                                     .sequence = ++broker->event_sequence,
                                     .time = time,
                                     .node = node->id,
                                     .transaction = (char *) transaction,
                                     .step = (char *) step,
                                     .reason = (char *) reason};

    (void) base_time_format (base_time_real_ns (), time);
    if (application) {
        happened.application = application->name;
        happened.state = application->state;
        happened.version = application->version;
        happened.release = application->release;
        if (!transaction)
            happened.transaction = application->transaction;
    }
    text = wire_json (&wire_happened_record, &happened, 0);
    (void) snprintf (topic, sizeof topic, "event/%s/%s", node->id, wire_event_word (event));
    if (!text || bus_publish_text (broker->events, topic, text) != 0)
        base_log_limited (&broker->log, BASE_LOG_WARNING, "an event of node %s was not told", node->id);
}
