/* SPDX-License-Identifier: MPL-2.0 */
/*  start/sweep.c - finds and ends the processes that a version left */

#include "start/sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/directory.h"
#include "base/text.h"
#include "base/time.h"
#include "root/lock.h"
#include "start/children.h"
#include "start/keepers.h"
#include "start/reap.h"
#include "start/log.h"

/*  A process that waits for a disk may not end. If no process has ended or appeared for
    DEADLINE_MS, the rest is given up and the next version is started beside it. Endless forking is
    given up after DEADLINE_MOST_MS. */
enum { DEADLINE_MS = 3000, DEADLINE_MOST_MS = 30000, FAST_ROUNDS = 32, FREEZES_MOST = 32, EMPTY_SCANS = 3 };

enum { ANCESTORS_MOST = 64 };

/*  As in start/guard.c. */
enum { LINGER_MS = 100, LINGER_STEP_MS = 5 };

enum { ENVIRONMENT_MOST = 8 * 1024 * 1024, ENVIRONMENT_BLOCK = 4096 };

struct choice {
    const struct start_sweep *sweep;
    const struct root *root;
    struct start_keepers keepers;
    struct start_known known;        /* those that were found: their parents may end before they do */
    bool below;                      /* descendants of this process, except helpers, are ours */
    bool marked;                     /* processes with the variables are ours */
    pid_t holder;                    /* this process is ours; 0: none */
    pid_t ancestors[ANCESTORS_MOST]; /* never ours, whatever their environment is */
    size_t n_ancestors;
};

static void choice_deinit (struct choice *choice)
{
    start_keepers_deinit (&choice->keepers);
    start_known_deinit (&choice->known);
}

static bool process_is_same (const struct start_process *a, const struct start_process *b)
{
    return a->pid == b->pid && a->start == b->start;
}

/*  variables */

static int environment_read (pid_t pid, struct base_buffer *buffer)
{
    char path[64];
    (void) snprintf (path, sizeof path, "/proc/%d/environ", (int) pid);
    base_cleanup (base_close_p) int fd = open (path, O_RDONLY | O_CLOEXEC);
    for (ssize_t got = ENVIRONMENT_BLOCK; got == ENVIRONMENT_BLOCK && buffer->size < ENVIRONMENT_MOST;) {
        if (fd < 0 || base_buffer_reserve (buffer, ENVIRONMENT_BLOCK))
            return -ENOENT;
        got = read (fd, buffer->data + buffer->size, ENVIRONMENT_BLOCK);
        buffer->size += got > 0 ? (size_t) got : 0;
    }
    return base_buffer_append (buffer, "", 1);
}

static bool environment_is_marked (const struct root *root, const char *at, const char *end)
{
    static const char in_root[] = "NODED_ROOT=", in_workspace[] = "NODED_WORKSPACE=";
    bool root_fits = false, workspace_fits = false;
    for (; at < end; at += strlen (at) + 1) {
        if (strncmp (at, in_root, sizeof in_root - 1) == 0)
            root_fits = strcmp (at + sizeof in_root - 1, root->path) == 0;
        else if (strncmp (at, in_workspace, sizeof in_workspace - 1) == 0)
            workspace_fits = root_name_is_valid (at + sizeof in_workspace - 1);
    }
    return root_fits && workspace_fits;
}

/*  In a container the same path may be another root. */
static bool process_sees_root (const struct root *root, pid_t pid)
{
    base_cleanup (base_free_p) char *path = base_text_printf ("/proc/%d/root%s", (int) pid, root->path);
    struct stat here, there;
    return path && fstat (root->fd, &here) == 0 && stat (path, &there) == 0 && here.st_dev == there.st_dev &&
           here.st_ino == there.st_ino;
}

/*  Whether a version of this root, or a descendant of one, started the process. */
static bool process_is_marked (const struct root *root, pid_t pid)
{
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
    return environment_read (pid, &buffer) == 0 &&
           environment_is_marked (root, (const char *) buffer.data,
                                  (const char *) buffer.data + buffer.size) &&
           process_sees_root (root, pid);
}

/*  Runs before every start and usually finds nothing, so it reads only the environments. */
static bool any_is_marked (const struct root *root)
{
    base_cleanup (base_directory_close_p) DIR *directory = opendir ("/proc");
    pid_t self = getpid ();
    for (const struct dirent *entry; directory && (entry = readdir (directory));) {
        pid_t pid =
            entry->d_name[0] >= '1' && entry->d_name[0] <= '9' ? (pid_t) strtol (entry->d_name, NULL, 10) : 0;
        if (pid > 0 && pid != self && process_is_marked (root, pid))
            return true;
    }
    return false;
}

