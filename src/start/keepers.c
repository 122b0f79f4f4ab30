/* SPDX-License-Identifier: MPL-2.0 */
/*  start/keepers.c - finds running keepers by the locks of applications */

#include "start/keepers.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/directory.h"
#include "start/log.h"

enum { KEEPERS_MOST = 4096, PROGRAM_MOST = 64 * 1024 * 1024 };

void start_keepers_deinit (struct start_keepers *keepers)
{
    base_assert (keepers);
    free (keepers->items);
    *keepers = (struct start_keepers){.count = 0};
}

/*  Only the owner may write to the file; otherwise anybody might have replaced it. */
static bool file_is_guarded (const struct stat *status, const struct stat *root)
{
    return status->st_uid == root->st_uid && !(status->st_mode & (S_IWGRP | S_IWOTH));
}

/*  Whether the running program, given by its descriptor, is the file in ROOT/keepers named by its digest. */
static bool program_is_keeper (const struct root *root, int program)
{
    char name[BASE_DIGEST_TEXT];
    struct base_digest digest;
    struct stat top, runs, kept;
    base_cleanup (base_close_p) int keepers =
        openat (root->fd, ROOT_KEEPERS, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (keepers < 0 || fstat (root->fd, &top) || fstat (keepers, &kept) || !file_is_guarded (&kept, &top) ||
        fstat (program, &runs) || !S_ISREG (runs.st_mode) || runs.st_size > PROGRAM_MOST ||
        base_digest_of_fd (program, &digest, NULL) ||
        fstatat (keepers, base_digest_format (&digest, name), &kept, AT_SYMLINK_NOFOLLOW))
        return false;
    return S_ISREG (kept.st_mode) && file_is_guarded (&kept, &top) && kept.st_dev == runs.st_dev &&
           kept.st_ino == runs.st_ino;
}

/*  The pid of the process that holds an application's lock, as seen from this process; 0: none. */
static pid_t lock_holder (int apps, const char *name)
{
    char path[300];
    struct stat status;
    (void) snprintf (path, sizeof path, "%.255s/run/lock", name);
    base_cleanup (base_close_p) int fd =
        openat (apps, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fd < 0 || fstat (fd, &status) || !S_ISREG (status.st_mode) || fcntl (fd, F_GETLK, &lock) ||
        lock.l_type == F_UNLCK || lock.l_pid <= 0)
        return 0;
    return lock.l_pid;
}

static void keeper_add (const struct root *root, int apps, const char *name, struct start_keepers *keepers)
{
    char path[64];
    struct start_process process, again;
    pid_t pid = lock_holder (apps, name);
    if (pid <= 1 || !start_process_look (pid, &process))
        return;
    (void) snprintf (path, sizeof path, "/proc/%d/exe", (int) pid);
    base_cleanup (base_close_p) int program = open (path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (program < 0 || !program_is_keeper (root, program)) {
        start_log ("%s/" ROOT_APPS "/%s: process %d holds its lock and runs no file of " ROOT_KEEPERS
                   ": it will be ended with its version",
                   root->path, name, (int) pid);
        return;
    }
    /*  The pid belonged to the same process all the time. */
    if (!start_process_look (pid, &again) || again.start != process.start || lock_holder (apps, name) != pid)
        return;
    struct start_process *items = realloc (keepers->items, (keepers->count + 1) * sizeof *items);
    if (!items)
        return;
    items[keepers->count++] = process;
    keepers->items = items;
}

void start_keepers_find (const struct root *root, struct start_keepers *ret_keepers)
{
    base_assert (root_is_open (root));
    base_assert (ret_keepers);
    *ret_keepers = (struct start_keepers){.count = 0};
    base_cleanup (base_directory_close_p) DIR *apps =
        base_directory_list (openat (root->fd, ROOT_APPS, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    for (const struct dirent *entry; apps && ret_keepers->count < KEEPERS_MOST && (entry = readdir (apps));)
        if (entry->d_name[0] != '.')
            keeper_add (root, dirfd (apps), entry->d_name, ret_keepers);
}

void start_keepers_drop (struct start_keepers *keepers, pid_t pid)
{
    base_assert (keepers);
    size_t kept = 0;
    for (size_t i = 0; i < keepers->count; i++)
        if (keepers->items[i].pid != pid)
            keepers->items[kept++] = keepers->items[i];
    keepers->count = kept;
}

bool start_keepers_hold (const struct start_keepers *keepers, const struct start_process *process)
{
    base_assert (keepers);
    base_assert (process);
    for (size_t i = 0; i < keepers->count; i++) {
        const struct start_process *keeper = &keepers->items[i];
        bool leads_group = keeper->group == keeper->pid, leads_session = keeper->session == keeper->pid;
        if ((process->pid == keeper->pid && process->start == keeper->start) ||
            (leads_group && process->group == keeper->pid) ||
            (leads_session && process->session == keeper->pid))
            return true;
    }
    return false;
}
