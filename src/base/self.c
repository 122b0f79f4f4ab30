/* SPDX-License-Identifier: MPL-2.0 */
/*  base/self.c - arguments, environment and digest of this process from /proc; forced exit */

#include "base/self.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"

enum { STRINGS_MOST = 4 * 1024 * 1024, READ_SIZE = 16 * 1024 };

/*  Reads to the end of the file: files in /proc have size 0 in fstat. */
static int file_read (const char *path, struct base_buffer *buffer)
{
    base_cleanup (base_close_p) int fd = open (path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    for (;;) {
        char part[READ_SIZE];
        ssize_t count = read (fd, part, sizeof part);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return count < 0 ? -errno : 0;
        if (buffer->size + (size_t) count > STRINGS_MOST)
            return -E2BIG;
        int r = base_buffer_append (buffer, part, (size_t) count);
        if (r < 0)
            return r;
    }
}

/*  Reads a file of NUL-terminated strings as a list. */
static int strings_read (const char *path, char ***ret_list)
{
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
    int r = file_read (path, &buffer);
    if (r == 0)
        r = base_buffer_append (&buffer, "", 1);
    if (r < 0)
        return r;
    size_t count = 0;
    for (size_t i = 0; i + 1 < buffer.size; i++)
        count += buffer.data[i] == '\0';
    char **list = calloc (count + 1, sizeof *list);
    if (!list)
        return -ENOMEM;
    const char *at = (const char *) buffer.data;
    for (size_t i = 0; i < count; i++, at += strlen (at) + 1) {
        list[i] = strdup (at);
        if (!list[i]) {
            base_list_free (list);
            return -ENOMEM;
        }
    }
    *ret_list = list;
    return 0;
}

int base_self_args (char ***ret_args)
{
    base_assert (ret_args);
    return strings_read ("/proc/self/cmdline", ret_args);
}

int base_self_env (char ***ret_env)
{
    base_assert (ret_env);
    return strings_read ("/proc/self/environ", ret_env);
}

int base_self_parent_env (char ***ret_env)
{
    base_assert (ret_env);
    char path[64];
    char **env = NULL;
    pid_t parent = getppid ();
    (void) snprintf (path, sizeof path, "/proc/%d/environ", (int) parent);
    int r = strings_read (path, &env);
    if (r == 0 && getppid () != parent) { /* the pid may have been reused */
        base_list_free (env);
        return -ESRCH;
    }
    if (r == 0)
        *ret_env = env;
    return r;
}

int base_self_digest (struct base_digest *ret_digest)
{
    base_assert (ret_digest);
    base_cleanup (base_close_p) int exe = open ("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    return exe < 0 ? -errno : base_digest_of_fd (exe, ret_digest, NULL);
}

struct last {
    struct timespec at;
    int status;
};

static void *exit_at_last (void *context)
{
    struct last *last = context;
    while (clock_nanosleep (CLOCK_MONOTONIC, TIMER_ABSTIME, &last->at, NULL) == EINTR)
        continue;
    _exit (last->status);
}

int base_self_exit_within (uint64_t ms, int status)
{
    base_assert (status >= 0 && status <= 255);
    sigset_t all, before;
    pthread_t thread;
    base_cleanup (base_free_p) struct last *last = calloc (1, sizeof *last);
    if (!last)
        return -ENOMEM;
    last->status = status;
    (void) clock_gettime (CLOCK_MONOTONIC, &last->at);
    last->at.tv_sec += (time_t) (ms / 1000);
    last->at.tv_nsec += (long) (ms % 1000) * 1000000;
    if (last->at.tv_nsec >= 1000000000) {
        last->at.tv_sec++;
        last->at.tv_nsec -= 1000000000;
    }
    /*  Only the existing threads handle signals. */
    (void) sigfillset (&all);
    (void) pthread_sigmask (SIG_SETMASK, &all, &before);
    int r = pthread_create (&thread, NULL, exit_at_last, last);
    (void) pthread_sigmask (SIG_SETMASK, &before, NULL);
    if (r)
        return -r;
    (void) pthread_detach (thread);
    last = NULL; /* owned by the thread */
    return 0;
}
