/* SPDX-License-Identifier: MPL-2.0 */
/*  root/workspace.c - opens, lists and removes workspaces */

#include "root/workspace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/directory.h"
#include "base/text.h"

enum { ENVELOPE_MOST = 1024 * 1024 };

int root_workspace_open (const struct root *root, const char *name, int *ret_fd)
{
    base_assert (root_is_open (root));
    base_assert (name);
    base_assert (ret_fd);
    if (!root_name_is_valid (name))
        return ROOT_E_NONE;
    int fd = root->disk->ops->openat (root->disk->context, root->fd, name,
                                      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? ROOT_E_NONE : -errno;
    *ret_fd = fd;
    return 0;
}

int root_workspace_read (const struct root *root, const char *name, struct wire_installed *ret_installed,
                         struct base_error *error)
{
    base_assert (root_is_open (root));
    base_assert (name);
    base_assert (ret_installed);
    base_cleanup (base_close_p) int fd = -1;
    int r = root_workspace_open (root, name, &fd);
    if (r == ROOT_E_NONE)
        return base_error_set (error, r, "%s has no workspace %s", root->path, name);
    if (r)
        return base_error_errno (error, r, "cannot open the workspace %s", name);
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
    r = disk_file_read (root->disk, fd, ROOT_ENVELOPE, ENVELOPE_MOST, &buffer);
    if (r == -ENOENT || r == -EFBIG || r == -EISDIR || r == -EINVAL)
        return base_error_set (error, ROOT_E_DAMAGED, "%s/" ROOT_ENVELOPE " is missing or damaged", name);
    if (r < 0)
        return base_error_errno (error, r, "cannot read %s/" ROOT_ENVELOPE, name);
    r = wire_json_parse (&wire_installed_record, (const char *) buffer.data, buffer.size, ret_installed,
                         error);
    if (r > 0) {
        (void) base_error_prefix (error, "%s/" ROOT_ENVELOPE " is damaged", name);
        return ROOT_E_DAMAGED;
    }
    return r;
}

int root_workspaces (const struct root *root, char ***ret_names)
{
    base_assert (root_is_open (root));
    base_assert (ret_names);
    base_cleanup (base_directory_close_p) DIR *directory =
        base_directory_list (openat (root->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory)
        return -errno;
    base_cleanup (base_list_free_p) char **names = calloc (1, sizeof *names);
    if (!names)
        return -ENOMEM;
    size_t count = 0;
    for (;;) {
        struct stat status;
        errno = 0;
        const struct dirent *entry = readdir (directory);
        if (!entry && errno)
            return -errno;
        if (!entry)
            break;
        if (!root_name_is_valid (entry->d_name) ||
            fstatat (root->fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) || !S_ISDIR (status.st_mode))
            continue;
        int r = base_list_append_next (&names, &count, entry->d_name);
        if (r < 0)
            return r;
    }
    base_list_sort (names); /* byte order of the names is order of time */
    *ret_names = base_take (names);
    return 0;
}

/*  Whether a link of the root points to a workspace. If a link cannot be read, true. */
static bool workspace_is_linked (const struct root *root, const char *name)
{
    static const char *const links[] = {ROOT_STABLE, ROOT_PREVIOUS, ROOT_BACK, ROOT_REVERT,
                                        ROOT_TMP_PREVIOUS};
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        char target[ROOT_NAME_SIZE];
        int r = root_link (root, links[i], target);
        if (r < 0 || (r == 0 && strcmp (target, name) == 0))
            return true;
    }
    return false;
}

int root_workspace_remove (const struct root *root, const char *name, struct base_error *error)
{
    base_assert (root_is_open (root));
    base_assert (name);
    if (!root_name_is_valid (name))
        return base_error_set (error, -EINVAL, "%s is not the name of a workspace", name);
    if (workspace_is_linked (root, name))
        return base_error_set (error, -EBUSY, "the workspace %s is in use", name);
    char hidden[ROOT_NAME_SIZE + 8];
    (void) snprintf (hidden, sizeof hidden, ROOT_OLD "%s", name);
    int r = root_ok_remove (root, name);
    if (r < 0)
        return base_error_errno (error, r, "cannot remove the mark of %s", name);
    r = disk_rename (root->disk, root->fd, name, hidden, error);
    if (r < 0)
        return r;
    return disk_tree_remove (root->disk, root->fd, hidden, error);
}

int root_collect (const struct root *root, unsigned keep, unsigned *ret_removed, struct base_error *error)
{
    base_assert (root_is_open (root));
    base_cleanup (base_list_free_p) char **names = NULL;
    int r = root_workspaces (root, &names);
    if (r < 0)
        return base_error_errno (error, r, "cannot list the workspaces of %s", root->path);
    base_assert (names);
    size_t left = base_list_count (names);
    unsigned removed = 0;
    /*  First workspaces that were never confirmed: a confirmed one can still be reverted to. */
    for (int confirmed = 0; confirmed < 2; confirmed++)
        for (size_t i = 0; names[i] && left > keep; i++) {
            if (root_ok_is (root, names[i]) != (confirmed == 1) || workspace_is_linked (root, names[i]))
                continue;
            r = root_workspace_remove (root, names[i], error);
            if (r < 0)
                return r;
            left--;
            removed++;
        }
    if (ret_removed)
        *ret_removed = removed;
    return 0;
}
