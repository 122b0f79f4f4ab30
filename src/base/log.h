/*  base/log.h - one line a message on standard error

    "TIME LEVEL TEXT", the time RFC 3339 in UTC with milliseconds; or with the kernel's priority prefix,
    "<N>TEXT", where standard error is systemd's journal, which has a time of its own. Much of a text was
    chosen by peers: what is no printable UTF-8 is written as \n, \t, \xHH or \u{H}, so that a message is one
    line and moves no terminal. Only node, broker and programs log; lower rooms return. What a peer can cause
    goes through base_log_limited. */

#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum base_log_level { BASE_LOG_ERROR, BASE_LOG_WARNING, BASE_LOG_INFO, BASE_LOG_DEBUG };

/*  What is less important than level is dropped. Default: BASE_LOG_INFO. */
void base_log_set_level (enum base_log_level level);
enum base_log_level base_log_get_level (void);

/*  error, warning, info, debug. Returns false for another word. */
bool base_log_level_parse (const char *word, enum base_log_level *ret_level);

/*  Writes a text as a line of the log has it, NUL-terminated, into size bytes (at least 8); what does not fit
    is cut, and ends with "...". Returns the length. */
size_t base_log_escape (const char *text, char *ret_line, size_t size);

/*  Prints a line, escaped in the same way and never cut: for what others chose and a terminal shows. */
__attribute__ ((format (printf, 2, 3))) void base_log_print (FILE *out, const char *format, ...);

__attribute__ ((format (printf, 2, 3))) void base_log (enum base_log_level level, const char *format, ...);

/*  At most 5 lines a second and source; how many were dropped is said with the next one let through. Null
    value: zero. */
struct base_log_limit {
    uint64_t window_ms;
    unsigned count;
    unsigned dropped;
};

__attribute__ ((format (printf, 3, 4))) void
base_log_limited (struct base_log_limit *limit, enum base_log_level level, const char *format, ...);

#endif
