/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/node/blame.c - a release that never confirmed itself is blamed only if this version passes the same
    checks for as long as the trial lasted */

#include "origin.h"

#include "root/metadata.h"

#include "test/lib/log_lines.h"
#include "test/lib/rows.h"

enum { EPOCH = 5, HOUR_MS = 3600 * 1000 };

static unsigned judged;
static bool guilty;
static uint64_t started_ms, judged_ms;
static char judged_transaction[65];

static void on_judge (struct node_application *application, const struct wire_failure *failure,
                      bool is_guilty)
{
    cr_expect_eq (application, &app);
    judged++;
    judged_ms = base_time_boot_ms ();
    guilty = is_guilty;
    cr_expect_eq (base_text_copy (judged_transaction, sizeof judged_transaction, failure->transaction), 0);
    bus_loop_stop (process.loop);
}

static void on_welcome (void *context, const struct wire_welcome *welcome)
{
    (void) context;
    (void) welcome;
    node_blame_welcome (&app);
    bus_loop_stop (process.loop);
}

static void on_desired (void *context, const struct wire_desired *desired)
{
    (void) context;
    (void) desired;
}

static const struct node_session_ops welcome_ops = {.welcome = on_welcome};
static const struct node_subject_ops asking_ops = {.describe = on_describe, .desired = on_desired};

/*  RUNNING runs after a rollback from CANDIDATE. Their programs differ; the content peer serves the one that was
    on trial. */
static void setup (void)
{
    fixture_setup_counting ();
    log_lines_begin ();
    config.trial.confirm_ms = load_deadline_ms (700);
    config.answer_ms = load_deadline_ms (250);
    config.soak_ms = 0;
    config.limits.unfit_ms = HOUR_MS;
    origin_start (&welcome_ops, &asking_ops);
    workspace_seal (RUNNING);
    workspace_seal (CANDIDATE);
    int fd = openat (process.root.fd, CANDIDATE "/" ROOT_PROGRAM, O_WRONLY | O_CLOEXEC);
    cr_assert_eq (write (fd, "PROGRAM", sizeof "PROGRAM"), (ssize_t) sizeof "PROGRAM");
    close (fd);
    blob_size = sizeof "PROGRAM";
    memcpy (blob, "PROGRAM", blob_size);
}

static void teardown (void)
{
    node_blame_free (&app);
    origin_end ();
    fixture_teardown ();
}

TestSuite (blame, .init = setup, .fini = teardown, .timeout = 60);

static void blame_begin_attempt (unsigned attempt)
{
    char transaction[] = "t-1";
    struct wire_failure failure = {.transaction = transaction,
                                   .release = wanted,
                                   .step = "trial",
                                   .reason = "a reason",
                                   .time = "2026-01-03T00:00:00Z"};
    struct node_order order = {
        .epoch = EPOCH, .attempt = attempt, .transaction = "t-1", .workspace = CANDIDATE};
    started_ms = base_time_boot_ms ();
    node_blame_begin (&app, &failure, &order, on_judge);
    cr_assert_not_null (app.blame);
    memset (transaction, 'x', 3);
}

/*  Begins the blame check of a first attempt, and says hello to the origin. */
static void blame_begin (void)
{
    blame_begin_attempt (1);
    node_session_open (process.session);
}

/*  The same, until the first round runs; an announcement arrives. */
static void blame_begin_announced (void)
{
    blame_begin ();
    RUN_UNTIL (matches > 0);
    node_blame_announced (&app);
}

static void expect_not_guilty (const char *why)
{
    RUN_UNTIL (judged);
    cr_expect_eq (judged, 1);
    cr_expect_not (guilty, "%s", why);
    cr_expect_eq (log_lines_count (why), 1, "\"%s\" is not in: %s", why, log_lines ());
    cr_expect_eq (log_lines_count ("the release is not quarantined"), 1);
    cr_expect (node_blame_waits (&app, EPOCH), "the order waits");
    cr_expect_null (app.blame ? NULL : &app, "it is kept while the order waits");
}

/*  Whether the verdict came before the time of a trial was over. */
static bool is_judged_early (void)
{
    return judged_ms < started_ms + config.trial.confirm_ms;
}

/*  Guilty. */

