/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/identity/settings.c - the settings of a node manager when node.zpl has mistakes or a later form */

#include "identity/settings.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "test/fault/scratch.h"

#define KEY "0123456789012345678901234567890123456789"
#define KEYS                                                                                                 \
    "curve\n    public-key = \"" KEY "\"\n    secret-key = \"" KEY "\"\n    server-key = \"" KEY "\"\n"

static struct identity_config config;
static struct base_error wrong;

static void set_up (void)
{
    scratch_begin ();
    cr_assert_eq (mkdir ("var", 0755), 0);
    cr_assert_eq (identity_config_init (&config, scratch_path), 0);
    scratch_write_text ("var/node.zpl",
                        "node\n    id = kept\n    broker = kept\nupdate\n    keep = 9\n" KEYS);
}

static void tear_down (void)
{
    identity_config_deinit (&config);
    scratch_end ();
}

TestSuite (settings, .init = set_up, .fini = tear_down);

static void expect_settings (const char *text, enum identity_settings settings, const char *id,
                             const char *broker)
{
    scratch_write_text ("node.zpl", text);
    cr_expect_eq (identity_settings_load (&config, &wrong), settings, "%s", wrong.text);
    cr_expect_str_eq (config.id, id);
    cr_expect_not_null (strstr (config.endpoints.control, broker), "%s", config.endpoints.control);
}

Test (settings, of_a_later_version_are_ignored)
{
    expect_settings ("node\n    id = own\n    broker = own\n    log = trace\n    colour = red\n",
                     IDENTITY_SETTINGS_OWN, "own", "own");
    char **texts;
    cr_expect_lt (identity_settings_faults (scratch_path, &texts, NULL), 0);
    cr_expect_eq (base_list_count (texts), 2);
    base_list_free (texts);
}

Test (settings, without_a_usable_broker_are_replaced_by_those_that_reached_one)
{
    expect_settings ("node\n    id = own\n    broker = any of a, b\n", IDENTITY_SETTINGS_KEPT, "kept",
                     "kept");
    cr_expect (strstr (wrong.text, "any of a, b"), "%s", wrong.text);
    expect_settings ("node\n    id = own\n", IDENTITY_SETTINGS_KEPT, "kept", "kept");
    cr_expect (strstr (wrong.text, "names no broker"), "%s", wrong.text);
}

Test (settings, with_a_misspelt_name_below_curve_keep_the_keys_that_were_used)
{
    expect_settings ("node\n    id = own\n    broker = own\ncurve\n    public-kye = 1\n",
                     IDENTITY_SETTINGS_KEPT, "kept", "kept");
    cr_expect (config.has_keys);
    cr_expect (strstr (wrong.text, "curve/public-kye"), "%s", wrong.text);
    cr_assert_eq (unlink ("var/node.zpl"), 0);
    scratch_write_text ("node.zpl", "node\n    broker = own\ncurve\n    public-kye = 1\n");
    cr_expect_eq (identity_settings_load (&config, &wrong), IDENTITY_SETTINGS_NONE,
                  "never without the keys that the file asks for");
}

#define OPEN_KEPT "node\n    id = kept\n    broker = kept\n"

/*  The kept settings reached a broker before the node had keys. Whoever answers there now need not be it. */
Test (settings, with_unusable_keys_are_never_replaced_by_those_without)
{
    scratch_write_text ("var/node.zpl", OPEN_KEPT);
    scratch_write_text ("node.zpl", "node\n    id = own\n    broker = own\ncurve\n    public-kye = 1\n");
    cr_expect_eq (identity_settings_load (&config, &wrong), IDENTITY_SETTINGS_NONE);
    cr_expect_not_null (strstr (wrong.text, "curve/public-kye"), "%s", wrong.text);
}

Test (settings, with_keys_that_reach_nobody_are_not_given_up_for_those_without)
{
    char text[BASE_DIGEST_TEXT];
    scratch_write_text ("var/node.zpl", OPEN_KEPT);
    scratch_write_text ("node.zpl", "node\n    id = own\n    broker = own\n" KEYS);
    struct base_digest digest = identity_settings_digest (scratch_path);
    scratch_write_text (ROOT_SETTINGS_GIVEN_UP, base_digest_format (&digest, text));
    cr_expect_eq (identity_settings_load (&config, &wrong), IDENTITY_SETTINGS_OWN);
    cr_expect (config.has_keys);
    cr_expect_str_eq (config.id, "own");
    scratch_write_text ("var/node.zpl", "node\n    id = kept\n    broker = kept\n" KEYS);
    cr_expect_eq (identity_settings_load (&config, &wrong), IDENTITY_SETTINGS_BACK);
    cr_expect (config.has_keys);
}

Test (settings, that_are_kept_are_used_as_far_as_possible)
{
    scratch_write_text ("var/node.zpl", "node\n    id = kept\n    broker = kept\n    log = trace\n");
    expect_settings ("\x01", IDENTITY_SETTINGS_KEPT, "kept", "kept");
    scratch_write_text ("var/node.zpl", "node\n    id = kept\n    broker = any of a, b\n");
    scratch_write_text ("node.zpl", "node\n    id = kept\n    broker = any of a, b\n");
    cr_expect_eq (identity_settings_load (&config, &wrong), IDENTITY_SETTINGS_NONE);
}
