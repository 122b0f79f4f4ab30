/* SPDX-License-Identifier: MPL-2.0 */
/*  node/unshare.c - gives each version its own copy of the files that versions share, off the loop

    No rehearsal runs meanwhile, because a rehearsal checks whether its parent's files change: staging, which
    comes before it, waits. */

#include <string.h>

#include "base/log.h"
#include "node/application.h"
#include "root/unshare.h"

static int unshare_run (void *context)
{
    struct node_application *app = context;
    return root_unshare (app->root, app->running->workspace, &app->unshared, &app->unshare_error);
}

static void on_done (void *context, int rc)
{
    struct node_application *app = context;
    app->unsharing = bus_work_free (app->unsharing);
    if (app->unshared)
        base_log (BASE_LOG_INFO, "%u files were shared between versions: each version has its own copy now",
                  app->unshared);
    if (rc)
        base_log (BASE_LOG_WARNING, "versions still share files: %s", app->unshare_error.text);
    if (app->staging_waits)
        node_stage_begin (app);
}

void node_unshare_begin (struct node_application *app)
{
    char stable[ROOT_NAME_SIZE];
    if (app->unsharing || app->process->config->depth != IDENTITY_DEPTH_SERVICE ||
        root_link (app->root, ROOT_STABLE, stable) || strcmp (stable, app->running->workspace) != 0)
        return;
    app->unshare_error = (struct base_error){.code = 0};
    app->unshared = 0;
    if (bus_work_start (app->process->loop, unshare_run, on_done, app, &app->unsharing))
        base_log (BASE_LOG_WARNING, "versions still share files: out of memory");
}
