/* SPDX-License-Identifier: MPL-2.0 */
/*  root/failed.c - the files .failed and .failed.WORKSPACE (root/outcome.h) */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/directory.h"
#include "base/text.h"
#include "root/outcome.h"
#include "root/outcome_file.h"

enum { PATH_SIZE = sizeof ROOT_FAILED "." + ROOT_NAME_SIZE, BLANK_SIZE = 1024, ENVELOPE_MOST = 1024 * 1024 };

static const char *note_path (const char *workspace, char path[PATH_SIZE])
{
    (void) snprintf (path, PATH_SIZE, ROOT_FAILED ".%.*s", ROOT_NAME_SIZE - 1, workspace);
    return path;
}

int root_release_of (const struct root *root, const char *workspace, struct base_digest *ret_release)
{
    base_assert (root_is_open (root));
    base_assert (workspace);
    base_assert (ret_release);
    static const char key[] = "\"release\":";
    char path[ROOT_NAME_SIZE + 16], text[BASE_DIGEST_TEXT];
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
    (void) snprintf (path, sizeof path, "%.*s/envelope.json", ROOT_NAME_SIZE - 1, workspace);
    if (!root_name_is_valid (workspace) ||
        disk_file_read (&disk_system, root->fd, path, ENVELOPE_MOST, &buffer))
        return ROOT_E_NONE;
    const char *at = memmem (buffer.data, buffer.size, key, sizeof key - 1);
    const char *end = (const char *) buffer.data + buffer.size;
    at = at ? at + sizeof key - 1 : end;
    while (at < end && (*at == ' ' || *at == '"'))
        at++;
    if ((size_t) (end - at) < sizeof text)
        return ROOT_E_NONE;
    memcpy (text, at, sizeof text - 1);
    text[sizeof text - 1] = '\0';
    return base_digest_parse (text, ret_release) ? ROOT_E_NONE : 0;
}

/*  start of a trial */

int root_began_write (const struct root *root, const struct root_began *began, struct base_error *error)
{
    base_assert (root_is_open (root));
    base_assert (began && root_name_is_valid (began->workspace));
    char text[BLANK_SIZE + 1], release[BASE_DIGEST_TEXT];
    struct root_outcome outcome = {.cause = ROOT_CAUSE_INTERRUPTED,
                                   .text = "its outcome could not be written: the disk was full",
                                   .release = began->release};
    (void) base_text_copy (outcome.workspace, sizeof outcome.workspace, began->workspace);
    (void) base_digest_format (&began->release, release);
    size_t length = root_outcome_format (&outcome, text, BLANK_SIZE - ROOT_NAME_SIZE - 8);
    length += (size_t) snprintf (text + length, sizeof text - length, "back %s\n", began->back);
    memset (text + length, '\n', BLANK_SIZE - length);
    return disk_file_write (root->disk, root->fd, ROOT_FAILED, 0644, text, BLANK_SIZE, error);
}

int root_began_read (const struct root *root, struct root_began *ret_began)
{
    base_assert (root_is_open (root));
    base_assert (ret_began);
    struct root_began began = {.workspace = ""};
    struct root_outcome outcome;
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
    int r = root_outcome_read_file (root, ROOT_FAILED, &outcome);
    if (r)
        return r;
    r = disk_file_read (root->disk, root->fd, ROOT_FAILED, BLANK_SIZE, &buffer);
    base_cleanup (base_free_p) char *text = r ? NULL : base_buffer_take_text (&buffer);
    const char *back = text ? strstr (text, "\nback ") : NULL;
    if (!back)
        return ROOT_E_DAMAGED;
    back += sizeof "\nback " - 1;
    (void) snprintf (began.back, sizeof began.back, "%.*s", (int) strcspn (back, "\n"), back);
    if (!root_name_is_valid (began.back))
        return ROOT_E_DAMAGED;
    memcpy (began.workspace, outcome.workspace, sizeof began.workspace);
    began.release = outcome.release;
    *ret_began = began;
    return 0;
}

int root_began_remove (const struct root *root)
{
    base_assert (root_is_open (root));
    int r = disk_unlink (root->disk, root->fd, ROOT_FAILED);
    return r == -ENOENT ? 0 : r;
}

/*  end of a trial */

/*  Overwrites .failed in place, which needs no space, and renames it. If even the overwrite fails, its old
    text still says that the trial ended. */
