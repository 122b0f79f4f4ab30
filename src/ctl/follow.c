/* SPDX-License-Identifier: MPL-2.0 */
/*  ctl/follow.c - update and revert: order, then follow every node to its end

    If the broker does not answer for a while, following continues: the broker may be restarting, and the
    nodes continue without it. Only the timeout ends the following early. On a terminal the lines are redrawn
    in place; elsewhere a line is printed when it has news. */

#include "ctl/options.h"

#include <errno.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "ctl/progress.h"
#include "ctl/text.h"

enum {
    FOLLOW_TIMEOUT_MS = 15 * 60000,
    FOLLOW_TICK_MS = 1000,  /* on a terminal, which shows the time passed */
    FOLLOW_WAIT_MS = 5000,  /* elsewhere */
    FOLLOW_FULL_MS = 30000, /* interval of full lists: they show which nodes were forgotten, and recover
                               from a broker whose revision went back */
    FOLLOW_PAUSE_US = 500000,
    FOLLOW_NAMED_MOST = 512, /* nodes that one request can name; for more, all nodes are listed */
    FOLLOW_ROWS = 24,        /* assumed height of a terminal that reports none, or 4 or less */
};

struct follow {
    struct ctl *ctl;
    struct ctl_progress progress;
    FILE *out; /* where progress goes */
    const char **ids;
    size_t n_ids;
    uint64_t revision, full_ms, deadline_ms;
    size_t drawn; /* lines on the terminal */
    bool silent;  /* the broker does not answer */
    bool unnamed; /* list all nodes instead of naming ours */
};

static void follow_deinit (struct follow *follow)
{
    base_assert (follow);
    ctl_progress_deinit (&follow->progress);
    free (follow->ids);
}

static void line_draw (struct follow *follow, const struct ctl_target *target, uint64_t now_ms)
{
    base_assert (target && target->id);
    base_cleanup (base_free_p) char *line = ctl_progress_line (&follow->progress, target, now_ms);
    ctl_line_put (follow->out, line ? line : target->id, follow->ctl->width);
    (void) fputs ("\033[K\n", follow->out);
    follow->drawn++;
}

/*  If the terminal has too few lines for all nodes, only nodes that have not ended are drawn. */
static void terminal_draw (struct follow *follow, uint64_t now_ms)
{
    base_assert (follow->progress.left <= follow->progress.count);
    size_t height = follow->ctl->height > 4 ? follow->ctl->height : FOLLOW_ROWS;
    size_t room = height - 3, count = follow->progress.count;
    if (follow->drawn)
        (void) fprintf (follow->out, "\033[%zuA", follow->drawn);
    follow->drawn = 0;
    for (size_t i = 0; i < count && follow->drawn < room; i++)
        if (count <= room || !follow->progress.targets[i].ended)
            line_draw (follow, &follow->progress.targets[i], now_ms);
    (void) fprintf (follow->out, "%zu of %zu have ended%s\033[J\n", count - follow->progress.left, count,
                    follow->silent ? "; the broker does not answer, still trying" : "");
    follow->drawn++;
}

static void follow_draw (struct follow *follow)
{
    base_assert (follow->ctl && follow->out);
    uint64_t now_ms = base_time_boot_ms ();
    if (follow->ctl->terminal && !follow->ctl->options.json)
        terminal_draw (follow, now_ms);
    else
        for (size_t i = 0; i < follow->progress.count; i++) {
            base_cleanup (base_free_p) char *line =
                ctl_progress_news (&follow->progress, &follow->progress.targets[i], now_ms);
            if (!line)
                continue;
            ctl_text_put (follow->out, line);
            (void) fputc ('\n', follow->out);
        }
    (void) fflush (follow->out);
}

/*  A later order hides the outcome of ours in the broker's list: reads it from the node's reports. Returns 0 or
    the client's error. */
static int follow_superseded (struct follow *follow)
{
    base_assert (follow->ctl->client);
    struct ctl *ctl = follow->ctl;
    for (size_t i = 0; i < follow->progress.count; i++) {
        struct ctl_target *target = &follow->progress.targets[i];
        if (!target->superseded)
            continue;
        base_cleanup (noded_reports_free) noded_reports reports = {.count = 0};
        int r = noded_client_why (ctl->client, ctl->options.application, target->id, &reports);
        if (r < 0)
            return r;
        target->superseded = false;
        ctl_progress_reports (&follow->progress, target, &reports, base_time_boot_ms ());
    }
    return 0;
}

