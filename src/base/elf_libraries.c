/* SPDX-License-Identifier: MPL-2.0 */
/*  base/elf_libraries.c - finds the shared libraries of a program as ld.so (8) does, without running it

    Nothing is executed: the author of an untrusted file chooses its interpreter. As ld.so does in an empty
    environment, the search looks in DT_RPATH of the object that needs the library and of the objects that
    need that one in turn, then in DT_RUNPATH, in /etc/ld.so.cache and in the default directories. Variants
    for particular processors (glibc-hwcaps) are skipped, because a release runs on other hosts. */

#include "base/elf.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/elf_dynamic.h"
#include "base/text.h"
#include "base/time.h"

enum { OBJECTS_MOST = 512, TIME_MS = 30000 };

/*  The program, or a library that it needs. */
struct object {
    struct base_elf_dynamic dynamic;
    char *path;      /* symbolic links resolved */
    char *directory; /* $ORIGIN */
    int needed_by;   /* index of the object that needs it; -1: the program itself */
};

struct search {
    const char *program;
    struct object *objects;
    size_t n_objects;
    struct base_elf_cache cache;
    struct base_elf_libraries libraries;
    uint64_t until_ms;
    struct base_error *error;
};

/*  A library to find. */
struct wanted {
    struct search *search;
    const char *soname;
    char *path;                      /* set when found */
    struct base_elf_dynamic dynamic; /* of the file at path */
};

void base_elf_libraries_deinit (struct base_elf_libraries *libraries)
{
    base_assert (libraries);
    for (size_t i = 0; i < libraries->count; i++) {
        free (libraries->items[i].soname);
        free (libraries->items[i].path);
    }
    free (libraries->items);
    *libraries = (struct base_elf_libraries){.count = 0};
}

/*  The libraries of Debian's libc6. They must be the host's, because they must match the interpreter, which
    is named by an absolute path. libcrypt and libnsl.so.2 come from other packages and are collected. */
static bool soname_is_of_c_library (const char *soname)
{
    static const char *const beginnings[] = {"libc.so.",
                                             "libm.so.",
                                             "libmvec.so.",
                                             "libdl.so.",
                                             "libpthread.so.",
                                             "librt.so.",
                                             "libutil.so.",
                                             "libresolv.so.",
                                             "libnsl.so.1",
                                             "libanl.so.",
                                             "libnss_",
                                             "libthread_db.so.",
                                             "ld-linux",
                                             "ld64.so.",
                                             "ld.so.",
                                             "libBrokenLocale.so.",
                                             "libmemusage.so",
                                             "libpcprofile.so",
                                             "libc_malloc_debug.so"};
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++)
        if (strncmp (soname, beginnings[i], strlen (beginnings[i])) == 0)
            return true;
    return false;
}

static void search_deinit (struct search *search)
{
    for (size_t i = 0; i < search->n_objects; i++) {
        base_elf_dynamic_deinit (&search->objects[i].dynamic);
        free (search->objects[i].path);
        free (search->objects[i].directory);
    }
    free (search->objects);
    base_elf_cache_deinit (&search->cache);
    base_elf_libraries_deinit (&search->libraries);
}

static bool dynamic_is_of_kind (const struct base_elf_dynamic *a, const struct base_elf_dynamic *b)
{
    return a->machine == b->machine && a->wide == b->wide && a->big == b->big;
}

/*  Tries one file. Returns 0 if it is a library for the program's platform, BASE_ELF_E_OTHER if it is missing
    or for another platform, or an error if it is no library. */
static int candidate_try (void *context, const char *path)
{
    struct wanted *wanted = context;
    struct search *search = wanted->search;
    struct stat status;
    base_cleanup (base_elf_dynamic_deinit) struct base_elf_dynamic dynamic = {.needed = NULL};
    base_cleanup (base_close_p) int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return BASE_ELF_E_OTHER;
    if (fstat (fd, &status) < 0 || !S_ISREG (status.st_mode))
        return BASE_ELF_E_OTHER;
    int r = base_elf_dynamic (fd, &dynamic);
    if (r == -ENOTSUP)
        return BASE_ELF_E_OTHER;
    if (r < 0)
        return base_error_errno (search->error, r,
                                 "%s needs the library %s, but %s cannot "
                                 "be read as a library",
                                 search->program, wanted->soname, path);
    if (!dynamic_is_of_kind (&dynamic, &search->objects[0].dynamic))
        return BASE_ELF_E_OTHER;
    wanted->path = realpath (path, NULL);
    if (!wanted->path)
        return base_error_errno (search->error, -errno, "cannot find the library %s at %s", wanted->soname,
                                 path);
    wanted->dynamic = dynamic;
    dynamic = (struct base_elf_dynamic){.needed = NULL};
    return 0;
}

