/* SPDX-License-Identifier: MPL-2.0 */
/*  node/node.c - the node manager's process: start, session events, signals, end */

#include "node/node.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/self.h"
#include "base/text.h"
#include "base/time.h"
#include "base/version.h"
#include "node/application.h"
#include "node/settings_wait.h"
#include "rehearsal/scratch.h"
#include "root/lock.h"

/*  How long cleaning up may take at the end. It is less than the time that the launcher gives a version to
    stop. */
enum { CLOSE_MS = 5 * 1000 };

/*  How long leftovers of an earlier process may delay a start. It is less than anybody waits for a start. */
enum { TIDY_MS = 5 * 1000 };

bool node_process_is_at_rest (const struct node_process *process)
{
    for (size_t i = 0; i < process->n_applications; i++)
        if (!update_order_at_rest (process->applications[i].procedure.state))
            return false;
    return true;
}

void node_process_leave (struct node_process *process)
{
    base_assert (process && process->loop);
    process->status = process->config->restart_by_init ? ROOT_EXIT_BY_INIT : ROOT_EXIT_RESTART;
    bus_loop_stop (process->loop);
}

void node_process_notify_launcher (struct node_process *process, const char *line)
{
    base_assert (line && strchr (line, '\n'));
    if (process->launcher < 0)
        return;
    ssize_t wrote = write (process->launcher, line, strlen (line));
    if (wrote != (ssize_t) strlen (line))
        base_log (BASE_LOG_WARNING, "cannot report \"%.*s\" to the launcher", (int) strcspn (line, "\n"),
                  line);
}

static void on_hello (void *context, struct wire_hello *hello)
{
    struct node_process *process = context;
    node_journal_describe (process, hello);
    node_trust_describe (process, hello);
    hello->trial = process->applications[0].procedure.state == WIRE_STATE_TRIAL;
}

static void on_awake (void *context)
{
    struct node_process *process = context;
    base_assert (process->loop && root_is_open (&process->root));
    for (size_t i = 0; i < process->n_applications; i++)
        node_directories_keep (&process->applications[i]);
    (void) root_lock_renew (&process->root, &process->lock.root);
    for (size_t i = 0; i < process->n_applications; i++) {
        node_stable_keep (&process->applications[i]);
        node_stable_follow (&process->applications[i]);
        node_previous_keep (&process->applications[i]);
    }
    node_journal_keep (process);
}

static void on_welcome (void *context, const struct wire_welcome *welcome)
{
    struct node_process *process = context;
    base_log (BASE_LOG_INFO, "connected to %s (instance %s)", process->config->endpoints.control,
              welcome->instance);
    node_connectivity_welcome (process->connectivity);
    for (size_t i = 0; i < process->n_applications; i++)
        node_blame_welcome (&process->applications[i]);
    node_reload_welcome (process);
    node_journal_welcome (process, welcome);
}

static void on_refused (void *context, const char *reason)
{
    struct node_process *process = context;
    node_connectivity_refused (process->connectivity, reason);
}

static void on_lost (void *context)
{
    struct node_process *process = context;
    node_connectivity_lost (process->connectivity);
    for (size_t i = 0; i < process->n_applications; i++)
        node_blame_lost (&process->applications[i]);
    node_content_lost (process->content);
}

static const struct node_session_ops session_ops = {
    .hello = on_hello, .awake = on_awake, .welcome = on_welcome, .refused = on_refused, .lost = on_lost};

static void on_signal (void *context, int signal)
{
    struct node_process *process = context;
    if (signal == SIGHUP) {
        node_reload_hangup (process);
        return;
    }
    base_log (BASE_LOG_INFO, "stopping: %s", strsignal (signal));
    /* if another version is stable, the service continues with it, and only this process stops */
    char stable[ROOT_NAME_SIZE];
    if (root_link (&process->root, ROOT_STABLE, stable) == 0 &&
        strcmp (stable, process->self.running.workspace) == 0)
        (void) sd_notify (0, "STOPPING=1");
    for (size_t i = 0; i < process->n_applications; i++)
        if (process->applications[i].kind->ops->stopping)
            process->applications[i].kind->ops->stopping (&process->applications[i]);
    process->status = 0;
    bus_loop_stop (process->loop);
}

