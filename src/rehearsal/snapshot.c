/* SPDX-License-Identifier: MPL-2.0 */
/*  rehearsal/snapshot.c - keeps and restores copies of what the next start needs */

#include "rehearsal/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/directory.h"
#include "base/random.h"
#include "base/text.h"
#include "rehearsal/scratch.h"

enum {
    LINKS = 3,
    TREE_DEPTH_MOST = 34 /* the deepest path that can be staged: else a staged file would count as added */
};

static const char *const links[LINKS] = {ROOT_STABLE, ROOT_PREVIOUS, ROOT_BACK};

struct kept {
    char *path;         /* relative to the root */
    int copy;           /* -1: a directory, or a file that an earlier item has, too */
    size_t same;        /* index of the item that has the copy */
    struct stat status; /* as it was */
};

struct rehearsal_snapshot {
    const struct root *root;
    char targets[LINKS][ROOT_NAME_SIZE]; /* empty: no such link */
    struct kept *items;                  /* a directory comes before what is in it */
    size_t count;
    bool changed;
    char first[160]; /* the first change, in words */
};

static int path_open (const struct root *root, const char *path, int flags)
{
    return openat (root->fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | flags);
}

static DIR *directory_list (const struct root *root, const char *path)
{
    return base_directory_list (path_open (root, path, O_DIRECTORY));
}

/*  Makes a copy without a name on the root's file system, because in memory it would count as this process's.
    Returns its descriptor, which the caller owns, or -errno. */