static void ancestors_find (struct choice *choice)
{
    struct start_process process;
    for (pid_t pid = getppid (); choice->n_ancestors < ANCESTORS_MOST && start_process_look (pid, &process);
         pid = process.parent)
        choice->ancestors[choice->n_ancestors++] = pid;
}

static bool choice_has_ancestor (const struct choice *choice, pid_t pid)
{
    for (size_t i = 0; i < choice->n_ancestors; i++)
        if (choice->ancestors[i] == pid)
            return true;
    return false;
}

static bool sweep_has_helper (const struct start_sweep *sweep, const struct start_process *process)
{
    for (size_t i = 0; sweep && i < sweep->n_helpers; i++)
        if (process_is_same (process, &sweep->helpers[i]))
            return true;
    return false;
}

static enum start_claim choice_claim (void *context, const struct start_process *process)
{
    const struct choice *choice = context;
    if (start_keepers_hold (&choice->keepers, process))
        return START_SPARED;
    if (choice->below && process->parent == getpid ())
        return sweep_has_helper (choice->sweep, process) ? START_SPARED : START_OURS;
    if (choice_has_ancestor (choice, process->pid))
        return START_LIKE_PARENT;
    return process->pid == choice->holder ||
                   (choice->marked && process_is_marked (choice->root, process->pid))
               ? START_OURS
               : START_LIKE_PARENT;
}

/*  end */

