/* SPDX-License-Identifier: MPL-2.0 */
/*  test/fault/repair_moments.c - a repair, and the separation of shared files, killed before each of their
    system calls

    Afterwards the root can be started, and its workspaces are whole. */

#include <criterion/criterion.h>
#include <sys/wait.h>

#include "root/outcome.h"
#include "root/repair.h"
#include "root/unshare.h"
#include "test/fault/failing_disk.h"
#include "test/fault/workspaces.h"

static struct root root;
static struct base_error error;
static char one[ROOT_NAME_SIZE], two[ROOT_NAME_SIZE];

static void test_begin (void)
{
    scratch_begin ();
    root = workspaces_root (&disk_system);
    workspaces_add (&root, "one", one);
    workspaces_add (&root, "two", two);
}

static void test_end (void)
{
    root_deinit (&root);
    scratch_end ();
}

TestSuite (repair_moments, .init = test_begin, .fini = test_end, .timeout = 120);

static void change_ignore (void *context, const char *text)
{
    (void) context;
    (void) text;
}

static int make_repair (const struct root *on)
{
    const struct root_repair repair = {.root = on, .changed = change_ignore};
    char name[ROOT_NAME_SIZE];
    int rc = root_repair_directories (&repair, &error);
    rc = rc ? rc : root_repair_choose (&repair, name);
    return rc ? rc : root_repair_links (&repair, name, &error);
}

static int make_separation (const struct root *on)
{
    return root_unshare (on, two, NULL, &error);
}

/*  Makes the change in a child. Its call n fails with code, or, for code 0, the child is killed before it.
    Returns whether the change succeeded. */
static bool change_cut (int (*make) (const struct root *on), unsigned n, int code)
{
    int status;
    pid_t pid = fork ();
    if (pid == 0) {
        struct failing_disk failing;
        struct root on = root;
        on.disk = failing_init (&failing, n, code);
        int rc = make (&on);
        _exit (failing.calls < n ? (rc ? 2 : 0) : 1);
    }
    cr_assert_eq (waitpid (pid, &status, 0), pid);
    cr_assert (WIFEXITED (status) && WEXITSTATUS (status) != 2, "it fails without a failing call");
    return WEXITSTATUS (status) == 0;
}

static void expect_intact (const char *name, unsigned n)
{
    base_cleanup (base_close_p) int fd = -1;
    cr_assert_eq (root_workspace_open (&root, name, &fd), 0);
    cr_expect_eq (root_manifest_verify (NULL, fd, &error), 0, "call %u: %s: %s", n, name, error.text);
}

static const int codes[] = {0, EIO, ENOSPC};

/*  Makes stable point to two, which was never confirmed; the records of its trial are inconsistent. */
static void root_ruin (void)
{
    free (scratch_shell (
        "cd root; rm -rf .[!.]* previous probe; set -- 2*; ln -sfnT $2 stable; touch .try.1 .ok.$1; "
        "ln -s $1 .back; mkdir .new.x; touch probe",
        NULL));
}

Test (repair_moments, after_any_cut_of_a_repair_stable_starts_and_a_repetition_repairs)
{
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        bool through = false;
        unsigned n;
        for (n = 1; !through; n++) {
            struct root_trial trial = {.on_trial = false};
            root_ruin ();
            through = change_cut (make_repair, n, codes[i]);
            cr_assert_eq (root_trial_read (&root, &trial, &error), 0, "%s", error.text);
            cr_expect (strcmp (trial.stable, one) == 0 || (trial.on_trial && strcmp (trial.back, one) == 0),
                       "call %u: an unconfirmed version is stable, and not on trial", n);
            expect_intact (trial.stable, n);
            cr_expect_eq (make_repair (&root), 0, "call %u: %s", n, error.text);
            cr_assert_eq (root_trial_read (&root, &trial, &error), 0);
            cr_expect (strcmp (trial.stable, one) == 0 && !trial.on_trial,
                       "call %u: a repetition does not repair the root", n);
            char *left = scratch_shell ("cd root; ls -A | grep '^[.]' | grep -v '^[.]ok[.]'", NULL);
            cr_expect_str_empty (left, "call %u: %s", n, left);
            free (left);
        }
        cr_expect_gt (n, 8);
    }
}

