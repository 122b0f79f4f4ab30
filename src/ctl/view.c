/* SPDX-License-Identifier: MPL-2.0 */
/*  ctl/view.c - nodes, releases and events as tables and lines */

#include "ctl/words.h"

#include <inttypes.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "ctl/ctl.h"
#include "ctl/text.h"

static void cell_digest (struct ctl_table *table, const noded_digest *digest)
{
    base_assert (table && digest);
    char text[CTL_DIGEST_SIZE];
    ctl_table_cell (table, ctl_digest_format (digest, text));
}

static void cell_time (struct ctl_table *table, const char *time)
{
    char text[CTL_TIME_SIZE];
    ctl_table_cell (table, ctl_time_format (time, text));
}

static void cell_failure (struct ctl_table *table, const noded_failure *failure)
{
    if (failure)
        ctl_table_printf (table, "%s: %s", ctl_text (failure->step), ctl_text (failure->reason));
    else
        ctl_table_cell (table, NULL);
}

static void table_head (struct ctl_table *table, const char *const *titles)
{
    for (; *titles; titles++)
        ctl_table_cell (table, *titles);
}

static const char *state_format (const noded_application *application, char text[64])
{
    base_assert (application && text);
    uint64_t done = application->done, total = application->total;
    const char *state = noded_state_word (application->state); /* "unknown" if it is not reported */
    if (application->state == NODED_STATE_FETCHING && total)
        (void) snprintf (text, 64, "%s %" PRIu64 "%%", state, done >= total ? 100 : done * 100 / total);
    else
        (void) snprintf (text, 64, "%s", state);
    return text;
}

/*  "role=web zone=eu-1"; on the heap. */
static char *labels_text (const noded_node *node)
{
    base_assert (node->labels || node->n_labels == 0);
    base_cleanup (base_buffer_deinit) struct base_buffer text = {.size = 0};
    for (size_t i = 0; i < node->n_labels; i++)
        if (base_buffer_printf (&text, "%s%s=%s", i ? " " : "", node->labels[i].name,
                                ctl_text (node->labels[i].value)) != 0)
            return NULL;
    return base_buffer_take_text (&text);
}

static void cell_labels (struct ctl_table *table, const noded_node *node)
{
    base_cleanup (base_free_p) char *text = labels_text (node);
    ctl_table_cell (table, text);
}

static bool nodes_have_labels (const noded_nodes *nodes)
{
    for (size_t i = 0; i < nodes->count; i++)
        if (nodes->items[i].n_labels > 0)
            return true;
    return false;
}

void ctl_nodes_print (FILE *out, const noded_nodes *nodes, size_t width)
{
    base_assert (out && nodes);
    base_assert (nodes->items || nodes->count == 0);
    static const char *const titles[] = {"NODE",     "ONLINE", "STATE",      "VERSION", "RELEASE",
                                         "PREVIOUS", "HELD",   "LAST-ERROR", NULL};
    bool labelled = nodes_have_labels (nodes);
    base_cleanup (ctl_table_deinit) struct ctl_table table = {.columns = labelled ? 9 : 8};
    if (!nodes->count) {
        (void) fputs ("no nodes\n", out);
        return;
    }
    table_head (&table, titles);
    if (labelled)
        ctl_table_cell (&table, "LABELS");
    for (size_t i = 0; i < nodes->count; i++) {
        const noded_node *node = &nodes->items[i];
        const noded_application *application = ctl_application (node);
        char state[64];
        ctl_table_cell (&table, node->id);
        ctl_table_cell (&table, node->online ? "yes" : "no");
        ctl_table_cell (&table, state_format (application, state));
        ctl_table_cell (&table, application->version);
        cell_digest (&table, &application->release);
        ctl_table_cell (&table, application->previous_version);
        ctl_table_cell (&table, application->held ? "yes" : "no");
        cell_failure (&table, application->last_error);
        if (labelled)
            cell_labels (&table, node);
    }
    ctl_table_print (&table, out, width);
}

/*  "linux/amd64 any"; on the heap. */
static char *platforms_text (const noded_release *release)
{
    base_cleanup (base_buffer_deinit) struct base_buffer text = {.size = 0};
    for (size_t i = 0; i < release->n_platforms; i++)
        (void) base_buffer_printf (&text, "%s%s", i ? " " : "",
                                   *release->platforms[i] ? release->platforms[i] : "any");
    return base_buffer_take_text (&text);
}