/*  Reaps nothing. */
static bool children_exist (void)
{
    siginfo_t info;
    return waitid (P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

/*  Counts the processes that are left. See start_processes_count. */
static size_t chosen_count (const struct choice *choice, const struct start_choice *chosen, pid_t keep,
                            uint64_t *ret_which)
{
    size_t count = start_processes_count (chosen, keep, ret_which);
    for (int i = 1; i < EMPTY_SCANS && count == 0 && choice->marked; i++)
        count = start_processes_count (chosen, keep, ret_which); /* only descendants have an exact list */
    return count == 0 && choice->below && start_children_are_left (chosen, keep) ? 1 : count;
}

/*  Ends the processes of a choice. Returns the number left at the deadline. keep: see start_reap_others. */
static size_t chosen_end (struct choice *choice, pid_t keep)
{
    const struct start_choice chosen = {
        .claim = choice_claim, .context = choice, .known = choice->below ? NULL : &choice->known};
    uint64_t which = 0, before = 0, started = base_time_boot_ms (), progress = started;
    size_t left = chosen_count (choice, &chosen, keep, &before);
    if (left == 0)
        return 0;
    int nice = getpriority (PRIO_PROCESS, 0);
    (void) setpriority (PRIO_PROCESS, 0, -20); /* to be faster than forking processes; optional */
    if (choice->below)
        start_children_freeze (&chosen);
    for (int i = 0; !choice->below && i < FREEZES_MOST && start_processes_stop (&chosen); i++)
        (void) start_reap_others (keep);
    for (unsigned round = 0; left; round++) {
        uint64_t now = base_time_boot_ms ();
        if (now > progress + DEADLINE_MS || now > started + DEADLINE_MOST_MS)
            break;
        start_processes_kill (&chosen);
        for (int i = 0; i < FAST_ROUNDS && choice->below && start_children_signal (&chosen, SIGKILL); i++)
            (void) start_reap_others (keep);
        (void) poll (NULL, 0, round < 20 ? 1 : 10);
        (void) start_reap_others (keep);
        left = chosen_count (choice, &chosen, keep, &which);
        if (which != before)
            progress = base_time_boot_ms ();
        before = which;
    }
    (void) setpriority (PRIO_PROCESS, 0, nice);
    return left;
}

/*  Records the existing children of this process. Processes that a version started are no helpers. */
static void helpers_record (struct start_sweep *sweep)
{
    base_cleanup (choice_deinit) struct choice choice = {.root = sweep->root};
    base_cleanup (start_children_deinit) struct start_children children = {0};
    if (!start_reap_others (0) || start_children_read (&children))
        return;
    start_keepers_find (sweep->root, &choice.keepers);
    for (size_t i = 0; i < children.count; i++) {
        struct start_process process;
        struct start_process *items;
        if (!start_process_look (children.pids[i], &process) || process.parent != getpid () ||
            start_keepers_hold (&choice.keepers, &process) || process_is_marked (sweep->root, process.pid))
            continue; /* nor those of an older launcher that does not sweep */
        items = realloc (sweep->helpers, (sweep->n_helpers + 1) * sizeof *items);
        if (!items)
            return;
        items[sweep->n_helpers++] = process;
        sweep->helpers = items;
    }
}

void start_sweep_begin (struct start_sweep *sweep, const struct root *root, enum start_lock lock)
{
    base_assert (sweep);
    base_assert (root_is_open (root));
    base_assert ((unsigned) lock <= START_LOCK_KEPT);
    *sweep = (struct start_sweep){.root = root, .locked = lock != START_LOCK_NONE};
    base_cleanup (choice_deinit) struct choice choice = {.sweep = sweep, .root = root};
    /*  If init gives this process the same variables, they prove nothing. */
    choice.marked = lock == START_LOCK_TAKEN && !process_is_marked (root, getpid ());
    if (choice.marked && any_is_marked (root)) {
        start_keepers_find (root, &choice.keepers);
        ancestors_find (&choice);
        const struct start_choice chosen = {
            .claim = choice_claim, .context = &choice, .known = &choice.known};
        size_t found = start_processes_count (&chosen, 0, NULL);
        if (found)
            start_log ("ending %zu processes that an earlier version left", found);
        size_t left = found ? chosen_end (&choice, 0) : 0;
        if (left)
            start_log ("WARNING: %zu of them did not end and still run", left);
    }
    helpers_record (sweep);
}

void start_sweep_deinit (struct start_sweep *sweep)
{
    base_assert (sweep);
    free (sweep->helpers);
    *sweep = (struct start_sweep){.root = NULL};
}

void start_sweep_lock (const struct start_sweep *sweep)
{
    base_assert (sweep && root_is_open (sweep->root));
    if (!sweep->locked || !root_manager_lock_is_held (sweep->root))
        return;
    base_cleanup (choice_deinit) struct choice choice = {.sweep = sweep, .root = sweep->root};
    start_keepers_find (sweep->root, &choice.keepers);
    ancestors_find (&choice);
    if (root_manager_lock_holder (sweep->root, &choice.holder) ||
        choice_has_ancestor (&choice, choice.holder))
        choice.holder = 0;
    start_log ("ending process %d, which holds the lock of the manager", (int) choice.holder);
    (void) chosen_end (&choice, 0);
    if (!root_manager_lock_is_held (sweep->root))
        return;
    start_log ("WARNING: %s/" ROOT_MANAGER_LOCK " is still held: making a new one", sweep->root->path);
    (void) disk_unlink (sweep->root->disk, sweep->root->fd, ROOT_MANAGER_LOCK);
}

void start_sweep_hold (const struct start_sweep *sweep)
{
    base_assert (sweep && root_is_open (sweep->root));
    base_cleanup (choice_deinit) struct choice choice = {.sweep = sweep, .root = sweep->root, .below = true};
    if (!children_exist ())
        return;
    start_keepers_find (sweep->root, &choice.keepers);
    start_children_freeze (&(struct start_choice){.claim = choice_claim, .context = &choice});
}

size_t start_sweep_end (const struct start_sweep *sweep, const char *workspace, pid_t keep,
                        enum start_sweep_pace pace)
{
    base_assert (sweep && root_is_open (sweep->root));
    base_assert (workspace);
    if (!start_reap_others (keep))
        return 0; /* every orphan would be a child of this process */
    base_cleanup (choice_deinit) struct choice choice = {.sweep = sweep, .root = sweep->root, .below = true};
    start_keepers_find (sweep->root, &choice.keepers);
    const struct start_choice chosen = {.claim = choice_claim, .context = &choice};
    size_t found = chosen_count (&choice, &chosen, keep, NULL);
    for (int i = 0; pace == START_SWEEP_LINGER && found && i < LINGER_MS / LINGER_STEP_MS; i++) {
        (void) poll (NULL, 0, LINGER_STEP_MS);
        (void) start_reap_others (keep);
        found = chosen_count (&choice, &chosen, keep, NULL);
    }
    if (!found)
        return 0;
    start_log ("ending %zu processes that %s left", found, workspace);
    size_t left = chosen_end (&choice, keep);
    if (left)
        start_log ("WARNING: %zu processes of %s did not end and still run", left, workspace);
    return found;
}

bool start_sweep_holder (const struct root *root)
{
    base_assert (root_is_open (root));
    base_cleanup (choice_deinit) struct choice choice = {.root = root, .marked = true};
    if (process_is_marked (root, getpid ()) || root_lock_holder (root, &choice.holder) ||
        !process_is_marked (root, choice.holder))
        return false;
    start_keepers_find (root, &choice.keepers);
    start_keepers_drop (&choice.keepers, choice.holder); /* it keeps node managers from running */
    ancestors_find (&choice);
    if (choice_has_ancestor (&choice, choice.holder))
        return false;
    start_log ("ending process %d of an earlier version, which holds the lock of the root",
               (int) choice.holder);
    return chosen_end (&choice, 0) == 0;
}