static int follow_ask (struct follow *follow, uint64_t now_ms)
{
    base_assert (now_ms < follow->deadline_ms);
    base_assert (follow->ids || follow->n_ids == 0);
    struct ctl *ctl = follow->ctl;
    bool full = !follow->revision || now_ms >= follow->full_ms;
    bool tick = ctl->terminal && !ctl->options.json;
    uint64_t wait_ms = tick ? FOLLOW_TICK_MS : FOLLOW_WAIT_MS;
    if (wait_ms > follow->deadline_ms - now_ms)
        wait_ms = follow->deadline_ms - now_ms;
    bool named = follow->n_ids <= FOLLOW_NAMED_MOST && !follow->unnamed;
    const noded_nodes_query query = {.application = ctl->options.application,
                                     .nodes = named ? follow->ids : NULL,
                                     .n_nodes = named ? follow->n_ids : 0,
                                     .since = full ? 0 : follow->revision,
                                     .wait_ms = wait_ms};
    base_cleanup (noded_nodes_free) noded_nodes nodes = {.count = 0};
    int r = noded_client_nodes (ctl->client, &query, &nodes);
    if (r < 0)
        return r;
    now_ms = base_time_boot_ms ();
    if (full)
        follow->full_ms = now_ms + FOLLOW_FULL_MS;
    /*  Revision 0 would request a full list each time. */
    follow->revision = nodes.revision ? nodes.revision : 1;
    ctl_progress_hear (&follow->progress, &nodes, full, now_ms);
    return follow_superseded (follow);
}

static enum ctl_exit follow_run (struct follow *follow)
{
    struct ctl *ctl = follow->ctl;
    follow_draw (follow);
    for (uint64_t now_ms; follow->progress.left && (now_ms = base_time_boot_ms ()) < follow->deadline_ms;) {
        int r = follow_ask (follow, now_ms);
        if (r == -ENOENT && !follow->unnamed) {
            /*  One of our nodes was forgotten; a list of all nodes shows which. */
            follow->unnamed = true;
            follow->revision = 0;
            continue;
        }
        if (r == -EBUSY) {
            /*  Too many clients wait for changes at the broker: poll instead. */
            follow->revision = 0;
            (void) usleep (FOLLOW_PAUSE_US);
            continue;
        }
        if (r < 0 && r != -ETIMEDOUT)
            return ctl_fail (ctl, r);
        if (r < 0 && !follow->silent && !(ctl->terminal && !ctl->options.json))
            ctl_error (ctl, "the broker at %s does not answer; still trying",
                       noded_client_endpoint (ctl->client));
        follow->silent = r < 0;
        follow_draw (follow);
    }
    return CTL_OK;
}

static enum ctl_exit follow_finish (struct follow *follow, uint64_t timeout_ms)
{
    base_assert (timeout_ms > 0);
    base_assert (follow->progress.left <= follow->progress.count);
    struct ctl *ctl = follow->ctl;
    if (follow->progress.left) {
        base_cleanup (base_free_p) char *left = ctl_progress_left (&follow->progress);
        char span[CTL_SPAN_SIZE];
        ctl_error (ctl, "%zu of %zu nodes have not ended within %s and continue: %s%s", follow->progress.left,
                   follow->progress.count, ctl_span_format (timeout_ms, span), left ? left : "",
                   follow->silent ? " (the broker does not answer)" : "");
    }
    if (ctl->options.json) {
        if (ctl_print_json (ctl, ctl_progress_json (&follow->progress)) != CTL_OK)
            return CTL_FAILED;
    } else {
        (void) fputc ('\n', ctl->out);
        ctl_progress_print (&follow->progress, ctl->out);
    }
    return ctl_progress_code (&follow->progress);
}

enum ctl_exit ctl_orders_print (struct ctl *ctl, const noded_orders *orders)
{
    base_assert (orders->items || orders->count == 0);
    base_cleanup (ctl_table_deinit) struct ctl_table table = {.columns = 2};
    enum ctl_exit code = CTL_OK;
    for (size_t i = 0; i < orders->count; i++) {
        const noded_order *order = &orders->items[i];
        ctl_table_cell (&table, order->node);
        if (order->status == NODED_STATUS_OK)
            ctl_table_printf (&table, "ordered %s", ctl_text (order->transaction));
        else
            ctl_table_printf (&table, "%s: %s", noded_status_word (order->status), ctl_text (order->reason));
        if (order->status != NODED_STATUS_OK)
            code = CTL_FAILED;
    }
    if (ctl->options.json)
        (void) ctl_print_json (ctl, noded_orders_json (orders->items, orders->count));
    else
        ctl_table_print (&table, ctl->out, ctl->width);
    return code;
}

