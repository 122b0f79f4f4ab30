/* SPDX-License-Identifier: MPL-2.0 */
/*  test/lib/stand_in.c - plays the keeper of a managed application, and processes that are hard to end

        keep LOCK FILE    leads a session of its own, holds LOCK (fcntl), and starts a daemon as its child;
                          writes both pids into FILE
        seize LOCK FILE OTHER   as keep, but before it writes FILE, it waits for the lock (flock) of OTHER and
                          holds that, too
        borrow LOCK FILE  as keep, but stays in the session of its parent
        trace PID FILE    traces a process, so that its parent does not see its end; writes its own pid into
                          FILE
        steal TERMINAL    takes a terminal away from its session, and sets it to raw mode
        flee COUNT FILE   forks and exits COUNT times, each time into a new session; FILE contains the number
                          of steps of all such processes
        clear FILE PROGRAM [ARG...]   runs a program as a daemon with an empty environment; writes its pid
                          into FILE */

#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static void error_exit (const char *what)
{
    perror (what);
    exit (1);
}

/*  Writes one or two pids (other 0: one) into a file. The file is complete as soon as it exists. */
static void pids_write (const char *path, pid_t one, pid_t other)
{
    char hidden[4096];
    (void) snprintf (hidden, sizeof hidden, "%s.new", path);
    FILE *file = fopen (hidden, "w");
    if (!file)
        error_exit (hidden);
    (void) fprintf (file, other ? "%d %d\n" : "%d\n", (int) one, (int) other);
    if (fclose (file) || rename (hidden, path))
        error_exit (path);
}

/*  Starts a daemon by a double fork. command: NULL-terminated; NULL: the daemon only waits. Returns its pid;
    0 if that fails. */
static pid_t daemon_start (char **command)
{
    int ends[2];
    pid_t pid = 0;
    if (pipe (ends))
        error_exit ("pipe");
    pid_t first = fork ();
    if (first == 0) {
        (void) setsid ();
        pid_t second = fork ();
        if (second)
            _exit (write (ends[1], &second, sizeof second) == sizeof second ? 0 : 1);
        char *const none[] = {NULL};
        if (command)
            (void) execve (command[0], command, none);
        for (;;)
            (void) pause ();
    }
    (void) waitpid (first, NULL, 0);
    return read (ends[0], &pid, sizeof pid) == sizeof pid ? pid : 0;
}

static void lock_keep (const char *path, const char *file, int session, const char *other)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    (void) prctl (PR_SET_PDEATHSIG, 0UL);
    if (session && fork ())
        _exit (0); /* the leader of a process group cannot call setsid */
    if (session && setsid () < 0)
        error_exit ("setsid");
    (void) prctl (PR_SET_CHILD_SUBREAPER, 1UL);
    int fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || fcntl (fd, F_SETLK, &lock))
        error_exit (path);
    int held = other ? open (other, O_RDONLY | O_CLOEXEC) : -1;
    if (other && (held < 0 || flock (held, LOCK_EX)))
        error_exit (other);
    pids_write (file, getpid (), daemon_start (NULL));
    for (;;)
        (void) pause ();
}

static void process_trace (pid_t pid, const char *file)
{
    if (ptrace (PTRACE_SEIZE, pid, NULL, NULL))
        error_exit ("ptrace");
    pids_write (file, getpid (), 0);
    siginfo_t info;
    while (waitid (P_PID, (id_t) pid, &info, WSTOPPED | __WALL) == 0) /* its end is never reaped */
        (void) ptrace (PTRACE_CONT, pid, NULL, (void *) (intptr_t) (info.si_status & 0x7f));
    for (;;)
        (void) pause ();
}

static void session_flee (long count, const char *path)
{
    int fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate (fd, sizeof (atomic_ulong)))
        error_exit (path);
    atomic_ulong *steps = mmap (NULL, sizeof *steps, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (steps == MAP_FAILED)
        error_exit (path);
    while (count-- > 0) {
        pid_t pid = fork ();
        if (pid > 0)
            _exit (0);
        if (pid < 0) /* no process is available now */
            (void) sched_yield ();
        (void) setsid ();
        (void) atomic_fetch_add (steps, 1);
    }
}

static void terminal_steal (const char *path)
{
    struct termios modes;
    int fd = open (path, O_RDWR | O_NOCTTY);
    if (fd < 0 || ioctl (fd, TIOCSCTTY, 1) || tcsetpgrp (fd, getpgrp ()) || tcgetattr (fd, &modes))
        error_exit (path);
    cfmakeraw (&modes);
    if (tcsetattr (fd, TCSANOW, &modes))
        error_exit (path);
}

int main (int argc, char **argv)
{
    const char *verb = argc > 2 ? argv[1] : "";
    if (argc == 4 && (strcmp (verb, "keep") == 0 || strcmp (verb, "borrow") == 0))
        lock_keep (argv[2], argv[3], strcmp (verb, "keep") == 0, NULL);
    if (argc == 5 && strcmp (verb, "seize") == 0)
        lock_keep (argv[2], argv[3], 1, argv[4]);
    if (argc == 4 && strcmp (verb, "trace") == 0)
        process_trace ((pid_t) strtol (argv[2], NULL, 10), argv[3]);
    if (argc == 4 && strcmp (verb, "flee") == 0)
        return session_flee (strtol (argv[2], NULL, 10), argv[3]), 0;
    if (argc == 3 && strcmp (verb, "steal") == 0)
        return terminal_steal (argv[2]), 0;
    if (argc > 3 && strcmp (verb, "clear") == 0)
        return pids_write (argv[2], daemon_start (argv + 3), 0), 0;
    return 2;
}
