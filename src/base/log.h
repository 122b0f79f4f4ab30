/*  base/log.h - one line a message on standard error

    "LEVEL TEXT", or with the kernel's priority prefix "<N>TEXT" where standard error is a journal. Only
    node, broker and programs log; lower rooms return. What a peer can cause goes through base_log_limited. */

#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum base_log_level { BASE_LOG_ERROR, BASE_LOG_WARNING, BASE_LOG_INFO, BASE_LOG_DEBUG };

/*  What is less important than level is dropped. Default: BASE_LOG_INFO. */
void base_log_set_level (enum base_log_level level);

/*  error, warning, info, debug. Returns false for another word. */
bool base_log_level_parse (const char *word, enum base_log_level *ret_level);

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