Test (blame, a_release_is_blamed_if_every_check_passes_for_the_whole_time)
{
    blame_begin_announced ();
    RUN_UNTIL (judged);
    cr_expect (guilty, "%s", log_lines ());
    cr_expect_eq (judged, 1);
    cr_expect_not (is_judged_early (), "judged after %lu ms", (unsigned long) (judged_ms - started_ms));
    cr_expect_geq (matches, 3, "it asks again and again");
    cr_expect_geq (pieces, 3);
    cr_expect_eq (get_length, sizeof "PROGRAM", "the program of the version that was on trial");
    cr_expect_str_eq (judged_transaction, "t-1");
    cr_expect_eq (log_lines_count ("the release is not quarantined"), 0);
}

Test (blame, a_release_that_signed_metadata_did_not_allow_on_trial_is_not_blamed)
{
    static char time[] = "2026-01-03T00:00:00Z", application[] = "noded", reason[] = "expired",
                workspace[] = CANDIDATE;
    const struct wire_trust_fault fault = {
        .time = time, .application = application, .reason = reason, .workspace = workspace};
    base_cleanup (base_buffer_deinit) struct base_buffer pinned = {0};
    struct root_metadata files;
    cr_assert_eq (root_metadata_pin (&process.root, "root", 4, NULL), 0);
    cr_assert_eq (root_metadata_open (&process.root, &files, &pinned, NULL), 0);
    cr_assert_eq (root_fault_write (&files, &fault, NULL), 0);
    blame_begin_announced ();
    expect_not_guilty ("signed metadata did not allow it while it was on trial");
    cr_expect_not (is_judged_early ());
}

Test (blame, a_release_that_another_version_could_not_verify_on_trial_is_blamed)
{
    static char time[] = "2026-01-03T00:00:00Z", application[] = "noded", reason[] = "expired",
                workspace[] = BEFORE;
    const struct wire_trust_fault fault = {
        .time = time, .application = application, .reason = reason, .workspace = workspace};
    base_cleanup (base_buffer_deinit) struct base_buffer pinned = {0};
    struct root_metadata files;
    cr_assert_eq (root_metadata_pin (&process.root, "root", 4, NULL), 0);
    cr_assert_eq (root_metadata_open (&process.root, &files, &pinned, NULL), 0);
    cr_assert_eq (root_fault_write (&files, &fault, NULL), 0);
    blame_begin_announced ();
    RUN_UNTIL (judged);
    cr_expect (guilty);
}

Test (blame, a_verdict_of_guilt_ends_the_check_at_once)
{
    blame_begin_announced ();
    RUN_UNTIL (judged);
    cr_expect (guilty);
    cr_expect_null (app.blame);
    cr_expect_not (node_blame_waits (&app, EPOCH));
    cr_expect_not (app.subject.hint_wanted);
    unsigned seen = matches + pieces;
    (void) bus_timer_start (process.loop, 3 * config.answer_ms, loop_stop, NULL);
    cr_assert_eq (bus_loop_run (process.loop), 0);
    cr_expect_eq (matches + pieces, seen, "it still asks");
}

Test (blame, the_soak_time_counts_from_the_last_check)
{
    config.soak_ms = load_deadline_ms (300);
    blame_begin ();
    RUN_UNTIL (matches > 1);
    node_blame_announced (&app);
    RUN_UNTIL (judged);
    cr_expect (guilty, "%s", log_lines ());
}

Test (blame, without_the_workspace_of_the_trial_this_version_checks_its_own_program)
{
    cr_assert_eq (disk_tree_remove (&disk_system, process.root.fd, CANDIDATE, NULL), 0);
    blob[0] = 'p';
    blame_begin_announced ();
    RUN_UNTIL (judged);
    cr_expect (guilty, "%s", log_lines ());
}

/*  Not guilty. */

Test (blame, without_a_broker_no_release_is_blamed)
{
    blame_begin_attempt (1);
    expect_not_guilty ("(the broker did not answer)");
    cr_expect_eq (matches, 0);
    cr_expect (is_judged_early (), "no answer within the limit is enough");
    cr_expect_geq (judged_ms - started_ms, config.answer_ms);
}

Test (blame, without_an_answered_match_no_release_is_blamed)
{
    answers_matches = false;
    blame_begin_announced ();
    expect_not_guilty ("(a match was not answered in time)");
    cr_expect_geq (judged_ms - started_ms, config.answer_ms);
    cr_expect_gt (chunks, 0);
}

