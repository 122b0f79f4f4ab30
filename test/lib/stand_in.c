/*  test/lib/stand_in.c - stands in for the keeper of a managed application, and for processes that are hard to end

        keep LOCK FILE    leads a session of its own, holds LOCK (fcntl), and has a child that made itself a daemon;
                          writes both pids into FILE
        seize LOCK FILE OTHER   the same, and waits for the lock (flock) of OTHER, which it keeps; writes FILE then
        borrow LOCK FILE  the same in the session of whoever started it
        trace PID FILE    traces a process, which then ends unseen by its parent; writes its own pid into FILE
        steal TERMINAL    takes the terminal away from its session, and changes its modes
        flee COUNT FILE   forks and ends, so many times, each time in another session; FILE counts the steps of all that do
        clear FILE PROGRAM [ARG...]   runs a program without any environment, in a session of its own, as a daemon;
                          writes its pid into FILE */

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

static void fail (const char *what)
{
    perror (what);
    exit (1);
}

/*  Complete as soon as it is there. */
static void tell (const char *path, pid_t one, pid_t other)
{
    char hidden[4096];
    (void) snprintf (hidden, sizeof hidden, "%s.new", path);
    FILE *file = fopen (hidden, "w");
    if (!file)
        fail (hidden);
    (void) fprintf (file, other ? "%d %d\n" : "%d\n", (int) one, (int) other);
    if (fclose (file) || rename (hidden, path))
        fail (path);
}

/*  Forks twice: the caller goes on, and knows the daemon's pid. */
static pid_t daemonise (char **command)
{
    int ends[2];
    pid_t pid = 0;
    if (pipe (ends))
        fail ("pipe");
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

static void keep (const char *path, const char *file, int session, const char *other)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    (void) prctl (PR_SET_PDEATHSIG, 0UL);
    if (session && fork ())
        _exit (0); /* who leads a group makes no session */
    if (session && setsid () < 0)
        fail ("setsid");
    (void) prctl (PR_SET_CHILD_SUBREAPER, 1UL);
    int fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || fcntl (fd, F_SETLK, &lock))
        fail (path);
    int held = other ? open (other, O_RDONLY | O_CLOEXEC) : -1;
    if (other && (held < 0 || flock (held, LOCK_EX)))
        fail (other);
    tell (file, getpid (), daemonise (NULL));
    for (;;)
        (void) pause ();
}

static void trace (pid_t pid, const char *file)
{
    if (ptrace (PTRACE_SEIZE, pid, NULL, NULL))
        fail ("ptrace");
    tell (file, getpid (), 0);
    siginfo_t info;
    while (waitid (P_PID, (id_t) pid, &info, WSTOPPED | __WALL) == 0) /* its end is never taken */
        (void) ptrace (PTRACE_CONT, pid, NULL, (void *) (intptr_t) (info.si_status & 0x7f));
    for (;;)
        (void) pause ();
}

static void flee (long count, const char *path)
{
    int fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate (fd, sizeof (atomic_ulong)))
        fail (path);
    atomic_ulong *steps = mmap (NULL, sizeof *steps, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (steps == MAP_FAILED)
        fail (path);
    while (count-- > 0) {
        pid_t pid = fork ();
        if (pid > 0)
            _exit (0);
        if (pid < 0) /* no process is to be had at this moment */
            (void) sched_yield ();
        (void) setsid ();
        (void) atomic_fetch_add (steps, 1);
    }
}

static void steal (const char *path)
{
    struct termios modes;
    int fd = open (path, O_RDWR | O_NOCTTY);
    if (fd < 0 || ioctl (fd, TIOCSCTTY, 1) || tcsetpgrp (fd, getpgrp ()) || tcgetattr (fd, &modes))
        fail (path);
    cfmakeraw (&modes);
    if (tcsetattr (fd, TCSANOW, &modes))
        fail (path);
}

int main (int argc, char **argv)
{
    const char *verb = argc > 2 ? argv[1] : "";
    if (argc == 4 && (strcmp (verb, "keep") == 0 || strcmp (verb, "borrow") == 0))
        keep (argv[2], argv[3], strcmp (verb, "keep") == 0, NULL);
    if (argc == 5 && strcmp (verb, "seize") == 0)
        keep (argv[2], argv[3], 1, argv[4]);
    if (argc == 4 && strcmp (verb, "trace") == 0)
        trace ((pid_t) strtol (argv[2], NULL, 10), argv[3]);
    if (argc == 4 && strcmp (verb, "flee") == 0)
        return flee (strtol (argv[2], NULL, 10), argv[3]), 0;
    if (argc == 3 && strcmp (verb, "steal") == 0)
        return steal (argv[2]), 0;
    if (argc > 3 && strcmp (verb, "clear") == 0)
        return tell (argv[2], daemonise (argv + 3), 0), 0;
    return 2;
}
