#include "start/child.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "root/command.h"
#include "root/mend.h"
#include "start/reap.h"
#include "start/say.h"

enum { WORD_SIZE = 32, SAME_SIGNAL_MS = 100 };

/*  How long a version that was told to end may take. Not every init ends by force what does not. */
enum { TOLD_MS = 10 * 1000 };

/*  A deadline that is found passed by more than this was not kept by a process that did not run itself: the
    host slept, or was frozen. That is held against no version, but for the last of so many times: on a host
    that is always late a trial has to end, too. */
enum { LATE_MS = 1000, LATE_TIMES = 5 };

/*  How often stable is looked at on trial. Whoever replaces the link by hand may remove it first: it is gone
    when it is gone twice. */
enum { LOOK_MS = 1000 };

struct watch {
    const struct root *root;
    const char *workspace;
    const struct root_limits *limits; /* NULL: no deadline, or no longer one */
    struct base_process process;
    uint64_t begun_ms;
    bool ready;
    bool proven;
    uint64_t looked_ms; /* when the timer had stable looked at */
    uint64_t lost_ms;   /* since when stable leads nowhere; 0: it does not */
    bool stopping;      /* init asked to stop */
    bool superseded;    /* a person made another workspace stable */
    uint64_t told_ms;   /* when it was therefore told to end; 0: it was not */
    bool overdue;       /* it had not by its deadline, and was killed */
    unsigned late;      /* how often a deadline was not held against it */
    enum start_verdict missed;
    int timer;
    int pipe;
    char word[WORD_SIZE]; /* of the pipe, up to its newline */
    size_t word_length;
    bool word_too_long;
};

bool start_on_trial (const struct root *root, const char *workspace)
{
    struct root_trial trial;
    return root_trial_read (root, &trial, NULL) == 0 && trial.on_trial &&
           strcmp (trial.stable, workspace) == 0;
}

/*  starting */

/*  What is run. A workspace without the file `command` can only be asked to be a node manager. */
static int read_command (const struct root *root, const char *workspace, struct root_command *ret_command,
                         struct base_error *error)
{
    base_cleanup (base_close_p) int fd = root->disk->ops->openat (root->disk->context, root->fd, workspace,
                                                                  O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0)
        return base_error_errno (error, -errno, "cannot open %s", workspace);
    int rc = root_command_read (fd, ret_command, error);
    if (rc != ROOT_E_NONE && rc != ROOT_E_DAMAGED)
        return rc;
    static char program[] = "noded", run[] = "run";
    char *const args[] = {run, NULL};
    start_say ("%s: %s: running \"noded run\"", workspace, error->text);
    struct root_command command = {
        .program = strdup (program), .args = base_list_copy (args, 1), .env = base_list_copy (args, 0)};
    if (!command.program || !command.args || !command.env) {
        root_command_deinit (&command);
        return base_error_errno (error, -ENOMEM, "cannot prepare the command");
    }
    *ret_command = command;
    return 0;
}

/*  The launcher's own environment as init gave it, what a version needs to know of its launcher, and the
    envelope's on top. */
static char **make_environment (const struct root *root, const char *workspace, int pipe,
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

static void free_list (char ***list)
{
    *list = base_list_free (*list);
}

static int start (struct watch *watch, struct base_error *error)
{
    base_cleanup (root_command_deinit) struct root_command command = {0};
    int rc = read_command (watch->root, watch->workspace, &command, error);
    if (rc)
        return rc;
    int ends[2];
    if (pipe2 (ends, O_CLOEXEC))
        return base_error_errno (error, -errno, "cannot make a pipe");
    watch->pipe = ends[0];
    base_cleanup (base_close_p) int writing = ends[1];
    (void) fcntl (watch->pipe, F_SETFL, O_NONBLOCK);

    base_cleanup (base_free_p) char *path =
        base_text_printf ("%s/%s/%s", watch->root->path, watch->workspace, command.program);
    size_t n_args = base_list_count (command.args);
    base_cleanup (base_free_p) char **args = calloc (n_args + 2, sizeof *args);
    base_cleanup (free_list) char **environment =
        make_environment (watch->root, watch->workspace, writing, command.env);
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
    };
    watch->begun_ms = watch->looked_ms = base_time_boot_ms ();
    return base_process_spawn (&spec, &watch->process, error);
}

/*  waiting */

