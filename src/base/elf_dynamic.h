/*  base/elf_dynamic.h - the dynamic section of an ELF file; private to this room */

#ifndef BASE_ELF_DYNAMIC_H
#define BASE_ELF_DYNAMIC_H

#include <stdbool.h>

#include "base/elf.h"

enum { BASE_ELF_NEEDED_MOST = 256 };

/*  Null value: all zero. It owns everything. */
struct base_elf_dynamic {
    bool wide, big;
    unsigned machine;
    char *rpath, *runpath; /* NULL: none */
    char **needed;         /* NULL-terminated; NULL: none */
};

void base_elf_dynamic_deinit (struct base_elf_dynamic *dynamic);

/*  Of a file without a dynamic section all is empty. Returns as base_elf_platform. */
int base_elf_dynamic (int fd, struct base_elf_dynamic *ret_dynamic);

/*  Whether it looks for its libraries in $ORIGIN/files/lib, by a DT_RPATH; a DT_RUNPATH switches that off. */
bool base_elf_looks_beside (const struct base_elf_dynamic *dynamic);

/*  The file that the host's linker would take for a library by /etc/ld.so.cache; NULL where there is none.
    Borrowed from the cache. */
struct base_elf_cache {
    char *data;
    size_t size;
};
void base_elf_cache_read (struct base_elf_cache *ret_cache);
void base_elf_cache_deinit (struct base_elf_cache *cache);

/*  Calls each path that the cache has for soname until one is taken, which each tells by returning 0; another
    positive number goes on. Returns what the last call did, or 1. */
int base_elf_cache_each (const struct base_elf_cache *cache, const char *soname,
                         int (*each) (void *context, const char *path), void *context);

#endif
