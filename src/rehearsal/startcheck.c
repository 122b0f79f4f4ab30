/* SPDX-License-Identifier: MPL-2.0 */
/*  rehearsal/startcheck.c - tries a candidate's start files on broken programs */

#include "rehearsal/startcheck.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "bus/work.h"
#include "rehearsal/guard.h"
#include "rehearsal/scratch.h"
#include "root/command.h"
#include "root/manifest.h"

enum { KINDS = 3, READY_MS = 150, GRACE_MS = 500, FILE_MOST = 8 * 1024 * 1024 };

static const char proven[] = "2000-01-01T00:00:00.000000001Z";
static const char broken[] = "2000-01-01T00:00:00.000000002Z";

static const struct {
    const char *what;
    const char *program;
} kinds[KINDS] = {
    {"a program that exits", "#!/bin/sh\nexit 3\n"},
    {"a program that hangs", "#!/bin/sh\nkill -STOP $$\n"},
    {"a file that is not a program", "this is no program\n"},
};

struct run {
    struct rehearsal_startcheck *check;
    struct rehearsal_scratch scratch;
    struct rehearsal_guard *guard;
    bool gone;
    pid_t stuck;
};

struct rehearsal_startcheck {
    struct bus_loop *loop;
    struct run runs[KINDS];
    int timer;
    uint64_t span_ms, due_ms; /* length of the deadline, and when it is due */
    unsigned times_late;
    bool over;
    struct bus_work *emptying; /* empties the scratch roots when nothing runs in them */
    atomic_bool leave;         /* ends the emptying; the next start continues it */
    bool emptied;
    struct base_error result; /* code 0: all rolled back */
    rehearsal_startcheck_done *done;
    void *context;
};

