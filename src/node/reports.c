/* SPDX-License-Identifier: MPL-2.0 */
/*  node/reports.c - describes this node, and reports steps to the origin, the parent and the journal */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "base/time.h"
#include "node/manager.h"

enum { QUARANTINE_MOST = 32 /* as many as the schema allows */ };

bool node_standing_save (struct node_manager *node)
{
    struct base_error error;
    bool failed = root_order_state_write (&node->root, &node->standing, &error);
    if (failed)
        base_log (BASE_LOG_WARNING, "cannot record the order state, ignoring: %s", error.text);
    return !failed;
}

void node_tell_launcher (struct node_manager *node, const char *line)
{
    if (node->launcher < 0)
        return;
    ssize_t wrote = write (node->launcher, line, strlen (line));
    if (wrote != (ssize_t) strlen (line))
        base_log (BASE_LOG_WARNING, "cannot report \"%.*s\" to the launcher", (int) strcspn (line, "\n"),
                  line);
}

void node_remember_failure (struct node_manager *node, const struct wire_failure *failure)
{
    struct wire_failure *copy = calloc (1, sizeof *copy);
    if (!copy || wire_copy (&wire_failure_record, failure, copy)) {
        free (copy);
        return;
    }
    if (node->standing.last_error) {
        wire_failure_deinit (node->standing.last_error);
        free (node->standing.last_error);
    }
    node->standing.last_error = copy;
}

/*  Previous version and quarantine are read again each time: a person may have changed them on disk. */
static void read_details (struct node_manager *node)
{
    char name[ROOT_NAME_SIZE];
    struct wire_installed previous = {.envelope = NULL};
    wire_installed_deinit (&node->previous);
    node->previous = (struct wire_installed){.envelope = NULL};
    if (!root_link (&node->root, ROOT_PREVIOUS, name) &&
        !root_workspace_read (&node->root, name, &previous, NULL))
        node->previous = previous;
    root_quarantine_free (node->quarantine, node->n_quarantine);
    node->quarantine = NULL;
    node->n_quarantine = 0;
    (void) root_quarantine_list (&node->root, &node->quarantine, &node->n_quarantine, NULL);
}

void node_describe (struct node_manager *node, struct wire_application *ret_application)
{
    uint64_t done = 0, total = 0;
    if (node->fetch)
        node_fetch_progress (node->fetch, &done, &total);
    read_details (node);
    *ret_application = (struct wire_application){
        .name = (char *) "noded",
        .state = node->procedure.state,
        .version = node->self.installed.envelope->version,
        .release = node->self.installed.release,
        .binary = node->self.binary,
        .epoch = node->standing.epoch,
        .seen_epoch = node->standing.seen_epoch,
        .held = node->standing.held,
        .transaction = *node->order.transaction ? node->order.transaction : node->standing.transaction,
        .done = done,
        .total = total,
        .retry = node->procedure.state == WIRE_STATE_UNFIT ? node->standing.retry : NULL,
        .last_error = node->standing.last_error,
        .damage = node_scrub_describe (node, node->damage) ? node->damage : NULL,
        .quarantine = node->quarantine,
        .n_quarantine = node->n_quarantine < QUARANTINE_MOST ? node->n_quarantine : QUARANTINE_MOST,
    };
    if (node->previous.envelope) {
        ret_application->previous_version = node->previous.envelope->version;
        ret_application->previous_release = node->previous.release;
    }
}

static void report_journal (struct node_manager *node, const struct wire_report *report)
{
    struct wire_entry entry = {.application = (char *) "noded",
                               .transaction = report->transaction,
                               .epoch = report->epoch,
                               .attempt = report->attempt,
                               .step = report->step,
                               .outcome = report->outcome,
                               .reason = report->reason,
                               .version = report->version,
                               .release = report->release,
                               .workspace = *node->order.workspace ? node->order.workspace : NULL};
    node_journal_append (node, &entry);
}

static void report_queue (struct node_manager *node, const struct wire_report *report)
{
    struct wire_application application;
    struct wire_report whole = *report;
    node_describe (node, &application);
    whole.application = &application;
    whole.journal_serial = node->journal.serial;
    whole.journal_head = node->journal.digest;
    if (node->session && node_session_report (node->session, &whole))
        base_log (BASE_LOG_WARNING, "a report could not be queued: out of memory");
}

static void report_send (struct node_manager *node, const struct wire_report *report)
{
    bool final = report->outcome != WIRE_OUTCOME_STARTED;
    base_log (report->outcome == WIRE_OUTCOME_FAILED || report->outcome == WIRE_OUTCOME_WENT_BACK
                  ? BASE_LOG_WARNING
              : final ? BASE_LOG_INFO
                      : BASE_LOG_DEBUG,
              "%s: %s %s%s%s", report->transaction ? report->transaction : "order", report->step,
              wire_outcome_word (report->outcome), report->reason ? ": " : "",
              report->reason ? report->reason : "");
    report_journal (node, report);
    report_queue (node, report);
    if (node->callback) {
        struct wire_progress progress = {.transaction = report->transaction,
                                         .release = report->release,
                                         .step = report->step,
                                         .outcome = report->outcome,
                                         .reason = report->reason};
        if (node->order.candidate.envelope)
            progress.binary = node->order.candidate.envelope->binary;
        node_callback_progress (node->callback, &progress);
    }
}

static struct wire_report report_of (const struct node_manager *node, const char *step,
                                     enum wire_outcome outcome, const char *reason)
{
    const struct node_order *order = &node->order;
    const struct wire_envelope *envelope = order->candidate.envelope;
    return (struct wire_report){.transaction = *order->transaction ? (char *) order->transaction : NULL,
                                .epoch = order->epoch,
                                .attempt = order->attempt ? order->attempt : 1,
                                .step = (char *) step,
                                .outcome = outcome,
                                .reason = (char *) reason,
                                .release = order->release,
                                .version = envelope ? envelope->version : NULL};
}

void node_report (struct node_manager *node, const char *step, enum wire_outcome outcome, const char *reason)
{
    struct wire_report report = report_of (node, step, outcome, reason);
    if (outcome == WIRE_OUTCOME_STARTED)
        report.time = (char *) base_time_format (base_time_real_ns (), node->order.begun);
    report_send (node, &report);
}

void node_report_progress (struct node_manager *node, const char *note)
{
    struct wire_report report =
        report_of (node, wire_state_word (node->procedure.state), WIRE_OUTCOME_STARTED, note);
    if (*node->order.begun)
        report.time = node->order.begun;
    report_queue (node, &report);
}

void node_report_entry (struct node_manager *node, const struct wire_entry *entry)
{
    struct wire_report report = {.transaction = entry->transaction,
                                 .epoch = entry->epoch,
                                 .attempt = entry->attempt ? entry->attempt : 1,
                                 .step = entry->step,
                                 .outcome = entry->outcome,
                                 .reason = entry->reason,
                                 .time = entry->time};
    report_queue (node, &report);
}

void node_report_order (struct node_manager *node, uint64_t epoch, const char *step,
                        enum wire_outcome outcome, const char *reason)
{
    struct wire_report report = {
        .epoch = epoch, .attempt = 1, .step = (char *) step, .outcome = outcome, .reason = (char *) reason};
    report_send (node, &report);
}
