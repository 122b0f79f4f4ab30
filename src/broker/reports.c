/*  broker/reports.c - what nodes report

    Reports that come in one round of the loop are one transaction, because a sync costs as much for one as
    for all: each is answered, and told as an event, once that is on disk. A report that cannot be kept costs
    itself alone, unless SQLite gives the whole transaction up: then all are answered failed, and come again.

    Everything else that writes, or shows the records to a person, settles what is open first. */

#include "broker/private.h"

#include <errno.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "wire/envelope.h"

/*  One that is in the open transaction. */
struct broker_reported {
    struct bus_peer peer;
    struct wire_report report;
    bool news, changed;
};

static void report_events (struct broker *broker, struct broker_node *node, const struct wire_report *report,
                           bool changed)
{
    const struct wire_application *told = report->application;
    enum wire_event event = WIRE_EVENT_NULL;

    switch (report->outcome) {
    case WIRE_OUTCOME_CONFIRMED:
        event = WIRE_EVENT_UPDATED;
        break;
    case WIRE_OUTCOME_REVERTED:
        event = WIRE_EVENT_REVERTED;
        break;
    case WIRE_OUTCOME_FAILED:
    case WIRE_OUTCOME_REFUSED:
    case WIRE_OUTCOME_WENT_BACK:
        event = WIRE_EVENT_FAILED;
        break;
    default:
        break;
    }
    if (changed)
        broker_event (broker, WIRE_EVENT_CHANGED, node, told, report->transaction, NULL, NULL);
    if (event)
        broker_event (broker, event, node, told, report->transaction, report->step, report->reason);
    if (event == WIRE_EVENT_FAILED)
        base_log (BASE_LOG_INFO, "node %s, %s: %s %s: %s", node->id,
                  report->transaction ? report->transaction : "no transaction", report->step,
                  wire_outcome_word (report->outcome), report->reason ? report->reason : "no reason");
    else if (event)
        base_log (BASE_LOG_INFO, "node %s, %s: %s, runs %s", node->id,
                  report->transaction ? report->transaction : "no transaction",
                  wire_outcome_word (report->outcome), told->version ? told->version : "an unknown version");
}

static void answer (struct broker *broker, const struct bus_peer *peer, const struct wire_report *report,
                    enum wire_status status)
{
    struct wire_noted noted = {.application = report->application->name,
                               .epoch = report->epoch,
                               .attempt = report->attempt,
                               .step = report->step,
                               .outcome = report->outcome,
                               .status = status};

    (void) origin_answer (broker->origin, peer, &wire_noted_record, &noted);
}

/*  It is on disk. */
static void take (struct broker *broker, const struct broker_reported *reported)
{
    const struct wire_report *report = &reported->report;
    struct broker_node *node = broker_registry_find (&broker->registry, report->node);
    struct base_error error = {.code = 0};

    answer (broker, &reported->peer, report, WIRE_STATUS_OK);
    if (!node)
        return;
    if (broker_store_node_on_trial (broker->store, node->id, &node->trial, &error) != 0)
        (void) broker_storage_failed (broker, &error);
    if (reported->news)
        report_events (broker, node, report, reported->changed);
    broker_settle_check (broker, node, report->application->name);
    if (reported->news || reported->changed)
        broker_node_changed (broker, node);
}

static void close_all (struct broker *broker, bool kept)
{
    struct broker_reports *reports = &broker->reports;
    size_t count = reports->count;

    bus_timer_cancel (broker->loop, reports->timer);
    reports->timer = 0;
    reports->count = 0;
    for (size_t i = 0; i < count; i++) {
        struct broker_reported *reported = &reports->open[i];
        if (kept)
            take (broker, reported);
        else
            answer (broker, &reported->peer, &reported->report, WIRE_STATUS_FAILED);
        wire_report_deinit (&reported->report);
    }
}

void broker_reports_settle (struct broker *broker)
{
    struct base_error error = {.code = 0};
    int r;

    if (broker->reports.count == 0)
        return;
    r = broker_store_commit (broker->store, &error);
    if (r != 0)
        (void) broker_storage_failed (broker, &error);
    close_all (broker, r == 0);
}

static void on_round (void *context)
{
    struct broker *broker = context;

    broker->reports.timer = 0;
    broker_reports_settle (broker);
}

void broker_reports_deinit (struct broker *broker)
{
    if (broker->reports.open)
        broker_reports_settle (broker);
    free (broker->reports.open);
    broker->reports = (struct broker_reports){.open = NULL};
}

static int store (struct broker *broker, struct broker_reported *reported, struct base_error *error)
{
    const struct wire_report *report = &reported->report;
    char now[BASE_TIME_TEXT];
    int r = broker_store_report_put (broker->store, report, &reported->news, error);

    if (r == 0)
        r = broker_application_tell (broker, report->node, report->application, &reported->changed, error);
    if (r == 0)
        r = broker_store_node_seen (broker->store, report->node, base_time_format (base_time_real_ns (), now),
                                    error);
    return r;
}

/*  Puts a report into the open transaction. Returns 0 or -errno: then nothing of it is there. */
static int add (struct broker *broker, const struct bus_peer *peer, const struct wire_report *report,
                struct base_error *error)
{
    struct broker_reports *reports = &broker->reports;
    struct broker_reported *reported;
    int r = 0;

    if (!reports->open && !(reports->open = calloc (BROKER_REPORTS_OPEN, sizeof *reports->open)))
        return base_error_errno (error, -ENOMEM, "cannot take a report");
    if (reports->count == BROKER_REPORTS_OPEN)
        broker_reports_settle (broker);
    if (reports->count == 0)
        r = broker_store_begin (broker->store, error);
    if (r != 0)
        return r;
    reported = &reports->open[reports->count];
    *reported = (struct broker_reported){.peer = *peer};
    r = wire_copy (&wire_report_record, report, &reported->report);
    if (r != 0)
        (void) base_error_errno (error, r, "cannot take a report");
    else {
        r = broker_store_mark (broker->store, error);
        if (r == 0)
            r = store (broker, reported, error);
        if (broker_store_mark_end (broker->store, r == 0) != 0) { /* all of it is lost */
            r = r ? r : -EIO;
            broker_store_rollback (broker->store);
            close_all (broker, false);
        }
        if (r != 0)
            wire_report_deinit (&reported->report);
    }
    if (r == 0 && reports->count++ == 0)
        reports->timer = bus_timer_start (broker->loop, 0, on_round, broker);
    if (r != 0 && reports->count == 0)
        broker_store_rollback (broker->store);
    if (r == 0 && reports->timer < 0) { /* no memory for a timer */
        reports->timer = 0;
        broker_reports_settle (broker);
    }
    return r;
}

int broker_on_report (void *context, const struct bus_peer *peer, const struct wire_report *report,
                      struct wire_noted *noted)
{
    struct broker *broker = context;
    struct broker_node *node = broker_hear (broker, peer, report->node, report->session);
    struct base_error error = {.code = 0};

    if (!node)
        noted->status = WIRE_STATUS_REFUSED;
    else if (!wire_application_is_valid (report->application->name))
        noted->status = WIRE_STATUS_INVALID;
    else
        return add (broker, peer, report, &error) == 0 ? ORIGIN_LATER
                                                       : broker_storage_failed (broker, &error);
    return 0;
}
