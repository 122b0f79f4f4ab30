/* SPDX-License-Identifier: MPL-2.0 */
/*  test/bad/bad_truncates.c - passes its whole rehearsal; in service it truncates, in place, all shared
    libraries of its workspace, also those that it runs with, and crashes */

#include <fcntl.h>
#include <stdlib.h>

#include "base/directory.h"
#include "base/text.h"
#include "node/node.h"

__typeof__ (node_run) __real_node_run, __wrap_node_run;

int __wrap_node_run (struct identity_config *config, enum identity_settings settings, const char *wrong)
{
    if (!config->nonce[0]) { /* as in bad_trial.c: in service */
        const char *workspace = getenv ("NODED_WORKSPACE");
        char *path = base_text_printf ("%s/%s/files/lib", config->root, workspace ? workspace : ".");
        int directory = path ? open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
        DIR *libraries = base_directory_list (directory);
        for (const struct dirent *entry; libraries && (entry = readdir (libraries));)
            (void) openat (directory, entry->d_name, O_WRONLY | O_TRUNC | O_CLOEXEC);
        abort ();
    }
    return __real_node_run (config, settings, wrong);
}
