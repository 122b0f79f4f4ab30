/* SPDX-License-Identifier: MPL-2.0 */
/*  ctl/view.c - nodes, releases and events as tables and lines */

#include "ctl/words.h"

#include <inttypes.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "ctl/ctl.h"
#include "ctl/text.h"

static void cell_digest (struct ctl_table *table, const char *digest)
{
    char text[CTL_DIGEST_SIZE];
    ctl_table_cell (table, ctl_digest_format (digest, text));
}

static void cell_time (struct ctl_table *table, const char *time)
{
    char text[CTL_TIME_SIZE];
    ctl_table_cell (table, ctl_time_format (time, text));
}

static void cell_failure (struct ctl_table *table, const json_t *failure)
{
    if (json_is_object (failure))
        ctl_table_printf (table, "%s: %s", ctl_json_text (failure, "step"),
                          ctl_json_text (failure, "reason"));
    else
        ctl_table_cell (table, NULL);
}

static void table_head (struct ctl_table *table, const char *const *titles)
{
    for (; *titles; titles++)
        ctl_table_cell (table, *titles);
}

static const char *state_of (const json_t *node, char text[64])
{
    uint64_t done = ctl_json_uint (node, "done"), total = ctl_json_uint (node, "total");
    const char *state = ctl_json_text (node, "state");
    if (strcmp (state, "fetching") == 0 && total)
        (void) snprintf (text, 64, "%s %" PRIu64 "%%", state, done >= total ? 100 : done * 100 / total);
    else
        (void) snprintf (text, 64, "%.60s", *state ? state : "unknown");
    return text;
}

/*  "role=web zone=eu-1"; on the heap. */
static char *labels_text (const json_t *node)
{
    base_cleanup (base_buffer_deinit) struct base_buffer text = {.size = 0};
    size_t i;
    const json_t *label;
    json_array_foreach (json_object_get (node, "labels"), i, label)
    {
        if (base_buffer_printf (&text, "%s%s=%s", i ? " " : "", ctl_json_text (label, "name"),
                                ctl_json_text (label, "value")) != 0)
            return NULL;
    }
    return base_buffer_take_text (&text);
}

static void cell_labels (struct ctl_table *table, const json_t *node)
{
    base_cleanup (base_free_p) char *text = labels_text (node);
    ctl_table_cell (table, text);
}

static bool some_labelled (const json_t *nodes)
{
    size_t i;
    const json_t *node;
    json_array_foreach (nodes, i,
                        node) if (json_array_size (json_object_get (node, "labels")) > 0) return true;
    return false;
}

void ctl_nodes_print (FILE *out, const json_t *nodes, size_t width)
{
    static const char *const titles[] = {"NODE",     "ONLINE", "STATE",      "VERSION", "RELEASE",
                                         "PREVIOUS", "HELD",   "LAST-ERROR", NULL};
    bool labelled = some_labelled (nodes);
    base_cleanup (ctl_table_deinit) struct ctl_table table = {.columns = labelled ? 9 : 8};
    size_t index;
    const json_t *node;
    if (!json_array_size (nodes)) {
        (void) fputs ("no nodes\n", out);
        return;
    }
    table_head (&table, titles);
    if (labelled)
        ctl_table_cell (&table, "LABELS");
    json_array_foreach (nodes, index, node)
    {
        char state[64];
        ctl_table_cell (&table, ctl_json_text (node, "id"));
        ctl_table_cell (&table, ctl_json_flag (node, "online") ? "yes" : "no");
        ctl_table_cell (&table, state_of (node, state));
        ctl_table_cell (&table, ctl_json_text (node, "version"));
        cell_digest (&table, ctl_json_text (node, "release"));
        ctl_table_cell (&table, ctl_json_text (json_object_get (node, "previous"), "version"));
        ctl_table_cell (&table, ctl_json_flag (node, "held") ? "yes" : "no");
        cell_failure (&table, json_object_get (node, "last_error"));
        if (labelled)
            cell_labels (&table, node);
    }
    ctl_table_print (&table, out, width);
}

