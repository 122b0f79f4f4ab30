/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/root/manifest.c - the manifest of a workspace: format of sha256sum, verification, limits */

#include "root/manifest.h"

#include <criterion/criterion.h>
#include <errno.h>

#include "test/fault/scratch.h"

static int workspace;
static struct base_error error;

static void suite_begin (void)
{
    scratch_begin ();
    cr_assert_eq (mkdir ("w", 0755), 0);
    workspace = open ("w", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free (scratch_shell (
        "mkdir -p w/files/lib w/empty; echo program > w/noded; echo lib > w/files/lib/a.so;"
        "echo odd > 'w/files/a b'; : > w/files/-; echo before > w/files/a-; echo z > w/files.txt",
        NULL));
}

TestSuite (manifest, .init = suite_begin, .fini = scratch_end);

static void manifest_write (void)
{
    struct base_buffer buffer = {0};
    cr_assert_eq (root_manifest_make (workspace, NULL, &buffer, &error), 0, "%s", error.text);
    scratch_write ("w/manifest", buffer.data, buffer.size, 0644);
    base_buffer_deinit (&buffer);
}

static void expect_sha256sum_agrees (void)
{
    int status;
    char *text = scratch_shell ("cd w && sha256sum --strict --quiet -c manifest", &status);
    cr_expect_eq (status, 0, "%s", text);
    cr_expect_str_empty (text);
    free (text);
}

Test (manifest, a_manifest_equals_the_output_of_sha256sum)
{
    manifest_write ();
    expect_sha256sum_agrees ();
    char *theirs = scratch_shell (
        "cd w && find * -type f ! -path manifest -print0 | LC_ALL=C sort -z | xargs -0 sha256sum", NULL);
    char *ours = scratch_read ("w/manifest");
    ours[strlen (ours) - 1] = '\0';
    cr_expect_str_eq (ours, theirs);
    cr_expect_eq (root_manifest_verify (NULL, workspace, &error), 0, "%s", error.text);
    free (ours);
    free (theirs);
}

Test (manifest, odd_names_are_escaped_as_sha256sum_does)
{
    scratch_write_text ("w/files/new\nline", "1");
    scratch_write_text ("w/files/back\\slash", "2");
    scratch_write_text ("w/files/\xff\xfe", "3");
    scratch_write_text ("w/files/carriage\rreturn", "4");
    manifest_write ();
    expect_sha256sum_agrees ();
    cr_expect_eq (root_manifest_verify (NULL, workspace, &error), 0, "%s", error.text);
    struct base_buffer text = {0};
    struct base_digest digest, wanted = base_digest_of ("1", 1);
    cr_assert_eq (disk_file_read (&disk_system, workspace, "manifest", 1 << 20, &text), 0);
    cr_expect_eq (root_manifest_find (&text, "files/new\nline", &digest), 0);
    cr_expect (base_digest_equal (&digest, &wanted));
    cr_expect_eq (root_manifest_find (&text, "files/new", &digest), ROOT_E_NONE);
    base_buffer_deinit (&text);
}

static void expect_damaged (const char *change, const char *text)
{
    manifest_write ();
    cr_assert_eq (root_manifest_verify (NULL, workspace, &error), 0, "%s", error.text);
    free (scratch_shell (change, NULL));
    cr_expect_eq (root_manifest_verify (NULL, workspace, &error), ROOT_E_DAMAGED, "%s", change);
    cr_expect_str_eq (error.text, text);
}

Test (manifest, the_first_difference_is_named)
{
    expect_damaged ("printf x | dd of=w/noded bs=1 seek=3 conv=notrunc 2>/dev/null",
                    "noded does not match the manifest");
    expect_damaged ("mv w/files/lib/a.so .", "files/lib/a.so is missing");
    expect_damaged ("touch w/files/lib/b.so", "files/lib/b.so is not in the manifest");
    expect_damaged ("touch w/zzz", "zzz is not in the manifest");
    expect_damaged ("mv w/zzz w/yyy", "yyy is not in the manifest");
    expect_damaged ("rm w/yyy", "yyy is missing");
    expect_damaged ("truncate -s 100 w/manifest", "the manifest is damaged");
    expect_damaged (": > w/manifest", "files.txt is not in the manifest");
    expect_damaged ("rm w/manifest; mkdir w/manifest", "the manifest is damaged");
    cr_assert_eq (rmdir ("w/manifest"), 0);
    cr_expect_eq (root_manifest_verify (NULL, workspace, &error), ROOT_E_NONE);
}

Test (manifest, any_changed_bit_of_the_manifest_is_damage)
{
    manifest_write ();
    char *whole = scratch_read ("w/manifest");
    size_t size = strlen (whole);
    for (size_t i = 0; i < size; i++) {
        char changed = whole[i];
        whole[i] = (char) (changed ^ 1 << i % 8);
        scratch_write ("w/manifest", whole, size, 0644);
        cr_expect_eq (root_manifest_verify (NULL, workspace, &error), ROOT_E_DAMAGED, "byte %zu", i);
        whole[i] = changed;
    }
    free (whole);
}

Test (manifest, other_files_than_regular_ones_and_directories_are_damage)
{
    struct base_buffer buffer = {0};
    cr_assert_eq (symlink ("noded", "w/files/link"), 0);
    cr_expect_eq (root_manifest_make (workspace, NULL, &buffer, &error), ROOT_E_DAMAGED);
    cr_expect_str_eq (error.text, "files/link is neither file nor directory");
    cr_assert_eq (unlink ("w/files/link"), 0);
    cr_assert_eq (mkfifo ("w/files/fifo", 0600), 0);
    cr_expect_eq (root_manifest_make (workspace, NULL, &buffer, &error), ROOT_E_DAMAGED,
                  "a FIFO is refused without blocking");
    cr_expect_eq (buffer.size, 0);
    base_buffer_deinit (&buffer);
}

Test (manifest, a_tree_that_is_too_deep_is_refused)
{
    struct base_buffer buffer = {0};
    free (scratch_shell ("cd w; for i in $(seq 1 40); do mkdir d; cd d; done; touch f", NULL));
    cr_expect_eq (root_manifest_make (workspace, NULL, &buffer, &error), ROOT_E_DAMAGED);
    base_buffer_deinit (&buffer);
}
