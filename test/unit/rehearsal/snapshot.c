/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/rehearsal/snapshot.c - the root snapshot, which undoes changes that a candidate made to this root */

#include <criterion/criterion.h>
#include <errno.h>

#include "rehearsal/snapshot.h"
#include "test/fault/scratch.h"

static const char one[] = "2026-01-01T00:00:00.000000001Z", two[] = "2026-01-01T00:00:00.000000002Z";
static struct root root;
static struct rehearsal_snapshot *snapshot;

/*  Makes two workspaces that share a library. */
static void setup (void)
{
    scratch_begin ();
    cr_assert_eq (root_make (&disk_unsynced, scratch_path, &root, NULL), 0);
    char *said = scratch_shell (
        "set -e\n"
        "for n in 1 2; do w=2026-01-01T00:00:00.00000000${n}Z; mkdir -p $w/files/lib\n"
        "echo program $n > $w/noded; chmod 755 $w/noded; : > $w/empty; done\n"
        "echo library > 2026-01-01T00:00:00.000000001Z/files/lib/x\n"
        "ln 2026-01-01T00:00:00.000000001Z/files/lib/x 2026-01-01T00:00:00.000000002Z/files/lib/x\n"
        "echo settings > node.zpl; ln -s 2026-01-01T00:00:00.000000002Z stable\n"
        "ln -s 2026-01-01T00:00:00.000000001Z previous",
        NULL);
    cr_assert_str_empty (said);
    free (said);
    cr_assert_eq (rehearsal_snapshot_make (&root, &snapshot, NULL), 0);
}

static void teardown (void)
{
    (void) rehearsal_snapshot_free (snapshot);
    root_deinit (&root);
    scratch_end ();
}

TestSuite (snapshot, .init = setup, .fini = teardown, .timeout = 60);

static char *files_list (void)
{
    return scratch_shell (
        "find . -path ./var -prune -o -printf '%p %y %m %l ' -type f -exec sha256sum {} ';' "
        "-o -printf '\\n' | sort",
        NULL);
}

Test (snapshot, an_unchanged_root_stays_as_it_is)
{
    char *before = files_list ();
    cr_expect_eq (rehearsal_snapshot_restore (snapshot, NULL), 0);
    char *after = files_list ();
    cr_expect_str_eq (after, before);
    free (before);
    free (after);
}

Test (snapshot, every_change_is_undone_and_reported)
{
    static const struct {
        const char *change, *report;
    } cases[] = {
        {"echo x >> stable/noded", "/noded was changed"},
        {"printf X | dd of=stable/files/lib/x conv=notrunc 2>/dev/null", "/files/lib/x was changed"},
        {"echo x > stable/empty", "/empty was changed"},
        {"chmod 644 previous/noded", "/noded was changed"},
        {"rm previous/noded", "/noded was removed"},
        {"rm -r previous/files", "/files was removed"},
        {"rm -r 2026*; mkdir 2026-01-01T00:00:00.000000002Z", "was changed|removed"},
        {"rm stable/noded; mkdir -p stable/noded/x", "/noded was changed"},
        {"rm -r stable/files; ln -s /etc stable/files", "/files was changed"},
        {"echo x > stable/files/lib/y", "/files/lib/y was added"},
        {"rm stable", "stable was removed"},
        {"rm previous; mv stable previous", "stable was removed"},
        {"ln -sfn /nowhere stable", "stable was removed"},
        {"rm stable; mkdir stable", "stable was removed"},
        {"ln -sfn 2026-01-01T00:00:00.000000002Z previous", "previous was changed"},
        {"ln -s 2026-01-01T00:00:00.000000001Z .back", ".back was changed"},
        {": > node.zpl", "node.zpl was changed"},
        {"rm -r *", "was removed"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct base_error error = {.code = 0};
        char *before = files_list ();
        char *said = scratch_shell (cases[i].change, NULL);
        cr_expect_str_empty (said, "%s: %s", cases[i].change, said);
        free (said);
        cr_expect_eq (rehearsal_snapshot_restore (snapshot, &error), ROOT_E_DAMAGED, "%s: %s",
                      cases[i].change, error.text);
        cr_expect (strchr (cases[i].report, '|') || strstr (error.text, cases[i].report), "%s: %s",
                   cases[i].change, error.text);
        char *after = files_list ();
        if (strncmp (cases[i].change, "rm -r *", 7) != 0) /* also removes directories that no start needs */
            cr_expect_str_eq (after, before, "%s", cases[i].change);
        free (before);
        free (after);
        (void) rehearsal_snapshot_free (snapshot);
        cr_assert_eq (rehearsal_snapshot_make (&root, &snapshot, &error), 0, "%s", error.text);
    }
}

Test (snapshot, a_revert_during_the_rehearsal_is_kept)
{
    char *said = scratch_shell ("ln -sfn 2026-01-01T00:00:00.000000001Z stable; rm previous", NULL);
    char name[ROOT_NAME_SIZE];
    free (said);
    cr_expect_eq (rehearsal_snapshot_restore (snapshot, NULL), 0, "between its two renames");
    cr_expect_eq (root_link (&root, ROOT_STABLE, name), 0);
    cr_expect_str_eq (name, one);
    said = scratch_shell ("ln -sfn 2026-01-01T00:00:00.000000002Z previous", NULL);
    free (said);
    cr_expect_eq (rehearsal_snapshot_restore (snapshot, NULL), 0);
    cr_expect_eq (root_link (&root, ROOT_PREVIOUS, name), 0);
    cr_expect_str_eq (name, two);
}

Test (snapshot, the_copies_have_no_names)
{
    char *found = scratch_shell ("find . -name '.tmp.*'", NULL);
    cr_expect_str_empty (found);
    free (found);
}
