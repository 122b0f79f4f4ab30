/* SPDX-License-Identifier: MPL-2.0 */
/*  base/elf_cache.c - reads /etc/ld.so.cache in the format of glibc 2.2 and later

    The file may be damaged: every offset is checked. */

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/elf_dynamic.h"

static const char magic[] = "glibc-ld.so.cache1.1";
static const char path[] = "/etc/ld.so.cache";

enum { CACHE_MOST = 64 * 1024 * 1024 };

struct header {
    char magic[20];
    uint32_t count, strings;
    uint8_t flags, padding[3];
    uint32_t extensions, unused[3];
};

struct entry {
    int32_t flags;
    uint32_t name, path, version;
    uint64_t capabilities; /* required processor capabilities (glibc-hwcaps); 0: none */
};

void base_elf_cache_deinit (struct base_elf_cache *cache)
{
    base_assert (cache);
    free (cache->data);
    *cache = (struct base_elf_cache){.size = 0};
}

void base_elf_cache_read (struct base_elf_cache *ret_cache)
{
    base_assert (ret_cache);
    struct stat status;
    *ret_cache = (struct base_elf_cache){.size = 0};
    base_cleanup (base_close_p) int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat (fd, &status) < 0 || !S_ISREG (status.st_mode) || status.st_size > CACHE_MOST)
        return;
    size_t size = (size_t) status.st_size, done = 0;
    base_cleanup (base_free_p) char *data = malloc (size + 1);
    while (data && done < size) {
        ssize_t n = pread (fd, data + done, size - done, (off_t) done);
        if (n <= 0)
            return;
        done += (size_t) n;
    }
    if (!data)
        return;
    data[size] = '\0';
    /* A cache in the older format has one in this format appended. */
    char *begin = memmem (data, size, magic, sizeof magic - 1);
    if (!begin)
        return;
    size -= (size_t) (begin - data);
    memmove (data, begin, size + 1);
    *ret_cache = (struct base_elf_cache){.data = base_take (data), .size = size};
}

int base_elf_cache_each (const struct base_elf_cache *cache, const char *soname,
                         int (*each) (void *context, const char *path), void *context)
{
    base_assert (cache);
    base_assert (soname && each);
    struct header header;
    int r = BASE_ELF_E_OTHER;
    if (cache->size < sizeof header)
        return r;
    memcpy (&header, cache->data, sizeof header);
    for (uint32_t i = 0; r == BASE_ELF_E_OTHER && i < header.count; i++) {
        struct entry entry;
        size_t at = sizeof header + (size_t) i * sizeof entry;
        if (at + sizeof entry > cache->size)
            return r;
        memcpy (&entry, cache->data + at, sizeof entry);
        if (entry.capabilities == 0 && entry.name < cache->size && entry.path < cache->size &&
            strcmp (cache->data + entry.name, soname) == 0)
            r = each (context, cache->data + entry.path);
    }
    return r;
}
