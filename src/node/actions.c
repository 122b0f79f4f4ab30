/* SPDX-License-Identifier: MPL-2.0 */
/*  node/actions.c - carries out the actions of the update procedure

    An action that takes time ends with an event, which is passed to the procedure (events.c). */

#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "base/time.h"
#include "node/application.h"
#include "node/deadline.h"
#include "node/stage.h"
#include "root/workspace.h"

enum { PROGRESS_MS = 1000, DOWNLOAD_AGE_S = 7 * 24 * 3600 };

static void deadline_start (struct node_application *app);

/*  Formats what to append to a reason: the progress of the download and what it waits for, or what the check of
    signed metadata waits for. Empty without either. */
static void waiting_format (const struct node_application *app, char *ret_text, size_t size)
{
    uint64_t done, total;
    base_assert (size > 0);
    *ret_text = '\0';
    const char *waits_for = node_trust_waits_for (&app->trust);
    if (waits_for)
        (void) snprintf (ret_text, size, ": %s", waits_for);
    if (!app->fetch)
        return;
    const char *note = node_fetch_note (app->fetch);
    node_fetch_progress (app->fetch, &done, &total);
    (void) snprintf (ret_text, size, ": %llu of %llu bytes are stored%s%s", (unsigned long long) done,
                     (unsigned long long) total, note ? ", " : "", note ? note : "");
}

static void on_deadline (void *context)
{
    struct node_application *app = context;
    app->deadline = 0;
    if (base_time_boot_ms () > app->deadline_ms + BUS_TIMER_LATE_MS && app->late < BUS_TIMER_LATE_TIMES) {
        app->late++;
        base_log (BASE_LOG_INFO, "%s: this host was suspended: the deadline of %s starts again",
                  app->order.transaction, wire_state_word (app->procedure.state));
        deadline_start (app);
        return;
    }
    char waits[256];
    waiting_format (app, waits, sizeof waits);
    node_fail (app, UPDATE_EVENT_DEADLINE, "%s took longer than %llu ms%s",
               wire_state_word (app->procedure.state),
               (unsigned long long) node_deadline_ms (app->process->config, &app->procedure), waits);
}

static void deadline_start (struct node_application *app)
{
    bus_timer_cancel (app->process->loop, app->deadline);
    uint64_t ms = node_deadline_ms (app->process->config, &app->procedure);
    app->deadline_ms = base_time_boot_ms () + ms;
    app->deadline = ms ? bus_timer_start (app->process->loop, ms, on_deadline, app) : 0;
}

static void on_matched (void *context, const struct wire_matched *matched)
{
    node_orders_matched (context, matched);
}

static void match_begin (struct node_application *app)
{
    if (node_orders_refuse (app))
        return;
    struct wire_match match = {.application = app->name,
                               .release = app->order.release,
                               .transaction = app->order.transaction,
                               .attempt = app->order.attempt};
    int r = node_match_begin (&app->match, app->process->session, &match, on_matched, app);
    if (r < 0)
        node_fail (app, UPDATE_EVENT_FAILED, "out of memory");
}

static void progress_report (void *context)
{
    struct node_application *app = context;
    app->progress = 0;
    if (!app->fetch)
        return;
    node_report_progress (app, node_fetch_note (app->fetch));
    app->progress = bus_timer_start (app->process->loop, PROGRESS_MS, progress_report, app);
}

static void fetch_free (struct node_application *app)
{
    app->fetch = node_fetch_free (app->fetch);
    bus_timer_cancel (app->process->loop, app->progress);
    app->progress = 0;
}

static void on_fetched (void *context, const struct base_error *error)
{
    struct node_application *app = context;
    base_assert (app->procedure.state == WIRE_STATE_FETCHING);
    struct node_fetch_counts counts = node_fetch_counts (app->fetch);
    app->order.corrupt = node_fetch_corrupt (app->fetch);
    fetch_free (app);
    (void) snprintf (app->order.note, sizeof app->order.note,
                     "%llu bytes downloaded, %llu resumed from an earlier attempt, %llu already stored",
                     (unsigned long long) counts.downloaded, (unsigned long long) counts.resumed,
                     (unsigned long long) counts.here);
    if (error)
        node_fail (app, UPDATE_EVENT_FAILED, "%s", error->text);
    else
        node_event (app, UPDATE_EVENT_DONE);
}

/*  Removes a download that has a second hard link: staging was interrupted, or somebody linked it. */
static int blob_remove_shared (void *context, const struct base_digest *digest, uint64_t size)
{
    struct node_application *app = context;
    struct stat status;
    base_cleanup (base_close_p) int fd = -1;
    (void) size;
    if (disk_blobs_get (&app->blobs, digest, &fd, NULL) == 0 && fstat (fd, &status) == 0 &&
        status.st_nlink > 1)
        (void) disk_blobs_remove (&app->blobs, digest);
    return 0;
}

