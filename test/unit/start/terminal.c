/*  A version that is started from a terminal leaves it as it was. */

#include <pty.h>
#include <signal.h>
#include <termios.h>

#include "launcher.h"

TestSuite (terminal, .init = launcher_begin, .fini = launcher_end, .timeout = 240);

/*  Runs stable as the leader of a terminal's session, and compares the modes of the terminal. */
static void expect_restored (const char *script, const char *what)
{
    struct termios before, after;
    int master;
    make_stable (script);
    pid_t pid = forkpty (&master, NULL, NULL, NULL);
    if (pid == 0) {
        (void) prctl (PR_SET_PDEATHSIG, SIGKILL);
        execl ("root/stable/noded.sh", "root/stable/noded.sh", (char *) NULL);
        _exit (99);
    }
    cr_assert_eq (tcgetattr (master, &before), 0);
    char block[512];
    while (read (master, block, sizeof block) > 0)
        continue;
    cr_expect_eq (finish (pid), 3, "%s", what);
    cr_assert_eq (tcgetattr (master, &after), 0);
    cr_expect_eq (before.c_iflag, after.c_iflag, "%s", what);
    cr_expect_eq (before.c_oflag, after.c_oflag, "%s", what);
    cr_expect_eq (before.c_cflag, after.c_cflag, "%s", what);
    cr_expect_eq (before.c_lflag, after.c_lflag, "%s", what);
    cr_expect_eq (memcmp (before.c_cc, after.c_cc, sizeof before.c_cc), 0, "%s", what);
    (void) close (master);
    cr_expect (scratch_exists ("changed"), "%s: the modes were never changed", what);
    cr_assert_eq (unlink ("changed"), 0);
}

Test (terminal, its_modes_are_restored)
{
    expect_restored ("cd $(dirname $LOG); stty raw -echo <&1 && : > changed; exit 3", "by itself");
    expect_restored ("cd $(dirname $LOG); stty raw -echo <&1 && : > changed; sleep 1000 & exit 3",
                     "with a child");
}

Test (terminal, a_terminal_that_was_taken_away_comes_back)
{
    if (geteuid () != 0)
        cr_skip_test ("taking a terminal away takes root");
    cr_assert_eq (setenv ("STAND_IN", STAND_IN, 1), 0);
    expect_restored (
        "cd $(dirname $LOG); trap '' HUP TTOU; setsid -w $STAND_IN steal $(readlink /proc/$$/fd/1) && : > changed; exit 3",
        "by another session");
}
