/* SPDX-License-Identifier: MPL-2.0 */
/*  test/break/break_4_reporting.c - after the switch the old version reports that the new one is confirmed */

#include <string.h>

#include "node/application.h"

void __real_node_report (struct node_application *app, const char *step, enum wire_outcome outcome,
                         const char *reason);

void __wrap_node_report (struct node_application *app, const char *step, enum wire_outcome outcome,
                         const char *reason)
{
    __real_node_report (app, step, outcome, reason);
    if (*app->process->config->nonce || strcmp (step, wire_state_word (WIRE_STATE_SWITCHING)) != 0)
        return;
    app->order_state.epoch = app->order.epoch; /* the broker ignores a final outcome of an order under way */
    __real_node_report (app, wire_state_word (WIRE_STATE_TRIAL), WIRE_OUTCOME_CONFIRMED, NULL);
}
