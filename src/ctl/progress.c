/* SPDX-License-Identifier: MPL-2.0 */
/*  ctl/progress.c - progress of nodes with an order */

#include "ctl/progress.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
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

/*  Compares an id with a target, for bsearch. */
static int target_compare (const void *id, const void *target)
{
    return strcmp (id, ((const struct ctl_target *) target)->id);
}

/*  word: of the outcome. step and reason may be NULL. */
static void target_end (struct ctl_progress *progress, struct ctl_target *target, const char *word,
                        bool succeeded, const char *step, const char *reason, uint64_t now_ms)
{
    base_assert (!target->ended && progress->left > 0);
    base_assert (word);
    target->outcome = strdup (word);
    target->step = step ? strdup (step) : NULL;
    target->reason = reason ? strdup (reason) : NULL;
    target->succeeded = succeeded;
    target->ended = true;
    target->superseded = false;
    target->ended_ms = now_ms;
    progress->left--;
}

static void target_end_outcome (struct ctl_progress *progress, struct ctl_target *target,
                                enum noded_outcome outcome, const char *step, const char *reason,
                                uint64_t now_ms)
{
    base_assert (target);
    target_end (progress, target, noded_outcome_word (outcome),
                ctl_outcome_is_good (outcome, progress->revert), step, reason, now_ms);
}

void ctl_progress_deinit (struct ctl_progress *progress)
{
    base_assert (progress->targets || progress->count == 0);
    for (size_t i = 0; i < progress->count; i++) {
        struct ctl_target *target = &progress->targets[i];
        free (target->id);
        free (target->shown);
        free (target->outcome);
        free (target->step);
        free (target->reason);
    }
    free (progress->targets);
    *progress = (struct ctl_progress){.count = 0};
}

int ctl_progress_init (struct ctl_progress *progress, const noded_orders *orders, bool revert,
                       uint64_t now_ms)
{
    base_assert (progress && orders);
    base_assert (orders->items || orders->count == 0);
    *progress = (struct ctl_progress){.revert = revert, .started_ms = now_ms};
    progress->targets = calloc (orders->count ? orders->count : 1, sizeof *progress->targets);
    if (!progress->targets)
        return -ENOMEM;
    for (size_t i = 0; i < orders->count; i++) {
        const noded_order *order = &orders->items[i];
        struct ctl_target *target = &progress->targets[progress->count];
        target->id = strdup (order->node);
        if (!target->id) {
            ctl_progress_deinit (progress);
            return -ENOMEM;
        }
        progress->count++;
        progress->left++;
        target->order = order;
        target->epoch = order->epoch;
        size_t width = ctl_text_width (target->id);
        if (width > progress->width)
            progress->width = width;
        if (order->status != NODED_STATUS_OK)
            target_end_outcome (progress, target, NODED_OUTCOME_REFUSED, "order", order->reason, now_ms);
        else if (!target->epoch)
            target_end_outcome (progress, target, NODED_OUTCOME_NOTHING, "order", order->reason, now_ms);
    }
    qsort (progress->targets, progress->count, sizeof *progress->targets, target_order);
    return 0;
}

/*  The node keeps the order and tries it again automatically, perhaps much later: following ends. */
static void target_end_unfit (struct ctl_progress *progress, struct ctl_target *target,
                              const noded_application *application, uint64_t now_ms)
{
    base_assert (application);
    const noded_failure *failure = application->last_error;
    char time[CTL_TIME_SIZE];
    base_cleanup (base_free_p) char *reason =
        base_text_printf ("%s; it is tried again automatically at %s", failure ? failure->reason : "",
                          ctl_time_format (application->retry, time));
    target_end (progress, target, noded_state_word (NODED_STATE_UNFIT), false, failure ? failure->step : NULL,
                reason, now_ms);
}

