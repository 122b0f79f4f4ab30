/* SPDX-License-Identifier: MPL-2.0 */
/*  ctl/why.c - why a node runs its version, from its reports

    A group is an update or another order: the reports of one transaction, or, without a transaction, of one
    epoch. */

#include "ctl/words.h"

#include <inttypes.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/time.h"
#include "ctl/ctl.h"
#include "ctl/text.h"

static bool group_has (const noded_report *a, const noded_report *b)
{
    base_assert (a && b);
    const char *left = ctl_text (a->transaction), *right = ctl_text (b->transaction);
    if (*left || *right)
        return strcmp (left, right) == 0;
    return a->epoch == b->epoch;
}

/*  NULL: an update. */
static const char *group_purpose (const noded_reports *reports, size_t begin)
{
    base_assert (begin < reports->count);
    static const struct {
        const char *step, *purpose;
    } purposes[] = {{"revert", "Order to revert to the previous version"},
                    {"reverting", "Order to revert to the previous version"},
                    {"hold", "Order to hold, or to end a hold"},
                    {"unhold", "Order to end a hold"},
                    {"clear", "Order to clear the quarantine"},
                    {"cancel", "Order to cancel"},
                    {"start", "Start of the node manager"}};
    const noded_report *first = &reports->items[begin];
    for (size_t i = begin; i < reports->count; i++) {
        const noded_report *report = &reports->items[i];
        for (size_t j = 0; j < sizeof purposes / sizeof *purposes && group_has (first, report); j++)
            if (strcmp (purposes[j].step, ctl_text (report->step)) == 0)
                return purposes[j].purpose;
    }
    return NULL;
}

/*  The time from the first report to the last. "" if the clock went back or a time is malformed. */
static const char *group_span (const noded_report *first, const noded_report *last, char text[CTL_SPAN_SIZE])
{
    base_assert (first && last && text);
    uint64_t started, ended;
    *text = '\0';
    if (base_time_parse (ctl_text (first->time), &started) == 0 &&
        base_time_parse (ctl_text (last->time), &ended) == 0 && ended > started)
        ctl_span_format ((ended - started) / 1000000, text);
    return text;
}

static void version_put (FILE *out, const char *version, const noded_digest *release)
{
    base_assert (out && release);
    char digest[CTL_DIGEST_SIZE];
    bool known = version && *version;
    if (known)
        ctl_text_put (out, version);
    if (noded_digest_is_null (release))
        return;
    (void) fprintf (out, "%s%s%s", known ? " (" : "release ", ctl_digest_format (release, digest),
                    known ? ")" : "");
}

/*  Prints the rollout or the operator that gave the order, if the broker knows it. */
static void orderer_put (FILE *out, const noded_report *report, const char *before)
{
    base_assert (report && before);
    if (!report->rollout && !report->user)
        return;
    (void) fprintf (out, "%sby %s", before, report->rollout ? "rollout " : "");
    ctl_text_put (out, report->rollout ? report->rollout : report->user);
    if (report->rollout)
        (void) fprintf (out, ", wave %" PRIu64, report->wave);
}

static void group_head (FILE *out, const noded_reports *reports, size_t begin)
{
    base_assert (begin < reports->count);
    const noded_report *first = &reports->items[begin];
    const char *version = NULL, *purpose = group_purpose (reports, begin);
    noded_digest release = first->release;
    for (size_t i = begin; i < reports->count; i++) {
        const noded_report *report = &reports->items[i];
        if (!group_has (first, report))
            continue;
        if (!version)
            version = report->version;
        if (noded_digest_is_null (&release))
            release = report->release;
    }
    char time[CTL_TIME_SIZE];
    ctl_text_put (out, ctl_time_format (first->time, time));
    (void) fprintf (out, "  %s", purpose ? purpose : "Update");
    if (!purpose && (version || !noded_digest_is_null (&release))) {
        (void) fputs (" to ", out);
        version_put (out, version, &release);
    }
    if (first->epoch)
        (void) fprintf (out, ", order %" PRIu64, first->epoch);
    if (first->transaction) {
        (void) fputs (", ", out);
        ctl_text_put (out, first->transaction);
    }
    orderer_put (out, first, ", ");
    (void) fputc ('\n', out);
}

/*  The time of day only: the head of the group has the date. */
static const char *report_clock (const noded_report *report)
{
    base_assert (report);
    const char *time = ctl_text (report->time);
    const char *clock = strchr (time, 'T');
    return clock ? clock + 1 : time;
}

