/* SPDX-License-Identifier: MPL-2.0 */
/*  node/application.c - an application of this node, from its records on disk to its end */

#include "node/application.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "root/workspace.h"

/*  How long leftovers of an earlier process may delay a start. It is less than anybody waits for a start. */
enum { TIDY_MS = 5 * 1000 };

void node_application_check (const struct node_application *app)
{
    enum wire_state state = app->procedure.state;
    base_assert (app->name && app->kind && app->kind->ops && app->own);
    base_assert (app->process && app->process->loop && app->process->config && app->act);
    base_assert (root_is_open (app->root) && app->running);
    base_assert (app->kind->is_manager || (app->root == &app->opened && app->running == &app->runs));
    base_assert ((unsigned) state < WIRE_STATE_END);
    base_assert (app->n_events <= NODE_EVENTS_MOST);
    base_assert (app->busy || app->n_events == 0);
    base_assert (app->quarantine || app->n_quarantine == 0);
    if (app->busy) /* the state may have changed already, and its actions not */
        return;
    base_assert (!app->trust.app || state == WIRE_STATE_MATCHING);
    base_assert (!app->proof_trust.app || state == WIRE_STATE_TRIAL);
    base_assert (!app->fetch || state == WIRE_STATE_FETCHING);
    base_assert ((!app->staging && !app->staging_waits) || state == WIRE_STATE_STAGING);
    base_assert (!app->staging || !app->staging_waits);
    base_assert (!app->staging_waits || app->unsharing);
}

/*  Reads which version `stable` points to: it counts as the one that runs. Without one, none runs. */
static void running_read (struct node_application *app)
{
    struct identity_running *runs = &app->runs;
    char path[ROOT_NAME_SIZE + sizeof "/" ROOT_PROGRAM];
    base_assert (app->running == runs);
    wire_installed_deinit (&runs->installed);
    *runs = (struct identity_running){.workspace = ""};
    int r = root_link (app->root, ROOT_STABLE, runs->workspace);
    if (r == 0)
        r = root_workspace_read (app->root, runs->workspace, &runs->installed, NULL);
    if (r) {
        *runs->workspace = '\0';
        return;
    }
    (void) snprintf (path, sizeof path, "%s/" ROOT_PROGRAM, runs->workspace);
    base_cleanup (base_close_p) int fd = openat (app->root->fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0)
        (void) base_digest_of_fd (fd, &runs->binary, NULL);
}

static int application_open_root (struct node_application *app, struct base_error *error)
{
    struct node_process *process = app->process;
    if (app->kind->is_manager) {
        app->root = &process->root;
        app->running = &process->self.running;
        return 0;
    }
    base_cleanup (base_free_p) char *path =
        base_text_printf ("%s/" ROOT_APPS "/%s", process->root.path, app->name);
    app->root = &app->opened;
    app->running = &app->runs;
    if (!path)
        return -ENOMEM;
    int r = root_make (process->root.disk, path, &app->opened, error);
    if (r < 0)
        return r;
    running_read (app);
    return 0;
}

/*  A full or read-only disk stops updates, not the node manager: without it no remote revert would be
    possible. */
static void application_open_records (struct node_application *app)
{
    struct base_error error = {.code = 0};
    const struct disk_until until = {.boot_ms = base_time_boot_ms () + TIDY_MS};
    node_directories_keep (app);
    node_stable_mark (app);
    int r = root_tidy (app->root, &until, &error);
    if (r && *app->running->workspace) /* an application that was never installed has no stable */
        base_log (BASE_LOG_WARNING, "cannot remove the leftovers of an earlier process, ignoring: %s",
                  error.text);
    r = root_order_state_read (app->root, &app->order_state);
    if (r)
        app->order_state = (struct wire_order_state){.epoch = 0};
    r = node_blobs_open (app, &error);
    if (r < 0)
        base_log (BASE_LOG_WARNING, "cannot open the directory for downloads, ignoring: %s", error.text);
}

int node_application_open (struct node_application *app, struct node_process *process,
                           const struct node_kind *kind, struct base_error *error)
{
    base_assert (app);
    base_assert (process && process->config && root_is_open (&process->root));
    base_assert (kind && kind->application && kind->ops && kind->ops->probe && kind->ops->probe_abort);
    base_assert (kind->ops->restart && kind->ops->prove && kind->ops->prove_end);
    *app = (struct node_application){
        .name = kind->application, .kind = kind, .process = process, .act = node_act};
    app->opened.fd = app->blobs.fd = -1;
    update_procedure_init (&app->procedure);
    app->own = calloc (1, kind->own_size + 1);
    if (!app->own)
        return -ENOMEM;
    int r = application_open_root (app, error);
    if (r < 0)
        return r;
    application_open_records (app);
    return 0;
}

static void on_describe (void *context, struct wire_application *ret_application)
{
    node_describe (context, ret_application);
}

static size_t on_quarantine (void *context, const struct wire_failure **ret_failures)
{
    const struct node_application *app = context;
    *ret_failures = app->quarantine;
    return app->n_quarantine;
}

static void on_hint (void *context, const struct wire_update *update)
{
    (void) update;
    node_trial_announced (context);
    node_blame_announced (context);
}

static void on_desired (void *context, const struct wire_desired *desired)
{
    node_directories_keep (context); /* the order will be recorded */
    node_orders_desired (context, desired);
}

static const struct node_subject_ops subject_ops = {
    .describe = on_describe, .quarantine = on_quarantine, .hint = on_hint, .desired = on_desired};

void node_application_start (struct node_application *app)
{
    node_application_check (app);
    base_assert (app->process->session && app->process->content);
    base_assert (!app->busy && !app->subject.session);
    node_subject_add (app->process->session, &app->subject, app->name, &subject_ops, app);
    node_resume (app);
    node_scrub_begin (app);
}

void node_application_restarted (struct node_application *app)
{
    base_assert (!app->kind->is_manager);
    node_step_stop (app);
    app->kind->ops->prove_end (app);
    node_blame_free (app);
    running_read (app);
    bus_timer_cancel (app->process->loop, app->deadline);
    app->deadline = 0;
    update_procedure_init (&app->procedure);
    node_order_clear (app);
    node_resume (app);
}

void node_application_close (struct node_application *app)
{
    base_assert (app && !app->busy);
    if (!app->process)
        return;
    int timers[] = {app->deadline, app->proving, app->progress, app->following, app->verifying};
    for (size_t i = 0; app->process->loop && i < sizeof timers / sizeof *timers; i++)
        bus_timer_cancel (app->process->loop, timers[i]);
    node_blame_free (app);
    node_match_cancel (&app->match);
    node_trust_cancel (&app->trust);
    node_trust_cancel (&app->proof_trust);
    node_match_cancel (&app->proof_match);
    node_content_leave (&app->proof_user);
    node_subject_remove (&app->subject);
    (void) bus_work_free (app->staging);
    (void) bus_work_free (app->unsharing);
    node_scrub_end (app);
    (void) node_fetch_free (app->fetch);
    if (app->own && app->kind->ops->close)
        app->kind->ops->close (app);
    free (app->own);
    node_order_clear (app);
    wire_installed_deinit (&app->previous);
    root_quarantine_free (app->quarantine, app->n_quarantine);
    wire_order_state_deinit (&app->order_state);
    disk_blobs_deinit (&app->blobs);
    wire_installed_deinit (&app->runs.installed);
    root_deinit (&app->opened);
    *app = (struct node_application){.name = NULL};
}
