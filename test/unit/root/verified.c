/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/root/verified.c - the cache of digests of files that were read since boot */

#include "root/verified.h"

#include <criterion/criterion.h>

#include "root/manifest.h"
#include "test/fault/scratch.h"

static struct root root;
static int workspace;
static struct base_error error;

static void suite_begin (void)
{
    scratch_begin ();
    cr_assert_eq (root_make (&disk_system, ".", &root, &error), 0, "%s", error.text);
    free (scratch_shell ("mkdir w; echo program > w/noded; echo lib > w/lib.so; "
                         "cd w && sha256sum lib.so noded > manifest",
                         NULL));
    workspace = open ("w", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void suite_end (void)
{
    (void) close (workspace);
    root_deinit (&root);
    scratch_end ();
}

TestSuite (verified, .init = suite_begin, .fini = suite_end);

/*  Only files whose last change is older than the kernel's coarse clock are cached. Waits until that is
    so. */
static void clock_settle (void)
{
    struct timespec started, now;
    (void) clock_gettime (CLOCK_REALTIME, &started);
    do
        (void) clock_gettime (CLOCK_REALTIME_COARSE, &now);
    while (now.tv_sec < started.tv_sec || (now.tv_sec == started.tv_sec && now.tv_nsec <= started.tv_nsec));
}

/*  Replaces the digest of every file in the list, so that a use of the list makes the verification fail. */
static void list_forge (void)
{
    free (
        scratch_shell ("sed -i '2,$s/.$/x/; 2,$y/0123456789abcdefx/0123456789abcdef0/' var/verified", NULL));
}

static size_t list_lines (void)
{
    char *text = scratch_shell ("cat var/verified 2>/dev/null | wc -l", NULL);
    size_t count = strtoul (text, NULL, 10);
    free (text);
    return count;
}

static int workspace_verify (void)
{
    return root_manifest_verify (&root, workspace, &error);
}

Test (verified, a_verified_file_is_not_read_again)
{
    clock_settle ();
    cr_expect_eq (workspace_verify (), 0, "%s", error.text);
    cr_expect_eq (list_lines (), 3, "the line of the boot and those of two files");
    cr_expect_eq (workspace_verify (), 0, "%s", error.text);
    list_forge ();
    cr_expect_eq (workspace_verify (), ROOT_E_DAMAGED, "the digests of the list are used");
    cr_expect_eq (root_manifest_verify (NULL, workspace, &error), 0, "without the list all files are read");
}

Test (verified, a_changed_file_with_the_old_time_and_size_is_read_again)
{
    clock_settle ();
    cr_expect_eq (workspace_verify (), 0, "%s", error.text);
    free (scratch_shell ("touch -r w/noded stamp; printf q | dd of=w/noded bs=1 conv=notrunc 2>/dev/null; "
                         "touch -r stamp w/noded",
                         NULL));
    cr_expect_eq (workspace_verify (), ROOT_E_DAMAGED,
                  "found although size and modification time are unchanged");
    cr_expect_str_eq (error.text, "noded does not match the manifest");
}

Test (verified, a_file_changed_just_now_is_not_cached)
{
    int found = 0;
    for (unsigned i = 0; i < 50; i++) { /* verify within one tick of the clock after each change */
        scratch_write_text ("w/noded", i % 2 ? "program\n" : "PROGRAM\n");
        found += (workspace_verify () == 0) == (i % 2 == 1);
    }
    cr_expect_eq (found, 50);
}

Test (verified, a_list_that_is_damaged_or_of_another_boot_is_ignored)
{
    static const char *const changes[] = {"sed -i 1s/^./x/ var/verified",
                                          "sed -i 's/ [0-9]* / x /' var/verified",
                                          "head -c 60 /dev/urandom >var/verified",
                                          ": >var/verified",
                                          "rm var/verified; mkdir var/verified",
                                          "rm -rf var",
                                          "head -c 80 var/verified >v; mv v var/verified"};
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        free (scratch_shell ("rm -rf var/verified; mkdir -p var", NULL));
        clock_settle ();
        cr_expect_eq (workspace_verify (), 0, "%s", error.text);
        cr_expect_eq (list_lines (), 3, "%s", changes[i]);
        list_forge ();
        free (scratch_shell (changes[i], NULL));
        cr_expect_eq (workspace_verify (), 0, "%s: %s", changes[i], error.text);
    }
}

Test (verified, removed_files_leave_the_list)
{
    char command[256];
    for (unsigned i = 0; i < 3; i++) {
        (void) snprintf (
            command, sizeof command,
            "rm -rf w/many; mkdir w/many; cd w && for i in $(seq 500); do echo %u $i >many/$i; done; "
            "find . -type f ! -name manifest -printf '%%P\\n' | LC_ALL=C sort | xargs sha256sum >manifest",
            i);
        free (scratch_shell (command, NULL));
        clock_settle ();
        cr_expect_eq (workspace_verify (), 0, "%s", error.text);
    }
    cr_expect_leq (list_lines (), 1025);
    list_forge ();
    cr_expect_eq (workspace_verify (), ROOT_E_DAMAGED, "the existing files are in the list");
}

/*  Notes a wrong digest for a new file of `size` bytes. Returns whether the list then has it. */
static bool digest_note_other (const char *path, uint64_t size, struct base_digest *ret_said)
{
    char command[128];
    struct root_verified verified = {.boot = ""};
    struct base_digest other = base_digest_of ("", 0);
    (void) snprintf (command, sizeof command, "head -c %llu /dev/urandom >%s", (unsigned long long) size,
                     path);
    free (scratch_shell (command, NULL));
    int fd = open (path, O_RDONLY | O_CLOEXEC);
    root_verified_load (&root, &verified);
    root_verified_note (&verified, fd, &other);
    root_verified_save (&root, &verified);
    root_verified_deinit (&verified);
    root_verified_load (&root, &verified);
    bool known = root_verified_knows (&verified, fd, ret_said);
    root_verified_deinit (&verified);
    (void) close (fd);
    return known && base_digest_equal (ret_said, &other);
}

Test (verified, a_large_file_is_cached_without_being_read)
{
    struct base_digest said;
    cr_expect (digest_note_other ("w/large", ROOT_VERIFIED_LARGE, &said),
               "the digest that the caller noted is used");
    cr_expect_not (digest_note_other ("w/small", ROOT_VERIFIED_LARGE - 1, &said),
                   "a small file is not taken in");
}
