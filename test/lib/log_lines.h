/* SPDX-License-Identifier: MPL-2.0 */
/*  test/lib/log_lines.h - the log of this process, read by a test */

#ifndef TEST_LOG_LINES_H
#define TEST_LOG_LINES_H

#include <criterion/criterion.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int log_lines_fd = -1;

/*  Standard error goes into memory from now on. */
static inline void log_lines_begin (void)
{
    log_lines_fd = memfd_create ("log", MFD_CLOEXEC);
    cr_assert_geq (log_lines_fd, 0);
    cr_assert_geq (dup2 (log_lines_fd, STDERR_FILENO), 0);
}

/*  Everything that was logged since, up to 16 KiB; valid until the next call. */
static inline const char *log_lines (void)
{
    static char text[16385];
    ssize_t size = pread (log_lines_fd, text, sizeof text - 1, 0);
    cr_assert_geq (size, 0);
    text[size] = '\0';
    return text;
}

/*  How often a text was logged. */
static inline unsigned log_lines_count (const char *wanted)
{
    unsigned count = 0;
    for (const char *at = log_lines (); (at = strstr (at, wanted)); at += strlen (wanted))
        count++;
    return count;
}

#endif
