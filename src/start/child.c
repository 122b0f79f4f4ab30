/* SPDX-License-Identifier: MPL-2.0 */
/*  start/child.c - starts a version, watches its deadlines and signals, and ends it */

#include "start/child.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "root/command.h"
#include "root/links.h"
#include "start/descendants.h"
#include "start/reap.h"
#include "start/log.h"
#include "start/terminal.h"
#include "start/times.h"

enum { WORD_SIZE = 32, SAME_SIGNAL_MS = 100 };

/*  A deadline missed by more than LATE_MS was missed because the host slept or was frozen. Then the deadline
    starts again, at most LATE_TIMES times. */
enum { LATE_MS = 1000, LATE_TIMES = 5 };

/*  Interval between checks of stable on trial. A person who replaces the link by hand may remove it first, so
    it counts as missing only if two checks find it missing. */
enum { LOOK_MS = 1000 };

struct watch {
    const struct root *root;
    const char *workspace;
    const char *other;         /* stable may point there, too: that workspace cannot be started */
    struct start_trial *trial; /* NULL: not, or no longer, on trial */
    struct base_process process;
    uint64_t started_ms;
    bool ready;
    bool reload; /* SIGHUP arrived before it was ready */
    bool proven;
    uint64_t looked_ms; /* last check of stable by the timer */
    uint64_t lost_ms;   /* since when stable is dangling; 0: it is not */
    uint64_t moved_ms;  /* since when it points to another version; 0: it does not */
    bool stopping;      /* init asked to stop */
    bool superseded;    /* another workspace was made stable */
    uint64_t asked_ms;  /* when it was asked to end; 0: not yet */
    uint64_t killed_ms; /* when it was killed; 0: not yet */
    bool overdue;       /* killed because it did not end when it was asked to */
    bool given_up;      /* did not end when it was killed */
    bool ended;         /* has ended, but cannot be reaped yet */
    unsigned late;      /* how often the deadline of its end was restarted */
    enum start_verdict missed;
    int timer;
    int alarm; /* kernel timer ID, if has_alarm */
    bool has_alarm;
    int pipe;
    char word[WORD_SIZE]; /* received from the pipe, up to the newline */
    size_t word_length;
    bool word_too_long;
};

bool start_on_trial (const struct root *root, const char *workspace)
{
    base_assert (root_is_open (root));
    base_assert (workspace);
    struct root_trial trial;
    return root_trial_read (root, &trial, NULL) == 0 && trial.on_trial &&
           strcmp (trial.stable, workspace) == 0;
}

/*  start */

/*  Reads the command. If the workspace has no usable file `command`, the command is "noded run". */
static int command_read (const struct root *root, const char *workspace, struct root_command *ret_command,
                         struct base_error *error)
{
    base_cleanup (base_close_p) int fd = root->disk->ops->openat (root->disk->context, root->fd, workspace,
                                                                  O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0)
        return base_error_errno (error, -errno, "cannot open %s", workspace);
    int r = root_command_read (fd, ret_command, error);
    if (r != ROOT_E_NONE && r != ROOT_E_DAMAGED)
        return r;
    static char program[] = "noded", run[] = "run";
    char *const args[] = {run, NULL};
    start_log ("%s: %s: running \"noded run\"", workspace, error->text);
    struct root_command command = {
        .program = strdup (program), .args = base_list_copy (args, 1), .env = base_list_copy (args, 0)};
    if (!command.program || !command.args || !command.env) {
        root_command_deinit (&command);
        return base_error_errno (error, -ENOMEM, "cannot prepare the command");
    }
    *ret_command = command;
    return 0;
}

/*  The launcher's environment as init gave it, with the launcher's variables for the version, overridden by
    those of the envelope. */
static char **environment_make (const struct root *root, const char *workspace, int pipe,
                                char *const *envelope)
{
    base_cleanup (base_free_p) char *in_root = base_text_printf ("NODED_ROOT=%s", root->path);
    base_cleanup (base_free_p) char *in_workspace = base_text_printf ("NODED_WORKSPACE=%s", workspace);
    base_cleanup (base_free_p) char *launcher = base_text_printf ("NODED_LAUNCHER=%d", pipe);
    if (!in_root || !in_workspace || !launcher)
        return NULL;
    char *const own[] = {in_root, in_workspace, launcher, NULL};
    char **below = root_environment_merge (environ, own);
    char **all = below ? root_environment_merge (below, envelope) : NULL;
    (void) base_list_free (below);
    return all;
}

/*  deadlines */

