/*  base/elf.c - reads as much of an ELF file as base/elf.h tells: header, program headers, dynamic section */

#include "base/elf.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/process.h"
#include "base/text.h"

enum {
    SEGMENTS_MOST = 512,
    DYNAMIC_MOST = 64 * 1024, /* bytes; that of libreoffice has 600 */
    STRING_MOST = 4096,
    OUTPUT_MOST = 1024 * 1024,
};

struct elf {
    int fd;
    bool wide; /* 64 bits */
    bool big;  /* the most significant byte first */
    unsigned machine;
    uint64_t segments_offset;
    unsigned segment_size;
    unsigned segments;
};

struct segment {
    uint32_t type;
    uint64_t offset;
    uint64_t address;
    uint64_t size; /* in the file */
};

static uint64_t number (const struct elf *elf, const uint8_t *at, unsigned size)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++)
        value = value << 8 | at[elf->big ? i : size - 1 - i];
    return value;
}

/*  A number that is as wide as an address. */
static uint64_t word (const struct elf *elf, const uint8_t *narrow, const uint8_t *wide)
{
    return elf->wide ? number (elf, wide, 8) : number (elf, narrow, 4);
}

/*  Returns 0, -ENOEXEC where the file ends before, or the error of reading. */
static int read_at (int fd, void *data, size_t size, uint64_t offset)
{
    size_t done = 0;
    while (done < size) {
        if (offset > INT64_MAX - size)
            return -ENOEXEC;
        ssize_t got = pread (fd, (char *) data + done, size - done, (off_t) (offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            return -ENOEXEC;
        done += (size_t) got;
    }
    return 0;
}

static int elf_open (int fd, struct elf *ret_elf)
{
    uint8_t header[sizeof (Elf64_Ehdr)] = {0};
    int rc = read_at (fd, header, sizeof (Elf32_Ehdr), 0);
    if (rc)
        return rc;
    if (memcmp (header, ELFMAG, SELFMAG) != 0 || header[EI_VERSION] != EV_CURRENT)
        return -ENOEXEC;
    struct elf elf = {
        .fd = fd, .wide = header[EI_CLASS] == ELFCLASS64, .big = header[EI_DATA] == ELFDATA2MSB};
    if ((!elf.wide && header[EI_CLASS] != ELFCLASS32) || (!elf.big && header[EI_DATA] != ELFDATA2LSB))
        return -ENOEXEC;
    if (elf.wide && (rc = read_at (fd, header, sizeof header, 0)))
        return rc;
    uint64_t type = number (&elf, header + offsetof (Elf64_Ehdr, e_type), 2);
    if (type != ET_EXEC && type != ET_DYN)
        return -ENOEXEC;
    if (header[EI_OSABI] != ELFOSABI_SYSV && header[EI_OSABI] != ELFOSABI_LINUX)
        return -ENOTSUP;
    elf.machine = (unsigned) number (&elf, header + offsetof (Elf64_Ehdr, e_machine), 2);
    elf.segments_offset =
        word (&elf, header + offsetof (Elf32_Ehdr, e_phoff), header + offsetof (Elf64_Ehdr, e_phoff));
    elf.segment_size = (unsigned) number (
        &elf, header + (elf.wide ? offsetof (Elf64_Ehdr, e_phentsize) : offsetof (Elf32_Ehdr, e_phentsize)),
        2);
    elf.segments = (unsigned) number (
        &elf, header + (elf.wide ? offsetof (Elf64_Ehdr, e_phnum) : offsetof (Elf32_Ehdr, e_phnum)), 2);
    *ret_elf = elf;
    return 0;
}

static int segment_read (const struct elf *elf, unsigned index, struct segment *ret_segment)
{
    uint8_t bytes[sizeof (Elf64_Phdr)];
    size_t size = elf->wide ? sizeof (Elf64_Phdr) : sizeof (Elf32_Phdr);
    if (elf->segment_size < size || elf->segments > SEGMENTS_MOST)
        return -ENOEXEC;
    if (elf->segments_offset > INT64_MAX)
        return -ENOEXEC;
    int rc = read_at (elf->fd, bytes, size, elf->segments_offset + (uint64_t) index * elf->segment_size);
    if (rc)
        return rc;
    *ret_segment = (struct segment){
        .type = (uint32_t) number (elf, bytes, 4),
        .offset =
            word (elf, bytes + offsetof (Elf32_Phdr, p_offset), bytes + offsetof (Elf64_Phdr, p_offset)),
        .address = word (elf, bytes + offsetof (Elf32_Phdr, p_vaddr), bytes + offsetof (Elf64_Phdr, p_vaddr)),
        .size = word (elf, bytes + offsetof (Elf32_Phdr, p_filesz), bytes + offsetof (Elf64_Phdr, p_filesz)),
    };
    return 0;
}

/*  The first segment of a type; -ENOENT where there is none. */
static int segment_find (const struct elf *elf, uint32_t type, struct segment *ret_segment)
{
    for (unsigned i = 0; i < elf->segments; i++) {
        struct segment segment;
        int rc = segment_read (elf, i, &segment);
        if (rc)
            return rc;
        if (segment.type == type) {
            *ret_segment = segment;
            return 0;
        }
    }
    return -ENOENT;
}

/*  The string of at most most bytes that begins at an offset of the file; for the caller. */
static int string_read (const struct elf *elf, uint64_t offset, uint64_t most, char **ret_string)
{
    char bytes[STRING_MOST];
    if (most > sizeof bytes)
        most = sizeof bytes;
    if (offset > INT64_MAX - sizeof bytes)
        return -ENOEXEC;
    ssize_t got = pread (elf->fd, bytes, most, (off_t) offset);
    if (got < 0)
        return -errno;
    if (!memchr (bytes, '\0', (size_t) got))
        return -ENOEXEC;
    char *string = strdup (bytes);
    if (!string)
        return -ENOMEM;
    *ret_string = string;
    return 0;
}

/*  Where in the file an address of the running program is; -ENOEXEC where it is in no segment. */
static int address_offset (const struct elf *elf, uint64_t address, uint64_t *ret_offset)
{
    for (unsigned i = 0; i < elf->segments; i++) {
        struct segment segment;
        int rc = segment_read (elf, i, &segment);
        if (rc)
            return rc;
        if (segment.type != PT_LOAD || address < segment.address || address - segment.address >= segment.size)
            continue;
        if (segment.offset > INT64_MAX || address - segment.address > INT64_MAX)
            return -ENOEXEC;
        *ret_offset = segment.offset + (address - segment.address);
        return 0;
    }
    return -ENOEXEC;
}

/*  The program's DT_RPATH, for the caller; NULL where it has none, or has a DT_RUNPATH, which switches it
    off. */
static int rpath_read (const struct elf *elf, char **ret_rpath)
{
    struct segment dynamic;
    *ret_rpath = NULL;
    int rc = segment_find (elf, PT_DYNAMIC, &dynamic);
    if (rc == -ENOENT)
        return 0;
    if (rc)
        return rc;
    if (dynamic.size > DYNAMIC_MOST)
        return -ENOEXEC;
    base_cleanup (base_free_p) uint8_t *bytes = malloc (dynamic.size + 1);
    if (!bytes)
        return -ENOMEM;
    rc = read_at (elf->fd, bytes, dynamic.size, dynamic.offset);
    if (rc)
        return rc;

    bool has_rpath = false, has_runpath = false, has_table = false;
    uint64_t rpath = 0, table = 0, table_size = 0;
    size_t step = elf->wide ? sizeof (Elf64_Dyn) : sizeof (Elf32_Dyn);
    for (size_t at = 0; at + step <= dynamic.size; at += step) {
        uint64_t tag = word (elf, bytes + at, bytes + at);
        uint64_t value = word (elf, bytes + at + 4, bytes + at + 8);
        if (tag == DT_NULL)
            break;
        if (tag == DT_RPATH) {
            has_rpath = true;
            rpath = value;
        } else if (tag == DT_RUNPATH)
            has_runpath = true;
        else if (tag == DT_STRTAB) {
            has_table = true;
            table = value;
        } else if (tag == DT_STRSZ)
            table_size = value;
    }
    if (!has_rpath || has_runpath)
        return 0;
    uint64_t offset = 0;
    if (!has_table || rpath >= table_size)
        return -ENOEXEC;
    rc = address_offset (elf, table, &offset);
    if (rc)
        return rc;
    if (offset > INT64_MAX || rpath > INT64_MAX)
        return -ENOEXEC;
    return string_read (elf, offset + rpath, table_size - rpath, ret_rpath);
}

int base_elf_platform (int fd, char *ret_platform, size_t size)
{
    static const struct {
        unsigned machine;
        bool wide, big;
        const char *platform;
    } platforms[] = {
        {EM_X86_64, true, false, "linux/amd64"},      {EM_AARCH64, true, false, "linux/arm64"},
        {EM_386, false, false, "linux/386"},          {EM_ARM, false, false, "linux/arm"},
        {EM_RISCV, true, false, "linux/riscv64"},     {EM_PPC64, true, false, "linux/ppc64le"},
        {EM_PPC64, true, true, "linux/ppc64"},        {EM_S390, true, true, "linux/s390x"},
        {EM_MIPS, false, false, "linux/mipsle"},      {EM_MIPS, false, true, "linux/mips"},
        {EM_MIPS, true, false, "linux/mips64le"},     {EM_MIPS, true, true, "linux/mips64"},
        {EM_LOONGARCH, true, false, "linux/loong64"},
    };
    struct elf elf;
    int rc = elf_open (fd, &elf);
    if (rc)
        return rc;
    for (size_t i = 0; i < sizeof platforms / sizeof *platforms; i++)
        if (platforms[i].machine == elf.machine && platforms[i].wide == elf.wide &&
            platforms[i].big == elf.big)
            return base_text_copy (ret_platform, size, platforms[i].platform);
    return -ENOTSUP;
}

void base_elf_libraries_deinit (struct base_elf_libraries *libraries)
{
    for (size_t i = 0; i < libraries->count; i++) {
        free (libraries->items[i].soname);
        free (libraries->items[i].path);
    }
    free (libraries->items);
    *libraries = (struct base_elf_libraries){.count = 0};
}

/*  What Debian's libc6 brings. It must be the host's: it belongs together with the interpreter, which is
    named by an absolute path. libcrypt and libnsl.so.2 come from other packages, and are gathered. */
static bool is_c_library (const char *soname)
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

static bool looks_beside_itself (const char *rpath)
{
    static const char *const beside[] = {"$ORIGIN/files/lib", "${ORIGIN}/files/lib"};
    while (*rpath) {
        size_t size = strcspn (rpath, ":");
        size_t name = size && rpath[size - 1] == '/' ? size - 1 : size;
        for (size_t i = 0; i < 2; i++)
            if (strlen (beside[i]) == name && memcmp (rpath, beside[i], name) == 0)
                return true;
        rpath += size + (rpath[size] == ':');
    }
    return false;
}

static int library_add (struct base_elf_libraries *libraries, const char *soname, const char *found,
                        struct base_error *error)
{
    base_cleanup (base_free_p) char *path = realpath (found, NULL);
    if (!path)
        return base_error_errno (error, -errno, "cannot find the library %s at %s", soname, found);
    base_cleanup (base_free_p) char *name = strdup (soname);
    struct base_elf_library *grown =
        realloc (libraries->items, (libraries->count + 1) * sizeof *libraries->items);
    if (grown)
        libraries->items = grown;
    if (!name || !grown)
        return base_error_set (error, -ENOMEM, "out of memory");
    libraries->items[libraries->count++] =
        (struct base_elf_library){.soname = base_take (name), .path = base_take (path)};
    return 0;
}

/*  A line of the interpreter: "\tSONAME => PATH (ADDRESS)", "\tSONAME => not found", or "\tPATH
    (ADDRESS)". */
static int line_read (struct base_elf_libraries *libraries, const char *program, char *line,
                      struct base_error *error)
{
    if (*line++ != '\t')
        return 0;
    char *arrow = strstr (line, " => ");
    char *address = NULL;
    for (char *at = arrow ? arrow : line; (at = strstr (at, " (0x")); at++)
        address = at;
    if (address)
        *address = '\0';
    if (!arrow) {
        /* Without an arrow: the kernel's own, the interpreter, or what is needed by a path. */
        const char *last = strrchr (line, '/');
        if (!last || is_c_library (last + 1))
            return 0;
        return base_error_set (error, -ENOTSUP, "%s needs the library %s by its path: it cannot be gathered",
                               program, line);
    }
    *arrow = '\0';
    const char *found = arrow + strlen (" => ");
    if (is_c_library (line))
        return 0;
    if (strchr (line, '/'))
        return base_error_set (error, -ENOTSUP, "%s needs the library %s by its path: it cannot be gathered",
                               program, line);
    if (*found != '/')
        return base_error_set (error, -ENOENT, "%s needs the library %s, which is not on this host", program,
                               line);
    return library_add (libraries, line, found, error);
}

/*  What the interpreter prints; both streams, for its complaint goes to the second. */
static int interpreter_run (const char *interpreter, const char *program, struct base_buffer *output,
                            struct base_process_end *ret_end, struct base_error *error)
{
    int ends[2];
    if (pipe2 (ends, O_CLOEXEC))
        return base_error_errno (error, -errno, "cannot make a pipe");
    base_cleanup (base_close_p) int reading = ends[0];
    base_cleanup (base_close_p) int writing = ends[1];
    char *args[] = {(char *) interpreter, (char *) "--list", (char *) program, NULL};
    char *env[] = {NULL};
    const struct base_process_spec spec = {
        .program = interpreter,
        .args = args,
        .env = env,
        .standard_fds = {-1, writing, writing},
    };
    base_cleanup (base_process_deinit) struct base_process process = BASE_PROCESS_NULL;
    int rc = base_process_spawn (&spec, &process, error);
    if (rc)
        return rc;
    (void) close (base_take_fd (&writing));
    for (;;) {
        char bytes[4096];
        ssize_t got = read (reading, bytes, sizeof bytes);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return base_error_errno (error, -errno, "cannot read what %s prints", interpreter);
        if (got == 0)
            break;
        if (output->size + (size_t) got > OUTPUT_MOST)
            return base_error_set (error, -EFBIG, "%s prints too much", interpreter);
        if (base_buffer_append (output, bytes, (size_t) got))
            return base_error_set (error, -ENOMEM, "out of memory");
    }
    return base_process_wait (&process, true, ret_end);
}

int base_elf_interpreter (int fd, char **ret_interpreter)
{
    struct elf elf;
    int rc = elf_open (fd, &elf);
    base_cleanup (base_free_p) char *rpath = NULL;
    if (!rc)
        rc = rpath_read (&elf, &rpath);
    if (rc)
        return rc;
    if (!rpath || !looks_beside_itself (rpath))
        return -ENOENT;
    struct segment segment;
    rc = segment_find (&elf, PT_INTERP, &segment);
    return rc ? rc : string_read (&elf, segment.offset, segment.size, ret_interpreter);
}

int base_elf_libraries (const char *path, struct base_elf_libraries *ret_libraries, struct base_error *error)
{
    base_cleanup (base_elf_libraries_deinit) struct base_elf_libraries libraries = {.count = 0};
    base_cleanup (base_free_p) char *interpreter = NULL;
    base_cleanup (base_close_p) int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return base_error_errno (error, -errno, "cannot open %s", path);
    int rc = base_elf_interpreter (fd, &interpreter);
    if (rc == -ENOEXEC || rc == -ENOTSUP || rc == -ENOENT) {
        *ret_libraries = libraries;
        return 0;
    }
    if (rc)
        return base_error_errno (error, rc, "cannot read the ELF headers of %s", path);
    if (!interpreter || *interpreter != '/')
        return base_error_set (error, -ENOEXEC, "the interpreter of %s is no absolute path", path);

    /* Without a slash the interpreter would search for the program among the libraries. */
    base_cleanup (base_free_p) char *program = realpath (path, NULL);
    if (!program)
        return base_error_errno (error, -errno, "cannot resolve %s", path);
    base_cleanup (base_buffer_deinit) struct base_buffer output = {0};
    struct base_process_end end;
    rc = interpreter_run (interpreter, program, &output, &end, error);
    if (rc)
        return base_error_prefix (error, "listing the libraries of %s", path);
    base_cleanup (base_free_p) char *text = base_buffer_take_text (&output);
    if (!text)
        return base_error_set (error, -ENOMEM, "out of memory");
    if (!end.exited || end.code != 0) {
        char how[64];
        text[strcspn (text, "\n")] = '\0';
        return base_error_set (error, -ENOENT, "cannot list the libraries of %s: %s", path,
                               *text ? text : base_process_end_format (&end, how, sizeof how));
    }
    char *rest = text;
    for (char *line; !rc && (line = strsep (&rest, "\n"));)
        rc = line_read (&libraries, path, line, error);
    if (rc)
        return rc;
    *ret_libraries = libraries;
    libraries = (struct base_elf_libraries){.count = 0};
    return 0;
}
