/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/rehearsal/fixture.h - a rehearsal whose candidate, guard and start check are played by the test

    The scratch root, the two offers and the origin are real. The functions of guard.h, startcheck.h and
    snapshot.h are defined here: the linker then takes none of the room. */

#ifndef TEST_REHEARSAL_FIXTURE_H
#define TEST_REHEARSAL_FIXTURE_H

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>

#include "base/time.h"
#include "rehearsal/private.h"
#include "test/fault/workspaces.h"
#include "test/lib/load.h"
#include "test/lib/rows.h"

#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wunused-variable"

static const char candidate_program[] = "candidate", offered_program[] = "offered";
static struct identity_config config;
static struct root parent;
static struct identity_self self;
static struct rehearsal rehearsal;
static char candidate[ROOT_NAME_SIZE], offered[ROOT_NAME_SIZE]; /* workspaces of the scratch root */
static char launcher_path[] = "launcher", path_variable[] = "PATH=/bin", *pristine[] = {path_variable, NULL};

/*  How often the owner got the result, and the result. */
static unsigned dones;
static struct rehearsal_result outcome;

/*  The guard: what was asked of it, and what it answers. */
struct rehearsal_guard {
    unsigned kills, stops, frees, checks;
    pid_t killed_one, stopped;
    int kill_one, check; /* return values */
    const char *said;
};
static struct rehearsal_guard guard;

void rehearsal_guard_kill (struct rehearsal_guard *self_guard)
{
    self_guard->kills++;
}

void rehearsal_guard_stop (struct rehearsal_guard *self_guard)
{
    self_guard->stops++;
}

struct rehearsal_guard *rehearsal_guard_free (struct rehearsal_guard *self_guard)
{
    if (self_guard)
        self_guard->frees++;
    return NULL;
}

const char *rehearsal_guard_said (struct rehearsal_guard *self_guard)
{
    return self_guard->said ? self_guard->said : "";
}

const char *rehearsal_guard_last_words (struct rehearsal_guard *self_guard, char *text, size_t size)
{
    cr_assert_eq (self_guard->frees, 0, "the output of a guard that was freed");
    (void) snprintf (text, size, "%s%s", self_guard->said ? "; its last output: " : "",
                     rehearsal_guard_said (self_guard));
    return text;
}

int rehearsal_guard_kill_one (struct rehearsal_guard *self_guard, pid_t pid)
{
    self_guard->killed_one = pid;
    return self_guard->kill_one;
}

pid_t rehearsal_guard_stopped (const struct rehearsal_guard *self_guard)
{
    return self_guard->stopped;
}

int rehearsal_guard_check (const struct rehearsal_guard *self_guard, pid_t pid, struct base_error *error)
{
    (void) pid;
    guard.checks++;
    return self_guard->check ? base_error_set (error, self_guard->check, "it is not below its guard") : 0;
}

/*  The check of the start files. */
struct rehearsal_startcheck {
    rehearsal_startcheck_done *done;
    void *context;
    unsigned starts, ends, frees;
    pid_t stuck;
    int start; /* return value of new */
    const char *fault;
    struct base_digest checked; /* manifest of the workspace that it got */
};
static struct rehearsal_startcheck startcheck;

int rehearsal_startcheck_new (struct bus_loop *loop, const struct root *root, int workspace,
                              const char *launcher, char *const *env, uint64_t deadline_ms,
                              rehearsal_startcheck_done *done, void *context,
                              struct rehearsal_startcheck **ret_check, struct base_error *error)
{
    cr_expect (loop == rehearsal.spec.loop && root == &parent && env == pristine);
    cr_expect_str_eq (launcher, "launcher");
    cr_expect_eq (deadline_ms, config.rehearsal_step_ms);
    if (startcheck.start)
        return startcheck.fault ? base_error_set (error, startcheck.start, "%s", startcheck.fault)
                                : startcheck.start;
    base_cleanup (base_buffer_deinit) struct base_buffer manifest = {0};
    cr_assert_eq (disk_file_read (&disk_system, workspace, ROOT_MANIFEST, 1 << 20, &manifest), 0);
    startcheck.checked = base_digest_of (manifest.data, manifest.size);
    startcheck.done = done;
    startcheck.context = context;
    startcheck.starts++;
    *ret_check = &startcheck;
    return 0;
}

