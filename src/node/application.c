/* SPDX-License-Identifier: MPL-2.0 */
/*  node/application.c - an application of this node, from its records on disk to its end */

#include "node/application.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "root/workspace.h"

/*  How long leftovers of an earlier process may delay a start. It is less than anybody waits for a start. */
enum { TIDY_MS = 5 * 1000 };

/*  Reads which version `stable` points to, as the one that runs; none if that is unknown. */
static void running_read (struct node_application *app)
{
    struct identity_running *runs = &app->runs;
    char path[ROOT_NAME_SIZE + sizeof "/" ROOT_PROGRAM];
    wire_installed_deinit (&runs->installed);
    *runs = (struct identity_running){.workspace = ""};
    if (root_link (app->root, ROOT_STABLE, runs->workspace) ||
        root_workspace_read (app->root, runs->workspace, &runs->installed, NULL)) {
        *runs->workspace = '\0';
        return;
    }
    (void) snprintf (path, sizeof path, "%s/" ROOT_PROGRAM, runs->workspace);
    base_cleanup (base_close_p) int fd = openat (app->root->fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0)
        (void) base_digest_of_fd (fd, &runs->binary, NULL);
}

static int root_of_open (struct node_application *app, struct base_error *error)
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
static void records_open (struct node_application *app)
{
    struct base_error error = {.code = 0};
    const struct disk_until until = {.boot_ms = base_time_boot_ms () + TIDY_MS};
    node_places_keep (app);
    node_stable_mark (app);
    /* an application that was never installed has no stable */
    if (root_tidy (app->root, &until, &error) && *app->running->workspace)
        base_log (BASE_LOG_WARNING, "cannot remove the leftovers of an earlier process, ignoring: %s",
                  error.text);
    if (root_order_state_read (app->root, &app->standing))
        app->standing = (struct wire_standing){.epoch = 0};
    if (node_contents_open (app, &error))
        base_log (BASE_LOG_WARNING, "cannot open the directory for downloads, ignoring: %s", error.text);
}

int node_application_open (struct node_application *app, struct node_process *process,
                           const struct node_kind *kind, struct base_error *error)
{
    *app = (struct node_application){
        .name = kind->application, .kind = kind, .process = process, .act = node_act};
    app->opened.fd = app->contents.fd = -1;
    update_procedure_init (&app->procedure);
    app->own = calloc (1, kind->own_size + 1);
    if (!app->own)
        return -ENOMEM;
    int r = root_of_open (app, error);
    if (r < 0)
        return r;
    records_open (app);
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
    node_places_keep (context); /* the order will be recorded */
    node_orders_desired (context, desired);
}

static const struct node_subject_ops subject_ops = {
    .describe = on_describe, .quarantine = on_quarantine, .hint = on_hint, .desired = on_desired};

void node_application_start (struct node_application *app)
{
    node_subject_add (app->process->session, &app->subject, app->name, &subject_ops, app);
    node_resume (app);
    node_scrub_begin (app);
}

void node_application_restarted (struct node_application *app)
{
    running_read (app);
    bus_timer_cancel (app->process->loop, app->deadline);
    app->deadline = 0;
    update_procedure_init (&app->procedure);
    node_order_clear (app);
    node_resume (app);
}

void node_application_close (struct node_application *app)
{
    if (!app->process)
        return;
    int timers[] = {app->deadline, app->proving, app->progress, app->following};
    for (size_t i = 0; app->process->loop && i < sizeof timers / sizeof *timers; i++)
        bus_timer_cancel (app->process->loop, timers[i]);
    node_blame_free (app);
    node_match_cancel (&app->match);
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
    wire_standing_deinit (&app->standing);
    disk_blobs_deinit (&app->contents);
    wire_installed_deinit (&app->runs.installed);
    root_deinit (&app->opened);
    *app = (struct node_application){.name = NULL};
}
