/* SPDX-License-Identifier: MPL-2.0 */
/*  ctl/progress.c - progress of nodes with an order */

#include "ctl/progress.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "ctl/ctl.h"
#include "ctl/text.h"
#include "ctl/words.h"

enum { NEWS_PERCENT = 25 /* plain lines report a download in steps of this size */ };

static int target_order (const void *a, const void *b)
{
    return strcmp (((const struct ctl_target *) a)->id, ((const struct ctl_target *) b)->id);
}

static void target_end (struct ctl_progress *progress, struct ctl_target *target, const char *outcome,
                        const char *step, const char *reason, uint64_t now_ms)
{
    target->outcome = strdup (outcome);
    target->step = strdup (step);
    target->reason = strdup (reason);
    target->good = ctl_outcome_is_good (outcome, progress->revert);
    target->ended = true;
    target->superseded = false;
    target->ended_ms = now_ms;
    progress->left--;
}

void ctl_progress_deinit (struct ctl_progress *progress)
{
    for (size_t i = 0; i < progress->count; i++) {
        struct ctl_target *target = &progress->targets[i];
        free (target->id);
        free (target->shown);
        free (target->outcome);
        free (target->step);
        free (target->reason);
        json_decref (target->order);
        json_decref (target->node);
    }
    free (progress->targets);
    *progress = (struct ctl_progress){.count = 0};
}

int ctl_progress_init (struct ctl_progress *progress, const json_t *orders, bool revert, uint64_t now_ms)
{
    size_t count = json_array_size (orders), i;
    json_t *order;
    *progress = (struct ctl_progress){.revert = revert, .begun_ms = now_ms};
    progress->targets = calloc (count ? count : 1, sizeof *progress->targets);
    if (!progress->targets)
        return -ENOMEM;
    json_array_foreach (orders, i, order)
    {
        struct ctl_target *target = &progress->targets[progress->count];
        target->id = strdup (ctl_json_text (order, "node"));
        if (!target->id) {
            ctl_progress_deinit (progress);
            return -ENOMEM;
        }
        progress->count++;
        progress->left++;
        target->order = json_incref (order);
        target->epoch = ctl_json_uint (order, "epoch");
        size_t width = ctl_text_width (target->id);
        if (width > progress->width)
            progress->width = width;
        const char *status = ctl_json_text (order, "status");
        if (strcmp (status, "ok") != 0)
            target_end (progress, target, "refused", "order", ctl_json_text (order, "reason"), now_ms);
        else if (!target->epoch)
            target_end (progress, target, "nothing", "order", ctl_json_text (order, "reason"), now_ms);
    }
    qsort (progress->targets, progress->count, sizeof *progress->targets, target_order);
    return 0;
}

static void target_hear (struct ctl_progress *progress, struct ctl_target *target, json_t *node,
                         uint64_t now_ms)
{
    json_decref (target->node);
    target->node = json_incref (node);
    target->present = true;
    if (target->ended)
        return;
    uint64_t desired = ctl_json_uint (node, "desired_epoch");
    const char *outcome = ctl_json_text (node, "outcome");
    if (desired == target->epoch && *outcome)
        target_end (progress, target, outcome, ctl_json_text (node, "outcome_step"),
                    ctl_json_text (node, "outcome_reason"), now_ms);
    else if (desired == target->epoch && !progress->revert && *ctl_json_text (node, "retry") &&
             strcmp (ctl_json_text (node, "transaction"), ctl_json_text (target->order, "transaction")) ==
                 0) {
        /*  The node keeps the order and tries it again automatically, perhaps much later: do not wait. */
        const json_t *failure = json_object_get (node, "last_error");
        char time[CTL_TIME_SIZE];
        base_cleanup (base_free_p) char *reason =
            base_text_printf ("%s; it is tried again automatically at %s", ctl_json_text (failure, "reason"),
                              ctl_time_format (ctl_json_text (node, "retry"), time));
        target_end (progress, target, "unfit", ctl_json_text (failure, "step"), reason ? reason : "", now_ms);
    } else if (desired > target->epoch)
        target->superseded = true;
}

