/* SPDX-License-Identifier: MPL-2.0 */
/*  node/retry.c - keeps an order that found this host unfit, and retries it

    The pauses are 1, 5, 15, and then always 60 times update/unfit. The record is part of the order state and
    survives a restart of the manager. It has the wall clock time of the retry: setting the clock can shorten
    a pause, but not prolong it. */

#include "base/assert.h"
#include "base/text.h"
#include "base/time.h"
#include "node/application.h"
#include "node/deadline.h"
#include "wire/text.h"

enum { UNFIT_MOST = 1000 /* the most that the record can hold */ };

#define NS_PER_MS UINT64_C (1000000)

bool node_retry_waits (const struct node_application *app)
{
    return node_retry_is_kept (&app->order_state);
}

void node_retry_clear (struct node_application *app)
{
    app->order_state.unfit = 0;
    wire_text_free (&app->order_state.retry);
}

void node_retry_begin (struct node_application *app)
{
    struct wire_order_state *order_state = &app->order_state;
    char time[BASE_TIME_TEXT];
    base_assert (app->procedure.state == WIRE_STATE_UNFIT && app->procedure.unfit > 0);
    uint64_t span_ms = node_deadline_ms (app->process->config, &app->procedure);
    unsigned times = app->procedure.unfit;
    node_retry_clear (app);
    order_state->unfit = times < UNFIT_MOST ? times : UNFIT_MOST;
    node_text_set (&order_state->retry, base_time_format (base_time_real_ns () + span_ms * NS_PER_MS, time));
    order_state->under_way = app->order.epoch;
    order_state->probes = 0;
    node_order_state_save (app);
}

uint64_t node_retry_left_ms (const struct node_application *app)
{
    struct update_procedure unfit = {.state = WIRE_STATE_UNFIT, .unfit = (unsigned) app->order_state.unfit};
    uint64_t span_ms = node_deadline_ms (app->process->config, &unfit);
    uint64_t now = base_time_real_ns (), then = 0;
    if (!app->order_state.retry || base_time_parse (app->order_state.retry, &then) < 0 || then <= now)
        return 0;
    uint64_t left_ms = (then - now) / NS_PER_MS;
    return left_ms < span_ms ? left_ms : span_ms;
}

void node_retry_resume (struct node_application *app)
{
    const struct wire_order_state *order_state = &app->order_state;
    if (!node_retry_waits (app) || app->procedure.state != WIRE_STATE_IDLE)
        return;
    base_assert (order_state->unfit > 0);
    app->procedure.unfit = (unsigned) order_state->unfit;
    if (node_retry_left_ms (app) == 0)
        return; /* it is due: this node asks for its desired state when it connects */
    node_order_clear (app);
    app->order.epoch = order_state->under_way;
    app->order.attempt = (unsigned) order_state->attempt;
    (void) base_text_copy (app->order.transaction, sizeof app->order.transaction,
                           order_state->transaction ? order_state->transaction : "unnamed");
    app->procedure.unfit--; /* the event adds it again */
    node_event (app, UPDATE_EVENT_UNFIT);
}
