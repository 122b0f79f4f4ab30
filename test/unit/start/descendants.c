/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/start/descendants.c - processes that fork without end are stopped before they are killed */

#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "start/descendants.h"
#include "test/lib/load.h"

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

static enum start_claim parent_claim (void *context, const struct start_process *process)
{
    const pid_t *parent = context;
    return process->pid == *parent ? START_OURS : START_LIKE_PARENT;
}

/*  A process that is ours only because of its parent is stopped; then the parent ends, and init becomes its
    parent. */
Test (descendants, a_process_whose_parent_ended_meanwhile_is_still_ours)
{
    int ends[2];
    pid_t child = 0, parent;
    cr_assert_eq (pipe2 (ends, O_CLOEXEC), 0);
    parent = fork ();
    if (parent == 0) {
        child = fork ();
        if (child > 0 && write (ends[1], &child, sizeof child) != sizeof child)
            _exit (1);
        for (;;)
            (void) pause ();
    }
    cr_assert_eq (read (ends[0], &child, sizeof child), (ssize_t) sizeof child);
    int fd = pidfd_open (child, 0);
    cr_assert_geq (fd, 0);
    struct start_known known = {.count = 0};
    const struct start_choice choice = {.claim = parent_claim, .context = &parent, .known = &known};
    while (start_processes_stop (&choice))
        continue;
    cr_assert_eq (kill (parent, SIGKILL), 0);
    cr_assert_eq (waitpid (parent, NULL, 0), parent);
    cr_expect_eq (start_processes_count (&choice, 0, NULL), 1);
    start_processes_kill (&choice);
    struct pollfd ended = {.fd = fd, .events = POLLIN};
    cr_expect_eq (poll (&ended, 1, (int) load_deadline_ms (2000)), 1, "it is stopped for ever");
    (void) kill (child, SIGKILL);
    start_known_deinit (&known);
}