void ctl_progress_hear (struct ctl_progress *progress, const json_t *nodes, bool full, uint64_t now_ms)
{
    size_t i;
    json_t *node;
    for (i = 0; i < progress->count; i++)
        progress->targets[i].present = false;
    json_array_foreach (nodes, i, node)
    {
        struct ctl_target key = {.id = (char *) ctl_json_text (node, "id")};
        struct ctl_target *target =
            bsearch (&key, progress->targets, progress->count, sizeof key, target_order);
        if (target)
            target_hear (progress, target, node, now_ms);
    }
    for (i = 0; full && i < progress->count; i++) {
        struct ctl_target *target = &progress->targets[i];
        if (!target->present && !target->ended)
            target_end (progress, target, "unknown", "", "the node is not in the broker's records any more",
                        now_ms);
    }
}

void ctl_progress_reports (struct ctl_progress *progress, struct ctl_target *target, const json_t *told,
                           uint64_t now_ms)
{
    const json_t *ending = NULL, *report;
    size_t i;
    if (target->ended)
        return;
    json_array_foreach (told, i, report) if (ctl_json_uint (report, "epoch") == target->epoch &&
                                             ctl_outcome_ends (ctl_json_text (report, "outcome"))) ending =
        report;
    if (ending) {
        target_end (progress, target, ctl_json_text (ending, "outcome"), ctl_json_text (ending, "step"),
                    ctl_json_text (ending, "reason"), now_ms);
        return;
    }
    /*  The node has carried out a later order and reported no end of ours: no such report will come. */
    uint64_t carried = ctl_json_uint (target->node, "epoch"),
             desired = ctl_json_uint (target->node, "desired_epoch");
    if (carried >= desired) {
        base_cleanup (base_free_p) char *reason = base_text_printf ("replaced by order %" PRIu64, desired);
        target_end (progress, target, "superseded", "order", reason ? reason : "", now_ms);
    }
}

/*  "fetching 45%", "offline, last seen ...", "confirmed". percent: downloads are rounded down to
    multiples. */
static char *target_text (const struct ctl_progress *progress, const struct ctl_target *target,
                          unsigned percent)
{
    if (target->ended) {
        const char *step = target->step, *reason = target->reason;
        if (target->good)
            return base_text_printf ("%s", progress->revert || strcmp (target->outcome, "confirmed") != 0
                                               ? ctl_outcome_words (target->outcome)
                                               : "confirmed");
        return base_text_printf ("%s%s%s%s%s", target->outcome, step && *step ? " in " : "", step ? step : "",
                                 reason && *reason ? ": " : "", reason ? reason : "");
    }
    if (!target->node)
        return base_text_printf ("ordered");
    char time[CTL_TIME_SIZE];
    const char *state = ctl_json_text (target->node, "state");
    if (!ctl_json_flag (target->node, "online")) {
        ctl_time_format (ctl_json_text (target->node, "last_seen"), time);
        if (!*state || strcmp (state, "idle") == 0)
            return base_text_printf ("offline, last seen %s", time);
        return base_text_printf ("%s, offline, last seen %s", state, time);
    }
    uint64_t done = ctl_json_uint (target->node, "done"), total = ctl_json_uint (target->node, "total");
    if (strcmp (state, "fetching") == 0 && total) {
        unsigned share = done >= total ? 100 : (unsigned) ((double) done * 100 / (double) total);
        return base_text_printf ("fetching %u%%", share / percent * percent);
    }
    if (!*state || strcmp (state, "idle") == 0)
        return base_text_printf ("ordered, not started yet");
    const char *words = ctl_state_words (state);
    return base_text_printf ("%s%s%s", state, *words ? ": " : "", words);
}

