/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/ctl/printed.h - what a printed text says: cells of its table, values of its lines, its width

    A test that compares a whole screen fails with every change of it and says nothing of what matters. */

#ifndef TEST_CTL_PRINTED_H
#define TEST_CTL_PRINTED_H

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#pragma GCC diagnostic ignored "-Wunused-function"

/*  The output of a statement that writes to `out`; on the heap. */
#define PRINTED(statement)                                                                                   \
    (__extension__({                                                                                         \
        char *text_ = NULL;                                                                                  \
        size_t size_ = 0;                                                                                    \
        FILE *out = open_memstream (&text_, &size_);                                                         \
        cr_assert_not_null (out);                                                                            \
        statement;                                                                                           \
        fclose (out);                                                                                        \
        text_;                                                                                               \
    }))

/*  Every line is shorter than this. */
enum { PRINTED_LINE = 512 };

/*  Copies line number n of a text, from 0. Returns whether there is one; every line must end with a newline. */
static bool printed_line (const char *text, size_t n, char ret_line[PRINTED_LINE])
{
    for (; *text; n--) {
        size_t length = strcspn (text, "\n");
        cr_assert_eq (text[length], '\n', "the last line has no end: %s", text);
        cr_assert_lt (length, PRINTED_LINE);
        if (n == 0) {
            memcpy (ret_line, text, length);
            ret_line[length] = '\0';
            return true;
        }
        text += length + 1;
    }
    return false;
}

/*  Returns where a character of a UTF-8 text begins, or its end. */
static const char *character_at (const char *text, size_t n)
{
    for (; *text && n; n--)
        do
            text++;
        while (((unsigned char) *text & 0xC0) == 0x80);
    return text;
}

static size_t characters_count (const char *text)
{
    size_t count = 0;
    for (; *text; text++)
        count += ((unsigned char) *text & 0xC0) != 0x80;
    return count;
}

/*  Finds a column of a table by its heading: where it begins, and where the next one begins, in characters. */
static bool column_find (const char *text, const char *heading, size_t *ret_from, size_t *ret_to)
{
    char head[PRINTED_LINE];
    if (!printed_line (text, 0, head))
        return false;
    for (char *at = head; *at;) {
        char *end = strstr (at, "  ");
        size_t length = end ? (size_t) (end - at) : strlen (at);
        char *next = at + length + strspn (at + length, " ");
        if (length == strlen (heading) && memcmp (at, heading, length) == 0) {
            *ret_from = (size_t) (at - head);
            *ret_to = *next ? (size_t) (next - head) : SIZE_MAX;
            return true;
        }
        at = next;
    }
    return false;
}

/*  Copies a cell without the blanks around it. The cell must end before the next column begins. */
static void cell_read (const char *line, size_t from, size_t to, char ret_cell[PRINTED_LINE])
{
    const char *begin = character_at (line, from), *end = character_at (line, to);
    cr_expect (from == 0 || begin == line || begin[-1] == ' ', "the cell before column %zu is too long: %s",
               from, line);
    while (end > begin && end[-1] == ' ')
        end--;
    (void) snprintf (ret_cell, PRINTED_LINE, "%.*s", (int) (end - begin), begin);
}

/*  The table has this column, and in it this value in the row whose first cell is `row`. */
static void expect_cell (const char *text, const char *row, const char *heading, const char *value)
{
    char line[PRINTED_LINE], cell[PRINTED_LINE];
    size_t from, to, first_from, first_to;
    char head[PRINTED_LINE];
    cr_assert (printed_line (text, 0, head));
    head[strcspn (head, " ")] = '\0';
    cr_assert (column_find (text, head, &first_from, &first_to));
    cr_assert (column_find (text, heading, &from, &to), "no column %s in:\n%s", heading, text);
    for (size_t n = 1; printed_line (text, n, line); n++) {
        cell_read (line, first_from, first_to, cell);
        if (strcmp (cell, row) != 0)
            continue;
        cell_read (line, from, to, cell);
        cr_expect_str_eq (cell, value, "%s of %s is \"%s\" in:\n%s", heading, row, cell, text);
        return;
    }
    cr_expect_fail ("no row %s in:\n%s", row, text);
}

/*  The table has that many rows below its headings. */
static void expect_rows (const char *text, size_t count)
{
    char line[PRINTED_LINE];
    size_t lines = 0;
    while (printed_line (text, lines, line))
        lines++;
    cr_expect_eq (lines, count + 1, "%zu lines:\n%s", lines, text);
}

/*  No line is wider than that many characters. */
static void expect_width (const char *text, size_t most)
{
    char line[PRINTED_LINE];
    for (size_t n = 0; printed_line (text, n, line); n++)
        cr_expect_leq (characters_count (line), most, "%zu characters: %s", characters_count (line), line);
}

/*  One of the lines is a label, two blanks or more, and this value. */
static void expect_value (const char *text, const char *label, const char *value)
{
    char line[PRINTED_LINE];
    size_t length = strlen (label);
    bool found = false;
    for (size_t n = 0; !found && printed_line (text, n, line); n++) {
        const char *rest = strncmp (line, label, length) == 0 ? line + length : "";
        found = strncmp (rest, "  ", 2) == 0 && strcmp (rest + strspn (rest, " "), value) == 0;
    }
    cr_expect (found, "no \"%s  %s\" in:\n%s", label, value, text);
}

/*  The pieces stand in the text in this order. pieces: NULL-terminated. */
static void expect_in_order (const char *text, const char *const *pieces)
{
    const char *at = text;
    for (; *pieces; pieces++) {
        const char *found = strstr (at, *pieces);
        cr_assert_not_null (found, "\"%s\" is not in, or not in its place in:\n%s", *pieces, text);
        at = found + strlen (*pieces);
    }
}

#define IN_ORDER(text, ...) expect_in_order (text, (const char *const[]){__VA_ARGS__, NULL})

#endif
