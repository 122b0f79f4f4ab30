/* SPDX-License-Identifier: MPL-2.0 */
/*  node/blame.c - the blame check: after a rollback from a version that never confirmed itself

    The broker or the content peer may have been unreachable during that trial. So the restored version must
    pass the same checks, under the same conditions and for as long as the trial lasted: it receives an
    announcement, an answer to a match, and a chunk of the same program, and runs for the soak time. It sends
    match and get again and again; each answer must arrive within `update/answer`. A lost connection fails the
    check, too. Therefore a broker that is only reachable at times leads to no verdict.

    The release is blamed only if every check passed, and if it was not missing or expired metadata that prevented its
    confirmation. Otherwise host, network or origin may have prevented the confirmation: no release is blamed, and the order stays. It is retried after a while, a bounded number of
    times (node/orders.c).

    Until the check ends, var/trial and the launcher's note stay on disk. A manager that is restarted
    meanwhile begins the check again. */

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "node/application.h"

enum { ATTEMPTS_MOST = 1000 /* of a match, as in schemas/control.def */ };

struct node_blame {
    struct wire_failure failure;
    uint64_t epoch; /* of the order */
    unsigned attempt;
    char workspace[ROOT_NAME_SIZE]; /* of the version that was on trial */
    char transaction[65];           /* of the requests */
    struct base_digest binary;
    uint64_t length; /* of the chunk */
    uint64_t until_ms;
    struct update_proof proof;
    unsigned round;        /* 0: no welcome yet */
    bool matched, fetched; /* in this round */
    bool last;             /* the last round: the time is over */
    bool unverified;       /* on trial signed metadata did not allow the release */
    bool ended;            /* there is a verdict; the order waits until it is retried */
    int asking, looking;   /* timers: sends requests again; end of a round, or of the wait */
    struct node_match match;
    struct node_content_user user;
    node_judge *judge;
};

/*  The wait after each attempt, in units of `update/unfit`. */
static const unsigned waits[] = {1, 5, 15, 60};
enum { WAITS = sizeof waits / sizeof *waits };

static void blame_check (const struct node_application *app)
{
    const struct node_blame *blame = app->blame;
    base_assert (blame && blame->judge);
    base_assert (blame->length <= NODE_PROOF_CHUNK_MOST);
    base_assert (!blame->last || blame->round > 0);
    base_assert (!blame->ended || (blame->asking == 0 && !blame->user.content && !blame->match.session));
    base_assert (blame->round > 0 || (!blame->matched && !blame->fetched));
}

static void blame_free (struct node_application *app, struct node_blame *blame)
{
    bus_timer_cancel (app->process->loop, blame->asking);
    bus_timer_cancel (app->process->loop, blame->looking);
    node_match_cancel (&blame->match);
    node_content_leave (&blame->user);
    wire_failure_deinit (&blame->failure);
    free (blame);
}

void node_blame_free (struct node_application *app)
{
    struct node_blame *blame = app->blame;
    app->blame = NULL;
    if (!blame)
        return;
    node_subject_hint_wanted (&app->subject, false);
    blame_free (app, blame);
}

static void on_waited (void *context)
{
    struct node_application *app = context;
    node_blame_free (app);
    node_subject_ask (&app->subject);
}

/*  why: the failed check; NULL: all passed, so the release is blamed. If another order is in progress, there
    is no verdict any more: it would change the records of that order. */
