/*  Killed before any of their system calls, a repair and the separation of shared files leave a root that starts, and
    whose workspaces are whole. */

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

static void begin (void)
{
    scratch_begin ();
    root = workspaces_root (&disk_system);
    workspaces_add (&root, "one", one);
    workspaces_add (&root, "two", two);
}

static void end (void)
{
    root_deinit (&root);
    scratch_end ();
}

TestSuite (repair_moments, .init = begin, .fini = end, .timeout = 120);

static void ignore (void *context, const char *text)
{
    (void) context;
    (void) text;
}

static int make_repair (const struct root *on)
{
    const struct root_repair repair = {.root = on, .changed = ignore};
    char name[ROOT_NAME_SIZE];
    int rc = root_repair_places (&repair, &error);
    rc = rc ? rc : root_repair_choose (&repair, name);
    return rc ? rc : root_repair_links (&repair, name, &error);
}

static int make_separation (const struct root *on)
{
    return root_unshare (on, two, NULL, &error);
}

/*  Makes the change with the call n killed (code 0) or failed. Returns whether it came through. */
static bool cut (int (*make) (const struct root *on), unsigned n, int code)
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
    cr_assert (WIFEXITED (status) && WEXITSTATUS (status) != 2, "it fails by itself");
    return WEXITSTATUS (status) == 0;
}

static void expect_whole (const char *name, unsigned n)
{
    base_cleanup (base_close_p) int fd = -1;
    cr_assert_eq (root_workspace_open (&root, name, &fd), 0);
    cr_expect_eq (root_manifest_verify (NULL, fd, &error), 0, "call %u: %s: %s", n, name, error.text);
}

static const int codes[] = {0, EIO, ENOSPC};

/*  Two, which was never confirmed, is stable, and its trial in disorder. */
static void ruin (void)
{
    free (scratch_shell (
        "cd root; rm -rf .[!.]* previous probe; set -- 2*; ln -sfnT $2 stable; touch .try.1 .ok.$1; "
        "ln -s $1 .back; mkdir .new.x; touch probe",
        NULL));
}

Test (repair_moments, whatever_becomes_of_a_repair_stable_starts_and_repeating_it_heals)
{
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        bool through = false;
        unsigned n;
        for (n = 1; !through; n++) {
            struct root_trial trial = {.on_trial = false};
            ruin ();
            through = cut (make_repair, n, codes[i]);
            cr_assert_eq (root_trial_read (&root, &trial, &error), 0, "%s", error.text);
            cr_expect (strcmp (trial.stable, one) == 0 || (trial.on_trial && strcmp (trial.back, one) == 0),
                       "call %u: what was never confirmed is stable, and not on trial", n);
            expect_whole (trial.stable, n);
            cr_expect_eq (make_repair (&root), 0, "call %u: %s", n, error.text);
            cr_assert_eq (root_trial_read (&root, &trial, &error), 0);
            cr_expect (strcmp (trial.stable, one) == 0 && !trial.on_trial, "call %u: repeating does not heal",
                       n);
            char *left = scratch_shell ("cd root; ls -A | grep '^[.]' | grep -v '^[.]ok[.]'", NULL);
            cr_expect_str_empty (left, "call %u: %s", n, left);
            free (left);
        }
        cr_expect_gt (n, 8);
    }
}

Test (repair_moments, what_failed_or_was_never_confirmed_is_not_chosen)
{
    static const char *const ruins[] = {
        "rm -r $1; touch .ok.$1", /* what was confirmed is gone */
        "rm -r $1; touch .failed.$2",
        "rm -r $1; printf 'workspace %s\\ncause crashed\\ntext x\\nback %s\\n' $2 $1 > .failed",
        NULL,
    };
    const struct root_repair repair = {.root = &root, .changed = ignore};
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

Test (repair_moments, a_trial_that_it_ends_is_not_begun_again)
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
        cr_expect_eq (root_failed_read (&root, two, &outcome), 0, "%s: no note", ruins[i]);
        cr_expect_eq (outcome.cause, ROOT_CAUSE_LOST, "%s", ruins[i]);
        cr_expect_not (base_digest_is_null (&outcome.release), "%s", ruins[i]);
    }
}

Test (repair_moments, what_forbids_changes_or_lies_over_a_name_does_not_keep_it_from_healing)
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

Test (repair_moments, while_shared_files_are_separated_every_workspace_is_whole)
{
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        bool through = false;
        unsigned n, count;
        for (n = 1; !through; n++) {
            free (scratch_shell ("cd root; set -- 2*; ln -f $1/start $2/start; ln -f $1/noded.sh $2/noded.sh",
                                 NULL));
            through = cut (make_separation, n, codes[i]);
            expect_whole (one, n);
            expect_whole (two, n);
            cr_expect_eq (root_tidy (&root, NULL, NULL), ROOT_E_NONE,
                          "there is no stable; leftovers go all the same");
            cr_expect_eq (root_unshare (&root, NULL, &count, &error), 0, "call %u: %s", n, error.text);
            char *left = scratch_shell ("cd root; ls -A | grep '^[.]tmp'; find 2* -type f -links +1", NULL);
            cr_expect_str_empty (left, "call %u: %s", n, left);
            free (left);
        }
        cr_expect_gt (n, 6);
    }
}
