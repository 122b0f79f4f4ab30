/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/root/check.c - the findings of root_check, and files shared between workspaces */

#include "root/check.h"

#include "fixture.h"

#include <sys/wait.h>

#include "root/unshare.h"
#include "root/workspace.h"

static struct base_buffer findings;

static void suite_begin (void)
{
    fixture_begin ();
    versions_make (2);
    stable_put (one);
    previous_put (two);
}

TestSuite (check, .init = suite_begin, .fini = fixture_end);

static void findings_add (void *context, const char *text)
{
    cr_expect_null (strchr (text, '\n'));
    cr_expect_eq (base_buffer_printf (context, "%s\n", text), 0);
}

/*  Makes a change, checks the root and expects exactly these findings. 1 and 2 stand for the names of the
    workspaces. */
static void expect_findings (const char *change, const char *wanted)
{
    char command[1024];
    (void) snprintf (command, sizeof command, "cd root; one=%s two=%s; %s", one, two, change);
    free (scratch_shell (command, NULL));
    base_buffer_deinit (&findings);
    cr_expect_eq (root_check (&root, findings_add, &findings), *wanted ? ROOT_E_DAMAGED : 0, "%s", change);
    char *found = base_buffer_take_text (&findings);
    char *at = found;
    for (char *from = found; *from;) {
        if (strncmp (from, " is damaged: ", 13) ==
            0) { /* the position in the message of the parser is not compared */
            memcpy (at, " is damaged", 11);
            at += 11;
            from = strchr (from, '\n');
        }
        if (strncmp (from, one, strlen (one)) == 0 || strncmp (from, two, strlen (two)) == 0) {
            *at++ = strncmp (from, one, strlen (one)) == 0 ? '1' : '2';
            from += strlen (one);
        } else
            *at++ = *from++;
    }
    *at = '\0';
    cr_expect_str_eq (found, wanted, "%s: %s", change, found);
    free (found);
}

Test (check, an_intact_root_has_no_findings)
{
    expect_findings (":", "");
    expect_findings ("mkdir .new.x .old.y; touch .tmp.z .try.1 var/.tmp.a; ln -s $one .back", "");
}

/*  The manager may remove old workspaces during a check. */
Test (check, a_workspace_removed_during_a_check_is_not_damaged)
{
    pid_t pid = fork ();
    if (pid == 0) {
        for (unsigned i = 0; i < 40; i++) {
            struct base_error error = {0};
            char three[ROOT_NAME_SIZE];
            workspaces_add (&root, "three", three);
            if (root_workspace_remove (&root, three, &error))
                _exit (1);
        }
        _exit (0);
    }
    int status = 0;
    while (waitpid (pid, &status, WNOHANG) == 0)
        cr_assert_eq (root_check (&root, findings_add, &findings), 0, "%s", (const char *) findings.data);
    cr_expect_eq (status, 0);
    base_buffer_deinit (&findings);
}

Test (check, each_damage_is_named)
{
    expect_findings ("printf x | dd of=$two/noded conv=notrunc",
                     "2: noded does not match the manifest\n2/noded does not match its envelope\n");
    expect_findings ("printf t | dd of=$two/noded conv=notrunc; chmod 644 $two/start",
                     "2/start is not executable\n");
    expect_findings ("chmod 755 $two/start; rm previous; ln -s 2001-01-01T00:00:00.000000000Z previous",
                     "previous points to 2001-01-01T00:00:00.000000000Z, which is missing\n");
    expect_findings ("rm previous stable; ln -s /etc stable", "stable does not name a workspace\n");
    expect_findings ("rm stable", "no link stable\n");
}

/*  The manifest is changed with the file: only the identity of the release is wrong. */
Test (check, a_workspace_is_compared_with_its_release_document)
{
    const char *const seal = "(cd $one; sha256sum $(sed 's/^[^ ]*  //' manifest) >m; mv m manifest)";
    char change[512];
    (void) snprintf (change, sizeof change, "cp $two/release $one/release; %s", seal);
    expect_findings (change, "1/release is not the document of the release that envelope.json names\n");
    (void) snprintf (change, sizeof change, "cp $two/envelope.json $one/envelope.json; %s", seal);
    expect_findings (change, "1/noded does not match its envelope\n");
    (void) snprintf (change, sizeof change, "cp $two/noded $one/noded; %s", seal);
    expect_findings (change, "");
}

Test (check, a_missing_previous_is_named_if_its_target_is_known)
{
    expect_findings (
        "rm previous; printf '{\"epoch\":1,\"seen_epoch\":1,\"previous\":\"%s\"}' $two > var/order-state",
        "no link previous, which pointed to 2: a running manager or noded revert restores it\n");
    expect_findings ("rm -r $two", "");
}

Test (check, damaged_records_are_named_and_not_moved)
{
    expect_findings (
        "echo x > var/trial; echo > var/order-state; printf '{}\\n\\n' > var/journal; mkdir var/quarantine;"
        "echo > var/quarantine/$(printf '%064d' 1)",
        "var/journal: line 1 is damaged\nvar/trial is damaged\nvar/order-state is damaged\n"
        "var/quarantine/0000000000000000000000000000000000000000000000000000000000000001 is damaged\n");
    cr_expect (scratch_exists ("root/var/trial"));
}

Test (check, roots_of_applications_are_checked)
{
    expect_findings ("mkdir apps/web; echo > apps/nothing", "apps/web: no link stable\n");
}

Test (check, hard_linked_files_are_named_until_each_version_has_its_own)
{
    struct base_error error = {.code = 0};
    unsigned count = 0;
    expect_findings (
        "ln -f $one/start $two/start; ln $one/command elsewhere",
        "1/start and 2/start are the same file: a write by one version changes the other; the manager gives "
        "each its own copy when it starts\n"
        "1/command has another name outside of the workspaces: a write to that name changes it; the "
        "manager replaces it with a copy when it starts\n");
    cr_assert_eq (root_unshare (&root, two, &count, &error), 0, "%s", error.text);
    cr_expect_eq (count, 2, "the last workspace keeps the shared file, now its own: %u", count);
    expect_findings (":", "");
    char *left = scratch_shell ("ls -A root | grep -c '^[.]tmp'; cat root/elsewhere | tr '\\0' ' '", NULL);
    cr_expect_str_eq (left, "0\nnoded 1 run ", "%s", left);
    free (left);
}

Test (check, a_shared_file_that_does_not_match_its_manifest_is_not_copied)
{
    struct base_error error = {.code = 0};
    unsigned count = 7;
    free (scratch_shell ("cd root; set -- 2*; ln -f $1/noded $2/noded", NULL));
    cr_expect_eq (root_unshare (&root, NULL, &count, &error), 0, "%s", error.text);
    cr_expect_eq (count, 1, "only workspace 1, whose program it is, gets a file of its own");
    char *left = scratch_shell ("ls -A root | grep -c '^[.]tmp'; cat root/2*/noded", NULL);
    cr_expect_str_eq (left, "0\noneone", "%s", left);
    free (left);
}
