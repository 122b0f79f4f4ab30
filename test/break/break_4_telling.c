/*  test/break/break_4_telling.c - the version that runs tells that the next one is confirmed, once it has
    switched to it */

#include <string.h>

#include "node/manager.h"

void __real_node_report (struct node_manager *node, const char *step, enum wire_outcome outcome,
                         const char *reason);

void __wrap_node_report (struct node_manager *node, const char *step, enum wire_outcome outcome,
                         const char *reason)
{
    __real_node_report (node, step, outcome, reason);
    if (*node->config->nonce || strcmp (step, wire_state_word (WIRE_STATE_SWITCHING)) != 0)
        return;
    node->standing.epoch = node->order.epoch; /* the broker believes no ending of an order that goes on */
    __real_node_report (node, wire_state_word (WIRE_STATE_TRIAL), WIRE_OUTCOME_CONFIRMED, NULL);
}