static void target_hear (struct ctl_progress *progress, struct ctl_target *target, const noded_node *node,
                         uint64_t now_ms)
{
    base_assert (node && node->id);
    const noded_application *application = ctl_application (node);
    target->present = true;
    target->node.known = true;
    target->node.online = node->online;
    target->node.state = application->state;
    target->node.done = application->done;
    target->node.total = application->total;
    target->node.epoch = application->epoch;
    target->node.desired_epoch = node->desired_epoch;
    (void) snprintf (target->node.last_seen, sizeof target->node.last_seen, "%s", ctl_text (node->last_seen));
    if (target->ended)
        return;
    if (node->desired_epoch == target->epoch && node->outcome)
        target_end_outcome (progress, target, node->outcome, node->outcome_step, node->outcome_reason,
                            now_ms);
    else if (node->desired_epoch == target->epoch && node->outcome_word)
        target_end (progress, target, node->outcome_word, false, node->outcome_step, node->outcome_reason,
                    now_ms);
    else if (node->desired_epoch == target->epoch && !progress->revert && application->retry &&
             strcmp (ctl_text (application->transaction), ctl_text (target->order->transaction)) == 0)
        target_end_unfit (progress, target, application, now_ms);
    else if (node->desired_epoch > target->epoch)
        target->superseded = true;
}

void ctl_progress_hear (struct ctl_progress *progress, const noded_nodes *nodes, bool full, uint64_t now_ms)
{
    base_assert (progress->targets || progress->count == 0);
    base_assert (nodes->items || nodes->count == 0);
    for (size_t i = 0; i < progress->count; i++)
        progress->targets[i].present = false;
    for (size_t i = 0; i < nodes->count; i++) {
        struct ctl_target *target = bsearch (nodes->items[i].id, progress->targets, progress->count,
                                             sizeof *progress->targets, target_compare);
        if (target)
            target_hear (progress, target, &nodes->items[i], now_ms);
    }
    for (size_t i = 0; full && i < progress->count; i++) {
        struct ctl_target *target = &progress->targets[i];
        if (!target->present && !target->ended)
            target_end (progress, target, "unknown", false, NULL,
                        "the node is not in the broker's records any more", now_ms);
    }
}

void ctl_progress_reports (struct ctl_progress *progress, struct ctl_target *target,
                           const noded_reports *reports, uint64_t now_ms)
{
    base_assert (target >= progress->targets && target < progress->targets + progress->count);
    const noded_report *ending = NULL;
    if (target->ended)
        return;
    for (size_t i = 0; i < reports->count; i++)
        if (reports->items[i].epoch == target->epoch && ctl_outcome_ends (reports->items[i].outcome))
            ending = &reports->items[i];
    if (ending) {
        target_end_outcome (progress, target, ending->outcome, ending->step, ending->reason, now_ms);
        return;
    }
    /*  The node has carried out a later order and reported no end of ours: no such report will come. */
    if (target->node.epoch >= target->node.desired_epoch) {
        base_cleanup (base_free_p) char *reason =
            base_text_printf ("replaced by order %" PRIu64, target->node.desired_epoch);
        target_end (progress, target, "superseded", false, "order", reason, now_ms);
    }
}

/*  Of a target that has ended. */
static char *ended_text (const struct ctl_progress *progress, const struct ctl_target *target)
{
    base_assert (target->ended);
    const char *step = ctl_text (target->step), *reason = ctl_text (target->reason);
    if (!target->succeeded)
        return base_text_printf ("%s%s%s%s%s", ctl_text (target->outcome), *step ? " in " : "", step,
                                 *reason ? ": " : "", reason);
    if (strcmp (ctl_text (target->outcome), noded_outcome_word (NODED_OUTCOME_NOTHING)) == 0)
        return base_text_printf ("%s", ctl_outcome_words (NODED_OUTCOME_NOTHING));
    return base_text_printf ("%s", progress->revert ? ctl_outcome_words (NODED_OUTCOME_REVERTED)
                                                    : ctl_text (target->outcome));
}

/*  "fetching 45%", "offline, last seen ...", "confirmed". percent: downloads are rounded down to
    multiples. */
