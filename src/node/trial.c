/* SPDX-License-Identifier: MPL-2.0 */
/*  node/trial.c - collects the proof that confirms a version on trial

    From the real origin the version must receive an announcement, an answer to a match, and a chunk of its
    own program. If a trust root is pinned, it must also refresh the signed metadata and verify its own release by it: a
    release with a broken client could never be updated again. Then it must run for the soak time. */

#include <fcntl.h>
#include <string.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/time.h"
#include "node/application.h"

enum { VERIFY_PAUSE = 5 /* between two checks of the metadata, as a multiple of `update/resend` */ };

static void proof_check (void *context);
static void on_matched (void *context, const struct wire_matched *matched);

static void proof_check_in (struct node_application *app, uint64_t delay_ms)
{
    bus_timer_cancel (app->process->loop, app->proving);
    app->proving = bus_timer_start (app->process->loop, delay_ms, proof_check, app);
}

static void match_send (struct node_application *app)
{
    base_assert (app->process->session);
    char transaction[65];
    (void) snprintf (transaction, sizeof transaction, "trial-%.50s", app->order.transaction);
    struct wire_match match = {.application = app->name,
                               .release = app->running->installed.release,
                               .transaction = transaction,
                               .attempt = app->order.attempt ? app->order.attempt : 1};
    (void) node_match_begin (&app->proof_match, app->process->session, &match, on_matched, app);
}

static uint64_t chunk_size (const struct node_application *app)
{
    uint64_t size = app->running->installed.envelope->size;
    return size < NODE_PROOF_CHUNK_MOST ? size : NODE_PROOF_CHUNK_MOST;
}

/*  Opens the running program. That of this process is opened through the kernel, because its file may have
    been replaced. Returns a descriptor, which the caller owns, or -1. */
static int program_open (const struct node_application *app)
{
    char path[ROOT_NAME_SIZE + sizeof "/" ROOT_PROGRAM];
    if (app->kind->is_manager)
        return open ("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    (void) snprintf (path, sizeof path, "%s/" ROOT_PROGRAM, app->running->workspace);
    return openat (app->root->fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

static void get_send (struct node_application *app)
{
    base_assert (app->proof_user.content);
    struct wire_get get = {.digest = app->running->installed.envelope->binary, .length = chunk_size (app)};
    node_content_get (&app->proof_user, &get);
}

/*  Requests what is missing. Ends the trial when the proof is complete and the soak time is over. */
static void proof_check (void *context)
{
    struct node_application *app = context;
    app->proving = 0;
    if (app->procedure.state != WIRE_STATE_TRIAL)
        return;
    uint64_t left = update_proof_left_ms (&app->proof, base_time_boot_ms ());
    if (left == 0) {
        node_event (app, UPDATE_EVENT_DONE);
        return;
    }
    if (left != UINT64_MAX) {
        proof_check_in (app, left);
        return;
    }
    if (!app->proof.announced)
        node_subject_ask (&app->subject); /* an origin announces to a node on trial that asks */
    if (!app->proof.fetched)
        get_send (app);
    proof_check_in (app, app->process->config->resend_ms);
}

void node_trial_end (struct node_application *app)
{
    bus_timer_cancel (app->process->loop, app->proving);
    app->proving = 0;
    bus_timer_cancel (app->process->loop, app->verifying);
    app->verifying = 0;
    node_match_cancel (&app->proof_match);
    node_trust_cancel (&app->proof_trust);
    node_content_leave (&app->proof_user);
}

/*  shown: the member of app->proof. */
static void proof_note (struct node_application *app, bool *shown, const char *what)
{
    if (*shown || app->procedure.state != WIRE_STATE_TRIAL)
        return;
    base_assert (!update_proof_is_complete (&app->proof));
    *shown = true;
    base_log (BASE_LOG_DEBUG, "on trial: %s", what);
    if (update_proof_is_complete (&app->proof)) {
        app->proof.since_ms = base_time_boot_ms ();
        proof_check_in (app, app->proof.soak_ms);
    }
}

void node_trial_announced (struct node_application *app)
{
    proof_note (app, &app->proof.announced, "an announcement was received");
}

static void on_matched (void *context, const struct wire_matched *matched)
{
    struct node_application *app = context;
    (void) matched; /* a withdrawn release counts, too: the proof is that the origin answers */
    proof_note (app, &app->proof.matched, "a match was answered");
}

bool node_trial_chunk_fits (int fd, const void *bytes, size_t size)
{
    uint8_t own[NODE_PROOF_CHUNK_MOST];
    base_assert (bytes && size <= sizeof own);
    return fd >= 0 && pread (fd, own, size, 0) == (ssize_t) size && memcmp (own, bytes, size) == 0;
}

static void on_chunk (void *context, const struct wire_chunk *chunk, const void *payload, size_t size)
{
    struct node_application *app = context;
    if (chunk->status != WIRE_STATUS_OK || size == 0 || size != chunk_size (app))
        return;
    base_cleanup (base_close_p) int fd = program_open (app);
    if (!node_trial_chunk_fits (fd, payload, size))
        base_log (BASE_LOG_WARNING, "on trial: a chunk from the origin differs from the running program");
    else {
        proof_note (app, &app->proof.fetched, "a chunk was fetched and verified");
        node_content_leave (&app->proof_user);
    }
}

static const struct node_content_ops content_ops = {.chunk = on_chunk};

static void verify_begin (void *context);

/*  A refusal is no verdict about the version: the origin may have other metadata later. */
static void on_verified (void *context, const struct node_trust_answer *answer)
{
    struct node_application *app = context;
    base_assert (app->procedure.state == WIRE_STATE_TRIAL && app->verifying == 0);
    if (answer->verdict == NODE_TRUST_VERIFIED) {
        node_trust_note (app, &app->running->installed.release, answer->custom->counter);
        proof_note (app, &app->proof.verified, "the release was verified by signed metadata");
        return;
    }
    base_log_limited (&app->process->log, BASE_LOG_WARNING, "on trial: %s", answer->reason);
    app->verifying = bus_timer_start (app->process->loop, VERIFY_PAUSE * app->process->config->resend_ms,
                                      verify_begin, app);
}

static void verify_begin (void *context)
{
    struct node_application *app = context;
    const struct wire_installed *installed = &app->running->installed;
    struct node_trust_question question = {
        .release = &installed->release, .version = installed->envelope->version, .on_trial = true};
    app->verifying = 0;
    if (app->proof.verify && !app->proof.verified)
        node_trust_begin (&app->proof_trust, app, &question, on_verified, app);
}

void node_trial_begin (struct node_application *app)
{
    base_assert (app->procedure.state == WIRE_STATE_TRIAL);
    base_assert (app->process->content && app->running->installed.envelope);
    app->proof = (struct update_proof){.soak_ms = app->process->config->soak_ms,
                                       .verify = node_trust_is_on (app->process)};
    node_content_leave (&app->proof_user);
    node_content_join (app->process->content, &app->proof_user, &content_ops, app);
    match_send (app);
    verify_begin (app);
    proof_check (app);
}
