/* SPDX-License-Identifier: MPL-2.0 */
/*  ctl/why.c - why a node runs its version, from its reports

    A group is an update or another order: the reports of one transaction, or, without a transaction, of one
    epoch. */

#include "ctl/words.h"

#include <inttypes.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "ctl/ctl.h"
#include "ctl/text.h"

static bool same_group (const json_t *a, const json_t *b)
{
    const char *left = ctl_json_text (a, "transaction"), *right = ctl_json_text (b, "transaction");
    if (*left || *right)
        return strcmp (left, right) == 0;
    return ctl_json_uint (a, "epoch") == ctl_json_uint (b, "epoch");
}

static const char *group_purpose (const json_t *told, size_t begin)
{
    static const struct {
        const char *step, *purpose;
    } purposes[] = {{"revert", "Order to revert to the previous version"},
                    {"reverting", "Order to revert to the previous version"},
                    {"hold", "Order to hold, or to end a hold"},
                    {"unhold", "Order to end a hold"},
                    {"clear", "Order to clear the quarantine"},
                    {"cancel", "Order to cancel"},
                    {"start", "Start of the node manager"}};
    const json_t *first = json_array_get (told, begin);
    for (size_t i = begin; i < json_array_size (told); i++) {
        const json_t *report = json_array_get (told, i);
        for (size_t j = 0; j < sizeof purposes / sizeof *purposes && same_group (first, report); j++)
            if (strcmp (purposes[j].step, ctl_json_text (report, "step")) == 0)
                return purposes[j].purpose;
    }
    return "Update";
}

/*  The time from the first report to the last. "" if the clock went back or a time is malformed. */
static const char *group_span (const json_t *first, const json_t *last, char text[CTL_SPAN_SIZE])
{
    uint64_t begun, ended;
    *text = '\0';
    if (base_time_parse (ctl_json_text (first, "time"), &begun) == 0 &&
        base_time_parse (ctl_json_text (last, "time"), &ended) == 0 && ended > begun)
        ctl_span_format ((ended - begun) / 1000000, text);
    return text;
}

static void put_version (FILE *out, const char *version, const char *release)
{
    char digest[CTL_DIGEST_SIZE];
    if (*version)
        ctl_text_put (out, version);
    if (*release) {
        (void) fputs (*version ? " (" : "release ", out);
        ctl_text_put (out, ctl_digest_format (release, digest));
        (void) fputs (*version ? ")" : "", out);
    }
}

/*  Prints the rollout or the place that gave the order, if the broker knows it. */
static void put_orderer (FILE *out, const json_t *report, const char *before)
{
    const char *rollout = ctl_json_text (report, "rollout"), *place = ctl_json_text (report, "place");
    if (!*rollout && !*place)
        return;
    (void) fprintf (out, "%sby %s", before, *rollout ? "rollout " : "");
    ctl_text_put (out, *rollout ? rollout : place);
    if (*rollout)
        (void) fprintf (out, ", wave %" PRIu64, ctl_json_uint (report, "wave"));
}

static void group_head (FILE *out, const json_t *told, size_t begin)
{
    const json_t *first = json_array_get (told, begin);
    const char *version = "", *release = "";
    for (size_t i = begin; i < json_array_size (told); i++) {
        const json_t *report = json_array_get (told, i);
        if (!same_group (first, report))
            continue;
        if (!*version)
            version = ctl_json_text (report, "version");
        if (!*release)
            release = ctl_json_text (report, "release");
    }
    const char *purpose = group_purpose (told, begin);
    char time[CTL_TIME_SIZE];
    ctl_text_put (out, ctl_time_format (ctl_json_text (first, "time"), time));
    (void) fprintf (out, "  %s", purpose);
    if (strcmp (purpose, "Update") == 0 && (*version || *release)) {
        (void) fputs (" to ", out);
        put_version (out, version, release);
    }
    if (ctl_json_uint (first, "epoch"))
        (void) fprintf (out, ", order %" PRIu64, ctl_json_uint (first, "epoch"));
    if (*ctl_json_text (first, "transaction")) {
        (void) fputs (", ", out);
        ctl_text_put (out, ctl_json_text (first, "transaction"));
    }
    put_orderer (out, first, ", ");
    (void) fputc ('\n', out);
}

/*  The time of day only: the head of the group has the date. */
static const char *report_clock (const json_t *report)
{
    const char *time = ctl_json_text (report, "time");
    const char *clock = strchr (time, 'T');
    return clock ? clock + 1 : time;
}

static void group_rows (FILE *out, const json_t *told, size_t begin, char *done)
{
    base_cleanup (ctl_table_deinit) struct ctl_table table = {.columns = 3};
    const json_t *first = json_array_get (told, begin), *last = first;
    uint64_t attempt = ctl_json_uint (first, "attempt");
    for (size_t i = begin; i < json_array_size (told); i++) {
        const json_t *report = json_array_get (told, i);
        if (done[i] || !same_group (first, report))
            continue;
        done[i] = 1;
        last = report;
        const char *outcome = ctl_json_text (report, "outcome"), *reason = ctl_json_text (report, "reason");
        ctl_table_printf (&table, "    %.12s", report_clock (report));
        ctl_table_cell (&table, ctl_json_text (report, "step"));
        if (ctl_json_uint (report, "attempt") > attempt)
            ctl_table_printf (&table, "%s%s%s (attempt %" PRIu64 ")", ctl_outcome_words (outcome),
                              *reason ? ": " : "", reason, ctl_json_uint (report, "attempt"));
        else
            ctl_table_printf (&table, "%s%s%s", ctl_outcome_words (outcome), *reason ? ": " : "", reason);
    }
    ctl_table_print (&table, out, 0);
    char span[CTL_SPAN_SIZE];
    if (*group_span (first, last, span))
        (void) fprintf (out, "    took %s\n", span);
}

