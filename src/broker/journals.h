/*  broker/journals.h - whether what nodes tell of their journals fits what they told before

    Each line of a node's journal carries the digest of the one before it, and the node tells number and digest
    of the last. A journal that was changed afterwards, cut, or lost shows by that; which of it, nobody can tell
    from afar, so the fault says what was seen. It stays until the node is forgotten. */

#ifndef BROKER_JOURNALS_H
#define BROKER_JOURNALS_H

#include "broker/private.h"

/*  What was told once, within a transaction. */
struct broker_journal_told {
    struct broker_journal before; /* what the records said; to be freed with broker_journal_deinit */
    bool fault;                   /* something does not fit, and was not known */
};

/*  late: a report may have waited while its session began; lines up to that one, which the hello told, say
    nothing new then. Of a hello: 0. fault: what the node itself found, or NULL. Nothing
    is done for a node that tells nothing (serial 0). */
int broker_journal_tell (struct broker *broker, const char *node, uint64_t serial,
                         const struct base_digest *head, uint64_t late, const char *fault,
                         struct broker_journal_told *ret_told, struct base_error *error);

/*  The transaction was kept: tells a fault. */
void broker_journal_told (struct broker *broker, struct broker_node *node,
                          const struct broker_journal_told *told);

#endif