void ctl_releases_print (FILE *out, const noded_releases *releases, size_t width)
{
    static const char *const titles[] = {"RELEASE", "APPLICATION", "VERSION",   "SIZE",
                                         "TIME",    "WITHDRAWN",   "PLATFORMS", NULL};
    base_cleanup (ctl_table_deinit) struct ctl_table table = {.columns = 7};
    char digest[CTL_DIGEST_SIZE];
    if (!releases->count) {
        (void) fputs ("no releases\n", out);
        return;
    }
    table_head (&table, titles);
    for (size_t i = 0; i < releases->count; i++) {
        const noded_release *release = &releases->items[i];
        char size[CTL_SPAN_SIZE];
        base_cleanup (base_free_p) char *platforms = platforms_text (release);
        cell_digest (&table, &release->release);
        ctl_table_cell (&table, release->application);
        ctl_table_cell (&table, release->version);
        ctl_table_cell (&table, ctl_size_format (release->size, size));
        cell_time (&table, release->time);
        ctl_table_cell (&table, release->withdrawn ? "yes" : "no");
        ctl_table_cell (&table, platforms);
    }
    ctl_table_print (&table, out, width);
    for (size_t i = 0; i < releases->count; i++)
        if (releases->items[i].missing > 0)
            (void) fprintf (out,
                            "%s cannot be served: %" PRIu64
                            " of its blobs are missing or damaged at the broker; publish it again from the "
                            "same files\n",
                            ctl_digest_format (&releases->items[i].release, digest),
                            releases->items[i].missing);
}

void ctl_quarantine_print (FILE *out, const noded_failure *failures, size_t count, size_t width)
{
    static const char *const titles[] = {"RELEASE", "VERSION", "TIME", "TRANSACTION", "STEP", "REASON", NULL};
    base_cleanup (ctl_table_deinit) struct ctl_table table = {.columns = 6};
    if (!count) {
        (void) fputs ("nothing is quarantined\n", out);
        return;
    }
    table_head (&table, titles);
    for (size_t i = 0; i < count; i++) {
        cell_digest (&table, &failures[i].release);
        ctl_table_cell (&table, failures[i].version);
        cell_time (&table, failures[i].time);
        ctl_table_cell (&table, failures[i].transaction);
        ctl_table_cell (&table, failures[i].step);
        ctl_table_cell (&table, failures[i].reason);
    }
    ctl_table_print (&table, out, width);
}

static void row_add (struct ctl_table *table, const char *title, const char *value)
{
    ctl_table_cell (table, title);
    ctl_table_cell (table, value);
}

static void row_digest (struct ctl_table *table, const char *title, const noded_digest *digest)
{
    char text[65];
    row_add (table, title, noded_digest_text (digest, text));
}

/*  The outcome of the last order. A word that this version does not know is shown as it is. */
static const char *order_words (const noded_node *node)
{
    base_assert (node);
    if (node->outcome)
        return ctl_outcome_words (node->outcome);
    return node->outcome_word ? node->outcome_word : "under way";
}

static void row_order (struct ctl_table *table, const noded_node *node)
{
    ctl_table_cell (table, "last order");
    if (!node->desired_epoch) {
        ctl_table_cell (table, "none");
        return;
    }
    const char *reason = ctl_text (node->outcome_reason), *transaction = ctl_text (node->desired_transaction);
    ctl_table_printf (table, "%" PRIu64 "%s%s: %s%s%s%s%s", node->desired_epoch, *transaction ? ", " : "",
                      transaction, order_words (node), *reason ? ", in " : "",
                      *reason ? ctl_text (node->outcome_step) : "", *reason ? ": " : "", reason);
}

static void row_failure (struct ctl_table *table, const noded_failure *failure)
{
    char time[CTL_TIME_SIZE];
    ctl_table_cell (table, "last error");
    if (failure)
        ctl_table_printf (table, "%s %s, in %s: %s", ctl_text (failure->transaction),
                          ctl_time_format (failure->time, time), ctl_text (failure->step),
                          ctl_text (failure->reason));
    else
        ctl_table_cell (table, "none");
}

static void row_journal (struct ctl_table *table, const noded_node *node)
{
    char head[65];
    ctl_table_cell (table, "journal");
    if (node->journal_fault)
        ctl_table_printf (table, "differs from what it reported before, detected %s", node->journal_fault);
    else if (node->journal_serial)
        ctl_table_printf (table, "%" PRIu64 " lines, the last one %s", node->journal_serial,
                          noded_digest_text (&node->journal_head, head));
    else
        ctl_table_cell (table, "not reported");
}

static void rows_of_application (struct ctl_table *table, const noded_application *application)
{
    char state[64], time[CTL_TIME_SIZE], previous[65];
    ctl_table_cell (table, "state");
    ctl_table_printf (table, "%s%s%s", state_format (application, state), application->state ? ": " : "",
                      ctl_state_words (application->state));
    if (application->retry)
        row_add (table, "next try", ctl_time_format (application->retry, time));
    row_add (table, "held", application->held ? "yes" : "no");
    row_add (table, "version", application->version);
    row_digest (table, "release", &application->release);
    row_digest (table, "binary", &application->binary);
    ctl_table_cell (table, "previous");
    ctl_table_printf (table, "%s %s", ctl_text (application->previous_version),
                      noded_digest_text (&application->previous_release, previous));
    if (application->damage)
        row_add (table, "damage", application->damage);
    ctl_table_cell (table, "epoch");
    ctl_table_printf (table, "%" PRIu64, application->epoch);
    row_add (table, "transaction", application->transaction);
}

