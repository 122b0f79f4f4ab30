/*  var/journal is lines of JSON. It becomes var/journal.1 when it is full, so that what is kept is bounded
    and the newest megabyte is always there. A line that a crash cut short, or that rotted, costs itself
    alone. */

#include "root/record.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "root/record_file.h"

#define JOURNAL ROOT_VAR "/journal"
#define JOURNAL_OLDER ROOT_VAR "/journal.1"

enum { ROTATE_SIZE = 1024 * 1024, READ_MOST = 4 * 1024 * 1024 };

/*  Reads one of the two files; a missing one is empty, a damaged one is set aside and empty. */
static int load (const struct root *root, const char *path, struct base_buffer *buffer)
{
    int rc = disk_file_read (root->disk, root->fd, path, READ_MOST, buffer);
    if (rc == 0 || rc == -ENOENT || rc == -ENOTDIR)
        return 0;
    if (!root_record_is_damaged (rc))
        return rc;
    root_record_set_aside (root, path);
    return 0;
}

/*  Cuts the last line off buffer's data. Returns NULL at the beginning. */
static const char *last_line (const char *data, size_t *size, size_t *ret_length)
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

/*  Puts entries in front of each other, newest first, until there are most. */
static int gather (const struct base_buffer *buffer, size_t most, struct base_buffer *entries,
                   size_t *ret_damaged)
{
    size_t size = buffer->size, length;
    while (entries->size / sizeof (struct wire_entry) < most) {
        const char *line = last_line ((const char *) buffer->data, &size, &length);
        if (!line)
            return 0;
        struct wire_entry entry;
        int rc = wire_json_parse (&wire_entry_record, line, length, &entry, NULL);
        if (rc < 0)
            return rc;
        if (rc) {
            ++*ret_damaged;
            continue;
        }
        rc = base_buffer_append (entries, &entry, sizeof entry);
        if (rc) {
            wire_entry_deinit (&entry);
            return rc;
        }
    }
    return 0;
}

static void reverse (struct wire_entry *entries, size_t count)
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
    static const char *const files[] = {JOURNAL, JOURNAL_OLDER};
    struct base_buffer entries = {0};
    size_t damaged = 0;
    int rc =
        base_buffer_reserve (&entries, sizeof (struct wire_entry)); /* so that an empty journal is no NULL */
    for (size_t i = 0; rc == 0 && i < sizeof files / sizeof *files; i++) {
        base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
        rc = load (root, files[i], &buffer);
        if (rc == 0)
            rc = gather (&buffer, most, &entries, &damaged);
    }
    struct wire_entry *list = (struct wire_entry *) entries.data;
    size_t count = entries.size / sizeof *list;
    if (rc) {
        root_journal_free (list, count);
        return base_error_errno (error, rc, "cannot read %s/" JOURNAL, root->path);
    }
    reverse (list, count);
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

static uint64_t last_serial (const struct root *root)
{
    struct wire_entry *entries;
    size_t count;
    if (root_journal_read (root, 1, &entries, &count, NULL, NULL))
        return 0;
    uint64_t serial = count ? entries[0].serial : 0;
    root_journal_free (entries, count);
    return serial;
}

static void rotate (const struct root *root)
{
    struct stat status;
    if (fstatat (root->fd, JOURNAL, &status, 0) || !S_ISREG (status.st_mode) || status.st_size < ROTATE_SIZE)
        return;
    int rc = disk_rename (root->disk, root->fd, JOURNAL, JOURNAL_OLDER, NULL);
    if (rc == -EISDIR) {
        root_record_set_aside (root, JOURNAL_OLDER);
        (void) disk_rename (root->disk, root->fd, JOURNAL, JOURNAL_OLDER, NULL);
    }
}

int root_journal_append (const struct root *root, struct wire_entry *entry, struct base_error *error)
{
    int rc = root_record_make_directory (root, ROOT_VAR, error);
    if (rc)
        return rc;
    rotate (root);
    char time[BASE_TIME_TEXT];
    struct wire_entry line = *entry;
    line.serial = last_serial (root) + 1;
    line.time = (char *) base_time_format (base_time_real_ns (), time);
    base_cleanup (base_free_p) char *json = wire_json (&wire_entry_record, &line, 0);
    base_cleanup (base_free_p) char *text = json ? base_text_printf ("%s\n", json) : NULL;
    if (!text)
        return base_error_errno (error, -ENOMEM, "cannot append to %s/" JOURNAL, root->path);
    bool durable = entry->outcome != WIRE_OUTCOME_STARTED;
    rc = disk_file_append (root->disk, root->fd, JOURNAL, 0644, text, strlen (text), durable, error);
    if (rc == -ELOOP) { /* a link has the name: where it points to is not ours to write */
        root_record_set_aside (root, JOURNAL);
        rc = disk_file_append (root->disk, root->fd, JOURNAL, 0644, text, strlen (text), durable, error);
    }
    if (rc == 0)
        entry->serial = line.serial;
    return rc;
}