static enum ctl_exit follow_orders (struct ctl *ctl, const noded_orders *orders, bool revert)
{
    base_assert (orders->items || orders->count == 0);
    base_cleanup (follow_deinit) struct follow follow = {.ctl = ctl,
                                                         .out = ctl->options.json ? ctl->err : ctl->out};
    uint64_t timeout_ms = ctl->options.timeout_ms ? ctl->options.timeout_ms : FOLLOW_TIMEOUT_MS;
    uint64_t now_ms = base_time_boot_ms ();
    if (!orders->count)
        return ctl_error (ctl, "the broker does not know any node");
    if (ctl->options.no_wait)
        return ctl_orders_print (ctl, orders);
    follow.deadline_ms = now_ms + timeout_ms;
    follow.ids = calloc (orders->count, sizeof *follow.ids);
    if (!follow.ids || ctl_progress_init (&follow.progress, orders, revert, now_ms) != 0)
        return ctl_error (ctl, "out of memory");
    for (size_t i = 0; i < follow.progress.count; i++)
        follow.ids[follow.n_ids++] = follow.progress.targets[i].id;
    enum ctl_exit code = follow_run (&follow);
    return code == CTL_OK ? follow_finish (&follow, timeout_ms) : code;
}

/*  Removes duplicate words: a node named twice would be ordered twice. */
static void words_unique (struct ctl *ctl)
{
    size_t count = 0;
    for (size_t i = 0; i < ctl->n_words; i++) {
        size_t j = 0;
        while (j < count && strcmp (ctl->words[j], ctl->words[i]) != 0)
            j++;
        if (j == count)
            ctl->words[count++] = ctl->words[i];
    }
    ctl->n_words = count;
}

/*  The nodes that the command line names, each once. */
static noded_targets targets_of (struct ctl *ctl)
{
    base_assert (ctl->words || ctl->n_words == 0);
    words_unique (ctl);
    return (noded_targets){.application = ctl->options.application,
                           .nodes = ctl->options.all ? NULL : (const char *const *) ctl->words,
                           .n_nodes = ctl->n_words};
}

enum ctl_exit ctl_update (struct ctl *ctl)
{
    base_cleanup (noded_orders_free) noded_orders orders = {.count = 0};
    char release[65];
    if (ctl->options.all)
        return ctl_rollout_start (ctl);
    uint64_t waves = ctl->options.seen & (CTL_BITS_SPEC | CTL_BIT (PLAN));
    for (unsigned i = 0; waves && i < CTL_OPTION_END; i++)
        if (waves & (UINT64_C (1) << i))
            return ctl_misused (ctl, "--%s needs --all, or nodectl rollout start", ctl_option_name (i));
    if (ctl->options.release) {
        enum ctl_exit code = ctl_release_find (ctl, ctl->options.release, NULL, 0, release);
        if (code != CTL_OK)
            return code;
    }
    noded_targets targets = targets_of (ctl);
    int r = noded_client_update (ctl->client, &targets, ctl->options.release ? release : NULL, &orders);
    return r < 0 ? ctl_fail (ctl, r) : follow_orders (ctl, &orders, false);
}

enum ctl_exit ctl_revert (struct ctl *ctl)
{
    base_cleanup (noded_orders_free) noded_orders orders = {.count = 0};
    noded_targets targets = targets_of (ctl);
    int r = noded_client_revert (ctl->client, &targets, &orders);
    return r < 0 ? ctl_fail (ctl, r) : follow_orders (ctl, &orders, true);
}

static enum ctl_exit hold_order (struct ctl *ctl, int hold)
{
    base_cleanup (noded_orders_free) noded_orders orders = {.count = 0};
    noded_targets targets = targets_of (ctl);
    int r = noded_client_hold (ctl->client, &targets, hold, &orders);
    return r < 0 ? ctl_fail (ctl, r) : ctl_orders_print (ctl, &orders);
}

enum ctl_exit ctl_hold (struct ctl *ctl)
{
    return hold_order (ctl, 1);
}

enum ctl_exit ctl_unhold (struct ctl *ctl)
{
    return hold_order (ctl, 0);
}

enum ctl_exit ctl_cancel (struct ctl *ctl)
{
    base_cleanup (noded_orders_free) noded_orders orders = {.count = 0};
    noded_targets targets = targets_of (ctl);
    int r = noded_client_cancel (ctl->client, &targets, &orders);
    return r < 0 ? ctl_fail (ctl, r) : ctl_orders_print (ctl, &orders);
}

enum ctl_exit ctl_forget (struct ctl *ctl)
{
    base_cleanup (ctl_ids_free_p) char **ids = NULL;
    base_cleanup (noded_orders_free) noded_orders orders = {.count = 0};
    if (ctl->options.select && ctl->n_words)
        return ctl_misused (ctl, "name nodes or give --select, not both");
    if (!ctl->options.select && !ctl->n_words)
        return ctl_misused (ctl, "name nodes, or give --select SELECTOR");
    enum ctl_exit code = ctl->options.select ? ctl_nodes_selected (ctl, &ids) : CTL_OK;
    if (code != CTL_OK)
        return code;
    noded_targets targets = targets_of (ctl);
    if (ids)
        targets = (noded_targets){.nodes = (const char *const *) ids, .n_nodes = base_list_count (ids)};
    int r = noded_client_forget (ctl->client, &targets, &orders);
    return r < 0 ? ctl_fail (ctl, r) : ctl_orders_print (ctl, &orders);
}
