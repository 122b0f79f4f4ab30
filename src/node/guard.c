#include "node/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"

enum { LINE_SIZE = 512, ANCESTORS_MOST = 64, READ_MOST = 64 * 1024 };

struct node_guard {
    struct bus_loop *loop;
    struct base_process process;
    int report; /* reading end; -1 once closed */
    int output; /* the same, of what everything below the guard prints */
    char said[NODE_GUARD_SAID];
    size_t n_said;
    char line[LINE_SIZE];
    size_t length;
    struct node_guard_end end;
    node_guard_open *open;
    node_guard_gone *gone;
    void *context;
};

static void read_line (struct node_guard *guard, const char *line)
{
    uint64_t number;
    if (strncmp (line, "ended exited ", 13) == 0 && !base_text_parse_u64 (line + 13, 255, &number)) {
        guard->end.ended = true;
        guard->end.how = (struct base_process_end){.exited = true, .code = (int) number};
    } else if (strncmp (line, "ended signal ", 13) == 0 && !base_text_parse_u64 (line + 13, 255, &number)) {
        guard->end.ended = true;
        guard->end.how = (struct base_process_end){.exited = false, .code = (int) number};
    } else if (strncmp (line, "view open ", 10) == 0 && guard->open) {
        guard->open (guard->context, line + 10);
        guard->open = NULL;
        (void) base_process_signal (&guard->process, SIGUSR1); /* it may run the program now */
    } else if (strncmp (line, "left ", 5) == 0 && !base_text_parse_u64 (line + 5, UINT32_MAX, &number))
        guard->end.left = (unsigned) number;
}

static void close_watched (struct node_guard *guard, int *fd)
{
    if (*fd < 0)
        return;
    bus_unwatch (guard->loop, *fd);
    base_close_p (fd);
    *fd = -1;
}

/*  Keeps the end of what was printed. A probe that prints without end is read a bounded piece at a time,
    and costs nothing but that. */
static void on_output (void *context)
{
    struct node_guard *guard = context;
    char piece[4096];
    for (size_t all = 0; all < READ_MOST;) {
        ssize_t got = read (guard->output, piece, sizeof piece);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno == EAGAIN)
            return;
        if (got <= 0) {
            close_watched (guard, &guard->output);
            return;
        }
        size_t size = (size_t) got, most = NODE_GUARD_SAID - 1;
        const char *from = size > most ? piece + size - most : piece;
        size = size > most ? most : size;
        size_t keep = guard->n_said + size > most ? most - size : guard->n_said;
        memmove (guard->said, guard->said + guard->n_said - keep, keep);
        memcpy (guard->said + keep, from, size);
        guard->n_said = keep + size;
        guard->said[guard->n_said] = '\0';
        all += (size_t) got;
    }
}

const char *node_guard_said (struct node_guard *guard)
{
    if (guard->output >= 0)
        on_output (guard);
    return guard->said;
}

const char *node_guard_last_words (struct node_guard *guard, char *text, size_t size)
{
    const char *found = "", *at = node_guard_said (guard);
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
    (void) snprintf (text, size, "%s%.*s", *found ? "; last it said: " : "", (int) strcspn (found, "\n"),
                     found);
    return text;
}

/*  The pipe closes when the guard has ended: it alone holds the writing end. */
static void on_report (void *context)
{
    struct node_guard *guard = context;
    for (;;) {
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
            read_line (guard, guard->line);
            size_t used = (size_t) (newline + 1 - guard->line);
            guard->length -= used;
            memmove (guard->line, newline + 1, guard->length);
        }
        if (guard->length == LINE_SIZE - 1)
            guard->length = 0; /* no line of ours is that long */
    }
    close_watched (guard, &guard->report);
    struct base_process_end ignored;
    (void) base_process_wait (&guard->process, true, &ignored);
    guard->gone (guard->context, &guard->end);
}

