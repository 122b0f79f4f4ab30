/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/reports.c - reports of nodes */

#include "broker/reports.h"

#include <errno.h>
#include <inttypes.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/time.h"
#include "broker/applications.h"
#include "broker/journals.h"
#include "broker/publish.h"
#include "broker/commit.h"
#include "broker/sessions.h"
#include "wire/envelope.h"

/*  A report that is being written. */
struct reported {
    struct bus_peer peer;
    struct wire_report report;
    bool is_news;
    struct broker_application_news news;
    struct broker_journal_news journal;
};

enum { RESULTS_AT_ONCE = 60, RESULTS_A_MINUTE = 30 /* results of a node that are logged */ };

/*  Returns the event for a result; 0: none. */
static enum wire_event outcome_event (enum wire_outcome outcome)
{
    switch (outcome) {
    case WIRE_OUTCOME_CONFIRMED:
        return WIRE_EVENT_UPDATED;
    case WIRE_OUTCOME_REVERTED:
        return WIRE_EVENT_REVERTED;
    case WIRE_OUTCOME_FAILED:
    case WIRE_OUTCOME_REFUSED:
    case WIRE_OUTCOME_ROLLED_BACK:
        return WIRE_EVENT_FAILED;
    default:
        return WIRE_EVENT_NULL;
    }
}

static void result_log (struct broker_node *node, const struct wire_report *report)
{
    const struct wire_application *reported = report->application;

    if (!broker_pace_take (&node->results, RESULTS_AT_ONCE, RESULTS_A_MINUTE, base_time_boot_ms ()))
        return;
    if (node->results.refused > 0)
        base_log (BASE_LOG_WARNING, "node %s: %" PRIu64 " further results were not logged", node->id,
                  node->results.refused);
    node->results.refused = 0;
    if (outcome_event (report->outcome) == WIRE_EVENT_FAILED)
        base_log (BASE_LOG_INFO, "node %s, %s: %s %s: %s", node->id,
                  report->transaction ? report->transaction : "no transaction", report->step,
                  wire_outcome_word (report->outcome), report->reason ? report->reason : "no reason");
    else
        base_log (BASE_LOG_INFO, "node %s, %s: %s, runs %s", node->id,
                  report->transaction ? report->transaction : "no transaction",
                  wire_outcome_word (report->outcome),
                  reported->version ? reported->version : "an unknown version");
}

static void report_answer (struct broker *broker, const struct bus_peer *peer,
                           const struct wire_report *report, enum wire_status status, bool quarantine_wanted)
{
    base_assert (report->application);
    struct wire_noted noted = {.application = report->application->name,
                               .epoch = report->epoch,
                               .attempt = report->attempt,
                               .step = report->step,
                               .outcome = report->outcome,
                               .status = status,
                               .quarantine = quarantine_wanted};

    (void) origin_answer (broker->origin, peer, &wire_noted_record, &noted);
}

enum { EVENTS_MOST = 4 /* a change of state, the result, a fault of the journal, damage */ };

/*  Fills what happened, and logs it. Returns the number of entries. *ret_fault: a text that an entry refers
    to; the caller frees it afterwards. */
static size_t reported_events (struct broker *broker, struct broker_node *node,
                               const struct reported *reported, struct broker_node_event events[EVENTS_MOST],
                               char **ret_fault)
{
    const struct wire_report *report = &reported->report;
    enum wire_event event = outcome_event (report->outcome);
    size_t n = 0;

    if (reported->is_news && reported->news.changed)
        events[n++] = (struct broker_node_event){.event = WIRE_EVENT_CHANGED,
                                                 .application = report->application,
                                                 .transaction = report->transaction};
    if (reported->is_news && event) {
        result_log (node, report);
        events[n++] = (struct broker_node_event){.event = event,
                                                 .application = report->application,
                                                 .transaction = report->transaction,
                                                 .step = report->step,
                                                 .reason = report->reason};
    }
    *ret_fault = broker_journal_fault (broker, node, &reported->journal);
    if (*ret_fault)
        events[n++] = (struct broker_node_event){.event = WIRE_EVENT_JOURNAL, .reason = *ret_fault};
    if (reported->news.damaged)
        events[n++] = broker_damage_log (broker, node, report->application);
    base_assert (n <= EVENTS_MOST);
    return n;
}

static void reported_apply (struct broker *broker, const struct reported *reported)
{
    const struct wire_report *report = &reported->report;
    struct broker_node *node = broker_registry_find (&broker->registry, report->node);
    base_cleanup (base_free_p) char *fault = NULL;
    struct broker_node_event events[EVENTS_MOST];
    struct base_error error = {.code = 0};
    bool trial;
    size_t n;

    if (!node)
        return;
    if (records_node_on_trial (broker->records, node->id, &trial, &error) != 0)
        (void) broker_storage_failed (broker, &error);
    else
        broker_registry_trial (&broker->registry, node, trial);
    broker_settle_check (broker, node, report->application->name);
    n = reported_events (broker, node, reported, events, &fault);
    broker_node_publish (
        broker, &(struct broker_node_change){.node = node,
                                             .flags = reported->is_news || reported->news.changed || fault
                                                          ? BROKER_NODE_REPORT
                                                          : BROKER_NODE_REPEAT,
                                             .events = events,
                                             .n_events = n});
}

