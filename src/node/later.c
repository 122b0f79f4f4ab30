/* SPDX-License-Identifier: MPL-2.0 */
/*  node/later.c - keeps an order that found this host unfit, and retries it

    The pauses are 1, 5, 15, and then always 60 times update/unfit. The record survives a restart of the
    manager. It names the time of the retry by the wall clock: a clock that is set can make a pause shorter,
    never longer. */

#include "base/text.h"
#include "base/time.h"
#include "node/application.h"
#include "node/deadline.h"
#include "wire/text.h"

enum { UNFIT_MOST = 1000 /* the most that the record can hold */ };

#define NS_PER_MS UINT64_C (1000000)

bool node_later_waits (const struct node_application *app)
{
    const struct wire_standing *standing = &app->standing;
    return standing->unfit && standing->retry && standing->under_way > standing->epoch;
}

void node_later_clear (struct node_application *app)
{
    app->standing.unfit = 0;
    wire_text_free (&app->standing.retry);
}

void node_later_begin (struct node_application *app)
{
    struct wire_standing *standing = &app->standing;
    char time[BASE_TIME_TEXT];
    uint64_t span_ms = node_deadline_ms (app->process->config, &app->procedure);
    unsigned times = app->procedure.unfit;
    node_later_clear (app);
    standing->unfit = times < UNFIT_MOST ? times : UNFIT_MOST;
    standing->retry =
        strdup (base_time_format (base_time_real_ns () + span_ms * NS_PER_MS, time)); /* NULL: not shown */
    standing->under_way = app->order.epoch;
    standing->probes = 0;
    node_standing_save (app);
}

uint64_t node_later_left_ms (const struct node_application *app)
{
    struct update_procedure unfit = {.state = WIRE_STATE_UNFIT, .unfit = (unsigned) app->standing.unfit};
    uint64_t span_ms = node_deadline_ms (app->process->config, &unfit);
    uint64_t now = base_time_real_ns (), then = 0;
    if (!app->standing.retry || base_time_parse (app->standing.retry, &then) || then <= now)
        return 0;
    uint64_t left_ms = (then - now) / NS_PER_MS;
    return left_ms < span_ms ? left_ms : span_ms;
}

void node_later_resume (struct node_application *app)
{
    const struct wire_standing *standing = &app->standing;
    if (!node_later_waits (app) || app->procedure.state != WIRE_STATE_IDLE)
        return;
    app->procedure.unfit = (unsigned) standing->unfit;
    if (!node_later_left_ms (app))
        return; /* it is due: the origin is asked on connecting anyway */
    node_order_clear (app);
    app->order.epoch = standing->under_way;
    app->order.attempt = (unsigned) standing->attempt;
    (void) base_text_copy (app->order.transaction, sizeof app->order.transaction,
                           standing->transaction ? standing->transaction : "unnamed");
    app->procedure.unfit--; /* the event counts it again */
    node_event (app, UPDATE_EVENT_UNFIT);
}
