#include "start/descendants.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/directory.h"
#include "base/text.h"

enum { STAT_SIZE = 1024, FIELD_THREADS = 20, FIELD_START = 22 };

enum mark { UNKNOWN, VISITING, OURS, FOREIGN };

struct process {
    pid_t pid;
    pid_t parent;
    uint64_t start; /* with the pid it names a process for good */
    bool alive;
    bool stopped;
    enum mark mark;
};

struct processes {
    struct process *items;
    size_t count;
    size_t capacity;
};

static void processes_deinit (struct processes *processes)
{
    free (processes->items);
    *processes = (struct processes){0};
}

/*  "PID (NAME) STATE PARENT ..."; a name may hold anything, parentheses too, so the fields begin behind
    the last one. */
static bool parse (const char *text, struct process *ret_process)
{
    const char *at = strrchr (text, ')');
    if (!at || at[1] != ' ')
        return false;
    struct process process = {.pid = (pid_t) strtol (text, NULL, 10)};
    char state = at[2];
    unsigned long threads = 0;
    at += 2;
    for (int field = 3; field <= FIELD_START && *at; field++) {
        if (field == 4)
            process.parent = (pid_t) strtol (at, NULL, 10);
        else if (field == FIELD_THREADS)
            threads = strtoul (at, NULL, 10);
        else if (field == FIELD_START)
            process.start = strtoull (at, NULL, 10);
        at += strcspn (at, " ");
        at += *at == ' ';
    }
    /*  A zombie whose further threads run is alive. */
    process.stopped = state == 'T';
    process.alive = (state != 'Z' && state != 'X') || threads > 1;
    *ret_process = process;
    return true;
}

static bool look (const char *pid, struct process *ret_process)
{
    char path[64], text[STAT_SIZE];
    (void) snprintf (path, sizeof path, "/proc/%.20s/stat", pid);
    base_cleanup (base_close_p) int fd = open (path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read (fd, text, sizeof text - 1);
    if (got <= 0)
        return false;
    text[got] = '\0';
    return parse (text, ret_process);
}

static int add (struct processes *processes, const struct process *process)
{
    if (processes->count == processes->capacity) {
        size_t capacity = processes->capacity ? 2 * processes->capacity : 256;
        struct process *items = realloc (processes->items, capacity * sizeof *items);
        if (!items)
            return -ENOMEM;
        processes->items = items;
        processes->capacity = capacity;
    }
    processes->items[processes->count++] = *process;
    return 0;
}

static int compare (const void *a, const void *b)
{
    const struct process *left = a, *right = b;
    return (left->pid > right->pid) - (left->pid < right->pid);
}

static struct process *find (const struct processes *processes, pid_t pid)
{
    struct process key = {.pid = pid};
    return processes->count ? bsearch (&key, processes->items, processes->count, sizeof key, compare) : NULL;
}

/*  Follows the parents up from one process and marks all on the way. */
static void mark (struct processes *processes, struct process *from, pid_t self)
{
    enum mark found = FOREIGN;
    struct process *at = from;
    while (at && at->mark == UNKNOWN) {
        at->mark = VISITING; /* a scan is no snapshot: a reused pid could close a circle */
        if (at->parent == self) {
            found = OURS;
            break;
        }
        at = find (processes, at->parent);
        if (at && (at->mark == OURS || at->mark == FOREIGN))
            found = at->mark;
    }
    for (at = from; at && at->mark == VISITING;) {
        at->mark = found;
        at = find (processes, at->parent);
    }
}

/*  A process that was seen may have ended, been reaped by its parent, and its pid given to a stranger: it is
    held first, and looked at again. What is our child cannot: only we reap it. */
static void send_signal (const struct process *seen, int number)
{
    char pid[24];
    struct process now;
    if (seen->parent == getpid ()) {
        (void) kill (seen->pid, number);
        return;
    }
    base_cleanup (base_close_p) int fd = pidfd_open (seen->pid, 0);
    (void) snprintf (pid, sizeof pid, "%d", (int) seen->pid);
    if (fd >= 0 && look (pid, &now) && now.start == seen->start)
        (void) pidfd_send_signal (fd, number, NULL, 0);
}

/*  /proc lists by pid, and a child's is mostly the higher one: it is known at once that it is ours. */
static void stop_at_once (const struct processes *processes, struct process *process)
{
    if (process->parent != getpid ()) {
        const struct process *parent = find (processes, process->parent);
        if (!parent || parent->mark != OURS)
            return;
    }
    process->mark = OURS;
    if (process->alive && !process->stopped)
        send_signal (process, SIGSTOP);
}

/*  All processes, the descendants marked as ours. stop: those that run are sent SIGSTOP as they are seen. */
static void scan (struct processes *ret_processes, bool stop)
{
    base_cleanup (base_directory_close_p) DIR *directory = opendir ("/proc");
    pid_t self = getpid ();
    struct process process;
    for (struct dirent *entry; directory && (entry = readdir (directory));) {
        if (entry->d_name[0] < '1' || entry->d_name[0] > '9' || !look (entry->d_name, &process) ||
            process.pid == self)
            continue;
        if (stop)
            stop_at_once (ret_processes, &process);
        if (add (ret_processes, &process))
            break; /* out of memory: the next round sees the rest */
    }
    if (ret_processes->count)
        qsort (ret_processes->items, ret_processes->count, sizeof process, compare);
    for (size_t i = 0; i < ret_processes->count; i++)
        mark (ret_processes, &ret_processes->items[i], self);
}

size_t start_descendants_count (pid_t but)
{
    base_cleanup (processes_deinit) struct processes processes = {0};
    scan (&processes, false);
    size_t count = 0;
    for (size_t i = 0; i < processes.count; i++)
        count += processes.items[i].mark == OURS && processes.items[i].alive && processes.items[i].pid != but;
    return count;
}

bool start_descendants_stop (void)
{
    base_cleanup (processes_deinit) struct processes processes = {0};
    scan (&processes, true);
    bool any = false;
    for (size_t i = 0; i < processes.count; i++) {
        const struct process *process = &processes.items[i];
        if (process->mark != OURS || !process->alive || process->stopped)
            continue;
        any = true;
        send_signal (process, SIGSTOP);
    }
    return any;
}

void start_descendants_kill (void)
{
    base_cleanup (processes_deinit) struct processes processes = {0};
    scan (&processes, false);
    for (size_t i = 0; i < processes.count; i++)
        if (processes.items[i].mark == OURS)
            send_signal (&processes.items[i], SIGKILL);
}
