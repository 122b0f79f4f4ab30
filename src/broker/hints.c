/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/hints.c - announcements, at most five a second and topic */

#include "broker/hints.h"

#include "base/assert.h"
#include "base/text.h"
#include "base/time.h"

void broker_hints_init (struct broker_hints *hints, struct bus_loop *loop, broker_hints_send *send,
                        void *context)
{
    base_assert (hints && loop && send);
    *hints = (struct broker_hints){.loop = loop, .send = send, .context = context};
}

void broker_hints_deinit (struct broker_hints *hints)
{
    base_assert (hints);
    if (hints->loop)
        bus_timer_cancel (hints->loop, hints->timer);
    for (unsigned slot = 0; slot < BROKER_HINT_SLOTS; slot++)
        (void) base_list_free (hints->slots[slot].nodes);
    *hints = (struct broker_hints){.loop = NULL};
}

/*  Returns whether the pause of a slot since its last hint is over. */
static bool slot_is_due (const struct broker_hints *hints, unsigned slot, uint64_t now_ms)
{
    base_assert (slot < BROKER_HINT_SLOTS);
    return !hints->slots[slot].sent_ms || now_ms - hints->slots[slot].sent_ms >= BROKER_HINT_MS;
}

static void slot_send (struct broker_hints *hints, unsigned slot, uint64_t now_ms)
{
    base_assert (slot < BROKER_HINT_SLOTS && hints->slots[slot].wanted);
    char *application = hints->slots[slot].application;
    struct wire_update hint = {.application = application[0] ? application : NULL,
                               .epoch = hints->slots[slot].epoch,
                               .nodes = (const char *const *) hints->slots[slot].nodes,
                               .n_nodes = base_list_count (hints->slots[slot].nodes)};

    hints->send (hints->context, slot, &hint);
    hints->slots[slot].nodes = base_list_free (hints->slots[slot].nodes);
    hints->slots[slot].sent_ms = now_ms;
    hints->slots[slot].wanted = false;
    hints->slots[slot].epoch = 0;
    application[0] = '\0';
}

static void on_timer (void *context)
{
    struct broker_hints *hints = context;
    uint64_t now_ms = base_time_boot_ms ();
    uint64_t next_ms = 0;

    hints->timer = 0;
    for (unsigned slot = 0; slot < BROKER_HINT_SLOTS; slot++) {
        uint64_t due_ms = hints->slots[slot].sent_ms + BROKER_HINT_MS;
        if (!hints->slots[slot].wanted)
            continue;
        if (slot_is_due (hints, slot, now_ms))
            slot_send (hints, slot, now_ms);
        else if (!next_ms || due_ms < next_ms)
            next_ms = due_ms;
    }
    if (next_ms)
        hints->timer = bus_timer_start (hints->loop, next_ms - now_ms, on_timer, hints);
}

static bool nodes_have (char *const *nodes, const char *node)
{
    for (; nodes && *nodes; nodes++)
        if (strcmp (*nodes, node) == 0)
            return true;
    return false;
}

/*  Adds the nodes of a hint to a slot. If the slot is for every subscriber, or memory is exhausted, it
    is for every subscriber afterwards. */
static void slot_nodes_add (struct broker_hints *hints, unsigned slot, const struct wire_update *hint)
{
    char ***nodes = &hints->slots[slot].nodes;
    bool is_everybody = hint->n_nodes == 0 || (hints->slots[slot].wanted && !*nodes);

    for (size_t i = 0; !is_everybody && i < hint->n_nodes; i++)
        if (!nodes_have (*nodes, hint->nodes[i]))
            is_everybody = base_list_count (*nodes) == BROKER_HINT_NODES ||
                           base_list_append (nodes, hint->nodes[i]) != 0;
    if (is_everybody)
        *nodes = base_list_free (*nodes);
}

static void slot_merge (struct broker_hints *hints, unsigned slot, const struct wire_update *hint)
{
    base_assert (slot < BROKER_HINT_SLOTS);
    const char *application = hint->application;
    char *wanted = hints->slots[slot].application;

    slot_nodes_add (hints, slot, hint);
    if (!hints->slots[slot].wanted) {
        if (!application || base_text_copy (wanted, sizeof hints->slots[slot].application, application) != 0)
            wanted[0] = '\0';
    } else if (!application || strcmp (wanted, application) != 0)
        wanted[0] = '\0';
    hints->slots[slot].wanted = true;
    if (hint->epoch > hints->slots[slot].epoch)
        hints->slots[slot].epoch = hint->epoch;
}

