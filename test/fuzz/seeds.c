/* SPDX-License-Identifier: MPL-2.0 */
/*  test/fuzz/seeds.c - writes the corpora of the fuzz targets

    Run `fuzz_seeds test/fuzz/corpus` after each change of schemas/. */

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "test/lib/random_message.h"

static int seed_put (const char *top, const char *target, const char *name, const void *data, size_t size)
{
    base_cleanup (base_free_p) char *directory = base_text_printf ("%s/%s", top, target);
    base_cleanup (base_free_p) char *path = base_text_printf ("%s/%s/%s", top, target, name);
    if (!directory || !path || (mkdir (directory, 0755) && errno != EEXIST))
        return -1;
    base_cleanup (base_close_p) int fd = open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    return fd >= 0 && write (fd, data, size) == (ssize_t) size ? 0 : -1;
}

static int put_record (const char *top, uint8_t index)
{
    const struct wire_record *record = wire_records[index];
    struct random random = {index};
    void *message = calloc (1, record->size);
    base_cleanup (base_buffer_deinit) struct base_buffer packed = {0}, framed = {0}, text = {0};
    if (!message)
        return -1;
    random_message (&random, record, message);
    base_cleanup (base_free_p) char *json = wire_json (record, message, index % 2 ? WIRE_JSON_PRETTY : 0);
    uint8_t prefix[WIRE_PREFIX_SIZE];
    wire_prefix (record, prefix);
    int rc = base_buffer_append (&packed, &index, 1) || wire_pack (record, message, &packed, NULL) ||
             base_buffer_append (&framed, prefix, sizeof prefix) ||
             base_buffer_append (&framed, packed.data + 1, packed.size - 1) || !json ||
             base_buffer_append (&text, &index, 1) || base_buffer_append_text (&text, json);
    wire_deinit (record, message);
    free (message);
    if (rc || seed_put (top, "unpack", record->name, packed.data, packed.size) ||
        seed_put (top, "json", record->name, text.data, text.size))
        return -1;
    return record->type ? seed_put (top, "prefix", record->name, framed.data, framed.size) : 0;
}

/*  Writes small ELF files that have everything that base/elf.c reads; a big-endian header; a script. */
static int put_elf (const char *top)
{
    struct {
        Elf64_Ehdr header;
        Elf64_Phdr segments[3];
        Elf64_Dyn dynamic[4];
        char strings[32];
        char interpreter[32];
    } wide = {
        .header = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                   .e_type = ET_DYN,
                   .e_machine = EM_X86_64,
                   .e_phoff = sizeof (Elf64_Ehdr),
                   .e_phentsize = sizeof (Elf64_Phdr),
                   .e_phnum = 3},
        .segments = {{.p_type = PT_LOAD, .p_vaddr = 0x1000, .p_filesz = sizeof wide},
                     {.p_type = PT_DYNAMIC,
                      .p_offset = offsetof (__typeof__ (wide), dynamic),
                      .p_filesz = sizeof wide.dynamic},
                     {.p_type = PT_INTERP,
                      .p_offset = offsetof (__typeof__ (wide), interpreter),
                      .p_filesz = 32}},
        .dynamic = {{DT_STRTAB, {0x1000 + offsetof (__typeof__ (wide), strings)}},
                    {DT_STRSZ, {32}},
                    {DT_RPATH, {1}}},
        .strings = "\0$ORIGIN/files/lib",
        .interpreter = "/lib64/ld-linux-x86-64.so.2",
    };
    struct {
        Elf32_Ehdr header;
        Elf32_Phdr segments[3];
        Elf32_Dyn dynamic[4];
        char strings[32];
        char interpreter[32];
    } narrow = {
        .header = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS32, ELFDATA2LSB, EV_CURRENT},
                   .e_type = ET_EXEC,
                   .e_machine = EM_386,
                   .e_phoff = sizeof (Elf32_Ehdr),
                   .e_phentsize = sizeof (Elf32_Phdr),
                   .e_phnum = 3},
        .segments = {{.p_type = PT_LOAD, .p_vaddr = 0x1000, .p_filesz = sizeof narrow},
                     {.p_type = PT_DYNAMIC,
                      .p_offset = offsetof (__typeof__ (narrow), dynamic),
                      .p_filesz = sizeof narrow.dynamic},
                     {.p_type = PT_INTERP,
                      .p_offset = offsetof (__typeof__ (narrow), interpreter),
                      .p_filesz = 32}},
        .dynamic = {{DT_STRTAB, {0x1000 + offsetof (__typeof__ (narrow), strings)}},
                    {DT_STRSZ, {32}},
                    {DT_RPATH, {1}}},
        .strings = "\0$ORIGIN/files/lib:/opt",
        .interpreter = "/lib/ld-linux.so.2",
    };
    uint8_t big[sizeof (Elf64_Ehdr)] = {ELFMAG0,    ELFMAG1,     ELFMAG2,   ELFMAG3,
                                        ELFCLASS64, ELFDATA2MSB, EV_CURRENT};
    big[17] = ET_EXEC;
    big[19] = EM_S390;
    return seed_put (top, "elf", "wide", &wide, sizeof wide) ||
           seed_put (top, "elf", "narrow", &narrow, sizeof narrow) ||
           seed_put (top, "elf", "big", big, sizeof big) ||
           seed_put (top, "elf", "script", "#!/bin/sh\n", 10);
}

int main (int argc, char **argv)
{
    if (argc != 2) {
        (void) fprintf (stderr, "usage: fuzz_seeds DIRECTORY\n");
        return 2;
    }
    int rc = put_elf (argv[1]);
    for (uint8_t i = 0; !rc && wire_records[i]; i++)
        rc = put_record (argv[1], i);
    if (rc)
        perror ("fuzz_seeds");
    return rc ? 1 : 0;
}
