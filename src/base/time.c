/* SPDX-License-Identifier: MPL-2.0 */
/*  base/time.c - reads clocks, formats and parses RFC 3339 */

#include "base/time.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"

static const uint64_t NS = 1000000000;

uint64_t base_time_boot_ms (void)
{
    struct timespec now;
    (void) clock_gettime (CLOCK_BOOTTIME, &now);
    return (uint64_t) now.tv_sec * 1000 + (uint64_t) now.tv_nsec / 1000000;
}

uint64_t base_time_real_ns (void)
{
    struct timespec now;
    (void) clock_gettime (CLOCK_REALTIME, &now);
    return now.tv_sec < 0 ? 0 : (uint64_t) now.tv_sec * NS + (uint64_t) now.tv_nsec;
}

const char *base_time_format (uint64_t real_ns, char text[BASE_TIME_TEXT])
{
    base_assert (text);
    time_t seconds = (time_t) (real_ns / NS);
    struct tm parts;
    if (!gmtime_r (&seconds, &parts))
        parts = (struct tm){.tm_mday = 1, .tm_year = 70};
    (void) snprintf (text, BASE_TIME_TEXT, "%04u-%02u-%02uT%02u:%02u:%02u.%09uZ",
                     (unsigned) (parts.tm_year + 1900) % 10000U, (unsigned) (parts.tm_mon + 1) % 100U,
                     (unsigned) parts.tm_mday % 100U, (unsigned) parts.tm_hour % 100U,
                     (unsigned) parts.tm_min % 100U, (unsigned) parts.tm_sec % 100U,
                     (unsigned) (real_ns % NS));
    return text;
}

/*  Parses count digits from text[at] on. Returns the number, or -1. */
static long digits_parse (const char *text, size_t at, size_t count)
{
    long number = 0;
    for (size_t i = at; i < at + count; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        number = number * 10 + (text[i] - '0');
    }
    return number;
}

int base_time_parse (const char *text, uint64_t *ret_real_ns)
{
    base_assert (text);
    base_assert (ret_real_ns);
    static const char form[] = "dddd-dd-ddTdd:dd:dd.dddddddddZ";
    if (strlen (text) != sizeof form - 1)
        return -EINVAL;
    for (size_t i = 0; i < sizeof form - 1; i++)
        if (form[i] != 'd' && form[i] != text[i])
            return -EINVAL;
    long year = digits_parse (text, 0, 4), month = digits_parse (text, 5, 2), day = digits_parse (text, 8, 2);
    long hour = digits_parse (text, 11, 2), minute = digits_parse (text, 14, 2),
         second = digits_parse (text, 17, 2);
    long fraction = digits_parse (text, 20, 9);
    if (year < 1970 || month < 1 || month > 12 || day < 1 || day > 31 || hour < 0 || hour > 23 ||
        minute < 0 || minute > 59 || second < 0 || second > 60 || fraction < 0)
        return -EINVAL;
    struct tm parts = {.tm_year = (int) year - 1900,
                       .tm_mon = (int) month - 1,
                       .tm_mday = (int) day,
                       .tm_hour = (int) hour,
                       .tm_min = (int) minute,
                       .tm_sec = (int) second};
    time_t seconds = timegm (&parts);
    if (seconds < 0)
        return -EINVAL;
    *ret_real_ns = (uint64_t) seconds * NS + (uint64_t) fraction;
    return 0;
}
