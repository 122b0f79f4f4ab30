/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/rehearsal/offer.c - any change that a candidate makes to the offer is detected */

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "bus/callback.h"
#include "rehearsal/offer.h"
#include "wire/envelope.h"

static char directory[] = "/tmp/noded-test-XXXXXX";
static struct root root;
static struct identity_self self;
static struct rehearsal_offer offer;
static char path[] = "PATH=/bin", home[] = "HOME=/root", dotted[] = "A.B=dropped by a shell";
static char *base[] = {path, home, dotted, NULL};

/*  Returns the ready message of a program that received everything unchanged. */
static struct wire_ready ready_of (const char **args, const char **env)
{
    struct wire_ready ready = {.nonce = offer.nonce, .pid = 1, .args = args, .env = env};
    args[ready.n_args++] = "/x/noded";
    args[ready.n_args++] = "run";
    for (size_t i = 0; i < offer.envelope.n_args; i++)
        args[ready.n_args++] = offer.envelope.args[i];
    for (size_t i = 0; i < 2; i++)
        env[ready.n_env++] = base[i];
    for (size_t i = 0; i < offer.envelope.n_env; i++)
        env[ready.n_env++] = offer.envelope.env[i];
    return ready;
}

static void setup (void)
{
    static struct wire_envelope envelope;
    cr_assert_not_null (mkdtemp (directory));
    cr_assert_eq (root_make (&disk_system, directory, &root, NULL), 0);
    envelope = (struct wire_envelope){.application = "noded", .version = "1", .binary = {{1}}, .size = 1};
    self = (struct identity_self){.running.installed = {.envelope = &envelope}};
    cr_assert_eq (rehearsal_offer_make (&root, &self, "ipc:///tmp/callback", &offer, NULL), 0);
}

static void teardown (void)
{
    rehearsal_offer_deinit (&offer);
    root_deinit (&root);
    (void) disk_tree_remove (&disk_system, AT_FDCWD, directory, NULL);
}

TestSuite (offer, .init = setup, .fini = teardown);

Test (offer, an_offer_contains_values_that_updaters_have_broken)
{
    bool odd_arg = false, odd_name = false, ready = false;
    for (size_t i = 0; i < offer.envelope.n_args; i++)
        odd_arg = odd_arg || (strchr (offer.envelope.args[i], '\n') &&
                              !base_text_is_utf8 (offer.envelope.args[i], strlen (offer.envelope.args[i])));
    for (size_t i = 0; i < offer.envelope.n_env; i++) {
        odd_name = odd_name || strchr (offer.envelope.env[i], '.') < strchr (offer.envelope.env[i], '=');
        ready = ready || strncmp (offer.envelope.env[i], "NODED_READY=ipc:///tmp/callback ", 32) == 0;
    }
    cr_expect (odd_arg && odd_name && ready);
    cr_expect_eq (offer.envelope.n_files, 1);
    cr_expect_eq (wire_envelope_check (&offer.envelope, NULL), 0);
}

Test (offer, an_unchanged_announcement_is_accepted)
{
    const char *args[64], *env[64];
    struct wire_ready ready = ready_of (args, env);
    struct base_error error = {.code = 0};
    cr_expect_eq (rehearsal_offer_check_ready (&offer, base, &ready, &error), 0, "%s", error.text);
}

Test (offer, a_change_of_any_argument_or_variable_is_detected)
{
    const char *args[64], *env[64], *changed = "changed", *other = "PATH=/elsewhere";
    for (size_t i = 2; i < offer.envelope.n_args + 2; i++) {
        struct wire_ready ready = ready_of (args, env);
        args[i] = changed;
        cr_expect_eq (rehearsal_offer_check_ready (&offer, base, &ready, NULL), ROOT_E_DAMAGED,
                      "argument %zu", i);
    }
    struct wire_ready ready = ready_of (args, env);
    ready.n_args--;
    cr_expect_eq (rehearsal_offer_check_ready (&offer, base, &ready, NULL), ROOT_E_DAMAGED,
                  "the last argument is missing");
    for (size_t i = 0; i < offer.envelope.n_env + 2; i++) {
        ready = ready_of (args, env);
        env[i] = changed;
        cr_expect_eq (rehearsal_offer_check_ready (&offer, base, &ready, NULL), ROOT_E_DAMAGED,
                      "variable %zu", i);
    }
    ready = ready_of (args, env);
    env[0] = other;
    cr_expect_eq (rehearsal_offer_check_ready (&offer, base, &ready, NULL), ROOT_E_DAMAGED,
                  "a changed variable of init");
}

Test (offer, an_argument_too_many_is_detected)
{
    const char *args[64], *env[64];
    struct wire_ready ready = ready_of (args, env);
    args[ready.n_args++] = "one more";
    cr_expect_eq (rehearsal_offer_check_ready (&offer, base, &ready, NULL), ROOT_E_DAMAGED);
}