static int copy_make (const struct root *root, int from)
{
    char name[24] = ROOT_TMP;
    (void) base_random_hex (name + 5, 8);
    base_cleanup (base_close_p) int to =
        openat (root->fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (to < 0)
        return -errno;
    if (unlinkat (root->fd, name, 0) < 0)
        return -errno;
    int r = rehearsal_scratch_copy_bytes (from, to, NULL);
    return r < 0 ? r : base_take_fd (&to);
}

static size_t item_find_same (const struct rehearsal_snapshot *snapshot, const struct stat *status)
{
    size_t i = 0;
    while (i < snapshot->count &&
           (snapshot->items[i].copy < 0 || snapshot->items[i].status.st_ino != status->st_ino ||
            snapshot->items[i].status.st_dev != status->st_dev))
        i++;
    return i;
}

static int path_keep (struct rehearsal_snapshot *snapshot, const char *path)
{
    base_assert (snapshot && path);
    base_cleanup (base_close_p) int from = path_open (snapshot->root, path, 0);
    struct kept kept = {.copy = -1, .same = snapshot->count};
    if (from < 0 || fstat (from, &kept.status))
        return -errno;
    struct kept *grown = realloc (snapshot->items, (snapshot->count + 1) * sizeof *grown);
    if (!grown)
        return -ENOMEM;
    snapshot->items = grown;
    if (S_ISREG (kept.status.st_mode)) {
        kept.same = item_find_same (snapshot, &kept.status);
        if (kept.same == snapshot->count) {
            kept.copy = copy_make (snapshot->root, from);
            if (kept.copy < 0)
                return kept.copy;
        }
    }
    kept.path = strdup (path);
    if (!kept.path) {
        base_close_p (&kept.copy);
        return -ENOMEM;
    }
    snapshot->items[snapshot->count++] = kept;
    return 0;
}

static int tree_keep (struct rehearsal_snapshot *snapshot, const char *path, unsigned depth)
{
    int r = path_keep (snapshot, path);
    if (r < 0)
        return r;
    base_cleanup (base_directory_close_p) DIR *directory = directory_list (snapshot->root, path);
    if (!directory)
        return -errno;
    for (const struct dirent *entry; r == 0 && (entry = readdir (directory));) {
        struct stat status;
        if (strcmp (entry->d_name, ".") == 0 || strcmp (entry->d_name, "..") == 0)
            continue;
        base_cleanup (base_free_p) char *below = base_text_printf ("%s/%s", path, entry->d_name);
        if (!below || fstatat (snapshot->root->fd, below, &status, AT_SYMLINK_NOFOLLOW))
            r = below ? -errno : -ENOMEM;
        else if (S_ISDIR (status.st_mode) && depth < TREE_DEPTH_MOST)
            r = tree_keep (snapshot, below, depth + 1);
        else if (S_ISREG (status.st_mode))
            r = path_keep (snapshot, below);
    }
    return r;
}

int rehearsal_snapshot_make (const struct root *root, struct rehearsal_snapshot **ret_snapshot,
                             struct base_error *error)
{
    base_assert (root && ret_snapshot);
    struct rehearsal_snapshot *snapshot = calloc (1, sizeof *snapshot);
    if (!snapshot)
        return -ENOMEM;
    snapshot->root = root;
    struct stat status;
    int r = 0;
    if (fstatat (root->fd, ROOT_SETTINGS, &status, AT_SYMLINK_NOFOLLOW) == 0)
        r = path_keep (snapshot, ROOT_SETTINGS);
    for (size_t i = 0; i < LINKS && r == 0; i++)
        if (root_link (root, links[i], snapshot->targets[i]) == 0 &&
            (i == 0 || strcmp (snapshot->targets[i], snapshot->targets[0]) != 0))
            r = tree_keep (snapshot, snapshot->targets[i], 0);
    if (r < 0) {
        (void) rehearsal_snapshot_free (snapshot);
        return base_error_errno (error, r, "cannot copy the files that a start needs in %s", root->path);
    }
    *ret_snapshot = snapshot;
    return 0;
}

struct rehearsal_snapshot *rehearsal_snapshot_free (struct rehearsal_snapshot *snapshot)
{
    if (!snapshot)
        return NULL;
    for (size_t i = 0; i < snapshot->count; i++) {
        free (snapshot->items[i].path);
        base_close_p (&snapshot->items[i].copy);
    }
    free (snapshot->items);
    free (snapshot);
    return NULL;
}

static void change_note (struct rehearsal_snapshot *snapshot, const char *what, const char *how)
{
    base_assert (what && how);
    if (!snapshot->changed)
        (void) snprintf (snapshot->first, sizeof snapshot->first, "%s was %s", what, how);
    snapshot->changed = true;
}

static bool status_is_equal (const struct stat *before, const struct stat *now)
{
    return before->st_dev == now->st_dev && before->st_ino == now->st_ino &&
           before->st_mode == now->st_mode && before->st_uid == now->st_uid &&
           before->st_gid == now->st_gid &&
           (S_ISDIR (now->st_mode) ||
            (before->st_size == now->st_size && before->st_ctim.tv_sec == now->st_ctim.tv_sec &&
             before->st_ctim.tv_nsec == now->st_ctim.tv_nsec));
}

/*  Restores the file from the copy, under a temporary name first. Another workspace that shared the file is
    not changed by that: it is restored by its own item. */
static int file_restore (const struct root *root, const char *path, int copy, mode_t mode,
                         struct base_error *error)
{
    struct stat status;
    if (fstat (copy, &status) < 0)
        return base_error_errno (error, -errno, "cannot stat the copy of %s", path);
    size_t size = (size_t) status.st_size;
    void *bytes = size ? mmap (NULL, size, PROT_READ, MAP_PRIVATE, copy, 0) : NULL;
    if (bytes == MAP_FAILED)
        return base_error_errno (error, -errno, "cannot read the copy of %s", path);
    int r = disk_file_write (root->disk, root->fd, path, mode & 07777, bytes, size, error);
    if (size)
        (void) munmap (bytes, size);
    return r;
}

static int item_restore (struct rehearsal_snapshot *snapshot, const struct kept *kept,
                         struct base_error *error)
{
    base_assert (kept->path && kept->same < snapshot->count);
    const struct root *root = snapshot->root;
    struct stat now;
    bool there = fstatat (root->fd, kept->path, &now, AT_SYMLINK_NOFOLLOW) == 0;
    if (there && status_is_equal (&kept->status, &now))
        return 0;
    change_note (snapshot, kept->path, there ? "changed" : "removed");
    if (there && (now.st_mode & S_IFMT) != (kept->status.st_mode & S_IFMT)) {
        int r = disk_tree_remove (root->disk, root->fd, kept->path, error);
        if (r < 0)
            return r;
        there = false;
    }
    if (!S_ISDIR (kept->status.st_mode))
        return file_restore (root, kept->path, snapshot->items[kept->same].copy, kept->status.st_mode, error);
    if (!there)
        return disk_directory_make (root->disk, root->fd, kept->path, kept->status.st_mode & 07777, error);
    if (fchmodat (root->fd, kept->path, kept->status.st_mode & 07777, 0) < 0)
        return base_error_errno (error, -errno, "cannot set the mode of %s", kept->path);
    return 0;
}

static bool path_is_kept (const struct rehearsal_snapshot *snapshot, const char *path)
{
    for (size_t i = 0; i < snapshot->count; i++)
        if (strcmp (snapshot->items[i].path, path) == 0)
            return true;
    return false;
}

/*  Removes added files: with them a workspace does not match its manifest. */
static int added_remove (struct rehearsal_snapshot *snapshot, const char *path, struct base_error *error)
{
    base_cleanup (base_directory_close_p) DIR *directory = directory_list (snapshot->root, path);
    int r = 0;
    for (const struct dirent *entry; r == 0 && directory && (entry = readdir (directory));) {
        base_cleanup (base_free_p) char *below = base_text_printf ("%s/%s", path, entry->d_name);
        if (strcmp (entry->d_name, ".") == 0 || strcmp (entry->d_name, "..") == 0 || !below ||
            path_is_kept (snapshot, below))
            continue;
        change_note (snapshot, below, "added");
        r = disk_tree_remove (snapshot->root->disk, snapshot->root->fd, below, error);
    }
    return r;
}

static int links_restore (struct rehearsal_snapshot *snapshot, struct base_error *error)
{
    char now[LINKS][ROOT_NAME_SIZE] = {"", "", ""};
    bool same[LINKS];
    for (size_t i = 0; i < LINKS; i++) {
        if (root_link (snapshot->root, links[i], now[i]))
            *now[i] = '\0';
        same[i] = strcmp (now[i], snapshot->targets[i]) == 0;
    }
    if (*now[0] && strcmp (now[0], snapshot->targets[1]) == 0) /* in a revert, previous is briefly missing */
        same[0] = same[1] = true;
    int r = 0;
    for (size_t i = 0; i < LINKS && r == 0; i++) {
        struct stat status;
        const char *target = snapshot->targets[i];
        if (same[i])
            continue;
        change_note (snapshot, links[i], *now[i] ? "changed" : "removed");
        if (fstatat (snapshot->root->fd, links[i], &status, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISDIR (status.st_mode))
            r = disk_tree_remove (snapshot->root->disk, snapshot->root->fd, links[i], error);
        if (r == 0)
            r = *target
                    ? disk_link_replace (snapshot->root->disk, snapshot->root->fd, links[i], target, error)
                    : disk_unlink (snapshot->root->disk, snapshot->root->fd, links[i]);
    }
    return r;
}

/*  Keeps the first failure of several steps that are all carried out. */
static void failure_keep (int *failed, int r)
{
    if (*failed == 0)
        *failed = r;
}

/*  The files come first: a link must not point to a damaged workspace. */
int rehearsal_snapshot_restore (struct rehearsal_snapshot *snapshot, struct base_error *error)
{
    base_assert (snapshot);
    int failed = 0;
    for (size_t i = 0; i < snapshot->count; i++)
        failure_keep (&failed, item_restore (snapshot, &snapshot->items[i], error));
    for (size_t i = 0; i < snapshot->count; i++)
        if (S_ISDIR (snapshot->items[i].status.st_mode))
            failure_keep (&failed, added_remove (snapshot, snapshot->items[i].path, error));
    failure_keep (&failed, links_restore (snapshot, error));
    if (failed < 0)
        return base_error_prefix (error, "%s in %s, and could not be restored", snapshot->first,
                                  snapshot->root->path);
    return snapshot->changed
               ? base_error_set (error, ROOT_E_DAMAGED, "%s in its parent's root %s; all changes were undone",
                                 snapshot->first, snapshot->root->path)
               : 0;
}
