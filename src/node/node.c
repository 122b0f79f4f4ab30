/* SPDX-License-Identifier: MPL-2.0 */
/*  node/node.c - the node manager's process: start, session events, settings, signals, end */

#include "node/node.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/self.h"
#include "base/text.h"
#include "base/time.h"
#include "base/version.h"
#include "node/manager.h"
#include "node/scratch.h"
#include "root/lock.h"

/*  How long cleaning up may take at the end. It is less than the time that the launcher gives a version to
    stop. */
enum { CLOSE_MS = 5 * 1000 };

/*  How long leftovers of an earlier process may delay a start. It is less than anybody waits for a start. */
enum { TIDY_MS = 5 * 1000 };

static void on_describe (void *context, struct wire_application *ret_application)
{
    node_describe (context, ret_application);
}

static void on_journal (void *context, struct wire_hello *hello)
{
    node_journal_describe (context, hello);
}

static void on_awake (void *context)
{
    struct node_manager *node = context;
    node_places_keep (node);
    (void) root_lock_renew (&node->root, &node->lock.root);
    node_stable_keep (context);
    node_stable_follow (context);
    node_previous_keep (context);
    node_journal_keep (context);
}

static void on_welcome (void *context, const struct wire_welcome *welcome)
{
    struct node_manager *node = context;
    base_log (BASE_LOG_INFO, "connected to %s (instance %s)", node->config->endpoints.control,
              welcome->instance);
    node_reach_welcome (node->reach);
    node_comparison_welcome (node);
    node->reached = true;
    if (node->config->depth == NODE_DEPTH_SERVICE)
        node_settings_used (&node->root, node->config);
    if (node->settings == NODE_SETTINGS_OWN && node->config->depth == NODE_DEPTH_SERVICE) {
        node_settings_keep (&node->root, &node->loaded);
        node_settings_retry (&node->root);
    }
    node_journal_welcome (node, welcome);
    if (node->fetch)
        node_fetch_lost (node->fetch);
}

static void on_refused (void *context, const char *reason)
{
    struct node_manager *node = context;
    node_reach_refused (node->reach, reason);
}

static void on_lost (void *context)
{
    struct node_manager *node = context;
    node_reach_lost (node->reach);
    node_comparison_lost (node);
    if (node->fetch)
        node_session_content_close (node->session);
}

static void on_hint (void *context, const struct wire_update *update)
{
    (void) update;
    node_trial_announced (context);
    node_comparison_announced (context);
}

static void on_desired (void *context, const struct wire_desired *desired)
{
    node_places_keep (context); /* the order will be recorded */
    node_orders_desired (context, desired);
}

static void on_matched (void *context, const struct wire_matched *matched)
{
    struct node_manager *node = context;
    if (node->procedure.state == WIRE_STATE_TRIAL)
        node_trial_matched (node, matched);
    else if (!node_comparison_matched (node, matched))
        node_orders_matched (node, matched);
}

static void on_chunk (void *context, const struct wire_chunk *chunk, const void *payload, size_t size)
{
    struct node_manager *node = context;
    if (!node_trial_chunk (node, chunk, payload, size) &&
        !node_comparison_chunk (node, chunk, payload, size) && node->fetch)
        node_fetch_chunk (node->fetch, chunk, payload, size);
}

static const struct node_session_ops session_ops = {.describe = on_describe,
                                                    .journal = on_journal,
                                                    .awake = on_awake,
                                                    .welcome = on_welcome,
                                                    .refused = on_refused,
                                                    .lost = on_lost,
                                                    .hint = on_hint,
                                                    .desired = on_desired,
                                                    .matched = on_matched,
                                                    .chunk = on_chunk};

/*  Settings are read only at the start. New ones need a restart of the same version, but never during an
    update or a trial. Unusable settings are looked at again until they are usable, so that their correction
    needs no second signal. */
static void look_at_settings (void *context)
{
    struct node_manager *node = context;
    bool usable = !node_settings_check (node->root.path, NULL) && !node_settings_given_up (node->root.path);
    bus_timer_cancel (node->loop, node->looking);
    node->looking = 0;
    if (usable && update_order_at_rest (node->procedure.state)) {
        node_settings_taken (&node->root);
        node_leave (node);
    } else if (node->settings_wanted || node->settings != NODE_SETTINGS_OWN)
        node->looking = bus_timer_start (node->loop, NODE_SETTINGS_LOOK_MS, look_at_settings, node);
}

/*  Settings are on trial until an origin has welcomed this node; see node/settings.h. A file that was written
    since they were loaded has not been tried. */
