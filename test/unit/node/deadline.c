/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/node/deadline.c - the deadlines of the update procedure come from the settings */

#include <criterion/criterion.h>

#include "node/deadline.h"

static struct identity_config config;

static void setup (void)
{
    cr_assert_eq (identity_config_init (&config, "/nowhere"), 0);
}

static void teardown (void)
{
    identity_config_deinit (&config);
}

TestSuite (deadline, .init = setup, .fini = teardown);

static uint64_t deadline_of (enum wire_state state)
{
    const struct update_procedure procedure = {.state = state, .unfit = 1};
    return node_deadline_ms (&config, &procedure);
}

Test (deadline, the_default_settings_are_the_limits_of_the_procedure)
{
    static const enum wire_state states[] = {
        WIRE_STATE_IDLE,      WIRE_STATE_MATCHING,   WIRE_STATE_FETCHING,
        WIRE_STATE_STAGING,   WIRE_STATE_PROBING,    WIRE_STATE_SWITCHING,
        WIRE_STATE_REVERTING, WIRE_STATE_RESTARTING, WIRE_STATE_UNFIT};
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        const struct update_procedure procedure = {.state = states[i], .unfit = 1};
        cr_expect_eq (deadline_of (states[i]),
                      update_procedure_deadline_ms (&procedure, &update_limits_default), "%s",
                      wire_state_word (states[i]));
    }
}

Test (deadline, a_setting_changes_the_deadline_of_its_state)
{
    config.limits = (struct identity_limits){.matching_ms = 1,
                                             .fetching_ms = 2,
                                             .staging_ms = 3,
                                             .probing_ms = 4,
                                             .switching_ms = 5,
                                             .unfit_ms = 6};
    cr_expect_eq (deadline_of (WIRE_STATE_MATCHING), 1);
    cr_expect_eq (deadline_of (WIRE_STATE_FETCHING), 2);
    cr_expect_eq (deadline_of (WIRE_STATE_STAGING), 3);
    cr_expect_eq (deadline_of (WIRE_STATE_PROBING), 4);
    cr_expect_eq (deadline_of (WIRE_STATE_SWITCHING), 5);
    cr_expect_eq (deadline_of (WIRE_STATE_UNFIT), 6);
}

Test (deadline, a_trial_ends_before_the_launcher_ends_it)
{
    config.trial.confirm_ms = 8000;
    cr_expect_eq (deadline_of (WIRE_STATE_TRIAL), 7000);
}
