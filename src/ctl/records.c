/* SPDX-License-Identifier: MPL-2.0 */
/*  ctl/records.c - commands that read the broker's records: releases, nodes, status, why, backup, events; and
    withdraw and quarantine, which change them */

#include "ctl/options.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "ctl/rollout.h"
#include "ctl/rollout_follow.h"
#include "ctl/text.h"
#include "ctl/words.h"

enum { PREFIX_LEAST = 6, DIGEST_LENGTH = 64, CLEAR_WAIT_MS = 3000 };

enum ctl_exit ctl_node_find (struct ctl *ctl, const char *id, noded_nodes *ret_nodes)
{
    base_assert (ctl->client && id && ret_nodes);
    const noded_nodes_query query = {.application = ctl->options.application, .nodes = &id, .n_nodes = 1};
    int r = noded_client_nodes (ctl->client, &query, ret_nodes);
    if (r < 0 && r != -ENOENT)
        return ctl_fail (ctl, r);
    if (r < 0 || !ret_nodes->count)
        return ctl_error (ctl, "the broker does not know node \"%s\": see nodectl nodes", id);
    return CTL_OK;
}

static bool name_is_prefix (const char *name)
{
    base_assert (name);
    size_t length = strlen (name);
    return length >= PREFIX_LEAST && length <= DIGEST_LENGTH && strspn (name, "0123456789abcdef") == length;
}

static bool release_begins (const noded_digest *digest, const char *name)
{
    base_assert (digest && name);
    char text[65];
    return !noded_digest_is_null (digest) &&
           strncmp (noded_digest_text (digest, text), name, strlen (name)) == 0;
}

/*  Releases whose digests begin with a name. count: of different digests. */
struct found {
    const char *name;
    noded_digest first;
    size_t count;
};

static void found_add (struct found *found, const noded_digest *digest)
{
    base_assert (found->name);
    if (!release_begins (digest, found->name))
        return;
    if (!found->count)
        found->first = *digest;
    if (!found->count || memcmp (&found->first, digest, sizeof *digest) != 0)
        found->count++;
}

static enum ctl_exit release_choose (struct ctl *ctl, const struct found *found, char ret_release[65])
{
    base_assert (found->count > 0 && ret_release);
    if (found->count > 1)
        return ctl_error (ctl, "%zu releases begin with %s: give more digits", found->count, found->name);
    noded_digest_text (&found->first, ret_release);
    return CTL_OK;
}

/*  nodectl nodes also shows releases that nodes were installed with and that were never published. The error
    then names such a node. */
static enum ctl_exit release_missing (struct ctl *ctl, const char *name)
{
    base_assert (name);
    base_cleanup (noded_nodes_free) noded_nodes nodes = {.count = 0};
    const noded_nodes_query query = {.application = ctl->options.application};
    int r = noded_client_nodes (ctl->client, &query, &nodes);
    if (r < 0)
        return ctl_fail (ctl, r);
    for (size_t i = 0; i < nodes.count; i++) {
        const noded_application *application = ctl_application (&nodes.items[i]);
        if (release_begins (&application->release, name) ||
            release_begins (&application->previous_release, name))
            return ctl_error (
                ctl,
                "release %s is not published at this broker; node %s has it as its current or previous "
                "release. Publish it with nodectl publish",
                name, nodes.items[i].id);
    }
    return ctl_error (ctl, "no release begins with %s: see nodectl releases", name);
}

enum ctl_exit ctl_release_find (struct ctl *ctl, const char *name, const noded_failure *failures,
                                size_t n_failures, char ret_release[65])
{
    base_assert (name && ret_release);
    base_assert (failures || n_failures == 0);
    base_cleanup (base_free_p) char *lower = strdup (name);
    base_cleanup (noded_releases_free) noded_releases releases = {.count = 0};
    if (!lower)
        return ctl_error (ctl, "out of memory");
    for (char *at = lower; *at; at++)
        if (*at >= 'A' && *at <= 'F')
            *at = (char) (*at - 'A' + 'a');
    if (!name_is_prefix (lower) || (strlen (lower) == DIGEST_LENGTH && strspn (lower, "0") == DIGEST_LENGTH))
        return ctl_misused (ctl, "\"%s\" is not a release; give the digest, or at least its first %d digits",
                            name, PREFIX_LEAST);
    if (strlen (lower) == DIGEST_LENGTH)
        return base_text_copy (ret_release, DIGEST_LENGTH + 1, lower) == 0 ? CTL_OK : CTL_FAILED;
    struct found found = {.name = lower};
    for (size_t i = 0; i < n_failures; i++)
        found_add (&found, &failures[i].release);
    if (found.count)
        return release_choose (ctl, &found, ret_release);
    int r = noded_client_releases (ctl->client, NULL, &releases);
    if (r < 0)
        return ctl_fail (ctl, r);
    for (size_t i = 0; i < releases.count; i++)
        found_add (&found, &releases.items[i].release);
    return found.count ? release_choose (ctl, &found, ret_release) : release_missing (ctl, lower);
}

