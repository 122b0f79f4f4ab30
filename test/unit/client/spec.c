/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/client/spec.c - the settings of a rollout as an operator writes them */

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "client/spec.h"

static struct client_spec spec;
static struct base_error error;

static void teardown (void)
{
    client_spec_deinit (&spec);
}

TestSuite (spec, .fini = teardown, .timeout = 60);

static int setting_read (const char *setting)
{
    client_spec_deinit (&spec);
    error = (struct base_error){.code = 0};
    return client_spec_read (&setting, setting ? 1 : 0, NULL, &spec, &error);
}

static void expect_refused (const char *setting, const char *sentence)
{
    cr_expect_eq (setting_read (setting), -EINVAL, "%s is accepted", setting);
    cr_expect_not_null (strstr (error.text, sentence), "%s: %s is not in: %s", setting, sentence, error.text);
}

Test (spec, a_setting_that_is_not_given_has_its_default)
{
    const struct wire_rollout *rollout = &spec.rollout;
    cr_assert_eq (setting_read (NULL), 0, "%s", error.text);
    cr_expect_str_eq (rollout->application, "noded");
    cr_expect_null (spec.release);
    cr_expect_null (rollout->selector);
    cr_assert_eq (rollout->n_waves, 3);
    cr_expect_eq (rollout->waves[0].count, 1);
    cr_expect_eq (rollout->waves[1].percent, 10);
    cr_expect (!rollout->waves[2].count && !rollout->waves[2].percent && !rollout->waves[2].approval);
    cr_expect_eq (rollout->soak_ms, 30000);
    cr_expect_eq (rollout->budget + rollout->wave_budget + rollout->stagger_ms, 0);
    cr_expect_eq (rollout->concurrency, 500);
    cr_expect_eq (rollout->node_deadline_ms, 30 * 60000);
    cr_expect_eq (rollout->wave_deadline_ms, 24 * 3600000);
    cr_expect_eq (rollout->revert_limit_ms, 60000);
    cr_expect_eq (rollout->on_halt, WIRE_ON_HALT_STAY);
    cr_expect_eq (rollout->significance, 1);
    cr_expect (!rollout->rehearse_revert);
    cr_expect_null (rollout->window);
    cr_expect_null (rollout->failure_domain);
}

