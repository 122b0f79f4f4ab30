/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/trust/expires.c - the time in metadata */

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "trust/expires.h"

Test (expires, known_times_have_known_seconds)
{
    static const struct {
        const char *text;
        uint64_t seconds;
    } times[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1985-10-21T01:21:00Z", 498705660},
        {"2000-02-29T12:00:00Z", 951825600},
        {"2000-03-01T00:00:00Z", 951868800},
        {"2030-01-01T00:00:00Z", 1893456000},
        {"2100-03-01T00:00:00Z", 4107542400},
        {"9999-12-31T23:59:59Z", TRUST_EXPIRES_MOST},
    };
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        uint64_t seconds = 1;
        char text[TRUST_EXPIRES_TEXT];
        cr_assert_eq (trust_expires_parse (times[i].text, &seconds), 0);
        cr_assert_eq (seconds, times[i].seconds, "%s", times[i].text);
        cr_assert_str_eq (trust_expires_format (times[i].seconds, text), times[i].text);
    }
}

Test (expires, every_day_reads_as_it_is_written)
{
    for (uint64_t day = 0; day <= TRUST_EXPIRES_MOST / 86400; day++) {
        char text[TRUST_EXPIRES_TEXT];
        uint64_t seconds = day * 86400 + day % 86400, again = 0;
        cr_assert_eq (trust_expires_parse (trust_expires_format (seconds, text), &again), 0, "%s", text);
        cr_assert_eq (again, seconds, "%s", text);
    }
}

Test (expires, any_other_form_is_refused)
{
    static const char *const texts[] = {"",
                                        "2030-01-01",
                                        "2030-01-01T00:00:00",
                                        "2030-01-01T00:00:00z",
                                        "2030-01-01t00:00:00Z",
                                        "2030-01-01 00:00:00Z",
                                        "2030-01-01T00:00:00+00:00",
                                        "2030-01-01T00:00:00.5Z",
                                        "2030-01-01T00:00:00Z ",
                                        " 2030-01-01T00:00:00Z",
                                        "2030-13-01T00:00:00Z",
                                        "2030-00-01T00:00:00Z",
                                        "2030-01-00T00:00:00Z",
                                        "2030-01-32T00:00:00Z",
                                        "2030-04-31T00:00:00Z",
                                        "2030-02-29T00:00:00Z",
                                        "2100-02-29T00:00:00Z",
                                        "2030-01-01T24:00:00Z",
                                        "2030-01-01T00:60:00Z",
                                        "2030-01-01T00:00:60Z",
                                        "1969-12-31T23:59:59Z",
                                        "0000-01-01T00:00:00Z",
                                        "20300-01-01T00:00:0Z",
                                        "203a-01-01T00:00:00Z",
                                        "2030-+1-01T00:00:00Z",
                                        "2030-01-01T-1:00:00Z"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        uint64_t seconds = 7;
        cr_assert_eq (trust_expires_parse (texts[i], &seconds), -EINVAL, "%s", texts[i]);
        cr_assert_eq (seconds, 7);
    }
}

Test (expires, a_time_is_over_in_its_own_second)
{
    cr_assert (!trust_expires_is_over (100, 99));
    cr_assert (trust_expires_is_over (100, 100));
    cr_assert (trust_expires_is_over (100, UINT64_MAX));
}
