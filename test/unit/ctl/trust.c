/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/ctl/trust.c - the built nodectl: signed releases, against a broker in a thread and on a pseudo-terminal */

#include <pty.h>
#include <sys/stat.h>

#include "../client/trust_broker.h"
#include "base/cleanup.h"
#include "disk/disk.h"
#include "program.h"

static char directory[64];

static void setup (void)
{
    trust_broker_start ();
    (void) snprintf (directory, sizeof directory, "/tmp/noded-ctl-XXXXXX");
    cr_assert_not_null (mkdtemp (directory));
    cr_assert_eq (chdir (directory), 0);
    cr_assert_eq (setenv ("XDG_STATE_HOME", directory, 1), 0);
    FILE *program = fopen ("program", "w");
    cr_assert_not_null (program);
    (void) fputs ("p", program);
    (void) fclose (program);
    (void) setsid (); /* no terminal */
}

static void teardown (void)
{
    trust_broker_end ();
    cr_expect_eq (disk_tree_remove (&disk_system, AT_FDCWD, directory, NULL), 0);
}

TestSuite (trust, .init = setup, .fini = teardown, .timeout = 120);

static void expect_run (const char *const *words, int code, const char *out, const char *err)
{
    expect_program (words, trust_broker.fake.origin, code, out, err);
}

static void expect_either (const char *const *words, int code, const char *piece)
{
    struct run got = run_program (words, trust_broker.fake.origin);
    cr_expect_eq (got.code, code, "%s: exit %d: %s%s", words[0], got.code, got.out, got.err);
    cr_expect (strstr (got.out, piece) || strstr (got.err, piece), "%s is in neither:\n%s\n%s", piece,
               got.out, got.err);
    free (got.out);
    free (got.err);
}

#define PUBLISH(application, version, ...)                                                                   \
    WORDS ("publish", application, "--version", version, "--binary", "program", __VA_ARGS__)

static void begin (void)
{
    expect_either (WORDS ("trust", "init", "keys", "--no-passphrase"), 0, "what to do next:");
}

Test (trust, init_makes_a_key_root_and_targets_and_prints_what_to_do_next)
{
    struct stat status;
    expect_either (WORDS ("trust", "status"), 1, "nodectl trust init DIR");
    expect_either (WORDS ("trust", "init", "keys", "--no-passphrase"), 0,
                   "noded trust pin --root DIR root.json");
    cr_assert_eq (stat ("keys/operator.key", &status), 0);
    cr_expect_eq (status.st_mode & 07777, 0600);
    cr_assert_eq (stat ("keys", &status), 0);
    cr_expect_eq (status.st_mode & 07777, 0700);
    cr_expect_eq (access ("keys/root.json", R_OK), 0);
    cr_expect_eq (access ("keys/targets.json", R_OK), 0);
    expect_either (WORDS ("trust", "status"), 0, "1 of 1");
    expect_run (WORDS ("trust", "status", "--json"), 0, "\"role\": \"root\"", NULL);
    expect_either (WORDS ("trust", "init", "more", "--no-passphrase"), 1, "has signed releases already");
    cr_expect_neq (access ("more", F_OK), 0, "nothing was made");
}

Test (trust, init_without_a_terminal_asks_for_a_choice_and_makes_nothing)
{
    expect_either (WORDS ("trust", "init", "keys"), 2, "give --passphrase-file FILE, or --no-passphrase");
    cr_expect_neq (access ("keys/operator.key", F_OK), 0);
    expect_either (WORDS ("trust", "init", "keys", "--no-passphrase", "--passphrase-file", "x"), 2,
                   "not both");
}

Test (trust, init_goes_on_after_a_broker_that_refused)
{
    trust_broker.refuses = WIRE_STATUS_FAILED;
    expect_either (WORDS ("trust", "init", "keys", "--no-passphrase"), 1,
                   "To go on: nodectl trust publish keys/root.json keys/targets.json");
    trust_broker.refuses = WIRE_STATUS_NULL;
    expect_either (WORDS ("trust", "publish", "keys/root.json", "keys/targets.json", "--yes"), 0,
                   "published: targets");
    expect_either (WORDS ("trust", "status"), 0, "1 of 1");
}

