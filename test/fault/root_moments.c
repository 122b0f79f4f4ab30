/* SPDX-License-Identifier: MPL-2.0 */
/*  test/fault/root_moments.c - each change of a root's links, killed at each of its system calls

    The process is killed before each system call of each change, and each call fails once. After each of
    these moments stable must point to a proven version: the one that ran before, or one on trial with a way
    back to it and starts left. Then the change is repeated, or tidied and repeated, and the root must be as
    after an undisturbed change. */

#include <criterion/criterion.h>
#include <errno.h>
#include <sys/wait.h>

#include "test/fault/failing_disk.h"
#include "test/fault/workspaces.h"

static struct root root;
static struct base_error error;
static char one[ROOT_NAME_SIZE], two[ROOT_NAME_SIZE], three[ROOT_NAME_SIZE];

static void test_begin (void)
{
    scratch_begin ();
    root = workspaces_root (&disk_system);
    workspaces_add (&root, "three", three);
    workspaces_add (&root, "one", one);
    workspaces_add (&root, "two", two);
}

static void test_end (void)
{
    root_deinit (&root);
    scratch_end ();
}

TestSuite (moments, .init = test_begin, .fini = test_end, .timeout = 240);

static bool link_is (const char *link, const char *name)
{
    return workspaces_link_is (&root, link, name);
}

static struct root_trial trial_read (void)
{
    struct root_trial found = {0};
    cr_assert_eq (root_trial_read (&root, &found, &error), 0, "%s", error.text);
    return found;
}

static void expect_no_leftovers (const char *where, unsigned n)
{
    char *found = scratch_shell ("cd root; ls -A | grep '^\\.' | grep -v '^\\.ok\\.20'", NULL);
    cr_expect_str_empty (found, "%s, call %u: %s", where, n, found);
    free (found);
}

/*  A change of the links: the state before, the change, what must always hold, and the state after. */
struct change {
    const char *name;
    void (*begin) (void);
    int (*make) (const struct root *on);
    bool (*proven) (void);
    bool (*ended) (void);
    bool exchanges; /* the file system can exchange two names */
};

/*  Version one runs, and three ran before it. */
static void in_service (void)
{
    cr_assert_eq (root_stable_set (&root, one, &error), 0, "%s", error.text);
    cr_assert_eq (disk_link_replace (&disk_system, root.fd, ROOT_PREVIOUS, three, &error), 0);
    cr_assert_eq (root_tidy (&root, NULL, &error), 0, "%s", error.text);
}

static void on_trial (void)
{
    in_service ();
    cr_assert_eq (root_switch (&root, two, &root_limits_default, &error), 0, "%s", error.text);
}

static bool two_is_on_trial (void)
{
    struct root_trial found = trial_read ();
    return found.on_trial && strcmp (found.stable, two) == 0 && strcmp (found.back, one) == 0 &&
           found.tokens == 3;
}

static bool one_runs (void)
{
    return link_is (ROOT_STABLE, one) && !trial_read ().on_trial && link_is (ROOT_PREVIOUS, three);
}

/*  If the version before cannot be read, a rollback returns to the one before that. */
static bool rolled_back (void)
{
    return one_runs () || (link_is (ROOT_STABLE, three) && !trial_read ().on_trial);
}

static bool rollback_is_proven (void)
{
    return rolled_back () || two_is_on_trial ();
}

static bool two_is_confirmed (void)
{
    return link_is (ROOT_STABLE, two) && !trial_read ().on_trial && link_is (ROOT_PREVIOUS, one);
}

static int make_switch (const struct root *on)
{
    int rc = root_switch (on, two, &root_limits_default, &error);
    return rc == ROOT_E_ON_TRIAL ? 0 : rc;
}

static bool switch_is_proven (void)
{
    return one_runs () || two_is_on_trial ();
}

static int make_confirm (const struct root *on)
{
    return root_confirm (on, &error);
}

static bool confirm_is_proven (void)
{
    return two_is_on_trial () || two_is_confirmed ();
}

static int make_rollback (const struct root *on)
{
    int rc = root_roll_back (on, &error);
    return rc == ROOT_E_NONE ? 0 : rc;
}

static bool three_runs (void)
{
    return link_is (ROOT_STABLE, three) && !trial_read ().on_trial && link_is (ROOT_PREVIOUS, one);
}

/*  A revert is ordered, so it is not repeated if it was already made. */
static int make_revert (const struct root *on)
{
    char name[ROOT_NAME_SIZE];
    return three_runs () ? 0 : root_revert (on, name, &error);
}

static bool revert_is_proven (void)
{
    char previous[ROOT_NAME_SIZE];
    return one_runs () || three_runs () ||
           (link_is (ROOT_STABLE, three) && !trial_read ().on_trial &&
            root_link (&root, ROOT_PREVIOUS, previous) == ROOT_E_NONE);
}

static int make_revert_on_trial (const struct root *on)
{
    char name[ROOT_NAME_SIZE];
    return one_runs () ? 0 : root_revert (on, name, &error);
}