static char *target_text (const struct ctl_progress *progress, const struct ctl_target *target,
                          unsigned percent)
{
    base_assert (percent > 0 && percent <= 100);
    if (target->ended)
        return ended_text (progress, target);
    if (!target->node.known)
        return base_text_printf ("ordered");
    char time[CTL_TIME_SIZE];
    bool idle = !target->node.state || target->node.state == NODED_STATE_IDLE;
    const char *state = noded_state_word (target->node.state);
    if (!target->node.online) {
        ctl_time_format (target->node.last_seen, time);
        return base_text_printf ("%s%soffline, last seen %s", idle ? "" : state, idle ? "" : ", ", time);
    }
    uint64_t done = target->node.done, total = target->node.total;
    if (target->node.state == NODED_STATE_FETCHING && total) {
        unsigned share = done >= total ? 100 : (unsigned) ((double) done * 100 / (double) total);
        return base_text_printf ("fetching %u%%", share / percent * percent);
    }
    if (idle)
        return base_text_printf ("ordered, not started yet");
    return base_text_printf ("%s: %s", state, ctl_state_words (target->node.state));
}

static char *line_format (const struct ctl_progress *progress, const struct ctl_target *target,
                          const char *text, uint64_t now_ms)
{
    base_assert (text);
    char span[CTL_SPAN_SIZE];
    uint64_t end_ms = target->ended ? target->ended_ms : now_ms;
    ctl_span_format (end_ms > progress->started_ms ? end_ms - progress->started_ms : 0, span);
    int pad = (int) (progress->width - ctl_text_width (target->id));
    return base_text_printf ("%s%*s  %7s  %s", target->id, pad, "", span, text);
}

char *ctl_progress_line (const struct ctl_progress *progress, const struct ctl_target *target,
                         uint64_t now_ms)
{
    base_assert (progress && target);
    base_cleanup (base_free_p) char *text = target_text (progress, target, 1);
    return text ? line_format (progress, target, text, now_ms) : NULL;
}

char *ctl_progress_news (const struct ctl_progress *progress, struct ctl_target *target, uint64_t now_ms)
{
    base_assert (progress && target);
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
    base_assert (progress && out);
    base_cleanup (ctl_table_deinit) struct ctl_table table = {.columns = 4};
    static const char *const titles[] = {"NODE", "OUTCOME", "STEP", "REASON"};
    for (size_t i = 0; i < 4; i++)
        ctl_table_cell (&table, titles[i]);
    for (size_t i = 0; i < progress->count; i++) {
        const struct ctl_target *target = &progress->targets[i];
        base_cleanup (base_free_p) char *text = target->ended ? NULL : target_text (progress, target, 1);
        ctl_table_cell (&table, target->id);
        ctl_table_cell (&table, target->ended ? target->outcome : "under way");
        bool idle = !target->node.state || target->node.state == NODED_STATE_IDLE;
        ctl_table_cell (&table, target->ended ? target->step
                                : idle        ? ""
                                              : noded_state_word (target->node.state));
        ctl_table_cell (&table, target->ended ? target->reason : text);
    }
    ctl_table_print (&table, out, 0);
}

char *ctl_progress_left (const struct ctl_progress *progress)
{
    base_assert (progress);
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

char *ctl_progress_json (const struct ctl_progress *progress)
{
    base_assert (progress->left <= progress->count);
    base_cleanup (base_free_p) noded_followed_order *rows =
        calloc (progress->count ? progress->count : 1, sizeof *rows);
    for (size_t i = 0; rows && i < progress->count; i++) {
        const struct ctl_target *target = &progress->targets[i];
        rows[i] = (noded_followed_order){.node = target->id,
                                         .ended = target->ended,
                                         .succeeded = target->succeeded,
                                         .outcome = target->outcome,
                                         .step = target->step,
                                         .reason = target->reason,
                                         .epoch = target->epoch,
                                         .transaction = target->order->transaction,
                                         .release = target->order->release,
                                         .version = target->order->version};
    }
    return rows ? noded_followed_orders_json (rows, progress->count) : NULL;
}

enum ctl_exit ctl_progress_code (const struct ctl_progress *progress)
{
    base_assert (progress->left <= progress->count);
    if (progress->left)
        return CTL_TIMEOUT;
    for (size_t i = 0; i < progress->count; i++)
        if (!progress->targets[i].succeeded)
            return CTL_FAILED;
    return CTL_OK;
}