/*  The store is opened again each time: its directory may have been removed since. */
int node_blobs_open (struct node_application *app, struct base_error *error)
{
    base_assert (!app->fetch && !app->staging);
    disk_blobs_deinit (&app->blobs);
    int r = root_cache_make (app->root, ROOT_BLOBS, error);
    if (r == 0)
        r = disk_blobs_open (app->root->disk, app->root->fd, ROOT_BLOBS, &app->blobs, error);
    if (r < 0)
        return r;
    disk_blobs_collect (&app->blobs, (time_t) (base_time_real_ns () / 1000000000) - DOWNLOAD_AGE_S);
    (void) disk_blobs_each (&app->blobs, blob_remove_shared, app);
    return 0;
}

static struct node_fetch *fetch_new (struct node_application *app, node_fetch_done *done)
{
    struct node_fetch_spec spec = {.loop = app->process->loop,
                                   .config = app->process->config,
                                   .content = app->process->content,
                                   .root = app->root,
                                   .blobs = &app->blobs,
                                   .running = app->running};
    if (app->order.candidate.envelope && app->kind->ops->probe_space)
        app->kind->ops->probe_space (app, app->order.candidate.envelope, &spec.probe_bytes,
                                     &spec.probe_files);
    return node_fetch_new (&spec, done, app);
}

/*  r: what starting app->fetch has returned. */
static void fetch_started (struct node_application *app, int r, const struct base_error *error)
{
    if (r < 0) {
        fetch_free (app);
        node_fail (app, UPDATE_EVENT_FAILED, "%s", error->text);
        return;
    }
    base_assert (app->progress <= 0);
    app->progress = bus_timer_start (app->process->loop, PROGRESS_MS, progress_report, app);
}

static void envelope_fetch (struct node_application *app)
{
    struct base_error error = {.text = "out of memory"};
    base_assert (!app->fetch && app->order.candidate.envelope);
    app->fetch = fetch_new (app, on_fetched);
    fetch_started (
        app,
        app->fetch ? node_fetch_start (app->fetch, app->order.candidate.envelope, app->order.distrust, &error)
                   : -ENOMEM,
        &error);
}

/*  Reads the release document from the store. Its blobs were verified when they were stored, but somebody may
    have changed the file since. */
static int document_read (struct node_application *app)
{
    struct node_order *order = &app->order;
    base_cleanup (base_close_p) int fd = -1;
    uint64_t size = 0;
    int r = disk_blobs_get (&app->blobs, &order->release, &fd, &size);
    if (r < 0)
        return r;
    if (size > WIRE_DOCUMENT_MOST)
        return -EFBIG;
    r = base_buffer_reserve (&order->document, size);
    if (r < 0)
        return r;
    if (pread (fd, order->document.data, size, 0) != (ssize_t) size)
        return -EIO;
    struct base_digest digest = base_digest_of (order->document.data, size);
    if (!base_digest_equal (&digest, &order->release))
        return -EIO;
    order->document.size = size;
    return 0;
}

/*  Moves the release document from the store to the order. */
static int document_take (struct node_application *app, struct base_error *error)
{
    char name[BASE_DIGEST_TEXT];
    base_buffer_deinit (&app->order.document);
    int r = document_read (app);
    (void) disk_blobs_remove (&app->blobs, &app->order.release);
    return r < 0 ? base_error_errno (error, r, "cannot read the release document %s",
                                     base_digest_format (&app->order.release, name))
                 : 0;
}

static void on_document (void *context, const struct base_error *error)
{
    struct node_application *app = context;
    struct base_error own = {.code = 0};
    base_assert (app->procedure.state == WIRE_STATE_FETCHING);
    app->order.corrupt = node_fetch_corrupt (app->fetch);
    fetch_free (app);
    if (error) {
        node_fail (app, UPDATE_EVENT_FAILED, "%s", error->text);
        return;
    }
    int r = document_take (app, &own);
    if (r < 0)
        node_fail (app, UPDATE_EVENT_FAILED, "%s", own.text);
    else if (node_orders_choose (app))
        envelope_fetch (app);
}

/*  Fetches the release document, then the files of its envelope. An order that already has its envelope only
    needs the files. */