void rehearsal_startcheck_end (struct rehearsal_startcheck *check)
{
    check->ends++;
}

pid_t rehearsal_startcheck_stuck (const struct rehearsal_startcheck *check)
{
    return check->stuck;
}

struct rehearsal_startcheck *rehearsal_startcheck_free (struct rehearsal_startcheck *check)
{
    if (check)
        check->frees++;
    return NULL;
}

/*  The snapshot of the parent's root: what a restore finds. */
struct rehearsal_snapshot {
    unsigned restores;
    int found;
};
static struct rehearsal_snapshot snapshot;

int rehearsal_snapshot_restore (struct rehearsal_snapshot *self_snapshot, struct base_error *error)
{
    cr_expect_null (rehearsal.guard, "restored while processes of the candidate run");
    self_snapshot->restores++;
    return self_snapshot->found ? base_error_set (error, self_snapshot->found, "stable was changed") : 0;
}

static void on_done (void *context, const struct rehearsal_result *result)
{
    (void) context;
    dones++;
    outcome = *result;
    bus_loop_stop (rehearsal.spec.loop);
}

static void on_test_deadline (void *context)
{
    (void) context;
    cr_assert_fail ("the test's deadline has passed");
}

/*  A rehearsal of depth two that waits for the readiness of its candidate. */
static void fixture_setup (void)
{
    struct base_error error = {.code = 0};
    scratch_begin ();
    parent = workspaces_root (&disk_unsynced);
    cr_assert_eq (identity_config_init (&config, parent.path), 0);
    cr_assert_eq (identity_config_set (&config, "node/id", "n1", NULL), 0);
    config.rehearsal_step_ms = load_deadline_ms (60000);
    workspaces_add (&parent, offered_program, self.running.workspace);
    cr_assert_eq (root_workspace_read (&parent, self.running.workspace, &self.running.installed, &error), 0,
                  "%s", error.text);
    rehearsal = (struct rehearsal){.spec = {.loop = bus_loop_new (),
                                            .config = &config,
                                            .root = &parent,
                                            .self = &self,
                                            .candidate = candidate,
                                            .depth = IDENTITY_DEPTH_MINTED},
                                   .done = on_done,
                                   .guard = &guard,
                                   .env = pristine,
                                   .launcher = launcher_path,
                                   .nonce = "the nonce of the candidate",
                                   .started_ms = base_time_boot_ms ()};
    (void) bus_timer_start (rehearsal.spec.loop, load_deadline_ms (30000), on_test_deadline, NULL);
    cr_assert_eq (rehearsal_scratch_make (&parent, &rehearsal.scratch, &error), 0, "%s", error.text);
    cr_assert_eq (rehearsal_scratch_rendezvous (&rehearsal.scratch, &error), 0, "%s", error.text);
    workspaces_add (&rehearsal.scratch.root, candidate_program, candidate);
    cr_assert_eq (root_stable_set (&rehearsal.scratch.root, candidate, &error), 0, "%s", error.text);
    rehearsal.binary = base_digest_of (candidate_program, strlen (candidate_program));
    cr_assert_eq (root_manifest_digest (&rehearsal.scratch.root, candidate, &rehearsal.manifest), 0);
    for (size_t i = 0; i < REHEARSAL_OFFERS; i++)
        cr_assert_eq (
            rehearsal_offer_make (&parent, &self, "ipc:///tmp/callback", &rehearsal.offers[i], &error), 0,
            "%s", error.text);
    char announce[96];
    (void) snprintf (announce, sizeof announce, "ipc://%s/announce", rehearsal.scratch.sockets);
    struct origin_config origin = {.announce = announce};
    cr_assert_eq (origin_new (rehearsal.spec.loop, &origin, &rehearsal_origin_ops, &rehearsal,
                              &rehearsal.origin, &error),
                  0, "%s", error.text);
    rehearsal_enter (&rehearsal, PHASE_READY);
}

