/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/identity/config.c - node.zpl: the values that are accepted, and the messages for mistakes */

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "identity/config.h"

static struct identity_config config;

static void setup (void)
{
    cr_assert_eq (identity_config_init (&config, "/nowhere"), 0);
}

static void teardown (void)
{
    identity_config_deinit (&config);
}

TestSuite (config, .init = setup, .fini = teardown);

Test (config, a_node_in_service_asks_for_the_whole_rehearsal)
{
    cr_expect_eq (config.depth, IDENTITY_DEPTH_SERVICE);
    cr_expect_str_empty (config.callback);
}

Test (config, values_are_read_with_their_units)
{
    cr_expect_eq (identity_config_set (&config, "node/id", "web-17", NULL), 0);
    cr_expect_eq (identity_config_set (&config, "node/broker", "10.0.0.1:9000", NULL), 0);
    cr_expect_eq (identity_config_set (&config, "update/soak", "250ms", NULL), 0);
    cr_expect_eq (identity_config_set (&config, "trial/starts", "5", NULL), 0);
    cr_expect_eq (identity_config_set (&config, "update/chunk", "65536", NULL), 0);
    cr_expect_eq (identity_config_set (&config, "node/restart", "exit", NULL), 0);
    cr_expect_str_eq (config.id, "web-17");
    cr_expect_str_eq (config.endpoints.content, "tcp://10.0.0.1:9002");
    cr_expect_eq (config.soak_ms, 250);
    cr_expect_eq (config.trial.starts, 5);
    cr_expect_eq (config.chunk, 65536);
    cr_expect (config.restart_by_init);
}

Test (config, a_mistake_names_the_key_the_value_and_what_is_allowed)
{
    static const struct {
        const char *key, *value, *says;
    } mistakes[] = {
        {"node/id", "a b", "letters"},     {"update/soak", "soon", "30s"},
        {"trial/starts", "0", "from 1"},   {"trial/starts", "10", "to 9"},
        {"node/restart", "maybe", "exec"}, {"node/log", "loud", "debug"},
        {"probe/depth", "3", "0 to 2"},    {"curve/secret-key", "short", "40 characters"},
        {"node/colour", "red", "no such"}, {"update/probing", "0", "from 1"},
        {"update/resend", "0", "from 10"}, {"trial/confirm", "25h", "to 86400000"},
        {"update/chunk", "1", "4096"},
    };
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        struct base_error error = {.code = 0};
        cr_expect_eq (identity_config_set (&config, mistakes[i].key, mistakes[i].value, &error), -EINVAL);
        cr_expect (strstr (error.text, mistakes[i].key), "%s", error.text);
        cr_expect (strstr (error.text, mistakes[i].says), "%s", error.text);
    }
}

static void config_load (const char *text, int expected, struct base_error *error)
{
    char path[] = "/tmp/noded-test-XXXXXX";
    int fd = mkstemp (path);
    cr_assert (write (fd, text, strlen (text)) == (ssize_t) strlen (text));
    close (fd);
    cr_expect_eq (identity_config_load (&config, path, error), expected, "%s", error->text);
    unlink (path);
}

Test (config, a_probe_reads_the_settings_that_its_parent_wrote)
{
    struct base_error error = {.code = 0};
    struct node_probe_settings probe = {.callback = "ipc:///tmp/x/callback", .nonce = "abc", .depth = 1};
    snprintf (probe.endpoints.announce, BUS_ENDPOINT_SIZE, "ipc:///tmp/x/announce");
    snprintf (probe.endpoints.control, BUS_ENDPOINT_SIZE, "ipc:///tmp/x/control");
    snprintf (probe.endpoints.content, BUS_ENDPOINT_SIZE, "ipc:///tmp/x/content");
    cr_assert_eq (identity_config_set (&config, "node/id", "n1", NULL), 0);
    config.rehearsal_step_ms = 9000;
    char *text = identity_config_probe_file (&config, &probe);
    cr_assert_not_null (text);
    identity_config_deinit (&config);
    cr_assert_eq (identity_config_init (&config, "/nowhere"), 0);
    config_load (text, 0, &error);
    free (text);
    cr_expect_eq (config.depth, 1);
    cr_expect_str_eq (config.id, "n1");
    cr_expect_str_eq (config.nonce, "abc");
    cr_expect_str_eq (config.callback, "ipc:///tmp/x/callback");
    cr_expect_str_eq (config.endpoints.control, "ipc:///tmp/x/control");
    cr_expect_eq (config.soak_ms, 0);
    cr_expect_lt (config.rehearsal_step_ms, 9000, "the innermost deadline passes first");
}

Test (config, an_unknown_key_is_ignored_and_a_bad_value_names_the_file)
{
    struct base_error error = {.code = 0};
    config_load ("node\n    id = n1\n    colour = red\n", 0, &error);
    cr_expect_str_eq (config.id, "n1");
    config_load ("node\n    id = not an id\n", -EINVAL, &error);
    cr_expect (strstr (error.text, "/tmp/noded-test-"), "%s", error.text);
}

Test (config, the_id_of_a_node_defaults_to_its_host_name)
{
    struct base_error error = {.code = 0};
    char host[65] = "";
    (void) gethostname (host, 64);
    config_load ("node\n    broker = localhost\n", 0, &error);
    cr_expect_str_eq (config.id, host);
}

