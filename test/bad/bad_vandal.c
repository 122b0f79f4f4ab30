/* SPDX-License-Identifier: MPL-2.0 */
/*  test/bad/bad_vandal.c - treats its parent's root as its own: truncates start files there, removes a
    launcher and a link. If one of these fails, it exits with status 30. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "node/node.h"

__typeof__ (node_run) __real_node_run, __wrap_node_run;

/*  Truncates a script, or removes another file. Returns whether that succeeded. */
static bool file_damage (const char *root, const char *path)
{
    char *full = base_text_printf ("%s/../../%s", root, path);
    int fd = strstr (path, ".sh") ? open (full, O_WRONLY | O_TRUNC | O_CLOEXEC) : unlink (full);
    bool done = fd >= 0;
    if (!done)
        (void) fprintf (stderr, "cannot write to %s: %s\n", full, strerror (errno));
    free (full);
    return done;
}

int __wrap_node_run (struct identity_config *config, enum identity_settings settings, const char *wrong)
{
    static const char *const paths[] = {"stable/noded.sh", "stable/start", "previous/noded.sh", "previous"};
    bool done = true;
    for (size_t i = 0; config->depth == IDENTITY_DEPTH_MINTED && i < sizeof paths / sizeof *paths; i++)
        done = file_damage (config->root, paths[i]) && done;
    return done ? __real_node_run (config, settings, wrong) : 30;
}
