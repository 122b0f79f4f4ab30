/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/ctl/text.c - text for a terminal: escaped characters, aligned columns, readable spans */

#include "printed.h"

#include "base/cleanup.h"
#include "ctl/text.h"

static char *text_escaped (const char *text)
{
    struct base_buffer buffer = {.size = 0};
    cr_assert_eq (ctl_text_escape (&buffer, text), 0);
    return base_buffer_take_text (&buffer);
}

static void expect_escaped (const char *text, const char *wanted)
{
    base_cleanup (base_free_p) char *got = text_escaped (text);
    cr_expect_str_eq (got, wanted);
}

Test (text, control_characters_and_ill_formed_bytes_are_escaped)
{
    expect_escaped ("plain – text", "plain – text");
    expect_escaped ("a\033[2Jb", "a\\x1b[2Jb");
    expect_escaped ("line\nline\r\t\x7F", "line\\x0aline\\x0d\\x09\\x7f");
    expect_escaped ("\xC2\x9B"
                    "2J",
                    "\\xc2\\x9b2J");
    expect_escaped ("bad \xFF\xC3", "bad \\xff\\xc3");
    expect_escaped ("\xE2\x80\xAE"
                    "gnp.exe",
                    "\\xe2\\x80\\xaegnp.exe");
    expect_escaped ("\xE2\x81\xA6", "\\xe2\\x81\\xa6");
    expect_escaped ("\xE2\x82\xAC", "\xE2\x82\xAC");
    expect_escaped ("\xD8\x9C|\xE2\x80\x8B|\xEF\xBB\xBF", "\\xd8\\x9c|\\xe2\\x80\\x8b|\\xef\\xbb\\xbf");
    expect_escaped ("", "");
}

/*  The one picture of a table: here its layout is the subject. */
Test (text, columns_are_aligned_whatever_they_contain)
{
    base_cleanup (ctl_table_deinit) struct ctl_table table = {.columns = 3};
    static const char *const cells[] = {"NODE", "STATE", "WHY", "wéb-1", "idle", NULL, "x", "", "a\nb"};
    for (size_t i = 0; i < 9; i++)
        ctl_table_cell (&table, cells[i]);
    base_cleanup (base_free_p) char *text = PRINTED (ctl_table_print (&table, out, 0));
    cr_expect_str_eq (text, "NODE   STATE  WHY\n"
                            "wéb-1  idle   -\n"
                            "x      -      a\\x0ab\n");
}

Test (text, a_table_is_as_wide_as_the_terminal_and_not_cut_without_one)
{
    base_cleanup (ctl_table_deinit) struct ctl_table table = {.columns = 2};
    static const char *const cells[] = {"NODE", "WHY", "wéb-1", "a long reason that does not fit"};
    for (size_t i = 0; i < 4; i++)
        ctl_table_cell (&table, cells[i]);
    base_cleanup (base_free_p) char *narrow = PRINTED (ctl_table_print (&table, out, 20));
    expect_width (narrow, 20);
    expect_cell (narrow, "wéb-1", "WHY", "a long reaso…");
    base_cleanup (base_free_p) char *whole = PRINTED (ctl_table_print (&table, out, 0));
    expect_cell (whole, "wéb-1", "WHY", "a long reason that does not fit");
}

Test (text, a_line_is_cut_at_the_terminals_edge_and_never_inside_a_character)
{
    base_cleanup (base_free_p) char *cut = PRINTED (ctl_line_put (out, "ééééé", 3));
    cr_expect_str_eq (cut, "éé…");
    base_cleanup (base_free_p) char *whole = PRINTED (ctl_line_put (out, "ééé", 3));
    cr_expect_str_eq (whole, "ééé");
    base_cleanup (base_free_p) char *uncut = PRINTED (ctl_line_put (out, "abcdef", 0));
    cr_expect_str_eq (uncut, "abcdef");
}

Test (text, spans_and_sizes_are_short)
{
    static const struct {
        uint64_t ms;
        const char *text;
    } spans[] = {{0, "0ms"},         {999, "999ms"},      {1000, "1.0s"},    {12345, "12.3s"},
                 {59999, "59.9s"},   {60000, "1m00s"},    {192000, "3m12s"}, {3600000, "1h00m"},
                 {7500000, "2h05m"}, {90000000, "25h00m"}};
    char text[CTL_SPAN_SIZE];
    for (size_t i = 0; i < sizeof spans / sizeof *spans; i++)
        cr_expect_str_eq (ctl_span_format (spans[i].ms, text), spans[i].text);
    cr_expect_str_eq (ctl_size_format (1023, text), "1023 B");
    cr_expect_str_eq (ctl_size_format (1536, text), "1.5 KiB");
    cr_expect_str_eq (ctl_size_format (UINT64_C (5) << 30, text), "5.0 GiB");
}

Test (text, times_are_shown_to_the_second_and_invalid_ones_unchanged)
{
    char text[CTL_TIME_SIZE];
    cr_expect_str_eq (ctl_time_format ("2026-11-22T15:00:09.123456789Z", text), "2026-11-22 15:00:09Z");
    cr_expect_str_eq (ctl_time_format ("yesterday", text), "yesterday");
    cr_expect_str_eq (ctl_time_format ("", text), "-");
    cr_expect_str_eq (ctl_time_format (NULL, text), "-");
}

Test (text, a_misspelt_word_finds_the_nearest_command)
{
    static const char *const words[] = {"publish", "releases", "update", "revert",
                                        "nodes",   "why",      "hold",   NULL};
    static const struct {
        const char *word, *meant;
    } cases[] = {{"udpate", "update"},  {"updat", "update"},  {"nodse", "nodes"}, {"node", "nodes"},
                 {"reverse", "revert"}, {"rel", "releases"},  {"wyh", "why"},     {"pub", "publish"},
                 {"xyzzy", NULL},       {"frobnicate", NULL}, {"", NULL},         {"q", NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *found = ctl_word_nearest (cases[i].word, words);
        if (cases[i].meant)
            cr_expect (found && strcmp (found, cases[i].meant) == 0, "%s: %s", cases[i].word,
                       found ? found : "-");
        else
            cr_expect_null (found, "%s: %s", cases[i].word, found ? found : "-");
    }
}
