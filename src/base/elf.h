/*  base/elf.h - what a program's ELF file says of where it runs and what it needs

    A file may be hostile: every offset and count in it is checked before it is used. */

#ifndef BASE_ELF_H
#define BASE_ELF_H

#include <stddef.h>

#include "base/error.h"

enum { BASE_ELF_PLATFORM_SIZE = 64 };

/*  "linux/amd64", "linux/arm64" and so on, of a program or shared object; fd is read with pread and stays
    the caller's. Returns 0, -ENOEXEC for what is no such file, -ENOTSUP for an ELF of a kind that has no
    name here, -ENAMETOOLONG, or the error of reading. */
int base_elf_platform (int fd, char *ret_platform, size_t size);

/*  The interpreter of a dynamic program that looks for its libraries in $ORIGIN/files/lib; the caller owns
    the path. Returns 0, -ENOENT for another program, -ENOEXEC, -ENOTSUP, -ENOMEM, or the error of reading. */
int base_elf_interpreter (int fd, char **ret_interpreter);

struct base_elf_library {
    char *soname; /* as the program, or a library of it, asks for it */
    char *path;   /* absolute, without links */
};

/*  Null value: all zero. It owns everything. */
struct base_elf_libraries {
    struct base_elf_library *items;
    size_t count;
};

void base_elf_libraries_deinit (struct base_elf_libraries *libraries);

/*  The shared libraries, those of libraries included, that the program at path needs beyond the C library. An
    empty list where it does not look for them in $ORIGIN/files/lib (by DT_RPATH: DT_RUNPATH would not reach the
    libraries of libraries), is no dynamic ELF program, or is one for another platform than this host, which has
    not its libraries. They are found as the host's linker would find them at its start, in an empty environment.
    Nothing of the program, nor what it names as its interpreter, is executed. A missing library is an error that
    names it; so is a search that lasts 30 s. Returns 0 or -errno. */
int base_elf_libraries (const char *path, struct base_elf_libraries *ret_libraries, struct base_error *error);

#endif
