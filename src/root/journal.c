/* SPDX-License-Identifier: MPL-2.0 */
/*  root/journal.c - the journal: lines of JSON in var/journal

    A full journal is renamed to var/journal.1. So its size is bounded and the newest megabyte is always kept.
    A line that was cut short by a crash, or decayed, makes no other line unreadable. Each line has the digest
    of the line before it (root/chain.h). Because other processes append too, an append reads the end of the
    file and not the last line that this process wrote. */

#include "root/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "root/chain.h"
#include "root/journal_end.h"
#include "root/journal_file.h"
#include "root/record_file.h"

enum { ROTATE_SIZE = 1024 * 1024, TAIL_SIZE = 16 * 1024 };

/*  Reads one of the two files. A missing file counts as empty. So does a damaged one, which the next append
    sets aside. */
static int file_load (const struct root *root, const char *path, struct base_buffer *buffer)
{
    int r = disk_file_read (root->disk, root->fd, path, ROOT_JOURNAL_MOST, buffer);
    return r == -ENOENT || r == -ENOTDIR || root_record_is_damaged (r) ? 0 : r;
}

/*  Removes the last line from data and returns it, or NULL if there is none. */
static const char *line_last (const char *data, size_t *size, size_t *ret_length)
{
    while (*size > 0 && data[*size - 1] == '\n')
        --*size;
    if (*size == 0)
        return NULL;
    const char *newline = memrchr (data, '\n', *size);
    const char *line = newline ? newline + 1 : data;
    *ret_length = *size - (size_t) (line - data);
    *size = (size_t) (line - data);
    return line;
}

/*  Appends entries, newest first, up to most of them. */
static int entries_gather (const struct base_buffer *buffer, size_t most, struct base_buffer *entries,
                           size_t *ret_damaged)
{
    size_t size = buffer->size, length;
    while (entries->size / sizeof (struct wire_entry) < most) {
        const char *line = line_last ((const char *) buffer->data, &size, &length);
        if (!line)
            return 0;
        struct wire_entry entry;
        int r = wire_json_parse (&wire_entry_record, line, length, &entry, NULL);
        if (r < 0)
            return r;
        if (r) {
            ++*ret_damaged;
            continue;
        }
        r = base_buffer_append (entries, &entry, sizeof entry);
        if (r < 0) {
            wire_entry_deinit (&entry);
            return r;
        }
    }
    return 0;
}

static void entries_reverse (struct wire_entry *entries, size_t count)
{
    for (size_t i = 0; i < count / 2; i++) {
        struct wire_entry swap = entries[i];
        entries[i] = entries[count - 1 - i];
        entries[count - 1 - i] = swap;
    }
}

int root_journal_read (const struct root *root, size_t most, struct wire_entry **ret_entries,
                       size_t *ret_count, size_t *ret_damaged, struct base_error *error)
{
    base_assert (root_is_open (root));
    base_assert (ret_entries && ret_count);
    static const char *const files[] = {ROOT_JOURNAL, ROOT_JOURNAL_OLDER};
    struct base_buffer entries = {0};
    size_t damaged = 0;
    int r = base_buffer_reserve (&entries, sizeof (struct wire_entry)); /* an empty journal is not NULL */
    for (size_t i = 0; r == 0 && i < sizeof files / sizeof *files; i++) {
        base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
        r = file_load (root, files[i], &buffer);
        if (r == 0)
            r = entries_gather (&buffer, most, &entries, &damaged);
    }
    struct wire_entry *list = (struct wire_entry *) entries.data;
    size_t count = entries.size / sizeof *list;
    if (r < 0) {
        root_journal_free (list, count);
        return base_error_errno (error, r, "cannot read %s/" ROOT_JOURNAL, root->path);
    }
    entries_reverse (list, count);
    *ret_entries = list;
    *ret_count = count;
    if (ret_damaged)
        *ret_damaged = damaged;
    return 0;
}

void root_journal_free (struct wire_entry *entries, size_t count)
{
    for (size_t i = 0; entries && i < count; i++)
        wire_entry_deinit (&entries[i]);
    free (entries);
}

/*  The end of a journal file. */
struct tail {
    struct root_journal_head head;
    bool has_line;
    bool torn; /* the last line is incomplete; head has the digest of its bytes */
};

enum extent { EXTENT_END, EXTENT_FILE };

/*  Searches backwards in the end of a file, which may begin within a line, or in the whole file. Returns
    whether the search is complete. */
static bool tail_find (const char *data, size_t size, enum extent extent, struct tail *ret_tail)
{
    size_t length, end = size;
    const char *line;
    *ret_tail = (struct tail){.has_line = false};
    while ((line = line_last (data, &size, &length))) {
        if (line == data && extent == EXTENT_END)
            return false; /* its beginning was not read */
        if (!ret_tail->has_line) {
            ret_tail->head.digest = base_digest_of (line, length);
            ret_tail->torn = data[end - 1] != '\n' || !root_journal_line_is_complete (line, length);
        }
        ret_tail->has_line = true;
        ret_tail->head.serial = root_chain_serial (line, length);
        if (ret_tail->head.serial)
            return true;
    }
    return extent == EXTENT_FILE;
}

