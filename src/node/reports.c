/* SPDX-License-Identifier: MPL-2.0 */
/*  node/reports.c - describes an application, and reports steps to the origin, the parent and the journal */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "base/time.h"
#include "node/application.h"
#include "wire/list.h"

bool node_order_state_save (struct node_application *app)
{
    struct base_error error;
    bool failed = root_order_state_write (app->root, &app->order_state, &error);
    if (failed)
        base_log (BASE_LOG_WARNING, "cannot record the order state, ignoring: %s", error.text);
    return !failed;
}

void node_remember_failure (struct node_application *app, const struct wire_failure *failure)
{
    struct wire_failure *copy = calloc (1, sizeof *copy);
    if (!copy || wire_copy (&wire_failure_record, failure, copy)) {
        free (copy);
        return;
    }
    if (app->order_state.last_error) {
        wire_failure_deinit (app->order_state.last_error);
        free (app->order_state.last_error);
    }
    app->order_state.last_error = copy;
}

/*  Previous version and quarantine are read again each time: a person may have changed them on disk. */
static void read_details (struct node_application *app)
{
    char name[ROOT_NAME_SIZE];
    struct wire_installed previous = {.envelope = NULL};
    wire_installed_deinit (&app->previous);
    app->previous = (struct wire_installed){.envelope = NULL};
    if (!root_link (app->root, ROOT_PREVIOUS, name) &&
        !root_workspace_read (app->root, name, &previous, NULL))
        app->previous = previous;
    /* a list that cannot be read now is not empty: the origin would forget what it knows of it */
    struct wire_failure *quarantine = NULL;
    size_t n_quarantine = 0;
    if (root_quarantine_list (app->root, &quarantine, &n_quarantine, NULL) != 0)
        return;
    root_quarantine_free (app->quarantine, app->n_quarantine);
    app->quarantine = quarantine;
    app->n_quarantine = n_quarantine;
    app->quarantine_read = true;
}

void node_describe (struct node_application *app, struct wire_application *ret_application)
{
    const struct wire_envelope *envelope = app->running->installed.envelope;
    uint64_t done = 0, total = 0;
    if (app->fetch)
        node_fetch_progress (app->fetch, &done, &total);
    read_details (app);
    *ret_application = (struct wire_application){
        .name = app->name,
        .state = app->procedure.state,
        .version = envelope ? envelope->version : NULL,
        .release = app->running->installed.release,
        .binary = app->running->binary,
        .epoch = app->order_state.epoch,
        .seen_epoch = app->order_state.seen_epoch,
        .held = app->order_state.held,
        .transaction = *app->order.transaction ? app->order.transaction : app->order_state.transaction,
        .done = done,
        .total = total,
        .retry = app->procedure.state == WIRE_STATE_UNFIT ? app->order_state.retry : NULL,
        .last_error = app->order_state.last_error,
        .damage = node_scrub_describe (app, app->damage) ? app->damage : NULL,
        .quarantined = app->n_quarantine,
        .quarantine_digest = wire_quarantine_digest (app->quarantine, app->n_quarantine),
        .quarantine_unknown = !app->quarantine_read,
    };
    if (app->previous.envelope) {
        ret_application->previous_version = app->previous.envelope->version;
        ret_application->previous_release = app->previous.release;
    }
}

static void report_journal (struct node_application *app, const struct wire_report *report)
{
    struct wire_entry entry = {.application = app->name,
                               .transaction = report->transaction,
                               .epoch = report->epoch,
                               .attempt = report->attempt,
                               .step = report->step,
                               .outcome = report->outcome,
                               .reason = report->reason,
                               .version = report->version,
                               .release = report->release,
                               .workspace = *app->order.workspace ? app->order.workspace : NULL};
    node_journal_append (app->process, &entry);
}

static void report_queue (struct node_application *app, const struct wire_report *report)
{
    struct wire_application application;
    struct wire_report complete = *report;
    node_describe (app, &application);
    complete.application = &application;
    complete.journal_serial = app->process->journal.serial;
    complete.journal_head = app->process->journal.digest;
    if (app->process->session && node_session_report (app->process->session, &complete))
        base_log (BASE_LOG_WARNING, "a report could not be queued: out of memory");
}

static void report_send (struct node_application *app, const struct wire_report *report)
{
    bool final = report->outcome != WIRE_OUTCOME_STARTED;
    base_log (report->outcome == WIRE_OUTCOME_FAILED || report->outcome == WIRE_OUTCOME_ROLLED_BACK
                  ? BASE_LOG_WARNING
              : final ? BASE_LOG_INFO
                      : BASE_LOG_DEBUG,
              "%s: %s %s%s%s", report->transaction ? report->transaction : "order", report->step,
              wire_outcome_word (report->outcome), report->reason ? ": " : "",
              report->reason ? report->reason : "");
    report_journal (app, report);
    report_queue (app, report);
    if (app->process->callback) {
        struct wire_progress progress = {.transaction = report->transaction,
                                         .release = report->release,
                                         .step = report->step,
                                         .outcome = report->outcome,
                                         .reason = report->reason};
        if (app->order.candidate.envelope)
            progress.binary = app->order.candidate.envelope->binary;
        node_callback_progress (app->process->callback, &progress);
    }
}

static struct wire_report report_of (const struct node_application *app, const char *step,
                                     enum wire_outcome outcome, const char *reason)
{
    const struct node_order *order = &app->order;
    const struct wire_envelope *envelope = order->candidate.envelope;
    return (struct wire_report){.transaction = *order->transaction ? order->transaction : NULL,
                                .epoch = order->epoch,
                                .attempt = order->attempt ? order->attempt : 1,
                                .step = step,
                                .outcome = outcome,
                                .reason = reason,
                                .release = order->release,
                                .version = envelope ? envelope->version : NULL};
}

void node_report (struct node_application *app, const char *step, enum wire_outcome outcome,
                  const char *reason)
{
    struct wire_report report = report_of (app, step, outcome, reason);
    if (outcome == WIRE_OUTCOME_STARTED)
        report.time = base_time_format (base_time_real_ns (), app->order.started);
    report_send (app, &report);
}

void node_report_progress (struct node_application *app, const char *note)
{
    struct wire_report report =
        report_of (app, wire_state_word (app->procedure.state), WIRE_OUTCOME_STARTED, note);
    if (*app->order.started)
        report.time = app->order.started;
    report_queue (app, &report);
}

void node_report_entry (struct node_application *app, const struct wire_entry *entry)
{
    struct wire_report report = {.transaction = entry->transaction,
                                 .epoch = entry->epoch,
                                 .attempt = entry->attempt ? entry->attempt : 1,
                                 .step = entry->step,
                                 .outcome = entry->outcome,
                                 .reason = entry->reason,
                                 .time = entry->time};
    report_queue (app, &report);
}

void node_report_order (struct node_application *app, uint64_t epoch, const char *step,
                        enum wire_outcome outcome, const char *reason)
{
    struct wire_report report = {
        .epoch = epoch, .attempt = 1, .step = step, .outcome = outcome, .reason = reason};
    report_send (app, &report);
}
