/* SPDX-License-Identifier: MPL-2.0 */
/*  node/settings_wait.c - the process of a node without usable settings: it waits for their correction */

#include "node/settings_wait.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/version.h"
#include "bus/loop.h"
#include "node/lock.h"

struct waiting {
    struct bus_loop *loop;
    const struct root *root;
    int timer;
    int status;
};

static void settings_look (void *context)
{
    struct waiting *waiting = context;
    base_assert (waiting->loop && root_is_open (waiting->root));
    waiting->timer = 0;
    if (identity_settings_check (waiting->root->path, NULL) == 0) {
        identity_settings_taken (waiting->root);
        waiting->status = ROOT_EXIT_RESTART;
        bus_loop_stop (waiting->loop);
        return;
    }
    (void) sd_notify (0, "WATCHDOG=1");
    waiting->timer = bus_timer_start (waiting->loop, IDENTITY_SETTINGS_LOOK_MS, settings_look, waiting);
}

static void on_signal (void *context, int signal)
{
    struct waiting *waiting = context;
    if (signal == SIGHUP) /* settings_look runs every few seconds anyway */
        return;
    base_log (BASE_LOG_INFO, "stopping: %s", strsignal (signal));
    waiting->status = 0;
    bus_loop_stop (waiting->loop);
}

/*  Opens the root and takes its locks; makes the loop. */
static int waiting_open (struct waiting *waiting, const char *path, int launcher, struct root *root,
                         struct node_lock *lock, struct base_error *error)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR2}; /* SIGUSR2: noded revert has run */
    int r = root_open (&disk_system, path, root, error);
    if (r < 0)
        return r;
    r = node_lock_take (root, launcher, lock, error);
    if (r == -EWOULDBLOCK)
        waiting->status = ROOT_EXIT_LOCKED;
    if (r < 0)
        return r;
    waiting->loop = bus_loop_new ();
    r = waiting->loop
            ? bus_signals (waiting->loop, signals, sizeof signals / sizeof *signals, on_signal, waiting)
            : -ENOMEM;
    return r < 0 ? base_error_errno (error, r, "cannot wait for settings of %s", root->path) : 0;
}

/*  Runs until the settings can be used or a signal stops it. Returns 0 or -errno. */
static int waiting_run (struct waiting *waiting, int launcher, const char *wrong)
{
    identity_settings_log (waiting->root, IDENTITY_SETTINGS_NONE, false, wrong);
    ssize_t ignored = launcher < 0 ? 0 : write (launcher, "ready\n", 6);
    (void) ignored; /* on failure the launcher rolls back a trial; nothing else can be done then */
    (void) sd_notifyf (0, "READY=1\nSTATUS=noded %s waits for settings: %s", base_version, wrong);
    settings_look (waiting);
    int r = bus_loop_run (waiting->loop);
    bus_timer_cancel (waiting->loop, waiting->timer);
    return r;
}

int node_settings_wait (const struct identity_config *config, int launcher, const char *wrong)
{
    base_assert (config && config->root && wrong);
    base_cleanup (root_deinit) struct root root = {.fd = -1};
    struct waiting waiting = {.root = &root, .status = 1};
    base_cleanup (node_lock_deinit) struct node_lock lock = NODE_LOCK_NULL;
    struct base_error error = {.code = 0};
    int r = waiting_open (&waiting, config->root, launcher, &root, &lock, &error);
    if (r < 0)
        base_log (BASE_LOG_ERROR, "%s", error.text);
    else
        r = waiting_run (&waiting, launcher, wrong);
    (void) bus_loop_free (waiting.loop);
    return r < 0 && waiting.status != ROOT_EXIT_LOCKED ? 1 : waiting.status;
}
