/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/journals.h - detects journals of nodes that do not match what the nodes reported before

    Each line of a node's journal has the digest of the line before it, and the node reports the number and
    the digest of the last line. So the broker notices a journal that was changed afterwards, truncated, or
    lost. It cannot know which of these happened, so the fault describes the difference. A fault is kept until
    the node is forgotten. */

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
    /*  The last line that the hello of this session reported. A report with an older line waited while the
        session began, and its line is ignored. Of a hello: 0. */
    uint64_t late;
    const char *fault; /* what the node itself found, or NULL */
};

/*  Compares the last line that a node reports with the record, and stores it, in the caller's transaction.
    Does nothing for a node that reports no line. Returns 0 or -errno. */
int broker_journal_store (struct broker *broker, const char *node, const struct broker_journal_report *report,
                          struct broker_journal_news *ret_news, struct base_error *error);

/*  The transaction was committed: logs a new fault. Returns its text, for an event; NULL: there is none. The
    caller owns the text. */
char *broker_journal_fault (struct broker *broker, const struct broker_node *node,
                            const struct broker_journal_news *news);

#endif