static void watchdog_notify (void *context)
{
    struct node_process *process = context;
    uint64_t us = 0;
    const char *text = getenv ("WATCHDOG_USEC");
    process->watchdog = 0;
    if (!text || base_text_parse_u64 (text, UINT64_MAX, &us) < 0 || us < 2000)
        return;
    (void) sd_notify (0, "WATCHDOG=1");
    process->watchdog = bus_timer_start (process->loop, us / 2000, watchdog_notify, process);
}

/*  Returns the descriptor of the launcher's pipe, or -1. Makes it close-on-exec: processes that this one
    starts must not inherit it. */
static int launcher_pipe (void)
{
    const char *text = getenv ("NODED_LAUNCHER");
    uint64_t fd;
    if (!text || base_text_parse_u64 (text, 1 << 20, &fd) < 0 || fcntl ((int) fd, F_SETFD, FD_CLOEXEC))
        return -1;
    return (int) fd;
}

static int scratch_sweep (void *context)
{
    struct node_process *process = context;
    const struct disk_until until = {.stop = &process->leave};
    rehearsal_scratch_sweep (&process->root, process->left, &until);
    return 0;
}

static void on_swept (void *context, int r)
{
    struct node_process *process = context;
    (void) r;
    base_assert (process->sweeping);
    process->sweeping = bus_work_free (process->sweeping);
}

/*  Opens the applications. Fails if noded itself cannot be opened; another application is skipped then. */
static int applications_open (struct node_process *process, struct base_error *error)
{
    const struct node_kind *const *kinds = node_kinds ();
    size_t count = 0;
    base_assert (kinds && kinds[0] && kinds[0]->is_manager);
    base_assert (!process->applications && process->n_applications == 0);
    while (kinds[count])
        count++;
    process->applications = calloc (count + 1, sizeof *process->applications);
    if (!process->applications)
        return -ENOMEM;
    if (process->config->depth != IDENTITY_DEPTH_SERVICE)
        count = 1; /* a probe manages noded alone */
    for (size_t i = 0; i < count && kinds[i]; i++) {
        struct node_application *app = &process->applications[process->n_applications];
        struct base_error why = {.code = 0};
        int r = node_application_open (app, process, kinds[i], &why);
        if (r < 0 && kinds[i]->is_manager) {
            *error = why;
            return r;
        }
        if (r == 0)
            process->n_applications++;
        else {
            base_log (BASE_LOG_ERROR, "%s cannot be managed: %s", kinds[i]->application,
                      *why.text ? why.text : strerror (-r));
            node_application_close (app);
        }
    }
    return 0;
}

/*  Removes what earlier rehearsals left, for a bounded time. process->left has the names that remain: a
    thread removes those. */
static void scratch_tidy (struct node_process *process)
{
    const struct disk_until until = {.boot_ms = base_time_boot_ms () + TIDY_MS};
    process->left = rehearsal_scratch_left (&process->root);
    rehearsal_scratch_sweep (&process->root, process->left, &until);
    if (!disk_until_over (&until))
        process->left = base_list_free (process->left);
}

/*  Opens the root, takes its locks and opens the applications. */
static int process_open_root (struct node_process *process, struct base_error *error)
{
    /* a scratch root is worth nothing after a crash: nothing in it is synced */
    const struct disk *disk =
        process->config->depth == IDENTITY_DEPTH_SERVICE ? &disk_system : &disk_unsynced;
    int r = root_open (disk, process->config->root, &process->root, error);
    if (r < 0)
        return r;
    r = node_lock_take (&process->root, process->launcher, &process->lock, error);
    if (r == -EWOULDBLOCK)
        process->status = ROOT_EXIT_LOCKED;
    if (r < 0)
        return r;
    r = identity_self_load (&process->root, &process->self, error);
    if (r)
        return r;
    return applications_open (process, error);
}