Test (trust, a_published_release_is_signed_and_only_its_digest_is_on_standard_output)
{
    begin ();
    struct run got =
        run_program (PUBLISH ("web", "1.0", "--key", "keys/operator.key"), trust_broker.fake.origin);
    cr_expect_eq (got.code, 0, "%s", got.err);
    cr_expect_eq (strlen (got.out), 65, "%s", got.out);
    cr_expect_not_null (strstr (got.err, "+ release web 1.0, release-counter 1"), "%s", got.err);
    free (got.out);
    free (got.err);
    expect_either (PUBLISH ("web", "1.0", "--valid", "10"), 2, "--valid is for a release that is signed");
    expect_either (PUBLISH ("web", "1.0", "--key", "missing"), 1, "cannot read missing");
    expect_either (PUBLISH ("web", "1.0", "--signer", "true"), 2, "--public FILE");
}

Test (trust, a_refused_release_says_what_is_uploaded_and_prints_the_command_to_repeat)
{
    begin ();
    trust_broker.refuses = WIRE_STATUS_REFUSED;
    struct run got =
        run_program (PUBLISH ("web", "it's 1.0", "--key", "keys/operator.key"), trust_broker.fake.origin);
    cr_expect_eq (got.code, 1);
    cr_expect_str_empty (got.out, "it does not count as published: %s", got.out);
    cr_expect_not_null (strstr (got.err, "is uploaded, and not signed: nodes do not install it yet"), "%s",
                        got.err);
    cr_expect_not_null (strstr (got.err, "'it'\\''s 1.0'"), "%s", got.err);
    cr_expect_not_null (strstr (got.err, "the disk of the broker is full"), "%s", got.err);
    free (got.out);
    free (got.err);
}

Test (trust, a_delegation_lets_a_publisher_sign_its_applications)
{
    begin ();
    expect_either (WORDS ("trust", "key", "make", "bob.key", "--no-passphrase"), 0, "");
    expect_either (WORDS ("trust", "delegate", "bob", "--application", "web", "--add", "bob.key", "--key",
                          "keys/operator.key"),
                   2, "there is no terminal to ask \"sign and publish this?\"");
    expect_either (WORDS ("trust", "delegate", "bob", "--application", "web", "--add", "bob.key", "--key",
                          "keys/operator.key", "--yes"),
                   0, "+ publisher bob");
    expect_either (PUBLISH ("web", "1.0", "--key", "bob.key"), 0, "bob version");
    expect_either (PUBLISH ("api", "1.0", "--key", "bob.key"), 1, "may not publish api");
    expect_either (WORDS ("trust", "undelegate", "bob", "--key", "keys/operator.key", "--yes"), 0,
                   "- publisher bob");
    expect_either (WORDS ("trust", "delegate", "bob", "--key", "keys/operator.key"), 2, "--application APP");
    expect_either (WORDS ("trust", "delegate", "targets", "--application", "a", "--add", "bob.key", "--key",
                          "keys/operator.key", "--yes"),
                   1, "cannot be the name of a publisher");
}

Test (trust, the_key_of_a_publisher_is_replaced_without_a_gap)
{
    begin ();
    expect_either (WORDS ("trust", "key", "make", "old.key", "--no-passphrase"), 0, "");
    expect_either (WORDS ("trust", "key", "make", "new.key", "--no-passphrase"), 0, "");
    expect_either (WORDS ("trust", "delegate", "bob", "--application", "web", "--add", "old.key", "--key",
                          "keys/operator.key", "--yes"),
                   0, "+ publisher bob");
    expect_either (PUBLISH ("web", "1.0", "--key", "old.key"), 0, "bob version");
    expect_either (WORDS ("trust", "delegate", "bob", "--application", "web", "--add", "new.key", "--key",
                          "keys/operator.key", "--yes"),
                   1, "(nodectl trust renew bob --key NEW), then delegate to the new one alone");
    expect_either (WORDS ("trust", "delegate", "bob", "--application", "web", "--add", "old.key", "--add",
                          "new.key", "--key", "keys/operator.key", "--yes"),
                   0, "~ publisher bob");
    expect_either (WORDS ("trust", "renew", "bob", "--key", "new.key", "--yes"), 0, "published: bob");
    expect_either (WORDS ("trust", "delegate", "bob", "--application", "web", "--add", "new.key", "--key",
                          "keys/operator.key", "--yes"),
                   0, "published: targets");
    expect_either (PUBLISH ("web", "2.0", "--key", "new.key"), 0, "bob version");
    expect_either (PUBLISH ("web", "3.0", "--key", "old.key"), 1,
                   "neither a key of targets nor of a publisher");
}

