/* SPDX-License-Identifier: MPL-2.0 */
/*  base/error.h - how functions fail

    One convention in every room. A function that can fail returns an int:

      0           success
      negative    -errno: the operation failed; callers forward the code unchanged
      positive    a ROOM_E_... code: part of the function's contract, handled by the caller

    A caller writes

        int r = f (...);
        if (r < 0)
            return r;

    and `if (r)` where it forwards the contract codes of f as its own.

    If the failure may reach a person, the function also fills a struct base_error with a sentence: what was
    tried, on what, why it failed and, if useful, what to do. Outputs are untouched on failure. */

#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdbool.h>

enum { BASE_ERROR_SIZE = 512 };

struct base_error {
    int code;                   /* the returned code */
    char text[BASE_ERROR_SIZE]; /* one line without newline; empty if nothing failed */
};

/*  Sets code and text, and returns code. error may be NULL. Longer text is cut. */
__attribute__ ((format (printf, 3, 4))) int base_error_set (struct base_error *error, int code,
                                                            const char *format, ...);

/*  The same, with ": TEXT OF ERRNO" appended. code must be -errno. */
__attribute__ ((format (printf, 3, 4))) int base_error_errno (struct base_error *error, int code,
                                                              const char *format, ...);

/*  Prepends a sentence to the text in error: "SENTENCE: TEXT". Returns the code in error, or -EINVAL if error
    is NULL. */
__attribute__ ((format (printf, 2, 3))) int base_error_prefix (struct base_error *error, const char *format,
                                                               ...);

/*  Whether a code (-errno) means that this host lacks a resource or has a disk fault, so that the requested
    operation itself is not at fault. */
bool base_error_is_of_host (int code);

#endif