static void judge_settings (void *context)
{
    struct node_manager *node = context;
    struct base_digest now = node_settings_digest (node->root.path);
    bool own = node->settings == NODE_SETTINGS_OWN, leave = false;
    node->judging = 0;
    node->judged++;
    if (own && !node->reached && base_digest_equal (&now, &node->loaded))
        leave = update_order_at_rest (node->procedure.state) && !node_settings_give_up (&node->root);
    else if (own && !node->reached)
        look_at_settings (node);
    else if (node->settings == NODE_SETTINGS_BACK && update_order_at_rest (node->procedure.state) &&
             (!node->reached || node->judged >= NODE_SETTINGS_AGAIN)) {
        node_settings_retry (&node->root);
        look_at_settings (node);
    }
    if (leave)
        node_leave (node);
    else if (!node->reached || !own)
        node->judging = bus_timer_start (node->loop, node->config->trial.confirm_ms, judge_settings, node);
}

static void on_hangup (struct node_manager *node)
{
    node_settings_retry (&node->root);
    struct base_error error = {.code = 0};
    if (node_settings_check (node->root.path, &error))
        node_settings_tell (&node->root, node->settings, true, error.text);
    node->settings_wanted = true;
    look_at_settings (node);
}

static void on_signal (void *context, int signal)
{
    struct node_manager *node = context;
    if (signal == SIGHUP) {
        on_hangup (node);
        return;
    }
    base_log (BASE_LOG_INFO, "stopping: %s", strsignal (signal));
    /* a process that only gives way to another version does not stop the service */
    char stable[ROOT_NAME_SIZE];
    if (!root_link (&node->root, ROOT_STABLE, stable) && strcmp (stable, node->self.workspace) == 0)
        (void) sd_notify (0, "STOPPING=1");
    if (node->rehearsal && node->standing.probes) { /* the candidate did not cause this end */
        node->standing.probes--;
        node_standing_save (node);
    }
    node->status = 0;
    bus_loop_stop (node->loop);
}

static void feed_watchdog (void *context)
{
    struct node_manager *node = context;
    uint64_t us = 0;
    const char *text = getenv ("WATCHDOG_USEC");
    node->watchdog = 0;
    if (!text || base_text_parse_u64 (text, UINT64_MAX, &us) || us < 2000)
        return;
    (void) sd_notify (0, "WATCHDOG=1");
    node->watchdog = bus_timer_start (node->loop, us / 2000, feed_watchdog, node);
}

/*  Processes that this one starts must not inherit the launcher's pipe. */
static int launcher_pipe (void)
{
    const char *text = getenv ("NODED_LAUNCHER");
    uint64_t fd;
    if (!text || base_text_parse_u64 (text, 1 << 20, &fd) || fcntl ((int) fd, F_SETFD, FD_CLOEXEC))
        return -1;
    return (int) fd;
}

static int scratch_sweep (void *context)
{
    struct node_manager *node = context;
    const struct disk_until until = {.stop = &node->leave};
    node_scratch_sweep (&node->root, node->left, &until);
    return 0;
}

static void on_swept (void *context, int rc)
{
    struct node_manager *node = context;
    (void) rc;
    node->sweeping = bus_work_free (node->sweeping);
}

/*  A full or read-only disk stops updates, not the node manager: without it no remote revert would be
    possible. */
static void open_records (struct node_manager *node)
{
    struct base_error error = {.code = 0};
    node_places_keep (node);
    node_stable_mark (node);
    const struct disk_until until = {.boot_ms = base_time_boot_ms () + TIDY_MS};
    if (root_tidy (&node->root, &until, &error))
        base_log (BASE_LOG_WARNING, "cannot remove the leftovers of an earlier process, ignoring: %s",
                  error.text);
    node->left = node_scratch_left (&node->root);
    node_scratch_sweep (&node->root, node->left, &until);
    if (!disk_until_over (&until))
        node->left = base_list_free (node->left);
    if (root_order_state_read (&node->root, &node->standing))
        node->standing = (struct wire_standing){.epoch = 0};
    node_journal_open (node);
    if (node_contents_open (node, &error))
        base_log (BASE_LOG_WARNING, "cannot open the directory for downloads, ignoring: %s", error.text);
}

