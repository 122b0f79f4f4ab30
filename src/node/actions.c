/* SPDX-License-Identifier: MPL-2.0 */
/*  node/actions.c - carries out the actions of the update procedure; the result of an action returns as an
    event */

#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "base/time.h"
#include "node/manager.h"
#include "node/stage.h"
#include "root/lock.h"
#include "root/manifest.h"
#include "root/workspace.h"

enum { PROGRESS_MS = 1000, DOWNLOAD_AGE_S = 7 * 24 * 3600, CHANGE_MS = 1000 };

static void start_deadline (struct node_manager *node);

/*  Formats the progress of the download and what it waits for, to be appended to a reason; empty without a
    download. */
static void put_fetched (const struct node_manager *node, char *ret_text, size_t size)
{
    uint64_t done, total;
    *ret_text = '\0';
    if (!node->fetch)
        return;
    const char *note = node_fetch_note (node->fetch);
    node_fetch_progress (node->fetch, &done, &total);
    (void) snprintf (ret_text, size, ": %llu of %llu bytes are stored%s%s", (unsigned long long) done,
                     (unsigned long long) total, note ? ", " : "", note ? note : "");
}

static void on_deadline (void *context)
{
    struct node_manager *node = context;
    node->deadline = 0;
    if (base_time_boot_ms () > node->deadline_ms + BUS_TIMER_LATE_MS && node->late < BUS_TIMER_LATE_TIMES) {
        node->late++;
        base_log (BASE_LOG_INFO, "%s: this host was suspended: the deadline of %s starts again",
                  node->order.transaction, wire_state_word (node->procedure.state));
        start_deadline (node);
        return;
    }
    char fetched[256];
    put_fetched (node, fetched, sizeof fetched);
    node_fail (
        node, UPDATE_EVENT_DEADLINE, "%s took longer than %llu ms%s", wire_state_word (node->procedure.state),
        (unsigned long long) update_procedure_deadline_ms (&node->procedure, &node->config->limits), fetched);
}

static void start_deadline (struct node_manager *node)
{
    bus_timer_cancel (node->loop, node->deadline);
    uint64_t ms = update_procedure_deadline_ms (&node->procedure, &node->config->limits);
    node->deadline_ms = base_time_boot_ms () + ms;
    node->deadline = ms ? bus_timer_start (node->loop, ms, on_deadline, node) : 0;
}

static void ask_for_match (struct node_manager *node)
{
    if (node_orders_refuse (node))
        return;
    struct wire_match match = {.application = (char *) "noded",
                               .release = node->order.release,
                               .transaction = node->order.transaction,
                               .attempt = node->order.attempt};
    if (node_session_match (node->session, &match))
        node_fail (node, UPDATE_EVENT_FAILED, "out of memory");
}

static void tell_progress (void *context)
{
    struct node_manager *node = context;
    node->progress = 0;
    if (!node->fetch)
        return;
    node_report_progress (node, node_fetch_note (node->fetch));
    node->progress = bus_timer_start (node->loop, PROGRESS_MS, tell_progress, node);
}

static void end_fetch (struct node_manager *node)
{
    if (node->fetch)
        node_session_content_close (node->session);
    node->fetch = node_fetch_free (node->fetch);
    bus_timer_cancel (node->loop, node->progress);
    node->progress = 0;
}

static void on_fetched (void *context, const struct base_error *error)
{
    struct node_manager *node = context;
    struct node_fetch_counts counts = node_fetch_counts (node->fetch);
    node->order.rotten = node_fetch_rotten (node->fetch);
    end_fetch (node);
    (void) snprintf (node->order.note, sizeof node->order.note,
                     "%llu bytes downloaded, %llu resumed from an earlier attempt, %llu already stored",
                     (unsigned long long) counts.downloaded, (unsigned long long) counts.resumed,
                     (unsigned long long) counts.here);
    if (error)
        node_fail (node, UPDATE_EVENT_FAILED, "%s", error->text);
    else
        node_event (node, UPDATE_EVENT_DONE);
}

/*  Removes a download that has a second name: it was staged and not removed, or somebody linked it. */
static int drop_shared (void *context, const struct base_digest *digest, uint64_t size)
{
    struct node_manager *node = context;
    struct stat status;
    base_cleanup (base_close_p) int fd = -1;
    (void) size;
    if (!disk_blobs_get (&node->contents, digest, &fd, NULL) && !fstat (fd, &status) && status.st_nlink > 1)
        (void) disk_blobs_remove (&node->contents, digest);
    return 0;
}

