/* SPDX-License-Identifier: MPL-2.0 */
/*  node/actions.c - carries out the actions of the update procedure; the result of an action returns as an
    event */

#include <errno.h>
#include <string.h>

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

/*  Formats the progress of the download and what it waits for, to be appended to a reason; empty without a
    download. */
static void fetched_format (const struct node_application *app, char *ret_text, size_t size)
{
    uint64_t done, total;
    *ret_text = '\0';
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
    char fetched[256];
    fetched_format (app, fetched, sizeof fetched);
    node_fail (app, UPDATE_EVENT_DEADLINE, "%s took longer than %llu ms%s",
               wire_state_word (app->procedure.state),
               (unsigned long long) node_deadline_ms (app->process->config, &app->procedure), fetched);
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
    if (node_match_begin (&app->match, app->process->session, &match, on_matched, app))
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
    struct node_fetch_counts counts = node_fetch_counts (app->fetch);
    app->order.rotten = node_fetch_rotten (app->fetch);
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

/*  Removes a download that has a second name: it was staged and not removed, or somebody linked it. */
static int blob_remove_shared (void *context, const struct base_digest *digest, uint64_t size)
{
    struct node_application *app = context;
    struct stat status;
    base_cleanup (base_close_p) int fd = -1;
    (void) size;
    if (!disk_blobs_get (&app->contents, digest, &fd, NULL) && !fstat (fd, &status) && status.st_nlink > 1)
        (void) disk_blobs_remove (&app->contents, digest);
    return 0;
}

/*  The store is opened again each time: its directory may have been removed since. */
int node_contents_open (struct node_application *app, struct base_error *error)
{
    disk_blobs_deinit (&app->contents);
    int rc = root_cache_make (app->root, ROOT_CONTENTS, error);
    rc = rc ? rc : disk_blobs_open (app->root->disk, app->root->fd, ROOT_CONTENTS, &app->contents, error);
    if (rc)
        return rc;
    disk_blobs_collect (&app->contents, (time_t) (base_time_real_ns () / 1000000000) - DOWNLOAD_AGE_S);
    (void) disk_blobs_each (&app->contents, blob_remove_shared, app);
    return 0;
}

static struct node_fetch *fetch_new (struct node_application *app, node_fetch_done *done)
{
    struct node_fetch_spec spec = {.loop = app->process->loop,
                                   .config = app->process->config,
                                   .content = app->process->content,
                                   .root = app->root,
                                   .blobs = &app->contents,
                                   .running = app->running};
    if (app->order.candidate.envelope && app->kind->ops->probe_space)
        app->kind->ops->probe_space (app, app->order.candidate.envelope, &spec.probe_bytes,
                                     &spec.probe_files);
    return node_fetch_new (&spec, done, app);
}

static void envelope_fetch (struct node_application *app)
{
    struct base_error error = {.text = "out of memory"};
    app->fetch = fetch_new (app, on_fetched);
    if (!app->fetch ||
        node_fetch_start (app->fetch, app->order.candidate.envelope, app->order.distrust, &error)) {
        fetch_free (app);
        node_fail (app, UPDATE_EVENT_FAILED, "%s", error.text);
        return;
    }
    app->progress = bus_timer_start (app->process->loop, PROGRESS_MS, progress_report, app);
}

/*  Takes the release document from the store, whose blobs were verified when they were stored; but somebody may
    have changed the file since. */
static int document_take (struct node_application *app, struct base_error *error)
{
    struct node_order *order = &app->order;
    char name[BASE_DIGEST_TEXT];
    base_cleanup (base_close_p) int fd = -1;
    uint64_t size = 0;
    base_buffer_deinit (&order->document);
    int rc = disk_blobs_get (&app->contents, &order->release, &fd, &size);
    if (!rc)
        rc = size > WIRE_DOCUMENT_MOST ? -EFBIG : base_buffer_reserve (&order->document, size);
    if (!rc && pread (fd, order->document.data, size, 0) != (ssize_t) size)
        rc = -EIO;
    order->document.size = rc ? 0 : size;
    (void) disk_blobs_remove (&app->contents, &order->release);
    struct base_digest digest = base_digest_of (order->document.data, order->document.size);
    if (!rc && !base_digest_equal (&digest, &order->release))
        rc = -EIO;
    return rc ? base_error_errno (error, rc, "cannot read the release document %s",
                                  base_digest_format (&order->release, name))
              : 0;
}

static void on_document (void *context, const struct base_error *error)
{
    struct node_application *app = context;
    struct base_error own = {.code = 0};
    app->order.rotten = node_fetch_rotten (app->fetch);
    fetch_free (app);
    if (error)
        node_fail (app, UPDATE_EVENT_FAILED, "%s", error->text);
    else if (document_take (app, &own))
        node_fail (app, UPDATE_EVENT_FAILED, "%s", own.text);
    else if (node_orders_choose (app))
        envelope_fetch (app);
}

/*  First the release document, if it is not here yet; then what its envelope needs. */
static void fetch_begin (struct node_application *app)
{
    struct base_error error = {.text = "out of memory"};
    node_places_keep (app);
    if (node_contents_open (app, &error)) {
        node_fail (app, UPDATE_EVENT_FAILED, "%s", error.text);
        return;
    }
    if (app->order.candidate.envelope) {
        envelope_fetch (app);
        return;
    }
    app->fetch = fetch_new (app, on_document);
    if (!app->fetch || node_fetch_start_blob (app->fetch, &app->order.release, app->order.size, &error)) {
        fetch_free (app);
        node_fail (app, UPDATE_EVENT_FAILED, "%s", error.text);
        return;
    }
    app->progress = bus_timer_start (app->process->loop, PROGRESS_MS, progress_report, app);
}

static int stage_job (void *context)
{
    struct node_application *app = context;
    return node_stage (app->root, &app->contents, app->running, &app->order.candidate, &app->order.document,
                       app->staged, &app->stage_error);
}

/*  Waits if the workspace is still being made. */
static void staging_free (struct node_application *app)
{
    app->staging_waits = false;
    app->staging = bus_work_free (app->staging);
    if (*app->staged)
        memcpy (app->order.workspace, app->staged, sizeof app->staged);
    *app->staged = '\0';
}

static void on_staged (void *context, int rc)
{
    struct node_application *app = context;
    const struct base_error error = app->stage_error;
    staging_free (app);
    if (rc == ROOT_E_DAMAGED && !app->order.distrust) {
        base_log (BASE_LOG_WARNING, "%s: %s: fetching files again that are damaged on this host",
                  app->order.transaction, error.text);
        app->order.distrust = true;
        node_event (app, UPDATE_EVENT_MISSING);
    } else if (rc)
        node_fail (app, UPDATE_EVENT_FAILED, "%s", error.text);
    else
        node_event (app, UPDATE_EVENT_DONE);
}

void node_stage_begin (struct node_application *app)
{
    app->staging_waits = app->unsharing;
    if (app->staging_waits)
        return;
    app->stage_error = (struct base_error){.text = "out of memory"};
    int rc = bus_work_start (app->process->loop, stage_job, on_staged, app, &app->staging);
    if (rc)
        node_fail (app, UPDATE_EVENT_FAILED, "cannot start staging: %s", strerror (-rc));
}

static void abort_step (struct node_application *app)
{
    node_match_cancel (&app->match);
    fetch_free (app);
    staging_free (app);
    app->kind->ops->probe_abort (app);
    char stable[ROOT_NAME_SIZE];
    struct base_error error;
    if (*app->order.workspace && !root_link (app->root, ROOT_STABLE, stable) &&
        strcmp (stable, app->order.workspace) != 0 &&
        root_workspace_remove (app->root, app->order.workspace, &error))
        base_log (BASE_LOG_WARNING, "cannot remove the candidate's workspace, ignoring: %s", error.text);
}

/*  Describes what failed, for the quarantine and the last error; valid as long as the order. */
static struct wire_failure failure_of (struct node_application *app, const struct update_result *result,
                                       char *now)
{
    struct node_order *order = &app->order;
    return (struct wire_failure){.transaction = order->transaction,
                                 .release = order->release,
                                 .version =
                                     order->candidate.envelope ? order->candidate.envelope->version : NULL,
                                 .step = *order->step ? order->step : wire_state_word (result->from),
                                 .reason = order->failure.text,
                                 .time = base_time_format (base_time_real_ns (), now),
                                 .blob = order->rotten};
}

static void release_quarantine (struct node_application *app, const struct update_result *result)
{
    char now[BASE_TIME_TEXT];
    struct base_error error;
    struct wire_failure failure = failure_of (app, result, now);
    if (root_quarantine_add (app->root, &failure, &error))
        base_log (BASE_LOG_WARNING, "cannot quarantine the release, ignoring: %s", error.text);
}

static void order_postpone (struct node_application *app, const struct update_result *result)
{
    if (result->from == WIRE_STATE_IDLE) { /* it has waited since before this process */
        uint64_t left_ms = node_later_left_ms (app);
        bus_timer_cancel (app->process->loop, app->deadline);
        app->deadline_ms = base_time_boot_ms () + left_ms;
        app->deadline = bus_timer_start (app->process->loop, left_ms, on_deadline, app);
        return;
    }
    char now[BASE_TIME_TEXT];
    struct wire_failure failure = failure_of (app, result, now);
    node_remember_failure (app, &failure);
    node_later_begin (app);
    base_log (BASE_LOG_INFO, "%s: this host is unfit (%u times so far): the order is kept and retried at %s",
              app->order.transaction, app->procedure.unfit,
              app->standing.retry ? app->standing.retry : "its time");
}

static void order_ended (struct node_application *app, const struct update_result *result)
{
    struct wire_standing *standing = &app->standing;
    node_later_clear (app);
    if (app->order.epoch > standing->epoch)
        standing->epoch = app->order.epoch;
    standing->under_way = standing->attempt = standing->probes = 0;
    if (result->outcome == WIRE_OUTCOME_FAILED || result->outcome == WIRE_OUTCOME_REFUSED) {
        char now[BASE_TIME_TEXT];
        struct wire_failure failure = failure_of (app, result, now);
        node_remember_failure (app, &failure);
    } else if (result->outcome == WIRE_OUTCOME_CONFIRMED && standing->last_error) {
        wire_failure_deinit (standing->last_error);
        free (standing->last_error);
        standing->last_error = NULL;
    }
    node_standing_save (app);
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
        node_places_keep (app);
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
        node_switch_back (app, result->outcome == WIRE_OUTCOME_STARTED ? NODE_BACK_ORDERED
                                                                       : NODE_BACK_UNCONFIRMED);
        break;
    case UPDATE_ACTION_ABORT:
        abort_step (app);
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
