/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/node/actions.c - the steps of an update, from the match to a staged workspace */

#include <sys/resource.h>

#include "fixture.h"

#include "base/digest.h"
#include "wire/envelope.h"

enum { BLOBS_MOST = 4 };

/*  The content peer. */
static struct bus_socket *peer;
static struct blob {
    struct base_digest digest;
    const void *data;
    size_t size;
    unsigned requests;
    bool corrupt; /* it is served with other bytes */
} blobs[BLOBS_MOST];
static unsigned n_blobs, other_gets;
static bool is_silent;

static const char program[] = "the program of version 2";
static struct base_buffer document;
static struct wire_envelope offered;

static void chunk_serve (void *context, struct bus_socket *socket, const struct bus_message *message)
{
    (void) context;
    cr_assert_eq (message->record, &wire_get_record);
    const struct wire_get *get = message->body;
    unsigned i = 0;
    while (i < n_blobs && !base_digest_equal (&blobs[i].digest, &get->digest))
        i++;
    bus_loop_stop (process.loop);
    if (i == n_blobs) {
        other_gets++;
        return;
    }
    blobs[i].requests++;
    if (is_silent)
        return;
    char payload[4096];
    size_t size = get->offset < blobs[i].size ? blobs[i].size - get->offset : 0;
    size = size < get->length ? size : get->length;
    cr_assert_leq (size, sizeof payload);
    if (size > 0)
        memcpy (payload, (const char *) blobs[i].data + get->offset, size);
    if (blobs[i].corrupt)
        payload[0] ^= 1;
    struct wire_chunk chunk = {.status = WIRE_STATUS_OK,
                               .digest = get->digest,
                               .offset = get->offset,
                               .length = get->length,
                               .size = blobs[i].size};
    (void) bus_send_payload (socket, &message->peer, &wire_chunk_record, &chunk, payload, size, NULL, NULL);
}

static struct base_digest blob_add (const void *data, size_t size)
{
    cr_assert_lt (n_blobs, BLOBS_MOST);
    blobs[n_blobs] = (struct blob){.digest = base_digest_of (data, size), .data = data, .size = size};
    return blobs[n_blobs++].digest;
}

static void setup (void)
{
    struct base_error error = {.code = 0};
    struct bus_socket_options options = {.on_message = chunk_serve, .quiet = true};
    fixture_setup_counting ();
    cr_assert_eq (bus_socket_new (process.loop, BUS_ROUTER, &options, &peer, &error), 0, "%s", error.text);
    cr_assert_eq (bus_socket_bind (peer, config.endpoints.content, &error), 0, "%s", error.text);
}

static void teardown (void)
{
    peer = bus_socket_free (peer);
    base_buffer_deinit (&document);
    fixture_teardown ();
}

TestSuite (actions, .init = setup, .fini = teardown);

/*  Offers a release: its document is blob 0 and its program blob 1. Returns its digest. */
static struct base_digest release_offer (const char *application, const char *platform)
{
    struct base_error error = {.code = 0};
    offered = (struct wire_envelope){.application = application,
                                     .version = "2",
                                     .platform = platform,
                                     .binary = base_digest_of (program, sizeof program),
                                     .size = sizeof program};
    cr_assert_eq (wire_envelope_pack_release (&offered, &document, &error), 0, "%s", error.text);
    struct base_digest release = blob_add (document.data, document.size);
    (void) blob_add (program, sizeof program);
    return release;
}

/*  Takes up an order to update to a release, whose match is answered with that size. */
static void order_match (uint64_t epoch, const struct base_digest *release, uint64_t size)
{
    struct wire_desired desired = desired_update (epoch);
    struct wire_matched matched = {.application = "noded",
                                   .transaction = "t-1",
                                   .attempt = 1,
                                   .status = WIRE_STATUS_OK,
                                   .release = *release,
                                   .size = size};
    desired.release = *release;
    node_orders_desired (&app, &desired);
    cr_assert_eq (app.procedure.state, WIRE_STATE_MATCHING);
    node_orders_matched (&app, &matched);
}

/*  Returns the outcome of the fetching step, which ended the order, and its reason. */
static enum wire_outcome fetch_end (const char **ret_reason)
{
    run_until_state (WIRE_STATE_IDLE);
    cr_expect_eq (app.order_state.epoch, 5, "the order has ended");
    cr_expect_null (app.fetch);
    return journal_last (wire_state_word (WIRE_STATE_FETCHING), ret_reason);
}