/*  The store is opened again each time: its directory may have been removed since. */
int node_contents_open (struct node_manager *node, struct base_error *error)
{
    disk_blobs_deinit (&node->contents);
    int rc = root_cache_make (&node->root, ROOT_CONTENTS, error);
    rc = rc ? rc : disk_blobs_open (node->root.disk, node->root.fd, ROOT_CONTENTS, &node->contents, error);
    if (rc)
        return rc;
    disk_blobs_collect (&node->contents, (time_t) (base_time_real_ns () / 1000000000) - DOWNLOAD_AGE_S);
    (void) disk_blobs_each (&node->contents, drop_shared, node);
    return 0;
}

static void fetch_begin (struct node_manager *node)
{
    struct base_error error = {.text = "out of memory"};
    node_places_keep (node);
    if (node_contents_open (node, &error)) {
        node_fail (node, UPDATE_EVENT_FAILED, "%s", error.text);
        return;
    }
    node->fetch = node_fetch_new (node->loop, node->config, &node->root, &node->contents, &node->self,
                                  node->session, on_fetched, node);
    if (!node->fetch ||
        node_fetch_start (node->fetch, node->order.candidate.envelope, node->order.distrust, &error)) {
        end_fetch (node);
        node_fail (node, UPDATE_EVENT_FAILED, "%s", error.text);
        return;
    }
    node->progress = bus_timer_start (node->loop, PROGRESS_MS, tell_progress, node);
}

static int stage_job (void *context)
{
    struct node_manager *node = context;
    return node_stage (&node->root, &node->contents, &node->self, &node->order.candidate, node->staged,
                       &node->stage_error);
}

/*  Waits if the workspace is still being made. */
static void end_staging (struct node_manager *node)
{
    node->staging_waits = false;
    node->staging = bus_work_free (node->staging);
    if (*node->staged)
        memcpy (node->order.workspace, node->staged, sizeof node->staged);
    *node->staged = '\0';
}

static void on_staged (void *context, int rc)
{
    struct node_manager *node = context;
    const struct base_error error = node->stage_error;
    end_staging (node);
    if (rc == ROOT_E_DAMAGED && !node->order.distrust) {
        base_log (BASE_LOG_WARNING, "%s: %s: fetching files again that are damaged on this host",
                  node->order.transaction, error.text);
        node->order.distrust = true;
        node_event (node, UPDATE_EVENT_MISSING);
    } else if (rc)
        node_fail (node, UPDATE_EVENT_FAILED, "%s", error.text);
    else
        node_event (node, UPDATE_EVENT_DONE);
}

void node_stage_begin (struct node_manager *node)
{
    node->staging_waits = node->unsharing;
    if (node->staging_waits)
        return;
    node->stage_error = (struct base_error){.text = "out of memory"};
    int rc = bus_work_start (node->loop, stage_job, on_staged, node, &node->staging);
    if (rc)
        node_fail (node, UPDATE_EVENT_FAILED, "cannot start staging: %s", strerror (-rc));
}

static void on_rehearsed (void *context, const struct node_rehearsal_result *found);

static int rehearsal_begin (struct node_manager *node, const char *workspace)
{
    int depth = node->config->depth == NODE_DEPTH_SERVICE ? NODE_DEPTH_MINTED : node->config->depth - 1;
    struct node_rehearsal_spec spec = {.loop = node->loop,
                                       .config = node->config,
                                       .root = &node->root,
                                       .self = &node->self,
                                       .candidate = workspace,
                                       .depth = depth};
    return node_rehearsal_new (&spec, on_rehearsed, node, &node->rehearsal);
}

/*  Returns whether the candidate's files are still those that were staged; true if that cannot be
    determined. */
static bool is_whole (const struct node_manager *node, struct base_error *error)
{
    base_cleanup (base_close_p) int fd = -1;
    if (root_workspace_open (&node->root, node->order.workspace, &fd))
        return true;
    int rc = root_manifest_verify (&node->root, fd, error);
    return rc != ROOT_E_DAMAGED && rc != ROOT_E_NONE;
}