enum ctl_exit ctl_releases (struct ctl *ctl)
{
    base_cleanup (noded_releases_free) noded_releases releases = {.count = 0};
    int r = noded_client_releases (ctl->client, ctl->options.application, &releases);
    if (r < 0)
        return ctl_fail (ctl, r);
    if (ctl->options.json)
        return ctl_print_json (ctl, noded_releases_json (releases.items, releases.count));
    ctl_releases_print (ctl->out, &releases, ctl->width);
    return CTL_OK;
}

enum ctl_exit ctl_withdraw (struct ctl *ctl)
{
    base_assert (ctl->n_words == 1);
    char release[65];
    enum ctl_exit code = ctl_release_find (ctl, ctl->words[0], NULL, 0, release);
    if (code != CTL_OK)
        return code;
    int r = noded_client_withdraw (ctl->client, release);
    if (r < 0)
        return ctl_fail (ctl, r);
    if (ctl->options.json)
        (void) fprintf (ctl->out, "{\"release\": \"%s\", \"withdrawn\": true}\n", release);
    else
        (void) fprintf (ctl->out, "withdrawn %s\n", release);
    return CTL_OK;
}

enum ctl_exit ctl_nodes (struct ctl *ctl)
{
    base_cleanup (noded_nodes_free) noded_nodes nodes = {.count = 0};
    const char *selector = ctl->options.select;
    if (selector && ctl->n_words)
        return ctl_misused (ctl, "name nodes or give --select, not both");
    const noded_nodes_query query = {.application = ctl->options.application,
                                     .nodes = ctl->n_words ? (const char *const *) ctl->words : NULL,
                                     .n_nodes = ctl->n_words,
                                     .selector = selector};
    int r = noded_client_nodes (ctl->client, &query, &nodes);
    if (r == -EINVAL && selector)
        return ctl_misused (ctl, "%s", noded_client_error (ctl->client));
    if (r < 0)
        return ctl_fail (ctl, r);
    if (ctl->options.json)
        return ctl_print_json (ctl, noded_nodes_json (nodes.items, nodes.count));
    ctl_nodes_print (ctl->out, &nodes, ctl->width);
    if (nodes.count < ctl->n_words)
        return ctl_error (ctl, "the broker does not know all of these nodes");
    return CTL_OK;
}

static void broker_free_p (noded_broker **broker)
{
    noded_broker_free (*broker);
}

static enum ctl_exit broker_status (struct ctl *ctl)
{
    base_cleanup (broker_free_p) noded_broker *broker = NULL;
    int r = noded_client_broker (ctl->client, &broker);
    if (r < 0)
        return ctl_fail (ctl, r);
    if (ctl->options.json)
        return ctl_print_json (ctl, noded_broker_json (broker));
    ctl_broker_print (ctl->out, broker);
    return CTL_OK;
}

enum ctl_exit ctl_status (struct ctl *ctl)
{
    base_cleanup (noded_nodes_free) noded_nodes nodes = {.count = 0};
    bool itself = ctl->options.seen & CTL_BIT (ITSELF);
    if (itself && ctl->n_words)
        return ctl_misused (ctl, "name a node or give --broker without a value, not both");
    if (itself && ctl->options.application)
        return ctl_misused (ctl, "status --broker does not accept --app");
    if (itself)
        return broker_status (ctl);
    if (!ctl->n_words)
        return ctl_misused (ctl, "name a node; for the broker itself, end with --broker without a value");
    enum ctl_exit code = ctl_node_find (ctl, ctl->words[0], &nodes);
    if (code != CTL_OK)
        return code;
    if (ctl->options.json)
        return ctl_print_json (ctl, noded_node_json (nodes.items));
    ctl_status_print (ctl->out, nodes.items, ctl->options.application ? ctl->options.application : "noded");
    return CTL_OK;
}

