/* SPDX-License-Identifier: MPL-2.0 */
/*  ctl/text.h - text for a terminal: escaped, aligned, shortened

    Text from a broker, a node or a file name may contain any byte. No control character of it reaches the
    terminal. */

#ifndef CTL_TEXT_H
#define CTL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buffer.h"
#include "noded/records.h"

/*  The text, or "" for NULL: records have NULL for an absent text. */
static inline const char *ctl_text (const char *text)
{
    return text ? text : "";
}

/*  Appends text. Control characters, characters that change the writing direction, and invalid UTF-8 are
    written as \xNN. Returns 0 or -ENOMEM. */
int ctl_text_escape (struct base_buffer *buffer, const char *text);

/*  Writes text, escaped in this way. */
void ctl_text_put (FILE *out, const char *text);

/*  The number of columns of the escaped text; a code point counts as one. */
size_t ctl_text_width (const char *text);

/*  "850ms", "12.3s", "3m12s", "2h05m". Returns text. */
enum { CTL_SPAN_SIZE = 32 };
const char *ctl_span_format (uint64_t ms, char text[CTL_SPAN_SIZE]);

/*  "1.2 MiB". Returns text. */
const char *ctl_size_format (uint64_t bytes, char text[CTL_SPAN_SIZE]);

/*  "2026-11-22T15:00:00.123456789Z" becomes "2026-11-22 15:00:00Z". "" and NULL become "-"; other text is
    copied. Returns text. */
enum { CTL_TIME_SIZE = 64 };
const char *ctl_time_format (const char *rfc3339, char text[CTL_TIME_SIZE]);

/*  The first 12 digits of a digest; "-" if it is absent. Returns text. */
enum { CTL_DIGEST_SIZE = 13 };
const char *ctl_digest_format (const noded_digest *digest, char text[CTL_DIGEST_SIZE]);

/*  Rows of cells, printed in aligned columns. Null value: all zero, columns set. Cells are copied and
    escaped. The last column is not padded. */
struct ctl_table {
    size_t columns;
    char **cells; /* NULL-terminated */
    bool failed;  /* memory was out; rows are missing from the output */
};

void ctl_table_deinit (struct ctl_table *table);

/*  Adds the next cell of the current row. NULL and "" become "-". */
void ctl_table_cell (struct ctl_table *table, const char *text);
__attribute__ ((format (printf, 2, 3))) void ctl_table_printf (struct ctl_table *table, const char *format,
                                                               ...);

/*  Prints the complete rows. width: columns of the terminal, longer lines are cut with "…"; 0: not cut. */
void ctl_table_print (const struct ctl_table *table, FILE *out, size_t width);

/*  Writes a line without newline, escaped and cut to width columns; 0: not cut. */
void ctl_line_put (FILE *out, const char *text, size_t width);

/*  Finds what a mistyped word was probably meant to be: the nearest of words. NULL if none is near enough.
    words: NULL-terminated. */
const char *ctl_word_nearest (const char *word, const char *const *words);

#endif