static void fetch_begin (struct node_application *app)
{
    struct base_error error = {.text = "out of memory"};
    node_directories_keep (app);
    int r = node_blobs_open (app, &error);
    if (r < 0) {
        node_fail (app, UPDATE_EVENT_FAILED, "%s", error.text);
        return;
    }
    if (app->order.candidate.envelope) {
        envelope_fetch (app);
        return;
    }
    app->fetch = fetch_new (app, on_document);
    r = app->fetch ? node_fetch_start_blob (app->fetch, &app->order.release, app->order.size, &error)
                   : -ENOMEM;
    fetch_started (app, r, &error);
}

static int stage_run (void *context)
{
    struct node_application *app = context;
    return node_stage (app->root, &app->blobs, app->running, &app->order.candidate, &app->order.document,
                       app->staged, &app->stage_error);
}

/*  Waits until the thread that makes the workspace has ended. */
static void staging_free (struct node_application *app)
{
    app->staging_waits = false;
    app->staging = bus_work_free (app->staging);
    if (*app->staged)
        memcpy (app->order.workspace, app->staged, sizeof app->staged);
    *app->staged = '\0';
}

static void on_staged (void *context, int r)
{
    struct node_application *app = context;
    const struct base_error error = app->stage_error;
    base_assert (app->procedure.state == WIRE_STATE_STAGING && app->staging);
    staging_free (app);
    if (r == ROOT_E_DAMAGED && !app->order.distrust) {
        base_log (BASE_LOG_WARNING, "%s: %s: downloading the files that are damaged on this host",
                  app->order.transaction, error.text);
        app->order.distrust = true;
        node_event (app, UPDATE_EVENT_MISSING);
    } else if (r)
        node_fail (app, UPDATE_EVENT_FAILED, "%s", error.text);
    else
        node_event (app, UPDATE_EVENT_DONE);
}

void node_stage_begin (struct node_application *app)
{
    base_assert (app->procedure.state == WIRE_STATE_STAGING && !app->staging);
    base_assert (app->order.candidate.envelope && !*app->staged);
    app->staging_waits = app->unsharing;
    if (app->staging_waits)
        return;
    app->stage_error = (struct base_error){.text = "out of memory"};
    int r = bus_work_start (app->process->loop, stage_run, on_staged, app, &app->staging);
    if (r < 0)
        node_fail (app, UPDATE_EVENT_FAILED, "cannot start staging: %s", strerror (-r));
}

void node_step_stop (struct node_application *app)
{
    node_match_cancel (&app->match);
    node_trust_cancel (&app->trust);
    fetch_free (app);
    staging_free (app);
    app->kind->ops->probe_abort (app);
}

/*  Stops the step and removes the candidate's workspace, unless it is stable already. */
static void step_abort (struct node_application *app)
{
    char stable[ROOT_NAME_SIZE];
    struct base_error error;
    node_step_stop (app);
    if (!*app->order.workspace || root_link (app->root, ROOT_STABLE, stable) ||
        strcmp (stable, app->order.workspace) == 0)
        return;
    int r = root_workspace_remove (app->root, app->order.workspace, &error);
    if (r)
        base_log (BASE_LOG_WARNING, "cannot remove the candidate's workspace, ignoring: %s", error.text);
}

/*  Describes the failure of the order, for the quarantine and the last error. All texts are borrowed: from
    the order, and from now, which gets the time. */
static struct wire_failure order_failure (const struct node_application *app,
                                          const struct update_result *result, char now[BASE_TIME_TEXT])
{
    const struct node_order *order = &app->order;
    const struct wire_envelope *envelope = order->candidate.envelope;
    return (struct wire_failure){.transaction = order->transaction,
                                 .release = order->release,
                                 .version = envelope ? envelope->version : NULL,
                                 .step = *order->step ? order->step : wire_state_word (result->from),
                                 .reason = order->failure.text,
                                 .time = base_time_format (base_time_real_ns (), now),
                                 .blob = order->corrupt};
}

static void release_quarantine (struct node_application *app, const struct update_result *result)
{
    char now[BASE_TIME_TEXT];
    struct base_error error;
    struct wire_failure failure = order_failure (app, result, now);
    int r = root_quarantine_add (app->root, &failure, &error);
    if (r < 0)
        base_log (BASE_LOG_WARNING, "cannot quarantine the release, ignoring: %s", error.text);
}