static int directory_try (struct wanted *wanted, const char *directory)
{
    base_cleanup (base_free_p) char *path = base_text_printf ("%s/%s", directory, wanted->soname);
    return path ? candidate_try (wanted, path) : -ENOMEM;
}

static const char *host_triplet (void)
{
    char platform[BASE_ELF_PLATFORM_SIZE];
    static const struct {
        const char *platform, *triplet;
    } names[] = {{"linux/amd64", "x86_64-linux-gnu"},       {"linux/arm64", "aarch64-linux-gnu"},
                 {"linux/386", "i386-linux-gnu"},           {"linux/arm", "arm-linux-gnueabihf"},
                 {"linux/riscv64", "riscv64-linux-gnu"},    {"linux/ppc64le", "powerpc64le-linux-gnu"},
                 {"linux/s390x", "s390x-linux-gnu"},        {"linux/mips64le", "mips64el-linux-gnuabi64"},
                 {"linux/loong64", "loongarch64-linux-gnu"}};
    base_cleanup (base_close_p) int fd = open ("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && base_elf_platform (fd, platform, sizeof platform) == 0)
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            if (strcmp (names[i].platform, platform) == 0)
                return names[i].triplet;
    return "";
}

/*  Tries the directories of an object's DT_RPATH or DT_RUNPATH. Skips directories that are relative or
    contain a variable other than a leading $ORIGIN. */
static int directories_try (struct wanted *wanted, const struct object *object, const char *directories)
{
    static const char *const origins[] = {"${ORIGIN}", "$ORIGIN"};
    int r = BASE_ELF_E_OTHER;
    while (r == BASE_ELF_E_OTHER && directories && *directories) {
        size_t size = strcspn (directories, ":"), origin = 0;
        for (size_t i = 0; i < 2 && !origin; i++)
            if (strncmp (directories, origins[i], strlen (origins[i])) == 0)
                origin = strlen (origins[i]);
        base_cleanup (base_free_p) char *directory = base_text_printf (
            "%s%.*s", origin ? object->directory : "", (int) (size - origin), directories + origin);
        if (!directory)
            return -ENOMEM;
        if (*directory == '/' && !memchr (directories + origin, '$', size - origin))
            r = directory_try (wanted, directory);
        directories += size + (directories[size] == ':');
    }
    return r;
}

static int default_try (struct wanted *wanted)
{
    const char *name = host_triplet ();
    static const char *const below[] = {"/lib", "/usr/lib"}, *const others[] = {"/lib64", "/usr/lib64",
                                                                                "/lib", "/usr/lib"};
    int r = BASE_ELF_E_OTHER;
    for (size_t i = 0; *name && r == BASE_ELF_E_OTHER && i < sizeof below / sizeof *below; i++) {
        base_cleanup (base_free_p) char *directory = base_text_printf ("%s/%s", below[i], name);
        r = directory ? directory_try (wanted, directory) : -ENOMEM;
    }
    for (size_t i = 0; r == BASE_ELF_E_OTHER && i < sizeof others / sizeof *others; i++)
        r = directory_try (wanted, others[i]);
    return r;
}

static int wanted_find (struct wanted *wanted, size_t needed_by)
{
    struct search *search = wanted->search;
    const struct object *object = &search->objects[needed_by];
    int r = BASE_ELF_E_OTHER;
    if (!object->dynamic.runpath)
        for (int at = (int) needed_by; r == BASE_ELF_E_OTHER && at >= 0; at = search->objects[at].needed_by)
            if (!search->objects[at].dynamic.runpath)
                r = directories_try (wanted, &search->objects[at], search->objects[at].dynamic.rpath);
    if (r == BASE_ELF_E_OTHER)
        r = directories_try (wanted, object, object->dynamic.runpath);
    if (r == BASE_ELF_E_OTHER)
        r = base_elf_cache_each (&search->cache, wanted->soname, candidate_try, wanted);
    if (r == BASE_ELF_E_OTHER)
        r = default_try (wanted);
    return r;
}

/*  Takes ownership of path and dynamic. */
static int object_add (struct search *search, char *path, struct base_elf_dynamic *dynamic, int needed_by)
{
    struct object object = {.path = path, .dynamic = *dynamic, .needed_by = needed_by};
    const char *slash = strrchr (path, '/');
    struct object *grown = reallocarray (search->objects, search->n_objects + 1, sizeof *grown);
    *dynamic = (struct base_elf_dynamic){.needed = NULL};
    if (grown)
        search->objects = grown;
    object.directory = strndup (path, slash && slash > path ? (size_t) (slash - path) : 1);
    if (!grown || !object.directory) {
        free (path);
        base_elf_dynamic_deinit (&object.dynamic);
        return base_error_set (search->error, -ENOMEM, "out of memory");
    }
    search->objects[search->n_objects++] = object;
    return 0;
}

static int library_add (struct search *search, const char *soname, const char *found)
{
    struct base_elf_libraries *libraries = &search->libraries;
    base_cleanup (base_free_p) char *name = strdup (soname);
    base_cleanup (base_free_p) char *path = strdup (found);
    struct base_elf_library *grown = reallocarray (libraries->items, libraries->count + 1, sizeof *grown);
    if (grown)
        libraries->items = grown;
    if (!name || !path || !grown)
        return base_error_set (search->error, -ENOMEM, "out of memory");
    libraries->items[libraries->count++] =
        (struct base_elf_library){.soname = base_take (name), .path = base_take (path)};
    return 0;
}

static bool search_has_library (const struct search *search, const char *soname)
{
    for (size_t i = 0; i < search->libraries.count; i++)
        if (strcmp (search->libraries.items[i].soname, soname) == 0)
            return true;
    return false;
}

static int library_take (struct search *search, const char *soname, size_t needed_by)
{
    struct wanted wanted = {.search = search, .soname = soname};
    if (soname_is_of_c_library (soname) || search_has_library (search, soname))
        return 0;
    if (strchr (soname, '/'))
        return base_error_set (search->error, -ENOTSUP,
                               "%s needs the library %s by its path: it cannot be included", search->program,
                               soname);
    if (search->n_objects == OBJECTS_MOST)
        return base_error_set (search->error, -EFBIG, "%s needs more than %d libraries", search->program,
                               OBJECTS_MOST);
    if (base_time_boot_ms () > search->until_ms)
        return base_error_set (search->error, -ETIMEDOUT,
                               "the libraries of %s were not found within %d s: is a file system slow?",
                               search->program, TIME_MS / 1000);
    int r = wanted_find (&wanted, needed_by);
    if (r == BASE_ELF_E_OTHER)
        return base_error_set (search->error, -ENOENT,
                               "%s needs the library %s, which is not on this host: install it, or take the"
                               " program from a host that has it",
                               search->program, soname);
    if (r < 0)
        return r;
    r = library_add (search, soname, wanted.path);
    if (r < 0) {
        free (wanted.path);
        base_elf_dynamic_deinit (&wanted.dynamic);
        return r;
    }
    return object_add (search, wanted.path, &wanted.dynamic, (int) needed_by);
}

/*  Whether the program is for the platform of this host. */
static bool dynamic_is_of_host (const struct base_elf_dynamic *dynamic)
{
    base_cleanup (base_elf_dynamic_deinit) struct base_elf_dynamic own = {.needed = NULL};
    base_cleanup (base_close_p) int fd = open ("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    return fd >= 0 && base_elf_dynamic (fd, &own) == 0 && dynamic_is_of_kind (&own, dynamic);
}

int base_elf_libraries (const char *path, struct base_elf_libraries *ret_libraries, struct base_error *error)
{
    base_assert (path);
    base_assert (ret_libraries);
    base_cleanup (search_deinit) struct search search = {
        .program = path, .until_ms = base_time_boot_ms () + TIME_MS, .error = error};
    base_cleanup (base_elf_dynamic_deinit) struct base_elf_dynamic dynamic = {.needed = NULL};
    base_cleanup (base_close_p) int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return base_error_errno (error, -errno, "cannot open %s", path);
    int r = base_elf_dynamic (fd, &dynamic);
    if (r && r != -ENOEXEC && r != -ENOTSUP)
        return base_error_errno (error, r, "cannot read the ELF headers of %s", path);
    if (r || !base_elf_looks_beside (&dynamic) || !dynamic_is_of_host (&dynamic)) {
        *ret_libraries = search.libraries;
        return 0;
    }
    char *program = realpath (path, NULL);
    if (!program)
        return base_error_errno (error, -errno, "cannot resolve %s", path);
    base_elf_cache_read (&search.cache);
    r = object_add (&search, program, &dynamic, -1);
    for (size_t i = 0; r == 0 && i < search.n_objects; i++)
        for (size_t j = 0; r == 0 && search.objects[i].dynamic.needed && search.objects[i].dynamic.needed[j];
             j++)
            r = library_take (&search, search.objects[i].dynamic.needed[j], i);
    if (r < 0)
        return r;
    *ret_libraries = search.libraries;
    search.libraries = (struct base_elf_libraries){.count = 0};
    return 0;
}
