/* SPDX-License-Identifier: MPL-2.0 */
/*  ctl/records.c - commands that read the broker's records: releases, nodes, status, why, backup, events; and
    withdraw and quarantine, which change them */

#include "ctl/ctl.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "ctl/rollout.h"
#include "ctl/rollout_follow.h"
#include "ctl/text.h"
#include "ctl/words.h"

enum { PREFIX_LEAST = 6, DIGEST_LENGTH = 64, CLEAR_WAIT_MS = 3000 };

int ctl_node_find (struct ctl *ctl, const char *id, json_t **ret_node)
{
    base_cleanup (ctl_json_free_p) json_t *nodes = NULL;
    char *text;
    int rc = noded_client_nodes (ctl->client, ctl->options.application, &id, 1, 0, 0, NULL, &text);
    if (rc != 0 && rc != -ENOENT)
        return ctl_fail (ctl, rc);
    int code = rc == 0 ? ctl_read_json (ctl, text, &nodes) : CTL_OK;
    if (code != CTL_OK)
        return code;
    json_t *node = json_array_get (nodes, 0);
    if (!node)
        return ctl_tell (ctl, "the broker does not know node \"%s\": see nodectl nodes", id);
    *ret_node = json_incref (node);
    return CTL_OK;
}

static bool name_is_prefix (const char *name)
{
    size_t length = strlen (name);
    return length >= PREFIX_LEAST && length <= DIGEST_LENGTH && strspn (name, "0123456789abcdef") == length;
}

/*  Counts the digests of a list that begin with name; *ret_first is set to the first one. A digest equal to
    the first is not counted again. */
static size_t release_count (const json_t *list, const char *name, const json_t **ret_first)
{
    size_t i, count = 0;
    const json_t *item;
    json_array_foreach (list, i, item)
    {
        const char *digest = ctl_json_text (item, "release");
        if (strlen (digest) != DIGEST_LENGTH || strncmp (digest, name, strlen (name)) != 0)
            continue;
        if (!count)
            *ret_first = item;
        if (!count || strcmp (digest, ctl_json_text (*ret_first, "release")) != 0)
            count++;
    }
    return count;
}

static int release_choose (struct ctl *ctl, const json_t *list, const char *name, char ret_release[65],
                           bool *ret_done)
{
    const json_t *first = NULL;
    size_t count = release_count (list, name, &first);
    *ret_done = count != 0;
    if (count > 1)
        return ctl_tell (ctl, "%zu releases begin with %s: give more digits", count, name);
    if (count == 1)
        (void) base_text_copy (ret_release, DIGEST_LENGTH + 1, ctl_json_text (first, "release"));
    return CTL_OK;
}

/*  The id of a node whose release, or previous release, begins with name; NULL: there is none. */
static const char *release_node (const json_t *nodes, const char *name)
{
    size_t i;
    const json_t *node;
    json_array_foreach (nodes, i, node)
    {
        const char *const digests[] = {ctl_json_text (node, "release"),
                                       ctl_json_text (json_object_get (node, "previous"), "release")};
        for (size_t j = 0; j < 2; j++)
            if (*digests[j] && strncmp (digests[j], name, strlen (name)) == 0)
                return ctl_json_text (node, "id");
    }
    return NULL;
}

/*  nodectl nodes also shows releases that nodes were installed with and that were never published. The error
    then names such a node. */
static int release_missing (struct ctl *ctl, const char *name)
{
    base_cleanup (ctl_json_free_p) json_t *nodes = NULL;
    char *text;
    int rc = noded_client_nodes (ctl->client, ctl->options.application, NULL, 0, 0, 0, NULL, &text);
    int code = rc == 0 ? ctl_read_json (ctl, text, &nodes) : ctl_fail (ctl, rc);
    if (code != CTL_OK)
        return code;
    const char *node = release_node (nodes, name);
    if (node)
        return ctl_tell (
            ctl,
            "release %s is not published at this broker; node %s has it as its current or previous "
            "release. Publish it with nodectl publish",
            name, node);
    return ctl_tell (ctl, "no release begins with %s: see nodectl releases", name);
}

