/* SPDX-License-Identifier: MPL-2.0 */
/*  node/session_reports.c - the queue of reports, and their answers */

#include "node/session_private.h"

#include <errno.h>
#include <string.h>

#include "base/time.h"

enum { REPORT_PAUSE_MOST_MS = 30 * 1000 };

static void report_drop (struct node_session *session, size_t index)
{
    wire_report_deinit (&session->reports[index]);
    session->n_reports--;
    memmove (session->reports + index, session->reports + index + 1,
             (session->n_reports - index) * sizeof *session->reports);
}

static void report_send (void *context)
{
    struct node_session *session = context;
    node_session_timer_disarm (session, &session->report_timer);
    /* a report that does not fit into a message never will, and others wait behind it */
    while (session->open && session->n_reports &&
           bus_send (session->control, NULL, &wire_report_record, &session->reports[0]) == -EINVAL) {
        base_log (BASE_LOG_WARNING, "ignoring a report of %s that does not fit into a message",
                  session->reports[0].step);
        report_drop (session, 0);
    }
    if (!session->n_reports) {
        node_states_reported (session);
        return;
    }
    uint64_t pause = session->report_pause_ms;
    session->report_pause_ms = pause * 2 < REPORT_PAUSE_MOST_MS ? pause * 2 : REPORT_PAUSE_MOST_MS;
    node_session_timer_arm (session, &session->report_timer, pause, report_send);
}

void node_session_reports_resume (struct node_session *session)
{
    session->report_pause_ms = session->config->resend_ms;
    if (session->n_reports)
        report_send (session);
}

/*  Returns whether a report only repeats that a step continues. */
static bool report_repeats (const struct wire_report *report, const struct wire_report *before)
{
    return report->outcome == WIRE_OUTCOME_STARTED && before->outcome == WIRE_OUTCOME_STARTED &&
           strcmp (report->application->name, before->application->name) == 0 &&
           report->epoch == before->epoch && report->attempt == before->attempt &&
           strcmp (report->step, before->step) == 0;
}

/*  Returns which report is dropped when the queue is full: the oldest that ends nothing, else the oldest. */
static size_t report_least_wanted (const struct node_session *session)
{
    for (size_t i = 0; i < session->n_reports; i++)
        if (session->reports[i].outcome == WIRE_OUTCOME_STARTED)
            return i;
    return 0;
}

int node_session_report (struct node_session *session, const struct wire_report *report)
{
    char now[BASE_TIME_TEXT];
    struct wire_report copy, filled = *report;
    filled.node = session->config->id;
    filled.session = session->id;
    if (!filled.time)
        filled.time = base_time_format (base_time_real_ns (), now);
    int r = wire_copy (&wire_report_record, &filled, &copy);
    if (r)
        return r;
    if (session->n_reports && report_repeats (report, &session->reports[session->n_reports - 1]))
        report_drop (session, session->n_reports - 1);
    if (session->n_reports == REPORTS_MOST)
        report_drop (session, report_least_wanted (session));
    session->reports[session->n_reports++] = copy;
    if (session->n_reports == 1)
        report_send (session);
    return 0;
}

void node_session_noted (struct node_session *session, const struct wire_noted *noted)
{
    if (noted->status == WIRE_STATUS_REFUSED) {
        node_session_unknown (session);
        return;
    }
    node_session_answered (session);
    if (noted->status == WIRE_STATUS_FAILED) {
        base_log_limited (&session->log, BASE_LOG_WARNING,
                          "the origin could not store the report of %s: it is sent again later", noted->step);
        return; /* the timer sends it again */
    }
    if (noted->quarantine)
        node_pages_wanted (session, noted->application);
    if (!session->n_reports)
        return;
    struct wire_report *head = &session->reports[0];
    if (strcmp (head->application->name, noted->application) != 0 || head->epoch != noted->epoch ||
        head->attempt != noted->attempt || strcmp (head->step, noted->step) != 0 ||
        (noted->outcome && noted->outcome != head->outcome))
        return;
    report_drop (session, 0);
    node_session_timer_disarm (session, &session->report_timer);
    session->report_pause_ms = session->config->resend_ms;
    if (session->n_reports)
        report_send (session);
    else
        node_states_reported (session);
}
