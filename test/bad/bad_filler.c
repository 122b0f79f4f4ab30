/* SPDX-License-Identifier: MPL-2.0 */
/*  test/bad/bad_filler.c - fills the file system of its root: at once; with --env FILL=late after it has
    switched; with --env FILL=trial in service, and then crashes */

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "node/node.h"
#include "root/root.h"

__typeof__ (node_run) __real_node_run, __wrap_node_run;
__typeof__ (root_switch) __real_root_switch, __wrap_root_switch;

static bool outermost;

static bool fill_is_due (const char *when)
{
    const char *text = getenv ("FILL");
    return text && strcmp (text, when) == 0;
}

static void root_fill (const char *root)
{
    static char piece[1 << 16];
    char *path = base_text_printf ("%s/" ROOT_VAR "/full", root);
    int fd = open (path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    for (size_t size = sizeof piece; fd >= 0 && size; size /= 2)
        while (write (fd, piece, size) > 0)
            continue;
    free (path);
}

int __wrap_node_run (struct identity_config *config, enum identity_settings settings, const char *wrong)
{
    outermost = config->depth == IDENTITY_DEPTH_MINTED;
    if (!config->nonce[0] && fill_is_due ("trial")) { /* as in bad_trial.c: in service */
        root_fill (config->root);
        abort ();
    }
    if (outermost && !getenv ("FILL"))
        root_fill (config->root);
    return __real_node_run (config, settings, wrong);
}

int __wrap_root_switch (const struct root *root, const char *name, const struct root_limits *limits,
                        struct base_error *error)
{
    int rc = __real_root_switch (root, name, limits, error);
    if (outermost && !rc && fill_is_due ("late"))
        root_fill (root->path);
    return rc;
}
