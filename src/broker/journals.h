/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/journals.h - detects journals of nodes that do not match what the nodes reported before

    Each line of a node's journal has the digest of the line before it, and the node reports the number and
    the digest of the last line. This shows a journal that was changed afterwards, truncated, or lost. Which
    of these happened cannot be known from here, so the fault describes what was seen. It is kept until the
    node is forgotten. */

#ifndef BROKER_JOURNALS_H
#define BROKER_JOURNALS_H

#include "broker/state.h"

/*  The result of one report, within a transaction. */
struct broker_journal_news {
    struct records_journal before; /* the record before; the caller frees it with records_journal_deinit */
    bool fault;                    /* there is a mismatch that was not known */
};

/*  What a node reports of its journal. */
struct broker_journal_report {
    uint64_t serial;                /* of the last line; 0: none */
    const struct base_digest *head; /* digest of the last line */
    /*  A report may have waited while its session began: a line up to this one, which the hello reported,
        is old then, and ignored. Of a hello: 0. */
    uint64_t late;
    const char *fault; /* what the node itself found, or NULL */
};

/*  Compares the last line that a node reports with the record, and stores it. Does nothing for a node that
    reports no line. */
int broker_journal_store (struct broker *broker, const char *node, const struct broker_journal_report *report,
                          struct broker_journal_news *ret_news, struct base_error *error);

/*  The transaction was committed: logs a new fault. Returns its text, for an event; NULL: there is none. The
    caller owns the text. */
char *broker_journal_fault (struct broker *broker, const struct broker_node *node,
                            const struct broker_journal_news *news);

#endif