Test (offer, a_variable_of_init_that_the_offer_sets_is_not_expected)
{
    const char *args[64], *env[64];
    char replaced[] = "NODED_ODD_EMPTY=of init";
    char *init[] = {path, home, replaced, NULL};
    struct wire_ready ready = ready_of (args, env);
    struct base_error error = {.code = 0};
    cr_expect_eq (rehearsal_offer_check_ready (&offer, init, &ready, &error), 0, "%s", error.text);
}

Test (offer, a_variable_that_no_shell_passes_on_is_not_expected)
{
    const char *args[64], *env[64];
    char digit[] = "1A=x", none[] = "=x", kept[] = "OLDPWD=/";
    char *init[] = {path, home, digit, none, kept, NULL};
    struct wire_ready ready = ready_of (args, env);
    struct base_error error = {.code = 0};
    cr_expect_eq (rehearsal_offer_check_ready (&offer, init, &ready, &error), 0, "%s", error.text);
}

Test (offer, a_variable_that_does_not_fit_is_checked_by_its_mark)
{
    const char *args[64], *env[64];
    char *mark = bus_callback_mark (path);
    const char *const marks[1] = {mark};
    struct wire_ready ready = ready_of (args, env);
    struct base_error error = {.code = 0};
    memmove (env, env + 1, --ready.n_env * sizeof *env); /* PATH */
    ready.env_marks = marks;
    cr_expect_eq (rehearsal_offer_check_ready (&offer, base, &ready, NULL), ROOT_E_DAMAGED);
    ready.n_env_marks = 1;
    cr_expect_eq (rehearsal_offer_check_ready (&offer, base, &ready, &error), 0, "%s", error.text);
    mark[0] = mark[0] == '0' ? '1' : '0';
    cr_expect_eq (rehearsal_offer_check_ready (&offer, base, &ready, NULL), ROOT_E_DAMAGED);
    ready.env_more = 1;
    cr_expect_eq (rehearsal_offer_check_ready (&offer, base, &ready, NULL), 0,
                  "a variable without a mark cannot be checked");
    ready.n_env--;
    cr_expect_eq (rehearsal_offer_check_ready (&offer, base, &ready, NULL), ROOT_E_DAMAGED,
                  "the variables of the envelope are always sent");
    free (mark);
}

Test (offer, two_offers_are_two_releases)
{
    struct rehearsal_offer second = {.odd = -1};
    cr_assert_eq (rehearsal_offer_make (&root, &self, "ipc:///tmp/callback", &second, NULL), 0);
    cr_expect_not (base_digest_equal (&second.release, &offer.release));
    cr_expect_str_neq (second.nonce, offer.nonce);
    rehearsal_offer_deinit (&second);
}

Test (offer, an_offer_of_an_offer_does_not_carry_the_callback_of_the_first)
{
    struct identity_self nested = {.running.installed = {.envelope = &offer.envelope}};
    struct rehearsal_offer second = {.odd = -1};
    cr_assert_eq (rehearsal_offer_make (&root, &nested, "ipc:///tmp/other", &second, NULL), 0);
    size_t callbacks = 0;
    for (size_t i = 0; i < second.envelope.n_env; i++)
        if (strncmp (second.envelope.env[i], "NODED_READY=", 12) == 0) {
            callbacks++;
            cr_expect (strstr (second.envelope.env[i], second.nonce));
        }
    cr_expect_eq (callbacks, 1);
    cr_expect_eq (second.envelope.n_env, offer.envelope.n_env, "nor its odd variables");
    rehearsal_offer_deinit (&second);
}

Test (offer, the_odd_file_is_served_and_other_blobs_are_not)
{
    struct base_digest unknown = {{9}}, found;
    uint64_t size = 0;
    int fd = -1;
    cr_assert_eq (rehearsal_offer_open (&offer, &offer.odd_digest, &fd, &size), 0);
    cr_expect_eq (base_digest_of_fd (fd, &found, NULL), 0);
    cr_expect (base_digest_equal (&found, &offer.odd_digest));
    cr_expect_eq (size, offer.odd_size);
    close (fd);
    cr_expect_eq (rehearsal_offer_open (&offer, &unknown, &fd, &size), -ENOENT);
}

Test (offer, the_largest_envelope_still_makes_an_offer)
{
    const char *many[256];
    char argument[] = "--label=0123456789012345678901234567890123456789012345678901234567890123456789";
    for (size_t i = 0; i < 256; i++)
        many[i] = argument;
    struct wire_envelope large = {
        .application = "noded", .version = "1", .binary = {{1}}, .size = 1, .args = many, .n_args = 256};
    struct identity_self full = {.running.installed = {.envelope = &large}};
    struct rehearsal_offer made = {.odd = -1};
    struct base_error error = {.code = 0};
    cr_assert_eq (rehearsal_offer_make (&root, &full, "ipc:///tmp/callback", &made, &error), 0, "%s",
                  error.text);
    cr_expect_eq (made.envelope.n_args, 4, "an offer has its own arguments, not those of the envelope");
    rehearsal_offer_deinit (&made);
}
