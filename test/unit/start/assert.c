/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/start/assert.c - the launcher survives a failed assertion: init could start nothing else */

#include <criterion/criterion.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/assert.h"

Test (assert, the_launcher_logs_a_failed_assertion_and_continues)
{
    char said[512] = "";
    int ends[2], status = 0, two = 2;
    cr_assert_eq (pipe (ends), 0);
    pid_t child = fork ();
    if (child == 0) {
        (void) dup2 (ends[1], STDERR_FILENO);
        base_assert (two == 3);
        _exit (7);
    }
    (void) close (ends[1]);
    cr_assert_eq (waitpid (child, &status, 0), child);
    cr_assert_gt (read (ends[0], said, sizeof said - 1), 0);
    (void) close (ends[0]);
    cr_expect (WIFEXITED (status) && WEXITSTATUS (status) == 7, "status %d", status);
    cr_expect (strncmp (said, "start: WARNING: ", 16) == 0, "%s", said);
    cr_expect (strstr (said, "test/unit/start/assert.c:"), "%s", said);
    cr_expect (strstr (said, "assertion failed: two == 3: continuing"), "%s", said);
}
