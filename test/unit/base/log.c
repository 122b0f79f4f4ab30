/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/base/log.c - escaping and format of log lines: a message is one line, even with hostile text */

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"

static void expect_escaped (const char *text, const char *line)
{
    char escaped[256];
    cr_expect_eq (base_log_escape (text, escaped, sizeof escaped), strlen (line));
    cr_expect_str_eq (escaped, line);
}

Test (log, printable_text_is_unchanged)
{
    expect_escaped ("node web-17: t-1 \"gr\xc3\xbc\xc3\x9f\" \\ \xe6\x97\xa5 \xf0\x9f\x98\x80",
                    "node web-17: t-1 \"gr\xc3\xbc\xc3\x9f\" \\ \xe6\x97\xa5 \xf0\x9f\x98\x80");
    expect_escaped ("", "");
}

Test (log, control_characters_are_escaped)
{
    expect_escaped ("a\nb\rc\td", "a\\nb\\rc\\td");
    expect_escaped ("\x1b[31mred\x07\x7f", "\\x1b[31mred\\x07\\x7f");
    expect_escaped ("\xc2\x9b"
                    "31m",
                    "\\u{9b}31m");
    expect_escaped ("\xe2\x80\xae"
                    "fdp\xe2\x80\xa8\xe2\x81\xa6\xef\xbb\xbf",
                    "\\u{202e}fdp\\u{2028}\\u{2066}\\u{feff}");
}

Test (log, invalid_utf_8_is_escaped)
{
    expect_escaped ("\xff\xc3(\xe2\x82", "\\xff\\xc3(\\xe2\\x82");
    expect_escaped ("\xc0\xaf\xed\xa0\x80\xf8", "\\xc0\\xaf\\xed\\xa0\\x80\\xf8");
}

Test (log, a_long_line_is_cut_between_two_characters)
{
    char line[10];
    cr_expect_eq (base_log_escape ("123456789", line, sizeof line), 9);
    cr_expect_str_eq (line, "123456789");
    cr_expect_eq (base_log_escape ("1234567890", line, sizeof line), 9);
    cr_expect_str_eq (line, "123456...");
    cr_expect_eq (base_log_escape ("12345\x1b\x1b", line, sizeof line), 8);
    cr_expect_str_eq (line, "12345...");
}

Test (log, a_line_for_a_terminal_is_escaped_and_not_cut)
{
    char text[4096], *got = NULL;
    size_t size;
    FILE *out = open_memstream (&got, &size);
    cr_assert_not_null (out);
    memset (text, 0xff, sizeof text - 1);
    text[sizeof text - 1] = '\0';
    base_log_print (out, "said %s", "x\033[2J\nheld no");
    base_log_print (out, "%s", text);
    fclose (out);
    cr_expect (strncmp (got, "said x\\x1b[2J\\nheld no\n\\xff", 27) == 0, "%.40s", got);
    cr_expect_eq (size, 23 + (sizeof text - 1) * 4 + 1);
    free (got);
}

Test (log, terminal_controls_in_json_are_escaped_as_json)
{
    char *plain =
        base_text_plain_json ("{\n \"a\": \"\xc2\x9b|\xe2\x80\xae|\x7f|\xc3\xa9|\xf0\x9f\x98\x80\"}\n");
    cr_expect_str_eq (plain, "{\n \"a\": \"\\u009b|\\u202e|\\u007f|\xc3\xa9|\xf0\x9f\x98\x80\"}\n");
    free (plain);
}

/*  The line that base_log writes to standard error. stream: the value of JOURNAL_STREAM; NULL: unset. own:
    the value is the device and inode of standard error instead, as systemd sets it. */
static void log_line (const char *stream, bool own, char *ret_line)
{
    char path[] = "/tmp/log.XXXXXX", name[64];
    struct stat status;
    int fd = mkstemp (path), before = dup (STDERR_FILENO);
    cr_assert_geq (fd, 0);
    cr_assert_eq (fstat (fd, &status), 0);
    (void) snprintf (name, sizeof name, "%llu:%llu", (unsigned long long) status.st_dev,
                     (unsigned long long) status.st_ino);
    cr_assert_eq (
        own || stream ? setenv ("JOURNAL_STREAM", own ? name : stream, 1) : unsetenv ("JOURNAL_STREAM"), 0);
    cr_assert_geq (dup2 (fd, STDERR_FILENO), 0);
    base_log (BASE_LOG_WARNING, "x\n%s", "y");
    cr_assert_geq (dup2 (before, STDERR_FILENO), 0);
    ssize_t got = pread (fd, ret_line, 255, 0);
    ret_line[got < 0 ? 0 : got] = '\0';
    (void) close (fd);
    (void) close (before);
    (void) unlink (path);
}

Test (log, a_line_has_time_and_level_or_a_priority_for_the_journal)
{
    char line[256];
    int length = 0;
    unsigned year, month, day, hour, minute, second, ms;
    log_line (NULL, false, line);
    cr_expect_eq (sscanf (line, "%4u-%2u-%2uT%2u:%2u:%2u.%3uZ warning x\\ny\n%n", &year, &month, &day, &hour,
                          &minute, &second, &ms, &length),
                  7, "%s", line);
    cr_expect_eq ((size_t) length, strlen (line), "%s", line);
    log_line (NULL, true, line);
    cr_expect_str_eq (line, "<4>x\\ny\n");
    log_line ("8:1", false, line);
    cr_expect_eq (line[0], '2', "standard error is not the journal: %s", line);
}
