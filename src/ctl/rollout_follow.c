/* SPDX-License-Identifier: MPL-2.0 */
/*  ctl/rollout_follow.c - following a rollout to its end

    As in follow.c: if the broker does not answer for a while, following continues. */

#include "ctl/rollout_follow.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "ctl/rollout.h"
#include "ctl/screen.h"
#include "ctl/text.h"

enum {
    FOLLOW_TICK_MS = 1000,  /* on a terminal, whose size may change */
    FOLLOW_WAIT_MS = 5000,  /* elsewhere */
    FOLLOW_FULL_MS = 30000, /* interval at which the revision is ignored: the broker's may have gone back */
    FOLLOW_PAUSE_US = 500000,
};

struct follow {
    struct ctl *ctl;
    FILE *out;              /* where progress goes */
    noded_rollout *rollout; /* as last read */
    char *shown;            /* the last plain line */
    struct ctl_screen screen;
    bool live; /* on a terminal: the picture is redrawn in place */
    bool silent;
    uint64_t revision, full_ms, started_ms, deadline_ms;
};

static void follow_deinit (struct follow *follow)
{
    base_assert (follow);
    noded_rollout_free (follow->rollout);
    free (follow->shown);
    ctl_screen_deinit (&follow->screen);
}

static void picture_draw (struct follow *follow)
{
    base_assert (follow->live && follow->rollout);
    struct ctl *ctl = follow->ctl;
    ctl_screen_measure (ctl);
    size_t room = ctl->height > 4 ? ctl->height - 1 : 0;
    char **picture =
        ctl_rollout_picture (follow->rollout, ctl->width, follow->silent && room ? room - 1 : room);
    if (follow->silent)
        (void) base_list_append (&picture, "  the broker does not answer, still trying");
    ctl_screen_draw (ctl, &follow->screen, picture);
    base_list_free (picture);
}

static void news_draw (struct follow *follow)
{
    base_assert (!follow->live && follow->rollout);
    char span[CTL_SPAN_SIZE];
    char *news = ctl_rollout_news (follow->rollout);
    if (!news || (follow->shown && strcmp (news, follow->shown) == 0)) {
        free (news);
        return;
    }
    free (follow->shown);
    follow->shown = news;
    ctl_text_put (follow->out, follow->rollout->id);
    (void) fprintf (follow->out, "  %7s  ",
                    ctl_span_format (base_time_boot_ms () - follow->started_ms, span));
    ctl_text_put (follow->out, news);
    (void) fputc ('\n', follow->out);
    (void) fflush (follow->out);
}

static void follow_draw (struct follow *follow)
{
    if (follow->live)
        picture_draw (follow);
    else
        news_draw (follow);
}

/*  Takes the rollout out of a list; leaves the one that was read before if it is not in it. */
static void follow_take (struct follow *follow, noded_rollouts *rollouts)
{
    base_assert (follow->rollout && rollouts);
    for (size_t i = 0; i < rollouts->count; i++) {
        if (strcmp (rollouts->items[i].id, follow->rollout->id) != 0)
            continue;
        noded_rollout before = *follow->rollout;
        *follow->rollout = rollouts->items[i];
        rollouts->items[i] = before;
        return;
    }
}

/*  Requests the rollout's state. Returns the client's result. */
static int follow_ask (struct follow *follow, uint64_t now_ms)
{
    base_assert (!follow->deadline_ms || now_ms < follow->deadline_ms);
    bool full = !follow->revision || now_ms >= follow->full_ms;
    uint64_t wait_ms = follow->live ? FOLLOW_TICK_MS : FOLLOW_WAIT_MS;
    if (follow->deadline_ms && wait_ms > follow->deadline_ms - now_ms)
        wait_ms = follow->deadline_ms - now_ms;
    base_cleanup (noded_rollouts_free) noded_rollouts rollouts = {.count = 0};
    const noded_rollouts_query query = {
        .rollout = follow->rollout->id, .since = full ? 0 : follow->revision, .wait_ms = wait_ms};
    int r = noded_client_rollout_list (follow->ctl->client, &query, &rollouts);
    if (r < 0)
        return r;
    if (full)
        follow->full_ms = now_ms + FOLLOW_FULL_MS;
    /*  Revision 0 would request the whole state each time. */
    follow->revision = rollouts.revision ? rollouts.revision : 1;
    follow_take (follow, &rollouts);
    return 0;
}

