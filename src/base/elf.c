/* SPDX-License-Identifier: MPL-2.0 */
/*  base/elf.c - reads the ELF header, program headers and dynamic section */

#include "base/elf.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/elf_dynamic.h"
#include "base/text.h"

enum {
    SEGMENTS_MOST = 512,
    DYNAMIC_MOST = 64 * 1024, /* bytes; the dynamic section of libreoffice has 600 */
    STRING_MOST = 4096,
};

struct elf {
    int fd;
    bool wide; /* 64 bits */
    bool big;  /* most significant byte first */
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

static uint64_t elf_number (const struct elf *elf, const uint8_t *at, unsigned size)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++)
        value = value << 8 | at[elf->big ? i : size - 1 - i];
    return value;
}

/*  A number as wide as an address of this file: 32 or 64 bits. */
static uint64_t elf_word (const struct elf *elf, const uint8_t *narrow, const uint8_t *wide)
{
    return elf->wide ? elf_number (elf, wide, 8) : elf_number (elf, narrow, 4);
}

/*  Returns 0, -ENOEXEC if the file is too short, or the read error. */
static int file_read_at (int fd, void *data, size_t size, uint64_t offset)
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
    int r = file_read_at (fd, header, sizeof (Elf32_Ehdr), 0);
    if (r < 0)
        return r;
    if (memcmp (header, ELFMAG, SELFMAG) != 0 || header[EI_VERSION] != EV_CURRENT)
        return -ENOEXEC;
    struct elf elf = {
        .fd = fd, .wide = header[EI_CLASS] == ELFCLASS64, .big = header[EI_DATA] == ELFDATA2MSB};
    if ((!elf.wide && header[EI_CLASS] != ELFCLASS32) || (!elf.big && header[EI_DATA] != ELFDATA2LSB))
        return -ENOEXEC;
    if (elf.wide && (r = file_read_at (fd, header, sizeof header, 0)))
        return r;
    uint64_t type = elf_number (&elf, header + offsetof (Elf64_Ehdr, e_type), 2);
    if (type != ET_EXEC && type != ET_DYN)
        return -ENOEXEC;
    if (header[EI_OSABI] != ELFOSABI_SYSV && header[EI_OSABI] != ELFOSABI_LINUX)
        return -ENOTSUP;
    elf.machine = (unsigned) elf_number (&elf, header + offsetof (Elf64_Ehdr, e_machine), 2);
    elf.segments_offset =
        elf_word (&elf, header + offsetof (Elf32_Ehdr, e_phoff), header + offsetof (Elf64_Ehdr, e_phoff));
    elf.segment_size = (unsigned) elf_number (
        &elf, header + (elf.wide ? offsetof (Elf64_Ehdr, e_phentsize) : offsetof (Elf32_Ehdr, e_phentsize)),
        2);
    elf.segments = (unsigned) elf_number (
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
    int r = file_read_at (elf->fd, bytes, size, elf->segments_offset + (uint64_t) index * elf->segment_size);
    if (r < 0)
        return r;
    *ret_segment = (struct segment){
        .type = (uint32_t) elf_number (elf, bytes, 4),
        .offset =
            elf_word (elf, bytes + offsetof (Elf32_Phdr, p_offset), bytes + offsetof (Elf64_Phdr, p_offset)),
        .address =
            elf_word (elf, bytes + offsetof (Elf32_Phdr, p_vaddr), bytes + offsetof (Elf64_Phdr, p_vaddr)),
        .size =
            elf_word (elf, bytes + offsetof (Elf32_Phdr, p_filesz), bytes + offsetof (Elf64_Phdr, p_filesz)),
    };
    return 0;
}

/*  Finds the first segment of a type. Returns -ENOENT if there is none. */
static int segment_find (const struct elf *elf, uint32_t type, struct segment *ret_segment)
{
    for (unsigned i = 0; i < elf->segments; i++) {
        struct segment segment;
        int r = segment_read (elf, i, &segment);
        if (r < 0)
            return r;
        if (segment.type == type) {
            *ret_segment = segment;
            return 0;
        }
    }
    return -ENOENT;
}

/*  Reads a NUL-terminated string of at most `most` bytes at a file offset. The caller owns it. */
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

/*  Converts an address of the running program to a file offset. Returns -ENOEXEC if no segment
    contains it. */
static int address_offset (const struct elf *elf, uint64_t address, uint64_t *ret_offset)
{
    for (unsigned i = 0; i < elf->segments; i++) {
        struct segment segment;
        int r = segment_read (elf, i, &segment);
        if (r < 0)
            return r;
        if (segment.type != PT_LOAD || address < segment.address || address - segment.address >= segment.size)
            continue;
        if (segment.offset > INT64_MAX || address - segment.address > INT64_MAX)
            return -ENOEXEC;
        *ret_offset = segment.offset + (address - segment.address);
        return 0;
    }
    return -ENOEXEC;
}

static int dynamic_bytes (const struct elf *elf, uint8_t **ret_bytes, size_t *ret_size)
{
    struct segment dynamic;
    int r = segment_find (elf, PT_DYNAMIC, &dynamic);
    if (r < 0)
        return r;
    if (dynamic.size > DYNAMIC_MOST)
        return -ENOEXEC;
    base_cleanup (base_free_p) uint8_t *bytes = malloc (dynamic.size + 1);
    if (!bytes)
        return -ENOMEM;
    r = file_read_at (elf->fd, bytes, dynamic.size, dynamic.offset);
    if (r < 0)
        return r;
    *ret_bytes = base_take (bytes);
    *ret_size = dynamic.size;
    return 0;
}