static uint64_t time_earlier (uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/*  UINT64_MAX: no deadline. */
static uint64_t watch_deadline_ms (const struct watch *watch)
{
    if (watch->killed_ms)
        return watch->killed_ms + start_times.killed_ms;
    if (watch->asked_ms)
        return watch->asked_ms + start_times.asked_ms;
    if (!watch->trial)
        return UINT64_MAX;
    uint64_t confirm = start_trial_deadline_ms (watch->trial);
    return watch->ready ? confirm : time_earlier (confirm, watch->started_ms + watch->trial->limits.ready_ms);
}

/*  A stopped launcher cannot read its timerfd, so a kernel timer resumes it with SIGCONT. */
static void alarm_arm (const struct watch *watch, uint64_t deadline)
{
    struct itimerspec when = {0};
    uint64_t at = deadline == UINT64_MAX ? 0 : deadline + start_times.stuck_ms;
    if (!watch->has_alarm)
        return;
    when.it_value.tv_sec = (time_t) (at / 1000);
    when.it_value.tv_nsec = (long) (at % 1000) * 1000000;
    when.it_interval.tv_sec = at ? (time_t) (start_times.stuck_ms / 1000) : 0;
    (void) syscall (SYS_timer_settime, watch->alarm, TIMER_ABSTIME, &when, NULL);
}

static int watch_start (struct watch *watch, struct base_error *error)
{
    base_cleanup (root_command_deinit) struct root_command command = {0};
    int r = command_read (watch->root, watch->workspace, &command, error);
    if (r < 0)
        return r;
    int ends[2];
    if (pipe2 (ends, O_CLOEXEC) < 0)
        return base_error_errno (error, -errno, "cannot make a pipe");
    watch->pipe = ends[0];
    base_cleanup (base_close_p) int writing = ends[1];
    (void) fcntl (watch->pipe, F_SETFL, O_NONBLOCK);

    base_cleanup (base_free_p) char *path =
        base_text_printf ("%s/%s/%s", watch->root->path, watch->workspace, command.program);
    size_t n_args = base_list_count (command.args);
    base_cleanup (base_free_p) char **args = calloc (n_args + 2, sizeof *args);
    base_cleanup (base_list_free_p) char **environment =
        environment_make (watch->root, watch->workspace, writing, command.env);
    if (!path || !args || !environment)
        return base_error_errno (error, -ENOMEM, "cannot prepare the command");
    args[0] = path;
    for (size_t i = 0; command.args && i < n_args; i++)
        args[i + 1] = command.args[i];
    const struct base_process_spec spec = {
        .program = path,
        .args = args,
        .env = environment,
        .death_signal = SIGKILL,
        .standard_fds = {-1, -1, -1},
        .n_fds = 1,
        .fds = {writing},
        .own_session = true, /* a signal to its own group does not reach this process */
    };
    watch->started_ms = watch->looked_ms = base_time_boot_ms ();
    if (watch->trial)
        start_trial_begin (watch->trial, watch->started_ms);
    alarm_arm (watch, watch_deadline_ms (watch)); /* before the version can run */
    return base_process_spawn (&spec, &watch->process, error);
}

static void watch_arm (const struct watch *watch)
{
    struct itimerspec when = {0};
    uint64_t at = watch_deadline_ms (watch);
    at = time_earlier (at, watch->looked_ms + (watch->trial ? LOOK_MS : start_times.look_ms));
    if (watch->moved_ms && !watch->superseded)
        at = time_earlier (at, watch->moved_ms + start_times.settle_ms);
    when.it_value.tv_sec = (time_t) (at / 1000);
    when.it_value.tv_nsec = (long) (at % 1000) * 1000000 + 1;
    (void) timerfd_settime (watch->timer, TFD_TIMER_ABSTIME, &when, NULL);
    alarm_arm (watch, watch_deadline_ms (watch));
}

static void version_kill (struct watch *watch)
{
    (void) base_process_signal (&watch->process, SIGKILL);
    if (!watch->killed_ms)
        watch->killed_ms = base_time_boot_ms ();
    watch_arm (watch);
}

/*  The disk decides whether the trial is over; a word from the pipe only triggers this check. If stable is
    dangling, the disk cannot show it, and no version on trial can confirm itself: the version is killed. */
static void trial_check (struct watch *watch)
{
    struct base_error error = {0};
    char stable[ROOT_NAME_SIZE];
    uint64_t now = base_time_boot_ms ();
    if (!watch->trial)
        return;
    int r = root_stable_check (watch->root, &error);
    if (r > 0 && !watch->lost_ms)
        watch->lost_ms = now;
    else if (r > 0 && now >= watch->lost_ms + LOOK_MS && !watch->missed) {
        start_log ("WARNING: %s: killing %s, which is on trial", error.text, watch->workspace);
        watch->missed = START_LOST;
        version_kill (watch);
    } else if (r == 0)
        watch->lost_ms = 0;
    if (r || start_on_trial (watch->root, watch->workspace))
        return;
    start_log ("%s is no longer on trial", watch->workspace);
    watch->proven =
        root_link (watch->root, ROOT_STABLE, stable) == 0 && strcmp (stable, watch->workspace) == 0;
    watch->trial = NULL;
    watch_arm (watch);
}

/*  SIGHUP would kill a version that does not handle it yet. */
static void signal_pass (struct watch *watch, int number)
{
    if (number != SIGHUP || watch->ready) {
        (void) base_process_signal (&watch->process, number);
        return;
    }
    watch->reload = true;
    start_log ("asked to reload: SIGHUP is sent to %s when it is ready", watch->workspace);
}

static void word_handle (struct watch *watch)
{
    base_assert (watch->word_length < sizeof watch->word);
    if (strcmp (watch->word, "ready") == 0 && !watch->ready) {
        watch->ready = true;
        if (watch->reload)
            signal_pass (watch, SIGHUP);
        if (watch->trial)
            start_log ("%s is ready", watch->workspace);
        watch_arm (watch);
    } else if (strcmp (watch->word, "confirmed") == 0 && watch->trial) {
        watch->ready = true;
        trial_check (watch);
        if (watch->trial)
            start_log ("%s reported that it is confirmed, but the disk shows that it is not",
                       watch->workspace);
        watch_arm (watch);
    }
}

static void pipe_read (struct watch *watch)
{
    base_assert (watch->pipe >= 0 && watch->word_length < sizeof watch->word);
    char block[512];
    ssize_t got = read (watch->pipe, block, sizeof block);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) { /* all writers have closed it */
        (void) close (watch->pipe);
        watch->pipe = -1;
        return;
    }
    for (ssize_t i = 0; i < got; i++) {
        if (block[i] != '\n') {
            watch->word_too_long |= watch->word_length == sizeof watch->word - 1;
            if (!watch->word_too_long)
                watch->word[watch->word_length++] = block[i];
            continue;
        }
        watch->word[watch->word_length] = '\0';
        if (!watch->word_too_long)
            word_handle (watch);
        watch->word_length = 0;
        watch->word_too_long = false;
    }
}

