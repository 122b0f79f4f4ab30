/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/rehearsal/scratch.c - scratch roots, and the directories for the sockets of their probes

    The directory for sockets lies outside the scratch root. A process that is killed leaves none that a later
    process does not find. */

#include <criterion/criterion.h>
#include <sched.h>
#include <sys/mount.h>

#include "base/text.h"
#include "rehearsal/scratch.h"
#include "test/fault/failing_disk.h"
#include "test/fault/scratch.h"

TestSuite (rehearsal_scratch, .init = scratch_begin, .fini = scratch_end);

Test (rehearsal_scratch, a_directory_for_sockets_is_recorded_before_it_is_made)
{
    int here = open (".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), status = 0;
    unsigned n;
    bool through = false;
    if (unshare (CLONE_NEWNS) || mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
        mount ("none", "/tmp", "tmpfs", 0, NULL))
        cr_skip_test ("this user may not mount");
    cr_assert_eq (fchdir (here), 0);
    for (n = 1; !through; n++) {
        pid_t pid = fork ();
        if (pid == 0) {
            struct failing_disk failing;
            struct base_error error = {0};
            struct rehearsal_scratch scratch = {.root = {.disk = failing_init (&failing, n, 0), .fd = here}};
            int rc = rehearsal_scratch_rendezvous (&scratch, &error);
            _exit (rc == 0 && failing.calls < n ? 0 : 1);
        }
        cr_assert_eq (waitpid (pid, &status, 0), pid);
        through = WIFEXITED (status) && WEXITSTATUS (status) == 0;
        char *lost =
            scratch_shell ("for d in /tmp/noded-*; do [ -d \"$d\" ] || continue;"
                           "[ \"$(readlink .sockets)\" = \"$d\" ] || echo \"$d\"; rm -r \"$d\"; done",
                           NULL);
        cr_expect_str_empty (lost, "killed before call %u: %s", n, lost);
        free (lost);
    }
    cr_expect_gt (n, 3);
    cr_assert_eq (umount ("/tmp"), 0);
    cr_assert_eq (chdir (scratch_path), 0);
}

static bool is_there (const char *path)
{
    struct stat status;
    return lstat (path, &status) == 0;
}

/*  A candidate may leave millions of files: no caller waits until they are removed. */
Test (rehearsal_scratch, the_removal_of_what_is_left_can_be_stopped)
{
    struct root parent = {.fd = -1};
    struct base_error error = {.code = 0};
    struct rehearsal_scratch one = {.root = {.fd = -1}}, other = {.root = {.fd = -1}};
    atomic_bool stop = true;
    const struct disk_until until = {.stop = &stop}, past = {.boot_ms = 1};
    char path[128], sockets[64];
    cr_assert_eq (root_make (&disk_system, "root", &parent, &error), 0, "%s", error.text);
    cr_assert_eq (rehearsal_scratch_make (&parent, &one, &error), 0, "%s", error.text);
    cr_assert_eq (rehearsal_scratch_rendezvous (&one, &error), 0, "%s", error.text);
    (void) snprintf (path, sizeof path, "root/probe/%s", one.name);
    (void) snprintf (sockets, sizeof sockets, "%s", one.sockets);
    char *names = scratch_shell ("cd root/probe/*; seq -f %g 1 100 | xargs touch", NULL);
    free (names);
    rehearsal_scratch_empty (&one, &until);
    cr_expect (is_there (path) && is_there (sockets));
    rehearsal_scratch_leave (&one);
    char **left = rehearsal_scratch_left (&parent);
    cr_assert_eq (base_list_count (left), 1);
    rehearsal_scratch_sweep (&parent, left, &until);
    rehearsal_scratch_sweep (&parent, left, &past);
    cr_expect (is_there (path) && is_there (sockets));
    cr_assert_eq (rehearsal_scratch_make (&parent, &other, &error), 0, "%s", error.text);
    rehearsal_scratch_sweep (&parent, left, NULL);
    cr_expect_not (is_there (path) || is_there (sockets));
    (void) snprintf (path, sizeof path, "root/probe/%s", other.name);
    cr_expect (is_there (path), "a sweep removed a scratch root that was made after its start");
    rehearsal_scratch_empty (&other, NULL);
    cr_expect_not (is_there (path));
    rehearsal_scratch_deinit (&other);
    (void) base_list_free (left);
    root_deinit (&parent);
}
