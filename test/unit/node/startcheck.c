/*  Step f of a rehearsal with the real launcher: what the host did is told from what the start files did. */

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "node/startcheck.h"
#include "test/fault/scratch.h"

enum { PATIENCE_MS = 60000, STEP_MS = 30000 };

static struct bus_loop *loop;
static struct root root;
static struct node_startcheck *check;
static struct base_error found;
static bool done;
static int workspace;

static void on_done (void *context, const struct base_error *error)
{
    (void) context;
    done = true;
    found = error ? *error : (struct base_error){.code = 0};
    check = node_startcheck_free (check);
    bus_loop_stop (loop);
}

static void give_up (void *context)
{
    (void) context;
    bus_loop_stop (loop);
}

static void begin (void)
{
    scratch_begin ();
    loop = bus_loop_new ();
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

static void end (void)
{
    (void) close (workspace);
    root_deinit (&root);
    (void) bus_loop_free (loop);
    scratch_end ();
}

TestSuite (startcheck, .init = begin, .fini = end, .timeout = 240);

static int start (const char *launcher)
{
    struct base_error error = {.code = 0};
    return node_startcheck_new (loop, &root, workspace, launcher, environ, STEP_MS, on_done, NULL, &check,
                                &error);
}

static void run (void)
{
    int timer = bus_timer_start (loop, PATIENCE_MS, give_up, NULL);
    cr_assert_eq (bus_loop_run (loop), 0);
    bus_timer_cancel (loop, timer);
    cr_expect (done);
}

Test (startcheck, start_files_that_go_back_pass)
{
    cr_assert_eq (start (START_PROGRAM), 0);
    run ();
    cr_expect_eq (found.code, 0, "%s", found.text);
}

static void kill_guards (void *context)
{
    (void) context;
    free (scratch_shell ("kill -KILL $(pgrep -f 'start guard .*" /* of this test alone: its path is in it */
                         "'$(basename \"$PWD\"))",               /* all: some may have done their work */
                         NULL));
}

Test (startcheck, a_guard_that_is_killed_is_not_the_fault_of_the_start_files)
{
    cr_assert_eq (start (START_PROGRAM), 0);
    cr_assert_gt (bus_timer_start (loop, 20, kill_guards, NULL), 0);
    run ();
    cr_expect_eq (found.code, -EINTR, "%d: %s", found.code, found.text);
}

Test (startcheck, what_the_parent_is_not_able_to_do_is_not_the_fault_of_the_start_files)
{
    cr_expect_lt (start ("/not/there"), 0, "a guard that cannot be started");
    cr_assert_eq (disk_tree_remove (&disk_system, AT_FDCWD, "root", NULL), 0);
    scratch_write_text ("root", "");
    cr_expect_lt (start (START_PROGRAM), 0, "a root in which nothing can be made");
}

Test (startcheck, start_files_that_are_missing_are_the_candidates_fault)
{
    cr_assert_eq (unlink ("workspace/noded.sh"), 0);
    cr_expect_eq (start (START_PROGRAM), ROOT_E_DAMAGED);
}

Test (startcheck, one_that_is_not_wanted_any_more_ends_and_says_so)
{
    cr_assert_eq (start (START_PROGRAM), 0);
    node_startcheck_end (check);
    cr_expect_not (done, "told from within the call");
    run ();
    cr_expect_eq (found.code, -ECANCELED);
}
