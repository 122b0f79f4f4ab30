/*  base/error.h - how functions fail

    One convention in every room. A function that can fail returns an int:

        0           it did what its name says
        negative    -errno: fatal to the operation, forwarded unchanged
        positive    a ROOM_E_... code: part of the function's contract, handled by the caller

    Where the failure may reach a person, the function also fills a struct base_error with a sentence that
    says what was tried, on what, what came of it, and where it helps what to do. Outputs are untouched on
    failure. */

#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdbool.h>

enum { BASE_ERROR_SIZE = 512 };

struct base_error {
    int code;                   /* as returned */
    char text[BASE_ERROR_SIZE]; /* one line, no newline; empty where nothing failed */
};

/*  Fills error (which may be NULL) and returns code. A longer text is cut. */
__attribute__ ((format (printf, 3, 4))) int base_error_set (struct base_error *error, int code,
                                                            const char *format, ...);

/*  The same with ": TEXT OF ERRNO" appended; code must be -errno. */
__attribute__ ((format (printf, 3, 4))) int base_error_errno (struct base_error *error, int code,
                                                              const char *format, ...);

/*  Puts a sentence in front of the text that stands in error: "SENTENCE: TEXT". Returns the code in error,
    -EINVAL without one. */
__attribute__ ((format (printf, 2, 3))) int base_error_prefix (struct base_error *error, const char *format,
                                                               ...);

/*  Whether a code (-errno) says that this host was short of something, or its disk failed: not what was asked
    for was at fault. */
bool base_error_is_of_host (int code);

#endif
