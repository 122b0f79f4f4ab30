/* SPDX-License-Identifier: MPL-2.0 */
/*  node/events.c - passes events to the update procedure and carries out its actions

    An event that an action causes is queued until the actions before it are carried out. */

#include <stdarg.h>
#include <string.h>

#include "base/assert.h"
#include "base/text.h"
#include "node/application.h"

void node_event (struct node_application *app, enum update_event event)
{
    base_assert (app && app->act);
    base_assert ((unsigned) event < UPDATE_EVENT_END);
    base_assert (app->busy || app->n_events == 0);
    if (app->n_events == NODE_EVENTS_MOST) {
        base_log (BASE_LOG_ERROR, "ignoring the event %s: too many at once", update_event_word (event));
        return;
    }
    app->events[app->n_events++] = event;
    if (app->busy)
        return;
    app->busy = true;
    while (app->n_events) {
        enum update_event next = app->events[0];
        app->n_events--;
        memmove (app->events, app->events + 1, app->n_events * sizeof *app->events);
        struct update_result result = update_procedure_step (&app->procedure, next);
        base_log (BASE_LOG_DEBUG, "%s: %s + %s = %s", app->order.transaction, wire_state_word (result.from),
                  update_event_word (next), wire_state_word (result.to));
        for (size_t i = 0; i < UPDATE_ACTIONS_MOST && result.actions[i]; i++)
            app->act (app, &result, result.actions[i]);
    }
    app->busy = false;
    node_application_check (app);
}

void node_fail (struct node_application *app, enum update_event event, const char *format, ...)
{
    va_list arguments;
    va_start (arguments, format);
    (void) vsnprintf (app->order.failure.text, sizeof app->order.failure.text, format, arguments);
    va_end (arguments);
    base_text_clean (app->order.failure.text);
    node_event (app, event);
}