/*  The report that explains why the node runs its release; NULL: there is none. */
static const json_t *arrival_of (const json_t *node, const json_t *told)
{
    for (size_t i = json_array_size (told); i-- > 0;) {
        const json_t *report = json_array_get (told, i);
        const char *outcome = ctl_json_text (report, "outcome"), *release = ctl_json_text (report, "release");
        if (strcmp (outcome, "confirmed") == 0)
            return strcmp (release, ctl_json_text (node, "release")) == 0 ? report : NULL;
        if (strcmp (outcome, "reverted") == 0 || strcmp (outcome, "went-back") == 0)
            return report;
    }
    return NULL;
}

static void arrival_print (FILE *out, const json_t *node, const json_t *told)
{
    char time[CTL_TIME_SIZE];
    const json_t *report = arrival_of (node, told);
    if (!report) {
        (void) fputs ("     no report shows why: this version was installed, or was updated before the broker"
                      " knew the node\n",
                      out);
        return;
    }
    const char *outcome = ctl_json_text (report, "outcome"), *reason = ctl_json_text (report, "reason");
    (void) fputs (strcmp (outcome, "confirmed") == 0  ? "     because it was updated to it"
                  : strcmp (outcome, "reverted") == 0 ? "     because it was reverted"
                                                      : "     because the update to another release failed on"
                                                        " trial, and was rolled back",
                  out);
    (void) fputs (" on ", out);
    ctl_text_put (out, ctl_time_format (ctl_json_text (report, "time"), time));
    if (*ctl_json_text (report, "transaction")) {
        (void) fputs (" in ", out);
        ctl_text_put (out, ctl_json_text (report, "transaction"));
    }
    if (*ctl_json_text (report, "verb")) {
        (void) fputs (", as ordered on ", out);
        ctl_text_put (out, ctl_time_format (ctl_json_text (report, "ordered"), time));
        put_orderer (out, report, " ");
    }
    if (*reason) {
        (void) fputs (": ", out);
        ctl_text_put (out, reason);
    }
    (void) fputc ('\n', out);
}

static void now_print (FILE *out, const json_t *node, const json_t *told)
{
    char time[CTL_TIME_SIZE];
    const json_t *previous = json_object_get (node, "previous");
    const char *state = ctl_json_text (node, "state");
    (void) fputs ("Now: ", out);
    ctl_text_put (out, ctl_json_text (node, "id"));
    if (!*state) {
        (void) fputs (" has not reported this application\n", out);
        return;
    }
    (void) fputs (" runs ", out);
    ctl_text_put (out, ctl_json_text (node, "application"));
    (void) fputc (' ', out);
    put_version (out, ctl_json_text (node, "version"), ctl_json_text (node, "release"));
    (void) fputs (" and is ", out);
    ctl_text_put (out, state);
    if (ctl_json_flag (node, "held"))
        (void) fputs (", held", out);
    if (!ctl_json_flag (node, "online")) {
        (void) fputs (", offline, last seen ", out);
        ctl_text_put (out, ctl_time_format (ctl_json_text (node, "last_seen"), time));
    }
    (void) fputc ('\n', out);
    arrival_print (out, node, told);
    if (*ctl_json_text (node, "rollout")) {
        (void) fputs ("     it is in rollout ", out);
        ctl_text_put (out, ctl_json_text (node, "rollout"));
        (void) fprintf (out, ", wave %" PRIu64 "\n", ctl_json_uint (node, "wave"));
    }
    if (*ctl_json_text (node, "journal_fault")) {
        (void) fputs ("     its journal differs from what it reported before, detected ", out);
        ctl_text_put (out, ctl_json_text (node, "journal_fault"));
        (void) fputc ('\n', out);
    }
    if (*ctl_json_text (node, "damage")) {
        (void) fputs ("     ", out);
        ctl_text_put (out, ctl_json_text (node, "damage"));
        (void) fputc ('\n', out);
    }
    if (json_is_object (previous)) {
        (void) fputs ("     a revert returns to ", out);
        put_version (out, ctl_json_text (previous, "version"), ctl_json_text (previous, "release"));
        (void) fputc ('\n', out);
    }
}

void ctl_why_print (FILE *out, const json_t *node, const json_t *told)
{
    size_t count = json_array_size (told);
    base_cleanup (base_free_p) char *done = calloc (count ? count : 1, 1);
    if (!done)
        return;
    if (!count)
        (void) fputs ("Nothing has been reported.\n\n", out);
    for (size_t i = 0; i < count; i++) {
        if (done[i])
            continue;
        group_head (out, told, i);
        group_rows (out, told, i, done);
        (void) fputc ('\n', out);
    }
    if (node)
        now_print (out, node, told);
}
