/* SPDX-License-Identifier: MPL-2.0 */
/*  root/ok.c - which workspaces were confirmed, and which of them a rollback or revert can use */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/directory.h"
#include "base/text.h"
#include "disk/entry.h"
#include "root/outcome.h"

enum { PATH_SIZE = sizeof ROOT_FAILED "." + ROOT_NAME_SIZE, TOKENS_MOST = 9 };

static const char *mark_path (const char *name, char path[PATH_SIZE])
{
    (void) snprintf (path, PATH_SIZE, ROOT_OK ".%.*s", ROOT_NAME_SIZE - 1, name);
    return path;
}

bool root_ok_is (const struct root *root, const char *name)
{
    base_assert (root_is_open (root));
    base_assert (name);
    char path[PATH_SIZE];
    struct stat status;
    return fstatat (root->fd, mark_path (name, path), &status, AT_SYMLINK_NOFOLLOW) == 0;
}

/*  The marked workspaces, oldest first. Returns NULL if they cannot be listed. */
static char **marks_list (const struct root *root)
{
    base_cleanup (base_directory_close_p) DIR *directory =
        base_directory_list (openat (root->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    char **names = directory ? calloc (1, sizeof *names) : NULL;
    size_t count = 0;
    for (const struct dirent *entry; names && (entry = readdir (directory));)
        if (strncmp (entry->d_name, ROOT_OK ".", sizeof ROOT_OK) == 0 &&
            root_name_is_valid (entry->d_name + sizeof ROOT_OK) &&
            base_list_append_next (&names, &count, entry->d_name + sizeof ROOT_OK))
            break;
    base_list_sort (names); /* byte order of the names is order of time */
    return names;
}

bool root_ok_any (const struct root *root)
{
    base_assert (root_is_open (root));
    char **names = marks_list (root);
    bool any = names && names[0];
    (void) base_list_free (names);
    return any;
}

static int mark_make (const struct root *root, const char *path)
{
    const struct disk *disk = root->disk;
    base_cleanup (base_close_p) int fd = disk->ops->openat (
        disk->context, root->fd, path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
    if (fd < 0 || disk->ops->fsync (disk->context, fd))
        return -errno;
    return disk_directory_sync (disk, root->fd);
}

int root_ok_set (const struct root *root, const char *name, struct base_error *error)
{
    base_assert (root_is_open (root));
    base_assert (name);
    char path[PATH_SIZE];
    if (!root_name_is_valid (name))
        return base_error_set (error, -EINVAL, "%s is not the name of a workspace", name);
    if (root_ok_is (root, name)) {
        int r = disk_directory_sync (root->disk, root->fd);
        return r ? base_error_errno (error, r, "cannot sync %s", root->path) : 0;
    }
    int r = disk_rename (root->disk, root->fd, ROOT_OK, mark_path (name, path), NULL);
    for (unsigned i = 0; r == -ENOENT && i <= TOKENS_MOST; i++) {
        char token[] = ROOT_TOKEN "N";
        token[sizeof token - 2] = (char) ('0' + i);
        r = i == 0 ? mark_make (root, path) : disk_rename (root->disk, root->fd, token, path, NULL);
        if (i == 0 && r)
            r = -ENOENT; /* possibly out of inodes: rename a token, which is no longer needed */
    }
    return r ? base_error_errno (error, r, "cannot mark %s/%s as confirmed", root->path, name) : 0;
}

void root_ok_adopt (const struct root *root, const char *name)
{
    base_assert (root_is_open (root));
    base_assert (name);
    char previous[ROOT_NAME_SIZE];
    bool first = !root_ok_any (root);
    if (!root_ok_is (root, name))
        (void) root_ok_set (root, name, NULL);
    if (first && root_link (root, ROOT_PREVIOUS, previous) == 0 && !root_ok_is (root, previous))
        (void) root_ok_set (root, previous, NULL);
}

int root_ok_remove (const struct root *root, const char *name)
{
    base_assert (root_is_open (root));
    base_assert (name);
    char path[PATH_SIZE];
    int r = disk_unlink (root->disk, root->fd, mark_path (name, path));
    return r == -ENOENT ? 0 : r;
}

static bool workspace_has_failed (const struct root *root, const char *name)
{
    char path[PATH_SIZE];
    struct stat status;
    (void) snprintf (path, sizeof path, ROOT_FAILED ".%.*s", ROOT_NAME_SIZE - 1, name);
    return fstatat (root->fd, path, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool workspace_exists (const struct root *root, const char *name)
{
    struct stat status;
    return fstatat (root->fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR (status.st_mode);
}

static bool list_has (char *const *list, const char *name)
{
    for (size_t i = 0; list[i]; i++)
        if (strcmp (list[i], name) == 0)
            return true;
    return false;
}

char **root_fallbacks (const struct root *root, const char *from, const char *known)
{
    base_assert (root_is_open (root));
    base_assert (from);
    char back[ROOT_NAME_SIZE] = "", previous[ROOT_NAME_SIZE] = "";
    char **names = calloc (1, sizeof *names), **others = marks_list (root);
    if (root_link (root, ROOT_BACK, back))
        *back = '\0';
    if (root_link (root, ROOT_PREVIOUS, previous))
        *previous = '\0';
    struct root_began began = {.workspace = ""};
    if (root_began_read (root, &began) || strcmp (began.workspace, from) != 0)
        *began.back = '\0';
    const char *const links[] = {known ? known : "", back, began.back, previous};
    int r = names && others ? 0 : -ENOMEM;
    for (int sure = 1; r == 0 && sure >= 0; sure--) {
        for (size_t i = 0; r == 0 && i < sizeof links / sizeof *links; i++)
            if (*links[i] && strcmp (links[i], from) != 0 && !list_has (names, links[i]) &&
                workspace_exists (root, links[i]) &&
                (!sure || (root_ok_is (root, links[i]) && !workspace_has_failed (root, links[i]))))
                r = base_list_append (&names, links[i]);
        for (size_t i = base_list_count (others); r == 0 && sure && i-- > 0;)
            if (strcmp (others[i], from) != 0 && !list_has (names, others[i]) &&
                workspace_exists (root, others[i]) && !workspace_has_failed (root, others[i]))
                r = base_list_append (&names, others[i]);
    }
    (void) base_list_free (others);
    return r ? base_list_free (names) : names;
}