/*  Reads the end of a file, or the whole file if the last lines are long or damaged. A missing file counts
    as empty. */
static int tail_read (const struct root *root, const char *path, struct tail *ret_tail)
{
    const struct disk *disk = root->disk;
    base_cleanup (base_free_p) char *data = NULL;
    base_cleanup (base_close_p) int fd =
        disk->ops->openat (disk->context, root->fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW, 0);
    struct stat status;
    *ret_tail = (struct tail){.has_line = false};
    if (fd < 0 || fstat (fd, &status))
        return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
    if (!S_ISREG (status.st_mode))
        return S_ISDIR (status.st_mode) ? -EISDIR : -EINVAL;
    if (status.st_size > ROOT_JOURNAL_MOST)
        return -EFBIG;
    enum extent extent = EXTENT_END;
    for (size_t size = TAIL_SIZE; extent == EXTENT_END; size = ROOT_JOURNAL_MOST) {
        if (size >= (size_t) status.st_size) {
            size = (size_t) status.st_size;
            extent = EXTENT_FILE;
        }
        free (data);
        data = malloc (size ? size : 1);
        if (!data)
            return -ENOMEM;
        ssize_t got = pread (fd, data, size, status.st_size - (off_t) size);
        if (got != (ssize_t) size)
            return got < 0 ? -errno : -EIO;
        if (tail_find (data, size, extent, ret_tail))
            break;
    }
    return 0;
}

/*  Finds the line that the next one follows. *ret_aside: the journal was unreadable and was set aside. */
static int tail_load (const struct root *root, struct tail *ret_tail, bool *ret_aside)
{
    *ret_aside = false;
    int r = tail_read (root, ROOT_JOURNAL, ret_tail);
    if (root_record_is_damaged (r)) {
        root_record_set_aside (root, ROOT_JOURNAL);
        *ret_aside = true;
        r = 0;
    }
    if (r || ret_tail->has_line)
        return r;
    return tail_read (root, ROOT_JOURNAL_OLDER, ret_tail) == -ENOMEM ? -ENOMEM : 0;
}

/*  An incomplete line was never reported. */
struct root_journal_head root_journal_head (const struct root *root)
{
    base_assert (root_is_open (root));
    struct tail tail = {.has_line = false};
    if (tail_read (root, ROOT_JOURNAL, &tail) == 0 && !tail.has_line)
        (void) tail_read (root, ROOT_JOURNAL_OLDER, &tail);
    return tail.torn ? (struct root_journal_head){.serial = 0} : tail.head;
}

int root_journal_sync (const struct root *root)
{
    base_assert (root_is_open (root));
    const struct disk *disk = root->disk;
    base_cleanup (base_close_p) int fd = disk->ops->openat (
        disk->context, root->fd, ROOT_JOURNAL, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW, 0);
    struct stat status;
    if (fd < 0 || fstat (fd, &status))
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISREG (status.st_mode))
        return -EIO;
    if (disk->ops->fsync (disk->context, fd))
        return -errno;
    base_cleanup (base_close_p) int directory =
        disk->ops->openat (disk->context, root->fd, ROOT_VAR, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    return directory < 0 || disk->ops->fsync (disk->context, directory) ? -errno : 0;
}

/*  Cuts off the end that was not on disk. Returns the number of bytes. */
static size_t journal_cut (const struct root *root, uint64_t *ret_serial)
{
    const struct disk *disk = root->disk;
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
    if (disk_file_read (disk, root->fd, ROOT_JOURNAL, ROOT_JOURNAL_MOST, &buffer))
        return 0;
    size_t kept = root_journal_end ((const char *) buffer.data, buffer.size, ret_serial);
    if (kept >= buffer.size)
        return 0;
    base_cleanup (base_close_p) int fd = disk->ops->openat (disk->context, root->fd, ROOT_JOURNAL,
                                                            O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW, 0);
    if (fd < 0 || ftruncate (fd, (off_t) kept))
        return 0; /* read-only: the next line is appended after the damaged end */
    return buffer.size - kept;
}

static void journal_rotate (const struct root *root)
{
    struct stat status;
    if (fstatat (root->fd, ROOT_JOURNAL, &status, AT_SYMLINK_NOFOLLOW) || !S_ISREG (status.st_mode) ||
        status.st_size < ROTATE_SIZE)
        return;
    int r = disk_rename (root->disk, root->fd, ROOT_JOURNAL, ROOT_JOURNAL_OLDER, NULL);
    if (r == -EISDIR) {
        root_record_set_aside (root, ROOT_JOURNAL_OLDER);
        (void) disk_rename (root->disk, root->fd, ROOT_JOURNAL, ROOT_JOURNAL_OLDER, NULL);
    }
}