static int make_pipe (int *ret_reading, int *ret_writing)
{
    int ends[2];
    if (pipe2 (ends, O_CLOEXEC))
        return -errno;
    *ret_reading = ends[0];
    *ret_writing = ends[1];
    return fcntl (ends[0], F_SETFL, O_NONBLOCK) ? -errno : 0;
}

int node_guard_start (const struct node_guard_spec *spec, struct node_guard **ret_guard,
                      struct base_error *error)
{
    base_cleanup (base_close_p) int reading = -1;
    base_cleanup (base_close_p) int writing = -1;
    base_cleanup (base_close_p) int hearing = -1;
    base_cleanup (base_close_p) int saying = -1;
    int rc = make_pipe (&reading, &writing);
    rc = rc ? rc : make_pipe (&hearing, &saying);
    if (rc)
        return base_error_errno (error, rc, "making a pipe for the guard");
    struct node_guard *guard = calloc (1, sizeof *guard);
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
                                        .args = (char *const *) args,
                                        .env = spec->env,
                                        .death_signal = SIGHUP,
                                        .standard_fds = {-1, saying, saying},
                                        .n_fds = 1,
                                        .fds = {writing},
                                        .own_session = true};
    rc = base_process_spawn (&process, &guard->process, error);
    if (!rc) {
        guard->loop = spec->loop;
        guard->report = base_take_fd (&reading);
        guard->output = base_take_fd (&hearing);
        guard->open = spec->open;
        guard->gone = spec->gone;
        guard->context = spec->context;
        rc = bus_watch (guard->loop, guard->report, on_report, guard);
        rc = rc ? rc : bus_watch (guard->loop, guard->output, on_output, guard);
        if (rc) {
            (void) node_guard_free (guard);
            return base_error_errno (error, rc, "watching the guard");
        }
        *ret_guard = guard;
        return 0;
    }
    free (guard);
    return rc;
}

void node_guard_stop (struct node_guard *guard)
{
    (void) base_process_signal (&guard->process, SIGTERM);
}

void node_guard_kill (struct node_guard *guard)
{
    (void) base_process_signal (&guard->process, SIGHUP);
}

struct node_guard *node_guard_free (struct node_guard *guard)
{
    if (!guard)
        return NULL;
    if (guard->process.pid) {
        struct base_process_end ignored;
        (void) base_process_signal (&guard->process, SIGHUP);
        (void) base_process_wait (&guard->process, true, &ignored);
    }
    close_watched (guard, &guard->report);
    close_watched (guard, &guard->output);
    free (guard);
    return NULL;
}

/*  The parent of a process from /proc, or 0. */
static pid_t parent_of (pid_t pid)
{
    char path[64], text[512];
    (void) snprintf (path, sizeof path, "/proc/%d/stat", (int) pid);
    base_cleanup (base_close_p) int fd = open (path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read (fd, text, sizeof text - 1);
    if (got <= 0)
        return 0;
    text[got] = '\0';
    char *at = strrchr (text, ')'); /* the name before it may hold anything */
    if (!at || strlen (at) < 5)
        return 0;
    char *digits = at + 4;
    digits[strspn (digits, "0123456789")] = '\0';
    uint64_t parent;
    return base_text_parse_u64 (digits, INT32_MAX, &parent) ? 0 : (pid_t) parent;
}

int node_guard_kill_one (struct node_guard *guard, pid_t pid)
{
    if (pid <= 1)
        return -ESRCH;
    base_cleanup (base_close_p) int held = (int) syscall (SYS_pidfd_open, pid, 0);
    if (held < 0)
        return -errno;
    pid_t ancestor = pid;
    for (unsigned i = 0; i < ANCESTORS_MOST && ancestor > 1; i++) {
        ancestor = parent_of (ancestor);
        if (ancestor == guard->process.pid)
            return syscall (SYS_pidfd_send_signal, held, SIGKILL, NULL, 0) ? -errno : 0;
    }
    return -ESRCH;
}