int ctl_release_find (struct ctl *ctl, const char *name, const json_t *candidates, char ret_release[65])
{
    base_cleanup (base_free_p) char *lower = strdup (name);
    if (!lower)
        return ctl_tell (ctl, "out of memory");
    for (char *at = lower; *at; at++)
        if (*at >= 'A' && *at <= 'F')
            *at = (char) (*at - 'A' + 'a');
    if (!name_is_prefix (lower) || (strlen (lower) == DIGEST_LENGTH && strspn (lower, "0") == DIGEST_LENGTH))
        return ctl_misused (ctl, "\"%s\" is not a release; give the digest, or at least its first %d digits",
                            name, PREFIX_LEAST);
    if (strlen (lower) == DIGEST_LENGTH)
        return base_text_copy (ret_release, DIGEST_LENGTH + 1, lower) == 0 ? CTL_OK : CTL_FAILED;
    bool done;
    int code = release_choose (ctl, candidates, lower, ret_release, &done);
    if (code != CTL_OK || done)
        return code;
    char *text;
    int rc = noded_client_releases (ctl->client, NULL, &text);
    if (rc != 0)
        return ctl_fail (ctl, rc);
    base_cleanup (ctl_json_free_p) json_t *releases = NULL;
    code = ctl_read_json (ctl, text, &releases);
    if (code == CTL_OK)
        code = release_choose (ctl, releases, lower, ret_release, &done);
    if (code == CTL_OK && !done)
        return release_missing (ctl, lower);
    return code;
}

int ctl_releases (struct ctl *ctl)
{
    char *text;
    int rc = noded_client_releases (ctl->client, ctl->options.application, &text);
    if (rc != 0)
        return ctl_fail (ctl, rc);
    if (ctl->options.json)
        return ctl_print_json (ctl, text);
    base_cleanup (ctl_json_free_p) json_t *releases = NULL;
    int code = ctl_read_json (ctl, text, &releases);
    if (code == CTL_OK)
        ctl_releases_print (ctl->out, releases, ctl->width);
    return code;
}

int ctl_withdraw (struct ctl *ctl)
{
    char release[65];
    int code = ctl_release_find (ctl, ctl->words[0], NULL, release);
    if (code != CTL_OK)
        return code;
    int rc = noded_client_withdraw (ctl->client, release);
    if (rc != 0)
        return ctl_fail (ctl, rc);
    if (ctl->options.json)
        (void) fprintf (ctl->out, "{\"release\": \"%s\", \"withdrawn\": true}\n", release);
    else
        (void) fprintf (ctl->out, "withdrawn %s\n", release);
    return CTL_OK;
}

int ctl_nodes (struct ctl *ctl)
{
    char *text;
    const char *selector = ctl->options.select;
    if (selector && ctl->n_words)
        return ctl_misused (ctl, "name nodes or give --select, not both");
    int rc = selector ? noded_client_nodes_selected (ctl->client, ctl->options.application, selector, &text)
                      : noded_client_nodes (ctl->client, ctl->options.application,
                                            ctl->n_words ? (const char *const *) ctl->words : NULL,
                                            ctl->n_words, 0, 0, NULL, &text);
    if (rc == -EINVAL && selector)
        return ctl_misused (ctl, "%s", noded_client_error (ctl->client));
    if (rc != 0)
        return ctl_fail (ctl, rc);
    if (ctl->options.json)
        return ctl_print_json (ctl, text);
    base_cleanup (ctl_json_free_p) json_t *nodes = NULL;
    int code = ctl_read_json (ctl, text, &nodes);
    if (code != CTL_OK)
        return code;
    ctl_nodes_print (ctl->out, nodes, ctl->width);
    if (json_array_size (nodes) < ctl->n_words)
        return ctl_tell (ctl, "the broker does not know all of these nodes");
    return CTL_OK;
}