/*  A revert by command on the host, which is repeated if it was cut: it is made exactly once. */
static int make_ordered (const struct root *on)
{
    char name[ROOT_NAME_SIZE];
    bool again;
    int rc = root_revert_ordered (on, name, &again, &error);
    return rc ? rc : root_revert_done (on);
}

/*  The version on trial has removed .back. */
static void on_trial_without_back (void)
{
    on_trial ();
    cr_assert_eq (unlink ("root/.back"), 0);
}

/*  If the version from which the trial started cannot be read, another proven version becomes previous. */
static bool two_is_confirmed_somehow (void)
{
    return link_is (ROOT_STABLE, two) && !trial_read ().on_trial &&
           (link_is (ROOT_PREVIOUS, one) || link_is (ROOT_PREVIOUS, three));
}

static bool confirm_without_back_is_proven (void)
{
    struct root_trial found = trial_read ();
    return two_is_confirmed_somehow () ||
           (found.on_trial && strcmp (found.stable, two) == 0 && strcmp (found.back, two) != 0);
}

static int make_stable (const struct root *on)
{
    return root_stable_set (on, three, &error);
}

static bool stable_is_proven (void)
{
    return link_is (ROOT_STABLE, one) || link_is (ROOT_STABLE, three) || link_is (ROOT_STABLE, two);
}

static bool three_is_stable (void)
{
    return link_is (ROOT_STABLE, three) && !trial_read ().on_trial;
}

static int make_tidy (const struct root *on)
{
    return root_tidy (on, NULL, &error);
}

static void after_a_cut_revert (void)
{
    in_service ();
    cr_assert_eq (rename ("root/previous", "root/stable"), 0);
    cr_assert_eq (symlink (one, "root/.tmp.previous"), 0);
    free (scratch_shell (
        "cd root; mkdir -p .new.x/files .old.y; touch .new.x/files/f .try.1 .try.2 .tmp.z var/.tmp.z", NULL));
    cr_assert_eq (symlink (three, "root/.back"), 0);
}

static const struct change changes[] = {
    {"switch", in_service, make_switch, switch_is_proven, two_is_on_trial, false},
    {"confirm", on_trial, make_confirm, confirm_is_proven, two_is_confirmed, false},
    {"rollback", on_trial, make_rollback, rollback_is_proven, rolled_back, false},
    {"revert", in_service, make_revert, revert_is_proven, three_runs, false},
    {"revert, with exchange of names", in_service, make_revert, revert_is_proven, three_runs, true},
    {"revert on trial", on_trial, make_revert_on_trial, rollback_is_proven, one_runs, false},
    {"set stable", on_trial, make_stable, stable_is_proven, three_is_stable, false},
    {"rollback without .back", on_trial_without_back, make_rollback, rollback_is_proven, rolled_back, false},
    {"confirm without .back", on_trial_without_back, make_confirm, confirm_without_back_is_proven,
     two_is_confirmed_somehow, false},
    {"tidy", after_a_cut_revert, make_tidy, revert_is_proven, three_runs, false},
};

enum { N_CHANGES = sizeof changes / sizeof *changes };

/*  Makes the change in a child. Its call n fails with code, or, for code 0, the child is killed before it.
    Returns whether the change succeeded. */
static bool change_cut (const struct change *change, unsigned n, int code)
{
    pid_t pid = fork ();
    if (pid == 0) {
        struct failing_disk failing;
        struct root on = root;
        on.disk = failing_init (&failing, n, code);
        failing.exchanges = change->exchanges;
        int rc = change->make (&on);
        _exit (failing.calls < n ? (rc ? 2 : 0) : 1);
    }
    int status;
    cr_assert_eq (waitpid (pid, &status, 0), pid);
    cr_assert (WIFEXITED (status) && WEXITSTATUS (status) != 2, "%s fails without a failing call",
               change->name);
    cr_expect (WEXITSTATUS (status) == 0 || code || WEXITSTATUS (status) == FAILING_KILLED);
    return WEXITSTATUS (status) == 0;
}

static void expect_proven (const struct change *change, unsigned n)
{
    cr_expect (workspaces_stable_is_intact (&root), "%s, call %u: stable cannot be started", change->name, n);
    cr_expect (change->proven (), "%s, call %u: stable is not proven", change->name, n);
}

/*  Cuts the change at each of its calls. After each cut, `complete` has to finish it; NULL: nothing does. */
static void cut_everywhere (const struct change *change, int code,
                            void (*complete) (const struct change *change, unsigned n))
{
    bool through = false;
    unsigned n;
    for (n = 1; !through; n++) {
        change->begin ();
        through = change_cut (change, n, code);
        expect_proven (change, n);
        if (complete)
            complete (change, n);
    }
    cr_log_info ("%s: %u calls", change->name, n - 2);
    cr_expect_gt (n - 2, 3);
}

