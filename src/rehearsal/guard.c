/* SPDX-License-Identifier: MPL-2.0 */
/*  rehearsal/guard.c - starts, watches and ends a guard */

#include "rehearsal/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "base/time.h"

enum { LINE_SIZE = 512, ANCESTORS_MOST = 64, READ_MOST = 64 * 1024 };

/*  The pause between two attempts to end a guard, and how long the end of this process waits for one. */
enum { PRESS_MS = 500, CLOSE_MS = 2000 };

struct rehearsal_guard {
    struct bus_loop *loop;
    const struct base_process_ops *ops;
    void *ops_context;
    struct base_process process; /* null once its exit status was read */
    pid_t pid;
    bool watched; /* its pidfd is watched */
    int report;   /* reading end; -1 once closed: both processes of the guard have ended */
    int output;   /* the same, for the output of everything below the guard */
    pid_t second; /* the process of the guard that started the program; 0: not known */
    int second_fd;
    uint64_t end_ms, pressed_ms; /* pressed_ms: when its end was requested; 0: never */
    unsigned kills;
    int timer;
    char said[REHEARSAL_GUARD_SAID];
    size_t n_said;
    char line[LINE_SIZE];
    size_t length;
    struct rehearsal_guard_end end;
    rehearsal_guard_open *open;
    rehearsal_guard_gone *gone;
    void *context;
};

static pid_t process_parent (pid_t pid);

static void first_signal (const struct rehearsal_guard *guard, int number)
{
    if (guard->process.pid)
        (void) guard->ops->signal (guard->ops_context, &guard->process, number);
}

static void second_signal (const struct rehearsal_guard *guard, int number)
{
    if (guard->second_fd >= 0)
        (void) syscall (SYS_pidfd_send_signal, guard->second_fd, number, NULL, 0);
}

/*  Opens a pidfd before the pid can belong to another process. */
static void second_hold (struct rehearsal_guard *guard, pid_t pid)
{
    if (guard->second_fd >= 0)
        return;
    guard->second_fd = (int) syscall (SYS_pidfd_open, pid, 0);
    if (guard->second_fd < 0 || process_parent (pid) == guard->pid) {
        guard->second = guard->second_fd < 0 ? 0 : pid;
        return;
    }
    base_close_p (&guard->second_fd);
    guard->second_fd = -1;
}

static void line_read (struct rehearsal_guard *guard, const char *line)
{
    base_assert (guard && line);
    uint64_t number;
    if (strncmp (line, "guard ", 6) == 0 && !base_text_parse_u64 (line + 6, INT32_MAX, &number))
        second_hold (guard, (pid_t) number);
    else if (strncmp (line, "ended exited ", 13) == 0 && !base_text_parse_u64 (line + 13, 255, &number)) {
        guard->end.ended = true;
        guard->end.how = (struct base_process_end){.exited = true, .code = (int) number};
    } else if (strncmp (line, "ended signal ", 13) == 0 && !base_text_parse_u64 (line + 13, 255, &number)) {
        guard->end.ended = true;
        guard->end.how = (struct base_process_end){.exited = false, .code = (int) number};
    } else if (strncmp (line, "view open ", 10) == 0 && guard->open) {
        guard->open (guard->context, line + 10);
        guard->open = NULL;
        first_signal (guard, SIGUSR1); /* the guard may run the program now */
    } else if (strncmp (line, "left ", 5) == 0 && !base_text_parse_u64 (line + 5, UINT32_MAX, &number))
        guard->end.left = (unsigned) number;
    else if (strncmp (line, "host ", 5) == 0 && !base_text_parse_u64 (line + 5, INT32_MAX, &number))
        guard->end.host = (int) number;
}

static void watched_close (struct rehearsal_guard *guard, int *fd)
{
    if (*fd < 0)
        return;
    bus_unwatch (guard->loop, *fd);
    base_close_p (fd);
    *fd = -1;
}

/*  Keeps the end of the output. A probe that prints without end is read in bounded pieces, and costs no more
    than that. */
static void on_output (void *context)
{
    base_assert (context);
    struct rehearsal_guard *guard = context;
    char piece[4096];
    for (size_t all = 0; all < READ_MOST;) {
        ssize_t got = read (guard->output, piece, sizeof piece);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno == EAGAIN)
            return;
        if (got <= 0) {
            watched_close (guard, &guard->output);
            return;
        }
        size_t size = (size_t) got, most = REHEARSAL_GUARD_SAID - 1;
        const char *from = size > most ? piece + size - most : piece;
        size = size > most ? most : size;
        size_t keep = guard->n_said + size > most ? most - size : guard->n_said;
        base_assert (keep <= guard->n_said && keep + size <= most);
        memmove (guard->said, guard->said + guard->n_said - keep, keep);
        memcpy (guard->said + keep, from, size);
        guard->n_said = keep + size;
        guard->said[guard->n_said] = '\0';
        all += (size_t) got;
    }
}

