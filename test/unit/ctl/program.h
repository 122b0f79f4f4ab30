/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/ctl/program.h - runs the built nodectl, which lies one directory above the tests */

#ifndef TEST_CTL_PROGRAM_H
#define TEST_CTL_PROGRAM_H

#include <criterion/criterion.h>
#include <limits.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/text.h"

enum { WORDS_MOST = 24 };

struct run {
    char *out, *err;
    int code;
};

static inline char *take_file (FILE *file)
{
    char piece[4096];
    struct base_buffer text = {.size = 0};
    rewind (file);
    for (size_t size; (size = fread (piece, 1, sizeof piece, file)) > 0;)
        cr_assert_eq (base_buffer_append (&text, piece, size), 0);
    fclose (file);
    return base_buffer_take_text (&text);
}

/*  words end with NULL. broker: the value of NODED_BROKER; NULL: the variable is not set. */
static inline struct run run_program (const char *const *words, const char *broker)
{
    char path[PATH_MAX];
    const char *args[WORDS_MOST + 2] = {path};
    ssize_t length = readlink ("/proc/self/exe", path, sizeof path - 16);
    FILE *out = tmpfile (), *err = tmpfile ();
    cr_assert (length > 0 && out && err);
    path[length] = '\0';
    (void) snprintf (strrchr (path, '/'), 16, "/../nodectl");
    for (size_t i = 0; words[i]; i++) {
        cr_assert_lt (i, WORDS_MOST);
        args[i + 1] = words[i];
    }
    pid_t pid = fork ();
    cr_assert_geq (pid, 0);
    if (pid == 0) {
        if (broker ? setenv ("NODED_BROKER", broker, 1) : unsetenv ("NODED_BROKER"))
            _exit (126);
        if (dup2 (fileno (out), 1) >= 0 && dup2 (fileno (err), 2) >= 0)
            (void) execv (path, base_list_const (args));
        _exit (126);
    }
    int status;
    cr_assert_eq (waitpid (pid, &status, 0), pid);
    cr_assert (WIFEXITED (status), "%s was killed by signal %d", path, WTERMSIG (status));
    cr_assert_neq (WEXITSTATUS (status), 126, "cannot run %s", path);
    return (struct run){.out = take_file (out), .err = take_file (err), .code = WEXITSTATUS (status)};
}

/*  Runs nodectl and compares. out, err: text that the output must contain; NULL: it must be empty. */
static inline void expect_program (const char *const *words, const char *broker, int code, const char *out,
                                   const char *err)
{
    struct run got = run_program (words, broker);
    const char *name = words[0] ? words[0] : "no words";
    cr_expect_eq (got.code, code, "%s: exit %d, not %d", name, got.code, code);
    if (out)
        cr_expect_not_null (strstr (got.out, out), "%s: %s is not in: %s", name, out, got.out);
    else
        cr_expect_str_empty (got.out, "%s: %s", name, got.out);
    if (err)
        cr_expect_not_null (strstr (got.err, err), "%s: %s is not in: %s", name, err, got.err);
    else
        cr_expect_str_empty (got.err, "%s: %s", name, got.err);
    free (got.out);
    free (got.err);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__ __VA_OPT__ (, ) NULL})

#endif
