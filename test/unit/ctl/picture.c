/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/ctl/picture.c - a rollout in a few lines */

#include "printed.h"

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "ctl/ctl.h"
#include "ctl/rollout.h"

TestSuite (picture, .timeout = 60);

static void expect_bar (noded_wave_state wave, size_t cells, const char *bar)
{
    char text[CTL_BAR_SIZE];
    cr_expect_str_eq (ctl_rollout_bar (&wave, cells, text), bar, "%s: %s", bar, text);
}

Test (picture, a_bar_shows_each_kind_of_node_and_keeps_its_width)
{
    expect_bar ((noded_wave_state){.count = 10, .updated = 5, .under_way = 2, .failed = 1}, 10,
                "[#####>>!..]");
    expect_bar ((noded_wave_state){.count = 9000, .updated = 8998, .under_way = 1, .failed = 1}, 10,
                "[########>!]");
    expect_bar ((noded_wave_state){.count = 2, .updated = 2}, 10, "[##########]");
    expect_bar ((noded_wave_state){.count = 2, .reverted = 1}, 10, "[<<<<<.....]");
    expect_bar ((noded_wave_state){.count = 4, .updated = 1, .failed = 1, .forgiven = 1}, 8, "[##xx!!..]");
    expect_bar ((noded_wave_state){.count = 0}, 4, "[....]");
    expect_bar ((noded_wave_state){.count = 3}, 4, "[....]");
    expect_bar ((noded_wave_state){.count = 1, .updated = 5, .under_way = 5, .reverted = 5, .failed = 5}, 4,
                "[!!!!]");
    expect_bar ((noded_wave_state){.count = 1, .updated = 1}, 99, "[########################]");
}

enum { WAVES = 30 };
static noded_wave_state waves[WAVES];
static const noded_rollout_spec spec = {.application = "noded", .budget = 2, .wave_budget = 1};

static noded_rollout rollout_of (size_t count, size_t at)
{
    for (size_t i = 0; i < count; i++)
        waves[i] = i + 1 < at ? (noded_wave_state){.count = 1, .updated = 1, .started = "x", .ended = "x"}
                              : (noded_wave_state){.count = 1};
    return (noded_rollout){.id = "r-1",
                           .phase = NODED_PHASE_UPDATING,
                           .wave = at,
                           .spec = &spec,
                           .waves = waves,
                           .n_waves = count};
}

Test (picture, a_terminal_with_few_rows_shows_the_waves_around_the_one_under_way)
{
    noded_rollout rollout = rollout_of (WAVES, 20);
    rollout.waiting_for = "the window";
    for (size_t height = 1; height <= 40; height++) {
        char **lines = ctl_rollout_picture (&rollout, 100, height);
        cr_assert_not_null (lines);
        cr_expect_leq (base_list_count (lines), height, "%zu lines in %zu", base_list_count (lines), height);
        bool seen = false;
        for (char **line = lines; *line; line++)
            seen |= strstr (*line, "wave 20  ") != NULL;
        cr_expect (seen || height < 6, "the wave under way is not in %zu lines", height);
        base_list_free (lines);
    }
    char **lines = ctl_rollout_picture (&rollout, 0, 0);
    cr_expect_eq (base_list_count (lines), 33);
    base_list_free (lines);
}

Test (picture, a_narrow_terminal_shows_the_phase_on_a_line_of_its_own)
{
    noded_rollout rollout = rollout_of (2, 1);
    rollout.version = "2.0.0";
    char **lines = ctl_rollout_picture (&rollout, 40, 0);
    cr_assert_geq (base_list_count (lines), 4);
    cr_expect_not_null (strstr (lines[0], "rollout r-1: noded 2.0.0"));
    cr_expect_null (strstr (lines[0], "updating"));
    cr_expect_not_null (strstr (lines[1], "updating wave 1 of 2"));
    IN_ORDER (lines[2], "wave 1", "1 node", "[........]", "not started");
    base_list_free (lines);
    lines = ctl_rollout_picture (&rollout, 100, 0);
    IN_ORDER (lines[0], "rollout r-1: noded 2.0.0", "updating wave 1 of 2");
    base_list_free (lines);
}

Test (picture, plain_lines_change_with_every_tenth_of_a_wave)
{
    noded_rollout rollout = rollout_of (1, 1);
    waves[0].count = 1000;
    char *before = NULL;
    size_t news = 0;
    for (waves[0].updated = 0; waves[0].updated <= 1000; waves[0].updated++) {
        char *line = ctl_rollout_news (&rollout);
        cr_assert_not_null (line);
        news += !before || strcmp (line, before) != 0;
        free (before);
        before = line;
    }
    IN_ORDER (before, "wave 1 of 1", "1000 of 1000 updated", "0 failed");
    free (before);
    cr_expect_eq (news, 11);
    waves[0].failed = 1;
    base_cleanup (base_free_p) char *bad = ctl_rollout_news (&rollout);
    cr_expect_not_null (strstr (bad, "1 failed"));
}

/*  piece NULL: no action is required. */
static void expect_advice (const noded_rollout *rollout, const char *piece)
{
    base_cleanup (base_free_p) char *advice = ctl_rollout_advice (rollout);
    if (piece)
        cr_expect (advice && strstr (advice, piece), "%s: %s", piece, advice);
    else
        cr_expect_null (advice);
}

Test (picture, the_advice_names_the_commands_when_action_is_required)
{
    noded_rollout rollout = rollout_of (1, 1);
    expect_advice (&rollout, NULL);
    rollout.paused = true;
    expect_advice (&rollout, "resume r-1");
    rollout.paused = false;
    rollout.phase = NODED_PHASE_APPROVAL;
    expect_advice (&rollout, "approve r-1");
    rollout.phase = NODED_PHASE_HALTED;
    expect_advice (&rollout, "revert r-1");
    rollout.unproven = true;
    expect_advice (&rollout, "resume r-1 retries wave 1, approve r-1");
    rollout.phase = NODED_PHASE_DONE;
    rollout.over = rollout.paused = true;
    expect_advice (&rollout, NULL);
}
