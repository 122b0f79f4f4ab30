/* SPDX-License-Identifier: MPL-2.0 */
/*  node/compare.c - the blame check after a rollback from a version that never confirmed itself

    That version may have been without its broker or its content peer. The restored version finds out by
    itself: it must pass the same checks - an announcement received, a match answered, a chunk of the same
    program verified, the soak time run - under the same conditions, for as long as the trial lasted. More is
    required of it than of the other version: it requests match and chunk again and again, and each answer
    must come within `update/answer`. A lost connection breaks the comparison, too. So a broker that is
    reachable only at times leads to no verdict.

    The release is blamed only if every check passed. Otherwise host, network or origin may have prevented its
    confirmation: no release is blamed, and the order stays. It is resumed after a while, a bounded number of
    times (node/orders.c).

    Until the comparison ends, its subject stays on disk: var/trial and the launcher's note. A manager that is
    restarted meanwhile starts it again. */

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "node/manager.h"

enum { CHUNK_SIZE = 64 * 1024, ATTEMPTS = 1000 /* of a match, as in schemas/control.def */ };

struct node_comparison {
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
    bool ended;            /* waits until the order is resumed */
    int asking, looking;   /* timers: resends; end of a round, of the comparison, of the wait */
    node_judge *judge;
};

/*  The wait after each attempt, in units of `update/unfit`. */
static const unsigned waits[] = {1, 5, 15, 60};
enum { WAITS = sizeof waits / sizeof *waits };

static void comparison_free (struct node_manager *node, struct node_comparison *comparison)
{
    bus_timer_cancel (node->loop, comparison->asking);
    bus_timer_cancel (node->loop, comparison->looking);
    wire_failure_deinit (&comparison->failure);
    free (comparison);
}

void node_comparison_free (struct node_manager *node)
{
    struct node_comparison *comparison = node->comparison;
    node->comparison = NULL;
    if (!comparison)
        return;
    if (node->session) {
        node_session_hint_wanted (node->session, false);
        if (!comparison->ended && update_order_at_rest (node->procedure.state))
            node_session_match_cancel (node->session);
    }
    comparison_free (node, comparison);
}

static void on_waited (void *context)
{
    struct node_manager *node = context;
    node_comparison_free (node);
    node_session_ask (node->session);
}

/*  why: what broke; NULL: nothing did. If another order is in progress, its records must not change, and the
    verdict is too late to count. */
static void comparison_end (struct node_manager *node, const char *why)
{
    struct node_comparison *comparison = node->comparison;
    if (!update_order_at_rest (node->procedure.state)) {
        node_comparison_free (node);
        return;
    }
    node_session_content_close (node->session);
    node_session_match_cancel (node->session);
    node_session_hint_wanted (node->session, false);
    bus_timer_cancel (node->loop, comparison->asking);
    bus_timer_cancel (node->loop, comparison->looking);
    comparison->asking = comparison->looking = 0;
    comparison->ended = true;
    unsigned nth = comparison->attempt < WAITS ? comparison->attempt : WAITS;
    uint64_t wait_ms = node->config->limits.unfit_ms * waits[nth ? nth - 1 : 0];
    if (why)
        base_log (BASE_LOG_WARNING,
                  "%s: the release is not quarantined: this version did not pass the same checks "
                  "for as long as the trial lasted (%s); the order is retried in %llu s",
                  comparison->failure.transaction, why, (unsigned long long) wait_ms / 1000);
    comparison->judge (node, &comparison->failure, !why);
    if (why)
        comparison->looking = bus_timer_start (node->loop, wait_ms, on_waited, node);
    else
        node_comparison_free (node);
}

static void requests_send (void *context)
{
    struct node_manager *node = context;
    struct node_comparison *comparison = node->comparison;
    struct wire_get get = {.digest = comparison->binary, .length = comparison->length};
    bus_timer_cancel (node->loop, comparison->asking);
    comparison->asking = bus_timer_start (node->loop, node->config->resend_ms, requests_send, node);
    if (!update_order_at_rest (node->procedure.state))
        return;
    if (!comparison->fetched)
        (void) node_session_get (node->session, &get);
    if (!comparison->proof.announced)
        node_session_ask (node->session);
}

static void on_look (void *context);

static void round_begin (struct node_manager *node)
{
    struct node_comparison *comparison = node->comparison;
    struct wire_match match = {.application = (char *) "noded",
                               .release = comparison->failure.release,
                               .transaction = comparison->transaction,
                               .attempt = comparison->round++ % ATTEMPTS + 1};
    uint64_t now_ms = base_time_boot_ms (),
             left_ms = comparison->until_ms > now_ms ? comparison->until_ms - now_ms : 0;
    comparison->matched = comparison->fetched = false;
    (void) node_session_match (node->session, &match);
    requests_send (node);
    bus_timer_cancel (node->loop, comparison->looking);
    comparison->looking = bus_timer_start (
        node->loop, left_ms < node->config->answer_ms && left_ms ? left_ms : node->config->answer_ms, on_look,
        node);
}