static void fixture_teardown (void)
{
    (void) bus_work_free (rehearsal.emptying);
    (void) origin_free (rehearsal.origin);
    for (size_t i = 0; i < REHEARSAL_OFFERS; i++)
        rehearsal_offer_deinit (&rehearsal.offers[i]);
    rehearsal_scratch_deinit (&rehearsal.scratch);
    (void) bus_loop_free (rehearsal.spec.loop);
    wire_installed_deinit (&self.running.installed);
    identity_config_deinit (&config);
    root_deinit (&parent);
    scratch_end ();
}

/*  What the programs send. */

/*  Returns the announcement of the candidate. */
static struct wire_ready ready_of_candidate (void)
{
    return (struct wire_ready){
        .nonce = rehearsal.nonce, .pid = 100, .binary = rehearsal.binary, .manifest = rehearsal.manifest};
}

/*  Returns the announcement of the offered version, which got everything unchanged. */
static struct wire_ready ready_of_offered (const char *nonce)
{
    static const char *args[64], *env[64];
    const struct wire_envelope *envelope = &rehearsal_offer (&rehearsal)->envelope;
    struct wire_ready ready = {
        .nonce = nonce, .pid = 200, .binary = envelope->binary, .manifest = {{7}}, .args = args, .env = env};
    args[ready.n_args++] = "/x/noded";
    args[ready.n_args++] = "run";
    for (size_t i = 0; i < envelope->n_args; i++)
        args[ready.n_args++] = envelope->args[i];
    env[ready.n_env++] = path_variable;
    for (size_t i = 0; i < envelope->n_env; i++)
        env[ready.n_env++] = envelope->env[i];
    return ready;
}

static void ready_send (const struct wire_ready *ready)
{
    struct bus_message message = {.record = &wire_ready_record, .body = ready};
    rehearsal_on_callback (&rehearsal, NULL, &message);
}

static void candidate_announces (void)
{
    struct wire_ready ready = ready_of_candidate ();
    ready_send (&ready);
}

/*  The offered version, started in service by the candidate's start files. */
static void offered_announces (void)
{
    struct wire_ready ready = ready_of_offered (rehearsal.nonce);
    ready_send (&ready);
}

/*  The offered version, as the probe of the candidate. */
static void nested_announces (void)
{
    struct wire_ready ready = ready_of_offered (rehearsal_offer (&rehearsal)->nonce);
    ready_send (&ready);
}

/*  Returns the progress with which the offered version reports that it passed the candidate's offer. */
static struct wire_progress progress_of_nested (void)
{
    return (struct wire_progress){.nonce = rehearsal_offer (&rehearsal)->nonce,
                                  .pid = 200,
                                  .step = wire_state_word (WIRE_STATE_SWITCHING),
                                  .binary = rehearsal.binary,
                                  .outcome = WIRE_OUTCOME_STARTED};
}

static void progress_send (const struct wire_progress *progress)
{
    struct bus_message message = {.record = &wire_progress_record, .body = progress};
    rehearsal_on_callback (&rehearsal, NULL, &message);
}

static void nested_rehearses (void)
{
    struct wire_progress progress = progress_of_nested ();
    progress_send (&progress);
}

/*  Asks with the last announcement. Returns the answer; the caller frees it. */
static struct wire_desired candidate_asks (void)
{
    struct wire_ask ask = {.node = "n1",
                           .session = "s",
                           .application = "noded",
                           .instance = origin_instance (rehearsal.origin),
                           .sequence = origin_sequence (rehearsal.origin)};
    struct wire_desired answer = {.application = NULL};
    cr_assert_eq (rehearsal_origin_ops.ask (&rehearsal, NULL, &ask, &answer), 0);
    return answer;
}