void ctl_releases_print (FILE *out, const json_t *releases, size_t width)
{
    static const char *const titles[] = {"RELEASE", "APPLICATION", "VERSION",   "SIZE",
                                         "TIME",    "WITHDRAWN",   "PLATFORMS", NULL};
    base_cleanup (ctl_table_deinit) struct ctl_table table = {.columns = 7};
    size_t index, i;
    const json_t *release, *platform;
    if (!json_array_size (releases)) {
        (void) fputs ("no releases\n", out);
        return;
    }
    table_head (&table, titles);
    json_array_foreach (releases, index, release)
    {
        char size[CTL_SPAN_SIZE];
        base_cleanup (base_buffer_deinit) struct base_buffer platforms = {.size = 0};
        json_array_foreach (json_object_get (release, "platforms"), i, platform)
        {
            const char *name = json_string_value (platform);
            (void) base_buffer_printf (&platforms, "%s%s", i ? " " : "", name && *name ? name : "any");
        }
        base_cleanup (base_free_p) char *text = base_buffer_take_text (&platforms);
        cell_digest (&table, ctl_json_text (release, "release"));
        ctl_table_cell (&table, ctl_json_text (release, "application"));
        ctl_table_cell (&table, ctl_json_text (release, "version"));
        ctl_table_cell (&table, ctl_size_format (ctl_json_uint (release, "size"), size));
        cell_time (&table, ctl_json_text (release, "time"));
        ctl_table_cell (&table, ctl_json_flag (release, "withdrawn") ? "yes" : "no");
        ctl_table_cell (&table, text);
    }
    ctl_table_print (&table, out, width);
    json_array_foreach (releases, index, release)
    {
        uint64_t missing = ctl_json_uint (release, "missing");
        if (missing > 0)
            (void) fprintf (
                out,
                "%.12s cannot be served: %llu of its blobs are missing or damaged at the broker; publish "
                "it again from the same files\n",
                ctl_json_text (release, "release"), (unsigned long long) missing);
    }
}

void ctl_quarantine_print (FILE *out, const json_t *failures, size_t width)
{
    static const char *const titles[] = {"RELEASE", "VERSION", "TIME", "TRANSACTION", "STEP", "REASON", NULL};
    base_cleanup (ctl_table_deinit) struct ctl_table table = {.columns = 6};
    size_t index;
    const json_t *failure;
    if (!json_array_size (failures)) {
        (void) fputs ("nothing is quarantined\n", out);
        return;
    }
    table_head (&table, titles);
    json_array_foreach (failures, index, failure)
    {
        cell_digest (&table, ctl_json_text (failure, "release"));
        ctl_table_cell (&table, ctl_json_text (failure, "version"));
        cell_time (&table, ctl_json_text (failure, "time"));
        ctl_table_cell (&table, ctl_json_text (failure, "transaction"));
        ctl_table_cell (&table, ctl_json_text (failure, "step"));
        ctl_table_cell (&table, ctl_json_text (failure, "reason"));
    }
    ctl_table_print (&table, out, width);
}

static void row_add (struct ctl_table *table, const char *title, const char *value)
{
    ctl_table_cell (table, title);
    ctl_table_cell (table, value);
}

static void row_order (struct ctl_table *table, const json_t *node)
{
    uint64_t epoch = ctl_json_uint (node, "desired_epoch");
    ctl_table_cell (table, "last order");
    if (!epoch) {
        ctl_table_cell (table, "none");
        return;
    }
    const char *outcome = ctl_json_text (node, "outcome"), *reason = ctl_json_text (node, "outcome_reason");
    const char *transaction = ctl_json_text (node, "desired_transaction");
    ctl_table_printf (table, "%" PRIu64 "%s%s: %s%s%s%s%s", epoch, *transaction ? ", " : "", transaction,
                      *outcome ? ctl_outcome_words (outcome) : "under way", *reason ? ", in " : "",
                      *reason ? ctl_json_text (node, "outcome_step") : "", *reason ? ": " : "", reason);
}

