#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/time.h"

enum { LINE_SIZE = 2048, LINES_A_SECOND = 5 };

static enum base_log_level threshold = BASE_LOG_INFO;

static const char *const words[] = {"error", "warning", "info", "debug"};
static const int priorities[] = {3, 4, 6, 7};

void base_log_set_level (enum base_log_level level)
{
    threshold = level;
}

bool base_log_level_parse (const char *word, enum base_log_level *ret_level)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp (word, words[i]) == 0) {
            *ret_level = (enum base_log_level) i;
            return true;
        }
    return false;
}

__attribute__ ((format (printf, 2, 0))) static void log_v (enum base_log_level level, const char *format,
                                                           va_list arguments)
{
    char line[LINE_SIZE];
    int head = getenv ("JOURNAL_STREAM") ? snprintf (line, sizeof line, "<%d>", priorities[level])
                                         : snprintf (line, sizeof line, "%s ", words[level]);
    int body = vsnprintf (line + head, sizeof line - (size_t) head - 1, format, arguments);
    size_t length = (size_t) head + (body < 0 ? 0 : (size_t) body);
    if (length > sizeof line - 2)
        length = sizeof line - 2;
    for (size_t i = 0; i < length; i++)
        if (line[i] == '\n' || line[i] == '\r')
            line[i] = ' ';
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
