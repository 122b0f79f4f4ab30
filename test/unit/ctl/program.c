/*  The built nodectl: what it says and how it exits. It lies one directory above the tests. */

#include <criterion/criterion.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/cleanup.h"

enum { WORDS_MOST = 12 };

struct run {
    char *out, *err;
    int code;
};

static void program_path (char path[PATH_MAX])
{
    ssize_t length = readlink ("/proc/self/exe", path, PATH_MAX - 16);
    cr_assert_gt (length, 0);
    path[length] = '\0';
    char *slash = strrchr (path, '/');
    (void) snprintf (slash, 16, "/../nodectl");
}

static char *take_file (FILE *file)
{
    char piece[4096];
    struct base_buffer text = {.size = 0};
    rewind (file);
    for (size_t size; (size = fread (piece, 1, sizeof piece, file)) > 0;)
        cr_assert_eq (base_buffer_append (&text, piece, size), 0);
    fclose (file);
    return base_buffer_take_text (&text);
}

/*  Words end with NULL. */
static struct run run (const char *const *words)
{
    char path[PATH_MAX];
    const char *args[WORDS_MOST + 2] = {path};
    FILE *out = tmpfile (), *err = tmpfile ();
    cr_assert (out && err);
    program_path (path);
    for (size_t i = 0; words[i]; i++) {
        cr_assert_lt (i, WORDS_MOST);
        args[i + 1] = words[i];
    }
    pid_t pid = fork ();
    cr_assert_geq (pid, 0);
    if (pid == 0) {
        (void) unsetenv ("NODED_BROKER");
        if (dup2 (fileno (out), 1) >= 0 && dup2 (fileno (err), 2) >= 0)
            (void) execv (path, (char *const *) args);
        _exit (126);
    }
    int status;
    cr_assert_eq (waitpid (pid, &status, 0), pid);
    cr_assert (WIFEXITED (status), "%s was killed by signal %d", path, WTERMSIG (status));
    cr_assert_neq (WEXITSTATUS (status), 126, "there is no %s", path);
    return (struct run){.out = take_file (out), .err = take_file (err), .code = WEXITSTATUS (status)};
}

static void expect_run (const char *const *words, int code, const char *out, const char *err)
{
    struct run got = run (words);
    cr_expect_eq (got.code, code, "%s %s: exit %d, not %d", words[0] ? words[0] : "",
                  words[0] && words[1] ? words[1] : "", got.code, code);
    if (out)
        cr_expect_not_null (strstr (got.out, out), "%s is not in: %s", out, got.out);
    else
        cr_expect_str_empty (got.out);
    if (err)
        cr_expect_not_null (strstr (got.err, err), "%s is not in: %s", err, got.err);
    else
        cr_expect_str_empty (got.err);
    free (got.out);
    free (got.err);
}

TestSuite (program, .timeout = 120);

#define RUN(...) ((const char *const[]){__VA_ARGS__ __VA_OPT__ (, ) NULL})

Test (program, help_and_version_go_to_standard_output)
{
    expect_run (RUN ("--help"), 0, "4  the broker was not reached", NULL);
    expect_run (RUN ("-h"), 0, "commands:", NULL);
    expect_run (RUN ("--version"), 0, "nodectl ", NULL);
    expect_run (RUN ("help", "update"), 0, "usage: nodectl update NODE...|--all", NULL);
    expect_run (RUN (), 2, NULL, "usage: nodectl");
}

Test (program, every_command_has_help)
{
    static const char *const commands[] = {"publish", "releases",   "withdraw", "update", "revert",
                                           "hold",    "unhold",     "cancel",   "forget", "nodes",
                                           "status",  "quarantine", "why",      "events"};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        expect_run (RUN (commands[i], "--help"), 0, "exit codes:", NULL);
        expect_run (RUN ("--help"), 0, commands[i], NULL);
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
        {{"nodes", "--all"}, "nodes takes no --all"},
        {{"update"}, "name them, or give --all"},
        {{"update", "web-1", "--all"}, "not both"},
        {{"update", "--all", "--release", "abc"}, "at least the first 6 digits"},
        {{"update", "--all", "--timeout", "soon"}, "a span such as"},
        {{"nodes", "--timeout"}, "takes a value"},
        {{"status"}, "status needs more: nodectl status NODE"},
        {{"status", "a", "b"}, "does not take \"b\""},
        {{"publish", "app", "--binary", "x"}, "which version?"},
        {{"publish", "app", "--version", "1"}, "which program?"},
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

Test (program, no_broker_is_told_with_where_and_what_to_do)
{
    /*  Nobody listens on port 2. */
    static const char broker[] = "127.0.0.1:1";
    expect_run (RUN ("nodes", "--broker", broker, "--timeout", "300ms"), 4, NULL,
                "no answer from tcp://127.0.0.1:2 within 300 ms: is noded-broker running there?");
    expect_run (RUN ("--broker", broker, "--timeout", "300ms", "withdraw", "abcdef"), 4, NULL,
                "--broker HOST[:PORT]");
    expect_run (RUN ("events", "--broker", broker), 4, NULL, "no answer");
}

Test (program, a_file_that_is_not_there_is_a_failure)
{
    expect_run (RUN ("publish", "app", "--version", "1", "--binary", "/no/such/program"), 1, NULL,
                "cannot read /no/such/program");
}

static void settings (const char *text, int code, const char *sentence)
{
    char path[] = "/tmp/nodectl-settings-XXXXXX";
    int fd = mkostemp (path, O_CLOEXEC);
    cr_assert_geq (fd, 0);
    cr_assert_eq (write (fd, text, strlen (text)), (ssize_t) strlen (text));
    close (fd);
    expect_run (RUN ("nodes", "--config", path), code, NULL, sentence);
    (void) unlink (path);
}

Test (program, settings_name_the_broker_and_mistakes_in_them_are_told)
{
    settings ("client\n    broker = 127.0.0.1:1\n    timeout = 200ms\n", 4,
              "tcp://127.0.0.1:2 within 200 ms");
    settings ("client\n    brokr = 127.0.0.1:1\n", 2, "client/brokr");
    settings ("client\n    timeout = soon\n", 2, "client/timeout");
    settings ("curve\n    server-key = abc\n", 2, "curve/");
}
