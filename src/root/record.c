/* SPDX-License-Identifier: MPL-2.0 */
/*  root/record.c - records in var/: trial, reverted, order state */

#include "root/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "disk/attributes.h"
#include "root/record_file.h"

enum { ORDER_STATE_SIZE = 4096 };

void root_record_set_aside (const struct root *root, const char *path)
{
    base_assert (root_is_open (root));
    base_assert (path);
    base_cleanup (base_free_p) char *aside = base_text_printf ("%s.damaged", path);
    if (!aside)
        return;
    (void) disk_tree_remove (root->disk, root->fd, aside,
                             NULL); /* the older one: if it is a directory, it would prevent the rename */
    if (disk_rename (root->disk, root->fd, path, aside, NULL) == -EPERM && root_record_unlock (root, path))
        (void) disk_rename (root->disk, root->fd, path, aside, NULL);
}

/*  Lack of descriptors or memory is no fault of the file. A file that is not regular, or that decays, must
    not fail again at every start. */
bool root_record_is_damaged (int r)
{
    return r > 0 || r == -EFBIG || r == -EISDIR || r == -EINVAL || r == -ELOOP || r == -EIO || r == -EUCLEAN;
}

int root_record_read (const struct root *root, const char *path, const struct wire_record *record,
                      void *ret_message)
{
    base_assert (root_is_open (root));
    base_assert (path && record);
    base_assert (ret_message);
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
    int r = disk_file_read (root->disk, root->fd, path, ROOT_RECORD_MOST, &buffer);
    if (r == 0)
        r = wire_json_parse (record, (const char *) buffer.data, buffer.size, ret_message, NULL);
    if (r == 0 || r == -ENOMEM)
        return r;
    if (root_record_is_damaged (r))
        root_record_set_aside (root, path);
    return ROOT_E_NONE;
}

bool root_record_unlock (const struct root *root, const char *path)
{
    base_assert (root_is_open (root));
    base_assert (path);
    bool cleared = disk_attributes_clear (root->fd, ROOT_VAR);
    cleared |= disk_attributes_clear (root->fd, path);
    return cleared;
}

int root_record_make_directory (const struct root *root, const char *path, struct base_error *error)
{
    base_assert (root_is_open (root));
    base_assert (path);
    int r = disk_directory_make (root->disk, root->fd, path, 0700, error);
    if (r != -ENOTDIR)
        return r;
    root_record_set_aside (root, path);
    return disk_directory_make (root->disk, root->fd, path, 0700, error);
}

static int record_replace (const struct root *root, const char *path, mode_t mode, const void *data,
                           size_t size, struct base_error *error)
{
    int r = disk_file_write (root->disk, root->fd, path, mode, data, size, error);
    bool in_the_way = r == -EISDIR || r == -ENOTEMPTY || r == -EEXIST; /* a directory has this name */
    if (in_the_way)
        root_record_set_aside (root, path);
    if (!in_the_way && (r != -EPERM || !root_record_unlock (root, path)))
        return r;
    return disk_file_write (root->disk, root->fd, path, mode, data, size, error);
}

int root_cache_put (const struct root *root, const char *path, mode_t mode, const void *data, size_t size,
                    struct base_error *error)
{
    base_assert (root_is_open (root));
    base_assert (path);
    base_assert (data || size == 0);
    int r = root_record_make_directory (root, ROOT_VAR, error);
    if (r < 0)
        return r;
    return record_replace (root, path, mode, data, size, error);
}

int root_record_write (const struct root *root, const char *path, const struct wire_record *record,
                       const void *message, struct base_error *error)
{
    base_assert (root_is_open (root));
    base_assert (path && record);
    base_assert (message);
    int r = root_record_make_directory (root, ROOT_VAR, error);
    if (r < 0)
        return r;
    base_cleanup (base_free_p) char *json = wire_json (record, message, WIRE_JSON_PRETTY);
    if (!json)
        return base_error_errno (error, -ENOMEM, "cannot write %s", path);
    return record_replace (root, path, 0644, json, strlen (json), error);
}