int ctl_status (struct ctl *ctl)
{
    base_cleanup (ctl_json_free_p) json_t *node = NULL;
    int code = ctl_node_find (ctl, ctl->words[0], &node);
    if (code != CTL_OK)
        return code;
    if (ctl->options.json)
        (void) ctl_print_value (ctl, node);
    else
        ctl_status_print (ctl->out, node);
    return CTL_OK;
}

/*  Handles the word as a rollout, unless a node has this id: *ret_done is false then. */
static int why_rollout (struct ctl *ctl, bool *ret_done)
{
    base_cleanup (ctl_json_free_p) json_t *rollout = NULL;
    const char *word = ctl->words[0];
    char *text;
    *ret_done = false;
    int rc = noded_client_nodes (ctl->client, NULL, &word, 1, 0, 0, NULL, &text);
    if (rc == 0)
        free (text);
    if (rc != -ENOENT)
        return rc == 0 ? CTL_OK : ctl_fail (ctl, rc);
    *ret_done = true;
    int code = ctl_rollout_find (ctl, word, true, &rollout);
    return code == CTL_OK ? ctl_rollout_why (ctl, rollout) : code;
}

int ctl_why (struct ctl *ctl)
{
    if (ctl_rollout_is_id (ctl->words[0])) {
        bool done;
        int found = why_rollout (ctl, &done);
        if (done || found != CTL_OK)
            return found;
    }
    base_cleanup (ctl_json_free_p) json_t *node = NULL;
    base_cleanup (ctl_json_free_p) json_t *told = NULL;
    int code = ctl_node_find (ctl, ctl->words[0], &node);
    if (code != CTL_OK)
        return code;
    char *text;
    int rc = noded_client_why (ctl->client, ctl->options.application, ctl->words[0], &text);
    if (rc != 0)
        return ctl_fail (ctl, rc);
    if (ctl->options.json)
        return ctl_print_json (ctl, text);
    code = ctl_read_json (ctl, text, &told);
    if (code == CTL_OK)
        ctl_why_print (ctl->out, node, told);
    return code;
}

/*  Waits up to CLEAR_WAIT_MS until the node has cleared its quarantine, so that a following `quarantine list`
    shows it. Returns false if the node has not done it, is offline, or the broker fails. The order stays in
    any case. */
static bool clear_is_done (struct ctl *ctl, const char *id, uint64_t epoch)
{
    uint64_t last_ms = base_time_boot_ms () + CLEAR_WAIT_MS, now_ms, revision = 0;
    while ((now_ms = base_time_boot_ms ()) < last_ms) {
        base_cleanup (ctl_json_free_p) json_t *nodes = NULL;
        char *text;
        if (noded_client_nodes (ctl->client, ctl->options.application, &id, 1, revision, last_ms - now_ms,
                                &revision, &text) != 0 ||
            ctl_read_json (ctl, text, &nodes) != CTL_OK)
            return false;
        const json_t *node = json_array_get (nodes, 0);
        if (node && ctl_json_uint (node, "epoch") >= epoch)
            return true;
        if (node && !ctl_json_flag (node, "online"))
            return false;
    }
    return false;
}

static int quarantine_clear (struct ctl *ctl, const char *id, const char *release)
{
    base_cleanup (ctl_json_free_p) json_t *orders = NULL;
    char *text;
    int rc = noded_client_clear (ctl->client, ctl->options.application, &id, 1, release, &text);
    if (rc != 0)
        return ctl_fail (ctl, rc);
    int code = ctl_read_json (ctl, text, &orders);
    if (code != CTL_OK)
        return code;
    const json_t *order = json_array_get (orders, 0);
    if (strcmp (ctl_json_text (order, "status"), "ok") != 0)
        return ctl_tell (ctl, "%s: %s", id,
                         *ctl_json_text (order, "reason") ? ctl_json_text (order, "reason")
                                                          : "no order was made");
    bool done = clear_is_done (ctl, id, ctl_json_uint (order, "epoch"));
    if (ctl->options.json)
        (void) ctl_print_value (ctl, orders);
    else {
        ctl_text_put (ctl->out, id);
        (void) fprintf (ctl->out,
                        done ? "  cleared %s\n" : "  ordered to clear %s; the node has not cleared it yet\n",
                        release ? release : "every release");
    }
    return CTL_OK;
}

