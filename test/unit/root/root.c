/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/root/root.c - the links of a root: switch, trial, tokens, confirmation, rollback, revert,
    tidying */

#include "root/root.h"

#include "fixture.h"

#include <poll.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static void suite_begin (void)
{
    fixture_begin ();
    versions_make (3);
    stable_put (one);
    previous_put (three);
}

TestSuite (root, .init = suite_begin, .fini = fixture_end);

/*  Whether the root has no hidden files except the marks .ok.WORKSPACE. */
static bool no_leftovers (void)
{
    char *found = scratch_shell ("cd root; ls -A | grep '^\\.' | grep -v '^\\.ok\\.20'", NULL);
    bool none = !*found;
    if (!none)
        cr_log_error ("left over: %s", found);
    free (found);
    return none;
}

Test (root, a_root_is_made_with_its_directories_and_has_an_absolute_path)
{
    char *path = realpath ("root", NULL);
    struct stat status;
    cr_expect_str_eq (root.path, path);
    cr_expect_eq (stat ("root/var", &status), 0);
    cr_expect_eq (status.st_mode & 07777, 0700);
    cr_expect (scratch_exists ("root/probe") && scratch_exists ("root/apps"));
    struct root again;
    cr_expect_eq (root_make (&disk_system, "deep/er/root//", &again, &error), 0, "%s", error.text);
    root_deinit (&again);
    cr_expect_eq (root_open (&disk_system, "none", &again, &error), -ENOENT);
    free (path);
}

