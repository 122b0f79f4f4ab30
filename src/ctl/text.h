/*  ctl/text.h - text for a terminal: escaped, aligned, shortened

    What comes from a broker, a node or a file name may hold anything; a terminal gets no control character
    of it. */

#ifndef CTL_TEXT_H
#define CTL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buffer.h"

/*  Appends text with control characters, what turns the direction of writing, and bytes that are no UTF-8
    as \xNN. Returns 0 or -ENOMEM. */
int ctl_text_escape (struct base_buffer *buffer, const char *text);

/*  Writes text so escaped. */
void ctl_text_put (FILE *out, const char *text);

/*  How many columns escaped text takes, one a code point. */
size_t ctl_text_width (const char *text);

/*  "850ms", "12.3s", "3m12s", "2h05m". Returns text. */
enum { CTL_SPAN_SIZE = 32 };
const char *ctl_span_format (uint64_t ms, char text[CTL_SPAN_SIZE]);

/*  "1.2 MiB". Returns text. */
const char *ctl_size_format (uint64_t bytes, char text[CTL_SPAN_SIZE]);

/*  "2026-11-22T15:00:00.123456789Z" to "2026-11-22 15:00:00Z"; other text is taken as it is, "" and NULL
    as "-". Returns text. */
enum { CTL_TIME_SIZE = 64 };
const char *ctl_time_format (const char *rfc3339, char text[CTL_TIME_SIZE]);

/*  The first 12 digits of a digest; "-" for none. Returns text. */
enum { CTL_DIGEST_SIZE = 13 };
const char *ctl_digest_format (const char *digest, char text[CTL_DIGEST_SIZE]);

/*  Rows of cells, printed in aligned columns. Null value: all zero with columns set. Cells are copied and
    escaped; the last column is not padded. */
struct ctl_table {
    size_t columns;
    char **cells; /* NULL-terminated */
    bool failed;  /* memory was out; what is printed lacks rows */
};

void ctl_table_deinit (struct ctl_table *table);

/*  Adds the next cell of the row under way; NULL and "" become "-". */
void ctl_table_cell (struct ctl_table *table, const char *text);
__attribute__ ((format (printf, 2, 3))) void ctl_table_printf (struct ctl_table *table, const char *format,
                                                               ...);

/*  width: columns of the terminal, longer lines are cut with "…"; 0: nothing is cut. */
void ctl_table_print (const struct ctl_table *table, FILE *out, size_t width);

/*  Writes one line, escaped and cut to width columns (0: not cut), without a newline. */
void ctl_line_put (FILE *out, const char *text, size_t width);

/*  Of the words, the one that is nearest to word and near enough to be meant; NULL where none is. words:
    NULL-terminated. */
const char *ctl_word_nearest (const char *word, const char *const *words);

#endif
