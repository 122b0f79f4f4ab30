/* SPDX-License-Identifier: MPL-2.0 */
/*  root/loosen.c - removes what keeps the owner of a root from changing it: modes, attributes, mounts */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/directory.h"
#include "base/text.h"
#include "disk/attributes.h"
#include "root/root.h"

enum { DEPTH_MOST = 8, MOUNTS_MOST = 4 * 1024 * 1024, BLOCK = 16 * 1024 };

/*  Returns whether anything was changed. */
static bool file_loosen (int fd)
{
    struct stat status;
    bool changed = disk_attributes_clear_fd (fd);
    if (fstat (fd, &status) == 0 && S_ISDIR (status.st_mode) && (status.st_mode & 0700) != 0700)
        changed |= fchmod (fd, (status.st_mode & 07777) | 0700) == 0;
    return changed;
}

/*  Opens regular files and directories only: opening anything else may have side effects. Returns a descriptor
    or -errno. */
static int plain_open (int directory, const char *name)
{
    struct stat status;
    if (fstatat (directory, name, &status, AT_SYMLINK_NOFOLLOW) ||
        (!S_ISREG (status.st_mode) && !S_ISDIR (status.st_mode)))
        return -EINVAL;
    int fd = openat (directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

/*  Loosens a directory and its entries down to a depth. Consumes fd. */
static bool tree_loosen (int fd, unsigned depth)
{
    bool changed = file_loosen (fd);
    base_cleanup (base_directory_close_p) DIR *directory = base_directory_list (fd);
    for (const struct dirent *entry; directory && (entry = readdir (directory));) {
        if (strcmp (entry->d_name, ".") == 0 || strcmp (entry->d_name, "..") == 0)
            continue;
        base_cleanup (base_close_p) int below = plain_open (dirfd (directory), entry->d_name);
        struct stat status;
        if (below < 0)
            continue;
        if (depth > 0 && fstat (below, &status) == 0 && S_ISDIR (status.st_mode))
            changed |= tree_loosen (base_take_fd (&below), depth - 1);
        else
            changed |= file_loosen (below);
    }
    return changed;
}

bool root_loosen (const struct root *root)
{
    base_assert (root_is_open (root));
    int fd = openat (root->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool changed = file_loosen (root->fd);
    return (fd >= 0 && tree_loosen (fd, 0)) || changed;
}

bool root_loosen_directories (const struct root *root)
{
    base_assert (root_is_open (root));
    static const char *const directories[] = {ROOT_VAR, ROOT_PROBE};
    bool changed = root_loosen (root);
    for (size_t i = 0; i < sizeof directories / sizeof *directories; i++) {
        int fd = openat (root->fd, directories[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        changed |= fd >= 0 && tree_loosen (fd, DEPTH_MOST);
    }
    return changed;
}

/*  mounts */

/*  mountinfo writes spaces, tabs, newlines and backslashes as \\NNN. */
static void path_unescape (char *text)
{
    char *to = text;
    for (const char *at = text; *at; at++) {
        if (at[0] == '\\' && at[1] && at[2] && at[3]) {
            *to++ = (char) ((at[1] - '0') * 64 + (at[2] - '0') * 8 + (at[3] - '0'));
            at += 3;
        } else
            *to++ = *at;
    }
    *to = '\0';
}

static int mounts_read (struct base_buffer *buffer)
{
    base_cleanup (base_close_p) int fd = open ("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
    for (ssize_t got = 1; got > 0 && buffer->size < MOUNTS_MOST;) {
        if (fd < 0 || base_buffer_reserve (buffer, BLOCK))
            return -ENOENT;
        got = read (fd, buffer->data + buffer->size, BLOCK);
        buffer->size += got > 0 ? (size_t) got : 0;
    }
    return base_buffer_append (buffer, "", 1);
}

/*  Parses "ID PARENT DEVICE ROOT PATH ...". Returns the path and the ID, or NULL if the line does
    not match. */
static char *mount_parse (char *line, uint64_t *ret_number)
{
    char *number = strsep (&line, " ");
    for (int i = 0; line && i < 3; i++)
        (void) strsep (&line, " ");
    char *path = line ? strsep (&line, " ") : NULL;
    if (!path || base_text_parse_u64 (number, UINT32_MAX, ret_number))
        return NULL;
    path_unescape (path);
    return path;
}

/*  Places where a host may mount something intentionally. below: the path after that of the root. */
static bool path_is_directory (const char *below)
{
    static const char *const directories[] = {ROOT_VAR, ROOT_PROBE, ROOT_APPS, ROOT_KEEPERS};
    if (*below != '/')
        return true; /* the root itself, or a sibling */
    for (size_t i = 0; i < sizeof directories / sizeof *directories; i++) {
        size_t length = strlen (directories[i]);
        if (strncmp (below + 1, directories[i], length) == 0 &&
            (!below[1 + length] || below[1 + length] == '/'))
            return true;
    }
    return false;
}

static bool mounts_have (const struct root_mounts *before, uint64_t number)
{
    for (size_t i = 0; before && i < before->count; i++)
        if (before->numbers[i] == number)
            return true;
    return false;
}

/*  Calls one for each mount at or below the root, in the order of mounting. */
static void mounts_each (const struct root *root,
                         void (*one) (void *context, const char *path, uint64_t number), void *context)
{
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
    size_t length = strlen (root->path);
    if (strcmp (root->path, "/") == 0 || mounts_read (&buffer))
        return; /* every mount of the host is below / */
    char *rest = (char *) buffer.data;
    for (char *line; (line = strsep (&rest, "\n"));) {
        uint64_t number;
        const char *path = mount_parse (line, &number);
        if (path && strncmp (path, root->path, length) == 0 && (!path[length] || path[length] == '/'))
            one (context, path, number);
    }
}

static void mount_note (void *context, const char *path, uint64_t number)
{
    struct root_mounts *mounts = context;
    (void) path;
    uint64_t *numbers = realloc (mounts->numbers, (mounts->count + 1) * sizeof *numbers);
    if (!numbers)
        return;
    mounts->numbers = numbers;
    numbers[mounts->count++] = number;
}

void root_mounts_note (const struct root *root, struct root_mounts *ret_mounts)
{
    base_assert (root_is_open (root));
    base_assert (ret_mounts);
    *ret_mounts = (struct root_mounts){.numbers = NULL};
    mounts_each (root, mount_note, ret_mounts);
    ret_mounts->noted = true;
}

void root_mounts_deinit (struct root_mounts *mounts)
{
    base_assert (mounts);
    free (mounts->numbers);
    *mounts = (struct root_mounts){.numbers = NULL};
}

struct uncovering {
    const struct root *root;
    const struct root_mounts *before;
    char **paths;
};

static void mount_choose (void *context, const char *path, uint64_t number)
{
    struct uncovering *uncovering = context;
    size_t length = strlen (uncovering->root->path);
    if (uncovering->before ? !mounts_have (uncovering->before, number) : !path_is_directory (path + length))
        (void) base_list_append (&uncovering->paths, path);
}

bool root_uncover (const struct root *root, const struct root_mounts *before)
{
    base_assert (root_is_open (root));
    struct uncovering uncovering = {.root = root, .before = before && before->noted ? before : NULL};
    bool changed = false;
    mounts_each (root, mount_choose, &uncovering);
    for (size_t i = uncovering.paths ? base_list_count (uncovering.paths) : 0; i-- > 0;) /* newest first */
        changed |= umount2 (uncovering.paths[i], MNT_DETACH | UMOUNT_NOFOLLOW) == 0;
    (void) base_list_free (uncovering.paths);
    return changed;
}
