/* SPDX-License-Identifier: MPL-2.0 */
/*  ctl/config.c - where nodectl finds its settings */

#include "ctl/ctl.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"

static bool file_is_missing (const char *path)
{
    struct stat status;

    return stat (path, &status) != 0 && (errno == ENOENT || errno == ENOTDIR);
}

/*  The settings file that is used if none is given: that of NODED_CONFIG, else the first that exists of
    ~/.config/noded/nodectl.zpl and /etc/noded/nodectl.zpl. A file that exists and cannot be read is returned,
    too: settings with keys are never passed over. On the heap; NULL: there is none. */
static char *config_find (void)
{
    static const char host[] = "/etc/noded/nodectl.zpl";
    const char *variable = getenv ("NODED_CONFIG"), *home = getenv ("HOME");
    char *path = NULL;

    if (variable && *variable)
        return strdup (variable);
    if (!home || !*home) {
        const struct passwd *entry = getpwuid (getuid ());
        home = entry ? entry->pw_dir : NULL;
    }
    if (home && *home == '/')
        path = base_text_printf ("%s/.config/noded/nodectl.zpl", home);
    if (path && !file_is_missing (path))
        return path;
    free (path);
    return file_is_missing (host) ? NULL : strdup (host);
}

int ctl_connect (struct ctl *ctl, uint64_t timeout_ms, char *error, size_t error_size)
{
    base_assert (ctl && !ctl->client);
    const struct ctl_options *options = &ctl->options;
    base_cleanup (base_free_p) char *local =
        options->root ? base_text_printf ("ipc://%s/ipc", options->root) : NULL;
    base_cleanup (base_free_p) char *found = NULL;
    const char *broker = local ? local : options->broker ? options->broker : getenv ("NODED_BROKER");
    /* Over ipc the kernel says who connects: the settings that are found by themselves are for the network. */
    if (!options->config && !(broker && base_text_begins (broker, "ipc://")))
        found = config_find ();
    return noded_client_new (local ? local : options->broker, options->config ? options->config : found,
                             timeout_ms, &ctl->client, error, error_size);
}
