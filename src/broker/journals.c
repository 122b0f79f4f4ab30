/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/journals.c - detects journals of nodes that do not match what the nodes reported before */

#include "broker/journals.h"

#include <errno.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/time.h"
#include "wire/text.h"

/*  Returns the fault that the node found itself (own), else the one that the comparison shows; NULL: none.
    text is the place for it. */
static const char *journal_compare (const struct records_journal *before, uint64_t serial,
                                    const struct base_digest *head, const char *own, char text[256])
{
    if (own)
        return own;
    if (serial < before->serial)
        (void) snprintf (
            text, 256,
            "it reported line %llu of its journal before, and now line %llu as the last: lines were"
            " removed, or the journal was lost with its disk",
            (unsigned long long) before->serial, (unsigned long long) serial);
    else if (serial == before->serial && !base_digest_equal (head, &before->head))
        (void) snprintf (text, 256, "line %llu of its journal differs from the one that it reported before",
                         (unsigned long long) serial);
    else
        return NULL;
    return text;
}

/*  Returns whether the fault is recorded. It is compared by its text, which follows the time at which it
    was noticed. */
static bool fault_is_known (const struct records_journal *before, const char *fault)
{
    const char *known = before->fault ? strstr (before->fault, ": ") : NULL;

    return known && strcmp (known + 2, fault) == 0;
}

int broker_journal_store (struct broker *broker, const char *node, const struct broker_journal_report *report,
                          struct broker_journal_news *ret_news, struct base_error *error)
{
    base_assert (broker && node && report && report->head && ret_news);
    const struct base_digest *head = report->head;
    uint64_t serial = report->serial;
    base_cleanup (base_free_p) char *sentence = NULL;
    char text[256], now[BASE_TIME_TEXT];
    const char *fault;
    struct records_journal *before = &ret_news->before, after;
    int r = records_journal_get (broker->records, node, before, error);

    ret_news->fault = false;
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    if ((serial == 0 && !report->fault) || base_digest_is_null (head) ||
        (serial <= report->late && serial < before->serial))
        return 0;
    after = (struct records_journal){.serial = serial, .head = *head, .fault = before->fault};
    fault = journal_compare (before, serial, head, report->fault, text);
    (void) base_time_format (base_time_real_ns (), now);
    if (fault && !fault_is_known (before, fault)) {
        sentence = wire_reason ("%.19sZ: %s", now, fault);
        if (!sentence)
            return base_error_errno (error, -ENOMEM, "cannot process the reports of node %s", node);
        after.fault = sentence;
        ret_news->fault = true;
    }
    bool is_repeated = serial == before->serial && base_digest_equal (head, &before->head);
    if (is_repeated && !ret_news->fault)
        return 0;
    r = records_journal_put (broker->records, node, &after, error);
    if (r < 0 || is_repeated)
        return r;
    return records_head_merge (broker->records, node, serial, head, now, error);
}

char *broker_journal_fault (struct broker *broker, const struct broker_node *node,
                            const struct broker_journal_news *news)
{
    base_assert (broker && node && news);
    base_cleanup (records_journal_deinit) struct records_journal journal = {.serial = 0};

    if (!news->fault || records_journal_get (broker->records, node->id, &journal, NULL) != 0 ||
        !journal.fault)
        return NULL;
    base_log_limited (
        &broker->log, BASE_LOG_WARNING,
        "node %s: its journal differs from what it reported before: %s; run noded verify on its host",
        node->id, journal.fault);
    return base_take (journal.fault);
}