/*  For passed and failed rehearsals: only a copy of the candidate's files has rehearsed. */
static void check_files (struct node_manager *node, struct node_rehearsal_result *result)
{
    struct base_error damage = {.code = 0};
    if (result->end.host || is_whole (node, &damage))
        return;
    result->end = (struct update_rehearsed){.host = true};
    (void) base_text_copy (result->step, sizeof result->step, "files");
    (void) snprintf (result->reason, sizeof result->reason,
                     "the candidate's files changed since they were staged: %.300s", damage.text);
}

/*  Ends the step as failed. blame: the result of the candidate's rehearsal. */
static void probing_failed (struct node_manager *node, const struct node_rehearsal_result *blame,
                            enum update_event event, const char *why)
{
    (void) snprintf (node->order.step, sizeof node->order.step, "%s/%s", wire_state_word (WIRE_STATE_PROBING),
                     blame->step);
    node_fail (node, event, "%.*s%s%s", *why ? 200 : BASE_ERROR_SIZE, blame->reason, *why ? "; " : "", why);
}

static void on_control (struct node_manager *node, const struct node_rehearsal_result *own)
{
    const struct node_rehearsal_result *blame = &node->blamed;
    uint64_t step_ms = node->config->rehearsal_step_ms;
    char why[BASE_ERROR_SIZE] = "";
    bool blamed = update_verdict_control (&blame->end, &own->end, step_ms) == UPDATE_VERDICT_BLAMED;
    if (!own->end.passed)
        (void) snprintf (
            why, sizeof why,
            "the running version fails its own rehearsal too (%s: %.200s): the host or the origin is "
            "at fault",
            own->step, own->reason);
    else if (!blamed)
        (void) snprintf (why, sizeof why,
                         "the running version took %llu of %llu ms for a step, too: this host is slow, "
                         "and the release is not quarantined",
                         (unsigned long long) own->end.slowest_ms, (unsigned long long) step_ms);
    probing_failed (node, blame, blamed ? UPDATE_EVENT_BLAMED : UPDATE_EVENT_UNFIT, why);
}

static void on_candidate (struct node_manager *node, struct node_rehearsal_result *result)
{
    enum update_verdict verdict = update_verdict_candidate (&result->end, node->tries);
    const char *workspace = verdict == UPDATE_VERDICT_AGAIN ? node->order.workspace : node->self.workspace;
    if (verdict != UPDATE_VERDICT_AGAIN) {
        check_files (node, result);
        verdict = update_verdict_candidate (&result->end, node->tries);
    }
    if (verdict == UPDATE_VERDICT_AGAIN || verdict == UPDATE_VERDICT_CONTROL) {
        node->control = verdict == UPDATE_VERDICT_CONTROL;
        node->blamed = *result;
        node->tries++;
        base_log (BASE_LOG_WARNING, "%s: the candidate %s its rehearsal (%s: %s); %s",
                  node->order.transaction,
                  result->end.killed ? "was killed, or lacked resources, in"
                  : result->end.late ? "was late in"
                                     : "failed",
                  result->step, result->reason,
                  node->control ? "rehearsing the running version" : "trying it once more");
        if (!rehearsal_begin (node, workspace))
            return;
        node->control = false;
        verdict = UPDATE_VERDICT_UNFIT;
    }
    node->standing.probes = 0; /* saved with the result of the order */
    if (verdict != UPDATE_VERDICT_PASSED) {
        probing_failed (node, result, UPDATE_EVENT_UNFIT, "");
        return;
    }
    base_log (BASE_LOG_INFO, "%s: the rehearsal passed in %llu ms", node->order.transaction,
              (unsigned long long) result->took_ms);
    node_event (node, UPDATE_EVENT_DONE);
}

static void on_rehearsed (void *context, const struct node_rehearsal_result *found)
{
    struct node_manager *node = context;
    struct node_rehearsal_result result = *found;
    bool control = node->control;
    node->rehearsal = node_rehearsal_free (node->rehearsal);
    node->control = false;
    if (!control) {
        on_candidate (node, &result);
        return;
    }
    node->standing.probes = 0;
    on_control (node, &result);
}

