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

/*  Draws the lines and compares the bytes written. */
static void expect_written (const char *const *lines, const char *written)
{
    /*  ctl_screen_draw only reads the lines. */
    ctl_screen_draw (&ctl, &screen, base_list_const (lines));
    fflush (ctl.out);
    cr_expect_str_eq (text + seen, written);
    seen = size;
}

Test (screen, only_lines_that_changed_are_written)
{
    expect_written (LINES ("one", "two", "three"), "one\033[K\ntwo\033[K\nthree\033[K\n");
    expect_written (LINES ("one", "two", "three"), "");
    expect_written (LINES ("one", "TWO", "three"), "\033[3A\nTWO\033[K\n\n");
    expect_written (LINES ("one", "TWO", "three", "four"), "\033[3A\n\n\nfour\033[K\n");
    expect_written (LINES ("one"), "\033[4A\n\033[J");
}

Test (screen, lines_are_escaped_and_cut_to_one_row_each)
{
    expect_written (LINES ("a\033[2Jb"), "a\\x1b[2Jb\033[K\n");
    expect_written (LINES ("123456789012345678901"), "\033[1A1234567890123456789…\033[K\n");
    /*  A difference beyond the edge is not a change. */
    expect_written (LINES ("123456789012345678909"), "");
}

Test (screen, a_resized_terminal_is_redrawn_completely)
{
    expect_written (LINES ("one", "two"), "one\033[K\ntwo\033[K\n");
    ctl.width = 10;
    expect_written (LINES ("one", "two"), "\033[H\033[2Jone\033[K\ntwo\033[K\n");
    expect_written (LINES ("one", "two"), "");
    ctl.height = 5;
    expect_written (LINES ("one", "two"), "\033[H\033[2Jone\033[K\ntwo\033[K\n");
}
