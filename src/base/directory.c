/* SPDX-License-Identifier: MPL-2.0 */
/*  base/directory.c - opens a descriptor as a directory stream */

#include "base/directory.h"

#include <errno.h>
#include <unistd.h>

#include "base/assert.h"

DIR *base_directory_list (int fd)
{
    DIR *directory = fd < 0 ? NULL : fdopendir (fd);
    if (!directory && fd >= 0) {
        int code = errno;
        (void) close (fd);
        errno = code;
    }
    return directory;
}

void base_directory_close_p (DIR **directory)
{
    base_assert (directory);
    if (*directory)
        (void) closedir (*directory);
}
