/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/events.c - events about nodes, rollouts and the broker, for subscribers */

#include "broker/events.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"

static void event_publish (struct broker *broker, const char *topic, const struct wire_record *record,
                           const void *message)
{
    base_cleanup (base_free_p) char *json = wire_json (record, message, 0);
    base_cleanup (base_free_p) char *text =
        json ? base_text_plain_json (json) : NULL; /* escapes control characters: terminals print it */

    if (!text || bus_publish_text (broker->events, topic, text) != 0)
        base_log_limited (&broker->log, BASE_LOG_WARNING, "an event was not sent: %s", topic);
}

void broker_event (struct broker *broker, enum wire_event event, struct broker_node *node,
                   const struct wire_application *application, const char *transaction, const char *step,
                   const char *reason)
{
    char time[BASE_TIME_TEXT];
    char topic[128];
    const struct deploy_rollout *rollout = NULL;
    uint32_t index;
    struct wire_happened happened = {.event = event,
                                     .instance = (char *) origin_instance (broker->origin),
                                     .sequence = ++node->sequences[event],
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
    if (application)
        rollout = deploy_rollout_of (&broker->deploy, node->id, application->name, &index);
    if (rollout) {
        happened.rollout = rollout->state.id;
        happened.wave = rollout->machine.members[index].wave + 1;
    }
    (void) snprintf (topic, sizeof topic, "event/%s/%s", node->id, wire_event_word (event));
    event_publish (broker, topic, &wire_happened_record, &happened);
}

void broker_event_notice (struct broker *broker, const char *reason)
{
    char time[BASE_TIME_TEXT];
    struct wire_noticed noticed = {.instance = (char *) origin_instance (broker->origin),
                                   .sequence = ++broker->notices,
                                   .time = time,
                                   .reason = (char *) reason};

    (void) base_time_format (base_time_real_ns (), time);
    event_publish (broker, "broker/notice", &wire_noticed_record, &noticed);
}

void broker_event_turn (struct broker *broker, struct deploy_rollout *rollout, const struct wire_turn *turn)
{
    char topic[128];
    struct wire_rolled rolled = {.instance = (char *) origin_instance (broker->origin),
                                 .sequence = ++rollout->sequences[turn->phase],
                                 .turn = (struct wire_turn *) turn,
                                 .application = rollout->machine.spec.application,
                                 .version = rollout->state.version,
                                 .release = rollout->machine.spec.release,
                                 .waves = rollout->state.waves,
                                 .n_waves = rollout->state.n_waves};

    (void) snprintf (topic, sizeof topic, "rollout/%s/%s", rollout->state.id, wire_phase_word (turn->phase));
    event_publish (broker, topic, &wire_rolled_record, &rolled);
}
