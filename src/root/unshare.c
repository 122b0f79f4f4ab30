/* SPDX-License-Identifier: MPL-2.0 */
/*  root/unshare.c - finds hard links between workspaces and replaces them by copies */

#include "root/unshare.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/directory.h"
#include "base/random.h"
#include "base/text.h"
#include "root/manifest.h"
#include "root/workspace.h"

enum { DEPTH_MOST = 32, MANIFEST_MOST = 4 * 1024 * 1024 };

struct walk {
    int (*each) (void *context, const char *path, const struct stat *status);
    void *context;
};

/*  Consumes fd. prefix is empty or ends with a slash. */
static int walk_below (const struct walk *walk, int fd, const char *prefix, unsigned depth)
{
    base_cleanup (base_directory_close_p) DIR *directory = base_directory_list (fd);
    if (!directory)
        return -errno;
    int r = 0;
    for (const struct dirent *entry; r == 0 && (entry = readdir (directory));) {
        struct stat status;
        if (strcmp (entry->d_name, ".") == 0 || strcmp (entry->d_name, "..") == 0 ||
            fstatat (fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) ||
            !(S_ISDIR (status.st_mode) || (S_ISREG (status.st_mode) && status.st_nlink > 1)))
            continue;
        bool below = S_ISDIR (status.st_mode);
        base_cleanup (base_free_p) char *path =
            base_text_printf ("%s%s%s", prefix, entry->d_name, below ? "/" : "");
        if (!path)
            return -ENOMEM;
        if (!below)
            r = walk->each (walk->context, path, &status);
        else if (depth < DEPTH_MOST) {
            int deeper = openat (fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            r = deeper < 0 ? -errno : walk_below (walk, deeper, path, depth + 1);
        }
    }
    return r;
}

int root_shared_each (int workspace, int (*each) (void *context, const char *path, const struct stat *status),
                      void *context)
{
    base_assert (workspace >= 0);
    base_assert (each);
    const struct walk walk = {.each = each, .context = context};
    int fd = openat (workspace, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : walk_below (&walk, fd, "", 0);
}

struct separation {
    const struct root *root;
    int workspace;
    struct base_buffer manifest;
    unsigned count;
    struct base_error *error;
};

/*  Makes a synced copy under a hidden name in the root, which the next start removes. Returns 0,
    ROOT_E_DAMAGED if the copy does not match its digest, or -errno. */
static int copy_make (const struct root *root, int from, mode_t mode, const struct base_digest *wanted,
                      const char *name)
{
    const struct disk *disk = root->disk;
    struct base_digest found;
    base_cleanup (base_close_p) int to = disk->ops->openat (
        disk->context, root->fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (to < 0)
        return -errno;
    int r = disk_file_copy (disk, from, to, &found);
    if (r == DISK_E_SOURCE || (r == 0 && !base_digest_equal (&found, wanted)))
        r = ROOT_E_DAMAGED;
    if (r == 0 && (fchmod (to, mode & 07777) || disk->ops->fsync (disk->context, to)))
        r = -errno;
    if (r)
        (void) disk->ops->unlinkat (disk->context, root->fd, name, 0);
    return r;
}

static int file_separate (void *context, const char *path, const struct stat *status)
{
    struct separation *separation = context;
    const struct root *root = separation->root;
    struct base_digest wanted;
    char name[24] = ROOT_TMP;
    (void) base_random_hex (name + 5, 8);
    if (root_manifest_find (&separation->manifest, path, &wanted))
        return 0;
    base_cleanup (base_close_p) int from =
        openat (separation->workspace, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    int r = from < 0 ? ROOT_E_DAMAGED : copy_make (root, from, status->st_mode, &wanted, name);
    if (r == 0 &&
        root->disk->ops->renameat (root->disk->context, root->fd, name, separation->workspace, path)) {
        r = -errno;
        (void) root->disk->ops->unlinkat (root->disk->context, root->fd, name, 0);
    }
    separation->count += r == 0;
    if (r < 0 && r != -ENOENT) /* -ENOENT: the workspace is being removed */
        return base_error_errno (separation->error, r, "cannot replace %s with a copy of its own", path);
    return 0;
}

static int workspace_separate (const struct root *root, const char *workspace, unsigned *count,
                               struct base_error *error)
{
    struct separation separation = {.root = root, .error = error};
    base_cleanup (base_close_p) int fd = -1;
    if (root_workspace_open (root, workspace, &fd) ||
        disk_file_read (root->disk, fd, ROOT_MANIFEST, MANIFEST_MOST, &separation.manifest))
        return 0; /* without a manifest the right content is unknown */
    separation.workspace = fd;
    int r = root_shared_each (fd, file_separate, &separation);
    base_buffer_deinit (&separation.manifest);
    *count += separation.count;
    if (r < 0 && !*error->text)
        r = base_error_errno (error, r, "cannot list %s/%s", root->path, workspace);
    return r;
}

int root_unshare (const struct root *root, const char *last, unsigned *ret_count, struct base_error *error)
{
    base_assert (root_is_open (root));
    base_cleanup (base_list_free_p) char **names = NULL;
    unsigned count = 0;
    struct base_error why = {.code = 0};
    int r = root_workspaces (root, &names);
    if (r < 0)
        return base_error_errno (error, r, "cannot list the workspaces of %s", root->path);
    for (size_t i = 0; r == 0 && names[i]; i++)
        if (!last || strcmp (names[i], last) != 0)
            r = workspace_separate (root, names[i], &count, &why);
    if (r == 0 && last)
        r = workspace_separate (root, last, &count, &why);
    if (ret_count)
        *ret_count = count;
    if (r && error)
        *error = why;
    return r;
}
