/* SPDX-License-Identifier: MPL-2.0 */
/*  ctl/text.c - text for a terminal */

#include "ctl/text.h"

#include <inttypes.h>
#include <stdarg.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"

int ctl_text_escape (struct base_buffer *buffer, const char *text)
{
    base_assert (buffer && text);
    while (*text) {
        uint32_t number = 0;
        size_t size = base_text_character (text, &number);
        if (size && base_text_is_plain (number)) {
            int r = base_buffer_append (buffer, text, size);
            if (r < 0)
                return r;
            text += size;
            continue;
        }
        for (size_t n = size ? size : 1; n; n--) {
            int r = base_buffer_printf (buffer, "\\x%02x", (unsigned char) *text++);
            if (r < 0)
                return r;
        }
    }
    return 0;
}

void ctl_text_put (FILE *out, const char *text)
{
    base_assert (out && text);
    ctl_line_put (out, text, 0);
}

static size_t escaped_width (const char *text, size_t size)
{
    size_t width = 0;
    for (size_t i = 0; i < size; i++)
        width += ((unsigned char) text[i] & 0xC0) != 0x80;
    return width;
}

size_t ctl_text_width (const char *text)
{
    base_assert (text);
    base_cleanup (base_buffer_deinit) struct base_buffer escaped = {.size = 0};
    (void) ctl_text_escape (&escaped, text);
    return escaped_width ((const char *) escaped.data, escaped.size);
}

/*  Writes text that is already escaped, cut to width columns; 0: not cut. */
static void escaped_put (FILE *out, const char *text, size_t size, size_t width)
{
    base_assert (out);
    base_assert (text || size == 0);
    if (!size)
        return;
    if (!width || escaped_width (text, size) <= width) {
        (void) fwrite (text, 1, size, out);
        return;
    }
    size_t end = 0;
    for (size_t columns = 1; end < size; end++) {
        bool begins = ((unsigned char) text[end] & 0xC0) != 0x80;
        if (begins && columns++ >= width)
            break;
    }
    (void) fwrite (text, 1, end, out);
    (void) fputs ("…", out);
}

void ctl_line_put (FILE *out, const char *text, size_t width)
{
    base_assert (out && text);
    base_cleanup (base_buffer_deinit) struct base_buffer escaped = {.size = 0};
    (void) ctl_text_escape (&escaped, text);
    escaped_put (out, (const char *) escaped.data, escaped.size, width);
}

const char *ctl_span_format (uint64_t ms, char text[CTL_SPAN_SIZE])
{
    base_assert (text);
    uint64_t s = ms / 1000;
    if (ms < 1000)
        (void) snprintf (text, CTL_SPAN_SIZE, "%" PRIu64 "ms", ms);
    else if (s < 60)
        (void) snprintf (text, CTL_SPAN_SIZE, "%" PRIu64 ".%" PRIu64 "s", s, ms % 1000 / 100);
    else if (s < 3600)
        (void) snprintf (text, CTL_SPAN_SIZE, "%" PRIu64 "m%02" PRIu64 "s", s / 60, s % 60);
    else
        (void) snprintf (text, CTL_SPAN_SIZE, "%" PRIu64 "h%02" PRIu64 "m", s / 3600, s / 60 % 60);
    return text;
}

const char *ctl_size_format (uint64_t bytes, char text[CTL_SPAN_SIZE])
{
    base_assert (text);
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
    if (bytes < 1024) {
        (void) snprintf (text, CTL_SPAN_SIZE, "%" PRIu64 " B", bytes);
        return text;
    }
    size_t unit = 0;
    double size = (double) bytes / 1024;
    for (; size >= 1024 && unit + 1 < sizeof units / sizeof *units; unit++)
        size /= 1024;
    (void) snprintf (text, CTL_SPAN_SIZE, "%.1f %s", size, units[unit]);
    return text;
}