const char *rehearsal_guard_said (struct rehearsal_guard *guard)
{
    base_assert (guard);
    if (guard->output >= 0)
        on_output (guard);
    return guard->said;
}

const char *rehearsal_guard_last_words (struct rehearsal_guard *guard, char *text, size_t size)
{
    base_assert (guard && text && size > 0);
    const char *found = "", *at = rehearsal_guard_said (guard);
    bool launcher = true;
    while (*at) {
        bool by_launcher = strncmp (at, "start: ", 7) == 0;
        if (*at != '\n' && (launcher || !by_launcher)) {
            found = at;
            launcher = by_launcher;
        }
        at += strcspn (at, "\n");
        at += *at == '\n';
    }
    (void) snprintf (text, size, "%s%.*s", *found ? "; its last output: " : "", (int) strcspn (found, "\n"),
                     found);
    return text;
}

static void guard_end_if_over (struct rehearsal_guard *guard)
{
    if (guard->report >= 0 || guard->process.pid)
        return;
    bus_timer_cancel (guard->loop, guard->timer);
    guard->timer = 0;
    guard->gone (guard->context, &guard->end);
}

/*  The pipe closes when the guard has ended: only the guard holds the writing end. */
static void on_report (void *context)
{
    struct rehearsal_guard *guard = context;
    for (;;) {
        base_assert (guard->length < LINE_SIZE - 1);
        ssize_t got = read (guard->report, guard->line + guard->length, LINE_SIZE - 1 - guard->length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno == EAGAIN)
            return;
        if (got <= 0)
            break;
        guard->length += (size_t) got;
        char *newline;
        while ((newline = memchr (guard->line, '\n', guard->length))) {
            *newline = '\0';
            line_read (guard, guard->line);
            size_t used = (size_t) (newline + 1 - guard->line);
            guard->length -= used;
            memmove (guard->line, newline + 1, guard->length);
        }
        if (guard->length == LINE_SIZE - 1)
            guard->length = 0; /* no line of the guard is that long */
    }
    watched_close (guard, &guard->report);
    guard_end_if_over (guard);
}

/*  The first process of the guard has ended: its pidfd is readable. */
static void on_end (void *context)
{
    struct rehearsal_guard *guard = context;
    struct base_process_end ignored;
    int held = guard->process.fd;
    bus_unwatch (guard->loop, held);
    guard->watched = false;
    if (guard->ops->wait (guard->ops_context, &guard->process, BASE_WAIT_NOT, &ignored)) {
        guard->watched = bus_watch (guard->loop, held, on_end, guard) == 0;
        return;
    }
    if (guard->report >= 0)
        rehearsal_guard_kill (guard); /* the second process ends the rest, unless it is stopped */
    guard_end_if_over (guard);
}

static void guard_press (void *context)
{
    struct rehearsal_guard *guard = context;
    guard->timer = 0;
    base_assert (!guard->end.stuck);
    if (guard->kills == 0 && base_time_boot_ms () - guard->pressed_ms < guard->end_ms) {
        /* repeated, because it may be stopped again; SIGHUP makes it kill everything */
        second_signal (guard, SIGHUP);
        second_signal (guard, SIGCONT);
        first_signal (guard, SIGHUP);
        first_signal (guard, SIGCONT);
    } else if (guard->kills == 0) {
        guard->kills++;
        second_signal (guard, SIGKILL); /* the program dies with it; the first process ends the rest */
        first_signal (guard, SIGCONT);
    } else if (guard->kills == 1) {
        guard->kills++;
        first_signal (guard, SIGKILL);
    } else {
        guard->end.stuck = guard->process.pid ? guard->pid : guard->second ? guard->second : guard->pid;
        base_log (BASE_LOG_WARNING,
                  "the guard of a probe (pid %d), or a process below it, did not end when it was killed: "
                  "it still runs",
                  (int) guard->end.stuck);
        guard->gone (guard->context, &guard->end);
        return;
    }
    guard->timer = bus_timer_start (guard->loop, PRESS_MS, guard_press, guard);
}