static void probing_begin (struct node_manager *node)
{
    if (node->ending) { /* two rehearsals at once could disturb each other; the state has its deadline */
        node->probe_waits = true;
        return;
    }
    node_places_keep (node);
    node->standing.probes++;
    node->tries = 1;
    node_standing_save (node);
    if (rehearsal_begin (node, node->order.workspace))
        node_fail (node, UPDATE_EVENT_FAILED, "out of memory");
}

/*  Reads where stable points to; empty if that cannot be read. A rename whose sync failed has happened all
    the same: the link shows whether it did, not the return code. */
static void read_stable (const struct node_manager *node, char ret_name[ROOT_NAME_SIZE])
{
    if (root_link (&node->root, ROOT_STABLE, ret_name))
        *ret_name = '\0';
}

/*  Verifies, before the trial, the version that a failed trial would roll back to. If this version is
    damaged, the rollback returns to an undamaged one. If there is none, the update is the only repair left,
    and the report of the next step says so. */
static void check_way_back (struct node_manager *node)
{
    struct base_error damage = {.code = 0}, other;
    const char *own = node->self.workspace, *found = NULL;
    if (root_workspace_check (&node->root, own, &damage) == 0)
        return;
    char **names = root_ways_back (&node->root, node->order.workspace, own);
    for (size_t i = 0; names && names[i] && !found; i++)
        if (strcmp (names[i], own) != 0 && root_workspace_check (&node->root, names[i], &other) == 0)
            found = names[i];
    (void) snprintf (node->order.note, sizeof node->order.note,
                     "%s is damaged: a failed trial is rolled back to %s", own,
                     found ? found : "it all the same: no other version is undamaged");
    base_log (BASE_LOG_WARNING, "%s: %s (%s)", node->order.transaction, node->order.note, damage.text);
    (void) base_list_free (names);
}

static void switch_over (struct node_manager *node)
{
    struct node_order *order = &node->order;
    struct base_error error = {.code = 0};
    struct wire_trial trial = {.transaction = order->transaction,
                               .epoch = order->epoch,
                               .attempt = order->attempt,
                               .release = order->release,
                               .version = order->candidate.envelope->version,
                               .workspace = order->workspace,
                               .previous = node->self.workspace};
    if (root_trial_note (&node->root, &trial, &error))
        base_log (BASE_LOG_WARNING, "cannot record the trial, ignoring: %s", error.text);
    node_stable_keep (node);
    check_way_back (node);
    base_cleanup (base_close_p) int change = root_change_lock (&node->root, CHANGE_MS);
    (void) change;                         /* held until the return; an update goes on without it */
    if (node_stable_is_elsewhere (node)) { /* a person has just reverted, and must not be overruled */
        base_log (BASE_LOG_WARNING, "%s: another version was made stable meanwhile: restarting into it",
                  order->transaction);
        node_leave (node);
        return;
    }
    int rc = root_switch (&node->root, order->workspace, &node->config->trial, &error);
    char stable[ROOT_NAME_SIZE];
    read_stable (node, stable);
    if (rc && strcmp (stable, order->workspace) != 0) {
        (void) root_trial_forget (&node->root);
        node_fail (node, UPDATE_EVENT_FAILED, "%s", error.text);
        return;
    }
    if (rc)
        base_log (BASE_LOG_WARNING, "%s: switched, ignoring: %s", order->transaction, error.text);
    node_event (node, UPDATE_EVENT_DONE);
}

void node_leave (struct node_manager *node)
{
    node->status = node->config->restart_by_init ? ROOT_EXIT_BY_INIT : ROOT_EXIT_RESTART;
    bus_loop_stop (node->loop);
}

static void trial_confirm (struct node_manager *node)
{
    struct base_error error;
    node_trial_end (node);
    if (root_confirm (&node->root, &error)) {
        base_log (BASE_LOG_WARNING, "this version could not confirm itself: %s", error.text);
        node_event (node, UPDATE_EVENT_FAILED);
        return;
    }
    node_tell_launcher (node, "confirmed\n");
    node_event (node, UPDATE_EVENT_DONE);
}

static int go_back_by_order (struct node_manager *node, struct base_error *error)
{
    char name[ROOT_NAME_SIZE];
    node->standing.revert_epoch = node->order.epoch;
    free (node->standing.revert_from);
    node->standing.revert_from = strdup (node->self.workspace);
    node_standing_save (node);
    node_previous_keep (node);
    return root_revert (&node->root, name, error);
}