int ctl_quarantine (struct ctl *ctl)
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
    base_cleanup (ctl_json_free_p) json_t *node = NULL;
    int code = ctl_node_find (ctl, id, &node);
    if (code != CTL_OK)
        return code;
    const json_t *failures = json_object_get (node, "quarantine");
    if (list && ctl->options.json)
        (void) ctl_print_value (ctl, failures);
    else if (list)
        ctl_quarantine_print (ctl->out, failures, ctl->width);
    if (list)
        return CTL_OK;
    char release[65];
    if (ctl->n_words > 2) {
        code = ctl_release_find (ctl, ctl->words[2], failures, release);
        if (code != CTL_OK)
            return code;
    }
    return quarantine_clear (ctl, id, ctl->n_words > 2 ? release : NULL);
}

int ctl_backup (struct ctl *ctl)
{
    char *text, size[CTL_SPAN_SIZE];
    const char *path = ctl->words[0];
    int rc = noded_client_backup (ctl->client, path, ctl->options.force, &text);
    if (rc == -EEXIST)
        return ctl_tell (ctl, "cannot write %s: the file exists; choose another name, or give --force", path);
    if (rc != 0)
        return ctl_fail (ctl, rc);
    if (ctl->options.json)
        return ctl_print_json (ctl, text);
    base_cleanup (ctl_json_free_p) json_t *made = NULL;
    int code = ctl_read_json (ctl, text, &made);
    if (code != CTL_OK)
        return code;
    ctl_text_put (ctl->out, path);
    (void) fprintf (ctl->out, "  %s  %s\n", ctl_size_format (ctl_json_uint (made, "size"), size),
                    ctl_json_text (made, "content"));
    (void) fprintf (ctl->out, "%" PRIu64 " journal heads; fleet hash %s\n", ctl_json_uint (made, "heads"),
                    ctl_json_text (made, "fleet_head"));
    return CTL_OK;
}

static void event_print (struct ctl *ctl, const char *text)
{
    base_cleanup (ctl_json_free_p) json_t *event = json_loads (text, 0, NULL);
    bool rolled = json_is_object (json_object_get (event, "turn"));
    base_cleanup (base_free_p) char *line = NULL;
    if (event && !ctl->options.json)
        line = rolled ? ctl_rolled_line (event) : ctl_event_line (event);
    if (ctl->options.json && event) /* with --json, an event that is not JSON is not printed */
        (void) ctl_print_json (ctl, strdup (text));
    else if (!ctl->options.json)
        ctl_line_put (ctl->out, line ? line : text, ctl->width);
    else
        return;
    (void) fputc ('\n', ctl->out);
    (void) fflush (ctl->out);
}

int ctl_events (struct ctl *ctl)
{
    enum { EVENTS_WAIT_MS = 3600000 };
    uint64_t begun_ms = base_time_boot_ms (), timeout_ms = ctl->options.timeout_ms;
    for (uint64_t seen = 0; !ctl->options.count || seen < ctl->options.count;) {
        uint64_t passed_ms = base_time_boot_ms () - begun_ms;
        if (timeout_ms && passed_ms >= timeout_ms)
            return ctl->options.count ? CTL_TIMEOUT : CTL_OK;
        char *topic, *text;
        int rc = noded_client_event (ctl->client, timeout_ms ? timeout_ms - passed_ms : EVENTS_WAIT_MS,
                                     &topic, &text);
        if (rc == -EAGAIN)
            continue;
        if (rc != 0)
            return ctl_fail (ctl, rc);
        event_print (ctl, text);
        free (topic);
        free (text);
        seen++;
        if (ferror (ctl->out))
            return ctl_tell (ctl, "cannot write to standard output");
    }
    return CTL_OK;
}
