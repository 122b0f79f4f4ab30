/* SPDX-License-Identifier: MPL-2.0 */
/*  root/workspace.c - opens, lists and removes workspaces */

#include "root/workspace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/directory.h"
#include "base/text.h"

enum { ENVELOPE_MOST = 1024 * 1024 };

int root_workspace_open (const struct root *root, const char *name, int *ret_fd)
{
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
    base_cleanup (base_close_p) int fd = -1;
    int rc = root_workspace_open (root, name, &fd);
    if (rc == ROOT_E_NONE)
        return base_error_set (error, rc, "%s has no workspace %s", root->path, name);
    if (rc)
        return base_error_errno (error, rc, "cannot open the workspace %s", name);
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
    rc = disk_file_read (root->disk, fd, ROOT_ENVELOPE, ENVELOPE_MOST, &buffer);
    if (rc == -ENOENT || rc == -EFBIG || rc == -EISDIR || rc == -EINVAL)
        return base_error_set (error, ROOT_E_DAMAGED, "%s/" ROOT_ENVELOPE " is missing or damaged", name);
    if (rc)
        return base_error_errno (error, rc, "cannot read %s/" ROOT_ENVELOPE, name);
    rc = wire_json_parse (&wire_installed_record, (const char *) buffer.data, buffer.size, ret_installed,
                          error);
    if (rc < 0)
        return rc;
    return rc ? (base_error_prefix (error, "%s/" ROOT_ENVELOPE " is damaged", name), ROOT_E_DAMAGED) : 0;
}

int root_workspaces (const struct root *root, char ***ret_names)
{
    base_cleanup (base_directory_close_p) DIR *directory =
        base_directory_list (openat (root->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory)
        return -errno;
    char **names = calloc (1, sizeof *names);
    int rc = names ? 0 : -ENOMEM;
    size_t count = 0;
    for (struct dirent *entry; rc == 0 && (entry = readdir (directory));) {
        struct stat status;
        if (root_name_is_valid (entry->d_name) &&
            fstatat (root->fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR (status.st_mode))
            rc = base_list_append_next (&names, &count, entry->d_name);
    }
    if (rc) {
        (void) base_list_free (names);
        return rc;
    }
    base_list_sort (names); /* byte order of the names is order of time */
    *ret_names = names;
    return 0;
}

/*  Whether a link of the root points to a workspace. If a link cannot be read, true. */
static bool is_linked (const struct root *root, const char *name)
{
    static const char *const links[] = {ROOT_STABLE, ROOT_PREVIOUS, ROOT_BACK, ROOT_REVERT,
                                        ROOT_TMP_PREVIOUS};
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        char target[ROOT_NAME_SIZE];
        int rc = root_link (root, links[i], target);
        if (rc < 0 || (rc == 0 && strcmp (target, name) == 0))
            return true;
    }
    return false;
}

int root_workspace_remove (const struct root *root, const char *name, struct base_error *error)
{
    if (!root_name_is_valid (name))
        return base_error_set (error, -EINVAL, "%s is not the name of a workspace", name);
    if (is_linked (root, name))
        return base_error_set (error, -EBUSY, "the workspace %s is in use", name);
    char hidden[ROOT_NAME_SIZE + 8];
    (void) snprintf (hidden, sizeof hidden, ROOT_OLD "%s", name);
    int rc = root_ok_remove (root, name);
    if (rc)
        return base_error_errno (error, rc, "cannot remove the mark of %s", name);
    rc = disk_rename (root->disk, root->fd, name, hidden, error);
    return rc ? rc : disk_tree_remove (root->disk, root->fd, hidden, error);
}

int root_collect (const struct root *root, unsigned keep, unsigned *ret_removed, struct base_error *error)
{
    char **names;
    int rc = root_workspaces (root, &names);
    if (rc)
        return base_error_errno (error, rc, "cannot list the workspaces of %s", root->path);
    size_t left = base_list_count (names);
    unsigned removed = 0;
    /*  First workspaces that were never confirmed: a confirmed one can still be reverted to. */
    for (int confirmed = 0; confirmed < 2; confirmed++)
        for (size_t i = 0; rc == 0 && names[i] && left > keep; i++) {
            if (root_ok_is (root, names[i]) != (confirmed == 1) || is_linked (root, names[i]))
                continue;
            rc = root_workspace_remove (root, names[i], error);
            left--;
            removed += rc == 0;
        }
    (void) base_list_free (names);
    if (rc == 0 && ret_removed)
        *ret_removed = removed;
    return rc;
}