static int open_all (struct node_manager *node, struct base_error *error)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR2}; /* SIGUSR2: noded revert has run */
    /* a scratch root has no meaning after a crash: nothing in it is synced */
    const struct disk *disk = node->config->depth == NODE_DEPTH_SERVICE ? &disk_system : &disk_unsynced;
    int rc = root_open (disk, node->config->root, &node->root, error);
    rc = rc ? rc : node_lock_take (&node->root, node->launcher, &node->lock, error);
    if (rc == -EWOULDBLOCK)
        node->status = ROOT_EXIT_LOCKED;
    rc = rc ? rc : node_self_load (&node->root, &node->self, error);
    if (rc)
        return rc;
    open_records (node);
    node->loop = bus_loop_new ();
    if (!node->loop)
        return base_error_set (error, -ENOMEM, "cannot make the event loop: out of memory or descriptors");
    if (node->left && bus_work_start (node->loop, scratch_sweep, on_swept, node, &node->sweeping))
        base_log (BASE_LOG_WARNING, "leftovers of earlier rehearsals stay until the next start");
    rc = bus_signals (node->loop, signals, sizeof signals / sizeof *signals, on_signal, node);
    rc = rc ? rc : node_callback_new (node->loop, node->config, &node->self, &node->callback, error);
    return rc ? rc : node_session_new (node->loop, node->config, &session_ops, node, &node->session, error);
}

/*  The goodbye to the origin comes first: freeing the rest may wait for a disk. */
static void close_all (struct node_manager *node)
{
    int timers[] = {node->deadline,  node->proving, node->progress, node->watchdog,
                    node->following, node->looking, node->judging};
    for (size_t i = 0; node->loop && i < sizeof timers / sizeof *timers; i++)
        bus_timer_cancel (node->loop, timers[i]);
    node_comparison_free (node);
    (void) node_reach_free (node->reach);
    (void) node_session_free (node->session);
    (void) node_callback_free (node->callback);
    atomic_store (&node->leave, true);
    (void) bus_work_free (node->sweeping);
    node->left = base_list_free (node->left);
    (void) bus_work_free (node->staging);
    (void) bus_work_free (node->unsharing);
    node_scrub_end (node);
    node_journal_close (node);
    (void) node_fetch_free (node->fetch);
    (void) node_rehearsal_free (node->rehearsal);
    (void) node_rehearsal_free (node->ending);
    (void) bus_loop_free (node->loop);
    node_order_clear (node);
    wire_installed_deinit (&node->previous);
    root_quarantine_free (node->quarantine, node->n_quarantine);
    wire_standing_deinit (&node->standing);
    disk_blobs_deinit (&node->contents);
    node_self_deinit (&node->self);
    node_lock_deinit (&node->lock);
    root_deinit (&node->root);
}

/*  Reports readiness to the launcher, to init and to the callback. A version that does not fit its envelope
    runs all the same: the launcher has verified what is on disk. */
static void ready_announce (struct node_manager *node)
{
    node_tell_launcher (node, "ready\n");
    (void) sd_notifyf (0, "READY=1\nSTATUS=noded %s, node %s", base_version, node->config->id);
    node_callback_ready (node->callback);
    feed_watchdog (node);
}

int node_run (struct node_config *config, enum node_settings settings, const char *wrong)
{
    struct base_error error = {.code = 0};
    int launcher = launcher_pipe ();
    if (settings == NODE_SETTINGS_NONE)
        return node_settings_wait (config, launcher, wrong);
    struct node_manager node = {.act = node_act,
                                .config = config,
                                .settings = settings,
                                .launcher = launcher,
                                .status = 1,
                                .lock = NODE_LOCK_NULL};
    node.root.fd = node.contents.fd = -1;
    node.loaded = node_settings_digest (config->root);
    /* this process gives up a little before its launcher does, because it can report what was missing */
    config->limits.trial_ms = config->trial.confirm_ms - config->trial.confirm_ms / 8;
    update_procedure_init (&node.procedure);
    if (open_all (&node, &error)) {
        base_log (BASE_LOG_ERROR, "%s", *error.text ? error.text : strerror (ENOMEM));
        close_all (&node);
        return node.status;
    }
    base_log (BASE_LOG_INFO, "noded %s runs as node %s from %s/%s", base_version, config->id, node.root.path,
              node.self.workspace);
    if (settings != NODE_SETTINGS_OWN) {
        node_settings_tell (&node.root, settings, false, wrong);
        look_at_settings (&node);
    }
    ready_announce (&node);
    node_orders_resume (&node);
    if (config->depth == NODE_DEPTH_SERVICE)
        node.reach = node_reach_new (node.loop, config, &node.root);
    if (config->depth == NODE_DEPTH_SERVICE)
        node.judging = bus_timer_start (node.loop, config->trial.confirm_ms, judge_settings, &node);
    node_scrub_begin (&node);
    node_session_open (node.session);
    int rc = bus_loop_run (node.loop);
    if (rc)
        base_log (BASE_LOG_ERROR, "the event loop failed: %s", strerror (-rc));
    int status = rc ? 1 : node.status;
    /*  A job may wait for a slow disk for minutes. Jobs survive being cut off at any moment. */
    (void) base_self_exit_within (CLOSE_MS, status);
    close_all (&node);
    return status;
}