static void order_postpone (struct node_application *app, const struct update_result *result)
{
    base_assert (app->procedure.state == WIRE_STATE_UNFIT);
    if (result->from ==
        WIRE_STATE_IDLE) { /* an earlier process postponed it: only the rest of the wait is left */
        uint64_t left_ms = node_retry_left_ms (app);
        bus_timer_cancel (app->process->loop, app->deadline);
        app->deadline_ms = base_time_boot_ms () + left_ms;
        app->deadline = bus_timer_start (app->process->loop, left_ms, on_deadline, app);
        return;
    }
    char now[BASE_TIME_TEXT];
    struct wire_failure failure = order_failure (app, result, now);
    node_remember_failure (app, &failure);
    node_retry_begin (app);
    base_log (BASE_LOG_INFO, "%s: this host is unfit (%u times so far): the order is kept and retried at %s",
              app->order.transaction, app->procedure.unfit,
              app->order_state.retry ? app->order_state.retry
                                     : "a time that could not be recorded: out of memory");
}

static void order_ended (struct node_application *app, const struct update_result *result)
{
    struct wire_order_state *order_state = &app->order_state;
    base_assert (app->procedure.state == WIRE_STATE_IDLE);
    node_retry_clear (app);
    node_order_close (app, app->order.epoch);
    if (result->outcome == WIRE_OUTCOME_FAILED || result->outcome == WIRE_OUTCOME_REFUSED) {
        char now[BASE_TIME_TEXT];
        struct wire_failure failure = order_failure (app, result, now);
        node_remember_failure (app, &failure);
    } else if (result->outcome == WIRE_OUTCOME_CONFIRMED && order_state->last_error) {
        wire_failure_deinit (order_state->last_error);
        free (order_state->last_error);
        order_state->last_error = NULL;
    }
    node_order_state_save (app);
    if (result->outcome != WIRE_OUTCOME_CONFIRMED)
        return;
    (void) root_trial_forget (app->root);
    (void) root_outcome_remove (app->root);
    root_failed_forget (app->root, &app->running->installed.release);
    node_previous_keep (app);
    node_collect (app);
    node_unshare_begin (app);
}

static void step_report (struct node_application *app, const struct update_result *result)
{
    bool final = result->outcome != WIRE_OUTCOME_STARTED;
    const char *step = final && *app->order.step                   ? app->order.step
                       : result->outcome == WIRE_OUTCOME_CONFIRMED ? wire_state_word (WIRE_STATE_TRIAL)
                       : final                                     ? wire_state_word (result->from)
                                                                   : wire_state_word (result->to);
    bool has_reason = final && result->outcome != WIRE_OUTCOME_CONFIRMED && *app->order.failure.text;
    const char *note = !final && *app->order.note ? app->order.note : NULL;
    node_report (app, step, result->outcome, has_reason ? app->order.failure.text : note);
    *app->order.note = '\0';
}

void node_act (struct node_application *app, const struct update_result *result, enum update_action action)
{
    base_assert (app && app->busy);
    base_assert (result && (unsigned) action < UPDATE_N_ACTIONS);
    switch (action) {
    case UPDATE_ACTION_DEADLINE:
        app->late = 0;
        deadline_start (app);
        break;
    case UPDATE_ACTION_MATCH:
        match_begin (app);
        break;
    case UPDATE_ACTION_FETCH:
        fetch_begin (app);
        break;
    case UPDATE_ACTION_STAGE:
        node_stage_begin (app);
        break;
    case UPDATE_ACTION_PROBE:
        node_directories_keep (app);
        app->kind->ops->probe (app);
        break;
    case UPDATE_ACTION_SWITCH:
        node_switch (app);
        break;
    case UPDATE_ACTION_RESTART:
        app->kind->ops->restart (app);
        break;
    case UPDATE_ACTION_PROVE:
        app->kind->ops->prove (app);
        break;
    case UPDATE_ACTION_CONFIRM:
        node_switch_confirm (app);
        break;
    case UPDATE_ACTION_REVERT:
        node_switch_return (app, result->outcome == WIRE_OUTCOME_STARTED ? NODE_RETURN_ORDERED
                                                                         : NODE_RETURN_UNCONFIRMED);
        break;
    case UPDATE_ACTION_ABORT:
        step_abort (app);
        break;
    case UPDATE_ACTION_QUARANTINE:
        release_quarantine (app, result);
        break;
    case UPDATE_ACTION_REPORT:
        step_report (app, result);
        break;
    case UPDATE_ACTION_ENDED:
        order_ended (app, result);
        break;
    case UPDATE_ACTION_ASK:
        node_order_clear (app);
        if (!node_resume_trial (app)) /* the rollback failed: the trial is not over */
            node_subject_ask (&app->subject);
        break;
    case UPDATE_ACTION_LOG:
        base_log (BASE_LOG_DEBUG, "ignoring an event that does not fit the state %s",
                  wire_state_word (result->from));
        break;
    case UPDATE_ACTION_LATER:
        order_postpone (app, result);
        break;
    case UPDATE_ACTION_NONE:
        break;
    }
}