static void workspace_path (char ret_path[128], const char *file)
{
    (void) snprintf (ret_path, 128, "%s/%s", app.order.workspace, file);
}

static bool file_exists (const char *path)
{
    return faccessat (process.root.fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

Test (actions, the_document_and_then_the_files_of_its_envelope_become_a_workspace)
{
    struct base_digest release = release_offer ("noded", identity_platform ());
    struct wire_installed installed = {.envelope = NULL};
    order_match (5, &release, document.size);
    while (!blobs[0].requests)
        cr_assert_eq (bus_loop_run (process.loop), 0);
    cr_expect_eq (blobs[1].requests, 0, "the document says what else is needed");
    run_until_state (WIRE_STATE_PROBING);
    cr_expect_eq (calls.probes, 1);
    cr_assert_eq (root_workspace_read (&process.root, app.order.workspace, &installed, NULL), 0);
    cr_expect (base_digest_equal (&installed.release, &release));
    cr_expect (wire_envelope_equal (installed.envelope, &offered));
    cr_expect_str_eq (installed.transaction, "t-1");
    cr_expect_eq (root_workspace_verify (&process.root, app.order.workspace, NULL, NULL), 0);
    cr_expect_eq (blobs[0].requests, 1);
    cr_expect_eq (blobs[1].requests, 1);
    cr_expect_eq (other_gets, 0);
    wire_installed_deinit (&installed);
}

Test (actions, a_document_of_another_application_is_refused)
{
    const char *reason;
    struct base_digest release = release_offer ("web", NULL);
    order_match (5, &release, document.size);
    cr_expect_eq (fetch_end (&reason), WIRE_OUTCOME_REFUSED);
    cr_expect (strstr (reason, "web"), "%s", reason);
    cr_expect_eq (blobs[1].requests, 0);
}

Test (actions, a_document_without_an_envelope_for_this_platform_is_refused)
{
    const char *reason;
    struct base_digest release = release_offer ("noded", "linux/pdp11");
    order_match (5, &release, document.size);
    cr_expect_eq (fetch_end (&reason), WIRE_OUTCOME_REFUSED);
    cr_expect (strstr (reason, identity_platform ()), "%s", reason);
    cr_expect_eq (blobs[1].requests, 0);
}

Test (actions, an_envelope_that_runs_already_ends_the_order_with_nothing_to_do)
{
    const char *reason;
    cr_assert_eq (wire_envelope_pack_release (&envelope, &document, NULL), 0);
    struct base_digest release = blob_add (document.data, document.size);
    order_match (5, &release, document.size);
    cr_expect_eq (fetch_end (&reason), WIRE_OUTCOME_NOTHING);
    cr_expect_eq (other_gets, 0, "nothing but the document was downloaded");
    cr_expect_eq (calls.aborts, 0);
    cr_expect_null (app.order_state.last_error);
}

Test (actions, a_document_that_cannot_be_read_fails_the_update)
{
    const char *reason;
    struct base_digest release = blob_add ("no document", 11);
    struct wire_failure failure;
    order_match (5, &release, 11);
    cr_expect_eq (fetch_end (&reason), WIRE_OUTCOME_FAILED);
    cr_expect (strstr (reason, "release document"), "%s", reason);
    cr_expect_eq (root_quarantine_find (&process.root, &release, &failure), ROOT_E_NONE);
}

Test (actions, a_document_with_other_bytes_is_not_used_and_its_blob_is_named)
{
    const char *reason;
    struct base_digest release = release_offer ("noded", NULL);
    blobs[0].corrupt = true;
    order_match (5, &release, document.size);
    cr_expect_eq (fetch_end (&reason), WIRE_OUTCOME_FAILED);
    cr_assert_not_null (app.order_state.last_error);
    cr_expect (base_digest_equal (&app.order_state.last_error->blob, &release));
    cr_expect_eq (blobs[1].requests, 0);
}

Test (actions, a_damaged_file_is_fetched_again_without_the_document)
{
    struct base_digest release = release_offer ("noded", NULL);
    order_match (5, &release, document.size);
    run_until_state (WIRE_STATE_PROBING);
    app.procedure.state = WIRE_STATE_STAGING;
    node_event (&app, UPDATE_EVENT_MISSING);
    cr_expect_eq (app.procedure.state, WIRE_STATE_FETCHING);
    run_until_state (WIRE_STATE_PROBING);
    cr_expect_eq (blobs[0].requests, 1);
    cr_expect_eq (calls.probes, 2);
}

Test (actions, a_match_without_a_document_is_refused_or_fails)
{
    static const struct {
        enum wire_status status;
        enum wire_outcome outcome;
    } answers[] = {{WIRE_STATUS_NONE, WIRE_OUTCOME_REFUSED},
                   {WIRE_STATUS_GONE, WIRE_OUTCOME_REFUSED},
                   {WIRE_STATUS_INVALID, WIRE_OUTCOME_FAILED},
                   {WIRE_STATUS_OK, WIRE_OUTCOME_FAILED}};
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        const char *reason;
        struct wire_desired desired = desired_update (i + 1);
        struct wire_matched matched = {.status = answers[i].status}; /* no size */
        node_orders_desired (&app, &desired);
        node_orders_matched (&app, &matched);
        cr_expect_eq (app.procedure.state, WIRE_STATE_IDLE);
        cr_expect_eq (journal_last (wire_state_word (WIRE_STATE_MATCHING), &reason), answers[i].outcome, "%s",
                      wire_status_word (answers[i].status));
        cr_expect_eq (app.order_state.epoch, i + 1);
    }
}

Test (actions, a_late_answer_to_a_match_changes_nothing)
{
    struct wire_matched matched = {.status = WIRE_STATUS_GONE};
    node_orders_matched (&app, &matched);
    cr_expect_eq (app.procedure.state, WIRE_STATE_IDLE);
    cr_expect_eq (journal_count (wire_state_word (WIRE_STATE_MATCHING)), 0);
}

Test (actions, a_cancellation_stops_the_download)
{
    struct wire_desired desired = desired_update (5);
    struct base_digest release = release_offer ("noded", NULL);
    is_silent = true;
    order_match (5, &release, document.size);
    while (!blobs[0].requests)
        cr_assert_eq (bus_loop_run (process.loop), 0);
    desired.release = release;
    desired.epoch = desired.cancel_epoch = 6;
    node_orders_desired (&app, &desired);
    cr_expect_eq (app.procedure.state, WIRE_STATE_IDLE);
    cr_expect_null (app.fetch);
    cr_expect_eq (calls.aborts, 1);
    cr_expect_eq (app.deadline, 0, "no deadline is left at idle");
}

/*  A person made another version stable during the download, of an application that runs within this process. */
Test (actions, a_restart_within_this_process_ends_the_step)
{
    static const struct node_kind inside = {.application = "noded", .own_size = 1, .ops = &counting_ops};
    struct base_digest release = release_offer ("noded", NULL);
    app.kind = &inside;
    app.root = &app.opened;
    app.running = &app.runs;
    cr_assert_eq (root_open (&disk_system, directory, &app.opened, NULL), 0);
    is_silent = true;
    order_match (5, &release, document.size);
    while (!blobs[0].requests)
        cr_assert_eq (bus_loop_run (process.loop), 0);
    node_application_restarted (&app);
    cr_expect_eq (app.procedure.state, WIRE_STATE_IDLE);
    cr_expect_null (app.fetch);
    cr_expect_eq (calls.aborts, 1);
    cr_expect_eq (calls.prove_ends, 1);
    cr_expect_eq (app.deadline, 0);
}

Test (actions, a_step_that_takes_too_long_fails_with_its_time)
{
    const char *reason;
    struct wire_desired desired = desired_update (5);
    config.limits.matching_ms = 20;
    node_orders_desired (&app, &desired);
    run_until_state (WIRE_STATE_IDLE);
    cr_expect_eq (journal_last (wire_state_word (WIRE_STATE_MATCHING), &reason), WIRE_OUTCOME_FAILED);
    cr_expect (strstr (reason, "20 ms"), "%s", reason);
}

Test (actions, a_download_that_takes_too_long_says_how_far_it_came)
{
    const char *reason;
    struct base_digest release = release_offer ("noded", NULL);
    is_silent = true;
    config.limits.fetching_ms = 100;
    order_match (5, &release, document.size);
    cr_expect_eq (fetch_end (&reason), WIRE_OUTCOME_FAILED);
    cr_expect (strstr (reason, "0 of"), "%s", reason);
}

Test (actions, a_release_that_is_to_blame_is_quarantined_and_its_workspace_removed)
{
    struct wire_failure failure = {.transaction = NULL};
    char path[128];
    workspace_make (RUNNING);
    cr_assert_eq (root_stable_set (&process.root, RUNNING, NULL), 0);
    struct base_digest release = release_offer ("noded", NULL);
    order_match (5, &release, document.size);
    run_until_state (WIRE_STATE_PROBING);
    workspace_path (path, "manifest");
    cr_assert (file_exists (path));
    (void) snprintf (app.order.step, sizeof app.order.step, "probing/hand-over");
    node_fail (&app, UPDATE_EVENT_BLAMED, "it did not hand over");
    cr_expect_not (file_exists (path));
    cr_assert_eq (root_quarantine_find (&process.root, &release, &failure), 0);
    cr_expect_str_eq (failure.step, "probing/hand-over");
    cr_expect_str_eq (failure.reason, "it did not hand over");
    cr_expect_str_eq (failure.version, "2");
    cr_expect_eq (calls.aborts, 1);
    wire_failure_deinit (&failure);
}

/*  An empty list would be stored by the origin in the place of the one that it has. */
Test (actions, a_quarantine_that_cannot_be_read_is_reported_as_before)
{
    struct wire_failure failure = {.transaction = "t",
                                   .release = {{7}},
                                   .step = "trial",
                                   .reason = "crashed",
                                   .time = "2026-01-01T00:00:00.000000000Z"};
    struct wire_application before, now;
    struct rlimit limit, none;
    cr_assert_eq (root_quarantine_add (&process.root, &failure, NULL), 0);
    node_describe (&app, &before);
    cr_assert_eq (before.quarantined, 1);
    cr_assert_eq (getrlimit (RLIMIT_NOFILE, &limit), 0);
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = limit.rlim_max};
    cr_assert_eq (setrlimit (RLIMIT_NOFILE, &none), 0);
    node_describe (&app, &now);
    cr_assert_eq (setrlimit (RLIMIT_NOFILE, &limit), 0);
    cr_expect_eq (now.quarantined, 1);
    cr_expect (base_digest_equal (&now.quarantine_digest, &before.quarantine_digest));
}