static void change_repeat (const struct change *change, unsigned n)
{
    cr_expect_eq (change->make (&root), 0, "%s, call %u: %s", change->name, n, error.text);
    cr_expect (change->ended (), "%s, call %u: a repetition does not complete the change", change->name, n);
}

static void tidy_and_repeat (const struct change *change, unsigned n)
{
    cr_expect_eq (root_tidy (&root, NULL, &error), 0, "%s, call %u: %s", change->name, n, error.text);
    expect_proven (change, n);
    if (!trial_read ().on_trial)
        expect_no_leftovers (change->name, n);
    change_repeat (change, n);
}

/*  Also kills the tidying before each of its own calls. */
static void cut_tidying (const struct change *change, unsigned n)
{
    static const struct change tidying = {"tidy", NULL, make_tidy, NULL, NULL, false};
    for (unsigned m = 1; !change_cut (&tidying, m, 0); m++)
        expect_proven (change, n);
    expect_proven (change, n);
    change_repeat (change, n);
}

Test (moments, killed_before_any_call_stable_is_proven_and_a_repetition_completes_the_change)
{
    for (size_t i = 0; i < N_CHANGES; i++)
        cut_everywhere (&changes[i], 0, change_repeat);
}

Test (moments, killed_before_any_call_stable_is_proven_and_tidying_cleans_up)
{
    for (size_t i = 0; i < N_CHANGES; i++)
        cut_everywhere (&changes[i], 0, tidy_and_repeat);
}

Test (moments, killed_again_while_tidying_stable_is_proven)
{
    for (size_t i = 0; i < N_CHANGES; i++)
        cut_everywhere (&changes[i], 0, cut_tidying);
}

Test (moments, if_any_call_fails_stable_is_proven)
{
    for (size_t i = 0; i < N_CHANGES; i++) {
        cut_everywhere (&changes[i], EIO, tidy_and_repeat);
        cut_everywhere (&changes[i], ENOSPC, tidy_and_repeat);
    }
}

/*  The first command is killed before each of its calls; the second one completes the same revert. */
Test (moments, a_repeated_revert_on_the_host_never_goes_forward)
{
    static const struct change reverts[] = {
        {"revert", in_service, make_ordered, NULL, three_runs, false},
        {"revert, with exchange of names", in_service, make_ordered, NULL, three_runs, true},
        {"revert on trial", on_trial, make_ordered, NULL, one_runs, false},
    };
    for (size_t i = 0; i < sizeof reverts / sizeof *reverts; i++)
        for (unsigned n = 1, through = 0; !through; n++) {
            reverts[i].begin ();
            through = change_cut (&reverts[i], n, 0);
            if (through || !scratch_exists ("root/.revert")) /* it has ended, or not started */
                continue;
            cr_expect_eq (make_ordered (&root), 0, "%s, call %u: %s", reverts[i].name, n, error.text);
            cr_expect (reverts[i].ended (), "%s, call %u: the repeated command led to another version",
                       reverts[i].name, n);
            cr_expect_not (scratch_exists ("root/.revert"));
        }
}

Test (moments, killed_while_it_takes_a_token_a_start_is_counted_at_most_once)
{
    struct root_limits limits;
    for (unsigned n = 1;; n++) {
        on_trial ();
        pid_t pid = fork ();
        if (pid == 0) {
            struct failing_disk failing;
            struct root on = root;
            on.disk = failing_init (&failing, n, 0);
            _exit (root_token_take (&on, &limits, NULL, &error));
        }
        int status;
        cr_assert_eq (waitpid (pid, &status, 0), pid);
        struct root_trial found = trial_read ();
        cr_expect (found.on_trial && (found.tokens == 2 || (found.tokens == 3 && status != 0)));
        if (status == 0)
            break;
    }
}

Test (moments, killed_while_it_collects_workspaces_the_remaining_ones_are_intact)
{
    for (unsigned n = 1;; n++) {
        in_service ();
        char more[2][ROOT_NAME_SIZE];
        workspaces_add (&root, "more", more[0]);
        workspaces_add (&root, "even more", more[1]);
        pid_t pid = fork ();
        if (pid == 0) {
            struct failing_disk failing;
            struct root on = root;
            on.disk = failing_init (&failing, n, 0);
            _exit (root_collect (&on, 2, NULL, &error));
        }
        int status;
        cr_assert_eq (waitpid (pid, &status, 0), pid);
        cr_expect (one_runs ());
        char **names;
        cr_assert_eq (root_workspaces (&root, &names), 0);
        for (size_t i = 0; names[i]; i++) {
            base_cleanup (base_close_p) int fd = -1;
            cr_assert_eq (root_workspace_open (&root, names[i], &fd), 0);
            cr_expect_eq (root_manifest_verify (NULL, fd, &error), 0, "call %u: %s: %s", n, names[i],
                          error.text);
        }
        (void) base_list_free (names);
        cr_expect_eq (root_tidy (&root, NULL, &error), 0);
        expect_no_leftovers ("collect", n);
        cr_expect_eq (root_collect (&root, 2, NULL, &error), 0);
        if (status == 0)
            break;
    }
}
