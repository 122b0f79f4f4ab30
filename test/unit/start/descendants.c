/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/start/descendants.c - processes that fork without end are stopped before they are killed */

#include <criterion/criterion.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "start/descendants.h"

enum { FAMILIES = 12, ROUNDS_MOST = 200, FORKS_MOST = 50000 };

TestSuite (descendants, .timeout = 120);

/*  Forks in a loop; each child exits at once. Ends with the test process, and after FORKS_MOST forks of all
    families, in case the test fails. */
__attribute__ ((noreturn)) static void family_fork (atomic_uint *forks, pid_t test)
{
    (void) setsid ();
    if (prctl (PR_SET_PDEATHSIG, (unsigned long) SIGKILL) || getppid () != test)
        _exit (1);
    while (atomic_fetch_add (forks, 1) < FORKS_MOST) {
        pid_t pid = fork ();
        if (pid == 0)
            _exit (0);
        (void) waitpid (pid, NULL, 0);
    }
    _exit (0);
}

static void children_reap (void)
{
    while (waitpid (-1, NULL, WNOHANG) > 0)
        continue;
}

Test (descendants, processes_that_fork_without_end_are_stopped)
{
    cr_assert_eq (prctl (PR_SET_CHILD_SUBREAPER, 1UL), 0);
    atomic_uint *forks =
        mmap (NULL, sizeof *forks, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq (forks, MAP_FAILED);
    pid_t test = getpid ();
    for (int i = 0; i < FAMILIES; i++)
        if (fork () == 0)
            family_fork (forks, test);
    for (unsigned before = atomic_load (forks); atomic_load (forks) < before + 100;)
        children_reap ();

    int rounds = 0;
    while (start_descendants_stop () && rounds++ < ROUNDS_MOST)
        children_reap ();
    cr_expect_lt (rounds, ROUNDS_MOST);
    unsigned stopped = atomic_load (forks);
    (void) poll (NULL, 0, 50); /* on a slow host this may hide a fault, but it does not cause one */
    cr_expect_eq (atomic_load (forks), stopped);
    cr_expect_geq (start_descendants_count (0), FAMILIES);

    start_descendants_kill ();
    while (waitpid (-1, NULL, 0) > 0)
        continue;
    cr_expect_eq (atomic_load (forks), stopped);
}