Test (trust, keys_of_root_are_rotated_and_a_file_without_enough_signatures_waits)
{
    begin ();
    expect_either (WORDS ("trust", "key", "make", "new.key", "--no-passphrase"), 0, "");
    expect_either (WORDS ("trust", "rotate", "root", "--key", "keys/operator.key", "--add", "new.key",
                          "--threshold", "2", "--yes", "--out", "next.json"),
                   1, "let others sign it with nodectl trust sign next.json --key FILE");
    expect_either (WORDS ("trust", "publish", "next.json", "--yes"), 1, "has 1 of the 2 signatures");
    expect_either (
        WORDS ("trust", "sign", "next.json", "--key", "new.key", "--yes"), 0,
        "next.json: signed by as many keys as it needs; publish it: nodectl trust publish next.json");
    expect_either (WORDS ("trust", "publish", "next.json", "--yes"), 0, "published: root version 2");
    expect_either (WORDS ("trust", "status"), 0, "2 of 2");
    expect_either (
        WORDS ("trust", "rotate", "online", "--key", "keys/operator.key", "--key", "new.key", "--yes"), 0,
        "published: root version 3");
    expect_either (WORDS ("trust", "rotate", "onlin", "--key", "new.key"), 2, "did you mean \"online\"?");
    expect_either (WORDS ("trust", "rotate", "root", "--key", "new.key", "--remove", "123456"), 1,
                   "neither the beginning of the id of one key of root");
}

Test (trust, a_file_is_signed_without_a_broker_by_comparing_it_with_the_last_one)
{
    begin ();
    expect_either (WORDS ("trust", "key", "make", "new.key", "--no-passphrase"), 0, "");
    expect_either (WORDS ("trust", "rotate", "root", "--key", "keys/operator.key", "--add", "new.key",
                          "--threshold", "2", "--yes", "--out", "next.json"),
                   1, "nothing is published yet");
    expect_program (
        WORDS ("trust", "sign", "next.json", "--last", "keys/root.json", "--key", "new.key", "--yes"),
        "127.0.0.1:1", 0, "signed by as many keys as it needs", "signatures needed: 1 -> 2");
}

Test (trust, commands_verbs_and_roles_are_completed)
{
    expect_run (WORDS ("completion", "words", "--", "trust", ""), 0, "undelegate\n", NULL);
    expect_run (WORDS ("completion", "words", "--", "trust", "key", ""), 0, "make\nshow\n", NULL);
    expect_run (WORDS ("completion", "words", "--", "trust", "rotate", ""), 0, "root\ntargets\nonline\n",
                NULL);
    expect_run (WORDS ("completion", "words", "--", "trust", "rotate", "root", "--thr"), 0, "--threshold\n",
                NULL);
    expect_run (WORDS ("completion", "words", "--", "publish", "web", "--allow"), 0, "--allow-downgrade\n",
                NULL);
    expect_run (WORDS ("trust", "rotate", "--help"), 0, "usage: nodectl trust rotate root|targets|online",
                NULL);
    expect_run (WORDS ("trust"), 2, NULL, "trust needs a command: init, status, key, sign");
}

Test (trust, expiries_are_reported_ninety_days_ahead)
{
    expect_either (WORDS ("trust", "init", "keys", "--no-passphrase", "--valid", "89"), 0,
                   "what to do next:");
    expect_either (WORDS ("trust", "status"), 0, "warning: root expires at");
    expect_either (WORDS ("trust", "status"), 0, "nodectl trust rotate targets --key FILE");
    expect_either (WORDS ("trust", "rotate", "root", "--key", "keys/operator.key", "--yes"), 0,
                   "version 1 -> 2");
    expect_either (WORDS ("trust", "renew", "targets", "--key", "keys/operator.key", "--yes"), 0,
                   "published: targets");
    struct run got = run_program (WORDS ("trust", "status"), trust_broker.fake.origin);
    cr_expect_str_empty (got.err, "%s", got.err);
    free (got.out);
    free (got.err);
}

Test (trust, a_public_key_is_printed_and_a_secret_never)
{
    char secret[256] = "";
    expect_either (WORDS ("trust", "key", "make", "bob.key", "--no-passphrase"), 0, "");
    FILE *file = fopen ("bob.key", "r");
    cr_assert_not_null (file);
    while (strncmp (secret, "secret: ", 8) != 0)
        cr_assert_not_null (fgets (secret, sizeof secret, file));
    (void) fclose (file);
    secret[strcspn (secret, "\n")] = '\0';
    struct run got = run_program (WORDS ("trust", "key", "show", "bob.key"), NULL);
    cr_expect_eq (got.code, 0);
    cr_expect_not_null (strstr (got.out, "\"keytype\":\"ed25519\""), "%s", got.out);
    cr_expect_null (strstr (got.out, secret + 8));
    cr_expect_null (strstr (got.err, secret + 8));
    free (got.out);
    free (got.err);
    expect_either (WORDS ("trust", "key", "make", "bob.key", "--no-passphrase"), 1,
                   "a key is never overwritten");
    expect_either (WORDS ("trust", "key", "shw", "bob.key"), 2, "did you mean \"show\"?");
}