const char *ctl_time_format (const char *rfc3339, char text[CTL_TIME_SIZE])
{
    base_assert (text);
    if (!rfc3339 || !*rfc3339)
        rfc3339 = "-";
    size_t length = strlen (rfc3339);
    if (length > 20 && rfc3339[10] == 'T' && rfc3339[19] == '.' && rfc3339[length - 1] == 'Z')
        (void) snprintf (text, CTL_TIME_SIZE, "%.10s %.8sZ", rfc3339, rfc3339 + 11);
    else
        (void) snprintf (text, CTL_TIME_SIZE, "%s", rfc3339);
    return text;
}

const char *ctl_digest_format (const noded_digest *digest, char text[CTL_DIGEST_SIZE])
{
    base_assert (digest && text);
    char full[65];
    noded_digest_text (digest, full);
    (void) snprintf (text, CTL_DIGEST_SIZE, "%.12s", *full ? full : "-");
    return text;
}

void ctl_table_deinit (struct ctl_table *table)
{
    base_assert (table);
    table->cells = base_list_free (table->cells);
}

void ctl_table_cell (struct ctl_table *table, const char *text)
{
    base_assert (table && table->columns > 0);
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {.size = 0};
    base_cleanup (base_free_p) char *escaped = NULL;
    if (ctl_text_escape (&buffer, text && *text ? text : "-") == 0)
        escaped = base_buffer_take_text (&buffer);
    if (table->failed || !escaped || base_list_append (&table->cells, escaped) != 0)
        table->failed = true;
}

void ctl_table_printf (struct ctl_table *table, const char *format, ...)
{
    base_assert (table && format);
    base_cleanup (base_free_p) char *text = NULL;
    va_list arguments;
    va_start (arguments, format);
    int length = vasprintf (&text, format, arguments);
    va_end (arguments);
    if (length < 0)
        text = NULL;
    ctl_table_cell (table, text ? text : "");
}

void ctl_table_print (const struct ctl_table *table, FILE *out, size_t width)
{
    base_assert (table && out);
    size_t count = base_list_count (table->cells), columns = table->columns;
    base_cleanup (base_free_p) size_t *widths = columns ? calloc (columns, sizeof *widths) : NULL;
    if (!widths)
        return;
    for (size_t i = 0; i < count; i++) {
        size_t cell = escaped_width (table->cells[i], strlen (table->cells[i]));
        if (cell > widths[i % columns])
            widths[i % columns] = cell;
    }
    for (size_t row = 0; row + columns <= count; row += columns) {
        base_cleanup (base_buffer_deinit) struct base_buffer line = {.size = 0};
        for (size_t i = 0; i < columns; i++) {
            const char *cell = table->cells[row + i];
            size_t pad = i + 1 < columns ? widths[i] - escaped_width (cell, strlen (cell)) + 2 : 0;
            (void) base_buffer_printf (&line, "%s%*s", cell, (int) pad, "");
        }
        while (line.size && line.data[line.size - 1] == ' ')
            line.size--;
        escaped_put (out, (const char *) line.data, line.size, width);
        (void) fputc ('\n', out);
    }
}

/*  Optimal string alignment distance: counts insertions, deletions, changes, and swaps of adjacent
    characters. SIZE_MAX for words longer than MOST. */
static size_t word_distance (const char *a, const char *b)
{
    base_assert (a && b);
    enum { MOST = 32 };
    size_t rows[3][MOST + 1];
    size_t n = strlen (a), m = strlen (b);
    if (n > MOST || m > MOST)
        return SIZE_MAX;
    for (size_t j = 0; j <= m; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t *row = rows[i % 3], *above = rows[(i - 1) % 3], *before = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t best = above[j - 1] + (a[i - 1] != b[j - 1]);
            if (above[j] + 1 < best)
                best = above[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            row[j] = best;
        }
    }
    return rows[n % 3][m];
}

const char *ctl_word_nearest (const char *word, const char *const *words)
{
    base_assert (word && words);
    const char *nearest = NULL;
    size_t length = strlen (word), least = 1 + length / 3 + 1;
    for (; *words; words++) {
        size_t distance = word_distance (word, *words);
        /*  The beginning of a word has distance 1: "rel" is nearer to "releases" than to "why". */
        if (length >= 2 && strncmp (word, *words, length) == 0)
            distance = 1;
        if (distance < least) {
            least = distance;
            nearest = *words;
        }
    }
    return nearest;
}
