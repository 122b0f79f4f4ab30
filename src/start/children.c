/* SPDX-License-Identifier: MPL-2.0 */
/*  start/children.c - reads, signals and freezes the children listed by the kernel */

#include "start/children.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/text.h"

enum { BLOCK = 4096, FREEZES_MOST = 32, FAST_ROUNDS = 256 };

static int list_read (struct base_buffer *buffer)
{
    char path[64];
    (void) snprintf (path, sizeof path, "/proc/self/task/%d/children", (int) getpid ());
    base_cleanup (base_close_p) int fd = open (path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    for (ssize_t got = 1; got > 0; buffer->size += (size_t) got) {
        if (base_buffer_reserve (buffer, BLOCK))
            return -ENOMEM;
        got = read (fd, buffer->data + buffer->size, BLOCK);
        if (got < 0)
            return -errno;
    }
    return 0;
}

int start_children_read (struct start_children *ret_children)
{
    base_assert (ret_children);
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
    int r = list_read (&buffer);
    if (r < 0)
        return r;
    size_t most = buffer.size / 2 + 1; /* each child takes at least two bytes */
    base_cleanup (base_free_p) char *text = base_buffer_take_text (&buffer);
    struct start_children children = {.pids = calloc (most, sizeof *children.pids)};
    if (!text || !children.pids) {
        start_children_deinit (&children);
        return -ENOMEM;
    }
    char *at = text, *end;
    for (long pid; (pid = strtol (at, &end, 10)) > 0; at = end)
        children.pids[children.count++] = (pid_t) pid;
    *ret_children = children;
    return 0;
}

void start_children_deinit (struct start_children *children)
{
    base_assert (children);
    free (children->pids);
    *children = (struct start_children){0};
}

static bool child_is_chosen (const struct start_choice *choice, pid_t pid, struct start_process *ret_process)
{
    return start_process_look (pid, ret_process) && ret_process->alive &&
           (!choice || choice->claim (choice->context, ret_process) == START_OURS);
}

bool start_children_signal (const struct start_choice *choice, int number)
{
    base_assert (number == SIGSTOP || number == SIGKILL);
    base_cleanup (start_children_deinit) struct start_children children = {0};
    bool any = false;
    if (start_children_read (&children))
        return false;
    bool all =
        !choice && number == SIGKILL; /* skips reading /proc, which takes longer than everything else */
    for (size_t i = 0; i < children.count; i++) {
        struct start_process process;
        if (!all &&
            (!child_is_chosen (choice, children.pids[i], &process) || (number == SIGSTOP && process.stopped)))
            continue;
        any = true;
        (void) kill (children.pids[i], number); /* only this process reaps it: the pid is its own */
    }
    return any;
}

void start_children_freeze (const struct start_choice *choice)
{
    bool any = true;
    for (int i = 0; any && i < FREEZES_MOST; i++) {
        any = start_processes_stop (choice);
        for (int j = 0; j < FAST_ROUNDS && start_children_signal (choice, SIGSTOP); j++)
            any = true;
    }
}

static bool children_have (const struct start_children *children, pid_t pid)
{
    for (size_t i = 0; i < children->count; i++)
        if (children->pids[i] == pid)
            return true;
    return false;
}

/*  When the second list is read, all processes of the first are dead, so their children, if any, are on
    the second. */
bool start_children_are_left (const struct start_choice *choice, pid_t but)
{
    base_cleanup (start_children_deinit) struct start_children before = {0}, after = {0};
    struct start_process process;
    if (start_children_read (&before))
        return false;
    for (size_t i = 0; i < before.count; i++)
        if (before.pids[i] != but && child_is_chosen (choice, before.pids[i], &process))
            return true;
    if (start_children_read (&after))
        return false;
    for (size_t i = 0; i < after.count; i++)
        if (!children_have (&before, after.pids[i]))
            return true;
    return false;
}
