/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/trust_log.c - the log of published releases */

#include "broker/trust_log.h"

#include <errno.h>
#include <inttypes.h>

#include "base/assert.h"
#include "base/cleanup.h"

#define LOG "log"

enum { LINE_SIZE = BASE_DIGEST_TEXT /* the digits and a line feed */ };

#define REMEDY                                                                                               \
    "put back ROOT/" BROKER_TRUST_DIRECTORY "/" LOG                                                          \
    " from a backup and start the broker again, or begin a new log by replacing the online keys; until then" \
    " nothing can be published"

static bool line_parse (const uint8_t *line, struct base_digest *ret_leaf)
{
    char text[BASE_DIGEST_TEXT];
    memcpy (text, line, sizeof text - 1);
    text[sizeof text - 1] = '\0';
    return line[LINE_SIZE - 1] == '\n' && strspn (text, "0123456789abcdef") == sizeof text - 1 &&
           base_digest_parse (text, ret_leaf) == 0;
}

static int leaf_compare (const void *a, const void *b)
{
    const struct broker_trust_leaf *left = a, *right = b;
    return memcmp (left->leaf.bytes, right->leaf.bytes, sizeof left->leaf.bytes);
}

/*  Makes the index of the leaves. */
static int log_sort (struct broker_trust_log *log)
{
    free (log->sorted);
    log->sorted = calloc (log->count + 1, sizeof *log->sorted);
    if (!log->sorted)
        return -ENOMEM;
    for (size_t i = 0; i < log->count; i++)
        log->sorted[i] = (struct broker_trust_leaf){.leaf = log->leaves[i], .index = i};
    if (log->count > 0)
        qsort (log->sorted, log->count, sizeof *log->sorted, leaf_compare);
    return 0;
}

/*  The leaves up to the first line that is none. */
static int leaves_parse (struct broker_trust_log *log, const struct base_buffer *buffer)
{
    size_t lines = buffer->size / LINE_SIZE;
    log->leaves = calloc (lines + 1, sizeof *log->leaves);
    if (!log->leaves)
        return -ENOMEM;
    while (log->count < lines && line_parse (buffer->data + log->count * LINE_SIZE, &log->leaves[log->count]))
        log->count++;
    if (log->count * LINE_SIZE != buffer->size)
        (void) snprintf (log->damage, sizeof log->damage,
                         "line %zu of the log of releases is damaged: " REMEDY, log->count + 1);
    return 0;
}

/*  Keeps the leaves of the published log, if they are there. */
static void log_cut (struct broker_trust_log *log, const struct trust_log_head *head)
{
    if (log->count < head->size)
        (void) snprintf (log->damage, sizeof log->damage,
                         "the log of releases has %zu intact entries, but %" PRIu64 " are published: " REMEDY,
                         log->count, head->size);
    else {
        struct base_digest root = trust_merkle_root_of (log->leaves, head->size);
        if (base_digest_equal (&root, &head->root)) {
            log->count = head->size;
            log->damage[0] = '\0';
        } else
            (void) snprintf (log->damage, sizeof log->damage,
                             "the log of releases has other entries than the published one: " REMEDY);
    }
}

int broker_trust_log_open (struct broker_trust_log *log, const struct broker_trust_files *files,
                           const struct trust_log_head *head, struct base_error *error)
{
    base_assert (log && files);
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
    *log = (struct broker_trust_log){.count = 0};
    int r = broker_trust_files_get (files, LOG, (size_t) BROKER_TRUST_LOG_MOST * LINE_SIZE, &buffer, error);
    if (r == -ENOMEM)
        return r;
    r = leaves_parse (log, &buffer); /* of a file that cannot be read: none */
    if (r < 0)
        return base_error_errno (error, r, "cannot read " BROKER_TRUST_DIRECTORY "/" LOG);
    if (head)
        log_cut (log, head);
    r = log_sort (log);
    return r < 0 ? base_error_errno (error, r, "cannot read " BROKER_TRUST_DIRECTORY "/" LOG) : 0;
}

void broker_trust_log_deinit (struct broker_trust_log *log)
{
    base_assert (log);
    free (log->leaves);
    free (log->sorted);
    *log = (struct broker_trust_log){.count = 0};
}

struct trust_log_head broker_trust_log_head (const struct broker_trust_log *log)
{
    base_assert (log);
    return (struct trust_log_head){.size = log->count,
                                   .root = trust_merkle_root_of (log->leaves, log->count)};
}

int64_t broker_trust_log_find (const struct broker_trust_log *log, const struct base_digest *leaf)
{
    base_assert (log && leaf);
    const struct broker_trust_leaf wanted = {.leaf = *leaf}, *found;
    if (log->count == 0)
        return -1;
    found = bsearch (&wanted, log->sorted, log->count, sizeof *log->sorted, leaf_compare);
    return found ? (int64_t) found->index : -1;
}

int broker_trust_log_extend (const struct broker_trust_log *log, const struct base_digest *more, size_t count,
                             struct broker_trust_log *ret_log, struct base_error *error)
{
    base_assert (log && ret_log && (more || count == 0));
    if (log->count + count > BROKER_TRUST_LOG_MOST)
        return base_error_set (error, -E2BIG, "the log of releases is full: it has %zu entries", log->count);
    struct base_digest *leaves = calloc (log->count + count + 1, sizeof *leaves);
    if (!leaves)
        return base_error_errno (error, -ENOMEM, "cannot extend the log of releases");
    if (log->count > 0)
        memcpy (leaves, log->leaves, log->count * sizeof *leaves);
    if (count > 0)
        memcpy (leaves + log->count, more, count * sizeof *leaves);
    struct broker_trust_log longer = {.leaves = leaves, .count = log->count + count};
    if (log_sort (&longer) < 0) {
        broker_trust_log_deinit (&longer);
        return base_error_errno (error, -ENOMEM, "cannot extend the log of releases");
    }
    *ret_log = longer;
    return 0;
}

int broker_trust_log_write (const struct broker_trust_log *log, struct broker_trust_files *files,
                            struct base_error *error)
{
    base_assert (log && files && !log->damage[0]);
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
    char text[BASE_DIGEST_TEXT];
    for (size_t i = 0; i < log->count; i++)
        if (base_buffer_printf (&buffer, "%s\n", base_digest_format (&log->leaves[i], text)) < 0)
            return base_error_errno (error, -ENOMEM, "cannot write the log of releases");
    return buffer.size == 0 ? 0 : broker_trust_files_put (files, LOG, 0600, buffer.data, buffer.size, error);
}