/*  Appends a line after tail; tail is then this line. */
static int line_append (const struct root *root, struct wire_entry *entry, struct tail *tail,
                        struct base_error *error)
{
    char time[BASE_TIME_TEXT];
    struct wire_entry line = *entry;
    line.serial = tail->head.serial + 1;
    line.time = time;
    (void) base_time_format (base_time_real_ns (), time);
    line.before = tail->head.digest;
    base_cleanup (base_free_p) char *json = wire_json (&wire_entry_record, &line, 0);
    base_cleanup (base_free_p) char *text = json ? base_text_printf ("%s\n", json) : NULL;
    if (!text)
        return base_error_errno (error, -ENOMEM, "cannot append to %s/" ROOT_JOURNAL, root->path);
    /* the first line of a file is synced with the directory entry, so later lines need no directory sync */
    bool first = faccessat (root->fd, ROOT_JOURNAL, F_OK, AT_SYMLINK_NOFOLLOW) != 0;
    const struct disk_line complete = {.data = text,
                                       .size = strlen (text),
                                       .mode = 0644,
                                       .durable = first || entry->outcome != WIRE_OUTCOME_STARTED};
    int r = disk_file_append (root->disk, root->fd, ROOT_JOURNAL, &complete, error);
    if (r == -EPERM && root_record_unlock (root, ROOT_JOURNAL))
        r = disk_file_append (root->disk, root->fd, ROOT_JOURNAL, &complete, error);
    if (r < 0)
        return r;
    entry->serial = line.serial;
    entry->before = line.before;
    *tail = (struct tail){.has_line = true,
                          .head = {.serial = line.serial, .digest = base_digest_of (json, strlen (json))}};
    return 0;
}

/*  About the journal itself; nothing in it is owned. */
static struct wire_entry entry_of_journal (char *reason)
{
    static char application[] = "noded", step[] = "journal";
    return (struct wire_entry){
        .application = application, .step = step, .outcome = WIRE_OUTCOME_FAILED, .reason = reason};
}

/*  Records in the new journal that the old one was set aside. */
static void aside_note (const struct root *root, struct tail *tail)
{
    static char reason[] = "the journal could not be read and was set aside as var/journal.damaged; a new"
                           " journal starts here";
    struct wire_entry entry = entry_of_journal (reason);
    (void) line_append (root, &entry, tail, NULL);
}

/*  Records once how much is missing. */
static int cut_note (const struct root *root, size_t bytes, uint64_t serial, struct tail *tail,
                     struct base_error *error)
{
    char reason[200];
    (void) snprintf (
        reason, sizeof reason,
        "%zu bytes at the end had not reached the disk: this host went down, or a process was killed, "
        "during the write; the journal continues after line %llu",
        bytes, (unsigned long long) serial);
    struct wire_entry entry = entry_of_journal (reason);
    return line_append (root, &entry, tail, error);
}

int root_journal_repair (const struct root *root, size_t *ret_bytes, struct base_error *error)
{
    base_assert (root_is_open (root));
    base_assert (ret_bytes);
    struct tail tail;
    bool aside;
    uint64_t serial;
    *ret_bytes = 0;
    base_cleanup (base_close_p) int lock = root_journal_lock (root);
    size_t bytes = lock < 0 ? 0 : journal_cut (root, &serial); /* unlocked: another process may write */
    if (!bytes)
        return 0;
    int r = tail_load (root, &tail, &aside);
    if (r < 0)
        return base_error_errno (error, r, "cannot read the end of %s/" ROOT_JOURNAL, root->path);
    *ret_bytes = bytes;
    return cut_note (root, bytes, serial, &tail, error);
}

int root_journal_append (const struct root *root, struct wire_entry *entry, struct base_error *error)
{
    base_assert (root_is_open (root));
    base_assert (entry);
    struct tail tail;
    bool aside;
    int r = root_record_make_directory (root, ROOT_VAR, error);
    if (r < 0)
        return r;
    base_cleanup (base_close_p) int lock = root_journal_lock (root);
    journal_rotate (root);
    r = tail_load (root, &tail, &aside);
    if (r < 0)
        return base_error_errno (error, r, "cannot read the end of %s/" ROOT_JOURNAL, root->path);
    uint64_t serial = 0;
    size_t cut = tail.torn && lock >= 0 ? journal_cut (root, &serial) : 0;
    if (cut) {
        r = tail_load (root, &tail, &aside);
        if (r < 0)
            return base_error_errno (error, r, "cannot read the end of %s/" ROOT_JOURNAL, root->path);
        r = cut_note (root, cut, serial, &tail, error);
        if (r < 0)
            return r;
    }
    if (aside)
        aside_note (root, &tail);
    return line_append (root, entry, &tail, error);
}
