/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/status.c - the state of the broker itself, for operators */

#include "broker/status.h"

#include <errno.h>

#include "base/assert.h"
#include "base/text.h"
#include "base/time.h"
#include "base/version.h"
#include "broker/operator.h"
#include "broker/serving.h"
#include "deploy/deploy.h"
#include "wire/text.h"

struct origin_counts broker_counts (const struct broker *broker)
{
    base_assert (broker && broker->origin);
    struct origin_counts counts = origin_counts (broker->origin);
    const struct bus_counts events = bus_socket_counts (broker->events);

    counts.received += events.received;
    counts.malformed += events.malformed;
    for (unsigned i = 0; i < BUS_REFUSED_COUNT; i++)
        counts.refused[i] += events.refused[i];
    for (unsigned i = 0; i < BUS_END_COUNT; i++)
        counts.ended[i] += events.ended[i];
    return counts;
}

/*  Adds a reason and its count; does nothing if the count is 0. Returns 0 or -ENOMEM. */
static int reason_add (struct wire_reason_count **items, size_t *n_items, const char *reason, uint64_t count)
{
    struct wire_reason_count *more;

    if (count == 0)
        return 0;
    more = reallocarray (*items, *n_items + 1, sizeof *more);
    if (!more)
        return -ENOMEM;
    *items = more;
    more += (*n_items)++;
    *more = (struct wire_reason_count){.count = count};
    return wire_text_set (&more->reason, reason);
}

static int counts_fill (const struct broker *broker, struct wire_broker_state *state)
{
    const struct origin_counts counts = broker_counts (broker);

    state->received = counts.received;
    for (unsigned i = 0; i < BUS_REFUSED_COUNT; i++)
        if (reason_add (&state->refused, &state->n_refused, bus_refused_text ((enum bus_refused) i),
                        counts.refused[i]) != 0)
            return -ENOMEM;
    for (unsigned i = 0; i < BUS_END_COUNT; i++)
        if (reason_add (&state->ended, &state->n_ended, bus_end_text ((enum bus_end) i), counts.ended[i]) !=
            0)
            return -ENOMEM;
    state->new_nodes_refused = broker->new_ids.refused;
    state->foreign = broker->registry.foreign;
    return 0;
}

/*  What a new settings file needs: where the broker listens, and its key. */
static int address_fill (const struct broker *broker, struct wire_broker_state *state)
{
    static const char tcp[] = "tcp://";
    const char *announce = origin_endpoint_announce (broker->origin);

    if (base_text_begins (announce, tcp) && wire_text_set (&state->address, announce + strlen (tcp)) != 0)
        return -ENOMEM;
    return broker->keys.on ? wire_text_set (&state->public_key, broker->keys.own.public_key) : 0;
}

static int content_fill (const struct broker *broker, struct wire_broker_state *state)
{
    const struct broker_key *content = broker_keys_content (&broker->keys);
    char public_key[BUS_KEY_TEXT];

    if (!content)
        return 0;
    if (wire_text_set (&state->content_key, bus_key_encode (content->public_key, public_key)) != 0)
        return -ENOMEM;
    return wire_text_set (&state->content_address, content->address);
}

static int state_fill (struct broker *broker, struct wire_broker_state *state, struct base_error *error)
{
    char since[BASE_TIME_TEXT];

    state->uptime_s = (base_time_boot_ms () - broker->started_ms) / 1000;
    state->nodes = broker->registry.n_nodes;
    for (size_t i = 0; i < broker->registry.n_nodes; i++)
        state->online += broker_node_is_online (broker->registry.nodes[i]);
    state->rollouts = deploy_count (&broker->deploy);
    state->open = !broker->keys.on;
    state->keys = broker->keys.n_active;
    state->denied = broker->denied;
    if (address_fill (broker, state) != 0 || content_fill (broker, state) != 0)
        return -ENOMEM;
    if (wire_text_set (&state->instance, origin_instance (broker->origin)) != 0 ||
        wire_text_set (&state->software, base_version) != 0 ||
        wire_text_set (&state->since, base_time_format (broker->started_ns, since)) != 0 ||
        counts_fill (broker, state) != 0)
        return -ENOMEM;
    return broker_serving_count (broker, &state->releases, &state->releases_missing, error);
}

int broker_serve_show_broker (struct broker_call *call, const struct wire_show_broker *request,
                              struct wire_shown *answer)
{
    base_assert (call && answer);
    (void) request;
    answer->broker = calloc (1, sizeof *answer->broker);
    if (!answer->broker)
        return -ENOMEM;
    answer->status = WIRE_STATUS_OK;
    return state_fill (call->broker, answer->broker, call->error);
}
