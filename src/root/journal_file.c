/* SPDX-License-Identifier: MPL-2.0 */
/*  root/journal_file.c - locks the journal */

#include "root/journal_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <time.h>

#include "base/assert.h"
#include "base/cleanup.h"

enum { LOCK_TRIES = 50 };

int root_journal_lock (const struct root *root)
{
    base_assert (root_is_open (root));
    static const struct timespec pause = {.tv_nsec = 2 * 1000 * 1000};
    base_cleanup (base_close_p) int fd = openat (root->fd, ROOT_VAR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    for (unsigned i = 0; i < LOCK_TRIES; i++) {
        if (flock (fd, LOCK_EX | LOCK_NB) == 0)
            return base_take_fd (&fd);
        (void) nanosleep (&pause, NULL);
    }
    return -EWOULDBLOCK;
}