static enum ctl_exit follow_run (struct follow *follow)
{
    struct ctl *ctl = follow->ctl;
    follow_draw (follow);
    for (uint64_t now_ms;
         ctl_rollout_end (follow->rollout) == CTL_ROLLOUT_CONTINUES &&
         (now_ms = base_time_boot_ms (), !follow->deadline_ms || now_ms < follow->deadline_ms);) {
        int r = follow_ask (follow, now_ms);
        if (r == -EBUSY) {
            /*  Too many clients wait for changes at the broker: poll instead. */
            follow->revision = 0;
            (void) usleep (FOLLOW_PAUSE_US);
            continue;
        }
        if (r < 0 && r != -ETIMEDOUT)
            return ctl_fail (ctl, r);
        if (r < 0 && !follow->silent && !follow->live)
            ctl_error (ctl, "the broker at %s does not answer; still trying",
                       noded_client_endpoint (ctl->client));
        follow->silent = r < 0;
        follow_draw (follow);
    }
    return CTL_OK;
}

/*  Whether no node runs the release any more. */
static bool rollout_has_no_updated (const noded_rollout *rollout)
{
    for (size_t i = 0; i < rollout->n_waves; i++)
        if (rollout->waves[i].updated)
            return false;
    return true;
}

static enum ctl_exit follow_finish (struct follow *follow, enum ctl_rollout_goal goal)
{
    base_assert (follow->rollout);
    struct ctl *ctl = follow->ctl;
    const char *id = follow->rollout->id;
    char span[CTL_SPAN_SIZE];
    if (ctl->options.json)
        (void) ctl_print_json (ctl, noded_rollout_json (follow->rollout));
    else if (!follow->live) {
        char **picture = ctl_rollout_picture (follow->rollout, 0, 0);
        for (char **line = picture; line && *line; line++) {
            ctl_text_put (ctl->out, *line);
            (void) fputc ('\n', ctl->out);
        }
        base_list_free (picture);
    }
    switch (ctl_rollout_end (follow->rollout)) {
    case CTL_ROLLOUT_DONE:
        return goal == CTL_ROLLOUT_TO_DONE ? CTL_OK : CTL_FAILED;
    case CTL_ROLLOUT_ENDED:
        return goal == CTL_ROLLOUT_TO_REVERTED && follow->rollout->phase == NODED_PHASE_REVERTED &&
                       rollout_has_no_updated (follow->rollout)
                   ? CTL_OK
                   : CTL_FAILED;
    case CTL_ROLLOUT_HALTED:
        return CTL_FAILED;
    case CTL_ROLLOUT_CONTINUES:
        break;
    }
    (void) ctl_error (
        ctl, "rollout %s has not ended within %s and continues%s: nodectl rollout status %s --follow", id,
        ctl_span_format (ctl->options.timeout_ms, span),
        follow->silent ? " (the broker does not answer)" : "", id);
    return CTL_TIMEOUT;
}

enum ctl_exit ctl_rollout_follow (struct ctl *ctl, noded_rollout **rollout, enum ctl_rollout_goal goal)
{
    base_assert (rollout && *rollout);
    uint64_t now_ms = base_time_boot_ms ();
    base_cleanup (follow_deinit) struct follow follow = {
        .ctl = ctl,
        .out = ctl->options.json ? ctl->err : ctl->out,
        .rollout = base_take (*rollout),
        .live = ctl->terminal && !ctl->options.json,
        .started_ms = now_ms,
        .deadline_ms = ctl->options.timeout_ms ? now_ms + ctl->options.timeout_ms : 0};
    enum ctl_exit code = follow_run (&follow);
    return code == CTL_OK ? follow_finish (&follow, goal) : code;
}