Test (blame, an_origin_that_answers_at_first_only_is_noticed)
{
    config.trial.confirm_ms = HOUR_MS;
    blame_begin_announced ();
    RUN_UNTIL (matches >= 2);
    answers_matches = false;
    expect_not_guilty ("(a match was not answered in time)");
}

Test (blame, an_origin_that_leaves_at_the_end_is_noticed)
{
    config.trial.confirm_ms = load_deadline_ms (600);
    blame_begin_announced ();
    answers_until_ms = started_ms + config.trial.confirm_ms;
    expect_not_guilty ("(a match was not answered in time)");
    cr_expect_not (is_judged_early (), "it left only after the time");
}

Test (blame, a_content_peer_that_leaves_at_the_end_is_noticed)
{
    config.trial.confirm_ms = load_deadline_ms (600);
    blame_begin_announced ();
    serves_until_ms = started_ms + config.trial.confirm_ms;
    expect_not_guilty ("(a chunk was not fetched and verified in time)");
    cr_expect_not (is_judged_early (), "it left only after the time");
}

Test (blame, an_origin_that_refuses_a_match_has_answered_it)
{
    match_status = WIRE_STATUS_GONE;
    blame_begin_announced ();
    RUN_UNTIL (judged);
    cr_expect (guilty, "%s", log_lines ());
}

Test (blame, without_a_chunk_no_release_is_blamed)
{
    serves = false;
    blame_begin_announced ();
    expect_not_guilty ("(a chunk was not fetched and verified in time)");
    cr_expect_geq (pieces, 2, "it is asked for again");
}

Test (blame, a_content_peer_that_serves_at_first_only_is_noticed)
{
    config.trial.confirm_ms = HOUR_MS;
    blame_begin_announced ();
    RUN_UNTIL (chunks >= 2);
    serves = false;
    expect_not_guilty ("(a chunk was not fetched and verified in time)");
}

Test (blame, a_chunk_with_other_bytes_is_not_fetched)
{
    lies = true;
    blame_begin_announced ();
    expect_not_guilty ("(a chunk was not fetched and verified in time)");
    cr_expect_gt (chunks, 0);
}

Test (blame, the_chunk_is_compared_with_the_version_that_was_on_trial)
{
    blob[0] = 'p'; /* that of the running version */
    blame_begin_announced ();
    expect_not_guilty ("(a chunk was not fetched and verified in time)");
}

Test (blame, without_an_announcement_no_release_is_blamed)
{
    blame_begin ();
    RUN_UNTIL (asks >= 2);
    cr_expect (app.subject.hint_wanted);
    expect_not_guilty ("(no announcement was received)");
    cr_expect_not (is_judged_early ());
    cr_expect_not (app.subject.hint_wanted);
}

Test (blame, an_announcement_is_asked_for_only_until_it_is_received)
{
    blame_begin ();
    RUN_UNTIL (asks >= 2);
    node_blame_announced (&app);
    cr_expect_not (app.subject.hint_wanted);
    round_run ();
    unsigned before = asks;
    RUN_UNTIL (matches >= 3);
    cr_expect_leq (asks, before + 1, "one ask may have been under way");
}

Test (blame, a_soak_time_that_is_not_over_blames_no_release)
{
    config.soak_ms = HOUR_MS;
    blame_begin_announced ();
    expect_not_guilty ("(the soak time was not over)");
    cr_expect_not (is_judged_early ());
}

Test (blame, a_lost_connection_blames_no_release)
{
    blame_begin_announced ();
    node_blame_lost (&app);
    expect_not_guilty ("(the connection to the broker was lost)");
    cr_expect (is_judged_early ());
}

Test (blame, a_second_welcome_shows_that_the_connection_was_lost)
{
    blame_begin_announced ();
    node_blame_welcome (&app);
    expect_not_guilty ("(the connection to the broker was lost)");
}

Test (blame, contact_that_is_lost_before_the_first_welcome_decides_nothing)
{
    blame_begin_attempt (1);
    node_blame_lost (&app);
    cr_expect_eq (judged, 0);
    node_session_open (process.session);
    RUN_UNTIL (matches > 0);
    node_blame_announced (&app);
    RUN_UNTIL (judged);
    cr_expect (guilty);
}