int root_cache_make (const struct root *root, const char *path, struct base_error *error)
{
    base_assert (root_is_open (root));
    base_assert (path);
    int r = root_record_make_directory (root, ROOT_VAR, error);
    if (r < 0)
        return r;
    return root_record_make_directory (root, path, error);
}

int root_trial_note (const struct root *root, const struct wire_trial *trial, struct base_error *error)
{
    base_assert (root_is_open (root));
    base_assert (trial);
    return root_record_write (root, ROOT_TRIAL_RECORD, &wire_trial_record, trial, error);
}

int root_trial_recall (const struct root *root, struct wire_trial *ret_trial)
{
    base_assert (root_is_open (root));
    base_assert (ret_trial);
    return root_record_read (root, ROOT_TRIAL_RECORD, &wire_trial_record, ret_trial);
}

int root_trial_forget (const struct root *root)
{
    base_assert (root_is_open (root));
    int r = disk_unlink (root->disk, root->fd, ROOT_TRIAL_RECORD);
    return r == -ENOENT ? 0 : r;
}

int root_reverted_note (const struct root *root, const struct wire_entry *entry, struct base_error *error)
{
    base_assert (root_is_open (root));
    base_assert (entry);
    return root_record_write (root, ROOT_REVERTED, &wire_entry_record, entry, error);
}

int root_reverted_recall (const struct root *root, struct wire_entry *ret_entry)
{
    base_assert (root_is_open (root));
    base_assert (ret_entry);
    return root_record_read (root, ROOT_REVERTED, &wire_entry_record, ret_entry);
}

int root_reverted_forget (const struct root *root)
{
    base_assert (root_is_open (root));
    int r = disk_unlink (root->disk, root->fd, ROOT_REVERTED);
    return r == -ENOENT ? 0 : r;
}

/*  Overwrites the existing file, which needs no space. A crash in between leaves a damaged file, which counts
    as missing. */
static int order_state_overwrite (const struct root *root, const char *text, struct base_error *error)
{
    const struct disk *disk = root->disk;
    base_cleanup (base_close_p) int fd =
        disk->ops->openat (disk->context, root->fd, ROOT_ORDER_STATE, O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0);
    ssize_t written = fd < 0 ? -1 : disk->ops->pwrite (disk->context, fd, text, ORDER_STATE_SIZE, 0);
    if (written >= 0 && written < ORDER_STATE_SIZE)
        return base_error_errno (error, -EIO, "cannot overwrite %s on a full disk", ROOT_ORDER_STATE);
    if (written < 0 || disk->ops->fsync (disk->context, fd))
        return base_error_errno (error, -errno, "cannot overwrite %s on a full disk", ROOT_ORDER_STATE);
    return 0;
}

/*  The file has a fixed size, so that it can be overwritten in place on a full disk: if a hold or an epoch
    were lost, an order would be carried out twice. */
int root_order_state_write (const struct root *root, const struct wire_order_state *order_state,
                            struct base_error *error)
{
    base_assert (root_is_open (root));
    base_assert (order_state);
    int r = root_record_make_directory (root, ROOT_VAR, error);
    if (r < 0)
        return r;
    base_cleanup (base_free_p) char *json =
        wire_json (&wire_order_state_record, order_state, WIRE_JSON_PRETTY);
    if (!json)
        return base_error_errno (error, -ENOMEM, "cannot write %s", ROOT_ORDER_STATE);
    size_t size = strlen (json);
    if (size > ORDER_STATE_SIZE)
        return record_replace (root, ROOT_ORDER_STATE, 0644, json, size, error);
    char text[ORDER_STATE_SIZE + 1];
    (void) snprintf (text, sizeof text, "%s", json);
    memset (text + size, '\n', ORDER_STATE_SIZE - size);
    r = record_replace (root, ROOT_ORDER_STATE, 0644, text, ORDER_STATE_SIZE, error);
    return r == -ENOSPC || r == -EDQUOT ? order_state_overwrite (root, text, error) : r;
}

int root_order_state_read (const struct root *root, struct wire_order_state *ret_order_state)
{
    base_assert (root_is_open (root));
    base_assert (ret_order_state);
    return root_record_read (root, ROOT_ORDER_STATE, &wire_order_state_record, ret_order_state);
}
