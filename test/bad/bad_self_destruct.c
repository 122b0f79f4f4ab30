/* SPDX-License-Identifier: MPL-2.0 */
/*  test/bad/bad_self_destruct.c - deletes its own workspace after it has announced readiness */

#include "node/callback.h"
#include "node/node.h"
#include "root/root.h"

__typeof__ (node_run) __real_node_run, __wrap_node_run;
void __real_node_callback_ready (struct node_callback *callback);

static const struct identity_config *own;

int __wrap_node_run (struct identity_config *config, enum identity_settings settings, const char *wrong)
{
    own = config;
    return __real_node_run (config, settings, wrong);
}

void __wrap_node_callback_ready (struct node_callback *callback)
{
    struct root root;
    char name[ROOT_NAME_SIZE];
    __real_node_callback_ready (callback);
    if (own->depth != IDENTITY_DEPTH_MINTED || root_open (&disk_unsynced, own->root, &root, NULL))
        return;
    if (!root_link (&root, ROOT_STABLE, name))
        (void) disk_tree_remove (&disk_unsynced, root.fd, name, NULL);
    root_deinit (&root);
}