/*  Handles the word as a rollout, unless a node has this id: *ret_done is false then. */
static enum ctl_exit rollout_why (struct ctl *ctl, bool *ret_done)
{
    base_assert (ret_done);
    base_cleanup (noded_nodes_free) noded_nodes nodes = {.count = 0};
    base_cleanup (ctl_rollout_free_p) noded_rollout *rollout = NULL;
    const char *word = ctl->words[0];
    *ret_done = false;
    int r = noded_client_nodes (ctl->client, &(noded_nodes_query){.nodes = &word, .n_nodes = 1}, &nodes);
    if (r != -ENOENT)
        return r < 0 ? ctl_fail (ctl, r) : CTL_OK;
    *ret_done = true;
    enum ctl_exit code = ctl_rollout_find (ctl, word, true, &rollout);
    return code == CTL_OK ? ctl_rollout_why (ctl, rollout) : code;
}

enum ctl_exit ctl_why (struct ctl *ctl)
{
    base_assert (ctl->n_words == 1);
    if (ctl_rollout_is_id (ctl->words[0])) {
        bool done;
        enum ctl_exit found = rollout_why (ctl, &done);
        if (done || found != CTL_OK)
            return found;
    }
    base_cleanup (noded_nodes_free) noded_nodes nodes = {.count = 0};
    base_cleanup (noded_reports_free) noded_reports reports = {.count = 0};
    enum ctl_exit code = ctl_node_find (ctl, ctl->words[0], &nodes);
    if (code != CTL_OK)
        return code;
    int r = noded_client_why (ctl->client, ctl->options.application, ctl->words[0], &reports);
    if (r < 0)
        return ctl_fail (ctl, r);
    if (ctl->options.json)
        return ctl_print_json (ctl, noded_reports_json (reports.items, reports.count));
    ctl_why_print (ctl->out, nodes.items, &reports);
    return CTL_OK;
}

/*  Waits up to CLEAR_WAIT_MS until the node has cleared its quarantine, so that a following `quarantine list`
    shows it. Returns false if the node has not done it, is offline, or the broker fails. The order stays in
    any case. */
static bool clear_is_done (struct ctl *ctl, const char *id, uint64_t epoch)
{
    uint64_t last_ms = base_time_boot_ms () + CLEAR_WAIT_MS, now_ms, revision = 0;
    while ((now_ms = base_time_boot_ms ()) < last_ms) {
        base_cleanup (noded_nodes_free) noded_nodes nodes = {.count = 0};
        const noded_nodes_query query = {.application = ctl->options.application,
                                         .nodes = &id,
                                         .n_nodes = 1,
                                         .since = revision,
                                         .wait_ms = last_ms - now_ms};
        if (noded_client_nodes (ctl->client, &query, &nodes) != 0)
            return false;
        revision = nodes.revision;
        if (nodes.count && ctl_application (nodes.items)->epoch >= epoch)
            return true;
        if (nodes.count && !nodes.items->online)
            return false;
    }
    return false;
}

static int quarantine_clear (struct ctl *ctl, const char *id, const char *release)
{
    base_cleanup (noded_orders_free) noded_orders orders = {.count = 0};
    const noded_targets targets = {.application = ctl->options.application, .nodes = &id, .n_nodes = 1};
    int r = noded_client_clear (ctl->client, &targets, release, &orders);
    if (r != 0)
        return ctl_fail (ctl, r);
    if (!orders.count || orders.items->status != NODED_STATUS_OK)
        return ctl_error (ctl, "%s: %s", id,
                          orders.count && orders.items->reason ? orders.items->reason : "no order was made");
    bool done = clear_is_done (ctl, id, orders.items->epoch);
    if (ctl->options.json)
        return ctl_print_json (ctl, noded_orders_json (orders.items, orders.count));
    ctl_text_put (ctl->out, id);
    (void) fprintf (ctl->out,
                    done ? "  cleared %s\n" : "  ordered to clear %s; the node has not cleared it yet\n",
                    release ? release : "every release");
    return CTL_OK;
}

