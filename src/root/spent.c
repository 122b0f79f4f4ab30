/* SPDX-License-Identifier: MPL-2.0 */
/*  root/spent.c - reads and writes `.trial` */

#include "root/spent.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"

#define BOOT_ID "/proc/sys/kernel/random/boot_id"

enum { FILE_MOST = 1024, ENVELOPE_MOST = 16 * 1024 * 1024 };

static void boot_read (char boot[40])
{
    base_cleanup (base_close_p) int fd = open (BOOT_ID, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read (fd, boot, 39);
    boot[got > 0 ? got : 0] = '\0';
    boot[strcspn (boot, "\n")] = '\0';
}

static bool text_is_digest (const char *text)
{
    struct base_digest digest;
    return strlen (text) == BASE_DIGEST_TEXT - 1 && base_digest_parse (text, &digest) == 0;
}

/*  Parses one line. Returns false if the value is invalid for its key. Unknown keys are skipped. */
static bool line_parse (const char *key, const char *value, struct root_spent *spent)
{
    uint64_t number;
    if (strcmp (key, "workspace") == 0)
        return root_name_is_valid (value) &&
               base_text_copy (spent->workspace, sizeof spent->workspace, value) == 0;
    if (strcmp (key, "release") == 0)
        return text_is_digest (value) && base_text_copy (spent->release, sizeof spent->release, value) == 0;
    if (strcmp (key, "boot") == 0)
        return base_text_copy (spent->boot, sizeof spent->boot, value) == 0;
    if (strcmp (key, "spent_ms") == 0)
        return base_text_parse_u64 (value, INT64_MAX, &spent->spent_ms) == 0;
    if (strcmp (key, "returned") == 0) {
        if (base_text_parse_u64 (value, INT32_MAX, &number))
            return false;
        spent->returned = (unsigned) number;
    }
    return true;
}

static bool spent_parse (char *text, struct root_spent *ret_spent)
{
    struct root_spent spent = {.spent_ms = 0};
    char *rest = text;
    for (char *line; (line = strsep (&rest, "\n"));) {
        char *value = strchr (line, ' ');
        if (!value)
            continue;
        *value++ = '\0';
        if (!line_parse (line, value, &spent))
            return false;
    }
    *ret_spent = spent;
    return *spent.workspace;
}

int root_spent_read (const struct root *root, const char *workspace, struct root_spent *ret_spent)
{
    base_assert (root_is_open (root));
    base_assert (workspace);
    base_assert (ret_spent);
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
    struct stat status;
    if (fstatat (root->fd, ROOT_TRIAL, &status, AT_SYMLINK_NOFOLLOW))
        return errno == ENOENT ? ROOT_E_NONE : -errno;
    if (!S_ISREG (status.st_mode))
        return ROOT_E_DAMAGED;
    int r = disk_file_read (root->disk, root->fd, ROOT_TRIAL, FILE_MOST, &buffer);
    if (r < 0)
        return r == -EFBIG || r == -EINVAL || r == -EISDIR ? ROOT_E_DAMAGED : r;
    base_cleanup (base_free_p) char *text = base_buffer_take_text (&buffer);
    struct root_spent spent;
    if (!text)
        return -ENOMEM;
    if (!spent_parse (text, &spent))
        return ROOT_E_DAMAGED;
    if (strcmp (spent.workspace, workspace) != 0)
        return ROOT_E_NONE;
    *ret_spent = spent;
    return 0;
}

int root_spent_write (const struct root *root, const struct root_spent *spent, struct base_error *error)
{
    base_assert (root_is_open (root));
    base_assert (spent);
    char boot[40], text[FILE_MOST];
    boot_read (boot);
    int length = snprintf (text, sizeof text, "workspace %s\n%s%s%s%s%s%sspent_ms %" PRIu64 "\nreturned %u\n",
                           spent->workspace, *spent->release ? "release " : "", spent->release,
                           *spent->release ? "\n" : "", *boot ? "boot " : "", boot, *boot ? "\n" : "",
                           spent->spent_ms, spent->returned);
    struct stat status;
    if (fstatat (root->fd, ROOT_TRIAL, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR (status.st_mode))
        (void) disk_tree_remove (root->disk, root->fd, ROOT_TRIAL, NULL);
    return disk_file_write (root->disk, root->fd, ROOT_TRIAL, 0644, text, (size_t) length, error);
}

/*  Searches without a parser, because the launcher has none. Within a JSON string quotes are escaped, so a
    match can only be the key. */
static void release_read (const struct root *root, const char *workspace, char release[BASE_DIGEST_TEXT])
{
    static const char key[] = "\"release\"";
    char path[ROOT_NAME_SIZE + 16];
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
    (void) snprintf (path, sizeof path, "%s/envelope.json", workspace);
    if (disk_file_read (root->disk, root->fd, path, ENVELOPE_MOST, &buffer))
        return;
    const char *end = (const char *) buffer.data + buffer.size;
    const char *at = memmem (buffer.data, buffer.size, key, sizeof key - 1);
    for (at = at ? at + sizeof key - 1 : end; at < end && (*at == ':' || *at == ' ' || *at == '"');)
        at++;
    if (end - at < BASE_DIGEST_TEXT - 1)
        return;
    memcpy (release, at, BASE_DIGEST_TEXT - 1);
    release[BASE_DIGEST_TEXT - 1] = '\0';
    if (!text_is_digest (release))
        *release = '\0';
}

void root_spent_begin (const struct root *root, const char *workspace, struct root_spent *ret_spent)
{
    base_assert (root_is_open (root));
    base_assert (workspace);
    base_assert (ret_spent);
    struct root_spent spent = {.spent_ms = 0};
    (void) base_text_copy (spent.workspace, sizeof spent.workspace, workspace);
    release_read (root, workspace, spent.release);
    *ret_spent = spent;
}

bool root_spent_remove (const struct root *root)
{
    base_assert (root_is_open (root));
    if (root->disk->ops->unlinkat (root->disk->context, root->fd, ROOT_TRIAL, 0) == 0)
        return true;
    return errno == EISDIR && disk_tree_remove (root->disk, root->fd, ROOT_TRIAL, NULL) == 0;
}
