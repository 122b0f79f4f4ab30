/*  The directory for the sockets of a scratch root is found again by a link, whenever its maker was killed. */

#include "node/scratch.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "test/fault/failing_disk.h"
#include "test/fault/workspaces.h"

enum { LEFT = 1, MADE = 2, CANNOT = 3 };

static struct root root;

static void begin (void)
{
    scratch_begin ();
    root = workspaces_root (&disk_system);
}

static void end (void)
{
    root_deinit (&root);
    scratch_end ();
}

TestSuite (scratch, .init = begin, .fini = end);

static bool is_empty (const char *path)
{
    DIR *directory = opendir (path);
    unsigned count = 0;
    while (directory && readdir (directory))
        count++;
    return directory && closedir (directory) == 0 && count == 2;
}

static int finish (pid_t pid)
{
    int status = -1;
    return waitpid (pid, &status, 0) == pid && WIFEXITED (status) ? WEXITSTATUS (status) : -1;
}

static void make_killed_at (struct node_scratch *scratch, unsigned at)
{
    struct failing_disk failing;
    struct base_error error = {.code = 0};
    scratch->root.disk = failing_init (&failing, at, 0);
    _exit (node_scratch_rendezvous (scratch, &error) == 0 ? 0 : CANNOT);
}

/*  With a /tmp of its own. */
static void sweep_behind_one_killed_at (unsigned at)
{
    struct node_scratch scratch;
    struct base_error error = {.code = 0};
    if (node_scratch_make (&root, &scratch, &error) || unshare (CLONE_NEWNS) ||
        mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount ("none", "/tmp", "tmpfs", 0, NULL))
        _exit (CANNOT);
    pid_t pid = fork ();
    if (pid == 0)
        make_killed_at (&scratch, at);
    int ended = finish (pid);
    node_scratch_sweep (&root);
    _exit (!is_empty ("/tmp") ? LEFT : ended == 0 ? MADE : ended == FAILING_KILLED ? 0 : CANNOT);
}

Test (scratch, the_directory_for_sockets_goes_whenever_its_maker_was_killed)
{
    if (geteuid () != 0)
        return;
    int ended = 0;
    unsigned at = 0;
    while (ended == 0) {
        pid_t pid = fork ();
        at++;
        if (pid == 0)
            sweep_behind_one_killed_at (at);
        ended = finish (pid);
        if (at == 1 && ended == CANNOT) /* no mounts here */
            return;
    }
    cr_expect_eq (ended, MADE, "killed before its call %u on the disk: %d", at, ended);
    cr_expect_gt (at, 2);
}