/*  Asks for a release in a transaction. Returns the answer; the caller frees it. */
static struct wire_matched match_ask (const char *transaction, const struct base_digest *release)
{
    struct wire_match match = {
        .node = "n1", .application = "noded", .transaction = transaction, .attempt = 3, .release = *release};
    struct wire_matched answer = {.application = NULL};
    cr_assert_eq (rehearsal_origin_ops.match (&rehearsal, NULL, &match, &answer), 0);
    return answer;
}

static void candidate_receives_the_order (void)
{
    const struct rehearsal_offer *offer = rehearsal_offer (&rehearsal);
    struct wire_desired desired = candidate_asks ();
    struct wire_matched matched = match_ask (offer->transaction, &offer->release);
    wire_desired_deinit (&desired);
    wire_matched_deinit (&matched);
    /* a real update takes longer than the pause between two hints: the last one is over at the hand-over */
    bus_timer_cancel (rehearsal.spec.loop, rehearsal.hint_timer);
    rehearsal.hint_timer = 0;
}

/*  Sends a report and frees its answer. */
static void report_send (const struct wire_report *report)
{
    struct wire_noted answer = {.application = NULL};
    cr_assert_eq (rehearsal_origin_ops.report (&rehearsal, NULL, report, &answer), 0);
    cr_expect_eq (answer.status, WIRE_STATUS_OK);
    cr_expect_str_eq (answer.step, report->step);
    wire_noted_deinit (&answer);
}

/*  The offered version reports that it is confirmed. */
static void offered_reports_confirmed (void)
{
    const struct rehearsal_offer *offer = rehearsal_offer (&rehearsal);
    struct wire_application application = {
        .name = "noded", .release = offer->release, .binary = offer->envelope.binary};
    report_send (&(struct wire_report){.transaction = offer->transaction,
                                       .step = "confirmed",
                                       .outcome = WIRE_OUTCOME_CONFIRMED,
                                       .application = &application});
}

/*  What the candidate does to its disk. */

/*  Stages the offer as the workspace `offered`; program: what its program contains. */
static void offer_stage_as (const char *program)
{
    struct rehearsal_offer *offer = rehearsal_offer (&rehearsal);
    struct wire_installed installed = {.release = offer->release, .envelope = &offer->envelope};
    struct base_error error = {.code = 0};
    char odd[8192], path[300];
    base_cleanup (root_draft_deinit) struct root_draft draft = {.fd = -1};
    (void) snprintf (path, sizeof path, ROOT_FILES "/%s", offer->envelope.files[0].path);
    ssize_t size = pread (offer->odd, odd, sizeof odd, 0);
    cr_assert_eq (size, (ssize_t) offer->odd_size);
    int r = root_draft_begin (&rehearsal.scratch.root, base_time_real_ns (), &draft, &error);
    if (r == 0)
        r = root_draft_write (&draft, ROOT_PROGRAM, 0755, program, strlen (program), &error);
    if (r == 0)
        r = root_draft_write (&draft, path, 0644, odd, (size_t) size, &error);
    if (r == 0)
        r = root_draft_start_files (&draft, "launcher", 8, &error);
    if (r == 0)
        r = root_draft_describe (&draft, &installed, &offer->document, &error);
    if (r == 0)
        r = root_draft_seal (&draft, &installed, offered, &error);
    cr_assert_eq (r, 0, "%s", error.text);
}

static void candidate_switches (void)
{
    struct base_error error = {.code = 0};
    offer_stage_as (offered_program);
    cr_assert_eq (root_switch (&rehearsal.scratch.root, offered, &root_limits_default, &error), 0, "%s",
                  error.text);
}

static void start_files_roll_back (void)
{
    cr_assert_eq (root_roll_back (&rehearsal.scratch.root, NULL), 0);
}

static void offered_confirms (void)
{
    cr_assert_eq (root_confirm (&rehearsal.scratch.root, NULL), 0);
}

static void offered_reverts (void)
{
    char name[ROOT_NAME_SIZE];
    cr_assert_eq (root_revert (&rehearsal.scratch.root, name, NULL), 0);
}

