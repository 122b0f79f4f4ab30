/* SPDX-License-Identifier: MPL-2.0 */
/*  base/directory.h - lists an open directory */

#ifndef BASE_DIRECTORY_H
#define BASE_DIRECTORY_H

#include <dirent.h>

/*  Consumes fd, on failure too. A negative fd is a failure; errno stays as the caller's open set it. fd is
    the dirfd of the result until the result is closed. Returns NULL with errno on failure. */
DIR *base_directory_list (int fd);

/*  For base_cleanup. */
void base_directory_close_p (DIR **directory);

#endif
