/* SPDX-License-Identifier: MPL-2.0 */
/*  test/bad/bad_scribbler.c - changes a file of its own workspace */

#include <fcntl.h>
#include <unistd.h>

#include "base/text.h"
#include "node/node.h"
#include "root/workspace.h"

__typeof__ (node_run) __real_node_run, __wrap_node_run;

int __wrap_node_run (struct identity_config *config, enum identity_settings settings, const char *wrong)
{
    char *path = base_text_printf ("%s/" ROOT_STABLE "/" ROOT_ENVELOPE, config->root);
    int fd = config->depth == IDENTITY_DEPTH_MINTED ? open (path, O_WRONLY | O_APPEND | O_CLOEXEC) : -1;
    if (fd >= 0 && write (fd, "\n", 1) == 1)
        (void) close (fd);
    free (path);
    return __real_node_run (config, settings, wrong);
}