enum ctl_exit ctl_quarantine (struct ctl *ctl)
{
    static const char *const verbs[] = {"list", "clear", NULL};
    const char *verb = ctl->words[0], *id = ctl->words[1];
    bool list = strcmp (verb, "list") == 0;
    if (!list && strcmp (verb, "clear") != 0) {
        const char *nearest = ctl_word_nearest (verb, verbs);
        return ctl_misused (ctl, "quarantine has no command \"%s\"%s%s%s", verb,
                            nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
    }
    if (list && ctl->n_words > 2)
        return ctl_misused (ctl, "quarantine list accepts one node");
    base_cleanup (noded_nodes_free) noded_nodes nodes = {.count = 0};
    int code = ctl_node_find (ctl, id, &nodes);
    if (code != CTL_OK)
        return code;
    base_cleanup (noded_failures_free) noded_failures failures = {.count = 0};
    int r = noded_client_quarantine (ctl->client, ctl->options.application, id, &failures);
    if (r != 0)
        return ctl_fail (ctl, r);
    if (list && ctl->options.json)
        return ctl_print_json (ctl, noded_failures_json (failures.items, failures.count));
    if (list) {
        ctl_quarantine_print (ctl->out, failures.items, failures.count, ctl->width);
        return CTL_OK;
    }
    char release[65];
    if (ctl->n_words > 2) {
        code = ctl_release_find (ctl, ctl->words[2], failures.items, failures.count, release);
        if (code != CTL_OK)
            return code;
    }
    return quarantine_clear (ctl, id, ctl->n_words > 2 ? release : NULL);
}

enum ctl_exit ctl_backup (struct ctl *ctl)
{
    base_assert (ctl->n_words == 1);
    char size[CTL_SPAN_SIZE], digest[65], head[65];
    const char *path = ctl->words[0];
    noded_backup made;
    int r = noded_client_backup (ctl->client, path, ctl->options.force, &made);
    if (r == -EEXIST)
        return ctl_error (ctl, "cannot write %s: the file exists; choose another name, or give --force",
                          path);
    if (r < 0)
        return ctl_fail (ctl, r);
    if (ctl->options.json)
        return ctl_print_json (ctl, noded_backup_json (&made));
    ctl_text_put (ctl->out, path);
    (void) fprintf (ctl->out, "  %s  %s\n", ctl_size_format (made.size, size),
                    noded_digest_text (&made.blob, digest));
    noded_digest_text (&made.fleet_head, head);
    (void) fprintf (ctl->out, "%" PRIu64 " journal heads; fleet hash %s\n", made.heads, *head ? head : "-");
    return CTL_OK;
}

static void event_print (struct ctl *ctl, const noded_event *event)
{
    base_assert (event && event->json);
    base_cleanup (base_free_p) char *line = NULL;
    if (ctl->options.json)
        (void) ctl_print_json (ctl, strdup (event->json));
    else {
        line = event->rollout_event ? ctl_rollout_event_line (event->rollout_event)
               : event->node_event  ? ctl_event_line (event->node_event)
                                    : NULL;
        ctl_line_put (ctl->out, line ? line : event->json, ctl->width);
    }
    (void) fputc ('\n', ctl->out);
    (void) fflush (ctl->out);
}

enum ctl_exit ctl_events (struct ctl *ctl)
{
    enum { EVENTS_WAIT_MS = 3600000 };
    uint64_t started_ms = base_time_boot_ms (), timeout_ms = ctl->options.timeout_ms;
    for (uint64_t seen = 0; !ctl->options.count || seen < ctl->options.count;) {
        base_cleanup (noded_event_free) noded_event event = {.json = NULL};
        uint64_t passed_ms = base_time_boot_ms () - started_ms;
        if (timeout_ms && passed_ms >= timeout_ms)
            return ctl->options.count ? CTL_TIMEOUT : CTL_OK;
        int r =
            noded_client_event (ctl->client, timeout_ms ? timeout_ms - passed_ms : EVENTS_WAIT_MS, &event);
        if (r == -EAGAIN)
            continue;
        if (r < 0)
            return ctl_fail (ctl, r);
        event_print (ctl, &event);
        seen++;
        if (ferror (ctl->out))
            return ctl_error (ctl, "cannot write to standard output");
    }
    return CTL_OK;
}
