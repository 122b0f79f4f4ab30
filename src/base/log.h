/* SPDX-License-Identifier: MPL-2.0 */
/*  base/log.h - one line per message on standard error

    A line is "TIME LEVEL TEXT"; the time is RFC 3339, UTC, with milliseconds. If standard error is the
    systemd journal, which adds its own time, the line is "<N>TEXT" with the kernel's priority N. Peers choose
    much of a text, so everything that is not printable UTF-8 is written as \n, \r, \t, \xHH or \u{H}: a
    message stays one line and cannot control a terminal. Only node, broker and programs log; lower rooms
    return errors. Messages that a peer can cause use base_log_limited. */

#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum base_log_level { BASE_LOG_ERROR, BASE_LOG_WARNING, BASE_LOG_INFO, BASE_LOG_DEBUG };

/*  Drops messages less important than level. Default: BASE_LOG_INFO. */
void base_log_set_level (enum base_log_level level);
enum base_log_level base_log_get_level (void);

/*  Parses "error", "warning", "info" or "debug". Returns false for any other word. */
bool base_log_level_parse (const char *word, enum base_log_level *ret_level);

/*  Writes text, escaped as in a log line and NUL-terminated, into size bytes (at least 8). Text that does not
    fit is cut and ends with "...". Returns the length. */
size_t base_log_escape (const char *text, char *ret_line, size_t size);

/*  Prints a line, escaped in the same way and never cut. For text from peers that is shown on a terminal. */
__attribute__ ((format (printf, 2, 3))) void base_log_print (FILE *out, const char *format, ...);

__attribute__ ((format (printf, 2, 3))) void base_log (enum base_log_level level, const char *format, ...);

/*  At most 5 lines a second for each limit. The next line that passes is preceded by the number of dropped
    lines. Null value: zero. */
struct base_log_limit {
    uint64_t window_ms;
    unsigned count;
    unsigned dropped;
};

__attribute__ ((format (printf, 3, 4))) void
base_log_limited (struct base_log_limit *limit, enum base_log_level level, const char *format, ...);

#endif