Test (root, a_workspace_name_is_a_time_in_nanoseconds)
{
    cr_expect (root_name_is_valid ("2026-11-22T15:00:00.123456789Z"));
    static const char *const wrong[] = {"",
                                        "stable",
                                        "2026-11-22T15:00:00Z",
                                        "2026-11-22T15:00:00.123456789Z/",
                                        "2026-02-31T15:00:00.123456789Z",
                                        "../6-11-22T15:00:00.123456789Z"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_expect_not (root_name_is_valid (wrong[i]), "%s", wrong[i]);
}

Test (root, a_link_to_anything_but_a_workspace_is_damaged)
{
    char name[ROOT_NAME_SIZE] = "kept";
    cr_expect_eq (root_link (&root, "none", name), ROOT_E_NONE);
    cr_assert_eq (symlink ("/etc", "root/elsewhere"), 0);
    cr_expect_eq (root_link (&root, "elsewhere", name), ROOT_E_DAMAGED);
    cr_expect_eq (root_link (&root, ROOT_VAR, name), ROOT_E_DAMAGED);
    cr_expect_str_eq (name, "kept");
}

Test (root, a_switch_puts_the_new_version_on_trial)
{
    struct root_trial trial;
    struct root_limits limits = root_limits_default;
    limits.starts = 2;
    cr_assert_eq (root_switch (&root, two, &limits, &error), 0, "%s", error.text);
    cr_assert_eq (root_trial_read (&root, &trial, &error), 0);
    cr_expect (trial.on_trial);
    cr_expect_str_eq (trial.stable, two);
    cr_expect_str_eq (trial.back, one);
    cr_expect_eq (trial.tokens, 2);
    cr_expect (link_is (ROOT_PREVIOUS, three), "previous does not change before the confirmation");
    cr_expect_eq (root_switch (&root, three, &limits, &error), ROOT_E_ON_TRIAL);
}

Test (root, a_switch_to_an_unstartable_workspace_changes_nothing)
{
    cr_expect_eq (root_switch (&root, "2001-01-01T00:00:00.000000000Z", &root_limits_default, &error),
                  ROOT_E_DAMAGED);
    cr_expect_eq (root_switch (&root, one, &root_limits_default, &error), -EINVAL);
    cr_expect_eq (root_switch (&root, "../elsewhere", &root_limits_default, &error), -EINVAL);
    cr_expect (link_is (ROOT_STABLE, one));
    cr_expect (no_leftovers ());
}

Test (root, confirming_makes_the_old_version_previous)
{
    cr_assert_eq (root_switch (&root, two, &root_limits_default, &error), 0);
    cr_assert_eq (root_confirm (&root, &error), 0);
    cr_expect (link_is (ROOT_STABLE, two));
    cr_expect (link_is (ROOT_PREVIOUS, one));
    cr_expect (no_leftovers ());
    cr_expect_eq (root_confirm (&root, &error), 0, "confirming without a trial succeeds");
    cr_expect (link_is (ROOT_PREVIOUS, one));
}

Test (root, a_rollback_makes_the_old_version_stable)
{
    cr_assert_eq (root_switch (&root, two, &root_limits_default, &error), 0);
    cr_assert_eq (root_roll_back (&root, &error), 0);
    cr_expect (link_is (ROOT_STABLE, one));
    cr_expect (link_is (ROOT_PREVIOUS, three));
    cr_expect (no_leftovers ());
    cr_expect_eq (root_roll_back (&root, &error), ROOT_E_NONE);
}

Test (root, rollback_and_confirmation_need_no_space)
{
    static const char *const making[] = {"write", "symlinkat", "linkat", "mkdirat"};
    for (size_t i = 0; i < sizeof making / sizeof *making; i++)
        for (int confirm = 0; confirm < 2; confirm++) {
            cr_assert_eq (root_stable_set (&root, one, &error), 0);
            cr_assert_eq (root_switch (&root, two, &root_limits_default, &error), 0);
            struct failing_disk failing;
            struct root full = root;
            full.disk = failing_init (&failing, 1, ENOSPC);
            failing.only = making[i];
            cr_expect_eq (confirm ? root_confirm (&full, &error) : root_roll_back (&full, &error), 0, "%s",
                          error.text);
        }
}

Test (root, an_invalid_back_link_is_not_a_trial)
{
    struct root_trial trial;
    cr_assert_eq (symlink ("nonsense", "root/.back"), 0);
    cr_assert_eq (root_trial_read (&root, &trial, &error), 0);
    cr_expect_not (trial.on_trial);
    cr_assert_eq (root_tidy (&root, NULL, &error), 0, "%s", error.text);
    cr_expect (no_leftovers ());
    cr_assert_eq (symlink ("2001-01-01T00:00:00.000000000Z", "root/.back"), 0);
    cr_assert_eq (unlink ("root/previous"), 0);
    cr_expect_eq (root_roll_back (&root, &error), ROOT_E_DAMAGED, "stable does not change");
    cr_expect (link_is (ROOT_STABLE, one));
}

Test (root, tokens_are_taken_until_none_is_left)
{
    struct root_limits limits = {.starts = 3, .ready_ms = 11, .confirm_ms = 22, .pause_ms = 33}, taken;
    unsigned left;
    cr_assert_eq (root_switch (&root, two, &limits, &error), 0);
    for (unsigned i = 3; i > 0; i--) {
        cr_assert_eq (root_token_take (&root, &taken, &left, &error), 0);
        cr_expect_eq (left, i - 1);
        cr_expect (taken.starts == 3 && taken.ready_ms == 11 && taken.confirm_ms == 22 &&
                   taken.pause_ms == 33);
    }
    cr_expect_eq (root_token_take (&root, &taken, &left, &error), ROOT_E_NONE);
    cr_assert_eq (root_token_return (&root, &limits, 9, &error), 0);
    cr_expect_eq (root_token_take (&root, &taken, &left, &error), 0);
    cr_expect_eq (left, 0);
}

Test (root, returned_tokens_do_not_exceed_the_limit)
{
    struct root_trial trial;
    cr_assert_eq (root_switch (&root, two, &root_limits_default, &error), 0);
    cr_assert_eq (root_token_return (&root, &root_limits_default, 9, &error), 0);
    cr_assert_eq (root_trial_read (&root, &trial, &error), 0);
    cr_expect_eq (trial.tokens, 3);
    cr_assert_eq (unlink ("root/.try.3"), 0);
    cr_assert_eq (root_token_return (&root, &root_limits_default, 2, &error), 0);
    cr_expect_eq (root_tokens_count (&root), 2, "at most as many as the caller allows");
}

static bool limits_are_default (const struct root_limits *limits)
{
    const struct root_limits *wanted = &root_limits_default;
    return limits->starts == wanted->starts && limits->ready_ms == wanted->ready_ms &&
           limits->confirm_ms == wanted->confirm_ms && limits->pause_ms == wanted->pause_ms;
}

Test (root, a_damaged_token_has_the_default_limits)
{
    struct root_limits limits;
    cr_assert_eq (root_switch (&root, two, &root_limits_default, &error), 0);
    scratch_write_text ("root/.try.3",
                        "ready_ms 99999999999999999999\nconfirm_ms -1\nstarts 0\nnonsense\n\xff");
    cr_assert_eq (root_token_take (&root, &limits, NULL, &error), 0);
    cr_expect (limits_are_default (&limits));
    cr_assert_eq (unlink ("root/.try.2"), 0);
    cr_assert_eq (symlink ("/", "root/.try.2"), 0);
    cr_expect_eq (root_token_take (&root, &limits, NULL, &error), 0);
    cr_expect (limits_are_default (&limits));
}

Test (root, a_token_with_excessive_limits_has_the_default_limits)
{
    struct root_limits limits;
    cr_assert_eq (root_switch (&root, two, &root_limits_default, &error), 0);
    scratch_write_text ("root/.try.3", "ready_ms 604800000\nconfirm_ms 604800000\npause_ms 7200000\n");
    cr_assert_eq (root_token_take (&root, &limits, NULL, &error), 0);
    cr_expect (limits_are_default (&limits));
}

Test (root, a_directory_in_place_of_a_token_counts_as_a_token)
{
    struct root_limits limits;
    unsigned left;
    cr_assert_eq (root_switch (&root, two, &root_limits_default, &error), 0);
    free (scratch_shell ("cd root; rm .try.3 .trial; mkdir -p .try.3/x .trial/x", NULL));
    cr_expect_eq (root_token_take (&root, &limits, &left, &error), 0, "%s", error.text);
    cr_expect_eq (left, 2);
    free (scratch_shell ("mkdir -p root/.try.3/x", NULL));
    cr_expect_eq (root_roll_back (&root, &error), 0, "%s", error.text);
    cr_expect_not (scratch_exists ("root/.trial"));
    cr_expect_eq (root_tokens_count (&root), 0);
}

Test (root, tokens_of_an_earlier_trial_are_not_added_to_the_next)
{
    struct root_trial trial;
    struct root_limits limits = root_limits_default;
    scratch_write_text ("root/.try.7", "");
    limits.starts = 1;
    cr_assert_eq (root_switch (&root, two, &limits, &error), 0);
    cr_assert_eq (root_trial_read (&root, &trial, &error), 0);
    cr_expect_eq (trial.tokens, 1);
}

Test (root, a_revert_exchanges_stable_and_previous)
{
    char name[ROOT_NAME_SIZE] = "";
    cr_assert_eq (root_revert (&root, name, &error), 0, "%s", error.text);
    cr_expect_str_eq (name, three);
    cr_expect (link_is (ROOT_STABLE, three) && link_is (ROOT_PREVIOUS, one));
    cr_assert_eq (root_revert (&root, name, &error), 0, "%s", error.text);
    cr_expect_str_eq (name, one);
    cr_expect (link_is (ROOT_STABLE, one) && link_is (ROOT_PREVIOUS, three));
    cr_expect (no_leftovers ());
    struct root_trial trial;
    cr_assert_eq (root_trial_read (&root, &trial, &error), 0);
    cr_expect_not (trial.on_trial);
}

/*  Starts a second revert just before the links are exchanged. Waits up to 0.5 s for its end, so that it ends
    first if no lock delays it. */
static pid_t other_revert;

static int exchange_during_another_revert (void *context, int directory, const char *a, const char *b)
{
    if (!other_revert && (other_revert = fork ()) == 0) {
        char name[ROOT_NAME_SIZE];
        bool again;
        _exit (root_revert_ordered (&root, name, &again, NULL) || strcmp (name, three) != 0);
    }
    struct pollfd end = {.fd = (int) syscall (SYS_pidfd_open, other_revert, 0), .events = POLLIN};
    cr_assert_geq (end.fd, 0);
    (void) poll (&end, 1, 500);
    (void) close (end.fd);
    return disk_system.ops->exchangeat (context, directory, a, b);
}

Test (root, two_concurrent_reverts_are_one)
{
    struct disk_ops ops = *disk_system.ops;
    ops.exchangeat = exchange_during_another_revert;
    struct disk disk = disk_system;
    disk.ops = &ops;
    struct root beside = root;
    beside.disk = &disk;
    char name[ROOT_NAME_SIZE] = "";
    bool again;
    int status;
    other_revert = 0;
    cr_assert_eq (root_revert_ordered (&beside, name, &again, &error), 0, "%s", error.text);
    cr_assert_eq (waitpid (other_revert, &status, 0), other_revert);
    cr_expect_eq (status, 0, "the other revert also led to %s", three);
    cr_expect_str_eq (name, three);
    cr_expect (link_is (ROOT_STABLE, three) && link_is (ROOT_PREVIOUS, one));
}

Test (root, a_revert_on_trial_rolls_back)
{
    char name[ROOT_NAME_SIZE];
    cr_assert_eq (root_switch (&root, two, &root_limits_default, &error), 0);
    cr_assert_eq (root_revert (&root, name, &error), 0);
    cr_expect_str_eq (name, one);
    cr_expect (link_is (ROOT_STABLE, one) && link_is (ROOT_PREVIOUS, three));
}

Test (root, a_confirmation_removes_the_order_of_a_revert)
{
    char name[ROOT_NAME_SIZE];
    bool again;
    cr_assert_eq (root_switch (&root, two, &root_limits_default, &error), 0);
    cr_assert_eq (symlink (two, "root/" ROOT_REVERT), 0, "a version on trial can order a revert to itself");
    cr_assert_eq (root_confirm (&root, &error), 0);
    cr_assert_eq (root_revert_ordered (&root, name, &again, &error), 0);
    cr_expect_not (again);
    cr_expect (link_is (ROOT_STABLE, one) && link_is (ROOT_PREVIOUS, two));
}

Test (root, a_revert_needs_no_inode_and_no_space)
{
    char name[ROOT_NAME_SIZE];
    static const char *const making[] = {"write", "symlinkat", "mkdirat"};
    for (size_t i = 0; i < sizeof making / sizeof *making; i++) {
        struct failing_disk failing;
        struct root full = root;
        full.disk = failing_init (&failing, 1, ENOSPC);
        failing.only = making[i];
        cr_expect_eq (root_revert (&full, name, &error), 0, "%s", error.text);
    }
    cr_expect (link_is (ROOT_STABLE, three) && link_is (ROOT_PREVIOUS, one), "after three reverts");
    /*  If no hard link can be made, a symbolic link is used instead. */
    struct failing_disk failing;
    struct root full = root;
    full.disk = failing_init (&failing, 1, ENOSPC);
    failing.only = "linkat";
    cr_expect_eq (root_revert (&full, name, &error), 0);
    cr_expect (link_is (ROOT_STABLE, one) && link_is (ROOT_PREVIOUS, three),
               "previous is not lost without hard links");
}

Test (root, a_revert_refuses_a_damaged_version)
{
    char name[ROOT_NAME_SIZE] = "kept", path[128];
    (void) snprintf (path, sizeof path, "root/%s/noded", three);
    scratch_write_text (path, "thre!");
    cr_expect_eq (root_revert (&root, name, &error), ROOT_E_DAMAGED);
    cr_expect_not_null (strstr (error.text, "noded does not match the manifest"), "%s", error.text);
    cr_assert_eq (unlink ("root/previous"), 0);
    cr_expect_eq (root_revert (&root, name, &error), ROOT_E_NONE);
    cr_assert_eq (symlink (one, "root/previous"), 0);
    cr_expect_eq (root_revert (&root, name, &error), ROOT_E_NONE, "previous must not be the same as stable");
    cr_expect_str_eq (name, "kept");
    cr_expect (link_is (ROOT_STABLE, one));
}

Test (root, an_unsynced_revert_is_distinguished_from_a_failed_one)
{
    char name[ROOT_NAME_SIZE] = "";
    bool again;
    for (int exchanges = 0; exchanges < 2; exchanges++)
        for (unsigned n = 1;; n++) {
            struct failing_disk failing;
            struct root on = root;
            cr_assert_eq (root_stable_set (&root, one, &error), 0);
            previous_put (three);
            (void) root_revert_done (&root);
            on.disk = failing_init (&failing, n, EIO);
            failing.only = "fsync";
            failing.exchanges = exchanges;
            int rc = root_revert_ordered (&on, name, &again, &error);
            cr_expect_eq (rc == 0 || rc == ROOT_E_UNSYNCED, link_is (ROOT_STABLE, three), "sync %u: %d: %s",
                          n, rc, error.text);
            cr_expect (rc != ROOT_E_UNSYNCED || strstr (error.text, "points to"), "%s", error.text);
            if (failing.calls < n)
                break;
        }
}

Test (root, setting_stable_ends_a_trial)
{
    struct root_trial trial;
    cr_assert_eq (root_switch (&root, two, &root_limits_default, &error), 0);
    cr_assert_eq (root_stable_set (&root, three, &error), 0);
    cr_assert_eq (root_trial_read (&root, &trial, &error), 0);
    cr_expect_not (trial.on_trial);
    cr_expect_str_eq (trial.stable, three);
    cr_expect (no_leftovers ());
}

Test (root, tidying_removes_only_leftovers_of_a_crash)
{
    free (scratch_shell (
        "cd root; mkdir -p .new.x/files .old.x var/quarantine; touch .new.x/files/f .tmp.a .try.1 .try.9 "
        "var/.tmp.b var/quarantine/.tmp.c var/journal .lock node.zpl; ln -s gone .tmp.stable",
        NULL));
    cr_assert_eq (symlink (one, "root/.back"), 0);
    cr_assert_eq (root_tidy (&root, NULL, &error), 0, "%s", error.text);
    /*  var/verified exists only if the clock ticked before the verification above. */
    char *left =
        scratch_shell ("cd root; ls -A | grep -v -e ^20 -e ^.ok.20; ls -A var | grep -vx verified", NULL);
    cr_expect_str_eq (left, ".lock\napps\nnode.zpl\nprevious\nprobe\nstable\nvar\njournal\nquarantine");
    free (left);
}

Test (root, tidying_does_not_change_a_trial)
{
    struct root_trial trial;
    cr_assert_eq (root_switch (&root, two, &root_limits_default, &error), 0);
    cr_assert_eq (root_tidy (&root, NULL, &error), 0);
    cr_assert_eq (root_trial_read (&root, &trial, &error), 0);
    cr_expect (trial.on_trial);
    cr_expect_eq (trial.tokens, 3);
}

/*  A version may have left a million temporary files, and the launcher waits for this start. */
Test (root, tidying_stops_at_its_deadline_and_continues_at_the_next_call)
{
    struct root_trial trial;
    atomic_bool stop = true;
    const struct disk_until until = {.stop = &stop}, past = {.boot_ms = 1};
    free (scratch_shell ("cd root; mkdir .new.x; seq -f .tmp.%g 1 600 | xargs touch; touch .new.x/f", NULL));
    cr_assert_eq (symlink (one, "root/.back"), 0);
    cr_expect_eq (root_tidy (&root, &until, &error), 0, "%s", error.text);
    cr_expect_eq (root_tidy (&root, &past, &error), 0, "%s", error.text);
    char *left =
        scratch_shell ("cd root; ls -A | grep -c -e ^.tmp -e ^.new; [ ! -h .back ] || echo back", NULL);
    cr_expect_str_eq (left, "601", "a stale .back is removed even without time: %s", left);
    free (left);
    cr_expect_eq (root_tidy (&root, NULL, &error), 0, "%s", error.text);
    cr_expect (no_leftovers ());
    cr_expect_eq (root_trial_read (&root, &trial, &error), 0);
}

Test (root, a_switch_that_fails_names_the_call_and_its_reason)
{
    for (unsigned n = 1;; n++) {
        struct failing_disk failing;
        struct root on = root;
        on.disk = failing_init (&failing, n, EIO);
        error = (struct base_error){.code = 0};
        int r = root_switch (&on, two, &root_limits_default, &error);
        if (failing.calls < n)
            break;
        cr_expect (r == 0 || (error.code == r && strstr (error.text, strerror (EIO))), "call %u: %d: %s", n,
                   r, error.text);
        stable_put (one);
    }
}
