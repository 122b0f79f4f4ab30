/* SPDX-License-Identifier: MPL-2.0 */
/*  client/trust_state.c - where this host keeps the newest metadata that it has verified

    A directory for each broker: root.json (pinned, then the newest), timestamp.json, snapshot.json, targets.json, those of
    publishers, and log: the head of the log of releases. It is locked while it is read and written: two programs of one
    user may run at the same time. */

#include "client/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "disk/disk.h"

/*  A readable name of a broker's address that is safe as a name, and unique. */
static char *broker_name (const char *endpoint)
{
    const struct base_digest digest = base_digest_of (endpoint, strlen (endpoint));
    char name[64], hex[BASE_DIGEST_TEXT];
    size_t size = 0;
    const char *from = strstr (endpoint, "://");
    for (from = from ? from + 3 : endpoint; *from && size + 1 < sizeof name; from++) {
        bool plain = (*from >= 'a' && *from <= 'z') || (*from >= 'A' && *from <= 'Z') ||
                     (*from >= '0' && *from <= '9') || (*from == '.' && size) || *from == '-';
        name[size++] = plain ? *from : '_';
    }
    name[size] = '\0';
    return base_text_printf ("%s-%.8s", name, base_digest_format (&digest, hex));
}

static char *directory_name (const noded_client *client, const char *state)
{
    const char *xdg = getenv ("XDG_STATE_HOME"), *home = getenv ("HOME");
    if (state)
        return strdup (state);
    base_cleanup (base_free_p) char *broker = broker_name (client->endpoints.control);
    if (!broker)
        return NULL;
    if (xdg && *xdg == '/')
        return base_text_printf ("%s/noded/trust/%s", xdg, broker);
    return base_text_printf ("%s/.local/state/noded/trust/%s", home, broker);
}

/*  Makes a directory and those above it. */
static int directory_make (const char *path, struct base_error *error)
{
    base_cleanup (base_free_p) char *copy = strdup (path);
    if (!copy)
        return base_error_set (error, -ENOMEM, "out of memory");
    for (char *slash = copy + 1;; slash++) {
        bool end = !*slash;
        if (*slash != '/' && !end)
            continue;
        *slash = '\0';
        int r = disk_directory_make (&disk_system, AT_FDCWD, copy, 0700, error);
        if (r < 0 || end)
            return r;
        *slash = '/';
    }
}

int client_state_open (const noded_client *client, const char *state, char **ret_directory, int *ret_fd,
                       struct base_error *error)
{
    base_assert (client && ret_directory && ret_fd);
    const char *xdg = getenv ("XDG_STATE_HOME"), *home = getenv ("HOME");
    if (!state && (!xdg || *xdg != '/') && (!home || *home != '/'))
        return base_error_set (
            error, -EINVAL,
            "there is no directory for the metadata that was verified: HOME is not set; give "
            "--state DIR");
    base_cleanup (base_free_p) char *directory = directory_name (client, state);
    if (!directory)
        return base_error_set (error, -ENOMEM, "out of memory");
    int r = directory_make (directory, error);
    if (r < 0)
        return r;
    base_cleanup (base_close_p) int fd = open (directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return base_error_errno (error, -errno, "cannot open %s", directory);
    while (flock (fd, LOCK_EX) != 0)
        if (errno != EINTR)
            return base_error_errno (error, -errno, "cannot lock %s", directory);
    *ret_directory = base_take (directory);
    *ret_fd = base_take_fd (&fd);
    return 0;
}

int client_state_read (int fd, const char *file, size_t most, struct base_buffer *buffer)
{
    base_assert (fd >= 0 && file && !strchr (file, '/'));
    return disk_file_read (&disk_system, fd, file, most, buffer);
}

int client_state_write (int fd, const char *file, const void *data, size_t size, struct base_error *error)
{
    base_assert (fd >= 0 && file && !strchr (file, '/'));
    return disk_file_write (&disk_system, fd, file, 0600, data, size, error);
}
