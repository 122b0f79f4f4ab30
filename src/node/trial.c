/* SPDX-License-Identifier: MPL-2.0 */
/*  node/trial.c - how a version on trial proves itself

    Over the real origin it must receive an announcement, have a match answered and verify a chunk. Then it
    must run for the soak time. */

#include <fcntl.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/time.h"
#include "node/manager.h"

enum { CHUNK_SIZE = 64 * 1024 };

static void proof_check (void *context);

static void proof_check_in (struct node_manager *node, uint64_t delay_ms)
{
    bus_timer_cancel (node->loop, node->proving);
    node->proving = bus_timer_start (node->loop, delay_ms, proof_check, node);
}

static void ask_for_match (struct node_manager *node)
{
    char transaction[65];
    (void) snprintf (transaction, sizeof transaction, "trial-%.50s", node->order.transaction);
    struct wire_match match = {.application = (char *) "noded",
                               .release = node->self.installed.release,
                               .transaction = transaction,
                               .attempt = node->order.attempt ? node->order.attempt : 1};
    (void) node_session_match (node->session, &match);
}

static uint64_t chunk_size (const struct node_manager *node)
{
    uint64_t size = node->self.installed.envelope->size;
    return size < CHUNK_SIZE ? size : CHUNK_SIZE;
}

static void ask_for_chunk (struct node_manager *node)
{
    struct wire_get get = {.digest = node->self.installed.envelope->binary, .length = chunk_size (node)};
    (void) node_session_get (node->session, &get);
}

/*  Requests what is missing. Ends the trial when the proof is complete and the soak time is over. */
static void proof_check (void *context)
{
    struct node_manager *node = context;
    node->proving = 0;
    if (node->procedure.state != WIRE_STATE_TRIAL)
        return;
    uint64_t left = update_proof_left_ms (&node->proof, base_time_boot_ms ());
    if (left == 0) {
        node_event (node, UPDATE_EVENT_DONE);
        return;
    }
    if (left != UINT64_MAX) {
        proof_check_in (node, left);
        return;
    }
    if (!node->proof.announced)
        node_session_ask (node->session); /* an origin announces to a node on trial that asks */
    if (!node->proof.fetched)
        ask_for_chunk (node);
    proof_check_in (node, node->config->resend_ms);
}

void node_trial_begin (struct node_manager *node)
{
    node->proof = (struct update_proof){.soak_ms = node->config->soak_ms};
    ask_for_match (node);
    proof_check (node);
}

void node_trial_end (struct node_manager *node)
{
    bus_timer_cancel (node->loop, node->proving);
    node->proving = 0;
    node_session_content_close (node->session);
}

static void proof_note (struct node_manager *node, bool *shown, const char *what)
{
    if (*shown || node->procedure.state != WIRE_STATE_TRIAL)
        return;
    *shown = true;
    base_log (BASE_LOG_DEBUG, "on trial: %s", what);
    if (update_proof_is_complete (&node->proof)) {
        node->proof.since_ms = base_time_boot_ms ();
        proof_check_in (node, node->proof.soak_ms);
    }
}

void node_trial_announced (struct node_manager *node)
{
    proof_note (node, &node->proof.announced, "an announcement was received");
}

void node_trial_matched (struct node_manager *node, const struct wire_matched *matched)
{
    (void) matched; /* also if the release was withdrawn: the proof is that the origin can be asked */
    proof_note (node, &node->proof.matched, "a match was answered");
}

bool node_trial_chunk (struct node_manager *node, const struct wire_chunk *chunk, const void *payload,
                       size_t size)
{
    if (node->procedure.state != WIRE_STATE_TRIAL)
        return false;
    if (chunk->status != WIRE_STATUS_OK || chunk->offset != 0 || size == 0 || size != chunk_size (node) ||
        !base_digest_equal (&chunk->digest, &node->self.installed.envelope->binary))
        return true;
    uint8_t own[CHUNK_SIZE];
    base_cleanup (base_close_p) int fd = open ("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || pread (fd, own, size, 0) != (ssize_t) size || memcmp (own, payload, size) != 0)
        base_log (BASE_LOG_WARNING, "on trial: a chunk from the origin differs from the running program");
    else {
        proof_note (node, &node->proof.fetched, "a chunk was fetched and verified");
        node_session_content_close (node->session);
    }
    return true;
}