static uint64_t next_deadline (const struct watch *watch)
{
    if (watch->told_ms)
        return watch->told_ms + TOLD_MS;
    uint64_t span = watch->limits->confirm_ms;
    if (!watch->ready && watch->limits->ready_ms < span)
        span = watch->limits->ready_ms;
    return watch->begun_ms + span;
}

static void arm (const struct watch *watch)
{
    struct itimerspec when = {0}; /* all zero: off */
    if (watch->limits || watch->told_ms) {
        uint64_t at = next_deadline (watch);
        if (!watch->told_ms && watch->looked_ms + LOOK_MS < at)
            at = watch->looked_ms + LOOK_MS;
        when.it_value.tv_sec = (time_t) (at / 1000);
        when.it_value.tv_nsec = (long) (at % 1000) * 1000000 + 1;
    }
    (void) timerfd_settime (watch->timer, TFD_TIMER_ABSTIME, &when, NULL);
}

/*  The disk decides whether the trial is over; what the pipe says is only an occasion to look. Where stable
    leads nowhere the disk does not say so, and no version on trial can confirm itself: it is ended. */
static void look_at_trial (struct watch *watch)
{
    struct base_error error = {0};
    char stable[ROOT_NAME_SIZE];
    uint64_t now = base_time_boot_ms ();
    if (!watch->limits)
        return;
    int rc = root_stable_check (watch->root, &error);
    if (rc > 0 && !watch->lost_ms)
        watch->lost_ms = now;
    else if (rc > 0 && now >= watch->lost_ms + LOOK_MS && !watch->missed) {
        start_say ("WARNING: %s: killing %s, which is on trial", error.text, watch->workspace);
        watch->missed = START_LOST;
        (void) base_process_signal (&watch->process, SIGKILL);
    } else if (rc == 0)
        watch->lost_ms = 0;
    if (rc || start_on_trial (watch->root, watch->workspace))
        return;
    start_say ("%s is no longer on trial", watch->workspace);
    watch->proven =
        root_link (watch->root, ROOT_STABLE, stable) == 0 && strcmp (stable, watch->workspace) == 0;
    watch->limits = NULL;
    arm (watch);
}

static void take_word (struct watch *watch)
{
    if (strcmp (watch->word, "ready") == 0 && !watch->ready) {
        watch->ready = true;
        if (watch->limits)
            start_say ("%s is ready", watch->workspace);
        arm (watch);
    } else if (strcmp (watch->word, "confirmed") == 0 && watch->limits) {
        watch->ready = true;
        look_at_trial (watch);
        if (watch->limits)
            start_say ("%s says that it is confirmed, and the disk says that it is not", watch->workspace);
        arm (watch);
    }
}

static void read_pipe (struct watch *watch)
{
    char block[512];
    ssize_t got = read (watch->pipe, block, sizeof block);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) { /* every writer is gone: nothing more will come */
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
            take_word (watch);
        watch->word_length = 0;
        watch->word_too_long = false;
    }
}

/*  It is being told to end: from here on it has that deadline alone. */
static void expect_end (struct watch *watch)
{
    if (watch->told_ms)
        return;
    watch->told_ms = base_time_boot_ms ();
    arm (watch);
}

/*  SIGUSR2: somebody changed the root on this host. Where that made another workspace stable, the version
    here is ended, even one that does not listen any more. */
static void look_at_stable (struct watch *watch)
{
    char stable[ROOT_NAME_SIZE];
    look_at_trial (watch);
    if (watch->superseded || root_link (watch->root, ROOT_STABLE, stable) ||
        strcmp (stable, watch->workspace) == 0)
        return;
    start_say ("%s was made stable by hand: ending %s", stable, watch->workspace);
    watch->superseded = true;
    (void) base_process_signal (&watch->process, SIGTERM);
    expect_end (watch);
}

static void read_signals (struct watch *watch, int signals)
{
    for (int number; (number = start_signals_next (signals));) {
        if (number == SIGCHLD)
            continue; /* its end is seen on the pidfd; strangers are reaped in every round */
        if (number == SIGUSR2) {
            look_at_stable (watch);
            continue;
        }
        if (number == SIGTERM || number == SIGINT) {
            if (!watch->stopping)
                start_say ("asked to stop: telling %s", watch->workspace);
            watch->stopping = true;
            expect_end (watch);
        }
        (void) base_process_signal (&watch->process, number);
    }
}

/*  Whether a deadline that has passed is not held against it. */
static bool slept (struct watch *watch, uint64_t now)
{
    if (now <= next_deadline (watch) + LATE_MS || watch->late == LATE_TIMES)
        return false;
    watch->late++;
    start_say ("this host slept: %s gets its time anew", watch->workspace);
    return true;
}

