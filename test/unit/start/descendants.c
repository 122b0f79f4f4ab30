/*  What forks without end is brought to rest before it is killed. */

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

/*  A family: what it forks ends at once, and makes room for the next. Should the test be wrong, it ends with
    it, and after a number. */
__attribute__ ((noreturn)) static void go_on (atomic_uint *forks, pid_t test)
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

static void reap (void)
{
    while (waitpid (-1, NULL, WNOHANG) > 0)
        continue;
}

Test (descendants, what_forks_without_end_is_stopped)
{
    cr_assert_eq (prctl (PR_SET_CHILD_SUBREAPER, 1UL), 0);
    atomic_uint *forks =
        mmap (NULL, sizeof *forks, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq (forks, MAP_FAILED);
    pid_t test = getpid ();
    for (int i = 0; i < FAMILIES; i++)
        if (fork () == 0)
            go_on (forks, test);
    for (unsigned before = atomic_load (forks); atomic_load (forks) < before + 100;)
        reap ();

    int rounds = 0;
    while (start_descendants_stop () && rounds++ < ROUNDS_MOST)
        reap ();
    cr_expect_lt (rounds, ROUNDS_MOST);
    unsigned stopped = atomic_load (forks);
    (void) poll (NULL, 0, 50); /* none of them has to run for this to hold, all of them to fail */
    cr_expect_eq (atomic_load (forks), stopped);
    cr_expect_geq (start_descendants_count (0), FAMILIES);

    start_descendants_kill ();
    while (waitpid (-1, NULL, 0) > 0)
        continue;
    cr_expect_eq (atomic_load (forks), stopped);
}