static void reported_free (struct reported *reported)
{
    wire_report_deinit (&reported->report);
    records_journal_deinit (&reported->journal.before);
    free (reported);
}

static void reported_ended (struct broker *broker, void *item, bool kept)
{
    struct reported *reported = item;

    report_answer (broker, &reported->peer, &reported->report, kept ? WIRE_STATUS_OK : WIRE_STATUS_FAILED,
                   kept && reported->news.quarantine_wanted);
    if (kept)
        reported_apply (broker, reported);
    reported_free (reported);
}

static int reported_store (struct broker *broker, void *item, struct base_error *error)
{
    struct reported *reported = item;
    const struct wire_report *report = &reported->report;
    const struct broker_node *node = broker_registry_find (&broker->registry, report->node);
    struct broker_journal_report journal = {.serial = report->journal_serial,
                                            .head = &report->journal_head,
                                            .late = node ? node->journal_hello : 0};
    char now[BASE_TIME_TEXT];
    int r = records_report_put (broker->records, report, &reported->is_news, error);
    if (r < 0)
        return r;
    r = broker_application_store (broker, report->node, report->application, &reported->news, error);
    if (r < 0)
        return r;
    r = records_node_seen (broker->records, report->node, base_time_format (base_time_real_ns (), now),
                           error);
    if (r < 0)
        return r;
    return broker_journal_store (broker, report->node, &journal, &reported->journal, error);
}

static const struct broker_write_ops report_ops = {.store = reported_store, .ended = reported_ended};

static int report_add (struct broker *broker, const struct bus_peer *peer, const struct wire_report *report,
                       struct base_error *error)
{
    struct reported *reported = calloc (1, sizeof *reported);
    int r;

    if (!reported || wire_copy (&wire_report_record, report, &reported->report) != 0) {
        free (reported);
        return base_error_errno (error, -ENOMEM, "cannot process a report");
    }
    reported->peer = *peer;
    r = broker_commit_add (broker, &report_ops, reported, error);
    if (r < 0)
        reported_free (reported);
    return r;
}

/*  Returns why a confirmation is not accepted; NULL: it is, or the report is no confirmation. A confirmation
    counts only at the end of a trial, and only if the node runs the release of the order, and the program
    that the release has for this node. */
static const char *confirmation_lacks (struct broker *broker, const struct broker_node *node,
                                       const struct wire_report *report)
{
    base_cleanup (records_application_deinit) struct records_application application = {.epoch = 0};
    base_cleanup (records_release_deinit) struct records_release release = {.serial = 0};
    const struct wire_application *reported = report->application;
    const struct wire_envelope *envelope;

    if (report->outcome != WIRE_OUTCOME_CONFIRMED)
        return NULL;
    if (strcmp (report->step, wire_state_word (WIRE_STATE_TRIAL)) != 0)
        return "it is not at the end of a trial";
    if (!base_digest_is_null (&report->release) && !base_digest_equal (&report->release, &reported->release))
        return "the node runs another release than its order names";
    if (records_application_get (broker->records, node->id, reported->name, &application, NULL) == 0 &&
        application.is_desired && application.desired.release_epoch == report->epoch &&
        !base_digest_equal (&application.desired.release, &reported->release))
        return "the order names another release";
    if (records_release_get (broker->records, &reported->release, &release, NULL) != 0)
        return NULL; /* the records are older than the release, so they have no order for it either */
    envelope = wire_release_match (&release.document, node->platform ? node->platform : "");
    if (!envelope || !base_digest_equal (&envelope->binary, &reported->binary))
        return "the node runs another program than the release has for it";
    return NULL;
}

int broker_on_report (void *context, const struct bus_peer *peer, const struct wire_report *report,
                      struct wire_noted *noted)
{
    base_assert (context && peer && report && report->application && noted);
    struct broker *broker = context;
    struct broker_node *node = broker_hear (broker, peer, report->node, report->session);
    struct base_error error = {.code = 0};
    const char *lacks = node ? confirmation_lacks (broker, node, report) : NULL;

    if (!node) {
        noted->status = WIRE_STATUS_REFUSED;
        return 0;
    }
    if (lacks)
        base_log_limited (&broker->log, BASE_LOG_WARNING, "ignoring the confirmation by node %s of %s: %s",
                          node->id, report->transaction ? report->transaction : "an update", lacks);
    if (lacks || !wire_application_is_valid (report->application->name)) {
        noted->status = WIRE_STATUS_INVALID;
        return 0;
    }
    int r = report_add (broker, peer, report, &error);
    if (r == -EMFILE) { /* it would be refused each time */
        base_log_limited (&broker->log, BASE_LOG_WARNING, "%s", error.text);
        noted->status = WIRE_STATUS_INVALID;
        return 0;
    }
    return r < 0 ? broker_storage_failed (broker, &error) : ORIGIN_LATER;
}
