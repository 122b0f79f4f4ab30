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

enum { LINE_SIZE = 256, ANCESTORS_MOST = 64 };

struct node_guard {
    struct bus_loop *loop;
    struct base_process process;
    int report; /* reading end; -1 once closed */
    char line[LINE_SIZE];
    size_t length;
    struct node_guard_end end;
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
    } else if (strncmp (line, "left ", 5) == 0 && !base_text_parse_u64 (line + 5, UINT32_MAX, &number))
        guard->end.left = (unsigned) number;
}

static void close_report (struct node_guard *guard)
{
    if (guard->report < 0)
        return;
    bus_unwatch (guard->loop, guard->report);
    base_close_p (&guard->report);
    guard->report = -1;
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
    close_report (guard);
    struct base_process_end ignored;
    (void) base_process_wait (&guard->process, true, &ignored);
    guard->gone (guard->context, &guard->end);
}

int node_guard_start (struct bus_loop *loop, const char *launcher, const char *script, char *const *env,
                      uint64_t grace_ms, node_guard_gone *gone, void *context, struct node_guard **ret_guard,
                      struct base_error *error)
{
    int ends[2];
    if (pipe2 (ends, O_CLOEXEC))
        return base_error_errno (error, -errno, "making a pipe for the guard");
    base_cleanup (base_close_p) int reading = ends[0];
    base_cleanup (base_close_p) int writing = ends[1];
    if (fcntl (reading, F_SETFL, O_NONBLOCK))
        return -errno;
    struct node_guard *guard = calloc (1, sizeof *guard);
    if (!guard)
        return -ENOMEM;
    char report[16], grace[32];
    (void) snprintf (report, sizeof report, "%d", writing);
    (void) snprintf (grace, sizeof grace, "%llu", (unsigned long long) grace_ms);
    char *args[] = {(char *) launcher, (char *) "guard",   (char *) "--report", report, (char *) "--grace",
                    grace,             (char *) "--",      (char *) script,     NULL};
    struct base_process_spec spec = {.program = launcher,
                                     .args = args,
                                     .env = env,
                                     .death_signal = SIGHUP,
                                     .standard_fds = {-1, -1, -1},
                                     .n_fds = 1,
                                     .fds = {writing},
                                     .own_session = true};
    int rc = base_process_spawn (&spec, &guard->process, error);
    if (!rc) {
        guard->loop = loop;
        guard->report = base_take_fd (&reading);
        guard->gone = gone;
        guard->context = context;
        rc = bus_watch (loop, guard->report, on_report, guard);
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
    close_report (guard);
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
