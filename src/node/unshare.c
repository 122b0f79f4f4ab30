/* SPDX-License-Identifier: MPL-2.0 */
/*  node/unshare.c - gives each version its own copy of the files that versions share, off the loop

    No rehearsal runs meanwhile, because a rehearsal checks whether its parent's files change: staging, which
    comes before it, waits. */

#include <string.h>

#include "base/log.h"
#include "node/manager.h"
#include "root/unshare.h"

static int unshare_run (void *context)
{
    struct node_manager *node = context;
    return root_unshare (&node->root, node->self.workspace, &node->unshared, &node->unshare_error);
}

static void on_done (void *context, int rc)
{
    struct node_manager *node = context;
    node->unsharing = bus_work_free (node->unsharing);
    if (node->unshared)
        base_log (BASE_LOG_INFO, "%u files were shared between versions: each version has its own copy now",
                  node->unshared);
    if (rc)
        base_log (BASE_LOG_WARNING, "versions still share files: %s", node->unshare_error.text);
    if (node->staging_waits)
        node_stage_begin (node);
}

void node_unshare_begin (struct node_manager *node)
{
    char stable[ROOT_NAME_SIZE];
    if (node->unsharing || node->config->depth != IDENTITY_DEPTH_SERVICE ||
        root_link (&node->root, ROOT_STABLE, stable) || strcmp (stable, node->self.workspace) != 0)
        return;
    node->unshare_error = (struct base_error){.code = 0};
    node->unshared = 0;
    if (bus_work_start (node->loop, unshare_run, on_done, node, &node->unsharing))
        base_log (BASE_LOG_WARNING, "versions still share files: out of memory");
}
