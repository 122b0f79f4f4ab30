/* SPDX-License-Identifier: MPL-2.0 */
/*  root/lock.c - the locks of a root, and the processes that hold them */

#include "root/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/directory.h"
#include "base/text.h"

enum { INHERITED_MOST = 1024, INFO_SIZE = 4096 };

/*  Longest wait for the manager lock: as long as a killed manager takes to exit. */
enum { MANAGER_MS = 10, MANAGER_TIMES = 200 };

/*  root_lock_is_held takes the lock for a moment without serving the root, so a busy lock is tried again. */
enum { ASKED_MS = 10, ASKED_TIMES = 20 };

enum { CHANGE_STEP_MS = 10 };

enum { LOCK_FLAGS = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK };

static bool file_is_same (const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/*  Opens the lock file. If that fails, as on a read-only disk without one, opens the root directory instead.
    Never for writing: an open writable file keeps the disk from being remounted read-only. */
static int lock_open (const struct root *root)
{
    int fd = openat (root->fd, ROOT_LOCK, LOCK_FLAGS | O_RDONLY);
    if (fd < 0)
        fd = openat (root->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static void lock_make (const struct root *root)
{
    base_cleanup (base_close_p) int fd =
        openat (root->fd, ROOT_LOCK, LOCK_FLAGS | O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (fd >= 0)
        (void) fchmod (fd, 0600); /* independent of the umask: its owner must be able to open it */
}

/*  Returns 0 or -errno. NFS implements flock as a byte-range lock, which needs a file open for writing. */
static int file_lock (const struct root *root, int *fd)
{
    if (flock (*fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    if (errno != EBADF)
        return -errno;
    int writable = openat (root->fd, ROOT_LOCK, LOCK_FLAGS | O_RDWR);
    if (writable < 0)
        return -errno;
    (void) close (*fd);
    *fd = writable;
    return flock (writable, LOCK_EX | LOCK_NB) ? -errno : 0;
}

/*  Finds the descriptor through which this process already holds the lock. Returns it, -ENOENT if there is
    none, or another -errno. */
static int lock_find_own (int other)
{
    struct stat wanted, found;
    if (fstat (other, &wanted))
        return -errno;
    for (int fd = STDERR_FILENO + 1; fd < INHERITED_MOST; fd++)
        if (fd != other && fstat (fd, &found) == 0 && file_is_same (&wanted, &found) &&
            flock (fd, LOCK_EX | LOCK_NB) == 0)
            return fd;
    return -ENOENT;
}

/*  Locks the directory of the root, too: if the lock file is removed, a new file with its name is a different
    lock. The lock is on root->fd, which no other program inherits. A file system that cannot lock directories
    goes without. */
static int directory_lock (const struct root *root)
{
    int r = -EWOULDBLOCK;
    for (unsigned i = 0; r == -EWOULDBLOCK && i < ASKED_TIMES; i++) {
        if (i)
            (void) poll (NULL, 0, ASKED_MS);
        r = flock (root->fd, LOCK_EX | LOCK_NB) ? -errno : 0;
    }
    return r == -EWOULDBLOCK ? r : 0;
}

static bool lock_is_directory (const struct root *root, int fd)
{
    struct stat own, directory;
    return fstat (fd, &own) == 0 && fstat (root->fd, &directory) == 0 && file_is_same (&own, &directory);
}

int root_lock_take (const struct root *root)
{
    base_assert (root_is_open (root));
    bool kept;
    return root_lock_keep (root, &kept);
}

int root_lock_keep (const struct root *root, bool *ret_kept)
{
    base_assert (root_is_open (root));
    base_assert (ret_kept);
    *ret_kept = false;
    lock_make (root);
    base_cleanup (base_close_p) int fd = lock_open (root);
    int r = fd < 0 ? fd : file_lock (root, &fd);
    int own = r == -EWOULDBLOCK ? lock_find_own (fd) : -ENOENT;
    if (own >= 0) {
        root_lock_withhold (own);
        *ret_kept = true;
        if (!lock_is_directory (root, own))
            (void) directory_lock (root); /* the lock file alone decides */
        return own;
    }
    for (unsigned i = 0; r == -EWOULDBLOCK && i < ASKED_TIMES; i++) {
        (void) poll (NULL, 0, ASKED_MS);
        r = file_lock (root, &fd);
    }
    if (r == 0 && !lock_is_directory (root, fd))
        r = directory_lock (root);
    if (r < 0)
        return r;
    return base_take_fd (&fd);
}

int root_lock_renew (const struct root *root, int *lock)
{
    base_assert (root_is_open (root));
    base_assert (lock);
    struct stat held, named;
    if (*lock >= 0 && fstat (*lock, &held) == 0 &&
        fstatat (root->fd, ROOT_LOCK, &named, AT_SYMLINK_NOFOLLOW) == 0 && file_is_same (&held, &named))
        return 0;
    lock_make (root);
    base_cleanup (base_close_p) int fd = openat (root->fd, ROOT_LOCK, LOCK_FLAGS | O_RDONLY);
    if (fd < 0)
        return -errno;
    if (flock (fd, LOCK_EX | LOCK_NB))
        return -errno;
    base_close_p (lock);
    *lock = base_take_fd (&fd);
    return 0;
}

void root_lock_pass (int lock)
{
    if (lock >= 0)
        (void) fcntl (lock, F_SETFD, 0);
}

void root_lock_withhold (int lock)
{
    if (lock >= 0)
        (void) fcntl (lock, F_SETFD, FD_CLOEXEC);
}

bool root_lock_is_held (const struct root *root)
{
    base_assert (root_is_open (root));
    base_cleanup (base_close_p) int fd = lock_open (root);
    base_cleanup (base_close_p) int directory = openat (root->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return (fd >= 0 && flock (fd, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK) ||
           (directory >= 0 && flock (directory, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK);
}

static DIR *directory_open (int directory, const char *path)
{
    return base_directory_list (openat (directory, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

/*  Whether a process (its /proc directory) holds a lock on the file. */
static bool process_holds (int process, const struct stat *wanted)
{
    base_cleanup (base_directory_close_p) DIR *descriptors = directory_open (process, "fd");
    for (const struct dirent *entry; descriptors && (entry = readdir (descriptors));) {
        struct stat found;
        char path[64], text[INFO_SIZE];
        if (fstatat (dirfd (descriptors), entry->d_name, &found, 0) || !file_is_same (wanted, &found))
            continue;
        (void) snprintf (path, sizeof path, "fdinfo/%.40s", entry->d_name);
        base_cleanup (base_close_p) int info = openat (process, path, O_RDONLY | O_CLOEXEC);
        ssize_t got = info < 0 ? -1 : read (info, text, sizeof text - 1);
        text[got < 0 ? 0 : got] = '\0';
        if (strstr (text, "FLOCK"))
            return true;
    }
    return false;
}

static int file_find_holder (const struct stat *wanted, pid_t *ret_pid)
{
    base_cleanup (base_directory_close_p) DIR *processes = directory_open (AT_FDCWD, "/proc");
    for (const struct dirent *entry; processes && (entry = readdir (processes));) {
        uint64_t pid;
        if (base_text_parse_u64 (entry->d_name, INT32_MAX, &pid) || (pid_t) pid == getpid ())
            continue;
        base_cleanup (base_close_p) int process =
            openat (dirfd (processes), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (process < 0 || !process_holds (process, wanted))
            continue;
        /*  Checks again after pidfd_open: the pid may have been reused. */
        base_cleanup (base_close_p) int held = pidfd_open ((pid_t) pid, 0);
        if (held >= 0 && process_holds (process, wanted)) {
            *ret_pid = (pid_t) pid;
            return base_take_fd (&held);
        }
    }
    return -ESRCH;
}

/*  Finds the process that holds the lock. The directory lock is tried first, because a manager may have made
    the lock file anew. Returns a pidfd that the caller owns, so that exactly the found process is signalled;
    -ESRCH or another -errno. */
static int lock_find_holder (const struct root *root, pid_t *ret_pid)
{
    struct stat wanted;
    if (fstat (root->fd, &wanted))
        return -errno;
    int held = file_find_holder (&wanted, ret_pid);
    if (held != -ESRCH)
        return held;
    base_cleanup (base_close_p) int fd = lock_open (root);
    if (fd < 0 || fstat (fd, &wanted))
        return fd < 0 ? fd : -errno;
    return file_find_holder (&wanted, ret_pid);
}

int root_lock_signal (const struct root *root, int signal)
{
    base_assert (root_is_open (root));
    pid_t pid;
    base_cleanup (base_close_p) int held = lock_find_holder (root, &pid);
    if (held < 0)
        return held;
    if (pidfd_send_signal (held, signal, NULL, 0))
        return -errno;
    if (signal)
        (void) pidfd_send_signal (held, SIGCONT, NULL, 0); /* a stopped process does not handle signals */
    return 0;
}

/*  Finds the workspace of this root whose program a process (its /proc directory) runs. */
static bool process_runs_workspace (const struct root *root, int process, char ret_name[ROOT_NAME_SIZE])
{
    char path[PATH_MAX];
    ssize_t length = readlinkat (process, "exe", path, sizeof path - 1);
    path[length < 0 ? 0 : length] = '\0';
    char *program = strrchr (path, '/');
    if (!program)
        return false;
    *program++ = '\0';
    const char *name = strrchr (path, '/');
    struct stat here, runs;
    char own[ROOT_NAME_SIZE + NAME_MAX + 2];
    if (!name || !root_name_is_valid (name + 1) || strncmp (program, "noded", 5) != 0)
        return false;
    name++;
    /*  Another root may have a workspace of the same name, so the files are compared. A deleted program may
        still run. */
    (void) snprintf (own, sizeof own, "%s/%s", name, program);
    if (fstatat (root->fd, own, &here, 0) == 0 &&
        (fstatat (process, "exe", &runs, 0) || !file_is_same (&here, &runs)))
        return false;
    return base_text_copy (ret_name, ROOT_NAME_SIZE, name) == 0;
}

static pid_t process_parent (int process)
{
    char text[INFO_SIZE];
    base_cleanup (base_close_p) int fd = openat (process, "stat", O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read (fd, text, sizeof text - 1);
    text[got < 0 ? 0 : got] = '\0';
    const char *end = strrchr (text, ')'); /* end of the command name, which may contain anything */
    return end && strlen (end) > 4 ? (pid_t) strtol (end + 4, NULL, 10) : 0;
}

int root_lock_runs (const struct root *root, pid_t *ret_pid, char ret_name[ROOT_NAME_SIZE])
{
    base_assert (root_is_open (root));
    base_assert (ret_pid && ret_name);
    pid_t holder;
    base_cleanup (base_close_p) int held = lock_find_holder (root, &holder);
    if (held < 0)
        return held;
    base_cleanup (base_directory_close_p) DIR *processes = directory_open (AT_FDCWD, "/proc");
    for (const struct dirent *entry; processes && (entry = readdir (processes));) {
        uint64_t pid;
        if (base_text_parse_u64 (entry->d_name, INT32_MAX, &pid))
            continue;
        base_cleanup (base_close_p) int process =
            openat (dirfd (processes), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        /*  A manager started by hand holds the lock itself. */
        if (process < 0 || ((pid_t) pid != holder && process_parent (process) != holder) ||
            !process_runs_workspace (root, process, ret_name))
            continue;
        *ret_pid = (pid_t) pid;
        return 0;
    }
    return -ESRCH;
}

int root_lock_holder (const struct root *root, pid_t *ret_pid)
{
    base_assert (root_is_open (root));
    base_assert (ret_pid);
    base_cleanup (base_close_p) int held = lock_find_holder (root, ret_pid);
    return held < 0 ? held : 0;
}

/*  A lock that needs no inode: it is taken on a directory that every root has. */
int root_change_lock (const struct root *root, uint64_t ms)
{
    base_assert (root_is_open (root));
    base_cleanup (base_close_p) int fd =
        openat (root->fd, ROOT_APPS, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    for (uint64_t waited = 0;; waited += CHANGE_STEP_MS) {
        if (flock (fd, LOCK_EX | LOCK_NB) == 0)
            return base_take_fd (&fd);
        if (errno != EWOULDBLOCK || waited >= ms)
            return -errno;
        (void) poll (NULL, 0, CHANGE_STEP_MS);
    }
}

/*  manager lock */

static int manager_lock_open (const struct root *root)
{
    int fd = openat (root->fd, ROOT_MANAGER_LOCK, LOCK_FLAGS | O_RDONLY);
    return fd < 0 ? -errno : fd;
}

int root_manager_lock_take (const struct root *root)
{
    base_assert (root_is_open (root));
    base_cleanup (base_close_p) int made =
        openat (root->fd, ROOT_MANAGER_LOCK, LOCK_FLAGS | O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (made >= 0)
        (void) fchmod (made, 0600);
    base_cleanup (base_close_p) int fd = manager_lock_open (root);
    if (fd < 0)
        return fd;
    for (unsigned i = 0; flock (fd, LOCK_EX | LOCK_NB); i++) {
        if (errno != EWOULDBLOCK || i == MANAGER_TIMES)
            return -errno;
        (void) poll (NULL, 0, MANAGER_MS);
    }
    return base_take_fd (&fd);
}

bool root_manager_lock_is_held (const struct root *root)
{
    base_assert (root_is_open (root));
    base_cleanup (base_close_p) int fd = manager_lock_open (root);
    return fd >= 0 && flock (fd, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK;
}

int root_manager_lock_holder (const struct root *root, pid_t *ret_pid)
{
    base_assert (root_is_open (root));
    base_assert (ret_pid);
    struct stat wanted;
    base_cleanup (base_close_p) int fd = manager_lock_open (root);
    if (fd < 0 || fstat (fd, &wanted))
        return fd < 0 ? fd : -errno;
    base_cleanup (base_close_p) int held = file_find_holder (&wanted, ret_pid);
    return held < 0 ? held : 0;
}
