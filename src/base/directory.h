/*  base/directory.h - listing a directory that is open */

#ifndef BASE_DIRECTORY_H
#define BASE_DIRECTORY_H

#include <dirent.h>

/*  fd is consumed, on failure too; a negative one is a failure, with errno as whoever opened it left it. The
    descriptor that was given is dirfd of the result as long as that is open. Returns NULL with errno. */
DIR *base_directory_list (int fd);

/*  For base_cleanup. */
void base_directory_close_p (DIR **directory);

#endif
