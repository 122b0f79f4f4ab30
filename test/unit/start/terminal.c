/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/start/terminal.c - the launcher restores its terminal after a version */

#include <pty.h>
#include <signal.h>
#include <termios.h>

#include "launcher.h"

TestSuite (terminal, .init = launcher_begin, .fini = launcher_end, .timeout = 240);

/*  Runs a version in a new terminal and compares the modes of the terminal before and after. */
static void expect_restored (const char *script, const char *what)
{
    struct termios before, after;
    int master;
    version_make_stable (script);
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
    cr_expect_eq (launcher_finish (pid), 3, "%s", what);
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

Test (terminal, the_modes_of_the_terminal_are_restored)
{
    expect_restored ("cd $(dirname $LOG); stty raw -echo <&1 && : > changed; exit 3",
                     "changed by the version");
    expect_restored ("cd $(dirname $LOG); stty raw -echo <&1 && : > changed; sleep 1000 & exit 3",
                     "changed by the version, which leaves a child");
}

Test (terminal, a_terminal_taken_by_another_session_is_restored)
{
    if (geteuid () != 0)
        cr_skip_test ("only root may take a terminal from its session");
    cr_assert_eq (setenv ("STAND_IN", STAND_IN, 1), 0);
    expect_restored (
        "cd $(dirname $LOG); trap '' HUP TTOU; setsid -w $STAND_IN steal $(readlink /proc/$$/fd/1) && : > changed; exit 3",
        "changed by another session");
}