void broker_hints_want (struct broker_hints *hints, unsigned slot, const struct wire_update *hint)
{
    base_assert (hints && hints->loop && slot < BROKER_HINT_SLOTS);
    base_assert (hint && (hint->nodes || hint->n_nodes == 0));
    uint64_t now_ms = base_time_boot_ms ();

    slot_merge (hints, slot, hint);
    if (slot_is_due (hints, slot, now_ms))
        slot_send (hints, slot, now_ms);
    else if (hints->timer <= 0)
        hints->timer = bus_timer_start (hints->loop, hints->slots[slot].sent_ms + BROKER_HINT_MS - now_ms,
                                        on_timer, hints);
}

void broker_hints_want_after (struct broker_hints *hints, unsigned slot, const char *node, uint64_t quiet_ms)
{
    base_assert (hints && hints->loop && slot < BROKER_HINT_SLOTS);
    base_assert (node);
    uint64_t sent_ms = hints->slots[slot].sent_ms;
    const char *const nodes[] = {node};

    if (sent_ms && base_time_boot_ms () - sent_ms < quiet_ms)
        return;
    slot_merge (hints, slot, &(struct wire_update){.nodes = nodes, .n_nodes = 1});
    if (hints->timer <= 0)
        hints->timer = bus_timer_start (hints->loop, BROKER_HINT_SOON_MS, on_timer, hints);
}

/*  Returns whether the slot can be given to another group: no hint waits in it, and its pause is over. */
static bool slot_is_free (const struct broker_hints *hints, unsigned slot, uint64_t now_ms)
{
    base_assert (slot >= BROKER_HINT_GROUP && slot < BROKER_HINT_SLOTS);
    return !hints->slots[slot].wanted && slot_is_due (hints, slot, now_ms);
}

unsigned broker_hints_group (struct broker_hints *hints, const char *name)
{
    base_assert (hints && name);
    uint64_t now_ms = base_time_boot_ms ();
    unsigned found = BROKER_HINT_ALL;

    for (unsigned i = 0; i < BROKER_HINT_GROUPS; i++) {
        if (strcmp (hints->groups[i], name) == 0)
            return BROKER_HINT_GROUP + i;
        if (found == BROKER_HINT_ALL && slot_is_free (hints, BROKER_HINT_GROUP + i, now_ms))
            found = BROKER_HINT_GROUP + i;
    }
    if (found != BROKER_HINT_ALL &&
        base_text_copy (hints->groups[found - BROKER_HINT_GROUP], sizeof hints->groups[0], name) != 0)
        return BROKER_HINT_ALL;
    return found;
}

const char *broker_hints_topic (const struct broker_hints *hints, unsigned slot,
                                char text[BROKER_HINT_TOPIC_SIZE])
{
    base_assert (hints && slot < BROKER_HINT_SLOTS);
    if (slot == BROKER_HINT_ALL)
        (void) snprintf (text, BROKER_HINT_TOPIC_SIZE, "update/all");
    else if (slot >= BROKER_HINT_GROUP)
        (void) snprintf (text, BROKER_HINT_TOPIC_SIZE, "update/group/%s",
                         hints->groups[slot - BROKER_HINT_GROUP]);
    else
        (void) snprintf (text, BROKER_HINT_TOPIC_SIZE, "update/ring/%02x", slot % BROKER_HINT_RINGS);
    return text;
}

int broker_hints_ring (const char *topic)
{
    base_assert (topic);
    static const char rings[] = "update/ring/", digits[] = "0123456789abcdef";
    const char *high, *low;

    if (strncmp (topic, rings, sizeof rings - 1) != 0 || strlen (topic) != sizeof rings + 1)
        return -1;
    high = strchr (digits, topic[sizeof rings - 1]);
    low = strchr (digits, topic[sizeof rings]);
    return high && low ? (int) ((high - digits) * 16 + (low - digits)) : -1;
}