static int go_back_unconfirmed (struct node_manager *node, struct base_error *error)
{
    struct root_outcome outcome = {.cause = ROOT_CAUSE_UNCONFIRMED};
    (void) base_text_copy (outcome.workspace, sizeof outcome.workspace, node->self.workspace);
    (void) snprintf (outcome.text, sizeof outcome.text, "until its deadline %s",
                     update_proof_missing (&node->proof));
    (void) root_failed_write (&node->root, &outcome, NULL);
    (void) root_outcome_write (&node->root, &outcome, NULL); /* for versions that read only var/outcome */
    return root_roll_back (&node->root, error);
}

/*  by_order: a revert was ordered; otherwise this version did not confirm itself in time. */
static void go_back (struct node_manager *node, bool by_order)
{
    struct base_error error = {.code = 0};
    char before[ROOT_NAME_SIZE], after[ROOT_NAME_SIZE];
    node_trial_end (node);
    read_stable (node, before);
    int rc = by_order ? go_back_by_order (node, &error) : go_back_unconfirmed (node, &error);
    read_stable (node, after);
    if (rc && strcmp (before, after) == 0) {
        node->standing.revert_epoch = 0; /* saved with the end of the order */
        node_fail (node, UPDATE_EVENT_FAILED, "cannot revert: %.300s; the running version continues, %s",
                   error.text, node->standing.held ? "held as before" : "not held");
        return;
    }
    if (rc)
        base_log (BASE_LOG_WARNING, "reverted, ignoring: %s", error.text);
    if (by_order) /* a trial that was ended by order blames no release */
        (void) root_trial_forget (&node->root);
    node_event (node, UPDATE_EVENT_DONE);
}

static void on_rehearsal_ended (void *context, const struct node_rehearsal_result *result)
{
    struct node_manager *node = context;
    (void) result;
    node->ending = node_rehearsal_free (node->ending);
    bool waits = node->probe_waits;
    node->probe_waits = false;
    if (waits)
        probing_begin (node);
}

static void abort_step (struct node_manager *node)
{
    node_session_match_cancel (node->session);
    end_fetch (node);
    end_staging (node);
    node->probe_waits = false;
    if (node->rehearsal) {
        node->ending = node->rehearsal;
        node->rehearsal = NULL;
        node_rehearsal_end (node->ending, on_rehearsal_ended, node);
    }
    node->control = false;
    char stable[ROOT_NAME_SIZE];
    struct base_error error;
    if (*node->order.workspace && !root_link (&node->root, ROOT_STABLE, stable) &&
        strcmp (stable, node->order.workspace) != 0 &&
        root_workspace_remove (&node->root, node->order.workspace, &error))
        base_log (BASE_LOG_WARNING, "cannot remove the candidate's workspace, ignoring: %s", error.text);
}

/*  Describes what failed, for the quarantine and the last error; valid as long as the order. */
static struct wire_failure failure_of (struct node_manager *node, const struct update_result *result,
                                       char *now)
{
    struct node_order *order = &node->order;
    return (struct wire_failure){.transaction = order->transaction,
                                 .release = order->release,
                                 .version =
                                     order->candidate.envelope ? order->candidate.envelope->version : NULL,
                                 .step = *order->step ? order->step : (char *) wire_state_word (result->from),
                                 .reason = order->failure.text,
                                 .time = (char *) base_time_format (base_time_real_ns (), now),
                                 .blob = order->rotten};
}

static void release_quarantine (struct node_manager *node, const struct update_result *result)
{
    char now[BASE_TIME_TEXT];
    struct base_error error;
    struct wire_failure failure = failure_of (node, result, now);
    if (root_quarantine_add (&node->root, &failure, &error))
        base_log (BASE_LOG_WARNING, "cannot quarantine the release, ignoring: %s", error.text);
}