/*  The string table of the dynamic section. */
struct strings {
    uint64_t offset, size;
};

static int dynamic_string (const struct elf *elf, const struct strings *strings, uint64_t at, char **ret_text)
{
    if (at >= strings->size || at > INT64_MAX)
        return -ENOEXEC;
    return string_read (elf, strings->offset + at, strings->size - at, ret_text);
}

static int dynamic_strings (const struct elf *elf, const uint8_t *bytes, size_t size,
                            struct strings *ret_strings)
{
    uint64_t table = 0, table_size = 0, offset = 0;
    bool has_table = false;
    size_t step = elf->wide ? sizeof (Elf64_Dyn) : sizeof (Elf32_Dyn);
    for (size_t at = 0; at + step <= size; at += step) {
        uint64_t tag = elf_word (elf, bytes + at, bytes + at);
        uint64_t value = elf_word (elf, bytes + at + 4, bytes + at + 8);
        if (tag == DT_NULL)
            break;
        if (tag == DT_STRTAB) {
            has_table = true;
            table = value;
        } else if (tag == DT_STRSZ)
            table_size = value;
    }
    if (!has_table)
        return -ENOEXEC;
    int r = address_offset (elf, table, &offset);
    if (r < 0)
        return r;
    if (offset > INT64_MAX)
        return -ENOEXEC;
    *ret_strings = (struct strings){.offset = offset, .size = table_size};
    return 0;
}

static int dynamic_read (const struct elf *elf, struct base_elf_dynamic *ret_dynamic)
{
    struct base_elf_dynamic dynamic = {.machine = elf->machine};
    base_cleanup (base_free_p) uint8_t *bytes = NULL;
    struct strings strings = {.size = 0};
    size_t size = 0, step = elf->wide ? sizeof (Elf64_Dyn) : sizeof (Elf32_Dyn), count = 0;
    bool has_strings = false;
    dynamic.wide = elf->wide;
    dynamic.big = elf->big;
    int r = dynamic_bytes (elf, &bytes, &size);
    for (size_t at = 0; r == 0 && at + step <= size; at += step) {
        uint64_t tag = elf_word (elf, bytes + at, bytes + at);
        uint64_t value = elf_word (elf, bytes + at + 4, bytes + at + 8);
        base_cleanup (base_free_p) char *text = NULL;
        if (tag == DT_NULL)
            break;
        if (tag != DT_RPATH && tag != DT_RUNPATH && tag != DT_NEEDED)
            continue;
        if (!has_strings)
            r = dynamic_strings (elf, bytes, size, &strings);
        has_strings = true;
        if (r == 0)
            r = dynamic_string (elf, &strings, value, &text);
        if (r == 0 && tag == DT_NEEDED)
            r = ++count > BASE_ELF_NEEDED_MOST ? -ENOEXEC : base_list_append (&dynamic.needed, text);
        else if (r == 0) {
            char **path = tag == DT_RPATH ? &dynamic.rpath : &dynamic.runpath;
            free (*path);
            *path = base_take (text);
        }
    }
    if (r && r != -ENOENT) {
        base_elf_dynamic_deinit (&dynamic);
        return r;
    }
    *ret_dynamic = dynamic;
    return 0;
}

void base_elf_dynamic_deinit (struct base_elf_dynamic *dynamic)
{
    base_assert (dynamic);
    free (dynamic->rpath);
    free (dynamic->runpath);
    (void) base_list_free (dynamic->needed);
    *dynamic = (struct base_elf_dynamic){.needed = NULL};
}

int base_elf_dynamic (int fd, struct base_elf_dynamic *ret_dynamic)
{
    base_assert (ret_dynamic);
    struct elf elf;
    int r = elf_open (fd, &elf);
    if (r < 0)
        return r;
    return dynamic_read (&elf, ret_dynamic);
}

int base_elf_platform (int fd, char *ret_platform, size_t size)
{
    base_assert (ret_platform && size > 0);
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
    int r = elf_open (fd, &elf);
    if (r < 0)
        return r;
    for (size_t i = 0; i < sizeof platforms / sizeof *platforms; i++)
        if (platforms[i].machine == elf.machine && platforms[i].wide == elf.wide &&
            platforms[i].big == elf.big)
            return base_text_copy (ret_platform, size, platforms[i].platform);
    return -ENOTSUP;
}

bool base_elf_looks_beside (const struct base_elf_dynamic *dynamic)
{
    base_assert (dynamic);
    static const char *const beside[] = {"$ORIGIN/files/lib", "${ORIGIN}/files/lib"};
    const char *rpath = dynamic->runpath ? NULL : dynamic->rpath;
    while (rpath && *rpath) {
        size_t size = strcspn (rpath, ":");
        size_t name = size && rpath[size - 1] == '/' ? size - 1 : size;
        for (size_t i = 0; i < 2; i++)
            if (strlen (beside[i]) == name && memcmp (rpath, beside[i], name) == 0)
                return true;
        rpath += size + (rpath[size] == ':');
    }
    return false;
}

int base_elf_interpreter (int fd, char **ret_interpreter)
{
    base_assert (ret_interpreter);
    struct elf elf;
    struct segment segment;
    base_cleanup (base_elf_dynamic_deinit) struct base_elf_dynamic dynamic = {.needed = NULL};
    int r = elf_open (fd, &elf);
    if (r == 0)
        r = dynamic_read (&elf, &dynamic);
    if (r < 0)
        return r;
    if (!base_elf_looks_beside (&dynamic))
        return -ENOENT;
    r = segment_find (&elf, PT_INTERP, &segment);
    if (r < 0)
        return r;
    return string_read (&elf, segment.offset, segment.size, ret_interpreter);
}
