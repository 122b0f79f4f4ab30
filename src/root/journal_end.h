/* SPDX-License-Identifier: MPL-2.0 */
/*  root/journal_end.h - the end of the intact part of a journal; private to this room

    Lines that only record the start of a step are not synced. After a power cut the file has its length, but
    any block at its end that was not written may be NULs or missing. This is no tampering: lines were synced
    before they were reported. */

#ifndef ROOT_JOURNAL_END_H
#define ROOT_JOURNAL_END_H

#include <stdbool.h>
#include <stddef.h>

#include "root/root.h"

/*  Whether a line, without its newline, was written completely. */
bool root_journal_line_is_complete (const char *line, size_t length);

/*  The number of bytes to keep from the beginning of a journal, or of its end. The bytes after them were not
    on disk: NULs or an incomplete line. *ret_serial: serial of the last kept line; 0: unknown. Returns size
    if everything is to be kept, also for any other kind of damage and if no intact line comes first. */
size_t root_journal_end (const char *data, size_t size, uint64_t *ret_serial);

#endif