static void group_rows (FILE *out, const noded_reports *reports, size_t begin, char *done)
{
    base_assert (begin < reports->count && done);
    base_assert (!done[begin]);
    base_cleanup (ctl_table_deinit) struct ctl_table table = {.columns = 3};
    const noded_report *first = &reports->items[begin], *last = first;
    for (size_t i = begin; i < reports->count; i++) {
        const noded_report *report = &reports->items[i];
        if (done[i] || !group_has (first, report))
            continue;
        done[i] = 1;
        last = report;
        const char *words = ctl_outcome_words (report->outcome), *reason = ctl_text (report->reason);
        ctl_table_printf (&table, "    %.12s", report_clock (report));
        ctl_table_cell (&table, report->step);
        if (report->attempt > first->attempt)
            ctl_table_printf (&table, "%s%s%s (attempt %" PRIu64 ")", words, *reason ? ": " : "", reason,
                              report->attempt);
        else
            ctl_table_printf (&table, "%s%s%s", words, *reason ? ": " : "", reason);
    }
    ctl_table_print (&table, out, 0);
    char span[CTL_SPAN_SIZE];
    if (*group_span (first, last, span))
        (void) fprintf (out, "    took %s\n", span);
}

/*  The report that explains why the node runs its release; NULL: there is none. */
static const noded_report *arrival_of (const noded_node *node, const noded_reports *reports)
{
    base_assert (node && reports);
    const noded_digest *runs = &ctl_application (node)->release;
    for (size_t i = reports->count; i-- > 0;) {
        const noded_report *report = &reports->items[i];
        if (report->outcome == NODED_OUTCOME_CONFIRMED)
            return memcmp (&report->release, runs, sizeof *runs) == 0 ? report : NULL;
        if (report->outcome == NODED_OUTCOME_REVERTED || report->outcome == NODED_OUTCOME_ROLLED_BACK)
            return report;
    }
    return NULL;
}

static void arrival_print (FILE *out, const noded_node *node, const noded_reports *reports)
{
    base_assert (out);
    char time[CTL_TIME_SIZE];
    const noded_report *report = arrival_of (node, reports);
    if (!report) {
        (void) fputs ("     no report shows why: this version was installed, or was updated before the broker"
                      " knew the node\n",
                      out);
        return;
    }
    (void) fputs (report->outcome == NODED_OUTCOME_CONFIRMED  ? "     because it was updated to it"
                  : report->outcome == NODED_OUTCOME_REVERTED ? "     because it was reverted"
                                                              : "     because the update to another release "
                                                                "failed on trial, and was rolled back",
                  out);
    (void) fputs (" on ", out);
    ctl_text_put (out, ctl_time_format (report->time, time));
    if (report->transaction) {
        (void) fputs (" in ", out);
        ctl_text_put (out, report->transaction);
    }
    if (report->order) {
        (void) fputs (", as ordered on ", out);
        ctl_text_put (out, ctl_time_format (report->ordered, time));
        orderer_put (out, report, " ");
    }
    if (report->reason) {
        (void) fputs (": ", out);
        ctl_text_put (out, report->reason);
    }
    (void) fputc ('\n', out);
}

/*  Prints a line of its own; nothing if there is no text. */
static void line_put (FILE *out, const char *before, const char *text)
{
    base_assert (before);
    if (!text)
        return;
    (void) fprintf (out, "     %s", before);
    ctl_text_put (out, text);
    (void) fputc ('\n', out);
}

static void now_print (FILE *out, const noded_node *node, const noded_reports *reports)
{
    base_assert (out && node);
    char time[CTL_TIME_SIZE];
    const noded_application *application = ctl_application (node);
    (void) fputs ("Now: ", out);
    ctl_text_put (out, ctl_text (node->id));
    if (!node->application) {
        (void) fputs (" has not reported this application\n", out);
        return;
    }
    (void) fputs (" runs ", out);
    ctl_text_put (out, ctl_text (application->name));
    (void) fputc (' ', out);
    version_put (out, application->version, &application->release);
    (void) fprintf (out, " and is %s%s", noded_state_word (application->state),
                    application->held ? ", held" : "");
    if (!node->online) {
        (void) fputs (", offline, last seen ", out);
        ctl_text_put (out, ctl_time_format (node->last_seen, time));
    }
    (void) fputc ('\n', out);
    arrival_print (out, node, reports);
    if (node->rollout) {
        (void) fputs ("     it is in rollout ", out);
        ctl_text_put (out, node->rollout);
        (void) fprintf (out, ", wave %" PRIu64 "\n", node->wave);
    }
    line_put (out, "its journal differs from what it reported before, detected ", node->journal_fault);
    line_put (out, "", application->damage);
    if (application->previous_version || !noded_digest_is_null (&application->previous_release)) {
        (void) fputs ("     a revert returns to ", out);
        version_put (out, application->previous_version, &application->previous_release);
        (void) fputc ('\n', out);
    }
}

void ctl_why_print (FILE *out, const noded_node *node, const noded_reports *reports)
{
    base_assert (out && node && reports);
    base_assert (reports->items || reports->count == 0);
    size_t count = reports->count;
    base_cleanup (base_free_p) char *done = calloc (count ? count : 1, 1);
    if (!done)
        return;
    if (!count)
        (void) fputs ("Nothing has been reported.\n\n", out);
    for (size_t i = 0; i < count; i++) {
        if (done[i])
            continue;
        group_head (out, reports, i);
        group_rows (out, reports, i, done);
        (void) fputc ('\n', out);
    }
    now_print (out, node, reports);
}
