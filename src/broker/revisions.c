/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/revisions.c - numbers of changes */

#include "broker/revisions.h"

#include "broker/round.h"

void broker_node_changed (struct broker *broker, struct broker_node *node)
{
    struct base_error error = {.code = 0};

    broker_round_settle (broker); /* the numbers may be taken from the disk: a rollback must not undo that */
    if (records_revision_next (broker->records, &node->revision, &error) != 0) {
        base_log_limited (&broker->log, BASE_LOG_ERROR, "%s", error.text);
        return;
    }
    broker->revision = node->revision;
    broker_waiters_wake (&broker->waiters);
}
