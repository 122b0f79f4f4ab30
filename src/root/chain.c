/* SPDX-License-Identifier: MPL-2.0 */
/*  root/chain.c - checks the digest chain of the journal */

#include "root/chain.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "root/journal_end.h"
#include "root/journal_file.h"
#include "wire/wire.h"

#define SERIAL "{\"serial\":"
#define TIME "\"time\":\""
#define BEFORE "\"before\":\""

uint64_t root_chain_serial (const char *line, size_t length)
{
    base_assert (line || length == 0);
    size_t at = strlen (SERIAL);
    uint64_t serial = 0;
    if (length <= at || memcmp (line, SERIAL, at) != 0)
        return 0;
    for (; at < length && line[at] >= '0' && line[at] <= '9'; at++) {
        serial = serial * 10 + (uint64_t) (line[at] - '0');
        if (serial >= WIRE_EPOCH_MOST / 2) /* a forged serial must not use up the numbers */
            return 0;
    }
    return at < length && line[at] == ',' ? serial : 0; /* otherwise cut within the number */
}

/*  Finds the end of the last occurrence of text in a line. Within values, quotes are escaped, so text cannot
    match there. */
static const char *text_find_last (const char *line, size_t length, const char *text)
{
    const char *found = NULL, *at = line;
    while ((at = memmem (at, length - (size_t) (at - line), text, strlen (text)))) {
        found = at;
        at++;
    }
    return found ? found + strlen (text) : NULL;
}

static bool line_before (const char *line, size_t length, struct base_digest *ret_digest)
{
    const char *at = text_find_last (line, length, BEFORE);
    char text[BASE_DIGEST_TEXT];
    if (!at || (size_t) (line + length - at) < BASE_DIGEST_TEXT || at[BASE_DIGEST_TEXT - 1] != '"')
        return false;
    memcpy (text, at, BASE_DIGEST_TEXT - 1);
    text[BASE_DIGEST_TEXT - 1] = '\0';
    return base_digest_parse (text, ret_digest) == 0;
}

static void chain_begin (struct root_chain *chain, const char *line, size_t length)
{
    const char *time = memmem (line, length, TIME, strlen (TIME));
    chain->started = true;
    chain->first_serial = root_chain_serial (line, length);
    if (!time)
        return;
    time += strlen (TIME);
    size_t size = 0, room = length - (size_t) (time - line);
    while (size < room && size < sizeof chain->first_time - 1 && strchr ("0123456789-:.TZ", time[size]))
        size++;
    memcpy (chain->first_time, time, size);
    chain->first_time[size] = '\0';
}

bool root_chain_add (struct root_chain *chain, const char *line, size_t length)
{
    base_assert (chain);
    base_assert (line && length > 0);
    struct base_digest before;
    bool carries = line_before (line, length, &before), follows = true;
    if (!chain->started)
        chain_begin (chain, line, length);
    else if (carries)
        follows = base_digest_equal (&before, &chain->last.digest);
    else /* a line cut short by a crash has no digest, but the next line has the digest of it */
        follows = !chain->linked || !root_chain_serial (line, length) || line[length - 1] != '}';
    chain->linked |= carries;
    uint64_t serial = root_chain_serial (line, length);
    if (serial)
        chain->last.serial = serial;
    chain->last.digest = base_digest_of (line, length);
    return follows;
}

struct look {
    struct root_chain chain;
    struct root_journal_head reported;
    bool is_there, differs;
    struct base_error *error;
};

/*  Checks one line. Returns whether to continue. */
static bool line_check (struct look *look, const char *path, const char *line, size_t length)
{
    uint64_t before = look->chain.last.serial;
    if (!root_chain_add (&look->chain, line, length)) {
        (void) base_error_set (
            look->error, ROOT_E_DAMAGED,
            "%s: line %llu was changed, or lines after it were removed: it does not match the digest in the next line",
            path, (unsigned long long) before);
        return false;
    }
    if (look->reported.serial && look->chain.last.serial == look->reported.serial &&
        root_chain_serial (line, length) == look->reported.serial) {
        look->is_there = true;
        look->differs = !base_digest_equal (&look->chain.last.digest, &look->reported.digest);
    }
    return true;
}

static int lines_check (struct look *look, const char *path, const struct base_buffer *buffer)
{
    uint64_t serial;
    const char *at = (const char *) buffer->data;
    const char *end = at + root_journal_end (at, buffer->size, &serial);
    while (at < end) {
        const char *newline = memchr (at, '\n', (size_t) (end - at));
        if (!newline)
            return 0; /* still being written */
        if (newline > at && !line_check (look, path, at, (size_t) (newline - at)))
            return ROOT_E_DAMAGED;
        at = newline + 1;
    }
    return 0;
}

static int reported_check (const struct look *look)
{
    const struct root_chain *chain = &look->chain;
    unsigned long long reported = look->reported.serial, last = chain->last.serial;
    if (!reported || (look->is_there && !look->differs) || (chain->started && reported < chain->first_serial))
        return 0;
    if (look->differs || reported <= last)
        return base_error_set (
            look->error, ROOT_E_DAMAGED,
            "line %llu of the journal differs from the one that was reported: it or one before it was"
            " changed, or the root was replaced by an older copy",
            reported);
    if (!chain->started)
        return base_error_set (
            look->error, ROOT_E_DAMAGED,
            "line %llu of the journal was reported, but the journal is empty: it was lost or"
            " removed",
            reported);
    return base_error_set (
        look->error, ROOT_E_DAMAGED,
        "line %llu of the journal was reported, but the last one is line %llu; the first is line"
        " %llu of %s: it was lost with its disk, the root was replaced by an older copy, or"
        " lines were removed",
        reported, last, (unsigned long long) chain->first_serial,
        *chain->first_time ? chain->first_time : "an unknown time");
}

int root_journal_check (const struct root *root, const struct root_journal_head *reported,
                        struct base_error *error)
{
    base_assert (root_is_open (root));
    base_assert (reported);
    static const char *const files[] = {ROOT_JOURNAL_OLDER, ROOT_JOURNAL};
    struct base_error wrong = {.code = 0};
    struct look look = {.reported = *reported, .error = error ? error : &wrong};
    base_cleanup (base_buffer_deinit) struct base_buffer older = {0};
    base_cleanup (base_buffer_deinit) struct base_buffer newer = {0};
    struct base_buffer *buffers[] = {&older, &newer};
    base_cleanup (base_close_p) int lock = root_journal_lock (root); /* so no line moves between the files */
    int r = 0;
    for (size_t i = 0; r == 0 && i < 2; i++) {
        r = disk_file_read (root->disk, root->fd, files[i], ROOT_JOURNAL_MOST, buffers[i]);
        if (r == -ENOENT || r == -ENOTDIR)
            r = 0;
    }
    base_close_p (&lock);
    lock = -1;
    if (r < 0)
        return base_error_errno (look.error, r, "cannot read %s/" ROOT_JOURNAL, root->path);
    for (size_t i = 0; r == 0 && i < 2; i++)
        r = lines_check (&look, files[i], buffers[i]);
    if (r)
        return r;
    return reported_check (&look);
}
