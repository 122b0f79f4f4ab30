/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/base/assert.c - a failed assertion is logged and ends the process, in every build */

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/assert.h"

Test (assert, a_true_expression_does_nothing)
{
    int evaluated = 0;
    base_assert (++evaluated == 1);
    cr_expect_eq (evaluated, 1, "the expression is evaluated once");
}

Test (assert, a_failed_assertion_aborts, .signal = SIGABRT)
{
    int two = 2;
    base_assert (two == 3);
}

Test (assert, the_log_line_names_file_line_and_expression)
{
    char said[512] = "", location[64];
    int ends[2], status = 0;
    cr_assert_eq (pipe (ends), 0);
    (void) snprintf (location, sizeof location, "test/unit/base/assert.c:%d: ", __LINE__ + 4);
    pid_t child = fork ();
    if (child == 0) {
        (void) dup2 (ends[1], STDERR_FILENO);
        base_assert (location[0] == 'x');
        _exit (0);
    }
    (void) close (ends[1]);
    cr_assert_eq (waitpid (child, &status, 0), child);
    cr_assert_gt (read (ends[0], said, sizeof said - 1), 0);
    (void) close (ends[0]);
    cr_expect (WIFSIGNALED (status) && WTERMSIG (status) == SIGABRT);
    cr_expect (strstr (said, location), "%s", said);
    cr_expect (strstr (said, "assertion failed: location[0] == 'x': this is a bug in noded"), "%s", said);
}