/*  Runs nodectl on a pseudo-terminal of its own and types answers, each after its prompt. Returns the exit status; *ret_seen is
    what the terminal showed. */
static int terminal_run (const char *const *words, const char *const *dialogue, char *seen, size_t size)
{
    char path[PATH_MAX];
    const char *args[WORDS_MOST + 2] = {path};
    ssize_t length = readlink ("/proc/self/exe", path, sizeof path - 16);
    int terminal, status;
    cr_assert_gt (length, 0);
    path[length] = '\0';
    (void) snprintf (strrchr (path, '/'), 16, "/../nodectl");
    for (size_t i = 0; words[i]; i++)
        args[i + 1] = words[i];
    cr_assert_eq (setenv ("NODED_BROKER", trust_broker.fake.origin, 1), 0);
    pid_t pid = forkpty (&terminal, NULL, NULL, NULL);
    cr_assert_geq (pid, 0);
    if (pid == 0) {
        (void) execv (path, base_list_const (args));
        _exit (126);
    }
    size_t used = 0;
    for (ssize_t got; used + 1 < size && (got = read (terminal, seen + used, size - 1 - used)) > 0;) {
        used += (size_t) got;
        seen[used] = '\0';
        if (*dialogue && strstr (seen, dialogue[0])) {
            cr_assert_gt (write (terminal, dialogue[1], strlen (dialogue[1])), 0);
            dialogue += 2;
        }
    }
    close (terminal);
    cr_assert_eq (waitpid (pid, &status, 0), pid);
    return WIFEXITED (status) ? WEXITSTATUS (status) : 128 + WTERMSIG (status);
}

Test (trust, a_passphrase_is_asked_twice_and_not_shown)
{
    static char seen[65536];
    const char *const differ[] = {"new passphrase of", "one\n", "the same passphrase again", "two\n", NULL};
    cr_expect_eq (terminal_run (WORDS ("trust", "key", "make", "a.key"), differ, seen, sizeof seen), 1, "%s",
                  seen);
    cr_expect_not_null (strstr (seen, "the two passphrases differ: nothing was made"), "%s", seen);
    cr_expect_neq (access ("a.key", F_OK), 0);
    const char *const same[] = {"new passphrase of", "sesamx\177e\n", "the same passphrase again", "sesame\n",
                                NULL};
    cr_expect_eq (terminal_run (WORDS ("trust", "key", "make", "a.key"), same, seen, sizeof seen), 0, "%s",
                  seen);
    cr_expect_null (strstr (seen, "sesam"), "%s", seen);
    const char *const interrupted[] = {"new passphrase of", "se\003", NULL};
    cr_expect_eq (terminal_run (WORDS ("trust", "key", "make", "b.key"), interrupted, seen, sizeof seen), 1,
                  "%s", seen);
    cr_expect_not_null (strstr (seen, "interrupted"), "%s", seen);
    cr_expect_neq (access ("b.key", F_OK), 0);
}

Test (trust, the_difference_is_shown_before_the_question_and_no_means_no)
{
    static char seen[65536];
    begin ();
    const char *const no[] = {"sign and publish this? [y/N]", "\n", NULL};
    const char *const yes[] = {"sign and publish this? [y/N]", "y\n", NULL};
    const char *const *words =
        WORDS ("trust", "renew", "targets", "--key", "keys/operator.key", "--valid", "400");
    uint64_t before = trust_broker_file (&trust_broker, "targets", 0)->version;
    cr_expect_eq (terminal_run (words, no, seen, sizeof seen), 1, "%s", seen);
    cr_expect_not_null (strstr (seen, "targets version "), "%s", seen);
    cr_expect_not_null (strstr (seen, "nothing was signed or published"), "%s", seen);
    cr_expect_eq (trust_broker_file (&trust_broker, "targets", 0)->version, before);
    cr_expect_eq (terminal_run (words, yes, seen, sizeof seen), 0, "%s", seen);
    cr_expect_gt (trust_broker_file (&trust_broker, "targets", 0)->version, before);
}