/*  How the guard and the start check end. */

static void guard_ends (struct rehearsal_guard_end end)
{
    rehearsal_on_gone (&rehearsal, &end);
}

/*  The program below the guard exits with that status. */
static void guard_ends_with_status (int status)
{
    guard_ends ((struct rehearsal_guard_end){.ended = true, .how = {.exited = true, .code = status}});
}

static void startcheck_ends (int code, const char *text)
{
    struct base_error error = {.code = 0};
    if (code)
        (void) base_error_set (&error, code, "%s", text);
    startcheck.done (startcheck.context, code ? &error : NULL);
}

/*  Ends what still runs of a concluded rehearsal, and runs until the owner has the result. */
static void run_to_the_result (void)
{
    cr_assert_eq (rehearsal.phase, PHASE_END);
    cr_expect_eq (dones, 0, "the result came while a process runs");
    if (rehearsal.guard)
        guard_ends ((struct rehearsal_guard_end){.ended = true, .how = {.code = SIGKILL}});
    if (rehearsal.startcheck)
        startcheck_ends (-ECANCELED, "cancelled");
    cr_expect_eq (dones, 0, "the result came from within a handler");
    while (!dones)
        cr_assert_eq (bus_loop_run (rehearsal.spec.loop), 0);
    cr_expect_eq (dones, 1);
}

/*  Does what a good candidate does in this phase. */
static void phase_pass (void)
{
    switch (rehearsal.phase) {
    case PHASE_READY:
        candidate_announces ();
        break;
    case PHASE_UPDATE:
    case PHASE_AGAIN:
        candidate_receives_the_order ();
        nested_announces ();
        nested_rehearses ();
        candidate_switches ();
        offered_announces ();
        break;
    case PHASE_RETURN:
        start_files_roll_back ();
        candidate_announces ();
        break;
    case PHASE_CONFIRM:
        offered_confirms ();
        offered_reports_confirmed ();
        break;
    case PHASE_REVERT:
        offered_reverts ();
        candidate_announces ();
        break;
    case PHASE_STOP:
        guard_ends_with_status (0);
        break;
    case PHASE_FILES:
        startcheck_ends (0, NULL);
        break;
    case PHASE_BEGIN:
    case PHASE_END:
        cr_assert_fail ("no such phase to pass");
    }
}

/*  Passes every phase before this one. */
static void walk_to (enum rehearsal_phase phase)
{
    while (rehearsal.phase != phase) {
        enum rehearsal_phase before = rehearsal.phase;
        phase_pass ();
        cr_assert_neq (rehearsal.phase, before, "%s", rehearsal_phase_word (before));
        cr_assert (rehearsal.phase != PHASE_END || phase == PHASE_END, "%s: %s", rehearsal.result.step,
                   rehearsal.result.reason);
    }
}

/*  What a failure says of its cause. */
enum fault {
    FAULT_CANDIDATE, /* nothing else can be the cause */
    FAULT_KILLED,
    FAULT_LATE,
    FAULT_HOST
};

static void expect_failed (const char *step, enum fault fault, const char *words)
{
    const struct rehearsal_result *result = &rehearsal.result;
    cr_assert_eq (rehearsal.phase, PHASE_END, "it did not fail: %s", words);
    cr_expect_not (result->end.passed);
    cr_expect_str_eq (result->step, step, "%s: %s", result->step, result->reason);
    cr_expect (strstr (result->reason, words), "\"%s\" is not in \"%s\"", words, result->reason);
    cr_expect_eq (result->end.killed, fault == FAULT_KILLED, "killed: %s", result->reason);
    cr_expect_eq (result->end.late, fault == FAULT_LATE, "late: %s", result->reason);
    cr_expect_eq (result->end.host, fault == FAULT_HOST, "host: %s", result->reason);
    cr_expect_eq (rehearsal.deadline, 0, "its deadline still runs");
    cr_expect_eq (rehearsal.hint_timer, 0, "its hints still run");
}

#endif
