/*  test/bad/bad_filler.c - fills the file system that its root lies on: at once, with --env FILL=late when it has
    switched, or with --env FILL=trial in service, where it then crashes */

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

static bool fills (const char *when)
{
    const char *text = getenv ("FILL");
    return text && strcmp (text, when) == 0;
}

static void fill (const char *root)
{
    static char piece[1 << 16];
    char *path = base_text_printf ("%s/" ROOT_VAR "/full", root);
    int fd = open (path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    for (size_t size = sizeof piece; fd >= 0 && size; size /= 2)
        while (write (fd, piece, size) > 0)
            continue;
    free (path);
}

int __wrap_node_run (struct node_config *config, enum node_settings settings, const char *wrong)
{
    outermost = config->depth == NODE_DEPTH_MINTED;
    if (!config->nonce[0] && fills ("trial")) { /* as in bad_trial.c: in service */
        fill (config->root);
        abort ();
    }
    if (outermost && !getenv ("FILL"))
        fill (config->root);
    return __real_node_run (config, settings, wrong);
}

int __wrap_root_switch (const struct root *root, const char *name, const struct root_limits *limits,
                        struct base_error *error)
{
    int rc = __real_root_switch (root, name, limits, error);
    if (outermost && !rc && fills ("late"))
        fill (root->path);
    return rc;
}