Test (spec, waves_are_numbers_percentages_and_the_rest)
{
    const struct wire_wave *waves;
    cr_assert_eq (setting_read ("waves=2,5% approval ,  rest approval"), 0, "%s", error.text);
    waves = spec.rollout.waves;
    cr_assert_eq (spec.rollout.n_waves, 3);
    cr_expect (waves[0].count == 2 && !waves[0].percent && !waves[0].approval);
    cr_expect (!waves[1].count && waves[1].percent == 5 && waves[1].approval);
    cr_expect (!waves[2].count && !waves[2].percent && waves[2].approval);
    static const char *const wrong[] = {"waves=",         "waves=0",    "waves=101%", "waves=1, rest, 2",
                                        "waves=1 please", "waves=1,,2", "waves=-1",   "waves=1 %",
                                        "waves=%",        "waves=one",  "waves=1.5%"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        expect_refused (wrong[i], "1, 10%, rest approval");
    char many[200] = "waves=1";
    for (size_t i = 0; i < 32; i++)
        (void) snprintf (many + 7 + 2 * i, 3, ",1");
    expect_refused (many, "up to 32 waves");
    many[strlen (many) - 2] = '\0';
    cr_expect_eq (setting_read (many), 0);
}

Test (spec, approval_applies_to_every_wave_except_the_first)
{
    cr_assert_eq (setting_read ("approval=yes"), 0);
    cr_expect (!spec.rollout.waves[0].approval && spec.rollout.waves[1].approval &&
               spec.rollout.waves[2].approval);
    expect_refused ("approval=maybe", "yes or no");
}

Test (spec, a_window_has_days_and_hours)
{
    static const struct {
        const char *setting;
        uint64_t days, from, until;
    } right[] = {{"window=Mon-Fri 01:00-05:30", 31, 60, 330},
                 {"window=sat,SUN 22:00-04:00", 96, 1320, 240},
                 {"window=Fri-Mon 00:00-24:00", 113, 0, 1440},
                 {"window=01:00-05:00", 0, 60, 300},
                 {"window=Mon,Wed-Thu 00:00-00:01", 13, 0, 1}};
    for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
        cr_assert_eq (setting_read (right[i].setting), 0, "%s", error.text);
        const struct wire_window *window = spec.rollout.window;
        cr_assert_not_null (window);
        cr_expect (window->days == right[i].days && window->from == right[i].from &&
                       window->until == right[i].until,
                   "%s", right[i].setting);
    }
    cr_expect_eq (setting_read ("window=always"), 0);
    cr_expect_null (spec.rollout.window);
    static const char *const wrong[] = {"window=",
                                        "window=Mon",
                                        "window=1:00-5:00",
                                        "window=01:00-24:01",
                                        "window=24:00-01:00",
                                        "window=01:60-02:00",
                                        "window=Mo 01:00-02:00",
                                        "window=01:00",
                                        "window=Mon 01:00-02:00 UTC",
                                        "window=Mon- 01:00-02:00",
                                        "window=,Mon 01:00-02:00"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        expect_refused (wrong[i], "\"Mon-Fri 01:00-05:00\"");
}

Test (spec, invalid_values_are_refused_and_valid_ones_are_named)
{
    static const struct {
        const char *setting, *sentence;
    } cases[] = {
        {"soak=soon", "soak is \"soon\": give a span such as"},
        {"soak=400d", "a span"},
        {"budget=few", "a number of nodes"},
        {"budget=-1", "a number of nodes"},
        {"concurrency=0", "from 1, or all"},
        {"on-halt=panic", "stay or revert"},
        {"rehearse-revert=1", "yes or no"},
        {"significance=1", "0.1% to 50%"},
        {"significance=0%", "0.1% to 50%"},
        {"significance=51%", "0.1% to 50%"},
        {"significance=0.01%", "0.1% to 50%"},
        {"application=", "the name of an application"},
        {"release=3f2", "at least the first 6 digits"},
        {"release=version2", "at least the first 6 digits"},
        {"soka=1s",
         "\"soka\" is not a setting of a rollout; the settings are application, release, select, waves"},
        {"soak", "NAME=VALUE"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_refused (cases[i].setting, cases[i].sentence);
    cr_expect_eq (setting_read ("significance=2.5%"), 0);
    cr_expect_eq (spec.rollout.significance, 25);
    cr_expect_eq (setting_read ("significance=off"), 0);
    cr_expect_eq (spec.rollout.significance, 0);
    cr_expect_eq (setting_read ("release=3F2A9C"), 0);
    cr_expect_str_eq (spec.release, "3f2a9c");
}

Test (spec, one_wave_may_use_up_the_whole_budget_by_default)
{
    static const char *const both[] = {"wave-budget=1", "budget=5"};
    cr_assert_eq (setting_read ("budget=5"), 0);
    cr_expect_eq (spec.rollout.wave_budget, 5);
    client_spec_deinit (&spec);
    cr_assert_eq (client_spec_read (both, 2, NULL, &spec, &error), 0);
    cr_expect_eq (spec.rollout.wave_budget, 1);
    cr_expect_eq (spec.rollout.budget, 5);
}

static int file_read (const char *text, const char *const *settings, size_t n_settings)
{
    char path[] = "/tmp/noded-spec-XXXXXX";
    int fd = mkostemp (path, O_CLOEXEC);
    cr_assert_geq (fd, 0);
    cr_assert_eq (write (fd, text, strlen (text)), (ssize_t) strlen (text));
    close (fd);
    error = (struct base_error){.code = 0};
    int rc = client_spec_read (settings, n_settings, path, &spec, &error);
    (void) unlink (path);
    return rc;
}

Test (spec, a_file_has_the_same_names_and_settings_override_it)
{
    static const char *const settings[] = {"soak=1m"};
    cr_assert_eq (file_read ("select = role=web and zone!=eu-1\nwaves = 1, 10% approval, rest\n"
                             "soak = 5m   # long\nwindow = Mon-Fri 01:00-05:00\nsignificance = 1%\n",
                             settings, 1),
                  0, "%s", error.text);
    cr_expect_str_eq (spec.rollout.selector, "role=web and zone!=eu-1");
    cr_expect_eq (spec.rollout.soak_ms, 60000);
    cr_expect (spec.rollout.waves[1].approval);
    cr_expect_eq (spec.rollout.window->days, 31);
    cr_expect_eq (spec.rollout.significance, 10);
}

Test (spec, a_mistake_in_a_file_is_reported_with_the_name_of_the_file)
{
    cr_expect_eq (file_read ("soka = 5m\n", NULL, 0), -EINVAL);
    cr_expect (strstr (error.text, "/tmp/noded-spec-") && strstr (error.text, "\"soka\" is not a setting"),
               "%s", error.text);
    cr_expect_eq (file_read ("rollout\n    soak = 5m\n", NULL, 0), -EINVAL);
    cr_expect_not_null (strstr (error.text, "rollout/soak"), "%s", error.text);
    cr_expect_eq (file_read ("soak = long\n", NULL, 0), -EINVAL);
    cr_expect (strstr (error.text, "/tmp/noded-spec-") && strstr (error.text, "give a span"), "%s",
               error.text);
    cr_expect_eq (client_spec_read (NULL, 0, "/no/such/file", &spec, &error), -ENOENT);
}