Test (blame, nothing_changes_a_verdict)
{
    answers_matches = false;
    blame_begin_announced ();
    expect_not_guilty ("(a match was not answered in time)");
    node_blame_welcome (&app);
    node_blame_lost (&app);
    node_blame_announced (&app);
    unsigned seen = matches + pieces;
    (void) bus_timer_start (process.loop, 3 * config.answer_ms, loop_stop, NULL);
    cr_assert_eq (bus_loop_run (process.loop), 0);
    cr_expect_eq (judged, 1);
    cr_expect_eq (matches + pieces, seen, "it still asks");
}

/*  The wait. */

Test (blame, only_the_order_of_the_trial_waits)
{
    cr_expect_not (node_blame_waits (&app, EPOCH));
    blame_begin ();
    cr_expect (node_blame_waits (&app, EPOCH), "from the start of the check");
    cr_expect_not (node_blame_waits (&app, EPOCH + 1));
    cr_expect_not (node_blame_waits (&app, EPOCH - 1));
}

static const struct {
    unsigned attempt;
    const char *words;
} waits[] = {{1, " is retried in 60 s\n"},   {2, " is retried in 300 s\n"},  {3, " is retried in 900 s\n"},
             {4, " is retried in 3600 s\n"}, {9, " is retried in 3600 s\n"}, {0, " is retried in 60 s\n"}};

TEST_ROWS (blame, the_order_waits_longer_after_each_attempt, waits)
{
    config.limits.unfit_ms = 60000;
    config.answer_ms = 1;
    blame_begin_attempt (waits[*row].attempt);
    RUN_UNTIL (judged);
    cr_expect_eq (log_lines_count (waits[*row].words), 1, "attempt %u: %s", waits[*row].attempt,
                  log_lines ());
}

Test (blame, after_the_wait_the_origin_is_asked_for_the_order)
{
    config.limits.unfit_ms = load_deadline_ms (100);
    answers_matches = false;
    blame_begin_announced ();
    expect_not_guilty ("(a match was not answered in time)");
    unsigned before = asks;
    RUN_UNTIL (!app.blame);
    cr_expect_geq (base_time_boot_ms () - judged_ms, config.limits.unfit_ms);
    cr_expect_not (node_blame_waits (&app, EPOCH));
    RUN_UNTIL (asks > before);
    cr_expect_eq (judged, 1);
}

/*  Another order. */

Test (blame, a_verdict_during_another_update_does_not_count)
{
    answers_matches = false;
    blame_begin_announced ();
    app.procedure.state = WIRE_STATE_FETCHING;
    RUN_UNTIL (!app.blame);
    cr_expect_eq (judged, 0);
    cr_expect_not (node_blame_waits (&app, EPOCH));
}

Test (blame, a_check_ends_with_its_round_when_another_update_starts)
{
    config.trial.confirm_ms = HOUR_MS;
    blame_begin_announced ();
    RUN_UNTIL (matches >= 2);
    app.procedure.state = WIRE_STATE_FETCHING;
    RUN_UNTIL (!app.blame);
    cr_expect_eq (judged, 0);
}

Test (blame, nothing_is_asked_for_during_another_update)
{
    config.answer_ms = load_deadline_ms (600);
    serves = false;
    blame_begin ();
    RUN_UNTIL (pieces >= 2);
    app.procedure.state = WIRE_STATE_FETCHING;
    round_run ();
    unsigned before = pieces;
    RUN_UNTIL (!app.blame);
    cr_expect_leq (pieces, before + 1, "one may have been under way");
}

Test (blame, a_connection_that_is_lost_during_another_update_does_not_count)
{
    blame_begin_announced ();
    app.procedure.state = WIRE_STATE_FETCHING;
    node_blame_lost (&app);
    cr_expect_eq (judged, 0);
    cr_expect_null (app.blame);
}

Test (blame, a_check_that_is_given_up_leaves_nothing_under_way)
{
    answers_matches = serves = false;
    blame_begin ();
    RUN_UNTIL (matches && pieces);
    node_blame_free (&app);
    cr_expect_null (app.blame);
    cr_expect_not (app.subject.hint_wanted);
    unsigned seen = matches + pieces;
    (void) bus_timer_start (process.loop, 3 * config.answer_ms, loop_stop, NULL);
    cr_assert_eq (bus_loop_run (process.loop), 0);
    cr_expect_eq (judged, 0);
    cr_expect_leq (matches + pieces, seen + 2, "what was sent already may arrive");
}