/*  SIGCONT first: a stopped process handles no signals. From now on only the deadline for its end applies. */
static void version_ask_to_end (struct watch *watch, int number)
{
    (void) base_process_signal (&watch->process, SIGCONT);
    (void) base_process_signal (&watch->process, number);
    if (watch->asked_ms)
        return;
    watch->asked_ms = base_time_boot_ms ();
    watch_arm (watch);
}

/*  Why stable is checked. */
enum look {
    LOOK_BY_TIMER,
    LOOK_BY_COMMAND, /* SIGUSR2 arrived, by which a command of a person reports that it changed the root */
};

/*  Ends the version if stable points to another one, even if it no longer responds; at once after a
    command. */
static void stable_check (struct watch *watch, enum look look)
{
    char stable[ROOT_NAME_SIZE];
    uint64_t now = base_time_boot_ms ();
    trial_check (watch);
    if (watch->superseded || watch->missed)
        return;
    if (root_link (watch->root, ROOT_STABLE, stable) || strcmp (stable, watch->workspace) == 0 ||
        strcmp (stable, watch->other) == 0 || root_startable (watch->root, stable, NULL)) {
        watch->moved_ms = 0;
        return;
    }
    if (!watch->moved_ms)
        watch->moved_ms = now;
    if (look == LOOK_BY_TIMER && now < watch->moved_ms + start_times.settle_ms) {
        watch_arm (watch);
        return;
    }
    start_log (look == LOOK_BY_COMMAND ? "%s was made stable by hand: ending %s"
                                       : "%s is stable: ending %s, which still runs",
               stable, watch->workspace);
    watch->superseded = true;
    version_ask_to_end (watch, SIGTERM);
}

/*  On trial, a stop request from a descendant does not come from init. A sender that has already exited
    cannot be distinguished from init; the number of returned tokens is limited. */
static bool signal_is_from_below (const struct watch *watch, const struct signalfd_siginfo *info)
{
    pid_t sender = (pid_t) info->ssi_pid; /* 0: the kernel, or a process outside of this pid namespace */
    return watch->trial && sender > 0 && (sender == watch->process.pid || start_process_is_below (sender));
}

