/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/expires.c - the time in metadata

    Days are counted from the civil date directly, without the host's time zone or leap seconds. */

#include "trust/expires.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/assert.h"

static bool is_leap_year (unsigned year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static unsigned days_of_month (unsigned year, unsigned month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    base_assert (month >= 1 && month <= 12);
    return days[(month - 1) % 12] + (month == 2 && is_leap_year (year));
}

/*  Days from 1970-01-01 to the first of January. */
static uint64_t days_before_year (unsigned year)
{
    base_assert (year >= 1970);
    uint64_t before = year - 1;
    uint64_t leap_days = before / 4 - before / 100 + before / 400 - (1969 / 4 - 1969 / 100 + 1969 / 400);
    return (uint64_t) (year - 1970) * 365 + leap_days;
}

static unsigned digits_value (const char *text, size_t count)
{
    unsigned value = 0;
    for (size_t i = 0; i < count; i++)
        value = value * 10 + (unsigned) (text[i] - '0');
    return value;
}

int trust_expires_parse (const char *text, uint64_t *ret_seconds)
{
    static const char form[] = "dddd-dd-ddTdd:dd:ddZ";
    base_assert (text && ret_seconds);
    if (strlen (text) != sizeof form - 1)
        return -EINVAL;
    for (size_t i = 0; form[i]; i++)
        if (form[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != form[i])
            return -EINVAL;
    unsigned year = digits_value (text, 4), month = digits_value (text + 5, 2),
             day = digits_value (text + 8, 2);
    unsigned hour = digits_value (text + 11, 2), minute = digits_value (text + 14, 2),
             second = digits_value (text + 17, 2);
    if (year < 1970 || month < 1 || month > 12 || day < 1 || day > days_of_month (year, month) || hour > 23 ||
        minute > 59 || second > 59)
        return -EINVAL;
    uint64_t days = days_before_year (year) + day - 1;
    for (unsigned i = 1; i < month; i++)
        days += days_of_month (year, i);
    *ret_seconds = days * 86400 + hour * 3600 + minute * 60 + second;
    base_assert (*ret_seconds <= TRUST_EXPIRES_MOST);
    return 0;
}

const char *trust_expires_format (uint64_t seconds, char text[TRUST_EXPIRES_TEXT])
{
    base_assert (seconds <= TRUST_EXPIRES_MOST);
    uint64_t days = seconds / 86400, rest = seconds % 86400;
    unsigned year = 1970 + (unsigned) (days / 366), month = 1;
    while (days_before_year (year + 1) <= days)
        year++;
    days -= days_before_year (year);
    while (days >= days_of_month (year, month))
        days -= days_of_month (year, month++);
    (void) snprintf (text, TRUST_EXPIRES_TEXT, "%04u-%02u-%02uT%02u:%02u:%02uZ", year % 10000, month % 100,
                     (unsigned) (days + 1) % 100, (unsigned) (rest / 3600) % 100, (unsigned) (rest / 60 % 60),
                     (unsigned) (rest % 60));
    return text;
}