static char *line_format (const struct ctl_progress *progress, const struct ctl_target *target,
                          const char *text, uint64_t now_ms)
{
    char span[CTL_SPAN_SIZE];
    uint64_t end_ms = target->ended ? target->ended_ms : now_ms;
    ctl_span_format (end_ms > progress->begun_ms ? end_ms - progress->begun_ms : 0, span);
    int pad = (int) (progress->width - ctl_text_width (target->id));
    return base_text_printf ("%s%*s  %7s  %s", target->id, pad, "", span, text);
}

char *ctl_progress_line (const struct ctl_progress *progress, const struct ctl_target *target,
                         uint64_t now_ms)
{
    base_cleanup (base_free_p) char *text = target_text (progress, target, 1);
    return text ? line_format (progress, target, text, now_ms) : NULL;
}

char *ctl_progress_news (const struct ctl_progress *progress, struct ctl_target *target, uint64_t now_ms)
{
    char *text = target_text (progress, target, NEWS_PERCENT);
    if (!text || (target->shown && strcmp (text, target->shown) == 0)) {
        free (text);
        return NULL;
    }
    free (target->shown);
    target->shown = text;
    return line_format (progress, target, text, now_ms);
}

void ctl_progress_print (const struct ctl_progress *progress, FILE *out)
{
    base_cleanup (ctl_table_deinit) struct ctl_table table = {.columns = 4};
    static const char *const titles[] = {"NODE", "OUTCOME", "STEP", "REASON"};
    for (size_t i = 0; i < 4; i++)
        ctl_table_cell (&table, titles[i]);
    for (size_t i = 0; i < progress->count; i++) {
        const struct ctl_target *target = &progress->targets[i];
        base_cleanup (base_free_p) char *text = target->ended ? NULL : target_text (progress, target, 1);
        ctl_table_cell (&table, target->id);
        ctl_table_cell (&table, target->ended ? target->outcome : "under way");
        const char *state = ctl_json_text (target->node, "state");
        ctl_table_cell (&table, target->ended ? target->step : strcmp (state, "idle") != 0 ? state : "");
        ctl_table_cell (&table, target->ended ? target->reason : text);
    }
    ctl_table_print (&table, out, 0);
}

char *ctl_progress_left (const struct ctl_progress *progress)
{
    base_cleanup (base_buffer_deinit) struct base_buffer list = {.size = 0};
    for (size_t i = 0; i < progress->count; i++) {
        const struct ctl_target *target = &progress->targets[i];
        if (target->ended)
            continue;
        base_cleanup (base_free_p) char *text = target_text (progress, target, 1);
        if (base_buffer_printf (&list, "%s%s: %s", list.size ? "; " : "", target->id, text ? text : "") != 0)
            return NULL;
    }
    return base_buffer_take_text (&list);
}

json_t *ctl_progress_json (const struct ctl_progress *progress)
{
    json_t *list = json_array ();
    for (size_t i = 0; i < progress->count; i++) {
        const struct ctl_target *target = &progress->targets[i];
        bool ended = target->ended;
        json_t *row =
            json_pack ("{s:s, s:b, s:b, s:s?, s:s?, s:s?, s:I}", "node", target->id, "ended", ended, "good",
                       target->good, "outcome", target->outcome, "step", ended ? target->step : NULL,
                       "reason", ended ? target->reason : NULL, "epoch", (json_int_t) target->epoch);
        static const char *const copied[] = {"transaction", "release", "version"};
        for (size_t j = 0; row && j < sizeof copied / sizeof *copied; j++)
            (void) json_object_set (row, copied[j], json_object_get (target->order, copied[j]));
        if (!row || json_array_append_new (list, row) != 0) {
            json_decref (list);
            return NULL;
        }
    }
    return list;
}

int ctl_progress_code (const struct ctl_progress *progress)
{
    if (progress->left)
        return CTL_TIMEOUT;
    for (size_t i = 0; i < progress->count; i++)
        if (!progress->targets[i].good)
            return CTL_FAILED;
    return CTL_OK;
}
