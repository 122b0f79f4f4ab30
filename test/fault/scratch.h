/* SPDX-License-Identifier: MPL-2.0 */
/*  test/fault/scratch.h - a directory for one test, removed after it, and files in it

    Each test runs in a process of its own, which changes into the directory: relative paths are enough. */

#ifndef TEST_SCRATCH_H
#define TEST_SCRATCH_H

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "disk/disk.h"

static char scratch_path[] = "/tmp/noded-scratch-XXXXXX";

static inline void scratch_begin (void)
{
    cr_assert_not_null (mkdtemp (scratch_path));
    cr_assert_eq (chdir (scratch_path), 0);
}

static inline void scratch_end (void)
{
    if (chdir ("/"))
        return;
    (void) disk_tree_remove (&disk_system, AT_FDCWD, scratch_path, NULL);
}

static inline bool scratch_exists (const char *path)
{
    struct stat status;
    return lstat (path, &status) == 0;
}

static inline void scratch_write (const char *path, const void *data, size_t size, mode_t mode)
{
    int fd = open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    cr_assert_geq (fd, 0, "%s: %m", path);
    cr_assert_eq (write (fd, data, size), (ssize_t) size);
    cr_assert_eq (fchmod (fd, mode), 0);
    (void) close (fd);
}

static inline void scratch_write_text (const char *path, const char *text)
{
    scratch_write (path, text, strlen (text), 0644);
}

/*  The whole file, NUL-terminated; NULL if it cannot be read. The caller frees it. */
static inline char *scratch_read (const char *path)
{
    struct base_buffer buffer = {0};
    if (disk_file_read (&disk_system, AT_FDCWD, path, 64 << 20, &buffer))
        return NULL;
    return base_buffer_take_text (&buffer);
}

static inline bool scratch_holds (const char *path, const char *text)
{
    char *found = scratch_read (path);
    bool same = found && strcmp (found, text) == 0;
    free (found);
    return same;
}

/*  Runs a shell command. Returns its output, standard error included, without trailing newlines; the caller
    frees it. ret_status: NULL, or gets the wait status. */
static inline char *scratch_shell (const char *command, int *ret_status)
{
    int ends[2];
    cr_assert_eq (pipe2 (ends, O_CLOEXEC), 0);
    pid_t pid = fork ();
    if (pid == 0) {
        (void) dup2 (ends[1], 1);
        (void) dup2 (ends[1], 2);
        execl ("/bin/sh", "sh", "-c", command, (char *) NULL);
        _exit (127);
    }
    (void) close (ends[1]);
    struct base_buffer buffer = {0};
    char block[4096];
    for (ssize_t got; (got = read (ends[0], block, sizeof block)) > 0;)
        cr_assert_eq (base_buffer_append (&buffer, block, (size_t) got), 0);
    (void) close (ends[0]);
    int status = -1;
    (void) waitpid (pid, &status, 0);
    if (ret_status)
        *ret_status = status;
    while (buffer.size && buffer.data[buffer.size - 1] == '\n')
        buffer.size--;
    return base_buffer_take_text (&buffer);
}

#endif
