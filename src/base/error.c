/* SPDX-License-Identifier: MPL-2.0 */
/*  base/error.c - fills struct base_error */

#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"

int base_error_set (struct base_error *error, int code, const char *format, ...)
{
    base_assert (format);
    base_assert (code != 0);
    if (error) {
        va_list arguments;
        va_start (arguments, format);
        (void) vsnprintf (error->text, sizeof error->text, format, arguments);
        va_end (arguments);
        error->code = code;
    }
    return code;
}

int base_error_errno (struct base_error *error, int code, const char *format, ...)
{
    base_assert (format);
    base_assert (code < 0);
    if (error) {
        va_list arguments;
        va_start (arguments, format);
        int length = vsnprintf (error->text, sizeof error->text, format, arguments);
        va_end (arguments);
        if (length >= 0 && (size_t) length < sizeof error->text)
            (void) snprintf (error->text + length, sizeof error->text - (size_t) length, ": %s",
                             strerror (-code));
        error->code = code;
    }
    return code;
}

int base_error_prefix (struct base_error *error, const char *format, ...)
{
    if (!error)
        return -EINVAL; /* the code is unknown, but it was a failure */
    char rest[BASE_ERROR_SIZE];
    memcpy (rest, error->text, sizeof rest);
    va_list arguments;
    va_start (arguments, format);
    int length = vsnprintf (error->text, sizeof error->text, format, arguments);
    va_end (arguments);
    if (length >= 0 && (size_t) length < sizeof error->text)
        (void) snprintf (error->text + length, sizeof error->text - (size_t) length, ": %.*s",
                         (int) sizeof rest - length, rest);
    return error->code;
}

bool base_error_is_of_host (int code)
{
    static const int codes[] = {EAGAIN, ENOMEM, EMFILE, ENFILE,  ENOSPC, EDQUOT,
                                EIO,    EROFS,  EINTR,  ETXTBSY, ENOBUFS};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (code == -codes[i])
            return true;
    return false;
}