static int pipe_make (int *ret_reading, int *ret_writing)
{
    int ends[2];
    if (pipe2 (ends, O_CLOEXEC) < 0)
        return -errno;
    *ret_reading = ends[0];
    *ret_writing = ends[1];
    return fcntl (ends[0], F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

int rehearsal_guard_start (const struct rehearsal_guard_spec *spec, struct rehearsal_guard **ret_guard,
                           struct base_error *error)
{
    base_assert (spec && ret_guard);
    base_assert (spec->loop && spec->gone);
    base_assert (spec->launcher && spec->script && spec->env);
    base_assert (spec->root && spec->scratch);
    base_cleanup (base_close_p) int reading = -1;
    base_cleanup (base_close_p) int writing = -1;
    base_cleanup (base_close_p) int hearing = -1;
    base_cleanup (base_close_p) int saying = -1;
    const struct base_process_ops *ops = spec->process ? spec->process : &base_process_system;
    int r = pipe_make (&reading, &writing);
    if (r == 0)
        r = pipe_make (&hearing, &saying);
    if (r < 0)
        return base_error_errno (error, r, "cannot make a pipe for the guard");
    struct rehearsal_guard *guard = calloc (1, sizeof *guard);
    if (!guard)
        return -ENOMEM;
    char report[16], grace[32];
    (void) snprintf (report, sizeof report, "%d", writing);
    (void) snprintf (grace, sizeof grace, "%llu", (unsigned long long) spec->grace_ms);
    const char *const args[] = {spec->launcher, "guard",       "--report", report,
                                "--grace",      grace,         "--closed", spec->root,
                                "--writable",   spec->scratch, "--ask",    spec->open ? "yes" : "no",
                                "--",           spec->script,  NULL};
    struct base_process_spec process = {.program = spec->launcher,
                                        .args = base_list_const (args),
                                        .env = spec->env,
                                        .death_signal = SIGHUP,
                                        .standard_fds = {-1, saying, saying},
                                        .n_fds = 1,
                                        .fds = {writing},
                                        .own_session = true};
    r = ops->spawn (spec->process_context, &process, &guard->process, error);
    if (r) {
        free (guard);
        return r;
    }
    guard->loop = spec->loop;
    guard->ops = ops;
    guard->ops_context = spec->process_context;
    guard->pid = guard->process.pid;
    guard->second_fd = -1;
    guard->end_ms = spec->end_ms;
    guard->report = base_take_fd (&reading);
    guard->output = base_take_fd (&hearing);
    guard->open = spec->open;
    guard->gone = spec->gone;
    guard->context = spec->context;
    r = bus_watch (guard->loop, guard->report, on_report, guard);
    if (r == 0)
        r = bus_watch (guard->loop, guard->output, on_output, guard);
    if (r == 0)
        r = bus_watch (guard->loop, guard->process.fd, on_end, guard);
    guard->watched = r == 0;
    if (r < 0) {
        (void) rehearsal_guard_free (guard);
        return base_error_errno (error, r, "cannot watch the guard");
    }
    *ret_guard = guard;
    return 0;
}

void rehearsal_guard_stop (struct rehearsal_guard *guard)
{
    base_assert (guard);
    first_signal (guard, SIGTERM);
}

void rehearsal_guard_kill (struct rehearsal_guard *guard)
{
    base_assert (guard);
    if (guard->pressed_ms || guard->end.stuck)
        return;
    guard->pressed_ms = base_time_boot_ms ();
    guard_press (guard);
}

/*  Called when this process ends. The guard gets SIGHUP then, too, and continues without this process. */
static void guard_close_down (struct rehearsal_guard *guard)
{
    struct base_process_end ignored;
    uint64_t until = base_time_boot_ms () + CLOSE_MS;
    while (guard->process.pid && base_time_boot_ms () < until) {
        struct pollfd polled = {.fd = guard->process.fd, .events = POLLIN};
        second_signal (guard, SIGHUP);
        second_signal (guard, SIGCONT);
        first_signal (guard, SIGHUP);
        first_signal (guard, SIGCONT);
        if (poll (&polled, 1, PRESS_MS) == 1)
            (void) guard->ops->wait (guard->ops_context, &guard->process, BASE_WAIT_NOT, &ignored);
    }
    if (guard->process.pid)
        base_log (BASE_LOG_WARNING, "the guard of a probe (pid %d) did not end in time: it still runs",
                  (int) guard->pid);
}

struct rehearsal_guard *rehearsal_guard_free (struct rehearsal_guard *guard)
{
    if (!guard)
        return NULL;
    bus_timer_cancel (guard->loop, guard->timer);
    if (guard->watched)
        bus_unwatch (guard->loop, guard->process.fd);
    if (guard->process.pid && !guard->end.stuck)
        guard_close_down (guard);
    if (guard->process.pid)
        base_close_p (&guard->process.fd);
    base_close_p (&guard->second_fd);
    watched_close (guard, &guard->report);
    watched_close (guard, &guard->output);
    free (guard);
    return NULL;
}

/*  Reads a file below /proc/PID as text. Returns 0 or -errno. */
static int process_read (pid_t pid, const char *name, char *text, size_t size)
{
    base_assert (text && size > 1);
    char path[64];
    (void) snprintf (path, sizeof path, "/proc/%d/%s", (int) pid, name);
    base_cleanup (base_close_p) int fd = open (path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read (fd, text, size - 1);
    if (got <= 0)
        return got < 0 ? -errno : -ESRCH;
    text[got] = '\0';
    return 0;
}

/*  Returns the state of a process and what follows it in /proc/PID/stat. The name before it may contain
    anything. */
static const char *process_state (pid_t pid, char *text, size_t size)
{
    const char *at = process_read (pid, "stat", text, size) ? NULL : strrchr (text, ')');
    return at && strlen (at) >= 5 ? at + 2 : NULL;
}

/*  Returns the parent of a process, or 0. */
static pid_t process_parent (pid_t pid)
{
    char text[512];
    const char *state = process_state (pid, text, sizeof text);
    if (!state)
        return 0;
    char *digits = text + (state - text) + 2;
    digits[strspn (digits, "0123456789")] = '\0';
    uint64_t parent;
    return base_text_parse_u64 (digits, INT32_MAX, &parent) ? 0 : (pid_t) parent;
}

static bool process_is_below (const struct rehearsal_guard *guard, pid_t pid)
{
    for (unsigned i = 0; i < ANCESTORS_MOST && pid > 1; i++) {
        pid = process_parent (pid);
        if (pid == guard->pid)
            return true;
    }
    return false;
}

int rehearsal_guard_kill_one (struct rehearsal_guard *guard, pid_t pid)
{
    base_assert (guard);
    if (pid <= 1)
        return -ESRCH;
    base_cleanup (base_close_p) int held = (int) syscall (SYS_pidfd_open, pid, 0);
    if (held < 0)
        return -errno;
    if (process_is_below (guard, pid))
        return syscall (SYS_pidfd_send_signal, held, SIGKILL, NULL, 0) < 0 ? -errno : 0;
    return -ESRCH;
}

pid_t rehearsal_guard_stopped (const struct rehearsal_guard *guard)
{
    base_assert (guard);
    const pid_t pids[] = {guard->process.pid, guard->second};
    for (size_t i = 0; i < sizeof pids / sizeof *pids; i++) {
        char text[512];
        const char *state = pids[i] ? process_state (pids[i], text, sizeof text) : NULL;
        if (state && (*state == 'T' || *state == 't'))
            return pids[i];
    }
    return 0;
}

/*  Returns in how many pid name spaces, from that of /proc on, a process has a number; 0: unknown. */
static unsigned process_pid_spaces (pid_t pid)
{
    char text[4096];
    const char *at = process_read (pid, "status", text, sizeof text) ? NULL : strstr (text, "\nNSpid:");
    unsigned count = 0;
    for (at = at ? at + 7 : NULL; at && (*at == '\t' || *at == ' ');) {
        at += strspn (at, "\t ");
        count += *at >= '0' && *at <= '9';
        at += strspn (at, "0123456789");
    }
    return count;
}

int rehearsal_guard_check (const struct rehearsal_guard *guard, pid_t pid, struct base_error *error)
{
    base_assert (guard);
    char text[512];
    bool below = process_is_below (guard, pid);
    if (!below && pid > 1 && !process_state (pid, text, sizeof text))
        return -ESRCH;
    if (!below)
        return base_error_set (error, -EPERM,
                               "it announced itself as process %d, which its guard did not start: it runs "
                               "in a PID namespace of its own, or gave another process ID",
                               (int) pid);
    unsigned spaces = process_pid_spaces (pid), own = process_pid_spaces (getpid ());
    if (spaces && own && spaces != own)
        return base_error_set (error, -EPERM,
                               "process %d runs in a PID namespace of its own: it could not end the "
                               "processes that it starts",
                               (int) pid);
    return 0;
}