Test (repair_moments, a_failed_or_never_confirmed_workspace_is_not_chosen)
{
    static const char *const ruins[] = {
        "rm -r $1; touch .ok.$1", /* the confirmed workspace is gone */
        "rm -r $1; touch .failed.$2",
        "rm -r $1; printf 'workspace %s\\ncause crashed\\ntext x\\nback %s\\n' $2 $1 > .failed",
        NULL,
    };
    const struct root_repair repair = {.root = &root, .changed = change_ignore};
    for (size_t i = 0; ruins[i]; i++) {
        char name[ROOT_NAME_SIZE] = "";
        char *command = base_text_printf ("cd root; rm -rf .[!.]* 2*; cp -a ../kept/2* .; set -- 2*;"
                                          "ln -sfnT $2 stable; ln -sfnT $1 .back; %s",
                                          ruins[i]);
        free (scratch_shell ("[ -e kept ] || cp -a root kept", NULL));
        free (scratch_shell (command, NULL));
        cr_expect_eq (root_repair_choose (&repair, name), ROOT_E_NONE, "%s: %s", ruins[i], name);
        free (command);
    }
}

Test (repair_moments, a_trial_that_a_repair_ends_is_not_started_again)
{
    static const char *const ruins[] = {":", "rm stable", "ln -sfnT nowhere stable", NULL};
    for (size_t i = 0; ruins[i]; i++) {
        struct root_outcome outcome = {.cause = ROOT_CAUSE_NONE};
        free (scratch_shell ("cd root; rm -rf .[!.]* stable previous", NULL));
        cr_assert_eq (root_stable_set (&root, one, &error), 0, "%s", error.text);
        cr_assert_eq (root_switch (&root, two, &root_limits_default, &error), 0, "%s", error.text);
        char *command = base_text_printf ("cd root; %s", ruins[i]);
        free (scratch_shell (command, NULL));
        free (command);
        cr_expect_eq (make_repair (&root), 0, "%s", error.text);
        cr_expect (workspaces_link_is (&root, ROOT_STABLE, one), "%s", ruins[i]);
        cr_expect_eq (root_failed_read (&root, two, &outcome), 0, "%s: no .failed record", ruins[i]);
        cr_expect_eq (outcome.cause, ROOT_CAUSE_LOST, "%s", ruins[i]);
        cr_expect_not (base_digest_is_null (&outcome.release), "%s", ruins[i]);
    }
}

Test (repair_moments, a_repair_overcomes_immutable_files_directories_in_place_of_links_and_a_huge_program)
{
    static const char *const ruins[] = {
        "rm stable; mkdir -p stable/d previous/d .back/d; chattr -f -R +i stable previous .back",
        "rm stable; chattr -f -R +i .",
        "rm -f stable; truncate -s 8T $2/noded",
        NULL,
    };
    for (size_t i = 0; ruins[i]; i++) {
        char *command = base_text_printf ("cd root; rm -rf .[!.]* previous; set -- 2*; ln -sfnT $2 stable;"
                                          "touch .ok.$1; %s",
                                          ruins[i]);
        free (scratch_shell (command, NULL));
        cr_expect_eq (make_repair (&root), 0, "%s: %s", ruins[i], error.text);
        cr_expect (workspaces_link_is (&root, ROOT_STABLE, one), "%s", ruins[i]);
        free (command);
    }
    free (scratch_shell ("chattr -f -R -i .", NULL));
}

Test (repair_moments, every_workspace_stays_intact_while_shared_files_are_separated)
{
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        bool through = false;
        unsigned n, count;
        for (n = 1; !through; n++) {
            free (scratch_shell ("cd root; set -- 2*; ln -f $1/start $2/start; ln -f $1/noded.sh $2/noded.sh",
                                 NULL));
            through = change_cut (make_separation, n, codes[i]);
            expect_intact (one, n);
            expect_intact (two, n);
            cr_expect_eq (root_tidy (&root, NULL, NULL), ROOT_E_NONE,
                          "without stable, root_tidy removes leftovers and returns ROOT_E_NONE");
            cr_expect_eq (root_unshare (&root, NULL, &count, &error), 0, "call %u: %s", n, error.text);
            char *left = scratch_shell ("cd root; ls -A | grep '^[.]tmp'; find 2* -type f -links +1", NULL);
            cr_expect_str_empty (left, "call %u: %s", n, left);
            free (left);
        }
        cr_expect_gt (n, 6);
    }
}
