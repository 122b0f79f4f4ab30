/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/base/elf.c - platform, interpreter and libraries read from ELF files, hostile files included

    The programs under test are built with the compiler of the host. */

#include <criterion/criterion.h>

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/elf.h"
#include "base/process.h"
#include "base/text.h"

static void write_file (const char *directory, const char *name, const void *data, size_t size)
{
    base_cleanup (base_free_p) char *path = base_text_printf ("%s/%s", directory, name);
    base_cleanup (base_close_p) int fd = open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
    cr_assert_geq (fd, 0);
    cr_assert_eq (write (fd, data, size), (ssize_t) size);
}

static void command_run (const char *directory, const char *command)
{
    const char *const args[] = {"sh", "-c", command, NULL};
    struct base_process_spec spec = {.program = "/bin/sh",
                                     .args = base_list_const (args),
                                     .directory = directory,
                                     .standard_fds = {-1, -1, -1}};
    struct base_process process;
    struct base_process_end end;
    struct base_error error;
    cr_assert_eq (base_process_spawn (&spec, &process, &error), 0, "%s", error.text);
    cr_assert_eq (base_process_wait (&process, BASE_WAIT_FOR_END, &end), 0);
    cr_assert (end.exited && end.code == 0, "%s", command);
}

/*  Makes a directory with a program that needs libfirst.so.3, which needs libsecond.so.4. Free the path
    with program_remove. */
static char *program_make (const char *rpath)
{
    static const char program[] = "int first (void); int main (void) { return first (); }";
    static const char first[] = "int second (void); int first (void) { return second (); }";
    static const char second[] = "int second (void) { return 0; }";
    char *directory = strdup ("/tmp/noded-elf-XXXXXX");
    cr_assert_not_null (mkdtemp (directory));
    write_file (directory, "program.c", program, sizeof program - 1);
    write_file (directory, "first.c", first, sizeof first - 1);
    write_file (directory, "second.c", second, sizeof second - 1);
    base_cleanup (base_free_p) char *command = base_text_printf (
        "mkdir -p files/lib"
        " && cc -shared -fPIC -Wl,-soname,libsecond.so.4 -o files/lib/libsecond.so.4.0 second.c"
        " && ln -s libsecond.so.4.0 files/lib/libsecond.so.4"
        " && cc -shared -fPIC -Wl,-soname,libfirst.so.3 -o files/lib/libfirst.so.3 first.c files/lib/libsecond.so.4.0"
        " && cc -o program program.c files/lib/libfirst.so.3 -Wl,--allow-shlib-undefined -lm -Wl,--no-as-needed -lresolv"
        " %s",
        rpath);
    command_run (directory, command);
    return directory;
}

static void program_remove (char *directory)
{
    base_cleanup (base_free_p) char *command = base_text_printf ("rm -rf '%s'", directory);
    command_run ("/", command);
    free (directory);
}

#define RPATH "-Wl,--disable-new-dtags,-rpath,'$ORIGIN/files/lib'"
#define RUNPATH "-Wl,--enable-new-dtags,-rpath,'$ORIGIN/files/lib'"

static int libraries_of (const char *directory, struct base_elf_libraries *libraries,
                         struct base_error *error)
{
    base_cleanup (base_free_p) char *path = base_text_printf ("%s/program", directory);
    *libraries = (struct base_elf_libraries){.count = 0};
    *error = (struct base_error){0};
    return base_elf_libraries (path, libraries, error);
}