void ctl_status_print (FILE *out, const json_t *node)
{
    base_cleanup (ctl_table_deinit) struct ctl_table table = {.columns = 2};
    char state[64], time[CTL_TIME_SIZE];
    const json_t *previous = json_object_get (node, "previous"),
                 *failure = json_object_get (node, "last_error");
    row_add (&table, "node", ctl_json_text (node, "id"));
    row_add (&table, "online", ctl_json_flag (node, "online") ? "yes" : "no");
    row_add (&table, "last seen", ctl_time_format (ctl_json_text (node, "last_seen"), time));
    row_add (&table, "place", ctl_json_text (node, "place"));
    row_add (&table, "platform", ctl_json_text (node, "platform"));
    row_add (&table, "kernel", ctl_json_text (node, "kernel"));
    ctl_table_cell (&table, "labels");
    cell_labels (&table, node);
    row_add (&table, "manager", ctl_json_text (node, "software"));
    ctl_table_cell (&table, "restarts");
    ctl_table_printf (&table, "%" PRIu64 " without an update or a clean stop",
                      ctl_json_uint (node, "restarts"));
    row_add (&table, "application", ctl_json_text (node, "application"));
    ctl_table_cell (&table, "state");
    ctl_table_printf (&table, "%s%s%s", state_of (node, state), *ctl_json_text (node, "state") ? ": " : "",
                      ctl_state_words (ctl_json_text (node, "state")));
    if (*ctl_json_text (node, "retry"))
        row_add (&table, "next try", ctl_time_format (ctl_json_text (node, "retry"), time));
    row_add (&table, "held", ctl_json_flag (node, "held") ? "yes" : "no");
    row_add (&table, "version", ctl_json_text (node, "version"));
    row_add (&table, "release", ctl_json_text (node, "release"));
    row_add (&table, "binary", ctl_json_text (node, "binary"));
    ctl_table_cell (&table, "previous");
    ctl_table_printf (&table, "%s %s", ctl_json_text (previous, "version"),
                      ctl_json_text (previous, "release"));
    if (*ctl_json_text (node, "damage"))
        row_add (&table, "damage", ctl_json_text (node, "damage"));
    ctl_table_cell (&table, "epoch");
    ctl_table_printf (&table, "%" PRIu64, ctl_json_uint (node, "epoch"));
    row_add (&table, "transaction", ctl_json_text (node, "transaction"));
    row_order (&table, node);
    ctl_table_cell (&table, "last error");
    if (json_is_object (failure))
        ctl_table_printf (&table, "%s %s, in %s: %s", ctl_json_text (failure, "transaction"),
                          ctl_time_format (ctl_json_text (failure, "time"), time),
                          ctl_json_text (failure, "step"), ctl_json_text (failure, "reason"));
    else
        ctl_table_cell (&table, "none");
    ctl_table_cell (&table, "quarantine");
    ctl_table_printf (&table, "%zu releases", json_array_size (json_object_get (node, "quarantine")));
    ctl_table_cell (&table, "journal");
    if (*ctl_json_text (node, "journal_fault"))
        ctl_table_printf (&table, "differs from what it reported before, detected %s",
                          ctl_json_text (node, "journal_fault"));
    else if (ctl_json_uint (node, "journal_serial"))
        ctl_table_printf (&table, "%" PRIu64 " lines, the last one %s",
                          ctl_json_uint (node, "journal_serial"), ctl_json_text (node, "journal_head"));
    else
        ctl_table_cell (&table, "not reported");
    ctl_table_print (&table, out, 0);
}

char *ctl_event_line (const json_t *event)
{
    char time[CTL_TIME_SIZE], digest[CTL_DIGEST_SIZE];
    base_cleanup (base_buffer_deinit) struct base_buffer line = {.size = 0};
    const char *release = ctl_json_text (event, "release"), *reason = ctl_json_text (event, "reason");
    const char *const parts[] = {ctl_json_text (event, "application"), ctl_json_text (event, "state"),
                                 ctl_json_text (event, "version"),
                                 *release ? ctl_digest_format (release, digest) : "",
                                 ctl_json_text (event, "step")};
    int rc = base_buffer_printf (&line, "%s  %s  %s", ctl_time_format (ctl_json_text (event, "time"), time),
                                 ctl_json_text (event, "node"), ctl_json_text (event, "event"));
    for (size_t i = 0; i < sizeof parts / sizeof *parts && rc == 0; i++)
        if (*parts[i])
            rc = base_buffer_printf (&line, "  %s", parts[i]);
    if (rc == 0 && *reason)
        rc = base_buffer_printf (&line, ": %s", reason);
    return rc == 0 ? base_buffer_take_text (&line) : NULL;
}
