/* SPDX-License-Identifier: MPL-2.0 */
/*  base/elf.h - the platform and the libraries of a program, from its ELF file

    The file may be hostile: every offset and count is checked before use. */

#ifndef BASE_ELF_H
#define BASE_ELF_H

#include <stddef.h>

#include "base/error.h"

enum { BASE_ELF_PLATFORM_SIZE = 64 };

/*  The platform of a program or shared object: "linux/amd64", "linux/arm64" and so on. Reads with pread; the
    caller keeps fd. Returns 0, -ENOEXEC if the file is not one of these, -ENOTSUP for an ELF file of a
    platform that has no name here, -ENAMETOOLONG, or the read error. */
int base_elf_platform (int fd, char *ret_platform, size_t size);

/*  The interpreter of a dynamic program that looks for its libraries in $ORIGIN/files/lib. The caller owns
    the path. Returns 0, -ENOENT for any other program, -ENOEXEC, -ENOTSUP, -ENOMEM, or the read error. */
int base_elf_interpreter (int fd, char **ret_interpreter);

struct base_elf_library {
    char *soname; /* as named in DT_NEEDED of the program or of a library */
    char *path;   /* absolute, symbolic links resolved */
};

/*  Null value: all zero. Owns its items. */
struct base_elf_libraries {
    struct base_elf_library *items;
    size_t count;
};

void base_elf_libraries_deinit (struct base_elf_libraries *libraries);

/*  Lists the shared libraries that the program at path needs beyond the C library, with the libraries that
    those need in turn. The list is empty if the program does not look for its libraries in $ORIGIN/files/lib
    by DT_RPATH (a DT_RUNPATH does not apply to the libraries of libraries), if it is no dynamic ELF program,
    or if it is for another platform than this host, whose libraries are not here. Libraries are found as the
    host's ld.so finds them in an empty environment. Neither the program nor its interpreter is executed. A
    missing library is an error that names it. A search that takes 30 s is an error. Returns 0 or -errno. */
int base_elf_libraries (const char *path, struct base_elf_libraries *ret_libraries, struct base_error *error);

#endif
