/* SPDX-License-Identifier: MPL-2.0 */
/*  node/unshare.c - gives each version its own copy of the files that versions share, on a thread

    Meanwhile no rehearsal may run, because a rehearsal checks that its parent's files do not change.
    Therefore staging waits, which comes before. */

#include <string.h>

#include "base/assert.h"
#include "base/log.h"
#include "node/application.h"
#include "root/unshare.h"

static int unshare_run (void *context)
{
    struct node_application *app = context;
    return root_unshare (app->root, app->running->workspace, &app->unshared, &app->unshare_error);
}

static void on_unshared (void *context, int r)
{
    struct node_application *app = context;
    base_assert (app->unsharing && !app->staging);
    app->unsharing = bus_work_free (app->unsharing);
    if (app->unshared)
        base_log (BASE_LOG_INFO, "%u files were shared between versions: each version has its own copy now",
                  app->unshared);
    if (r < 0)
        base_log (BASE_LOG_WARNING, "versions still share files: %s", app->unshare_error.text);
    if (app->staging_waits)
        node_stage_begin (app);
}

void node_unshare_begin (struct node_application *app)
{
    char stable[ROOT_NAME_SIZE];
    base_assert (app && !app->staging && !app->staging_waits);
    if (app->unsharing || app->process->config->depth != IDENTITY_DEPTH_SERVICE ||
        root_link (app->root, ROOT_STABLE, stable) || strcmp (stable, app->running->workspace) != 0)
        return;
    app->unshare_error = (struct base_error){.code = 0};
    app->unshared = 0;
    int r = bus_work_start (app->process->loop, unshare_run, on_unshared, app, &app->unsharing);
    if (r < 0)
        base_log (BASE_LOG_WARNING, "versions still share files: out of memory");
}
