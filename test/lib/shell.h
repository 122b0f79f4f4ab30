/* SPDX-License-Identifier: MPL-2.0 */
/*  test/lib/shell.h - how the shell scripts that stand for versions wait

    A shell runs a trap only between two commands, and cannot wait for a file: such a script has to sleep in short
    pieces. A script that needs neither stays with `exec sleep 1000`. */

#ifndef TEST_SHELL_H
#define TEST_SHELL_H

/*  Runs until a signal ends it, and carries out its traps. */
#define SHELL_STAYS "while :; do sleep 0.02; done"

/*  Waits until a condition is true: SHELL_UNTIL ("[ -e up ]"). */
#define SHELL_UNTIL(condition) "until " condition "; do sleep 0.02; done"

#endif