void ctl_status_print (FILE *out, const noded_node *node, const char *application)
{
    base_cleanup (ctl_table_deinit) struct ctl_table table = {.columns = 2};
    const noded_application *reported = ctl_application (node);
    char time[CTL_TIME_SIZE];
    row_add (&table, "node", node->id);
    row_add (&table, "online", node->online ? "yes" : "no");
    row_add (&table, "last seen", ctl_time_format (node->last_seen, time));
    row_add (&table, "host, pid", node->host_pid);
    row_add (&table, "platform", node->platform);
    row_add (&table, "kernel", node->kernel);
    ctl_table_cell (&table, "labels");
    cell_labels (&table, node);
    row_add (&table, "manager", node->software);
    ctl_table_cell (&table, "restarts");
    ctl_table_printf (&table, "%" PRIu64 " without an update or a clean stop", node->restarts);
    row_add (&table, "application", reported->name ? reported->name : application);
    rows_of_application (&table, reported);
    row_order (&table, node);
    row_failure (&table, reported->last_error);
    ctl_table_cell (&table, "quarantine");
    ctl_table_printf (&table, "%" PRIu64 " releases", reported->quarantined);
    row_journal (&table, node);
    ctl_table_print (&table, out, 0);
}

/*  A line a reason; one with 0 if there is none. */
static void rows_of_reasons (struct ctl_table *table, const char *title, const noded_reason_count *reasons,
                             size_t count)
{
    if (!count)
        row_add (table, title, "0");
    for (size_t i = 0; i < count; i++) {
        ctl_table_cell (table, title);
        ctl_table_printf (table, "%" PRIu64 ": %s", reasons[i].count, ctl_text (reasons[i].reason));
    }
}

void ctl_broker_print (FILE *out, const noded_broker *broker)
{
    base_cleanup (ctl_table_deinit) struct ctl_table table = {.columns = 2};
    char time[CTL_TIME_SIZE], span[CTL_SPAN_SIZE];
    row_add (&table, "instance", broker->instance);
    row_add (&table, "software", broker->software);
    ctl_table_cell (&table, "runs since");
    ctl_table_printf (&table, "%s, for %s", ctl_time_format (broker->since, time),
                      ctl_span_format (broker->uptime_s * 1000, span));
    ctl_table_cell (&table, "nodes");
    ctl_table_printf (&table, "%" PRIu64 " known, %" PRIu64 " online", broker->nodes, broker->online);
    ctl_table_cell (&table, "releases");
    ctl_table_printf (&table, "%" PRIu64 " offered", broker->releases);
    if (broker->releases_missing) {
        ctl_table_cell (&table, "cannot be served");
        ctl_table_printf (&table, "%" PRIu64 " of these releases: see nodectl releases",
                          broker->releases_missing);
    }
    ctl_table_cell (&table, "rollouts");
    ctl_table_printf (&table, "%" PRIu64 " under way", broker->rollouts);
    ctl_table_cell (&table, "keys");
    if (broker->open)
        ctl_table_cell (&table, "none: every sender is treated as admin (--insecure)");
    else
        ctl_table_printf (&table,
                          "%" PRIu64 " active; %" PRIu64 " messages were beyond the role of their sender",
                          broker->keys, broker->denied);
    ctl_table_cell (&table, "accepted messages");
    ctl_table_printf (&table, "%" PRIu64, broker->received);
    rows_of_reasons (&table, "refused messages", broker->refused, broker->n_refused);
    rows_of_reasons (&table, "ended connections", broker->ended, broker->n_ended);
    ctl_table_cell (&table, "refused new nodes");
    ctl_table_printf (&table, "%" PRIu64, broker->new_nodes_refused);
    ctl_table_cell (&table, "ignored messages");
    ctl_table_printf (&table, "%" PRIu64 " in a node's name from another connection", broker->foreign);
    ctl_table_print (&table, out, 0);
}

char *ctl_event_line (const noded_node_event *event)
{
    char time[CTL_TIME_SIZE], digest[CTL_DIGEST_SIZE];
    base_cleanup (base_buffer_deinit) struct base_buffer line = {.size = 0};
    const char *const parts[] = {
        event->application, event->state ? noded_state_word (event->state) : NULL, event->version,
        noded_digest_is_null (&event->release) ? NULL : ctl_digest_format (&event->release, digest),
        event->step};
    if (base_buffer_printf (&line, "%s  %s  %s", ctl_time_format (event->time, time), ctl_text (event->node),
                            noded_event_word (event->event)) < 0)
        return NULL;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (parts[i] && base_buffer_printf (&line, "  %s", parts[i]) < 0)
            return NULL;
    if (event->reason && base_buffer_printf (&line, ": %s", event->reason) < 0)
        return NULL;
    return base_buffer_take_text (&line);
}
