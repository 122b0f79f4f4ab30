/* SPDX-License-Identifier: MPL-2.0 */
/*  start/descendants.c - scans /proc, finds the processes of a choice and signals them */

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

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/directory.h"
#include "base/text.h"

enum {
    STAT_SIZE = 1024,
    FIELD_PARENT = 4,
    FIELD_GROUP = 5,
    FIELD_SESSION = 6,
    FIELD_THREADS = 20,
    FIELD_START = 22
};

enum { ANCESTORS_MOST = 4096 };

enum mark { UNKNOWN, VISITING, OURS, SPARED, FOREIGN };

struct process {
    struct start_process is;
    enum start_claim claim;
    bool stopped_here; /* stopped when first seen */
    enum mark mark;
    pid_t below; /* while marks are computed: the child that led here */
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

/*  Parses "PID (NAME) STATE PARENT ...". A name may contain anything, even parentheses, so the fields begin
    after the last one. */
static bool stat_parse (const char *text, struct process *ret_process)
{
    const char *at = strrchr (text, ')');
    if (!at || at[1] != ' ')
        return false;
    struct process process = {.is.pid = (pid_t) strtol (text, NULL, 10)};
    char state = at[2];
    unsigned long threads = 0;
    at += 2;
    for (int field = 3; field <= FIELD_START && *at; field++) {
        if (field == FIELD_PARENT)
            process.is.parent = (pid_t) strtol (at, NULL, 10);
        else if (field == FIELD_GROUP)
            process.is.group = (pid_t) strtol (at, NULL, 10);
        else if (field == FIELD_SESSION)
            process.is.session = (pid_t) strtol (at, NULL, 10);
        else if (field == FIELD_THREADS)
            threads = strtoul (at, NULL, 10);
        else if (field == FIELD_START)
            process.is.start = strtoull (at, NULL, 10);
        at += strcspn (at, " ");
        at += *at == ' ';
    }
    /*  A zombie whose other threads run is alive. */
    process.is.stopped = state == 'T';
    process.is.alive = (state != 'Z' && state != 'X') || threads > 1;
    *ret_process = process;
    return true;
}

static bool stat_read (const char *pid, struct process *ret_process)
{
    char path[64], text[STAT_SIZE];
    (void) snprintf (path, sizeof path, "/proc/%.20s/stat", pid);
    base_cleanup (base_close_p) int fd = open (path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read (fd, text, sizeof text - 1);
    if (got <= 0)
        return false;
    text[got] = '\0';
    return stat_parse (text, ret_process);
}

static int processes_add (struct processes *processes, const struct process *process)
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

static int process_compare (const void *a, const void *b)
{
    const struct process *left = a, *right = b;
    return (left->is.pid > right->is.pid) - (left->is.pid < right->is.pid);
}

static struct process *processes_find (const struct processes *processes, pid_t pid)
{
    struct process key = {.is.pid = pid};
    return processes->count ? bsearch (&key, processes->items, processes->count, sizeof key, process_compare)
                            : NULL;
}

void start_known_deinit (struct start_known *known)
{
    base_assert (known);
    free (known->items);
    *known = (struct start_known){.count = 0};
}

/*  Returns the index of the first known process whose pid is not below this one. */
static size_t known_place (const struct start_known *known, pid_t pid)
{
    size_t from = 0, to = known->count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (known->items[middle].pid < pid)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

static bool known_has (const struct start_known *known, const struct start_process *process)
{
    size_t at = known_place (known, process->pid);
    return at < known->count && known->items[at].pid == process->pid &&
           known->items[at].start == process->start;
}

/*  The pid of a process that ended may be that of another one now, which takes its place. */
static void known_add (struct start_known *known, const struct start_process *process)
{
    size_t at = known_place (known, process->pid);
    if (at < known->count && known->items[at].pid == process->pid) {
        known->items[at] = *process;
        return;
    }
    if (known->count == known->capacity) {
        size_t capacity = known->capacity ? 2 * known->capacity : 64;
        struct start_process *items = realloc (known->items, capacity * sizeof *items);
        if (!items)
            return;
        known->items = items;
        known->capacity = capacity;
    }
    memmove (known->items + at + 1, known->items + at, (known->count - at) * sizeof *known->items);
    known->items[at] = *process;
    known->count++;
}

static enum start_claim process_claim (const struct start_choice *choice, const struct start_process *process)
{
    if (!choice)
        return process->parent == getpid () ? START_OURS : START_LIKE_PARENT;
    enum start_claim claim = choice->claim (choice->context, process);
    return claim == START_LIKE_PARENT && choice->known && known_has (choice->known, process) ? START_OURS
                                                                                             : claim;
}

static enum mark mark_below (enum mark parent, enum start_claim claim)
{
    if (parent == SPARED || claim == START_SPARED)
        return SPARED;
    return claim == START_OURS ? OURS : parent;
}

/*  Follows the parents of a process up to one with a known mark, or to the top, and marks all on the way
    down. A scan is no snapshot: a reused pid could form a cycle, which counts as the top. */
static void process_mark (struct processes *processes, struct process *from)
{
    enum mark found = FOREIGN;
    struct process *at = from, *below = NULL;
    for (; at && at->mark == UNKNOWN; at = processes_find (processes, at->is.parent)) {
        at->mark = VISITING;
        at->below = below ? below->is.pid : 0;
        below = at;
    }
    if (at && at->mark != VISITING)
        found = at->mark;
    for (at = below; at; at = at->below ? processes_find (processes, at->below) : NULL)
        found = at->mark = mark_below (found, at->claim);
}

/*  A process that was seen may have been reaped and its pid reused, so it is opened first and compared again.
    This cannot happen to our children: only this process reaps them. */
static void process_signal (const struct process *seen, int number)
{
    char pid[24];
    struct process now;
    if (seen->is.parent == getpid ()) {
        (void) kill (seen->is.pid, number);
        return;
    }
    base_cleanup (base_close_p) int fd = pidfd_open (seen->is.pid, 0);
    (void) snprintf (pid, sizeof pid, "%d", (int) seen->is.pid);
    if (fd >= 0 && stat_read (pid, &now) && now.is.start == seen->is.start)
        (void) pidfd_send_signal (fd, number, NULL, 0);
}

/*  /proc is sorted by pid and a child usually has the higher one, so its parent's mark is usually known. */
static void process_stop (const struct processes *processes, struct process *process)
{
    const struct process *parent = processes_find (processes, process->is.parent);
    process->mark = mark_below (parent ? parent->mark : UNKNOWN, process->claim);
    if (process->mark != OURS || !process->is.alive || process->is.stopped)
        return;
    process->stopped_here = true;
    process_signal (process, SIGSTOP);
}

enum scan {
    SCAN_READ,
    SCAN_STOP, /* running ones get SIGSTOP as soon as they are seen */
};

/*  Scans and marks all processes. */
static void processes_scan (const struct start_choice *choice, enum scan scan,
                            struct processes *ret_processes)
{
    base_cleanup (base_directory_close_p) DIR *directory = opendir ("/proc");
    pid_t self = getpid ();
    struct process process;
    for (struct dirent *entry; directory && (entry = readdir (directory));) {
        if (entry->d_name[0] < '1' || entry->d_name[0] > '9' || !stat_read (entry->d_name, &process) ||
            process.is.pid == self)
            continue;
        process.claim = process_claim (choice, &process.is);
        if (scan == SCAN_STOP)
            process_stop (ret_processes, &process);
        if (processes_add (ret_processes, &process))
            break; /* out of memory: the next round sees the rest */
    }
    if (ret_processes->count)
        qsort (ret_processes->items, ret_processes->count, sizeof process, process_compare);
    for (size_t i = 0; i < ret_processes->count; i++)
        ret_processes->items[i].mark = UNKNOWN;
    for (size_t i = 0; i < ret_processes->count; i++)
        process_mark (ret_processes, &ret_processes->items[i]);
    for (size_t i = 0; choice && choice->known && i < ret_processes->count; i++)
        if (ret_processes->items[i].mark == OURS && ret_processes->items[i].is.alive)
            known_add (choice->known, &ret_processes->items[i].is);
}

size_t start_processes_count (const struct start_choice *choice, pid_t but, uint64_t *ret_which)
{
    base_cleanup (processes_deinit) struct processes processes = {0};
    processes_scan (choice, SCAN_READ, &processes);
    size_t count = 0;
    uint64_t which = 0;
    for (size_t i = 0; i < processes.count; i++) {
        const struct start_process *process = &processes.items[i].is;
        if (processes.items[i].mark != OURS || !process->alive || process->pid == but)
            continue;
        count++;
        which += process->start * 65599 + (uint64_t) process->pid;
    }
    if (ret_which)
        *ret_which = which;
    return count;
}

bool start_processes_stop (const struct start_choice *choice)
{
    base_cleanup (processes_deinit) struct processes processes = {0};
    processes_scan (choice, SCAN_STOP, &processes);
    bool any = false;
    for (size_t i = 0; i < processes.count; i++) {
        const struct process *process = &processes.items[i];
        if (process->mark == SPARED && process->stopped_here)
            process_signal (process, SIGCONT); /* seen before its parent */
        if (process->mark != OURS || !process->is.alive || process->is.stopped)
            continue;
        any = true;
        if (!process->stopped_here)
            process_signal (process, SIGSTOP);
    }
    return any;
}

void start_processes_kill (const struct start_choice *choice)
{
    base_cleanup (processes_deinit) struct processes processes = {0};
    processes_scan (choice, SCAN_READ, &processes);
    for (size_t i = 0; i < processes.count; i++)
        if (processes.items[i].mark == OURS)
            process_signal (&processes.items[i], SIGKILL);
}

bool start_process_look (pid_t pid, struct start_process *ret_process)
{
    base_assert (ret_process);
    char text[24];
    struct process process;
    (void) snprintf (text, sizeof text, "%d", (int) pid);
    if (pid <= 0 || !stat_read (text, &process))
        return false;
    *ret_process = process.is;
    return true;
}

bool start_process_is_below (pid_t pid)
{
    pid_t self = getpid ();
    struct start_process process;
    for (int i = 0; i < ANCESTORS_MOST && start_process_look (pid, &process); i++) {
        if (process.parent == self)
            return true;
        pid = process.parent;
    }
    return false;
}
