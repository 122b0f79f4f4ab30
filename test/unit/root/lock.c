/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/root/lock.c - one server a root, as another process sees it */

#include "root/lock.h"

#include "fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static int lock = -1, manager = -1, change = -1;

TestSuite (lock, .init = fixture_begin, .fini = fixture_end, .timeout = 60);

/*  Runs in another process that has opened the root itself and holds none of our locks. Returns whether the
    check held. */
static bool elsewhere (bool (*check) (const struct root *on))
{
    int status = 0;
    pid_t pid = fork ();
    if (pid == 0) {
        struct root on;
        (void) close (root.fd);
        (void) close (lock);
        (void) close (manager);
        (void) close (change);
        if (root_open (&disk_system, root.path, &on, NULL))
            _exit (2);
        _exit (check (&on) ? 0 : 1);
    }
    cr_assert_eq (waitpid (pid, &status, 0), pid);
    return WIFEXITED (status) && WEXITSTATUS (status) == 0;
}

static bool is_refused (const struct root *on)
{
    return root_lock_take (on) == -EWOULDBLOCK && root_lock_is_held (on);
}

static bool is_free (const struct root *on)
{
    return !root_lock_is_held (on) && root_lock_take (on) >= 0;
}

static bool holder_is_found (const struct root *on)
{
    pid_t pid = 0;
    return root_lock_holder (on, &pid) == 0 && pid == getppid () && root_lock_signal (on, 0) == 0;
}

static bool nobody_is_found (const struct root *on)
{
    pid_t pid = 0;
    char name[ROOT_NAME_SIZE];
    return root_lock_holder (on, &pid) == -ESRCH && root_lock_signal (on, SIGTERM) == -ESRCH &&
           root_lock_runs (on, &pid, name) == -ESRCH;
}

Test (lock, another_process_is_refused_and_finds_the_holder)
{
    struct stat status;
    cr_expect (elsewhere (is_free) && elsewhere (nobody_is_found));
    lock = root_lock_take (&root);
    cr_assert_geq (lock, 0);
    cr_expect_eq (fstat (lock, &status), 0);
    cr_expect_eq (status.st_mode & 07777, 0600);
    cr_expect (elsewhere (is_refused) && elsewhere (holder_is_found));
    (void) close (lock);
    lock = -1;
    root_deinit (&root);
    cr_assert_eq (root_open (&disk_system, "root", &root, NULL), 0);
    cr_expect (elsewhere (is_free));
}

Test (lock, a_removed_lock_file_lets_nobody_in_and_is_made_again)
{
    lock = root_lock_take (&root);
    cr_assert_geq (lock, 0);
    cr_assert_eq (unlink ("root/.lock"), 0);
    cr_expect (elsewhere (is_refused), "the directory is locked, too");
    cr_assert_eq (unlink ("root/.lock"), 0);
    cr_assert_eq (root_lock_renew (&root, &lock), 0);
    cr_expect (scratch_exists ("root/.lock") && elsewhere (is_refused));
    int same = lock;
    cr_assert_eq (root_lock_renew (&root, &lock), 0);
    cr_expect_eq (lock, same, "nothing to do");
}

Test (lock, the_process_that_holds_the_lock_keeps_it_over_an_execve)
{
    bool kept = true;
    lock = root_lock_keep (&root, &kept);
    cr_assert_geq (lock, 0);
    cr_expect_not (kept);
    root_lock_pass (lock);
    cr_expect_eq (fcntl (lock, F_GETFD) & FD_CLOEXEC, 0);
    struct root again;
    cr_assert_eq (root_open (&disk_system, "root", &again, NULL), 0);
    cr_expect_eq (root_lock_keep (&again, &kept), lock);
    cr_expect (kept);
    cr_expect_neq (fcntl (lock, F_GETFD) & FD_CLOEXEC, 0, "a version must not inherit it");
    root_lock_pass (-1);
    root_lock_withhold (-1);
    root_deinit (&again);
}

static bool manager_is_refused (const struct root *on)
{
    pid_t pid = 0;
    return root_manager_lock_is_held (on) && root_manager_lock_holder (on, &pid) == 0 && pid == getppid () &&
           root_manager_lock_take (on) == -EWOULDBLOCK;
}

Test (lock, two_managers_never_serve_one_root)
{
    pid_t pid;
    cr_expect_eq (root_manager_lock_holder (&root, &pid), -ENOENT);
    cr_expect_not (root_manager_lock_is_held (&root));
    manager = root_manager_lock_take (&root);
    cr_assert_geq (manager, 0);
    cr_expect (elsewhere (manager_is_refused));
}

static bool change_is_refused (const struct root *on)
{
    return root_change_lock (on, 30) == -EWOULDBLOCK;
}

Test (lock, a_change_of_stable_waits_for_another_one_and_no_longer)
{
    change = root_change_lock (&root, 0);
    cr_assert_geq (change, 0);
    cr_expect (elsewhere (change_is_refused));
    (void) close (change);
    change = -1;
    cr_assert_eq (rmdir ("root/apps"), 0);
    cr_expect_eq (root_change_lock (&root, 0), -ENOENT);
}