Test (elf, the_platform_of_this_program_is_read)
{
    base_cleanup (base_close_p) int fd = open ("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    char platform[BASE_ELF_PLATFORM_SIZE];
    cr_assert_eq (base_elf_platform (fd, platform, sizeof platform), 0);
#if defined(__x86_64__)
    cr_assert_str_eq (platform, "linux/amd64");
#elif defined(__aarch64__)
    cr_assert_str_eq (platform, "linux/arm64");
#endif
    cr_assert_eq (base_elf_platform (fd, platform, 5), -ENAMETOOLONG);
    cr_assert_eq (lseek (fd, 0, SEEK_CUR), 0);
}

static int memory_file (const void *data, size_t size)
{
    int fd = memfd_create ("elf", MFD_CLOEXEC);
    cr_assert_geq (fd, 0);
    cr_assert_eq (write (fd, data, size), (ssize_t) size);
    return fd;
}

Test (elf, each_machine_maps_to_its_platform_name)
{
    static const struct {
        uint8_t class, data, machine, more;
        const char *platform;
    } cases[] = {
        {2, 1, 62, 0, "linux/amd64"},
        {2, 1, 183, 0, "linux/arm64"},
        {1, 1, 3, 0, "linux/386"},
        {1, 1, 40, 0, "linux/arm"},
        {2, 1, 243, 0, "linux/riscv64"},
        {2, 1, 21, 0, "linux/ppc64le"},
        {2, 2, 21, 0, "linux/ppc64"},
        {2, 2, 22, 0, "linux/s390x"},
        {2, 1, 2, 1, "linux/loong64"},
        {1, 1, 62, 0, NULL},
        {2, 1, 3, 0, NULL},
        {2, 1, 0, 0, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t header[64] = {0x7f, 'E', 'L', 'F', cases[i].class, cases[i].data, 1};
        bool big = cases[i].data == 2;
        header[big ? 17 : 16] = 3;
        header[big ? 19 : 18] = cases[i].machine;
        header[big ? 18 : 19] = cases[i].more;
        base_cleanup (base_close_p) int fd = memory_file (header, cases[i].class == 1 ? 52 : 64);
        char platform[BASE_ELF_PLATFORM_SIZE];
        cr_assert_eq (base_elf_platform (fd, platform, sizeof platform), cases[i].platform ? 0 : -ENOTSUP,
                      "%zu", i);
        if (cases[i].platform)
            cr_assert_str_eq (platform, cases[i].platform);
    }
}

Test (elf, a_file_that_is_not_a_program_is_refused)
{
    static const char script[] =
        "#!/bin/sh\nexit 0\n............................................................";
    uint8_t object[64] = {0x7f, 'E', 'L', 'F', 2, 1, 1};
    object[16] = 1;
    object[18] = 62;
    char platform[BASE_ELF_PLATFORM_SIZE] = "untouched";
    base_cleanup (base_close_p) int text = memory_file (script, sizeof script);
    base_cleanup (base_close_p) int empty = memory_file ("", 0);
    base_cleanup (base_close_p) int object_file = memory_file (object, sizeof object);
    base_cleanup (base_close_p) int directory = open ("/", O_RDONLY | O_CLOEXEC);
    cr_assert_eq (base_elf_platform (text, platform, sizeof platform), -ENOEXEC);
    cr_assert_eq (base_elf_platform (empty, platform, sizeof platform), -ENOEXEC);
    cr_assert_eq (base_elf_platform (object_file, platform, sizeof platform), -ENOEXEC);
    cr_assert_eq (base_elf_platform (directory, platform, sizeof platform), -EISDIR);
    object[16] = 2;
    object[7] = 9; /* the OS ABI of FreeBSD */
    base_cleanup (base_close_p) int foreign = memory_file (object, sizeof object);
    cr_assert_eq (base_elf_platform (foreign, platform, sizeof platform), -ENOTSUP);
    cr_assert_str_eq (platform, "untouched");
}

Test (elf, indirect_libraries_are_listed_and_the_c_library_is_not)
{
    char *directory = program_make (RPATH);
    struct base_elf_libraries libraries;
    struct base_error error;
    cr_assert_eq (libraries_of (directory, &libraries, &error), 0, "%s", error.text);
    cr_assert_eq (libraries.count, 2);
    base_cleanup (base_free_p) char *first = base_text_printf ("%s/files/lib/libfirst.so.3", directory);
    base_cleanup (base_free_p) char *second = base_text_printf ("%s/files/lib/libsecond.so.4.0", directory);
    cr_assert_str_eq (libraries.items[0].soname, "libfirst.so.3");
    cr_assert_str_eq (libraries.items[0].path, first);
    cr_assert_str_eq (libraries.items[1].soname, "libsecond.so.4");
    cr_assert_str_eq (libraries.items[1].path, second);
    base_elf_libraries_deinit (&libraries);
    cr_assert_eq (libraries.count, 0);
    program_remove (directory);
}

Test (elf, the_interpreter_of_a_program_is_not_executed)
{
    char *directory = program_make (RPATH);
    struct base_elf_libraries libraries;
    struct base_error error;
    base_cleanup (base_free_p) char *command = base_text_printf (
        "printf '#!/bin/sh\\ntouch %s/executed\\n' > own && chmod +x own"
        " && cc -o program program.c files/lib/libfirst.so.3 -Wl,--allow-shlib-undefined " RPATH
        " -Wl,--dynamic-linker=%s/own",
        directory, directory);
    base_cleanup (base_free_p) char *executed = base_text_printf ("%s/executed", directory);
    command_run (directory, command);
    cr_assert_eq (libraries_of (directory, &libraries, &error), 0, "%s", error.text);
    cr_assert_eq (libraries.count, 2);
    cr_assert_eq (access (executed, F_OK), -1);
    base_elf_libraries_deinit (&libraries);
    program_remove (directory);
}

Test (elf, an_error_names_the_missing_library)
{
    char *directory = program_make (RPATH);
    struct base_elf_libraries libraries;
    struct base_error error;
    command_run (directory, "rm files/lib/libsecond.so.4");
    cr_assert_lt (libraries_of (directory, &libraries, &error), 0);
    cr_assert (strstr (error.text, "libsecond.so.4"), "%s", error.text);
    cr_assert (strstr (error.text, directory), "%s", error.text);
    cr_assert_null (libraries.items);
    program_remove (directory);
}

Test (elf, the_environment_of_the_caller_is_ignored)
{
    char *directory = program_make (RPATH);
    struct base_elf_libraries libraries;
    struct base_error error;
    command_run (directory, "cc -shared -fPIC -o libother.so second.c");
    base_cleanup (base_free_p) char *other = base_text_printf ("%s/libother.so", directory);
    setenv ("LD_PRELOAD", other, 1);
    int rc = libraries_of (directory, &libraries, &error);
    unsetenv ("LD_PRELOAD");
    cr_assert_eq (rc, 0, "%s", error.text);
    cr_assert_eq (libraries.count, 2);
    base_elf_libraries_deinit (&libraries);
    program_remove (directory);
}

Test (elf, a_program_without_an_rpath_to_its_own_files_has_no_libraries)
{
    static const char *const rpaths[] = {"", RUNPATH, "-Wl,--disable-new-dtags,-rpath,/opt/lib",
                                         "-Wl,--disable-new-dtags,-rpath,'$ORIGIN/files/libs'"};
    for (size_t i = 0; i < sizeof rpaths / sizeof *rpaths; i++) {
        char *directory = program_make (rpaths[i]);
        struct base_elf_libraries libraries;
        struct base_error error;
        cr_assert_eq (libraries_of (directory, &libraries, &error), 0, "%s", error.text);
        cr_assert_eq (libraries.count, 0, "%s", rpaths[i]);
        program_remove (directory);
    }
    struct base_elf_libraries libraries = {.count = 0};
    struct base_error error;
    cr_assert_eq (base_elf_libraries ("/etc/passwd", &libraries, &error), 0);
    cr_assert_eq (base_elf_libraries ("/no/such/file", &libraries, &error), -ENOENT);
}

Test (elf, one_matching_entry_of_the_rpath_is_enough)
{
    char *directory = program_make ("-Wl,--disable-new-dtags,-rpath,'/opt/lib:${ORIGIN}/files/lib/'");
    struct base_elf_libraries libraries;
    struct base_error error;
    cr_assert_eq (libraries_of (directory, &libraries, &error), 0, "%s", error.text);
    cr_assert_eq (libraries.count, 2);
    base_elf_libraries_deinit (&libraries);
    program_remove (directory);
}

/*  The smallest program that has every field which base_elf_interpreter reads. */
struct small {
    Elf64_Ehdr header;
    Elf64_Phdr segments[3];
    Elf64_Dyn dynamic[5];
    char strings[32];
    char interpreter[16];
};

static const struct small small = {
    .header = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
               .e_type = ET_DYN,
               .e_machine = EM_X86_64,
               .e_phoff = sizeof (Elf64_Ehdr),
               .e_phentsize = sizeof (Elf64_Phdr),
               .e_phnum = 3},
    .segments = {{.p_type = PT_LOAD, .p_vaddr = 0x1000, .p_filesz = sizeof small},
                 {.p_type = PT_DYNAMIC,
                  .p_offset = offsetof (struct small, dynamic),
                  .p_filesz = sizeof small.dynamic},
                 {.p_type = PT_INTERP, .p_offset = offsetof (struct small, interpreter), .p_filesz = 16}},
    .dynamic = {{DT_STRTAB, {0x1000 + offsetof (struct small, strings)}}, {DT_STRSZ, {32}}, {DT_RPATH, {1}}},
    .strings = "\0$ORIGIN/files/lib",
    .interpreter = "/lib/ld.so.1",
};

static int interpreter_of (const struct small *bytes)
{
    base_cleanup (base_close_p) int fd = memory_file (bytes, sizeof *bytes);
    base_cleanup (base_free_p) char *interpreter = NULL;
    return base_elf_interpreter (fd, &interpreter);
}

Test (elf, a_runpath_disables_the_rpath)
{
    struct small bytes = small;
    cr_assert_eq (interpreter_of (&bytes), 0);
    bytes.dynamic[3] = (Elf64_Dyn){DT_RUNPATH, {0}};
    cr_assert_eq (interpreter_of (&bytes), -ENOENT);
}

Test (elf, unterminated_strings_and_invalid_offsets_are_refused)
{
    struct small bytes = small;
    memset (bytes.interpreter, '/', sizeof bytes.interpreter);
    cr_assert_eq (interpreter_of (&bytes), -ENOEXEC);
    bytes = small;
    memset (bytes.strings, 'x', sizeof bytes.strings);
    cr_assert_eq (interpreter_of (&bytes), -ENOEXEC);
    bytes = small;
    bytes.dynamic[0].d_un.d_val = 0x1000 + sizeof bytes;
    cr_assert_eq (interpreter_of (&bytes), -ENOEXEC);
    bytes = small;
    bytes.dynamic[2].d_un.d_val = 32; /* past the end of the table */
    cr_assert_eq (interpreter_of (&bytes), -ENOEXEC);
    bytes = small;
    bytes.segments[1].p_filesz = UINT64_MAX;
    cr_assert_eq (interpreter_of (&bytes), -ENOEXEC);
    bytes = small;
    bytes.segments[2].p_offset = UINT64_MAX;
    cr_assert_eq (interpreter_of (&bytes), -ENOEXEC);
    bytes = small;
    bytes.header.e_phoff = UINT64_MAX;
    cr_assert_eq (interpreter_of (&bytes), -ENOEXEC);
}

static uint8_t *program_bytes (const char *directory, size_t *ret_size)
{
    base_cleanup (base_free_p) char *path = base_text_printf ("%s/program", directory);
    base_cleanup (base_close_p) int fd = open (path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    cr_assert_eq (fstat (fd, &status), 0);
    uint8_t *bytes = malloc ((size_t) status.st_size);
    *ret_size = (size_t) status.st_size;
    cr_assert_eq (read (fd, bytes, *ret_size), (ssize_t) *ret_size);
    return bytes;
}

Test (elf, every_truncated_program_returns_a_documented_code)
{
    char *directory = program_make (RPATH);
    size_t size;
    base_cleanup (base_free_p) uint8_t *bytes = program_bytes (directory, &size);
    base_cleanup (base_close_p) int fd = memory_file (bytes, size);
    base_cleanup (base_free_p) char *whole = NULL;
    cr_assert_eq (base_elf_interpreter (fd, &whole), 0);
    cr_assert_eq (*whole, '/');
    unsigned good = 0;
    while (size--) {
        char platform[BASE_ELF_PLATFORM_SIZE];
        base_cleanup (base_free_p) char *interpreter = NULL;
        cr_assert_eq (ftruncate (fd, (off_t) size), 0);
        int rc = base_elf_interpreter (fd, &interpreter);
        cr_assert (rc == 0 || rc == -ENOEXEC || rc == -ENOENT, "%d at %zu", rc, size);
        good += rc == 0;
        cr_assert_eq (base_elf_platform (fd, platform, sizeof platform), size < 64 ? -ENOEXEC : 0);
    }
    cr_assert_gt (good, 0);
    program_remove (directory);
}

Test (elf, changing_any_byte_of_a_program_does_not_crash, .timeout = 240)
{
    char *directory = program_make (RPATH);
    size_t size;
    base_cleanup (base_free_p) uint8_t *bytes = program_bytes (directory, &size);
    base_cleanup (base_close_p) int fd = memory_file (bytes, size);
    static const uint8_t values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    for (size_t at = 0; at < size; at++)
        for (size_t i = 0; i < sizeof values; i++) {
            base_cleanup (base_free_p) char *interpreter = NULL;
            cr_assert_eq (pwrite (fd, &values[i], 1, (off_t) at), 1);
            (void) base_elf_interpreter (fd, &interpreter);
            cr_assert_eq (pwrite (fd, &bytes[at], 1, (off_t) at), 1);
        }
    program_remove (directory);
}
