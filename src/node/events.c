/* SPDX-License-Identifier: MPL-2.0 */
/*  node/events.c - hands events to the update procedure and carries out its actions

    Any part may hand in an event, even from within an action: then it is queued. */

#include <stdarg.h>
#include <string.h>

#include "base/text.h"
#include "node/manager.h"

void node_event (struct node_manager *node, enum update_event event)
{
    if (node->n_events == NODE_EVENTS_MOST) {
        base_log (BASE_LOG_ERROR, "ignoring the event %s: too many at once", update_event_word (event));
        return;
    }
    node->events[node->n_events++] = event;
    if (node->busy)
        return;
    node->busy = true;
    while (node->n_events) {
        enum update_event next = node->events[0];
        node->n_events--;
        memmove (node->events, node->events + 1, node->n_events * sizeof *node->events);
        struct update_result result = update_procedure_step (&node->procedure, next);
        base_log (BASE_LOG_DEBUG, "%s: %s + %s = %s", node->order.transaction, wire_state_word (result.from),
                  update_event_word (next), wire_state_word (result.to));
        for (size_t i = 0; i < UPDATE_ACTIONS_MOST && result.actions[i]; i++)
            node->act (node, &result, result.actions[i]);
    }
    node->busy = false;
}

void node_fail (struct node_manager *node, enum update_event event, const char *format, ...)
{
    va_list arguments;
    va_start (arguments, format);
    (void) vsnprintf (node->order.failure.text, sizeof node->order.failure.text, format, arguments);
    va_end (arguments);
    base_text_clean (node->order.failure.text);
    node_event (node, event);
}
