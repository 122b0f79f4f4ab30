/* SPDX-License-Identifier: MPL-2.0 */
/*  root/journal_end.c - finds the end of the intact part of a journal */

#include "root/journal_end.h"

#include <string.h>

#include "base/assert.h"
#include "root/chain.h"

bool root_journal_line_is_complete (const char *line, size_t length)
{
    base_assert (line || length == 0);
    return length > 0 && line[length - 1] == '}' && root_chain_serial (line, length) &&
           !memchr (line, '\0', length);
}

size_t root_journal_end (const char *data, size_t size, uint64_t *ret_serial)
{
    base_assert (data || size == 0);
    base_assert (ret_serial);
    struct root_chain chain = {.started = false};
    const char *at = data, *end = data + size;
    size_t kept = 0;
    bool hole = false; /* NULs after the kept part */
    *ret_serial = 0;
    while (at < end) {
        const char *newline = memchr (at, '\n', (size_t) (end - at));
        size_t length = (size_t) ((newline ? newline : end) - at);
        bool complete = newline && root_journal_line_is_complete (at, length);
        if (length) {
            hole |= !complete && memchr (at, '\0', length);
            bool follows = root_chain_add (&chain, at, length);
            if (complete && !follows)
                return hole && kept ? kept
                                    : size; /* otherwise lines were changed or removed: evidence to keep */
            if (complete) {                 /* damaged lines before it already existed when it was appended */
                hole = false;
                kept = (size_t) (newline + 1 - data);
                *ret_serial = chain.last.serial;
            }
        }
        at += length + (newline ? 1 : 0);
    }
    if (!kept) /* all NULs: nothing was on disk; otherwise other damage */
        return size && strnlen (data, size) == 0 && memcmp (data, data + 1, size - 1) == 0 ? 0 : size;
    /* a line with a newline was written completely and is kept, whatever it contains */
    return hole || data[size - 1] != '\n' ? kept : size;
}