/*  Makes the loop and what runs in it. */
static int process_open_loop (struct node_process *process, struct base_error *error)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR2}; /* SIGUSR2: noded revert has run */
    base_assert (!process->loop && process->n_applications > 0);
    process->loop = bus_loop_new ();
    if (!process->loop)
        return base_error_set (error, -ENOMEM, "cannot make the event loop: out of memory or descriptors");
    if (process->left) {
        int r = bus_work_start (process->loop, scratch_sweep, on_swept, process, &process->sweeping);
        if (r < 0)
            base_log (BASE_LOG_WARNING, "leftovers of earlier rehearsals stay until the next start");
    }
    process->content = node_content_new (process->loop, process->config);
    if (!process->content)
        return -ENOMEM;
    int r = bus_signals (process->loop, signals, sizeof signals / sizeof *signals, on_signal, process);
    if (r < 0)
        return r;
    r = node_callback_new (process->loop, process->config, &process->self, &process->callback, error);
    if (r < 0)
        return r;
    return node_session_new (process->loop, process->config, &session_ops, process, &process->session, error);
}

/*  Returns 0, -errno, or a ROOT_E_ code if this program does not run from a workspace. After a failure
    process_close follows, too. */
static int process_open (struct node_process *process, struct base_error *error)
{
    int r = process_open_root (process, error);
    if (r)
        return r;
    scratch_tidy (process);
    node_journal_open (process);
    return process_open_loop (process, error);
}

/*  Sends the goodbye to the origin first: freeing the rest may wait for a disk. */
static void process_close (struct node_process *process)
{
    node_reload_end (process);
    bus_timer_cancel (process->loop, process->watchdog);
    (void) node_connectivity_free (process->connectivity);
    (void) node_session_free (process->session);
    (void) node_callback_free (process->callback);
    atomic_store (&process->leave, true);
    (void) bus_work_free (process->sweeping);
    process->left = base_list_free (process->left);
    for (size_t i = 0; i < process->n_applications; i++)
        node_application_close (&process->applications[i]);
    free (process->applications);
    free (process->trust_fault);
    node_journal_close (process);
    (void) node_content_free (process->content);
    (void) bus_loop_free (process->loop);
    identity_self_deinit (&process->self);
    node_lock_deinit (&process->lock);
    root_deinit (&process->root);
}

/*  Reports readiness to the launcher, to init and to the callback. Does not compare the program with its
    envelope: the launcher has verified the workspace. */
static void ready_announce (struct node_process *process)
{
    base_assert (process->callback && process->session);
    node_process_notify_launcher (process, "ready\n");
    (void) sd_notifyf (0, "READY=1\nSTATUS=noded %s, node %s", base_version, process->config->id);
    node_callback_ready (process->callback);
    watchdog_notify (process);
}

int node_run (struct identity_config *config, enum identity_settings settings, const char *wrong)
{
    struct base_error error = {.code = 0};
    base_assert (config && config->root);
    int launcher = launcher_pipe ();
    if (settings == IDENTITY_SETTINGS_NONE)
        return node_settings_wait (config, launcher, wrong);
    struct node_process process = {
        .config = config, .settings = settings, .launcher = launcher, .status = 1, .lock = NODE_LOCK_NULL};
    process.root.fd = -1;
    process.loaded = identity_settings_digest (config->root);
    int r = process_open (&process, &error);
    if (r) {
        base_log (BASE_LOG_ERROR, "%s", *error.text ? error.text : root_error_text (r));
        process_close (&process);
        return process.status;
    }
    base_log (BASE_LOG_INFO, "noded %s runs as node %s from %s/%s", base_version, config->id,
              process.root.path, process.self.running.workspace);
    if (settings != IDENTITY_SETTINGS_OWN) {
        identity_settings_log (&process.root, settings, false, wrong);
        node_reload_look (&process);
    }
    ready_announce (&process);
    for (size_t i = 0; i < process.n_applications; i++)
        node_application_start (&process.applications[i]);
    if (config->depth == IDENTITY_DEPTH_SERVICE)
        process.connectivity = node_connectivity_new (process.loop, config, &process.root);
    node_reload_begin (&process);
    node_session_open (process.session);
    r = bus_loop_run (process.loop);
    if (r < 0)
        base_log (BASE_LOG_ERROR, "the event loop failed: %s", strerror (-r));
    int status = r < 0 ? 1 : process.status;
    /*  A thread may wait for a slow disk for minutes. Ending it at any moment is safe. */
    (void) base_self_exit_within (CLOSE_MS, status);
    process_close (&process);
    return status;
}