static void blame_end (struct node_application *app, const char *why)
{
    struct node_blame *blame = app->blame;
    blame_check (app);
    bool excused = !why && blame->unverified;
    if (excused)
        why = "signed metadata did not allow it while it was on trial";
    base_assert (!blame->ended);
    if (!update_order_at_rest (app->procedure.state)) {
        node_blame_free (app);
        return;
    }
    node_content_leave (&blame->user);
    node_match_cancel (&blame->match);
    node_subject_hint_wanted (&app->subject, false);
    bus_timer_cancel (app->process->loop, blame->asking);
    bus_timer_cancel (app->process->loop, blame->looking);
    blame->asking = blame->looking = 0;
    blame->ended = true;
    unsigned nth = blame->attempt < WAITS ? blame->attempt : WAITS;
    uint64_t wait_ms = app->process->config->limits.unfit_ms * waits[nth ? nth - 1 : 0];
    if (why)
        base_log (BASE_LOG_WARNING,
                  "%s: the release is not quarantined: %s (%s); the order is retried in %llu s",
                  blame->failure.transaction,
                  excused ? "it could not be confirmed"
                          : "this version did not pass the same checks for as long as the trial lasted",
                  why, (unsigned long long) wait_ms / 1000);
    blame->judge (app, &blame->failure, !why);
    if (why)
        blame->looking = bus_timer_start (app->process->loop, wait_ms, on_waited, app);
    if (!why || blame->looking < 0)
        node_blame_free (app);
}

static void requests_send (void *context)
{
    struct node_application *app = context;
    struct node_blame *blame = app->blame;
    blame_check (app);
    base_assert (!blame->ended);
    struct wire_get get = {.digest = blame->binary, .length = blame->length};
    bus_timer_cancel (app->process->loop, blame->asking);
    blame->asking = bus_timer_start (app->process->loop, app->process->config->resend_ms, requests_send, app);
    if (!update_order_at_rest (app->procedure.state))
        return;
    if (!blame->fetched)
        node_content_get (&blame->user, &get);
    if (!blame->proof.announced)
        node_subject_ask (&app->subject);
}

static void on_look (void *context);
static void on_matched (void *context, const struct wire_matched *matched);
static const struct node_content_ops content_ops;

static void round_begin (struct node_application *app)
{
    struct node_blame *blame = app->blame;
    base_assert (!blame->ended);
    struct wire_match match = {.application = app->name,
                               .release = blame->failure.release,
                               .transaction = blame->transaction,
                               .attempt = blame->round++ % ATTEMPTS_MOST + 1};
    uint64_t now_ms = base_time_boot_ms (), left_ms = blame->until_ms > now_ms ? blame->until_ms - now_ms : 0;
    blame->matched = blame->fetched = false;
    (void) node_match_begin (&blame->match, app->process->session, &match, on_matched, app);
    node_content_leave (&blame->user); /* each round must connect again */
    node_content_join (app->process->content, &blame->user, &content_ops, app);
    requests_send (app);
    bus_timer_cancel (app->process->loop, blame->looking);
    blame->looking = bus_timer_start (
        app->process->loop,
        left_ms < app->process->config->answer_ms && left_ms ? left_ms : app->process->config->answer_ms,
        on_look, app);
}

/*  A round has ended. When the time is over, a last round checks that the origin still answers. */
static void on_look (void *context)
{
    struct node_application *app = context;
    struct node_blame *blame = app->blame;
    blame_check (app);
    base_assert (!blame->ended);
    uint64_t now_ms = base_time_boot_ms ();
    bool over = now_ms >= blame->until_ms;
    blame->looking = 0;
    if (!update_order_at_rest (app->procedure.state))
        node_blame_free (app);
    else if (blame->round == 0)
        blame_end (app, "the broker did not answer");
    else if (over && update_proof_left_ms (&blame->proof, now_ms) != 0)
        blame_end (app, update_proof_missing (&blame->proof));
    else if (over && !blame->last) {
        blame->last = true;
        round_begin (app);
    } else if (!blame->matched)
        blame_end (app, "a match was not answered in time");
    else if (!blame->fetched)
        blame_end (app, "a chunk was not fetched and verified in time");
    else
        round_begin (app);
}

static void answer_check (struct node_application *app)
{
    struct node_blame *blame = app->blame;
    if (blame->last && blame->matched && blame->fetched)
        blame_end (app, NULL);
}

