/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/ctl/keys.c - nodectl keys, and where nodectl finds its settings */

#include <sys/stat.h>

#include "../client/fake_broker.h"
#include "program.h"

static struct fake_broker broker;
static struct wire_key keys[3];
static char home[64], file[128];
static struct base_digest revoked;
static char revoked_name[65];

static bool keys_answer (struct fake_broker *fake, const struct fake_request *request, void *ret_answer)
{
    (void) fake;
    if (request->record == &wire_list_keys_record) {
        ((struct wire_keys *) ret_answer)->keys = keys;
        ((struct wire_keys *) ret_answer)->n_keys = 3;
    }
    if (request->record == &wire_revoke_key_record) {
        const struct wire_revoke_key *revoke = request->body;
        revoked = revoke->fingerprint;
        (void) snprintf (revoked_name, sizeof revoked_name, "%s", revoke->name ? revoke->name : "");
        ((struct wire_key_revoked *) ret_answer)->revoked = keys;
        ((struct wire_key_revoked *) ret_answer)->n_revoked = 1;
    }
    return true;
}

static void setup (void)
{
    static const char *const names[] = {"alice", "web-1", "abcdef"};
    static const enum wire_role roles[] = {WIRE_ROLE_ADMIN, WIRE_ROLE_NODE, WIRE_ROLE_OBSERVER};

    for (size_t i = 0; i < 3; i++) {
        keys[i] = (struct wire_key){.public_key = "x",
                                    .role = roles[i],
                                    .name = names[i],
                                    .state = WIRE_KEY_STATE_ACTIVE,
                                    .created = "2026-11-22T15:00:00.000000000Z"};
        memset (keys[i].fingerprint.bytes, 0x11, BASE_DIGEST_BYTES);
        keys[i].fingerprint.bytes[5] = (uint8_t) i;
    }
    broker = (struct fake_broker){.answer = keys_answer};
    fake_start (&broker);
    (void) snprintf (home, sizeof home, "/tmp/nodectl-XXXXXX");
    cr_assert_not_null (mkdtemp (home));
    cr_assert_eq (setenv ("HOME", home, 1), 0);
    cr_assert_eq (unsetenv ("NODED_CONFIG"), 0);
    (void) snprintf (file, sizeof file, "%s/nodectl.zpl", home);
}

static void teardown (void)
{
    fake_end (&broker);
    (void) unlink (file);
    for (char *end; (end = strrchr (file, '/')) && strlen (file) > strlen ("/tmp/nodectl-");) {
        *end = '\0';
        (void) rmdir (file);
    }
}

TestSuite (ctl_keys, .init = setup, .fini = teardown, .timeout = 60);

Test (ctl_keys, keys_are_listed)
{
    expect_program (WORDS ("keys", "list"), broker.origin, 0, "alice", NULL);
    expect_program (WORDS ("keys", "list"), broker.origin, 0, "web-1", NULL);
    expect_program (WORDS ("keys", "list", "--json"), broker.origin, 0, "\"role\":\"admin\"", NULL);
}

Test (ctl_keys, a_key_is_revoked_by_its_name_its_fingerprint_or_its_first_digits)
{
    expect_program (WORDS ("keys", "revoke", "alice"), broker.origin, 0, "revoked key 1111", NULL);
    cr_expect_str_eq (revoked_name, "alice");
    expect_program (WORDS ("keys", "revoke", "11111111110"), broker.origin, 1, NULL, "3 keys begin with");
    expect_program (WORDS ("keys", "revoke", "111111111102"), broker.origin, 0, "revoked key", NULL);
    cr_expect_eq (revoked.bytes[5], 2);
    cr_expect_str_empty (revoked_name);
    expect_program (WORDS ("keys", "revoke", "abcdef"), broker.origin, 0, "revoked key", NULL);
    cr_expect_str_eq (revoked_name, "abcdef", "a name precedes digits");
}

Test (ctl_keys, mistakes_of_add_are_reported_before_anything_is_sent)
{
    expect_program (WORDS ("keys", "add", "x", "--out", file), broker.origin, 2, NULL, "--role ROLE");
    expect_program (WORDS ("keys", "add", "x", "--role", "admin"), broker.origin, 2, NULL, "--out FILE");
    expect_program (WORDS ("keys", "add", "x", "--role", "god", "--out", file), broker.origin, 2, NULL,
                    "there is no role \"god\"");
    expect_program (WORDS ("keys", "add", "x", "--role", "publisher", "--out", file), broker.origin, 2, NULL,
                    "--applications A,B");
    expect_program (WORDS ("keys", "add", "x", "--role", "admin", "--applications", "a", "--out", file),
                    broker.origin, 2, NULL, "for the role publisher only");
    expect_program (WORDS ("keys"), broker.origin, 2, NULL, "list, add or revoke");
    expect_program (WORDS ("keys", "list", "--root", "r", "--broker", "b"), broker.origin, 2, NULL, "--root");
    expect_program (WORDS ("backup", "x", "--root", "r"), broker.origin, 2, NULL, "backup needs a key");
    cr_expect_eq (broker.n_requests, 0);
}

static void file_write (const char *text)
{
    FILE *out = fopen (file, "we");
    cr_assert_not_null (out);
    cr_assert_geq (fputs (text, out), 0);
    cr_assert_eq (fclose (out), 0);
}

/*  The address in the settings is the fake broker's, so that an answer shows which file was read. */
static void settings_write (void)
{
    char text[256];
    (void) snprintf (text, sizeof text, "client\n    broker = \"%s\"\n", broker.origin);
    file_write (text);
}

Test (ctl_keys, settings_are_found_by_the_variable)
{
    settings_write ();
    cr_assert_eq (setenv ("NODED_CONFIG", file, 1), 0);
    expect_program (WORDS ("keys", "list"), NULL, 0, "alice", NULL);
    cr_assert_eq (setenv ("NODED_CONFIG", "/nonexistent/nodectl.zpl", 1), 0);
    expect_program (WORDS ("keys", "list"), NULL, 2, NULL, "/nonexistent/nodectl.zpl");
}

static void home_prepare (void)
{
    (void) snprintf (file, sizeof file, "%s/.config", home);
    cr_assert_eq (mkdir (file, 0700), 0);
    (void) snprintf (file, sizeof file, "%s/.config/noded", home);
    cr_assert_eq (mkdir (file, 0700), 0);
    (void) snprintf (file, sizeof file, "%s/.config/noded/nodectl.zpl", home);
}

Test (ctl_keys, settings_are_found_in_the_home_directory)
{
    home_prepare ();
    settings_write ();
    expect_program (WORDS ("keys", "list"), NULL, 0, "alice", NULL);
}

Test (ctl_keys, settings_that_cannot_be_used_are_not_passed_over)
{
    home_prepare ();
    file_write ("client\n    brocker = x\n");
    expect_program (WORDS ("keys", "list"), "127.0.0.1:1", 2, NULL, "client/brocker");
    (void) unlink (file);
    cr_assert_eq (mkdir (file, 0700), 0);
    expect_program (WORDS ("keys", "list"), "127.0.0.1:1", 2, NULL, file);
    cr_assert_eq (rmdir (file), 0);
}

Test (ctl_keys, over_ipc_the_settings_of_the_home_directory_are_not_used)
{
    home_prepare ();
    file_write ("client\n    brocker = x\n");
    expect_program (WORDS ("--broker", broker.origin, "keys", "list"), NULL, 0, "alice", NULL);
}