static int directory_make (int root, const char *name, int *ret_fd)
{
    if (mkdirat (root, name, 0755) < 0)
        return -errno;
    *ret_fd = openat (root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return *ret_fd < 0 ? -errno : 0;
}

/*  Not synced: a scratch root has no meaning after a crash. */
static int file_put (int directory, const char *name, mode_t mode, const void *data, size_t size)
{
    base_assert (directory >= 0 && name);
    base_assert (data || size == 0);
    base_cleanup (base_close_p) int fd =
        openat (directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    for (size_t done = 0; done < size;) {
        ssize_t wrote = write (fd, (const char *) data + done, size - done);
        if (wrote < 0 && errno != EINTR)
            return -errno;
        done += wrote < 0 ? 0 : (size_t) wrote;
    }
    return fchmod (fd, mode) < 0 ? -errno : 0;
}

static int file_put_text (int directory, const char *name, mode_t mode, const char *text)
{
    return file_put (directory, name, mode, text, strlen (text));
}

static int file_copy (const struct root *root, int from, int to, const char *name)
{
    base_cleanup (base_buffer_deinit) struct base_buffer content = {0};
    int r = disk_file_read (root->disk, from, name, FILE_MOST, &content);
    if (r < 0 && !base_error_is_of_host (r))
        return ROOT_E_DAMAGED; /* the file is the candidate's */
    return r < 0 ? r : file_put (to, name, 0755, content.data, content.size);
}

/*  Makes a workspace of start files and a program. script NULL: the noded.sh of the workspace under test. */
static int workspace_fill (const struct root *root, const char *name, int workspace, const char *script,
                           const char *program)
{
    base_cleanup (base_close_p) int made = -1;
    base_cleanup (base_buffer_deinit) struct base_buffer command = {0};
    base_cleanup (base_buffer_deinit) struct base_buffer manifest = {0};
    const char *const args[] = {"run"};
    int r = directory_make (root->fd, name, &made);
    if (r == 0)
        r = file_put_text (made, ROOT_PROGRAM, 0755, program);
    if (r == 0)
        r = script ? file_put_text (made, ROOT_SCRIPT, 0755, script)
                   : file_copy (root, workspace, made, ROOT_SCRIPT);
    if (r == 0)
        r = file_copy (root, workspace, made, ROOT_LAUNCHER);
    if (r == 0)
        r = root_command_pack (ROOT_PROGRAM, args, 1, NULL, 0, &command);
    if (r == 0)
        r = file_put (made, ROOT_COMMAND, 0644, command.data, command.size);
    if (r == 0)
        r = root_manifest_make (made, NULL, &manifest, NULL);
    if (r == 0)
        r = file_put (made, ROOT_MANIFEST, 0644, manifest.data, manifest.size);
    return r;
}

/*  Makes a root whose stable is a broken program under the start files to be tried. A rollback returns to a
    script that exits with 0. */
static int root_furnish (const struct root *root, int workspace, const char *program,
                         struct base_error *error)
{
    int r = workspace_fill (root, proven, workspace, "#!/bin/sh\nexit 0\n", "#!/bin/sh\nexit 0\n");
    if (r == 0)
        r = workspace_fill (root, broken, workspace, NULL, program);
    if (r > 0)
        return base_error_set (error, r, "a start file that the candidate staged cannot be read");
    if (r < 0)
        return base_error_errno (error, r, "cannot make a scratch root in %s", root->path);
    struct root_limits limits = {
        .starts = 2, .ready_ms = READY_MS, .confirm_ms = 4 * READY_MS, .pause_ms = 1};
    r = root_stable_set (root, proven, error);
    return r ? r : root_switch (root, broken, &limits, error);
}

static void check_report (struct rehearsal_startcheck *check)
{
    check->done (check->context, check->result.code ? &check->result : NULL);
}

/*  Runs on a thread, as in the rehearsal. */
static int scratch_empty (void *context)
{
    struct rehearsal_startcheck *check = context;
    const struct disk_until until = {.stop = &check->leave};
    for (size_t i = 0; i < KINDS; i++)
        if (!check->runs[i].stuck)
            rehearsal_scratch_empty (&check->runs[i].scratch, &until);
    return 0;
}

static void on_emptied (void *context, int r)
{
    struct rehearsal_startcheck *check = context;
    (void) r;
    check->emptying = bus_work_free (check->emptying);
    check->emptied = true;
    check_report (check);
}

static bool runs_are_gone (const struct rehearsal_startcheck *check)
{
    for (size_t i = 0; i < KINDS; i++)
        if (!check->runs[i].gone)
            return false;
    return true;
}

static void check_finish (void *context)
{
    base_assert (context);
    struct rehearsal_startcheck *check = context;
    check->timer = 0;
    base_assert (check->over && runs_are_gone (check) && !check->emptying);
    if (bus_work_start (check->loop, scratch_empty, on_emptied, check, &check->emptying) < 0)
        check_report (check);
}

/*  The owner is informed from the loop, when no process runs any more. */
static void check_conclude (struct rehearsal_startcheck *check, const struct base_error *error)
{
    base_assert (check);
    if (check->over)
        return;
    check->over = true;
    bus_timer_cancel (check->loop, check->timer);
    check->timer = 0;
    if (error)
        check->result = *error;
    for (size_t i = 0; i < KINDS; i++)
        if (!check->runs[i].gone)
            rehearsal_guard_kill (check->runs[i].guard);
    if (runs_are_gone (check))
        check->timer = bus_timer_start (check->loop, 0, check_finish, check);
}

static bool end_is_kill (const struct rehearsal_guard_end *end)
{
    return !end->ended || (end->how.exited ? end->how.code == 128 + SIGKILL : end->how.code == SIGKILL);
}

static void on_gone (void *context, const struct rehearsal_guard_end *found)
{
    base_assert (context && found);
    const struct rehearsal_guard_end copy = *found, *end = &copy; /* the guard is freed here */
    struct run *run = context;
    struct rehearsal_startcheck *check = run->check;
    const char *what = kinds[run - check->runs].what;
    struct base_error error = {.code = 0};
    base_assert (run >= check->runs && run < check->runs + KINDS && !run->gone);
    run->gone = true;
    run->stuck = end->stuck;
    run->guard = rehearsal_guard_free (run->guard);
    if (check->over) {
        if (runs_are_gone (check))
            check->timer = bus_timer_start (check->loop, 0, check_finish, check);
        return;
    }
    char stable[ROOT_NAME_SIZE] = "";
    struct root_trial trial = {.on_trial = true};
    int r = root_link (&run->scratch.root, ROOT_STABLE, stable);
    int read = root_trial_read (&run->scratch.root, &trial, NULL);
    char how[96];
    if (end->stuck)
        (void) base_error_set (&error, ROOT_E_DAMAGED,
                               "the start files that the candidate stages left processes after %s that "
                               "cannot be ended",
                               what);
    else if (end_is_kill (end)) /* alone or with its guard: nothing here kills the launcher so early */
        (void) base_error_set (&error, -EINTR,
                               "the start files or their guard were killed during the test on %s", what);
    else if (end->host)
        (void) base_error_errno (&error, -end->host, "cannot start the start files on %s", what);
    else if (base_error_is_of_host (r) || base_error_is_of_host (read))
        (void) base_error_errno (&error, base_error_is_of_host (r) ? r : read,
                                 "cannot check how the start files handled %s", what);
    else if (strcmp (stable, proven) != 0 || trial.on_trial)
        (void) base_error_set (&error, ROOT_E_DAMAGED,
                               "the start files that the candidate stages did not roll back from %s: it %s",
                               what, base_process_end_format (&end->how, how, sizeof how));
    else if (!end->how.exited || end->how.code != 0)
        (void) base_error_set (
            &error, ROOT_E_DAMAGED,
            "the start files that the candidate stages rolled back from %s, but then did not start the "
            "previous version: it %s",
            what, base_process_end_format (&end->how, how, sizeof how));
    else if (end->left)
        (void) base_error_set (&error, ROOT_E_DAMAGED,
                               "the start files that the candidate stages left %u processes behind after %s",
                               end->left, what);
    if (error.code)
        check_conclude (check, &error);
    else if (runs_are_gone (check))
        check_conclude (check, NULL);
}

static void on_deadline (void *context);

static void deadline_start (struct rehearsal_startcheck *check)
{
    check->due_ms = base_time_boot_ms () + check->span_ms;
    check->timer = bus_timer_start (check->loop, check->span_ms, on_deadline, check);
}

static void on_deadline (void *context)
{
    struct rehearsal_startcheck *check = context;
    check->timer = 0;
    if (base_time_boot_ms () > check->due_ms + BUS_TIMER_LATE_MS &&
        check->times_late < BUS_TIMER_LATE_TIMES) { /* the host slept */
        check->times_late++;
        deadline_start (check);
        return;
    }
    struct base_error error = {.code = 0};
    for (size_t i = 0; i < KINDS; i++)
        if (!check->runs[i].gone) {
            (void) base_error_set (
                &error, -ETIMEDOUT,
                "the start files that the candidate stages did not roll back from %s in time", kinds[i].what);
            break;
        }
    check_conclude (check, &error);
}

int rehearsal_startcheck_new (struct bus_loop *loop, const struct root *root, int workspace,
                              const char *launcher, char *const *env, uint64_t deadline_ms,
                              rehearsal_startcheck_done *done, void *context,
                              struct rehearsal_startcheck **ret_check, struct base_error *error)
{
    base_assert (loop && root && workspace >= 0);
    base_assert (launcher && env);
    base_assert (done && ret_check);
    struct rehearsal_startcheck *check = calloc (1, sizeof *check);
    if (!check)
        return -ENOMEM;
    check->loop = loop;
    check->done = done;
    check->context = context;
    for (size_t i = 0; i < KINDS; i++)
        check->runs[i].scratch.root.fd = -1;
    int r = 0;
    for (size_t i = 0; i < KINDS && r == 0; i++) {
        struct run *run = &check->runs[i];
        run->check = check;
        r = rehearsal_scratch_make (root, &run->scratch, error);
        if (r == 0)
            r = root_furnish (&run->scratch.root, workspace, kinds[i].program, error);
        if (r)
            break;
        base_cleanup (base_free_p) char *script =
            base_text_printf ("%s/%s/%s", run->scratch.root.path, ROOT_STABLE, ROOT_SCRIPT);
        struct rehearsal_guard_spec guard = {.loop = loop,
                                             .launcher = launcher,
                                             .script = script,
                                             .env = env,
                                             .grace_ms = GRACE_MS,
                                             .end_ms = deadline_ms,
                                             .root = root->path,
                                             .scratch = run->scratch.root.path,
                                             .gone = on_gone,
                                             .context = run};
        r = script ? rehearsal_guard_start (&guard, &run->guard, error) : -ENOMEM;
    }
    if (r) {
        (void) rehearsal_startcheck_free (check);
        return r;
    }
    check->span_ms = deadline_ms;
    deadline_start (check);
    *ret_check = check;
    return 0;
}

void rehearsal_startcheck_end (struct rehearsal_startcheck *check)
{
    base_assert (check);
    struct base_error error = {.code = 0};
    (void) base_error_set (&error, -ECANCELED, "the check of its start files was ended");
    check_conclude (check, &error);
}

pid_t rehearsal_startcheck_stuck (const struct rehearsal_startcheck *check)
{
    base_assert (check);
    for (size_t i = 0; i < KINDS; i++)
        if (check->runs[i].stuck)
            return check->runs[i].stuck;
    return 0;
}

struct rehearsal_startcheck *rehearsal_startcheck_free (struct rehearsal_startcheck *check)
{
    if (!check)
        return NULL;
    bus_timer_cancel (check->loop, check->timer);
    bool left = check->emptying || check->emptied;
    atomic_store (&check->leave, true);
    (void) bus_work_free (check->emptying);
    for (size_t i = 0; i < KINDS; i++) {
        (void) rehearsal_guard_free (check->runs[i].guard);
        if (check->runs[i].stuck || left)
            rehearsal_scratch_leave (&check->runs[i].scratch);
        rehearsal_scratch_deinit (&check->runs[i].scratch);
    }
    free (check);
    return NULL;
}
