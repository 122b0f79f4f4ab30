/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/ctl/screen.c - lines that are redrawn in place, as a terminal receives them */

#include <criterion/criterion.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "ctl/screen.h"

static struct ctl ctl;
static struct ctl_screen screen;
static char *text;
static size_t size, seen;

static void setup (void)
{
    ctl = (struct ctl){.out = open_memstream (&text, &size), .width = 20, .height = 10};
    cr_assert_not_null (ctl.out);
    seen = 0;
}

static void teardown (void)
{
    ctl_screen_deinit (&screen);
    fclose (ctl.out);
    free (text);
}

TestSuite (screen, .init = setup, .fini = teardown, .timeout = 60);

#define LINES(...) ((const char *const[]){__VA_ARGS__ __VA_OPT__ (, ) NULL})

/*  A terminal: what it shows, and where its cursor is. */
static struct {
    char rows[10][64];
    size_t row, column;
} terminal;

static void terminal_clear (size_t row, size_t column)
{
    memset (terminal.rows[row] + column, 0, sizeof terminal.rows[row] - column);
}

/*  Carries out an escape sequence. Returns where it ends. */
static const char *terminal_command (const char *at)
{
    char *end;
    cr_assert_eq (at[1], '[', "an unknown sequence: %s", at);
    size_t count = strtoul (at + 2, &end, 10);
    switch (*end) {
    case 'A':
        cr_assert_leq (count, terminal.row, "above the first row");
        terminal.row -= count;
        break;
    case 'H':
        terminal.row = terminal.column = 0;
        break;
    case 'K':
        terminal_clear (terminal.row, terminal.column);
        break;
    case 'J':
        for (size_t row = count == 2 ? 0 : terminal.row; row < 10; row++)
            terminal_clear (row, row == terminal.row && count != 2 ? terminal.column : 0);
        break;
    default:
        cr_assert_fail ("an unknown sequence: %s", at);
    }
    return end + 1;
}

static void terminal_receive (const char *bytes)
{
    while (*bytes) {
        if (*bytes == '\033') {
            bytes = terminal_command (bytes);
        } else if (*bytes == '\n') {
            terminal.row++;
            terminal.column = 0;
            bytes++;
        } else {
            terminal.rows[terminal.row][terminal.column++] = *bytes++;
        }
        cr_assert_lt (terminal.row, 10);
    }
}

/*  Draws the lines. The terminal must then show exactly these rows. Returns what was written. */
static const char *draw (const char *const *lines, const char *const *rows)
{
    ctl_screen_draw (&ctl, &screen, base_list_const (lines)); /* only reads them */
    fflush (ctl.out);
    const char *written = text + seen;
    seen = size;
    terminal_receive (written);
    size_t n = 0;
    for (; rows[n]; n++)
        cr_expect_str_eq (terminal.rows[n], rows[n], "row %zu is \"%s\"", n, terminal.rows[n]);
    for (; n < 10; n++)
        cr_expect_str_empty (terminal.rows[n], "row %zu is \"%s\"", n, terminal.rows[n]);
    return written;
}

static const char *draw_as_given (const char *const *lines)
{
    return draw (lines, lines);
}

Test (screen, only_lines_that_changed_are_written)
{
    (void) draw_as_given (LINES ("one", "two", "three"));
    cr_expect_str_empty (draw_as_given (LINES ("one", "two", "three")));
    const char *written = draw_as_given (LINES ("one", "TWO", "three"));
    cr_expect_null (strstr (written, "one"), "%s", written);
    cr_expect_null (strstr (written, "three"), "%s", written);
    written = draw_as_given (LINES ("one", "TWO", "three", "four"));
    cr_expect_null (strstr (written, "TWO"), "%s", written);
}

Test (screen, a_shorter_line_and_fewer_lines_leave_nothing_behind)
{
    (void) draw_as_given (LINES ("a long line", "two", "three"));
    (void) draw_as_given (LINES ("a", "two", "three"));
    cr_expect_str_not_empty (draw_as_given (LINES ("a")));
}

Test (screen, lines_are_escaped_and_cut_to_one_row_each)
{
    (void) draw (LINES ("a\033[2Jb"), LINES ("a\\x1b[2Jb"));
    (void) draw (LINES ("123456789012345678901"), LINES ("1234567890123456789…"));
    cr_expect_str_empty (draw (LINES ("123456789012345678909"), LINES ("1234567890123456789…")),
                         "a difference beyond the edge is not a change");
}

Test (screen, a_resized_terminal_is_redrawn_completely)
{
    (void) draw_as_given (LINES ("one", "two"));
    ctl.width = 10;
    terminal_receive ("\033[H\033[2Jwrapped"); /* what the terminal made of it */
    terminal.row = 3;
    (void) draw_as_given (LINES ("one", "two"));
    cr_expect_str_empty (draw_as_given (LINES ("one", "two")));
    ctl.height = 5;
    cr_expect_str_not_empty (draw_as_given (LINES ("one", "two")));
}