static int blank_use (const struct root *root, const char *path, const char *text, size_t length,
                      struct base_error *error)
{
    const struct disk *disk = root->disk;
    char block[BLANK_SIZE];
    memset (block, '\n', sizeof block);
    memcpy (block, text, length < sizeof block ? length : sizeof block);
    {
        base_cleanup (base_close_p) int fd =
            disk->ops->openat (disk->context, root->fd, ROOT_FAILED, O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0);
        if (fd < 0)
            return -errno;
        if (disk->ops->pwrite (disk->context, fd, block, sizeof block, 0) == (ssize_t) sizeof block)
            (void) disk->ops->fsync (disk->context, fd);
    }
    return disk_rename (disk, root->fd, ROOT_FAILED, path, error);
}

int root_failed_write (const struct root *root, const struct root_outcome *outcome, struct base_error *error)
{
    base_assert (root_is_open (root));
    base_assert (outcome);
    char path[PATH_SIZE], text[ROOT_NOTE_MOST];
    struct root_outcome complete = *outcome;
    struct root_began began;
    bool ours = root_began_read (root, &began) == 0 && strcmp (began.workspace, complete.workspace) == 0;
    if (!root_name_is_valid (complete.workspace))
        return base_error_set (error, -EINVAL, "%s is not the name of a workspace", complete.workspace);
    if (base_digest_is_null (&complete.release) && ours)
        complete.release = began.release;
    if (base_digest_is_null (&complete.release))
        (void) root_release_of (root, complete.workspace, &complete.release);
    size_t length = root_outcome_format (&complete, text, sizeof text);
    int r = disk_file_write (root->disk, root->fd, note_path (complete.workspace, path), 0644, text, length,
                             error);
    if (r == -EISDIR || r == -ENOTEMPTY) {
        (void) disk_tree_remove (root->disk, root->fd, path, NULL);
        r = disk_file_write (root->disk, root->fd, path, 0644, text, length, error);
    }
    if ((r == -EPERM || r == -EACCES) && root_loosen (root))
        r = disk_file_write (root->disk, root->fd, path, 0644, text, length, error);
    return r && ours && blank_use (root, path, text, length, NULL) == 0 ? 0 : r;
}

int root_failed_read (const struct root *root, const char *workspace, struct root_outcome *ret_outcome)
{
    base_assert (root_is_open (root));
    base_assert (workspace);
    base_assert (ret_outcome);
    char path[PATH_SIZE];
    struct root_outcome outcome;
    struct stat status;
    int r = root_outcome_read_file (root, note_path (workspace, path), &outcome);
    if (r == ROOT_E_NONE && fstatat (root->fd, path, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return r; /* a link that leads nowhere counts as a damaged note */
    if (r || strcmp (outcome.workspace, workspace) != 0) {
        outcome =
            (struct root_outcome){.cause = ROOT_CAUSE_INTERRUPTED, .text = "the outcome note cannot be read"};
        (void) base_text_copy (outcome.workspace, sizeof outcome.workspace, workspace);
    }
    if (base_digest_is_null (&outcome.release))
        (void) root_release_of (root, workspace, &outcome.release);
    *ret_outcome = outcome;
    return 0;
}

static int names_compare_newest (const void *a, const void *b)
{
    return strcmp (*(char *const *) b, *(char *const *) a);
}

int root_failed_list (const struct root *root, char ***ret_workspaces)
{
    base_assert (root_is_open (root));
    base_assert (ret_workspaces);
    base_cleanup (base_directory_close_p) DIR *directory =
        base_directory_list (openat (root->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory)
        return -errno;
    base_cleanup (base_list_free_p) char **names = calloc (1, sizeof *names);
    if (!names)
        return -ENOMEM;
    size_t count = 0;
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir (directory);
        if (!entry && errno)
            return -errno;
        if (!entry)
            break;
        if (strncmp (entry->d_name, ROOT_FAILED ".", sizeof ROOT_FAILED) != 0 ||
            !root_name_is_valid (entry->d_name + sizeof ROOT_FAILED))
            continue;
        int r = base_list_append_next (&names, &count, entry->d_name + sizeof ROOT_FAILED);
        if (r < 0)
            return r;
    }
    qsort (names, count, sizeof *names, names_compare_newest);
    *ret_workspaces = base_take (names);
    return 0;
}

int root_failed_remove (const struct root *root, const char *workspace)
{
    base_assert (root_is_open (root));
    base_assert (workspace);
    char path[PATH_SIZE];
    int r = disk_unlink (root->disk, root->fd, note_path (workspace, path));
    if (r == -EISDIR || r == -EPERM)
        r = disk_tree_remove (root->disk, root->fd, path, NULL);
    return r == -ENOENT ? 0 : r;
}
