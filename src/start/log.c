/* SPDX-License-Identifier: MPL-2.0 */
/*  start/log.c - log lines of the launcher */

#include "start/log.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

enum { LINE_SIZE = 1024 }; /* below PIPE_BUF: a writable pipe takes a whole line */

void start_log (const char *format, ...)
{
    char line[LINE_SIZE] = "start: ";
    size_t head = sizeof "start: " - 1;
    va_list arguments;
    va_start (arguments, format);
    int body = vsnprintf (line + head, sizeof line - head - 1, format, arguments);
    va_end (arguments);
    size_t length = head + (body < 0 ? 0 : (size_t) body);
    if (length > sizeof line - 2)
        length = sizeof line - 2;
    for (size_t i = head; i < length; i++)
        if ((unsigned char) line[i] < ' ')
            line[i] = '?';
    line[length++] = '\n';
    struct pollfd writable = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (poll (&writable, 1, 0) == 1 && (writable.revents & POLLOUT)) {
        ssize_t written = write (STDERR_FILENO, line, length);
        (void) written;
    }
}