static void look_at_end (struct watch *watch, uint64_t now)
{
    if (watch->overdue)
        return;
    if (slept (watch, now))
        watch->told_ms = now;
    if (now < next_deadline (watch)) {
        arm (watch);
        return;
    }
    start_say ("%s did not end within %d ms of being told to: killing it", watch->workspace, TOLD_MS);
    watch->overdue = true;
    (void) base_process_signal (&watch->process, SIGKILL);
}

static void read_timer (struct watch *watch)
{
    uint64_t count;
    if (read (watch->timer, &count, sizeof count) != (ssize_t) sizeof count)
        return;
    look_at_trial (watch);
    uint64_t now = watch->looked_ms = base_time_boot_ms ();
    if (watch->told_ms) {
        look_at_end (watch, now);
        return;
    }
    if (!watch->limits || watch->missed)
        return;
    if (now < next_deadline (watch)) {
        arm (watch);
        return;
    }
    if (slept (watch, now)) {
        watch->begun_ms = now;
        arm (watch);
        return;
    }
    watch->missed =
        now >= watch->begun_ms + watch->limits->confirm_ms && watch->ready ? START_UNCONFIRMED : START_HUNG;
    start_say ("%s was not %s within %" PRIu64 " ms: killing it", watch->workspace,
               watch->missed == START_HUNG ? "ready" : "confirmed",
               watch->missed == START_HUNG ? next_deadline (watch) - watch->begun_ms
                                           : watch->limits->confirm_ms);
    (void) base_process_signal (&watch->process, SIGKILL);
}

/*  A signal to the whole process group ends the version maybe a moment before it reaches this process. */
static void wait_for_same_signal (struct watch *watch, int signals, const struct base_process_end *end)
{
    bool asked = !end->exited && (end->code == SIGTERM || end->code == SIGINT);
    struct pollfd polled = {.fd = signals, .events = POLLIN};
    uint64_t until = base_time_boot_ms () + SAME_SIGNAL_MS;
    do {
        read_signals (watch, signals);
        uint64_t now = base_time_boot_ms ();
        if (!asked || watch->stopping || now >= until)
            return;
        (void) poll (&polled, 1, (int) (until - now));
    } while (true);
}

void start_child_run (const struct root *root, const char *workspace, const struct root_limits *limits,
                      int signals, struct start_ending *ret_ending)
{
    struct watch watch = {
        .root = root, .workspace = workspace, .limits = limits, .process = BASE_PROCESS_NULL, .pipe = -1};
    struct start_ending ending = {0};
    watch.timer = timerfd_create (CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (start (&watch, &ending.error)) {
        ending.verdict = START_NO_PROGRAM;
        goto done;
    }
    arm (&watch);
    (void) malloc_trim (0); /* what reading the files took: the launcher is to be small while it waits */
    for (;;) {
        struct pollfd polled[] = {
            {.fd = watch.process.fd, .events = POLLIN},
            {.fd = signals, .events = POLLIN},
            {.fd = watch.pipe, .events = POLLIN},
            {.fd = watch.timer, .events = POLLIN},
        };
        if (poll (polled, sizeof polled / sizeof *polled, -1) < 0 && errno != EINTR)
            break; /* out of memory: its end is still waited for below */
        if (polled[2].revents)
            read_pipe (&watch); /* before its end: a last word counts */
        if (polled[1].revents)
            read_signals (&watch, signals);
        if (polled[0].revents && base_process_wait (&watch.process, false, &ending.end) == 0)
            break;
        if (polled[3].revents)
            read_timer (&watch);
        (void) start_reap_others (watch.process.pid);
    }
    if (watch.process.pid)
        (void) base_process_wait (&watch.process, true, &ending.end);
    (void) start_reap_others (0);
    wait_for_same_signal (&watch, signals, &ending.end);
    ending.proven = watch.proven;
    ending.overdue = watch.overdue && !ending.end.exited && ending.end.code == SIGKILL;
    ending.verdict = watch.stopping     ? START_STOPPED
                     : watch.superseded ? START_SUPERSEDED
                     : watch.missed     ? watch.missed
                                        : START_ENDED;
done:
    if (watch.timer >= 0)
        (void) close (watch.timer);
    if (watch.pipe >= 0)
        (void) close (watch.pipe);
    *ret_ending = ending;
}
