/* SPDX-License-Identifier: MPL-2.0 */
/*  base/elf_dynamic.h - the dynamic section of an ELF file; private to this room */

#ifndef BASE_ELF_DYNAMIC_H
#define BASE_ELF_DYNAMIC_H

#include <stdbool.h>

#include "base/elf.h"

enum { BASE_ELF_NEEDED_MOST = 256 };

/*  Contract code of the search for a library. */
enum {
    BASE_ELF_E_OTHER = 1, /* no such file, or one for another platform: the search goes on */
};

/*  Null value: all zero. Owns its strings. */
struct base_elf_dynamic {
    bool wide, big;
    unsigned machine;
    char *rpath, *runpath; /* NULL: none */
    char **needed;         /* NULL-terminated; NULL: none */
};

void base_elf_dynamic_deinit (struct base_elf_dynamic *dynamic);

/*  Reads the dynamic section. All fields are empty if the file has none. Returns as base_elf_platform. */
int base_elf_dynamic (int fd, struct base_elf_dynamic *ret_dynamic);

/*  Whether the program looks for its libraries in $ORIGIN/files/lib by DT_RPATH. A DT_RUNPATH
    disables DT_RPATH. */
bool base_elf_looks_beside (const struct base_elf_dynamic *dynamic);

/*  The contents of /etc/ld.so.cache; all zero if the file is missing or unusable. */
struct base_elf_cache {
    char *data;
    size_t size;
};
void base_elf_cache_read (struct base_elf_cache *ret_cache);
void base_elf_cache_deinit (struct base_elf_cache *cache);

/*  Calls each for every path of soname in the cache while it returns BASE_ELF_E_OTHER; 0 accepts the path, a
    negative number is an error. Paths are borrowed from the cache. Returns the last return value of each, or
    BASE_ELF_E_OTHER if it was not called. */
int base_elf_cache_each (const struct base_elf_cache *cache, const char *soname,
                         int (*each) (void *context, const char *path), void *context);

#endif
