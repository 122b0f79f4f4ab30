/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/rehearsal/startcheck.c - step f of a rehearsal, with the real launcher

    A failure of the host is distinguished from a failure of the start files. */

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "loop.h"

#include "rehearsal/startcheck.h"

enum { STEP_MS = 30000 };

static struct root root;
static struct rehearsal_startcheck *check;
static struct base_error found;
static bool done;
static int workspace;

static void on_done (void *context, const struct base_error *error)
{
    (void) context;
    done = true;
    found = error ? *error : (struct base_error){.code = 0};
    check = rehearsal_startcheck_free (check);
    bus_loop_stop (loop);
}

static void set_up (void)
{
    loop_begin ();
    char path[300];
    (void) snprintf (path, sizeof path, "%s/root", scratch_path);
    cr_assert_eq (mkdir (path, 0755), 0);
    cr_assert_eq (root_make (&disk_system, path, &root, NULL), 0);
    cr_assert_eq (mkdir ("workspace", 0755), 0);
    free (scratch_shell ("cp '" START_PROGRAM "' workspace/start", NULL));
    scratch_write ("workspace/noded.sh", "#!/bin/sh\nexec \"${0%/*}/start\"\n", 31, 0755);
    workspace = open ("workspace", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    done = false;
}

static void tear_down (void)
{
    (void) close (workspace);
    root_deinit (&root);
    loop_end ();
}

TestSuite (startcheck, .init = set_up, .fini = tear_down, .timeout = 240);

static int check_start (const char *launcher)
{
    struct base_error error = {.code = 0};
    return rehearsal_startcheck_new (loop, &root, workspace, launcher, environ, STEP_MS, on_done, NULL,
                                     &check, &error);
}

static void check_run (void)
{
    loop_run ();
    cr_expect (done);
}

Test (startcheck, start_files_that_roll_back_pass)
{
    cr_assert_eq (check_start (START_PROGRAM), 0);
    check_run ();
    cr_expect_eq (found.code, 0, "%s", found.text);
}

static void kill_guards (void *context)
{
    (void) context;
    free (scratch_shell (
        "kill -KILL $(pgrep -f 'start guard .*" /* of this test only: its path is in the pattern */
        "'$(basename \"$PWD\"))",               /* all, because some may have ended */
        NULL));
}

Test (startcheck, a_killed_guard_is_not_a_failure_of_the_start_files)
{
    cr_assert_eq (check_start (START_PROGRAM), 0);
    cr_assert_gt (bus_timer_start (loop, 20, kill_guards, NULL), 0);
    check_run ();
    cr_expect_eq (found.code, -EINTR, "%d: %s", found.code, found.text);
}

Test (startcheck, a_failure_of_the_parent_is_not_a_failure_of_the_start_files)
{
    cr_expect_lt (check_start ("/not/there"), 0, "a guard that cannot be started");
    cr_assert_eq (disk_tree_remove (&disk_system, AT_FDCWD, "root", NULL), 0);
    scratch_write_text ("root", "");
    cr_expect_lt (check_start (START_PROGRAM), 0, "a root in which no file can be created");
}

Test (startcheck, missing_start_files_are_a_failure_of_the_candidate)
{
    cr_assert_eq (unlink ("workspace/noded.sh"), 0);
    cr_expect_eq (check_start (START_PROGRAM), ROOT_E_DAMAGED);
}

Test (startcheck, a_cancelled_check_ends_and_reports_it)
{
    cr_assert_eq (check_start (START_PROGRAM), 0);
    rehearsal_startcheck_end (check);
    cr_expect_not (done, "reported during the call");
    check_run ();
    cr_expect_eq (found.code, -ECANCELED);
}
