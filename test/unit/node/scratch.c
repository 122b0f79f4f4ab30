/*  The directory for a probe's sockets lies outside of its root, and whoever is killed leaves none that is not found
    again. */

#include <criterion/criterion.h>
#include <sched.h>
#include <sys/mount.h>

#include "node/scratch.h"
#include "test/fault/failing_disk.h"
#include "test/fault/scratch.h"

TestSuite (node_scratch, .init = scratch_begin, .fini = scratch_end);

Test (node_scratch, a_directory_for_sockets_is_known_before_it_is_made)
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
            struct node_scratch scratch = {.root = {.disk = failing_init (&failing, n, 0), .fd = here}};
            int rc = node_scratch_rendezvous (&scratch, &error);
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
