/*  root/journal_end.h - where what is whole of a journal ends; for this room alone

    Lines that only tell how a step began are not synced. After a power cut the end of the file may be NULs, or
    cut, in any block that was not written, while the file has its length. That is no change that somebody made:
    what was reported of the journal was synced before. */

#ifndef ROOT_JOURNAL_END_H
#define ROOT_JOURNAL_END_H

#include <stdbool.h>
#include <stddef.h>

#include "root/root.h"

/*  Whether a line, without its newline, was written to its end. */
bool root_journal_line_is_whole (const char *line, size_t length);

/*  How many bytes, from the beginning, to keep of the end of a journal (or of all of it). What lies behind them
    was not on the disk: NULs, or a line without its end. *ret_serial: of the last line that is kept; 0: unknown. Returns
    size where all is to be kept: also where something else is wrong, or nothing whole is before it. */
size_t root_journal_end (const char *data, size_t size, uint64_t *ret_serial);

#endif