Test (actions, a_quarantine_that_could_never_be_read_is_reported_as_unknown)
{
    struct wire_application now;
    struct rlimit limit, none;
    cr_assert_eq (getrlimit (RLIMIT_NOFILE, &limit), 0);
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = limit.rlim_max};
    cr_assert_eq (setrlimit (RLIMIT_NOFILE, &none), 0);
    node_describe (&app, &now);
    cr_assert_eq (setrlimit (RLIMIT_NOFILE, &limit), 0);
    cr_expect (now.quarantine_unknown);
    node_describe (&app, &now);
    cr_expect_not (now.quarantine_unknown);
    cr_expect_eq (now.quarantined, 0);
}

Test (actions, a_candidate_that_became_stable_is_not_removed)
{
    char path[128];
    struct base_digest release = release_offer ("noded", NULL);
    order_match (5, &release, document.size);
    run_until_state (WIRE_STATE_PROBING);
    workspace_path (path, "manifest");
    cr_assert_eq (root_stable_set (&process.root, app.order.workspace, NULL), 0);
    app.procedure.state = WIRE_STATE_SWITCHING;
    node_fail (&app, UPDATE_EVENT_FAILED, "for the test");
    cr_expect (file_exists (path));
}

Test (actions, a_candidate_is_kept_while_it_is_unknown_what_is_stable)
{
    char path[128];
    struct base_digest release = release_offer ("noded", NULL);
    order_match (5, &release, document.size);
    run_until_state (WIRE_STATE_PROBING);
    workspace_path (path, "manifest");
    node_fail (&app, UPDATE_EVENT_FAILED, "for the test"); /* there is no stable */
    cr_expect (file_exists (path));
}

Test (actions, a_confirmed_order_forgets_the_last_error_and_its_trial)
{
    struct wire_failure failure = {
        .transaction = "t-0", .step = "probing", .reason = "earlier", .time = "2026-01-01T00:00:00Z"};
    struct wire_trial trial = {.transaction = NULL};
    node_remember_failure (&app, &failure);
    trial_note ();
    app.order.epoch = 5;
    app.procedure.state = WIRE_STATE_CONFIRMED;
    node_event (&app, UPDATE_EVENT_DONE);
    cr_expect_eq (app.order_state.epoch, 5);
    cr_expect_null (app.order_state.last_error);
    cr_expect_neq (root_trial_recall (&process.root, &trial), 0);
}