Test (config, labels_are_read_in_the_order_of_their_names)
{
    struct base_error error = {.text = ""};
    config_load (
        "node\n    broker = localhost\n    labels\n        zone = eu-1\n        role = \"web server\"\n", 0,
        &error);
    cr_assert_eq (config.n_labels, 2);
    cr_expect_str_eq (config.labels[0].name, "role");
    cr_expect_str_eq (identity_config_label (&config, "role"), "web server");
    cr_expect_str_eq (identity_config_label (&config, "zone"), "eu-1");
    cr_expect_null (identity_config_label (&config, "rack"));
}

Test (config, an_invalid_label_is_refused_with_its_name)
{
    static const struct {
        const char *labels, *says;
    } mistakes[] = {
        {"        version = 9\n", "fact"},
        {"        role =\n", "1 to 128"},
        {"        role = a\n        role = b\n", "twice"},
        {"        group = a b\n", "announcements"},
        {"        a\n            b = c\n", "NAME = VALUE"},
    };
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        char text[256];
        struct base_error error = {.text = ""};
        identity_config_deinit (&config);
        setup ();
        (void) snprintf (text, sizeof text, "node\n    broker = localhost\n    labels\n%s",
                         mistakes[i].labels);
        config_load (text, -EINVAL, &error);
        cr_expect_not_null (strstr (error.text, "node/labels/"), "%s", error.text);
        cr_expect_not_null (strstr (error.text, mistakes[i].says), "%s", error.text);
    }
}

static struct identity_config_faults config_read_file (const char *text)
{
    struct identity_config_faults faults = {.texts = NULL};
    struct base_error error = {.code = 0};
    char path[] = "/tmp/noded-test-XXXXXX";
    int fd = mkstemp (path);
    cr_assert_geq (fd, 0);
    cr_assert (write (fd, text, strlen (text)) == (ssize_t) strlen (text));
    (void) close (fd);
    cr_expect_eq (identity_config_read (&config, path, &faults, &error), 0, "%s", error.text);
    (void) unlink (path);
    return faults;
}

Test (config, a_file_of_another_version_is_used_as_far_as_possible)
{
    struct identity_config_faults faults =
        config_read_file ("node\n    id = n1\n    broker = localhost\n    log = trace\n    colour = red\n"
                          "    labels\n        zone = eu-1\n        version = 9\n"
                          "update\n    soak = a while\n    keep = 4\nrehearsal\n    step = 5s\n");
    cr_expect_str_eq (config.id, "n1");
    cr_expect_eq (config.soak_ms, 30 * 1000, "its default");
    cr_expect_eq (config.keep, 4);
    cr_expect_eq (config.rehearsal_step_ms, 5000);
    cr_expect_str_eq (identity_config_label (&config, "zone"), "eu-1");
    cr_expect_not (faults.id || faults.origin || faults.keys);
    cr_expect_eq (base_list_count (faults.texts), 3, "log, soak, label");
    cr_assert_eq (base_list_count (faults.ignored), 1);
    cr_expect (strstr (faults.ignored[0], "node/colour"));
    identity_config_faults_deinit (&faults);
}

Test (config, unusable_essential_settings_are_reported_first)
{
    struct identity_config_faults faults =
        config_read_file ("node\n    log = trace\n    id = not an id\n    broker = any of a, b\n");
    cr_expect (faults.id && faults.origin && !faults.keys);
    cr_assert_eq (base_list_count (faults.texts), 3);
    cr_expect (strstr (faults.texts[2], "node/log"), "%s", faults.texts[2]);
    identity_config_faults_deinit (&faults);
}

#define KEY "0123456789012345678901234567890123456789"

Test (config, a_content_peer_may_have_a_key_of_its_own_which_is_kept_with_the_others)
{
    static const char content[] = "9999999999999999999999999999999999999999";
    struct identity_config_faults faults = config_read_file (
        "node\n    broker = a\ncurve\n    public-key = \"" KEY "\"\n    secret-key = \"" KEY
        "\"\n    server-key = \"" KEY "\"\n    content-key = \"9999999999999999999999999999999999999999\"\n");
    char *text;

    cr_expect_null (faults.texts);
    cr_expect_str_eq (config.keys.server_key, KEY);
    cr_expect_str_eq (config.keys.content_key, content);
    text = identity_config_essential_file (&config);
    cr_expect_not_null (strstr (text, content), "the settings with which it last reached its broker");
    free (text);
    identity_config_faults_deinit (&faults);
    identity_config_deinit (&config);
    setup ();
    faults = config_read_file ("curve\n    content-key = \"9999999999999999999999999999999999999999\"\n");
    cr_expect (faults.keys && !config.has_keys, "alone it is no key");
    identity_config_faults_deinit (&faults);
}

Test (config, keys_are_used_together_or_not_at_all)
{
    static const char *const wrong[] = {
        "curve\n    public-key = \"" KEY "\"\n    secret-key = \"" KEY "\"\n    sever-key = \"" KEY "\"\n",
        "curve\n    public-key = \"" KEY "\"\n    secret-key = \"" KEY "\"\n",
        "curve\n    public-key = \"" KEY "\"\n    secret-key = \"" KEY "\"\n    server-key = \"short\"\n",
        "curve\n    public-key = \"" KEY "\"\n    secret-key = \"" KEY "\"\n    server-key = \"" KEY
        "\"\n    other = 1\n",
        "curve\n    sever-key = 1\n",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        identity_config_deinit (&config);
        setup ();
        struct identity_config_faults faults = config_read_file (wrong[i]);
        cr_expect (faults.keys, "%zu", i);
        cr_expect_not (config.has_keys, "%zu", i);
        cr_expect_str_empty (config.keys.secret_key);
        cr_expect_not_null (faults.texts);
        identity_config_faults_deinit (&faults);
    }
}
