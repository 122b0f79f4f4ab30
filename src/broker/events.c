/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/events.c - events about nodes, rollouts and the broker, for subscribers */

#include "broker/events.h"

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"

static void event_publish (struct broker *broker, const char *topic, const struct wire_record *record,
                           const void *message)
{
    base_assert (broker->events && topic);
    base_cleanup (base_free_p) char *json = wire_json (record, message, 0);
    base_cleanup (base_free_p) char *text =
        json ? base_text_plain_json (json) : NULL; /* without control characters: a terminal may print it */

    if (!text || bus_publish_text (broker->events, topic, text) != 0)
        base_log_limited (&broker->log, BASE_LOG_WARNING, "cannot send an event, ignoring: %s", topic);
}

static void node_event_send (struct broker *broker, struct broker_node *node,
                             const struct broker_node_event *event)
{
    base_assert ((unsigned) event->event < WIRE_EVENT_END);
    const struct wire_application *application = event->application;
    char time[BASE_TIME_TEXT];
    char topic[128];
    const struct deploy_rollout *rollout = NULL;
    uint32_t index;
    struct wire_node_event node_event = {.event = event->event,
                                         .instance = origin_instance (broker->origin),
                                         .sequence = ++node->sequences[event->event],
                                         .time = time,
                                         .node = node->id,
                                         .transaction = event->transaction,
                                         .step = event->step,
                                         .reason = event->reason};

    (void) base_time_format (base_time_real_ns (), time);
    if (application) {
        node_event.application = application->name;
        node_event.state = application->state;
        node_event.version = application->version;
        node_event.release = application->release;
        if (!event->transaction)
            node_event.transaction = application->transaction;
    }
    if (application)
        rollout = deploy_rollout_of (&broker->deploy, node->id, application->name, &index);
    if (rollout) {
        base_assert (index < rollout->machine.n_members);
        node_event.rollout = rollout->state.id;
        node_event.wave = rollout->machine.members[index].wave + 1;
    }
    (void) snprintf (topic, sizeof topic, "event/%s/%s", node->id, wire_event_word (event->event));
    event_publish (broker, topic, &wire_node_event_record, &node_event);
}

void broker_event_notice (struct broker *broker, const char *reason)
{
    base_assert (broker && reason);
    char time[BASE_TIME_TEXT];
    struct wire_broker_notice broker_notice = {.instance = origin_instance (broker->origin),
                                               .sequence = ++broker->notices,
                                               .time = time,
                                               .reason = reason};

    (void) base_time_format (base_time_real_ns (), time);
    event_publish (broker, "broker/notice", &wire_broker_notice_record, &broker_notice);
}

static void transition_send (struct broker *broker, struct deploy_rollout *rollout,
                             const struct wire_transition *transition)
{
    base_assert ((unsigned) transition->phase < WIRE_PHASE_END);
    char topic[128];
    struct wire_transition sent = *transition; /* shallow: packing only reads it */
    struct wire_rollout_event rollout_event = {.instance = origin_instance (broker->origin),
                                               .sequence = ++rollout->sequences[transition->phase],
                                               .transition = &sent,
                                               .application = rollout->machine.spec.application,
                                               .version = rollout->state.version,
                                               .release = rollout->machine.spec.release,
                                               .waves = rollout->state.waves,
                                               .n_waves = rollout->state.n_waves};

    (void) snprintf (topic, sizeof topic, "rollout/%s/%s", rollout->state.id,
                     wire_phase_word (transition->phase));
    event_publish (broker, topic, &wire_rollout_event_record, &rollout_event);
}

static void on_node (void *context, const struct broker_node_change *change)
{
    for (size_t i = 0; i < change->n_events; i++)
        node_event_send (context, change->node, &change->events[i]);
}

static void on_rollout (void *context, const struct broker_rollout_change *change)
{
    for (size_t i = 0; i < change->n_transitions; i++)
        transition_send (context, change->rollout, &change->transitions[i]);
}

const struct broker_changes_ops broker_events_ops = {.node = on_node, .rollout = on_rollout};