static void try_later (struct node_manager *node, const struct update_result *result)
{
    if (result->from == WIRE_STATE_IDLE) { /* it has waited since before this process */
        uint64_t left_ms = node_later_left_ms (node);
        bus_timer_cancel (node->loop, node->deadline);
        node->deadline_ms = base_time_boot_ms () + left_ms;
        node->deadline = bus_timer_start (node->loop, left_ms, on_deadline, node);
        return;
    }
    char now[BASE_TIME_TEXT];
    struct wire_failure failure = failure_of (node, result, now);
    node_remember_failure (node, &failure);
    node_later_begin (node);
    base_log (BASE_LOG_INFO, "%s: this host is unfit (%u times so far): the order is kept and retried at %s",
              node->order.transaction, node->procedure.unfit,
              node->standing.retry ? node->standing.retry : "its time");
}

static void order_ended (struct node_manager *node, const struct update_result *result)
{
    struct wire_standing *standing = &node->standing;
    node_later_clear (node);
    if (node->order.epoch > standing->epoch)
        standing->epoch = node->order.epoch;
    standing->under_way = standing->attempt = standing->probes = 0;
    if (result->outcome == WIRE_OUTCOME_FAILED || result->outcome == WIRE_OUTCOME_REFUSED) {
        char now[BASE_TIME_TEXT];
        struct wire_failure failure = failure_of (node, result, now);
        node_remember_failure (node, &failure);
    } else if (result->outcome == WIRE_OUTCOME_CONFIRMED && standing->last_error) {
        wire_failure_deinit (standing->last_error);
        free (standing->last_error);
        standing->last_error = NULL;
    }
    node_standing_save (node);
    if (result->outcome != WIRE_OUTCOME_CONFIRMED)
        return;
    (void) root_trial_forget (&node->root);
    (void) root_outcome_remove (&node->root);
    root_failed_forget (&node->root, &node->self.installed.release);
    node_previous_keep (node);
    node_collect (node);
    node_unshare_begin (node);
}

static void step_report (struct node_manager *node, const struct update_result *result)
{
    bool final = result->outcome != WIRE_OUTCOME_STARTED;
    const char *step = final && *node->order.step                  ? node->order.step
                       : result->outcome == WIRE_OUTCOME_CONFIRMED ? wire_state_word (WIRE_STATE_TRIAL)
                       : final                                     ? wire_state_word (result->from)
                                                                   : wire_state_word (result->to);
    bool has_reason = final && result->outcome != WIRE_OUTCOME_CONFIRMED && *node->order.failure.text;
    const char *note = !final && *node->order.note ? node->order.note : NULL;
    node_report (node, step, result->outcome, has_reason ? node->order.failure.text : note);
    *node->order.note = '\0';
}

void node_act (struct node_manager *node, const struct update_result *result, enum update_action action)
{
    switch (action) {
    case UPDATE_ACTION_DEADLINE:
        node->late = 0;
        start_deadline (node);
        break;
    case UPDATE_ACTION_MATCH:
        ask_for_match (node);
        break;
    case UPDATE_ACTION_FETCH:
        fetch_begin (node);
        break;
    case UPDATE_ACTION_STAGE:
        node_stage_begin (node);
        break;
    case UPDATE_ACTION_PROBE:
        probing_begin (node);
        break;
    case UPDATE_ACTION_SWITCH:
        switch_over (node);
        break;
    case UPDATE_ACTION_RESTART:
        node_leave (node);
        break;
    case UPDATE_ACTION_PROVE:
        node_trial_begin (node);
        break;
    case UPDATE_ACTION_CONFIRM:
        trial_confirm (node);
        break;
    case UPDATE_ACTION_REVERT:
        go_back (node, result->outcome == WIRE_OUTCOME_STARTED);
        break;
    case UPDATE_ACTION_ABORT:
        abort_step (node);
        break;
    case UPDATE_ACTION_QUARANTINE:
        release_quarantine (node, result);
        break;
    case UPDATE_ACTION_REPORT:
        step_report (node, result);
        break;
    case UPDATE_ACTION_ENDED:
        order_ended (node, result);
        break;
    case UPDATE_ACTION_ASK:
        node_order_clear (node);
        if (!node_orders_resume_trial (node)) /* the rollback failed: the trial is not over */
            node_session_ask (node->session);
        break;
    case UPDATE_ACTION_LOG:
        base_log (BASE_LOG_DEBUG, "ignoring an event that does not fit the state %s",
                  wire_state_word (result->from));
        break;
    case UPDATE_ACTION_LATER:
        try_later (node, result);
        break;
    case UPDATE_ACTION_NONE:
        break;
    }
}