/*  A round has ended. When the time is over, a last round shows that the origin is still there. */
static void on_look (void *context)
{
    struct node_manager *node = context;
    struct node_comparison *comparison = node->comparison;
    uint64_t now_ms = base_time_boot_ms ();
    bool over = now_ms >= comparison->until_ms;
    comparison->looking = 0;
    if (!update_order_at_rest (node->procedure.state))
        node_comparison_free (node);
    else if (comparison->round == 0)
        comparison_end (node, "the broker did not answer");
    else if (over && update_proof_left_ms (&comparison->proof, now_ms) != 0)
        comparison_end (node, update_proof_missing (&comparison->proof));
    else if (over && !comparison->last) {
        comparison->last = true;
        round_begin (node);
    } else if (!comparison->matched)
        comparison_end (node, "a match was not answered in time");
    else if (!comparison->fetched)
        comparison_end (node, "a chunk was not fetched and verified in time");
    else
        round_begin (node);
}

static void answer_check (struct node_manager *node)
{
    struct node_comparison *comparison = node->comparison;
    if (comparison->last && comparison->matched && comparison->fetched)
        comparison_end (node, NULL);
}

void node_comparison_begin (struct node_manager *node, const struct wire_failure *failure,
                            const struct node_order *order, node_judge *judge)
{
    base_cleanup (wire_installed_deinit) struct wire_installed installed = {.transaction = NULL};
    struct node_comparison *comparison = calloc (1, sizeof *comparison);
    if (!comparison || wire_copy (&wire_failure_record, failure, &comparison->failure)) {
        free (comparison);
        return;
    }
    /* if its workspace is gone, this version checks its own program instead */
    const struct wire_envelope *envelope = node->self.installed.envelope;
    (void) base_text_copy (comparison->workspace, sizeof comparison->workspace, node->self.workspace);
    if (!root_workspace_read (&node->root, order->workspace, &installed, NULL)) {
        envelope = installed.envelope;
        (void) base_text_copy (comparison->workspace, sizeof comparison->workspace, order->workspace);
    }
    comparison->epoch = order->epoch;
    comparison->attempt = order->attempt;
    (void) snprintf (comparison->transaction, sizeof comparison->transaction, "compare-%.50s",
                     order->transaction);
    comparison->binary = envelope->binary;
    comparison->length = envelope->size < CHUNK_SIZE ? envelope->size : CHUNK_SIZE;
    comparison->until_ms = base_time_boot_ms () + node->config->trial.confirm_ms;
    comparison->proof = (struct update_proof){.soak_ms = node->config->soak_ms};
    comparison->judge = judge;
    node->comparison = comparison;
    node_session_hint_wanted (node->session, true);
    comparison->looking = bus_timer_start (node->loop, node->config->answer_ms, on_look, node);
}

bool node_comparison_waits (const struct node_manager *node, uint64_t epoch)
{
    return node->comparison && node->comparison->epoch == epoch;
}

void node_comparison_welcome (struct node_manager *node)
{
    if (!node->comparison || node->comparison->ended)
        return;
    if (node->comparison->round)
        comparison_end (node, "the connection to the broker was lost");
    else
        round_begin (node);
}

void node_comparison_lost (struct node_manager *node)
{
    if (node->comparison && !node->comparison->ended && node->comparison->round)
        comparison_end (node, "the connection to the broker was lost");
}

static void proof_note (struct node_comparison *comparison, bool *shown)
{
    if (*shown)
        return;
    *shown = true;
    if (update_proof_is_complete (&comparison->proof))
        comparison->proof.since_ms = base_time_boot_ms ();
}

void node_comparison_announced (struct node_manager *node)
{
    if (!node->comparison || node->comparison->ended)
        return;
    proof_note (node->comparison, &node->comparison->proof.announced);
    node_session_hint_wanted (node->session, false);
}

bool node_comparison_matched (struct node_manager *node, const struct wire_matched *matched)
{
    struct node_comparison *comparison = node->comparison;
    if (!comparison || comparison->ended || strcmp (matched->transaction, comparison->transaction) != 0)
        return false;
    comparison->matched = true;
    proof_note (comparison, &comparison->proof.matched);
    answer_check (node);
    return true;
}

bool node_comparison_chunk (struct node_manager *node, const struct wire_chunk *chunk, const void *payload,
                            size_t size)
{
    struct node_comparison *comparison = node->comparison;
    if (!comparison || comparison->ended || !update_order_at_rest (node->procedure.state))
        return false;
    if (chunk->status != WIRE_STATUS_OK || chunk->offset != 0 || size == 0 || size != comparison->length ||
        !base_digest_equal (&chunk->digest, &comparison->binary))
        return true;
    uint8_t own[CHUNK_SIZE];
    char path[ROOT_NAME_SIZE + sizeof "/" ROOT_PROGRAM];
    (void) snprintf (path, sizeof path, "%s/" ROOT_PROGRAM, comparison->workspace);
    base_cleanup (base_close_p) int fd = openat (node->root.fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0 && pread (fd, own, size, 0) == (ssize_t) size && memcmp (own, payload, size) == 0) {
        comparison->fetched = true;
        proof_note (comparison, &comparison->proof.fetched);
        node_session_content_close (node->session);
        answer_check (node);
    }
    return true;
}