void node_blame_begin (struct node_application *app, const struct wire_failure *failure,
                       const struct node_order *order, node_judge *judge)
{
    base_cleanup (wire_installed_deinit) struct wire_installed installed = {.transaction = NULL};
    base_assert (failure && order && judge);
    base_assert (!app->blame);
    struct node_blame *blame = calloc (1, sizeof *blame);
    if (!blame || wire_copy (&wire_failure_record, failure, &blame->failure) < 0) {
        free (blame);
        return;
    }
    /* if its workspace was removed, the chunk is one of the running program */
    const struct wire_envelope *envelope = app->running->installed.envelope;
    (void) base_text_copy (blame->workspace, sizeof blame->workspace, app->running->workspace);
    if (root_workspace_read (app->root, order->workspace, &installed, NULL) == 0) {
        envelope = installed.envelope;
        (void) base_text_copy (blame->workspace, sizeof blame->workspace, order->workspace);
    }
    blame->epoch = order->epoch;
    blame->attempt = order->attempt;
    (void) snprintf (blame->transaction, sizeof blame->transaction, "blame-%.50s", order->transaction);
    blame->binary = envelope->binary;
    blame->length = envelope->size < NODE_PROOF_CHUNK_MOST ? envelope->size : NODE_PROOF_CHUNK_MOST;
    blame->until_ms = base_time_boot_ms () + app->process->config->trial.confirm_ms;
    blame->unverified = node_trust_failed_on_trial (app, order->workspace);
    blame->proof = (struct update_proof){.soak_ms = app->process->config->soak_ms};
    blame->judge = judge;
    app->blame = blame;
    node_subject_hint_wanted (&app->subject, true);
    blame->looking = bus_timer_start (app->process->loop, app->process->config->answer_ms, on_look, app);
    if (blame->looking < 0) /* without a timer it would not end */
        node_blame_free (app);
    else
        blame_check (app);
}

bool node_blame_waits (const struct node_application *app, uint64_t epoch)
{
    return app->blame && app->blame->epoch == epoch;
}

void node_blame_welcome (struct node_application *app)
{
    if (!app->blame || app->blame->ended)
        return;
    if (app->blame->round)
        blame_end (app, "the connection to the broker was lost");
    else
        round_begin (app);
}

void node_blame_lost (struct node_application *app)
{
    if (app->blame && !app->blame->ended && app->blame->round)
        blame_end (app, "the connection to the broker was lost");
}

static void proof_note (struct node_blame *blame, bool *shown)
{
    if (*shown)
        return;
    *shown = true;
    if (update_proof_is_complete (&blame->proof))
        blame->proof.since_ms = base_time_boot_ms ();
}

void node_blame_announced (struct node_application *app)
{
    if (!app->blame || app->blame->ended)
        return;
    proof_note (app->blame, &app->blame->proof.announced);
    node_subject_hint_wanted (&app->subject, false);
}

static void on_matched (void *context, const struct wire_matched *matched)
{
    struct node_application *app = context;
    (void) matched; /* the check is that the origin answers */
    blame_check (app);
    app->blame->matched = true;
    proof_note (app->blame, &app->blame->proof.matched);
    answer_check (app);
}

static void on_chunk (void *context, const struct wire_chunk *chunk, const void *payload, size_t size)
{
    struct node_application *app = context;
    struct node_blame *blame = app->blame;
    blame_check (app);
    if (chunk->status != WIRE_STATUS_OK || size == 0 || size != blame->length)
        return;
    char path[ROOT_NAME_SIZE + sizeof "/" ROOT_PROGRAM];
    (void) snprintf (path, sizeof path, "%s/" ROOT_PROGRAM, blame->workspace);
    base_cleanup (base_close_p) int fd = openat (app->root->fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (node_trial_chunk_fits (fd, payload, size)) {
        blame->fetched = true;
        proof_note (blame, &blame->proof.fetched);
        node_content_leave (&blame->user);
        answer_check (app);
    }
}

static const struct node_content_ops content_ops = {.chunk = on_chunk};
