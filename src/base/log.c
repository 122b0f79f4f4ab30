/* SPDX-License-Identifier: MPL-2.0 */
/*  base/log.c - formats, escapes and writes log lines */

#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"

enum { ESCAPED_LEAST = 8 };
enum { TEXT_SIZE = 2048, LINE_SIZE = 2048, LINES_A_SECOND = 5 };

static enum base_log_level threshold = BASE_LOG_INFO;

static const struct level {
    const char *word;
    int priority; /* the kernel's */
} levels[] = {
    [BASE_LOG_ERROR] = {"error", 3},
    [BASE_LOG_WARNING] = {"warning", 4},
    [BASE_LOG_INFO] = {"info", 6},
    [BASE_LOG_DEBUG] = {"debug", 7},
};

void base_log_set_level (enum base_log_level level)
{
    base_assert ((unsigned) level <= BASE_LOG_DEBUG);
    threshold = level;
}

enum base_log_level base_log_get_level (void)
{
    return threshold;
}

bool base_log_level_parse (const char *word, enum base_log_level *ret_level)
{
    base_assert (word);
    base_assert (ret_level);
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        if (strcmp (word, levels[i].word) == 0) {
            *ret_level = (enum base_log_level) i;
            return true;
        }
    return false;
}

/*  Escapes the first character of text. Returns its length in text. */
static size_t character_escape (const char *text, char piece[16])
{
    uint32_t number = 0;
    size_t length = base_text_character (text, &number);
    if (length == 0)
        (void) snprintf (piece, 16, "\\x%02x", (unsigned char) *text);
    else if (number == '\n' || number == '\r' || number == '\t')
        (void) snprintf (piece, 16, "\\%c", number == '\n' ? 'n' : number == '\r' ? 'r' : 't');
    else if (number < 0x80 && !base_text_is_plain (number))
        (void) snprintf (piece, 16, "\\x%02x", (unsigned) number);
    else if (!base_text_is_plain (number))
        (void) snprintf (piece, 16, "\\u{%x}", (unsigned) number);
    else
        (void) snprintf (piece, 16, "%.*s", (int) length, text);
    return length ? length : 1;
}

size_t base_log_escape (const char *text, char *ret_line, size_t size)
{
    base_assert (text);
    base_assert (ret_line && size >= ESCAPED_LEAST);
    static const char cut[] = "...";
    size_t length = 0, cut_at = 0;
    while (*text) {
        char piece[16];
        text += character_escape (text, piece);
        size_t more = strlen (piece);
        if (length + more > size - 1) {
            memcpy (ret_line + cut_at, cut, sizeof cut);
            return cut_at + sizeof cut - 1;
        }
        memcpy (ret_line + length, piece, more);
        length += more;
        if (length <= size - sizeof cut)
            cut_at = length;
    }
    ret_line[length] = '\0';
    return length;
}

void base_log_print (FILE *out, const char *format, ...)
{
    base_assert (out && format);
    enum { GROWS_MOST = 4 }; /* a byte that is not UTF-8 becomes \xHH */
    base_cleanup (base_free_p) char *text = NULL;
    va_list arguments;
    va_start (arguments, format);
    int length = vasprintf (&text, format, arguments);
    va_end (arguments);
    if (length < 0)
        text = NULL;
    size_t size = (text ? strlen (text) : 0) * GROWS_MOST + ESCAPED_LEAST;
    base_cleanup (base_free_p) char *line = text ? malloc (size) : NULL;
    if (line)
        (void) base_log_escape (text, line, size);
    (void) fprintf (out, "%s\n", line ? line : "out of memory");
}

/*  Compares the stream with standard error: a process whose standard error was redirected still
    inherits JOURNAL_STREAM. */
static bool stderr_is_journal (void)
{
    const char *stream = getenv ("JOURNAL_STREAM");
    struct stat status;
    char own[64];
    if (!stream || fstat (STDERR_FILENO, &status))
        return false;
    (void) snprintf (own, sizeof own, "%llu:%llu", (unsigned long long) status.st_dev,
                     (unsigned long long) status.st_ino);
    return strcmp (stream, own) == 0;
}

static size_t head_write (enum base_log_level level, char *line, size_t size)
{
    char time[BASE_TIME_TEXT];
    int head = stderr_is_journal ()
                   ? snprintf (line, size, "<%d>", levels[level].priority)
                   : snprintf (line, size, "%.23sZ %s ", base_time_format (base_time_real_ns (), time),
                               levels[level].word);
    return (size_t) head;
}

__attribute__ ((format (printf, 2, 0))) static void log_v (enum base_log_level level, const char *format,
                                                           va_list arguments)
{
    char text[TEXT_SIZE], line[LINE_SIZE];
    (void) vsnprintf (text, sizeof text, format, arguments);
    size_t length = head_write (level, line, sizeof line);
    length += base_log_escape (text, line + length, sizeof line - 1 - length);
    line[length++] = '\n';
    ssize_t ignored = write (STDERR_FILENO, line, length);
    (void) ignored;
}

void base_log (enum base_log_level level, const char *format, ...)
{
    if (level > threshold)
        return;
    va_list arguments;
    va_start (arguments, format);
    log_v (level, format, arguments);
    va_end (arguments);
}

void base_log_limited (struct base_log_limit *limit, enum base_log_level level, const char *format, ...)
{
    base_assert (limit);
    if (level > threshold)
        return;
    uint64_t now = base_time_boot_ms ();
    if (now - limit->window_ms >= 1000) {
        limit->window_ms = now;
        limit->count = 0;
    }
    if (limit->count >= LINES_A_SECOND) {
        limit->dropped++;
        return;
    }
    limit->count++;
    if (limit->dropped) {
        base_log (level, "%u lines like the next one were dropped", limit->dropped);
        limit->dropped = 0;
    }
    va_list arguments;
    va_start (arguments, format);
    log_v (level, format, arguments);
    va_end (arguments);
}
