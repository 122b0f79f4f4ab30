/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/ctl/program.c - the built nodectl without a broker: output and exit codes */

#include <fcntl.h>

#include "program.h"

static void expect_run (const char *const *words, int code, const char *out, const char *err)
{
    expect_program (words, NULL, code, out, err);
}

TestSuite (program, .timeout = 120);

Test (program, help_and_version_go_to_standard_output)
{
    expect_run (WORDS ("--help"), 0, "4  the broker was not reached", NULL);
    expect_run (WORDS ("-h"), 0, "commands:", NULL);
    expect_run (WORDS ("--version"), 0, "nodectl ", NULL);
    expect_run (WORDS ("help", "update"), 0, "usage: nodectl update NODE...|--all", NULL);
    expect_run (WORDS (), 2, NULL, "usage: nodectl");
}

Test (program, every_command_has_help)
{
    static const char *const commands[] = {"publish", "releases",   "withdraw", "update", "revert",
                                           "hold",    "unhold",     "cancel",   "forget", "nodes",
                                           "status",  "quarantine", "why",      "events"};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        expect_run (WORDS (commands[i], "--help"), 0, "exit codes:", NULL);
        expect_run (WORDS ("--help"), 0, commands[i], NULL);
    }
}

Test (program, mistakes_are_usage_errors_that_say_what_to_do)
{
    static const struct {
        const char *words[WORDS_MOST];
        const char *sentence;
    } cases[] = {
        {{"updte"}, "did you mean \"update\"?"},
        {{"xyzzy"}, "there is no command \"xyzzy\""},
        {{"nodes", "--jsno"}, "did you mean --json?"},
        {{"nodes", "--all"}, "nodes does not accept --all"},
        {{"update"}, "name nodes, or give --all"},
        {{"update", "web-1", "--all"}, "not both"},
        {{"update", "--all", "--release", "abc"}, "at least the first 6 digits"},
        {{"update", "--all", "--timeout", "soon"}, "a span such as"},
        {{"nodes", "--timeout"}, "needs a value"},
        {{"status"}, "name a node; for the broker itself, end with --broker without a value"},
        {{"status", "a", "--broker"}, "not both"},
        {{"status", "--broker", "--app", "a"}, "status --broker does not accept --app"},
        {{"nodes", "--broker"}, "--broker needs a value"},
        {{"nodes", "--broker", "--json"}, "--broker needs a value"},
        {{"status", "a", "b"}, "does not accept \"b\""},
        {{"publish", "app", "--binary", "x"}, "give the version"},
        {{"publish", "app", "--version", "1"}, "give the program"},
        {{"publish", "app", "--version", "1", "--binary", "x", "--env", "=1"}, "NAME=VALUE"},
        {{"publish", "app", "--version", "1", "--binary", "x", "--file", "a:"}, "SRC:DEST"},
        {{"quarantine", "lst", "a"}, "did you mean \"list\"?"},
        {{"events", "--count", "0"}, "a number from 1"},
        {{"nodes", "--broker", "a b"}, "HOST:PORT"},
        {{"nodes", "--config", "/no/such/file"}, "/no/such/file"},
        {{"xx\033[2J"}, "xx\\x1b[2J"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_run (cases[i].words, 2, NULL, cases[i].sentence);
}

Test (program, a_missing_broker_is_reported_with_its_endpoint_and_what_to_do)
{
    /*  Nothing listens on port 2. */
    static const char broker[] = "127.0.0.1:1";
    expect_run (WORDS ("nodes", "--broker", broker, "--timeout", "300ms"), 4, NULL,
                "no answer from tcp://127.0.0.1:2 within 300 ms: is noded-broker running there?");
    expect_run (WORDS ("--broker", broker, "--timeout", "300ms", "withdraw", "abcdef"), 4, NULL,
                "--broker HOST[:PORT]");
    expect_run (WORDS ("events", "--broker", broker), 4, NULL, "no answer");
}

Test (program, a_missing_file_is_a_failure)
{
    expect_run (WORDS ("publish", "app", "--version", "1", "--binary", "/no/such/program"), 1, NULL,
                "cannot read /no/such/program");
}

static void expect_settings (const char *text, int code, const char *sentence)
{
    char path[] = "/tmp/nodectl-settings-XXXXXX";
    int fd = mkostemp (path, O_CLOEXEC);
    cr_assert_geq (fd, 0);
    cr_assert_eq (write (fd, text, strlen (text)), (ssize_t) strlen (text));
    close (fd);
    expect_run (WORDS ("nodes", "--config", path), code, NULL, sentence);
    (void) unlink (path);
}

Test (program, settings_name_the_broker_and_mistakes_in_them_are_reported)
{
    expect_settings ("client\n    broker = 127.0.0.1:1\n    timeout = 200ms\n", 4,
                     "tcp://127.0.0.1:2 within 200 ms");
    expect_settings ("client\n    brokr = 127.0.0.1:1\n", 2, "client/brokr");
    expect_settings ("client\n    timeout = soon\n", 2, "client/timeout");
    expect_settings ("curve\n    server-key = abc\n", 2, "curve/");
}