static void stop_handle (struct watch *watch, const struct signalfd_siginfo *info)
{
    if (!watch->stopping && signal_is_from_below (watch, info)) {
        if (watch->missed)
            return;
        start_log ("%s is on trial and sent signal %u to its launcher (from process %u): killing it",
                   watch->workspace, info->ssi_signo, info->ssi_pid);
        watch->missed = START_SIGNALLED;
        version_kill (watch);
        return;
    }
    if (!watch->stopping)
        start_log ("asked to stop: stopping %s", watch->workspace);
    watch->stopping = true;
    version_ask_to_end (watch, (int) info->ssi_signo);
}

static void signals_read (struct watch *watch, int signals)
{
    for (struct signalfd_siginfo info; start_signals_read (signals, &info);) {
        int number = (int) info.ssi_signo;
        if (number == SIGCHLD)
            continue; /* its end is read from the pidfd; other children are reaped in every round */
        if (number == SIGUSR2)
            stable_check (watch, LOOK_BY_COMMAND);
        else if (number == SIGTERM || number == SIGINT)
            stop_handle (watch, &info);
        else
            signal_pass (watch, number);
    }
}

/*  Whether the deadline was missed because the host slept. Then it is counted as restarted, and the caller
    restarts it. */
static bool deadline_forgive (struct watch *watch, uint64_t now)
{
    base_assert (watch->asked_ms || watch->killed_ms || watch->trial);
    bool ending = watch->asked_ms || watch->killed_ms;
    if (now <= watch_deadline_ms (watch) + LATE_MS ||
        (ending ? watch->late == LATE_TIMES : !start_trial_forgive (watch->trial, now)))
        return false;
    watch->late += ending;
    start_log ("this host was suspended: the deadline of %s starts again", watch->workspace);
    return true;
}

static void end_deadline_check (struct watch *watch, uint64_t now)
{
    base_assert (watch->asked_ms || watch->killed_ms);
    if (now < watch_deadline_ms (watch))
        return;
    if (deadline_forgive (watch, now)) {
        *(watch->killed_ms ? &watch->killed_ms : &watch->asked_ms) = now;
        return;
    }
    if (watch->killed_ms) {
        start_log ("WARNING: %s did not end within %" PRIu64 " ms after it was killed: giving up",
                   watch->workspace, start_times.killed_ms);
        watch->given_up = true;
        return;
    }
    start_log ("%s did not end within %" PRIu64 " ms after it was ordered to stop: killing it",
               watch->workspace, start_times.asked_ms);
    watch->overdue = true;
    version_kill (watch);
}

static void trial_deadline_check (struct watch *watch, uint64_t now)
{
    base_assert (watch->trial && !watch->missed);
    uint64_t confirm = start_trial_deadline_ms (watch->trial);
    if (now < watch_deadline_ms (watch)) {
        start_trial_count (watch->trial, watch->root, now);
        return;
    }
    if (deadline_forgive (watch, now)) {
        watch->started_ms = now;
        return;
    }
    watch->missed = now >= confirm && watch->ready ? START_UNCONFIRMED : START_HUNG;
    if (watch->missed == START_UNCONFIRMED || now >= confirm)
        start_log ("%s was not confirmed within %" PRIu64 " ms on trial: killing it", watch->workspace,
                   watch->trial->limits.confirm_ms);
    else
        start_log ("%s was not ready within %" PRIu64 " ms: killing it", watch->workspace,
                   watch->trial->limits.ready_ms);
    version_kill (watch);
}

static void timer_read (struct watch *watch)
{
    uint64_t count;
    if (read (watch->timer, &count, sizeof count) != (ssize_t) sizeof count)
        return;
    stable_check (watch, LOOK_BY_TIMER);
    uint64_t now = watch->looked_ms = base_time_boot_ms ();
    if (watch->asked_ms || watch->killed_ms)
        end_deadline_check (watch, now);
    else if (watch->trial && !watch->missed)
        trial_deadline_check (watch, now);
    watch_arm (watch);
}

/*  A signal to the whole process group may end the version shortly before this process receives it. */
static void same_signal_wait (struct watch *watch, int signals, const struct base_process_end *end)
{
    bool asked = !end->exited && (end->code == SIGTERM || end->code == SIGINT);
    struct pollfd polled = {.fd = signals, .events = POLLIN};
    uint64_t until = base_time_boot_ms () + SAME_SIGNAL_MS;
    do {
        signals_read (watch, signals);
        uint64_t now = base_time_boot_ms ();
        if (!asked || watch->stopping || now >= until)
            return;
        (void) poll (&polled, 1, (int) (until - now));
    } while (true);
}

