/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/start/launcher.h - runs the real launcher on a real root; the versions are shell scripts

    In the scratch directory, the versions write to the file `log`. The standard error of the launcher is
    `said`. */

#ifndef TEST_START_LAUNCHER_H
#define TEST_START_LAUNCHER_H

#include <criterion/criterion.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "root/outcome.h"
#include "test/fault/workspaces.h"
#include "test/lib/await.h"
#include "test/lib/load.h"
#include "test/lib/shell.h"

#define PATIENCE_MS load_deadline_ms (60000)

static struct root root;
static struct base_error error;
static char *launcher;
static size_t launcher_size;
static struct root_limits limits;

static inline void launcher_begin (void)
{
    struct base_buffer buffer = {0};
    scratch_begin ();
    limits =
        (struct root_limits){.starts = 3, .ready_ms = PATIENCE_MS, .confirm_ms = PATIENCE_MS, .pause_ms = 10};
    root = workspaces_root (&disk_system);
    char log[64];
    (void) snprintf (log, sizeof log, "%s/log", scratch_path);
    cr_assert_eq (setenv ("LOG", log, 1), 0);
    cr_assert_eq (disk_file_read (&disk_system, AT_FDCWD, START_PROGRAM, 1 << 28, &buffer), 0);
    launcher = (char *) buffer.data;
    launcher_size = buffer.size;
}

static inline void launcher_end (void)
{
    free (launcher);
    root_deinit (&root);
    scratch_end ();
}

static inline void version_make (const char *script, const char *const *args, const char *const *env,
                                 char ret_name[ROOT_NAME_SIZE])
{
    char *program = base_text_printf ("#!/bin/sh\n%s\n", script);
    workspaces_make (&root,
                     &(struct workspace_parts){.program = program,
                                               .launcher = launcher,
                                               .launcher_size = launcher_size,
                                               .args = args,
                                               .env = env},
                     ret_name);
    free (program);
}

/*  The stable version, and the one on trial. */
static char one[ROOT_NAME_SIZE], two[ROOT_NAME_SIZE];

static inline void version_put_on_trial (const char *script)
{
    version_make ("echo one >> $LOG", NULL, NULL, one);
    version_make (script, NULL, NULL, two);
    cr_assert_eq (root_stable_set (&root, one, &error), 0, "%s", error.text);
    cr_assert_eq (root_switch (&root, two, &limits, &error), 0, "%s", error.text);
}

static inline void version_make_stable (const char *script)
{
    version_make (script, NULL, NULL, one);
    cr_assert_eq (root_stable_set (&root, one, &error), 0, "%s", error.text);
}

static inline pid_t launcher_start_path (const char *path)
{
    pid_t pid = fork ();
    if (pid == 0) {
        int fd = open ("said", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
        (void) dup2 (fd, 2);
        (void) prctl (PR_SET_PDEATHSIG, SIGKILL); /* an aborted test leaves no launcher behind */
        execl (path, path, "an argument that is not for us", (char *) NULL);
        _exit (99);
    }
    return pid;
}

static inline pid_t launcher_start (void)
{
    return launcher_start_path ("root/stable/noded.sh");
}

/*  Waits for the launcher. Returns its exit status, or 128 + N after signal N, as a shell does. */
static inline int launcher_finish (pid_t pid)
{
    int status;
    cr_assert_eq (waitpid (pid, &status, 0), pid);
    return WIFEXITED (status) ? WEXITSTATUS (status) : 128 + WTERMSIG (status);
}

static inline int launcher_run (void)
{
    return launcher_finish (launcher_start ());
}

static inline void expect_log (const char *wanted)
{
    char *found = scratch_shell ("tr '\\n' ' ' < log", NULL), *said = scratch_shell ("cat said", NULL);
    cr_expect_str_eq (found, wanted, "%s; the launcher printed: %s", found, said);
    free (found);
    free (said);
}

static inline void expect_message (const char *text)
{
    char *said = scratch_read ("said");
    cr_expect (said && strstr (said, text), "%s", said);
    free (said);
}

static inline bool file_contains (const char *file, const char *text)
{
    char *found = scratch_read (file);
    bool contains = found && strstr (found, text);
    free (found);
    return contains;
}

static inline void wait_for_text (const char *file, const char *text)
{
    AWAIT (file_contains (file, text));
}

static inline void wait_for_log (const char *text)
{
    wait_for_text ("log", text);
}

static inline void wait_for_message (const char *text)
{
    wait_for_text ("said", text);
}

static inline struct root_trial trial_read (void)
{
    struct root_trial found = {0};
    cr_expect_eq (root_trial_read (&root, &found, &error), 0, "%s", error.text);
    return found;
}

/*  Whether there is a note of a failed trial. */
static inline bool failed_exists (void)
{
    char **names = NULL;
    cr_assert_eq (root_failed_list (&root, &names), 0);
    bool any = names[0];
    (void) base_list_free (names);
    return any;
}

static inline void expect_rolled_back (enum root_cause cause, const char *text)
{
    struct root_outcome outcome = {0};
    cr_expect (workspaces_link_is (&root, ROOT_STABLE, one));
    cr_expect_not (trial_read ().on_trial);
    cr_expect_eq (root_failed_read (&root, two, &outcome), 0);
    cr_expect_str_eq (outcome.workspace, two);
    cr_expect_eq (outcome.cause, cause, "%s", root_cause_word (outcome.cause));
    cr_expect_not_null (strstr (outcome.text, text), "%s", outcome.text);
}

#endif