/*  The version has ended, but a tracer keeps it from being reaped. A tracer among its descendants is ended.
    Any other, such as a debugger, gets the time of a killed process. Meanwhile the pidfd, which stays
    readable, is not polled. */
static void tracers_end (struct watch *watch, const struct start_sweep *sweep)
{
    start_log ("%s has ended and is traced: ending its descendants", watch->workspace);
    watch->ended = true;
    (void) start_sweep_end (sweep, watch->workspace, watch->process.pid, START_SWEEP_AT_ONCE);
    version_kill (watch);
}

/*  Waits until the version has ended or is given up. */
static struct base_process_end version_wait (struct watch *watch, int signals,
                                             const struct start_sweep *sweep)
{
    struct base_process_end end = {.exited = false, .code = SIGKILL};
    while (!watch->given_up) {
        struct pollfd polled[] = {
            {.fd = watch->ended ? -1 : watch->process.fd, .events = POLLIN},
            {.fd = signals, .events = POLLIN},
            {.fd = watch->pipe, .events = POLLIN},
            {.fd = watch->timer, .events = POLLIN},
        };
        bool failed = poll (polled, sizeof polled / sizeof *polled, -1) < 0 && errno != EINTR;
        if (failed) { /* out of memory: check everything in turn */
            struct timespec moment = {.tv_nsec = 100 * 1000000};
            (void) nanosleep (&moment, NULL);
        }
        if (watch->pipe >= 0 && (failed || polled[2].revents))
            pipe_read (watch); /* before its end: the last word counts */
        if (failed || polled[1].revents)
            signals_read (watch, signals);
        if ((failed || watch->ended || polled[0].revents) &&
            base_process_wait (&watch->process, BASE_WAIT_NOT, &end) == 0)
            return end;
        if (!watch->ended && polled[0].revents & POLLIN)
            tracers_end (watch, sweep);
        if (failed || polled[3].revents)
            timer_read (watch);
        (void) start_reap_others (watch->process.pid);
    }
    (void) close (watch->process.fd); /* reaped with other children if it ever ends */
    watch->process = BASE_PROCESS_NULL;
    return end;
}

void start_child_run (const struct start_child *child, int signals, struct start_ending *ret_ending)
{
    base_assert (child && root_is_open (child->root));
    base_assert (child->workspace && child->sweep);
    base_assert (ret_ending);
    struct watch watch = {.root = child->root,
                          .workspace = child->workspace,
                          .other = child->other ? child->other : "",
                          .trial = child->trial,
                          .process = BASE_PROCESS_NULL,
                          .pipe = -1};
    struct start_ending ending = {0};
    struct start_terminal terminal;
    start_terminal_keep (&terminal);
    start_sweep_lock (child->sweep);
    watch.timer = timerfd_create (CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGCONT};
    /* The C library's timers start threads; the launcher must not have any. */
    watch.has_alarm = watch.trial && syscall (SYS_timer_create, CLOCK_BOOTTIME, &event, &watch.alarm) == 0;
    if (watch_start (&watch, &ending.error) < 0) {
        ending.verdict = START_NO_PROGRAM;
        goto done;
    }
    stable_check (&watch, LOOK_BY_TIMER);
    watch_arm (&watch);
    (void) malloc_trim (0); /* frees memory: the launcher waits with a small footprint */
    ending.end = version_wait (&watch, signals, child->sweep);
    if (watch.trial && !watch.stopping)
        start_sweep_hold (child->sweep); /* stopped processes send no signals that look like init's */
    same_signal_wait (&watch, signals, &ending.end);
    ending.left = start_sweep_end (child->sweep, watch.workspace, 0,
                                   watch.stopping ? START_SWEEP_LINGER : START_SWEEP_AT_ONCE);
    start_terminal_restore (&terminal);
    trial_check (&watch);
    if (watch.trial)
        start_trial_end (watch.trial, watch.root, base_time_boot_ms ());
    ending.proven = watch.proven;
    ending.overdue = watch.overdue && !ending.end.exited && ending.end.code == SIGKILL;
    ending.verdict = watch.stopping     ? START_STOPPED
                     : watch.superseded ? START_SUPERSEDED
                     : watch.missed     ? watch.missed
                                        : START_ENDED;
done:
    if (watch.has_alarm)
        (void) syscall (SYS_timer_delete, watch.alarm);
    if (watch.timer >= 0)
        (void) close (watch.timer);
    if (watch.pipe >= 0)
        (void) close (watch.pipe);
    *ret_ending = ending;
}
